"""Parameters of a flow with their domains, checked before anything is computed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ncssl.errors import UnknownName


@dataclass(frozen=True)
class Param:
    """A parameter: name, default, meaning (with unit) and domain [low, high]; `open_low` excludes
    the lower end."""

    name: str
    default: float
    meaning: str
    low: float = -np.inf
    high: float = np.inf
    open_low: bool = False

    @property
    def domain(self) -> str:
        """The domain in words of mathematics, e.g. "(0, inf)"."""
        left = "(" if self.open_low or np.isinf(self.low) else "["
        right = ")" if np.isinf(self.high) else "]"
        return f"{left}{self.low:g}, {self.high:g}{right}"

    def check(self, value: Any) -> np.ndarray:
        """Return the value as a float array; raise ValueError naming parameter, value and domain
        when outside."""
        try:
            array = np.asarray(value, float)
            right = np.asarray(value).dtype != bool
        except (TypeError, ValueError, OverflowError):
            right = False
        if not right:
            raise ValueError(f"{self.name} must be a number in {self.domain}, was {value!r}")
        above = array > self.low if self.open_low else array >= self.low
        good = np.isfinite(array) & above & (array <= self.high)
        if not good.all():
            raise ValueError(
                f"{self.name} must be in {self.domain}, was {array[~good].ravel()[0]:g}"
            )
        return array


def validate(params: tuple[Param, ...], given: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Fill in defaults and check domains: {name: float array}. Raises UnknownName, or ValueError
    for a bad value."""
    known = {p.name for p in params}
    for name in given:
        if name not in known:
            raise UnknownName("parameter", name, known)
    return {p.name: p.check(given.get(p.name, p.default)) for p in params}
