"""Vectorised integrators: many initial conditions and many parameter values in one call, numpy
only.

A state is an array (..., d): the last axis holds the d components, the leading axes the
trajectories of the batch. Given the parameters, a batch is cut into blocks that stay in the
processor's cache and are spread over threads.
"""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from ncssl.theory.ode.blocks import Batch, Output
from ncssl.theory.ode.events import Event, Watch, checked
from ncssl.theory.ode.rosenbrock import rosenbrock_steps
from ncssl.theory.ode.runge_kutta import adaptive_steps, fixed_steps

# f(t (...), y (..., d)) -> dy/dt (..., d), or f(t, y, params) where params are given
Rhs = Callable[..., np.ndarray]
# numbers in the state of a block: large enough for numpy, small enough for the cache
BLOCK = 100_000


class TrajectoryEnded(ArithmeticError):
    """A trajectory stopped before the last requested time: says which one, when and why."""


@dataclass(frozen=True)
class Trajectory:
    """What an integrator returns: times (T,), y (T, ..., d), and end_time and reason ("" =
    finished) per trajectory.

    After a trajectory has ended its values are NaN, and only then; `end_time` and `reason` say when
    and why. `events` says for each event when it first happened, (...), NaN where it never did.
    """

    times: np.ndarray
    y: np.ndarray
    end_time: np.ndarray
    reason: np.ndarray
    events: Mapping[str, np.ndarray] = field(default_factory=dict)

    def require_finished(self) -> "Trajectory":
        """Return self, or raise TrajectoryEnded naming the first trajectory that ended early."""
        stopped = np.argwhere(self.reason != "")
        if len(stopped):
            i = tuple(int(j) for j in stopped[0])
            raise TrajectoryEnded(
                f"{len(stopped)} of {self.reason.size} trajectories ended early; "
                f"trajectory {i} at t = {self.end_time[i]:.6g}: {self.reason[i]}"
            )
        return self


def rk4(
    f: Rhs,
    y0: np.ndarray,
    times: np.ndarray,
    *,
    substeps: int = 1,
    limit: float = 1e8,
    params: Mapping[str, np.ndarray] | None = None,
    events: Mapping[str, Event] | None = None,
    apart: bool = False,
    threads: int | None = None,
) -> Trajectory:
    """Classical fixed-step Runge-Kutta of order 4: `substeps` equal steps between two requested
    times.

    A trajectory with a component beyond `limit` in size, or not finite, ends there with a reason.
    `params`, `events`, `apart` and `threads` as in `dormand_prince`.
    """
    method = partial(fixed_steps, substeps=substeps, limit=limit)
    return _integrate(method, f, y0, times, params, events, apart, threads)


def dormand_prince(
    f: Rhs,
    y0: np.ndarray,
    times: np.ndarray,
    *,
    rtol: float = 1e-10,
    atol: float = 1e-12,
    limit: float = 1e8,
    max_steps: int = 200_000,
    params: Mapping[str, np.ndarray] | None = None,
    events: Mapping[str, Event] | None = None,
    apart: bool = False,
    threads: int | None = None,
) -> Trajectory:
    """Adaptive Dormand-Prince 5(4): every trajectory has its own step size, and lands exactly on
    every requested time.

    A trajectory ends, with a reason, when a component exceeds `limit` or stops being finite, when
    its step size falls below the spacing of the floating-point numbers, or after `max_steps`
    attempted steps.

    params {name: array that broadcasts against the batch}: then f is f(t (n,), y (n, d), params)
    for any n of the trajectories, blocks of them in `threads` threads (all cores). apart: each
    component contiguous in memory, fast where f takes y[..., i]. events {name: (g, direction)}:
    when g(t, y, params) first rises (1) or falls (-1) through 0, or either (0).
    """
    method = partial(adaptive_steps, rtol=rtol, atol=atol, limit=limit, max_steps=max_steps)
    return _integrate(method, f, y0, times, params, events, apart, threads)


def rodas3(
    f: Rhs,
    y0: np.ndarray,
    times: np.ndarray,
    *,
    rtol: float = 1e-4,
    atol: float = 1e-7,
    limit: float = 1e8,
    max_steps: int = 20_000,
    params: Mapping[str, np.ndarray] | None = None,
    events: Mapping[str, Event] | None = None,
    threads: int | None = None,
) -> Trajectory:
    """Stiff and autonomous flows, adaptive: Rodas3, an L-stable Rosenbrock method of order 3 with
    steps of its own.

    f(t (n,), y (n, d), params) for any n of the trajectories, always with params, {} where there
    are none. The rest as in `dormand_prince`.
    """
    method = partial(rosenbrock_steps, rtol=rtol, atol=atol, limit=limit, max_steps=max_steps)
    return _integrate(method, f, y0, times, params or {}, events, False, threads)


def _integrate(method, f, y0, times, params, events, apart, threads) -> Trajectory:
    """Flatten the batch to (d, n), run its blocks, and give the results the shape of the batch
    again."""
    times, y0, events = _checked_times(times), _checked_start(y0), checked(events)
    *shape, d = y0.shape
    n = int(np.prod(shape))
    if params is None:

        def rhs(t, y):
            return f(t.reshape(shape), y.reshape(*shape, d)).reshape(n, d)

    else:
        rhs = f
        params = {
            k: v if np.ndim(v) == 0 else np.broadcast_to(v, shape).reshape(n)
            for k, v in params.items()
        }
    out = np.full((len(times), d, n) if apart else (len(times), n, d), np.nan)
    states = out if apart else out.swapaxes(1, 2)
    states[0] = y0.reshape(n, d).T
    output = Output(times, states, np.full(n, times[-1]), np.full(n, "", dtype=object))
    found = {name: np.full(n, np.nan) for name in events}
    _spread(
        partial(_block, method, rhs, params, output, events, found),
        n,
        d,
        threads,
        whole=params is None,
    )
    y = np.moveaxis(out.reshape(-1, d, *shape), 1, -1) if apart else out.reshape(-1, *shape, d)
    return Trajectory(
        times,
        y,
        output.end_time.reshape(shape),
        output.reason.reshape(shape),
        {name: when.reshape(shape) for name, when in found.items()},
    )


def _block(method, rhs, params, output, events, found, part: slice) -> None:
    """Integrate the trajectories `part` and write what is found into the arrays of the whole
    batch."""
    here = Output(output.times, output.out[:, :, part], output.end_time[part], output.reason[part])
    y = here.out[0].copy(order="K")
    if params is not None:
        params = {name: value[part] if np.ndim(value) else value for name, value in params.items()}
    batch = Batch(rhs, params, np.arange(y.shape[1]), y.copy(order="K"))
    watch = Watch(events, {name: when[part] for name, when in found.items()}) if events else None
    with np.errstate(all="ignore"):  # here, because it holds for one thread
        if watch:
            watch.start(batch, np.full(y.shape[1], output.times[0]), y)
        method(batch, y, here, watch)


def _spread(
    block: Callable[[slice], None], n: int, d: int, threads: int | None, *, whole: bool
) -> None:
    """Call block(part) for parts of range(n) of equal size, several threads at a time where there
    are several parts."""
    threads = threads or (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    parts = 1 if whole else -(-n * d // BLOCK)
    if parts > 1:
        parts = threads * -(-parts // threads)
    edges = np.linspace(0, n, parts + 1).astype(int)
    slices = [slice(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True) if b > a]
    if threads == 1 or len(slices) < 2:
        for part in slices:
            block(part)
        return
    with ThreadPoolExecutor(min(threads, len(slices))) as pool:
        list(pool.map(block, slices))


def _checked_times(times):
    times = np.asarray(times, float)
    if (
        times.ndim != 1
        or len(times) < 2
        or not np.isfinite(times).all()
        or (np.diff(times) <= 0).any()
    ):
        raise ValueError("times must be finite and strictly increasing, at least two of them")
    return times


def _checked_start(y0):
    y0 = np.asarray(y0, float)
    if y0.ndim < 1 or not np.isfinite(y0).all():
        raise ValueError(f"y0 must be a finite array (..., d), was {y0!r}")
    return y0
