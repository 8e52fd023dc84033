"""When something first happens along a trajectory: a function of the state changes sign, located
inside the step."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ncssl.errors import UnknownName

# g(t (n,), y (n, d), params) -> (n,), and the direction of the change
Event = tuple[Callable[..., np.ndarray], int]
DIRECTIONS = {1: "rising", -1: "falling", 0: "either way"}


def checked(events: Mapping[str, Event] | None) -> dict[str, Event]:
    """The events as given; raises UnknownName for a direction other than 1, -1 and 0."""
    for name, (_, direction) in (events or {}).items():
        if direction not in DIRECTIONS:
            raise UnknownName(
                f"direction of event {name!r}", str(direction), [str(d) for d in DIRECTIONS]
            )
    return dict(events or {})


class Watch:
    """Looks at every step of a block for events that have not happened yet, and writes their times
    into `found`.

    A pair of changes within one step is not seen, nor is a value that is zero at the start a
    change.
    """

    def __init__(self, events: Mapping[str, Event], found: Mapping[str, np.ndarray]):
        self.events, self.found = events, found
        self.value: dict[str, np.ndarray] = {}

    def start(self, batch: Any, t: np.ndarray, y: np.ndarray) -> None:
        """The values where the trajectories begin: t (n,), y (d, n)."""
        self.value = {name: _value(name, g, batch, t, y) for name, (g, _) in self.events.items()}

    def keep(self, chosen: np.ndarray) -> None:
        """Go on with some of the trajectories, chosen (n,) bool."""
        self.value = {name: value[chosen] for name, value in self.value.items()}

    def step(
        self,
        batch: Any,
        t: np.ndarray,
        h: np.ndarray,
        y: np.ndarray,
        new: np.ndarray,
        stepped: np.ndarray,
        again: Callable,
    ) -> None:
        """Look at a step of length h (n,) from t, y to new (d, n), for the trajectories `stepped`
        (n,) bool.

        again(f, t, y, h) repeats a part of the step: that is how the time is found to the
        integrator's own accuracy.
        """
        for name, (g, direction) in self.events.items():
            now, old = _value(name, g, batch, t + h, new), self.value[name]
            rising, falling = (old < 0) & (now >= 0), (old > 0) & (now <= 0)
            change = rising if direction == 1 else falling if direction == -1 else rising | falling
            hit = np.flatnonzero(stepped & change & np.isnan(self.found[name][batch.index]))
            if len(hit):
                part = batch.only(hit)
                share = self._share(
                    name, part, t[hit], h[hit], np.take(y, hit, axis=1), (old[hit], now[hit]), again
                )
                self.found[name][part.index] = t[hit] + h[hit] * share
            self.value[name] = np.where(stepped, now, old)

    def _share(self, name, batch, t, h, y, ends, again):
        """The share (n,) of the step after which the event happens."""

        def value(share):
            return _value(
                name,
                self.events[name][0],
                batch,
                t + share * h,
                again(batch.slope, t, y, share * h),
            )

        return root(value, *ends)


def _value(name, g, batch, t, y):
    value = np.asarray(batch.ask(g, t, y), float)
    if value.shape not in ((), t.shape):
        raise ValueError(
            f"event {name!r} must be one number a trajectory, of shape {t.shape}, was {value.shape}"
        )
    return np.broadcast_to(value, t.shape)


def root(
    value: Callable[[np.ndarray], np.ndarray],
    left: np.ndarray,
    right: np.ndarray,
    *,
    tol: float = 1e-14,
    steps: int = 100,
) -> np.ndarray:
    """Where value(x (n,)) -> (n,) changes sign between x = 0, with values `left`, and x = 1, with
    values `right`.

    Chandrupatla's method: inverse quadratic interpolation where it is safe, else bisection. All
    trajectories at once.
    """
    a, b, fa, fb = np.ones_like(left), np.zeros_like(left), np.array(right), np.array(left)
    t, done = np.full_like(a, 0.5), fa == 0
    with np.errstate(all="ignore"):
        for _ in range(steps):
            x = np.where(done, a, a + t * (b - a))
            fx = np.where(done, fa, value(x))
            same = np.sign(fx) == np.sign(fa)
            c, fc = np.where(same, a, b), np.where(same, fa, fb)
            b, fb = np.where(same, b, a), np.where(same, fb, fa)
            a, fa = x, fx
            width = np.abs(b - a)
            done = (width <= 2 * tol) | (fa == 0)
            if done.all():
                break
            xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
            safe = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi)
            guess = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (
                fc - fb
            )
            edge = np.minimum(tol / width, 0.5)
            t = np.clip(np.where(safe, guess, 0.5), edge, 1 - edge)
    return np.where(np.abs(fa) < np.abs(fb), a, b)
