"""A block of trajectories and how it is stepped; components first: y is (d, n), so that times and
steps (n,) broadcast.

`integrate` cuts a batch into such blocks. In a block only trajectories that still run are computed.
`Adaptive` is the loop of the methods that choose their steps; what they differ in stands in
runge_kutta and rosenbrock.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ncssl.theory.ode.events import Watch


@dataclass
class Batch:
    """The trajectories of a block that still run: `index` (n,) within the block, and the flow with
    their parameters.

    With `params` None the flow takes the whole block at once, because it may hold arrays of that
    size.
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

    def only(self, chosen: np.ndarray) -> "Batch":
        """The same for some of its trajectories, chosen: bool (n,) or indices."""
        params = self.params and {k: v[chosen] if v.ndim else v for k, v in self.params.items()}
        return Batch(self.rhs, params, self.index[chosen], self.whole)


@dataclass
class Output:
    """Where a block reports: states out (T, d, m), NaN until written; end_time (m,), and reason
    (m,), "" = finished."""

    times: np.ndarray
    out: np.ndarray
    end_time: np.ndarray
    reason: np.ndarray

    def end(self, index: np.ndarray, t: np.ndarray | float, why: str) -> None:
        """Trajectories `index` of the block stop at time t for the reason `why`."""
        self.end_time[index], self.reason[index] = t, why


def memory(k: int, d: int, n: int, *, apart: bool) -> np.ndarray:
    """An empty array (k, d, n): components apart in memory (each of them contiguous), or
    trajectories apart."""
    return np.empty((k, d, n)) if apart else np.empty((k, n, d)).transpose(0, 2, 1)


def pick(a: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Trajectories of a (..., d, n), chosen: bool (n,) or indices, in the same order of memory."""
    index = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
    if a.strides[-1] < a.strides[-2]:
        return a.take(index, axis=-1)
    return a.swapaxes(-1, -2).take(index, axis=-2).swapaxes(-1, -2)


def escape(limit: float) -> str:
    return f"left the finite range: a component exceeded {limit:g} or is not finite"


class Adaptive:
    """Steps of every trajectory on its own, from one requested time to the next: t, h (n,), y (d,
    n), `goal` (n,).

    `goal` is the index of the next requested time, len(times) where there is nothing left to do:
    such a trajectory takes steps of length 0 until it is dropped, which happens when they are a
    share `idle` of the block. A method says attempt(step) -> (new, error), by what factor(error,
    good) a step grows, and part(f, t, y, h), a step of any length.
    """

    idle = 0.25
    part: Callable

    def __init__(
        self, batch: Batch, y: np.ndarray, output: Output, watch: Watch | None, h: np.ndarray
    ):
        self.batch, self.y, self.output, self.watch, self.h = batch, y, output, watch, h
        self.ends = np.append(output.times, -np.inf)
        self.t, self.goal = np.full(y.shape[1], output.times[0]), np.ones(y.shape[1], int)

    def attempt(self, step: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The state (d, n) after `step` (n,), and its error (n,) in units of the tolerance; inf
        where not finite."""
        raise NotImplementedError

    def factor(self, err: np.ndarray, good: np.ndarray) -> np.ndarray:
        """By what the step just tried is multiplied for the next one, (n,)."""
        raise NotImplementedError

    def run(self, limit: float, max_steps: int) -> None:
        """All steps, until every trajectory is at its last time or has ended."""
        for _ in range(max_steps):
            self.step(limit)
            idle = self.goal == len(self.output.times)
            if idle.any() and idle.sum() >= self.idle * len(idle):
                self.keep(~idle)
                if not len(self.h):
                    return
        self.stop(self.goal < len(self.output.times), "needed more steps than max_steps")

    def step(self, limit: float) -> None:
        """One attempt of every trajectory."""
        gap = self.ends[self.goal] - self.t
        last, step = gap <= self.h, np.minimum(np.maximum(gap, 0), self.h)
        new, err = self.attempt(step)
        good = (err <= 1) & (self.goal < len(self.output.times))
        # a step cut short to land on a time may not make it smaller
        proposal = step * self.factor(err, good)
        self.h = np.where(good & last, np.maximum(proposal, self.h), proposal)
        if self.watch:
            self.watch.step(self.batch, self.t, step, self.y, new, good, self.part)
        self.t = np.where(good, np.where(last, self.ends[self.goal], self.t + step), self.t)
        self.accept(new, good)
        inside = (np.abs(self.y) <= limit).all(0)
        self._land(np.flatnonzero(good & last & inside))
        self.stop(good & ~inside, escape(limit))
        tiny = self.h <= 4 * np.spacing(np.abs(self.t) + 1e-300)
        self.stop(
            ~(err <= 1) & tiny & (self.goal < len(self.output.times)),
            "step size underflow (blow-up or stiff)",
        )

    def accept(self, new: np.ndarray, good: np.ndarray) -> None:
        """Take the new state of the trajectories `good` (n,) bool."""
        np.copyto(self.y, new, where=good)

    def _land(self, hit):
        if len(hit):
            self.output.out[self.goal[hit], :, self.batch.index[hit]] = self.y[:, hit].T
            self.goal[hit] += 1

    def stop(self, which: np.ndarray, why: str) -> None:
        """End the trajectories `which` (n,) bool for the reason `why`: nothing is recorded of them
        from here on."""
        if which.any():
            self.output.end(self.batch.index[which], self.t[which], why)
            self.goal[which] = len(self.output.times)

    def keep(self, chosen: np.ndarray) -> None:
        """Go on with some of the trajectories only, chosen (n,) bool."""
        self.batch, self.y = self.batch.only(chosen), pick(self.y, chosen)
        self.t, self.h, self.goal = (a[chosen] for a in (self.t, self.h, self.goal))
        if self.watch:
            self.watch.keep(chosen)
