"""Runge-Kutta on one block of trajectories, components first: y is (d, n), so that times and step sizes (n,) broadcast.

`integrate` cuts a batch into such blocks. In a block only trajectories that still run are computed; each array written
to is made once, because fresh memory for every stage would cost as much as the arithmetic.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ncssl.theory.events import Watch

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
SAFETY, SHRINK, GROW = 0.9, 0.2, 10.0  # of the step size, from one step to the next
NOW, BEFORE = -0.17, 0.04  # exponents of the last error and the one before it (Hairer and Wanner, PI control)


@dataclass
class Group:
    """The trajectories of a block that still run: `index` (n,) within the block, and the flow with their parameters.

    With `params` None the flow takes the whole block at once, because it may hold arrays of that size.
    """

    rhs: Callable
    params: Mapping[str, np.ndarray] | None
    index: np.ndarray
    whole: np.ndarray  # (d, m), last known state of the whole block; read only where params is None

    def slope(self, t: np.ndarray, y: np.ndarray) -> np.ndarray:
        """dy/dt (d, n) at t (n,), y (d, n)."""
        if self.params is not None:
            return self.rhs(t, y.T, self.params).T
        if len(self.index) == self.whole.shape[1]:
            return self.rhs(t, y.T).T
        times, self.whole[:, self.index] = np.zeros(self.whole.shape[1]), y
        times[self.index] = t
        return self.rhs(times, self.whole.T).T[:, self.index]

    def ask(self, g: Callable, t: np.ndarray, y: np.ndarray) -> np.ndarray:
        """g(t (n,), y (n, d), params), for these trajectories."""
        return g(t, y.T, self.params or {})

    def only(self, chosen: np.ndarray) -> "Group":
        """The same for some of its trajectories, chosen: bool (n,) or indices."""
        params = self.params and {k: v[chosen] if v.ndim else v for k, v in self.params.items()}
        return Group(self.rhs, params, self.index[chosen], self.whole)


@dataclass
class Record:
    """Where a block reports: states out (T, d, m), NaN until written; end_time (m,), and reason (m,), "" = finished."""

    times: np.ndarray
    out: np.ndarray
    end_time: np.ndarray
    reason: np.ndarray

    def end(self, index: np.ndarray, t: np.ndarray | float, why: str) -> None:
        """Trajectories `index` of the block stop at time t for the reason `why`."""
        self.end_time[index], self.reason[index] = t, why


def memory(k: int, d: int, n: int, *, apart: bool) -> np.ndarray:
    """An empty array (k, d, n): components apart in memory (each of them contiguous), or trajectories apart."""
    return np.empty((k, d, n)) if apart else np.empty((k, n, d)).transpose(0, 2, 1)


def pick(a: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Trajectories of a (..., d, n), chosen: bool (n,) or indices, in the same order of memory."""
    index = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
    if a.strides[-1] < a.strides[-2]:
        return a.take(index, axis=-1)
    return a.swapaxes(-1, -2).take(index, axis=-2).swapaxes(-1, -2)


def _escape(limit: float) -> str:
    return f"left the finite range: a component exceeded {limit:g} or is not finite"


def rk4_step(f, t, y, h, spare=None):
    """One classical step of length h from t (numbers or (n,)), y (d, n); `spare`: three arrays like y to write to."""
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


def fixed_steps(group: Group, y: np.ndarray, record: Record, watch: Watch | None, substeps: int, limit: float) -> None:
    """Classical RK4 with `substeps` equal steps between the requested times."""
    times = record.times
    stage, total, new = (np.empty_like(y) for _ in range(3))
    for n in range(len(times) - 1):
        h = (times[n + 1] - times[n]) / substeps
        for i in range(substeps):
            t = times[n] + i * h
            new = rk4_step(group.slope, t, y, h, (stage, total, new))
            if watch:
                watch.step(group, *np.full((2, y.shape[1]), [[t], [h]]), y, new, np.True_, rk4_step)
            y, new = new, y
            if not max(y.max(), -y.min()) <= limit:  # also when NaN
                inside = (np.abs(y) <= limit).all(0)
                record.end(group.index[~inside], t + h, _escape(limit))
                group, y = group.only(inside), pick(y, inside)
                stage, total, new = (np.empty_like(y) for _ in range(3))
                if watch:
                    watch.keep(inside)
                if not y.size:
                    return
        record.out[n + 1][:, group.index] = y


def dp_step(f, t, y, h, slopes=None):
    """The fifth-order Dormand-Prince result of a step h (n,) from t (n,), y (d, n).

    slopes (7, d, n), if given, has the slope at the start as its first and is filled in; else it is made here.
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
    """Size (n,) of a trial's error over the tolerance, root mean square over the components; inf where not finite."""
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


def adaptive_steps(group: Group, y: np.ndarray, record: Record, watch: Watch | None, rtol: float, atol: float,
                   limit: float, max_steps: int) -> None:
    """Dormand-Prince with PI step control: every trajectory on its own, from one requested time to the next."""
    run = _Adaptive(group, y, record, watch, rtol, atol)
    for _ in range(max_steps):
        run.step(limit)
        idle = run.goal == len(record.times)
        if 4 * idle.sum() >= len(idle):
            run.keep(~idle)
            if not len(run.h):
                return
    run.stop(run.goal < len(record.times), "needed more steps than max_steps")


class _Adaptive:
    """The state of a block: t, h (n,), y (d, n), slopes (7, d, n), `goal` (n,) = index of the next requested time.

    goal = len(times) where there is nothing left to do: such a trajectory takes steps of length 0 until `keep`.
    """

    def __init__(self, group, y, record, watch, rtol, atol):
        self.group, self.y, self.record, self.watch, self.rtol, self.atol = group, y, record, watch, rtol, atol
        self.ends = np.append(record.times, -np.inf)
        n = y.shape[1]
        self.t, self.goal, self.before = np.full(n, record.times[0]), np.ones(n, int), np.zeros(n)
        self.slopes = memory(7, *y.shape, apart=y.flags.c_contiguous)
        self.slopes[0] = group.slope(self.t, y)
        self.h = _first_step(y, self.slopes[0], rtol, atol)

    def step(self, limit):
        """One attempt of every trajectory."""
        gap = self.ends[self.goal] - self.t
        last, step = gap <= self.h, np.minimum(np.maximum(gap, 0), self.h)
        new = dp_step(self.group.slope, self.t, self.y, step, self.slopes)
        err = _error(self.y, new, self.slopes, step, self.rtol, self.atol)
        good = (err <= 1) & (self.goal < len(self.record.times))
        self._control(err, step, good, last)
        if self.watch:
            self.watch.step(self.group, self.t, step, self.y, new, good, dp_step)
        self.t = np.where(good, np.where(last, self.ends[self.goal], self.t + step), self.t)
        np.copyto(self.y, new, where=good)
        np.copyto(self.slopes[0], self.slopes[6], where=good)
        inside = (np.abs(self.y) <= limit).all(0)
        self._land(np.flatnonzero(good & last & inside))
        self.stop(good & ~inside, _escape(limit))
        tiny = self.h <= 4 * np.spacing(np.abs(self.t) + 1e-300)
        self.stop(~(err <= 1) & tiny & (self.goal < len(self.record.times)), "step size underflow (blow-up or stiff)")

    def _control(self, err, step, good, last):
        """The next step size; a step cut short to land on a requested time may not make it smaller."""
        log = np.log(np.minimum(np.maximum(err, 1e-10), 1e10))
        factor = SAFETY * np.exp(NOW * log + BEFORE * self.before * good)
        proposal = step * np.minimum(np.maximum(factor, SHRINK), np.where(good, GROW, SAFETY))
        self.h = np.where(good & last, np.maximum(proposal, self.h), proposal)
        self.before = np.where(good, np.maximum(log, np.log(1e-4)), self.before)

    def _land(self, hit):
        if len(hit):
            self.record.out[self.goal[hit], :, self.group.index[hit]] = self.y[:, hit].T
            self.goal[hit] += 1

    def stop(self, which, why):
        """End the trajectories `which` (n,) bool for the reason `why`: nothing is recorded of them from here on."""
        if which.any():
            self.record.end(self.group.index[which], self.t[which], why)
            self.goal[which] = len(self.record.times)

    def keep(self, chosen):
        """Go on with some of the trajectories only."""
        self.group, self.y, self.slopes = self.group.only(chosen), pick(self.y, chosen), pick(self.slopes, chosen)
        self.t, self.h, self.goal, self.before = (a[chosen] for a in (self.t, self.h, self.goal, self.before))
        if self.watch:
            self.watch.keep(chosen)
