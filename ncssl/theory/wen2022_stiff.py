"""A stiff integrator for many trajectories at once: the toy of wen2022 waits a million units of time.

Rodas3 (Sandu et al. 1997), a Rosenbrock method of order 3, L-stable, with an embedded error of order 2; the Jacobian is
taken by differences, which costs accuracy only in the step size. Every trajectory has its own step.
"""

import functools
from collections.abc import Callable

import numpy as np

from ncssl.theory.integrate import Path

GAMMA = 0.5
A = ((), (0.0,), (2.0, 0.0), (2.0, 0.0, 1.0))
C = ((), (4.0,), (1.0, -1.0), (1.0, -1.0, -8 / 3))
LAST = (2.0, 0.0, 1.0)  # y_new = last stage's argument + its increment, which is also the error


def rodas3(f: Callable[[np.ndarray, np.ndarray], np.ndarray], y0: np.ndarray, times: np.ndarray, *,
           rtol: float = 1e-4, atol: float = 1e-7, limit: float = 1e8, max_steps: int = 20_000) -> Path:
    """Integrate the autonomous y' = f(y, who) from y0 (n, d), reporting at times (T,): a Path with y (T, n, d).

    f gets states (..., len(who), d) of the trajectories numbered `who`, whose parameters it looks up. A trajectory
    ends, with a reason, when a component exceeds `limit`, when its step falls below the spacing of floating-point
    numbers, or after max_steps steps. Raises ValueError for a bad start.
    """
    times, y = np.asarray(times, float), np.array(y0, float)
    if times.ndim != 1 or len(times) < 2 or not (np.diff(times) > 0).all() or y.ndim != 2 or not np.isfinite(y).all():
        raise ValueError("needs finite y0 (n, d) and strictly increasing times, at least two of them")
    n = len(y)
    t, h, goal = np.full(n, times[0]), np.full(n, 1e-4), np.ones(n, int)
    out = np.full((len(times), *y.shape), np.nan)
    out[0], reason, end = y, np.full(n, "", dtype=object), np.full(n, times[-1])
    live = np.arange(n)
    with np.errstate(all="ignore"):
        for _ in range(max_steps):
            if not len(live):
                break
            near = t[live] + h[live] >= times[goal[live]]
            step = np.where(near, times[goal[live]] - t[live], h[live])
            new, err = _step(functools.partial(f, who=live), y[live], step, rtol, atol)
            good = err <= 1
            size = np.where(np.isfinite(err), np.clip(0.9 * np.maximum(err, 1e-9) ** (-1 / 3), 0.2, 5.0), 0.2)
            h[live] = np.where(good & near, np.maximum(h[live], step * size), step * size)
            hit = live[good & near]
            y[live[good]], t[live[good]] = new[good], (t[live] + step)[good]
            t[hit] = times[goal[hit]]
            out[goal[hit], hit] = y[hit]
            goal[hit] += 1
            _stop(reason, end, live[(np.abs(y[live]) > limit).any(-1)], t, f"left the finite range: beyond {limit:g}")
            _stop(reason, end, live[~good & (h[live] <= 4 * np.spacing(t[live]))], t, "step size underflow")
            live = live[(goal[live] < len(times)) & (reason[live] == "")]
    _stop(reason, end, live, t, "needed more steps than max_steps")
    return Path(times, out, end, reason)


def _stop(reason, end, which, t, why):
    reason[which], end[which] = why, t[which]


def _step(f, y, h, rtol, atol):
    """One step of each trajectory: the new state, and its error in units of the tolerance."""
    inverse = np.linalg.inv(np.eye(y.shape[-1]) / (GAMMA * h[:, None, None]) - _jacobian(f, y))
    ks = []
    for a, c in zip(A, C, strict=True):
        at = y + sum((w * k for w, k in zip(a, ks, strict=True) if w), np.zeros_like(y))
        right = f(at) + sum((w * k for w, k in zip(c, ks, strict=True)), np.zeros_like(y)) / h[:, None]
        ks.append((inverse @ right[..., None])[..., 0])
    new = y + sum(w * k for w, k in zip(LAST, ks, strict=False) if w) + ks[-1]
    scale = atol + rtol * np.maximum(np.abs(y), np.abs(new))
    err = np.sqrt(np.mean((ks[-1] / scale) ** 2, axis=-1))
    calm = (np.abs(new - y) <= 1 + np.abs(y)).all(-1)  # False for NaN too; an implicit step could jump over a pole
    return new, np.where(calm, err, np.inf)


def _jacobian(f, y):
    """Forward differences: (n, d, d)."""
    step = 1e-7 * np.maximum(np.abs(y), 1e-2)
    moved = y + step.T[..., None] * np.eye(y.shape[-1])[:, None]
    return np.moveaxis((f(moved) - f(y)) / step.T[..., None], 0, -1)
