"""What a run gave, as one frozen value."""

import math
from dataclasses import dataclass, field
from typing import Any

from ncssl.recipes import Recipe


@dataclass(frozen=True)
class Record:
    """What a run gave: its recipe, final metrics, curves by epoch, and where and with what it
    ran."""

    recipe: Recipe
    key: str
    status: str  # done | failed
    metrics: dict[str, float | None]
    curves: dict[str, list]
    seconds: float
    peak_memory_mb: float
    device: str
    precision: str
    versions: dict[str, str]
    commit: str
    created: str
    data: dict[str, Any] = field(default_factory=dict)  # what was read: name, images, checksum
    reason: str = ""

    @property
    def id(self) -> str:
        return self.recipe.id

    def value(self, name: str) -> float | None:
        """A metric: a final one, or one of a curve; None where it was not measured.

        early_NAME is the first measurement after the start, late_NAME the mean of the last three
        (of what there is of an untrained network), NAME_peak the largest, NAME_fall the last over
        the largest.
        """
        if name in self.metrics:
            return self.metrics[name]
        if name.startswith("early_"):
            values = self.curves.get(name.removeprefix("early_"), [])
            return values[1] if len(values) > 1 else None
        if name.startswith("late_"):
            values = self.curves.get(name.removeprefix("late_"), [])[-3:]
            return None if not values or None in values else sum(values) / len(values)
        curve, _, kind = name.rpartition("_")
        measured = self.variance() if curve == "projection_variance" else self.curves.get(curve, [])
        values = [v for v in measured if v is not None]
        if kind not in ("peak", "fall") or not values:
            return None
        return (
            max(values) if kind == "peak" else values[-1] / max(values) if max(values) > 0 else None
        )

    def variance(self) -> list[float]:
        """Variance of the projections at every measurement: the trace of their second moment, of
        the eigenvalues that are kept, less the part of the mean. Collapse to any constant shows,
        which the spread of outputs of length one does not; empty where a record cannot tell."""
        s, share = (self.curves.get(name, []) for name in ("eigenvalues", "projection_mean_share"))
        whole = (
            len(s) == len(share) and None not in share and not any(None in values for values in s)
        )
        return [sum(values) * (1 - m) for values, m in zip(s, share, strict=True)] if whole else []


def rounded(value: Any, digits: int = 6) -> Any:
    """Floats to `digits` significant digits, non-finite ones to None, through dicts and lists."""
    if isinstance(value, dict):
        return {k: rounded(v, digits) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(v, digits) for v in value]
    if isinstance(value, float):
        return float(f"{value:.{digits}g}") if math.isfinite(value) else None
    return value
