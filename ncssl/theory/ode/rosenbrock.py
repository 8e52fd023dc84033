"""A stiff method on one block of trajectories: Rodas3 (Sandu et al. 1997), a Rosenbrock method of
order 3, L-stable.

Its embedded error is of order 2. The Jacobian is taken by differences, which costs accuracy only in
the step size. For autonomous flows: a right-hand side that depends on t loses the order.
"""

import numpy as np

from ncssl.theory.ode.blocks import Adaptive, Batch, Output
from ncssl.theory.ode.events import Watch

GAMMA = 0.5
A = ((), (0.0,), (2.0, 0.0), (2.0, 0.0, 1.0))
C = ((), (4.0,), (1.0, -1.0), (1.0, -1.0, -8 / 3))
LAST = (2.0, 0.0, 1.0)  # y_new = last stage's argument + its increment, which is also the error
FIRST = 1e-4  # length of the first step
SAFETY, SHRINK, GROW = 0.9, 0.2, 5.0  # of the step size, from one step to the next


def rosenbrock_steps(
    batch: Batch,
    y: np.ndarray,
    output: Output,
    watch: Watch | None,
    rtol: float,
    atol: float,
    limit: float,
    max_steps: int,
) -> None:
    """Rodas3 with step control: every trajectory on its own, from one requested time to the
    next."""
    _Rosenbrock(batch, y, output, watch, rtol, atol).run(limit, max_steps)


def rodas_step(f, t, y, h):
    """The result (d, n) of a step h (n,) from t (n,), y (d, n)."""
    return _stages(f, t, y, h, _jacobian(f, f, t, y))[0]


def _stages(f, t, y, h, jacobian):
    """A step: the new state and its error, both (d, n); jacobian (n, d, d)."""
    inverse = np.linalg.inv(np.eye(len(y)) / (GAMMA * h[:, None, None]) - jacobian)
    start, ks = y.T, []
    for a, c in zip(A, C, strict=True):
        at = start + sum((w * k for w, k in zip(a, ks, strict=True) if w), np.zeros_like(start))
        right = (
            f(t, at.T).T
            + sum((w * k for w, k in zip(c, ks, strict=True)), np.zeros_like(start)) / h[:, None]
        )
        ks.append((inverse @ right[..., None])[..., 0])
    return (start + sum(w * k for w, k in zip(LAST, ks, strict=False) if w) + ks[-1]).T, ks[-1].T


def _jacobian(f, many, t, y):
    """Forward differences: (n, d, d). many(t, y) is f for d times as many trajectories, (n d,) and
    (d, n d)."""
    (d, n), start = y.shape, y.T
    step = 1e-7 * np.maximum(np.abs(start), 1e-2)
    moved = start + step.T[..., None] * np.eye(d)[:, None]
    there = many(np.tile(t, d), moved.reshape(-1, d).T).T.reshape(d, n, d)
    return np.moveaxis((there - f(t, y).T) / step.T[..., None], 0, -1)


class _Rosenbrock(Adaptive):
    idle = 0.0  # a step of length 0 has no inverse
    part = staticmethod(rodas_step)

    def __init__(self, batch, y, output, watch, rtol, atol):
        super().__init__(batch, y, output, watch, np.full(y.shape[1], FIRST))
        self.rtol, self.atol, self.many = rtol, atol, self._repeated()

    def _repeated(self):
        """The block once for each component, for the Jacobian."""
        return self.batch.only(np.tile(np.arange(self.y.shape[1]), len(self.y)))

    def attempt(self, step):
        f = self.batch.slope
        new, miss = _stages(f, self.t, self.y, step, _jacobian(f, self.many.slope, self.t, self.y))
        scale = self.atol + self.rtol * np.maximum(np.abs(self.y), np.abs(new))
        err = np.sqrt(np.mean((miss / scale) ** 2, axis=0))
        # an implicit step could jump over a pole
        calm = (np.abs(new - self.y) <= 1 + np.abs(self.y)).all(0)
        return new, np.where(calm, err, np.inf)  # not calm where NaN, too

    def factor(self, err, good):
        grown = np.clip(SAFETY * np.maximum(err, 1e-9) ** (-1 / 3), SHRINK, GROW)
        return np.where(np.isfinite(err), grown, SHRINK)

    def keep(self, chosen):
        super().keep(chosen)
        self.many = self._repeated()
