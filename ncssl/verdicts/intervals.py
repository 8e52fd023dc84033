"""Intervals over seeds: of a mean, of a difference of means, of a share. Every interval has level
95 % unless told.

Student's t over seeds says how far another draw of seeds may be. Where `noise` is given, the
standard error that the finite number of test images leaves in an effect (which more seeds do not
shrink, since all are tested on the same images), the half width is sqrt(t_half^2 + (z noise)^2).
"""

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import optimize, special  # scipy.stats takes a second to import

LEVEL = 0.95
# points: the standard deviation of a paired difference of accuracies that a plan reckons with
SPREAD = 0.7
POWER = 0.8
# of `split`: points, standard deviations, and the deviation of a group of one
GAP, TIMES, LONE = 10.0, 5.0, 0.5


@dataclass(frozen=True)
class Interval:
    """An effect with its interval; n is the number of runs (of the smaller arm); standardised is
    Cohen's d or None.

    `error` is the standard error over seeds with its degrees of `freedom`, `noise` that of the test
    images.
    """

    effect: float
    low: float
    high: float
    n: int
    kind: str
    standardised: float | None = None
    error: float = 0.0
    freedom: float = math.inf
    noise: float = 0.0

    def p_value(self, bound: float) -> float | None:
        """Two-sided p of the t test that the effect is `bound`: 1 less the level at which the
        interval ends there.

        None for an interval that is not Student's.
        """
        if not self.kind.endswith("t"):
            return None
        away = abs(self.effect - bound)
        if self.error == self.noise == 0:
            return 0.0 if away else 1.0
        if self.noise == 0:
            return float(2 * special.stdtr(self.freedom, -away / self.error))

        def excess(p: float) -> float:
            return half_width(self.error, self.freedom, self.noise, 1 - p) - away

        return 1e-12 if excess(1e-12) < 0 else float(optimize.brentq(excess, 1e-12, 1.0))


def half_width(error: float, freedom: float, noise: float, level: float) -> float:
    """Half the width of an interval from its standard errors over seeds and over test images."""
    # no spread, no width
    over_seeds = quantile((1 + level) / 2, freedom) * error if error else 0.0
    return math.hypot(over_seeds, quantile((1 + level) / 2) * noise)


@functools.lru_cache(maxsize=4096)
def quantile(p: float, freedom: float = math.inf) -> float:
    """The p-quantile of Student's t, of the normal without `freedom`."""
    return float(special.ndtri(p) if math.isinf(freedom) else special.stdtrit(freedom, p))


def around(
    effect: float,
    error: float,
    freedom: float,
    n: int,
    kind: str,
    *,
    level: float = LEVEL,
    noise: float = 0.0,
) -> Interval:
    """The interval about an effect with these standard errors."""
    half = half_width(error, freedom, noise, level)
    return Interval(
        effect, effect - half, effect + half, n, kind, error=error, freedom=freedom, noise=noise
    )


def mean_interval(sample: Sequence[float], *, level: float = LEVEL, noise: float = 0.0) -> Interval:
    """Mean of at least 2 numbers with its Student t interval."""
    x = _checked(sample)
    error = float(x.std(ddof=1) / math.sqrt(len(x)))
    return around(float(x.mean()), error, len(x) - 1, len(x), "t", level=level, noise=noise)


def difference_interval(
    left: Mapping[int, float],
    right: Mapping[int, float],
    *,
    level: float = LEVEL,
    noise: float = 0.0,
) -> Interval:
    """Mean of left minus mean of right, seed -> value each; NaN is a failed run and is left out.

    Paired by seed when both arms were run on the same seeds and at least 2 pairs are whole; else
    Welch's t.
    """
    a, b = (
        _checked([v for _, v in sorted(arm.items()) if not math.isnan(v)]) for arm in (left, right)
    )
    pairs = _pairs(left, right)
    if left.keys() == right.keys() and len(pairs) >= 2:
        found = mean_interval([x - y for x, y in pairs], level=level, noise=noise)
        return replace(found, kind="paired t", standardised=_cohen_d(a, b))
    error, freedom = _welch(a, b)
    n, effect = min(len(a), len(b)), float(a.mean() - b.mean())
    found = around(effect, error, freedom, n, "Welch t", level=level, noise=noise)
    return replace(found, standardised=_cohen_d(a, b))


def rate_interval(
    left: Mapping[int, float], right: Mapping[int, float], margin: float, *, level: float = LEVEL
) -> Interval | None:
    """Share of seeds in both arms with left > right + margin, Clopper and Pearson's interval; None
    below 2 seeds."""
    pairs = _pairs(left, right)
    return (
        share_interval(sum(x > y + margin for x, y in pairs), len(pairs), level=level)
        if len(pairs) >= 2
        else None
    )


def share_interval(hits: int, n: int, *, level: float = LEVEL) -> Interval:
    """A share of n seeds with Clopper and Pearson's interval."""
    tail = (1 - level) / 2
    low = special.betaincinv(hits, n - hits + 1, tail) if hits else 0.0
    high = special.betaincinv(hits + 1, n - hits, 1 - tail) if hits < n else 1.0
    return Interval(hits / n, float(low), float(high), n, "exact binomial")


def split(sample: Sequence[float]) -> int:
    """How many of these accuracies, in percent, form a lower group of their own; 0 where they do
    not split.

    They split where the largest gap between sorted values is over 10 points and over 5 times the
    larger standard deviation within the two groups, that of a group of one being taken as 0.5
    points.
    """
    x = np.sort(np.asarray(sample, float))
    if len(x) < 2:
        return 0
    at = int(np.argmax(np.diff(x))) + 1
    within = max(group.std(ddof=1) if len(group) > 1 else LONE for group in (x[:at], x[at:]))
    return at if x[at] - x[at - 1] > max(GAP, TIMES * within) else 0


def image_noise(means: Sequence[float], images: int | None, *, ratio: bool = False) -> float:
    """Standard error that `images` test images leave in the sum or difference of mean accuracies,
    percent.

    The variance p (1 - p) / images of each arm, added up: two arms on the same images err alike, so
    that their difference errs by less. `ratio`: of a difference of logarithms. 0 where the number
    of images is not known.
    """
    if not images:
        return 0.0
    shares = [min(max(mean / 100, 0.0), 1.0) for mean in means]
    unit = [1 / p if ratio else 100.0 for p in shares]
    return math.sqrt(sum(u * u * p * (1 - p) / images for p, u in zip(shares, unit, strict=True)))


@functools.cache
def seeds_for_within(margin: float, noise: float = 0.0, most: int = 200) -> int | None:
    """Seeds at which an interval lies within +- margin 80 times in 100; None where `most` are not
    enough.

    For paired differences with mean 0 and a standard deviation of 0.7 points, and the noise of the
    test images.
    """
    return next((n for n in range(2, most + 1) if within_power(margin, n, noise) >= POWER), None)


def within_power(margin: float, n: int, noise: float = 0.0, level: float = LEVEL) -> float:
    """Chance that the interval of n paired differences of true mean 0 lies within +- margin.

    An average over the distribution of the sample's standard deviation, at 200 quantiles.
    """
    quantiles = (np.arange(200) + 0.5) / 200
    error = SPREAD * np.sqrt(2 * special.gammaincinv((n - 1) / 2, quantiles) / (n - 1) / n)
    half = np.hypot(quantile((1 + level) / 2, n - 1) * error, quantile((1 + level) / 2) * noise)
    scale = math.hypot(SPREAD / math.sqrt(n), noise)
    return float(np.mean(np.maximum(0.0, 2 * special.ndtr((margin - half) / scale) - 1)))


def holm(values: Sequence[float], wrong: float = 1 - LEVEL) -> list[bool]:
    """Which of the tests with these p-values stand after Holm's correction, in their order."""
    order = sorted(range(len(values)), key=values.__getitem__)
    stands = [False] * len(values)
    for place, i in enumerate(order):
        if values[i] > wrong / (len(values) - place):
            break
        stands[i] = True
    return stands


def _pairs(left: Mapping[int, float], right: Mapping[int, float]) -> list[tuple[float, float]]:
    """Values of the seeds that are whole in both arms, in the order of the seeds."""
    pairs = [(left[seed], right[seed]) for seed in sorted(left.keys() & right.keys())]
    return [(x, y) for x, y in pairs if not (math.isnan(x) or math.isnan(y))]


def _checked(sample: Sequence[float]) -> np.ndarray:
    x = np.asarray(sample, float)
    if len(x) < 2 or not np.isfinite(x).all():
        raise ValueError(f"sample was {x.tolist()}; allowed: at least 2 finite numbers")
    return x


def _cohen_d(a: np.ndarray, b: np.ndarray) -> float | None:
    """Difference of means over the pooled standard deviation, uncorrected for small samples; None
    without spread."""
    pooled = ((len(a) - 1) * a.var(ddof=1) + (len(b) - 1) * b.var(ddof=1)) / (len(a) + len(b) - 2)
    return float((a.mean() - b.mean()) / math.sqrt(pooled)) if pooled > 0 else None


def _welch(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Standard error of a difference of means with Satterthwaite's degrees of freedom; 0 where
    neither has spread."""
    va, vb = float(a.var(ddof=1) / len(a)), float(b.var(ddof=1) / len(b))
    if va + vb == 0:
        return 0.0, math.inf
    share = va / (va + vb)
    return math.sqrt(va + vb), 1 / (share**2 / (len(a) - 1) + (1 - share) ** 2 / (len(b) - 1))
