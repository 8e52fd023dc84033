"""Intervals over seeds: of a mean, of a difference of means, of a share. Every interval has level 95 % unless told."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from ncssl.errors import UnknownName

LEVEL = 0.95
RESAMPLES = 10_000
ENOUGH = 10  # seeds from which a percentile bootstrap is trusted here


@dataclass(frozen=True)
class Interval:
    """An effect with its interval; n is the number of runs (of the smaller arm); standardised is Cohen's d or None."""

    effect: float
    low: float
    high: float
    n: int
    kind: str
    standardised: float | None = None
    caution: str = ""


def mean_interval(sample: Sequence[float], *, kind: str = "t", level: float = LEVEL, seed: int = 0) -> Interval:
    """Mean of at least 2 numbers with its Student t interval, or a percentile bootstrap's (kind="bootstrap")."""
    x = np.asarray(sample, float)
    _check(x, kind)
    if kind == "bootstrap":
        return _bootstrap(float(x.mean()), _resampled_means(x, np.random.default_rng(seed)), len(x), level)
    half = stats.t.ppf((1 + level) / 2, len(x) - 1) * x.std(ddof=1) / math.sqrt(len(x))
    return Interval(float(x.mean()), float(x.mean() - half), float(x.mean() + half), len(x), "t")


def difference_interval(
    left: Mapping[int, float], right: Mapping[int, float], *, kind: str = "t", level: float = LEVEL, seed: int = 0
) -> Interval:
    """Mean of left minus mean of right, seed -> value each; NaN is a failed run and is left out.

    Paired by seed when both arms were run on the same seeds and at least 2 pairs are whole; else Welch's t (or arms
    resampled apart). Few seeds: t is the default, since a percentile bootstrap over 3 values is too narrow.
    """
    a, b = (np.array([v for _, v in sorted(arm.items()) if not math.isnan(v)], float) for arm in (left, right))
    _check(a, kind)
    _check(b, kind)
    standardised = _cohen_d(a, b)
    pairs = _pairs(left, right)
    if left.keys() == right.keys() and len(pairs) >= 2:
        found = mean_interval([x - y for x, y in pairs], kind=kind, level=level, seed=seed)
        return replace(found, kind=f"paired {kind}", standardised=standardised)
    effect = float(a.mean() - b.mean())
    if kind == "bootstrap":
        rng = np.random.default_rng(seed)
        means = _resampled_means(a, rng) - _resampled_means(b, rng)
        return replace(_bootstrap(effect, means, min(len(a), len(b)), level), standardised=standardised)
    half = _welch_half_width(a, b, level)
    return Interval(effect, effect - half, effect + half, min(len(a), len(b)), "Welch t", standardised)


def rate_interval(
    left: Mapping[int, float], right: Mapping[int, float], margin: float, *, level: float = LEVEL
) -> Interval | None:
    """Share of seeds in both arms with left > right + margin, Clopper and Pearson's interval; None below 2 seeds."""
    pairs = _pairs(left, right)
    if len(pairs) < 2:
        return None
    hits = sum(x > y + margin for x, y in pairs)
    ends = stats.binomtest(hits, len(pairs)).proportion_ci(level, "exact")
    return Interval(hits / len(pairs), float(ends.low), float(ends.high), len(pairs), "exact binomial")


def _pairs(left: Mapping[int, float], right: Mapping[int, float]) -> list[tuple[float, float]]:
    """Values of the seeds that are whole in both arms, in the order of the seeds."""
    pairs = [(left[seed], right[seed]) for seed in sorted(left.keys() & right.keys())]
    return [(x, y) for x, y in pairs if not (math.isnan(x) or math.isnan(y))]


def _check(x: np.ndarray, kind: str) -> None:
    if kind not in ("t", "bootstrap"):
        raise UnknownName("interval", kind, ("t", "bootstrap"))
    if len(x) < 2 or not np.isfinite(x).all():
        raise ValueError(f"sample was {x.tolist()}; allowed: at least 2 finite numbers")


def _cohen_d(a: np.ndarray, b: np.ndarray) -> float | None:
    """Difference of means over the pooled standard deviation, uncorrected for small samples; None without spread."""
    pooled = ((len(a) - 1) * a.var(ddof=1) + (len(b) - 1) * b.var(ddof=1)) / (len(a) + len(b) - 2)
    return float((a.mean() - b.mean()) / math.sqrt(pooled)) if pooled > 0 else None


def _welch_half_width(a: np.ndarray, b: np.ndarray, level: float) -> float:
    """Half the width of Welch's interval, with Satterthwaite's degrees of freedom; 0 when neither arm has spread."""
    va, vb = float(a.var(ddof=1) / len(a)), float(b.var(ddof=1) / len(b))
    if va + vb == 0:
        return 0.0
    share = va / (va + vb)
    freedom = 1 / (share**2 / (len(a) - 1) + (1 - share) ** 2 / (len(b) - 1))
    return float(stats.t.ppf((1 + level) / 2, freedom) * math.sqrt(va + vb))


def _resampled_means(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return x[rng.integers(len(x), size=(RESAMPLES, len(x)))].mean(1)


def _bootstrap(effect: float, means: np.ndarray, n: int, level: float) -> Interval:
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    caution = f"percentile bootstrap over fewer than {ENOUGH} seeds is too narrow" if n < ENOUGH else ""
    return Interval(effect, float(low), float(high), n, "bootstrap", caution=caution)
