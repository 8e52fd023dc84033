"""Whether a value is what is allowed: "x was 0; allowed: an integer >= 1". Truth values are no
numbers."""

import math
from collections.abc import Sequence
from typing import Any, TypeGuard

from ncssl.errors import UnknownName

# in `T | MaybeNone`: None in the cases that who reads it tells apart by something else
MaybeNone = Any


def is_whole(value: Any) -> TypeGuard[int]:
    """Whether this is an integer, truth values being none."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Whether this is an integer or a float, NaN and infinity among them, truth values being
    none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def wrong(name: str, value: Any, allowed: str) -> ValueError:
    """The error of a value that is not allowed."""
    return ValueError(f"{name} was {value!r}; allowed: {allowed}")


def whole(name: str, value: Any, low: int = 1) -> None:
    """Raise ValueError unless value is an integer >= low."""
    if not is_whole(value) or value < low:
        raise wrong(name, value, f"an integer >= {low}")


def whole_or_none(name: str, value: Any, low: int = 1) -> None:
    """Raise ValueError unless value is None or an integer >= low."""
    if value is not None and (not is_whole(value) or value < low):
        raise wrong(name, value, f"none, or an integer >= {low}")


def in_range(name: str, value: Any, low: float, high: float) -> None:
    """Raise ValueError unless value is a number and low <= value <= high."""
    if not is_number(value) or not low <= value <= high:
        raise wrong(name, value, f"a number in [{low}, {high}]")


def finite(name: str, value: Any) -> None:
    """Raise ValueError unless value is a finite number."""
    if not is_number(value) or not math.isfinite(value):
        raise wrong(name, value, "a finite number")


def positive(name: str, value: Any) -> None:
    """Raise ValueError unless value is a finite number > 0."""
    if not is_number(value) or not 0 < value < math.inf:
        raise wrong(name, value, "a number above 0")


def truth(name: str, value: Any) -> None:
    """Raise ValueError unless value is True or False."""
    if not isinstance(value, bool):
        raise wrong(name, value, "true, false")


def one_of(name: str, value: Any, allowed: Sequence[str]) -> None:
    """Raise UnknownName unless value is one of allowed."""
    if value not in allowed:
        raise UnknownName(name, value, allowed)
