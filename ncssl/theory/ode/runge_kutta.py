"""Runge-Kutta on one block of trajectories, components first: y is (d, n), so that times and step
sizes (n,) broadcast.

Each array written to is made once, because fresh memory for every stage would cost as much as the
arithmetic.
"""

import numpy as np

from ncssl.theory.ode.blocks import Adaptive, Batch, Output, escape, memory, pick
from ncssl.theory.ode.events import Watch

# Dormand and Prince (1980), RK5(4)7M: nodes, stages, and the difference of the fifth- and
# fourth-order weights.
NODES = np.array([0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1])
STAGES = [
    np.array([1 / 5]),
    np.array([3 / 40, 9 / 40]),
    np.array([44 / 45, -56 / 15, 32 / 9]),
    np.array([19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729]),
    np.array([9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656]),
    np.array([35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84]),
]
ERROR = np.array([71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40])
SAFETY, SHRINK, GROW = 0.9, 0.2, 10.0  # of the step size, from one step to the next
# exponents of the last error and the one before it (Hairer and Wanner, PI control)
NOW, BEFORE = -0.17, 0.04


def rk4_step(f, t, y, h, spare=None):
    """One classical step of length h from t (numbers or (n,)), y (d, n); `spare`: three arrays like
    y to write to."""
    stage, total, new = spare or [np.empty_like(y) for _ in range(3)]
    n = y.shape[1]
    k1 = f(np.full(n, t), y)
    np.multiply(k1, h / 2, out=stage)
    stage += y
    k2 = f(np.full(n, t + h / 2), stage)
    np.add(k1, k2, out=total)
    total += k2
    np.multiply(k2, h / 2, out=stage)
    stage += y
    k3 = f(np.full(n, t + h / 2), stage)
    total += k3
    total += k3
    np.multiply(k3, h, out=stage)
    stage += y
    total += f(np.full(n, t + h), stage)
    total *= h / 6
    return np.add(y, total, out=new)


def fixed_steps(
    batch: Batch, y: np.ndarray, output: Output, watch: Watch | None, substeps: int, limit: float
) -> None:
    """Classical RK4 with `substeps` equal steps between the requested times."""
    times = output.times
    stage, total, new = (np.empty_like(y) for _ in range(3))
    for n in range(len(times) - 1):
        h = (times[n + 1] - times[n]) / substeps
        for i in range(substeps):
            t = times[n] + i * h
            new = rk4_step(batch.slope, t, y, h, (stage, total, new))
            if watch:
                watch.step(batch, *np.full((2, y.shape[1]), [[t], [h]]), y, new, np.True_, rk4_step)
            y, new = new, y
            if not max(y.max(), -y.min()) <= limit:  # also when NaN
                inside = (np.abs(y) <= limit).all(0)
                output.end(batch.index[~inside], t + h, escape(limit))
                batch, y = batch.only(inside), pick(y, inside)
                stage, total, new = (np.empty_like(y) for _ in range(3))
                if watch:
                    watch.keep(inside)
                if not y.size:
                    return
        output.out[n + 1][:, batch.index] = y


def dp_step(f, t, y, h, slopes=None):
    """The fifth-order Dormand-Prince result of a step h (n,) from t (n,), y (d, n).

    slopes (7, d, n), if given, has the slope at the start as its first and is filled in; else it is
    made here.
    """
    if slopes is None:
        slopes = memory(7, *y.shape, apart=y.flags.c_contiguous)
        slopes[0] = f(t, y)
    new = np.empty_like(y)
    for i, weights in enumerate(STAGES, start=1):
        np.einsum("i,i...->...", weights, slopes[:i], out=new)
        new *= h
        new += y
        slopes[i] = f(t + NODES[i] * h, new)
    return new


def _error(y, new, slopes, h, rtol, atol):
    """Size (n,) of a trial's error over the tolerance, root mean square over the components; inf
    where not finite."""
    miss = np.einsum("i,i...->...", ERROR, slopes)
    scale = np.maximum(np.abs(y), np.abs(new))
    scale *= rtol
    scale += atol
    miss /= scale
    err = h * np.sqrt(np.einsum("dn,dn->n", miss, miss) / len(y))
    return np.where(np.isfinite(err), err, np.inf)


def _first_step(y, slope, rtol, atol):
    scale = atol + rtol * np.abs(y)
    size, speed = (np.sqrt(np.mean((a / scale) ** 2, axis=0)) for a in (y, slope))
    return np.where((size > 1e-5) & (speed > 1e-5), 0.001 * size / np.maximum(speed, 1e-300), 1e-6)


def adaptive_steps(
    batch: Batch,
    y: np.ndarray,
    output: Output,
    watch: Watch | None,
    rtol: float,
    atol: float,
    limit: float,
    max_steps: int,
) -> None:
    """Dormand-Prince with PI step control: every trajectory on its own, from one requested time to
    the next."""
    _DormandPrince(batch, y, output, watch, rtol, atol).run(limit, max_steps)


class _DormandPrince(Adaptive):
    """Adds to the state of a block: slopes (7, d, n), of which the first is that at y, and the last
    error (n,)."""

    part = staticmethod(dp_step)

    def __init__(self, batch, y, output, watch, rtol, atol):
        self.slopes = memory(7, *y.shape, apart=y.flags.c_contiguous)
        self.slopes[0] = batch.slope(np.full(y.shape[1], output.times[0]), y)
        super().__init__(batch, y, output, watch, _first_step(y, self.slopes[0], rtol, atol))
        self.before, self.rtol, self.atol = np.zeros(y.shape[1]), rtol, atol

    def attempt(self, step):
        new = dp_step(self.batch.slope, self.t, self.y, step, self.slopes)
        return new, _error(self.y, new, self.slopes, step, self.rtol, self.atol)

    def factor(self, err, good):
        log = np.log(np.minimum(np.maximum(err, 1e-10), 1e10))
        factor = SAFETY * np.exp(NOW * log + BEFORE * self.before * good)
        self.before = np.where(good, np.maximum(log, np.log(1e-4)), self.before)
        return np.minimum(np.maximum(factor, SHRINK), np.where(good, GROW, SAFETY))

    def accept(self, new, good):
        super().accept(new, good)
        np.copyto(self.slopes[0], self.slopes[6], where=good)

    def keep(self, chosen):
        super().keep(chosen)
        self.slopes, self.before = pick(self.slopes, chosen), self.before[chosen]
