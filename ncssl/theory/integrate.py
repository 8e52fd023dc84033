"""Vectorised integrators: many initial conditions and many parameter values in one call, numpy only.

A state is an array (..., d): the last axis holds the d components, the leading axes the trajectories of the batch.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Rhs = Callable[[np.ndarray, np.ndarray], np.ndarray]  # f(t (...), y (..., d)) -> dy/dt (..., d)

# Dormand and Prince (1980), RK5(4)7M: nodes, stages, and the difference of the fifth- and fourth-order weights.
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


class TrajectoryEnded(ArithmeticError):
    """A trajectory stopped before the last requested time: says which one, when and why."""


@dataclass(frozen=True)
class Path:
    """What an integrator returns: times (T,), y (T, ..., d), and end_time and reason ("" = finished) per trajectory.

    After a trajectory has ended its values are NaN, and only then; `end_time` and `reason` say when and why.
    """

    times: np.ndarray
    y: np.ndarray
    end_time: np.ndarray
    reason: np.ndarray

    def require_finished(self) -> "Path":
        """Return self, or raise TrajectoryEnded naming the first trajectory that ended early."""
        stopped = np.argwhere(self.reason != "")
        if len(stopped):
            i = tuple(int(j) for j in stopped[0])
            raise TrajectoryEnded(f"{len(stopped)} of {self.reason.size} trajectories ended early; "
                                  f"trajectory {i} at t = {self.end_time[i]:.6g}: {self.reason[i]}")
        return self


def rk4(f: Rhs, y0: np.ndarray, times: np.ndarray, *, substeps: int = 1, limit: float = 1e8) -> Path:
    """Classical fixed-step Runge-Kutta of order 4: `substeps` equal steps between two requested times.

    Returns a Path. A trajectory with a component beyond `limit` in size, or not finite, ends there with a reason.
    """
    times, y, out = _start(y0, times)
    state = _Ending(y, times, limit)
    with np.errstate(all="ignore"):
        for n in range(len(times) - 1):
            h = (times[n + 1] - times[n]) / substeps
            for i in range(substeps):
                y = state.keep(_rk4_step(f, times[n] + i * h, y, h), y, times[n] + (i + 1) * h)
            out[n + 1] = state.masked(y)
    return Path(times, out, state.end_time, state.reason)


def _rk4_step(f: Rhs, t: float, y: np.ndarray, h: float) -> np.ndarray:
    at = np.full(y.shape[:-1], t)
    k1 = f(at, y)
    k2 = f(at + h / 2, y + h / 2 * k1)
    k3 = f(at + h / 2, y + h / 2 * k2)
    k4 = f(at + h, y + h * k3)
    return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def dormand_prince(f: Rhs, y0: np.ndarray, times: np.ndarray, *, rtol: float = 1e-10, atol: float = 1e-12,
                   limit: float = 1e8, max_steps: int = 200_000) -> Path:
    """Adaptive Dormand-Prince 5(4): every trajectory has its own step size, and lands exactly on every requested time.

    Returns a Path. A trajectory ends, with a reason, when a component exceeds `limit` or stops being finite, when its
    step size falls below the spacing of the floating-point numbers, or after `max_steps` attempted steps of the batch.
    """
    times, y, out = _start(y0, times)
    state = _Ending(y, times, limit)
    t = np.full(y.shape[:-1], times[0])
    steps = 0
    with np.errstate(all="ignore"):
        slope = f(t, y)
        h = _first_step(y, slope, rtol, atol)
        for n in range(len(times) - 1):
            y, t, slope, h, used = _advance(f, state, y, t, slope, h, times[n + 1], rtol, atol, max_steps - steps)
            steps += used
            out[n + 1] = state.masked(y)
    return Path(times, out, state.end_time, state.reason)


def _advance(f, state, y, t, slope, h, goal, rtol, atol, allowed):
    """Bring every live trajectory to t = goal; those that are there already, or have ended, take steps of length 0."""
    used = 0
    while True:
        active = state.live & (t < goal)
        if not active.any():
            return y, t, slope, h, used
        if used >= allowed:
            state.end(active, t, "needed more steps than max_steps")
            return y, t, slope, h, used
        last = active & (t + h >= goal)
        step = np.where(active, np.where(last, goal - t, h), 0.0)
        new, k, err = _attempt(f, t, y, slope, step, rtol, atol)
        good = active & (err <= 1)
        factor = np.clip(0.9 * np.where(np.isfinite(err), np.maximum(err, 1e-10), 1e10) ** -0.2, 0.2, 5.0)
        proposal = step * np.where(good, factor, np.minimum(factor, 0.9))
        h = np.where(active & ~(good & last & (proposal < h)), proposal, h)
        t = np.where(good, np.where(last, goal, t + step), t)
        y_next = np.where(good[..., None], new, y)
        slope = np.where(good[..., None], k, slope)
        y = state.keep(y_next, y, t)
        tiny = h <= 4 * np.spacing(np.abs(t) + 1e-300)
        state.end(active & ~good & tiny, t, "step size underflow (blow-up or stiff)")
        used += 1


def _attempt(f, t, y, slope, step, rtol, atol):
    """One trial step: the fifth-order result, its slope, and the error measured in units of the tolerance."""
    h = step[..., None]
    ks = [slope]
    new = y
    for node, weights in zip(NODES[1:], STAGES, strict=True):
        new = y + h * sum(w * k for w, k in zip(weights, ks, strict=True) if w)
        ks.append(f(t + node * step, new))
    miss = h * sum(e * k for e, k in zip(ERROR, ks, strict=True) if e)
    scale = atol + rtol * np.maximum(np.abs(y), np.abs(new))
    err = np.sqrt(np.mean((miss / scale) ** 2, axis=-1))
    return new, ks[-1], np.where(np.isfinite(new).all(-1) & np.isfinite(ks[-1]).all(-1), err, np.inf)


def _first_step(y, slope, rtol, atol):
    scale = atol + rtol * np.abs(y)
    size, speed = (np.sqrt(np.mean((a / scale) ** 2, axis=-1)) for a in (y, slope))
    return np.where((size > 1e-5) & (speed > 1e-5), 0.001 * size / np.maximum(speed, 1e-300), 1e-6)


def _start(y0, times):
    times = np.asarray(times, float)
    if times.ndim != 1 or len(times) < 2 or not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise ValueError("times must be finite and strictly increasing, at least two of them")
    y = np.array(y0, float)
    if y.ndim < 1 or not np.isfinite(y).all():
        raise ValueError(f"y0 must be a finite array (..., d), was {y0!r}")
    out = np.full((len(times), *y.shape), np.nan)
    out[0] = y
    return times, y, out


class _Ending:
    """Which trajectories still run; freezes those that leave the finite range at their last good state."""

    def __init__(self, y, times, limit):
        self.live = np.ones(y.shape[:-1], bool)
        self.end_time = np.full(y.shape[:-1], times[-1])
        self.reason = np.full(y.shape[:-1], "", dtype=object)
        self.limit = limit

    def keep(self, new, old, t):
        inside = (np.abs(new) <= self.limit).all(-1)  # False for NaN as well
        self.end(self.live & ~inside, t, f"left the finite range: a component exceeded {self.limit:g} or is not finite")
        return np.where(self.live[..., None], new, old)

    def end(self, which, t, why):
        if not np.any(which):
            return
        which = which & self.live
        self.end_time = np.where(which, t, self.end_time)
        self.reason = np.where(which, why, self.reason)
        self.live = self.live & ~which

    def masked(self, y):
        return np.where(self.live[..., None], y, np.nan)
