"""A flow with its exact answers: right-hand side, parameters with domains, fixed points,
invariants, closed forms.

States are arrays (..., d); the leading axes are a batch of trajectories. Parameters are numbers or
arrays that broadcast against the batch, so initial conditions and parameter values can be scanned
in one call. No torch.

An integrator calls rhs(t (n,), y (n, d), params) for any n of the trajectories, their parameters
with them. Flows of scalars get y with its components contiguous: `split` and `join` keep it so and
are quick; any other way is right too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ncssl.errors import UnknownName
from ncssl.theory.ode.events import Event
from ncssl.theory.ode.integrate import Trajectory, TrajectoryEnded, dormand_prince, rk4
from ncssl.theory.ode.params import Param, validate

__all__ = [
    "Flow",
    "PhaseGrid",
    "Solution",
    "Trajectory",
    "TrajectoryEnded",
    "bisect",
    "classify",
    "dormand_prince",
    "join",
    "numerical_jacobian",
    "pack",
    "phase_grid",
    "rk4",
    "sizes",
    "split",
    "unpack",
]

State = Mapping[str, tuple[int, ...]]  # component name -> shape, () for a scalar


def sizes(state: State) -> list[int]:
    """Number of components of each part of the state."""
    return [int(np.prod(shape)) for shape in state.values()]


def unpack(y: np.ndarray, state: State) -> list[np.ndarray]:
    """Split y (..., d) into its parts, each (..., *shape)."""
    parts = np.split(y, np.cumsum(sizes(state))[:-1], axis=-1)
    return [
        part.reshape(*y.shape[:-1], *shape)
        for part, shape in zip(parts, state.values(), strict=True)
    ]


def pack(parts: list[np.ndarray], state: State) -> np.ndarray:
    """Inverse of unpack: join parts (..., *shape) into (..., d), broadcasting the batch axes."""
    arrays = [np.asarray(part, float) for part in parts]
    shapes = list(state.values())
    batch = np.broadcast_shapes(
        *(a.shape[: a.ndim - len(s)] for a, s in zip(arrays, shapes, strict=True))
    )
    flat = [
        np.broadcast_to(a, batch + s).reshape(*batch, -1)
        for a, s in zip(arrays, shapes, strict=True)
    ]
    return np.concatenate(flat, axis=-1)


def split(y: np.ndarray) -> tuple[np.ndarray, ...]:
    """The d components of a state y (..., d) of scalars, each (...): views, to read or to write."""
    return tuple(y[..., i] for i in range(y.shape[-1]))


def join(*parts: np.ndarray) -> np.ndarray:
    """Inverse of split: scalars (...) of shapes that broadcast, into (..., d), each component
    contiguous in memory."""
    apart = np.empty((len(parts), *np.broadcast(*parts).shape))
    for i, part in enumerate(parts):
        apart[i] = part
    return apart.transpose(*range(1, apart.ndim), 0)


@dataclass(frozen=True)
class Solution(Trajectory):
    """A Trajectory whose parts have names: solution["p"] is (T, ...), solution["W"] is (T, ..., n2,
    n1)."""

    state: State = field(default_factory=dict)

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.state:
            raise UnknownName("part of the state", name, self.state)
        return unpack(self.y, self.state)[list(self.state).index(name)]


@dataclass(frozen=True)
class Flow:
    """An autonomous or driven flow y' = rhs(t, y, params), its parameters and its exact answers.

    fixed_points(params) -> {name: state (..., d)}; jacobian(y, params) -> (..., d, d); invariants:
    name -> g(t, y, params), constant along trajectories; closed_forms: name -> function, documented
    where it is defined.
    """

    name: str
    source: str
    state: State
    rhs: Callable[[np.ndarray, np.ndarray, Mapping[str, np.ndarray]], np.ndarray]
    params: tuple[Param, ...]
    fixed_points: Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]] | None = None
    jacobian: Callable[[np.ndarray, Mapping[str, np.ndarray]], np.ndarray] | None = None
    invariants: Mapping[str, Callable] = field(default_factory=dict)
    closed_forms: Mapping[str, Callable] = field(default_factory=dict)

    def check(self, **params: Any) -> dict[str, np.ndarray]:
        """Parameters with defaults filled in, as arrays; raises UnknownName or ValueError (name,
        value, domain)."""
        return validate(self.params, params)

    def start(self, **parts: Any) -> np.ndarray:
        """Initial state (..., d) from its named parts, e.g. start(p=0.1, s=grid). Raises
        UnknownName, ValueError."""
        for name in parts:
            if name not in self.state:
                raise UnknownName("part of the state", name, self.state)
        missing = [name for name in self.state if name not in parts]
        if missing:
            raise ValueError(f"{self.name}: no start value for {', '.join(missing)}")
        return pack([parts[name] for name in self.state], self.state)

    def field(self, y: np.ndarray, t: float = 0.0, **params: Any) -> np.ndarray:
        """The right-hand side at y (..., d)."""
        q = self.check(**params)
        return self.rhs(np.asarray(t, float), self._batch(np.asarray(y, float), q), q)

    def _batch(self, y, q):
        """y (..., d) with the leading axes that it and the parameters have together."""
        batch = np.broadcast_shapes(y.shape[:-1], *(v.shape for v in q.values()))
        return y if batch == y.shape[:-1] else np.broadcast_to(y, (*batch, y.shape[-1]))

    def solve(
        self,
        y0: np.ndarray,
        times: np.ndarray,
        *,
        method: str = "adaptive",
        ended: str = "raise",
        options: Mapping[str, Any] | None = None,
        events: Mapping[str, Event] | None = None,
        **params: Any,
    ) -> Solution:
        """Integrate from y0 (..., d) and report at `times` (T,): a Solution with y (T, ..., d).

        method: "adaptive" (Dormand-Prince, options rtol, atol, limit) or "rk4" (options substeps,
        limit). A trajectory that leaves the finite range raises TrajectoryEnded, or with
        ended="keep" is NaN afterwards, with a reason.

        events {name: (g, direction)}: solution.events[name] (...) is when g(t (n,), y (n, d),
        params) -> (n,) first rose (direction 1) or fell (-1) through 0, or either (0); NaN where it
        never did. As in `rhs`, trajectories come in blocks: what differs from one to the next must
        come from params.
        """
        methods = {"adaptive": dormand_prince, "rk4": rk4}
        if method not in methods:
            raise UnknownName("integration method", method, methods)
        if ended not in ("raise", "keep"):
            raise UnknownName("value of `ended`", ended, ("raise", "keep"))
        q = self.check(**params)
        y0 = np.asarray(y0, float)
        if y0.ndim < 1 or y0.shape[-1] != sum(sizes(self.state)):
            raise ValueError(
                f"{self.name}: y0 must have last axis {sum(sizes(self.state))}, was shape"
                f" {y0.shape}"
            )
        apart = not any(self.state.values())  # scalars only: y[..., i] is then contiguous
        path = methods[method](
            self.rhs,
            self._batch(y0, q),
            times,
            params=q,
            events=events,
            apart=apart,
            **(options or {}),
        )
        solution = Solution(path.times, path.y, path.end_time, path.reason, path.events, self.state)
        return solution.require_finished() if ended == "raise" else solution


@dataclass(frozen=True)
class PhaseGrid:
    """A vector field on a grid: x (nx,), y (ny,) and velocities dx, dy (ny, nx), as streamplot
    wants them."""

    x: np.ndarray
    y: np.ndarray
    dx: np.ndarray
    dy: np.ndarray
    names: tuple[str, str]


def phase_grid(
    flow: Flow,
    x: tuple[str, np.ndarray],
    y: tuple[str, np.ndarray],
    *,
    tie: Callable[[np.ndarray, np.ndarray], Mapping[str, Any]] = lambda a, b: {},
    **params: Any,
) -> PhaseGrid:
    """The field of two scalar components on a grid; `tie(x, y)` gives the other components (e.g.
    tau = 1)."""
    gx, gy = np.meshgrid(x[1], y[1])
    velocity = flow.field(flow.start(**{x[0]: gx, y[0]: gy, **tie(gx, gy)}), **params)
    names = list(flow.state)
    return PhaseGrid(
        np.asarray(x[1]),
        np.asarray(y[1]),
        velocity[..., names.index(x[0])],
        velocity[..., names.index(y[0])],
        (x[0], y[0]),
    )


def numerical_jacobian(
    flow: Flow, y: np.ndarray, *, step: float = 1e-5, **params: Any
) -> np.ndarray:
    """Central differences of the right-hand side at y (..., d): (..., d, d), error of order
    step**2."""
    y = np.asarray(y, float)
    columns = [
        flow.field(y + e, **params) - flow.field(y - e, **params)
        for e in step * np.eye(y.shape[-1])
    ]
    return np.stack(columns, axis=-1) / (2 * step)


def classify(eigenvalues: np.ndarray, tol: float = 1e-10) -> str:
    """Stability of a fixed point from the eigenvalues (d,) of its Jacobian; within tol of 0 counts
    as 0.

    One of: stable, unstable, saddle, "stable spiral", "unstable spiral", centre, and "marginal"
    when the linear part does not decide (a zero eigenvalue, nothing unstable). Raises ValueError
    when an eigenvalue is not finite.
    """
    values = np.atleast_1d(np.asarray(eigenvalues, complex))
    if not np.isfinite(values).all():
        raise ValueError(f"eigenvalues must be finite, were {eigenvalues!r}")
    up, down = (values.real > tol).sum(), (values.real < -tol).sum()
    turning = (np.abs(values.imag) > tol).any()
    if up and down:
        return "saddle"
    if up + down < len(values):
        return "unstable" if up else ("centre" if turning and not down else "marginal")
    return ("stable" if down else "unstable") + (" spiral" if turning else "")


def bisect(
    outcome: Callable[[np.ndarray], np.ndarray], low: Any, high: Any, *, steps: int = 40
) -> np.ndarray:
    """Where a yes/no outcome changes, by bisection, vectorised: outcome(x) is False at `low` and
    True at `high`.

    Returns the middle of the last bracket, width (high-low)/2**steps. Raises ValueError if an end
    does not agree.
    """
    low, high = (np.array(a, float) for a in np.broadcast_arrays(low, high))
    if np.any(outcome(low)) or not np.all(outcome(high)):
        raise ValueError(f"outcome must be False at low = {low} and True at high = {high}")
    for _ in range(steps):
        middle = (low + high) / 2
        yes = outcome(middle)
        low, high = np.where(yes, low, middle), np.where(yes, middle, high)
    return (low + high) / 2
