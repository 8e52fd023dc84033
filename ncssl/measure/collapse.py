"""Numbers that tell of collapse, what they are for healthy features of that size, and what is found
by them.

Healthy means isotropic: independent channels of one variance and no mean.
"""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ncssl.errors import UnknownName
from ncssl.measure import spectral

CHUNK = 8192  # rows turned to float64 at a time
PAIRS = 2000  # rows of which all pairs are compared, for uniformity
CHANNELS = 2048  # live channels of which all pairs are compared, for correlation
# a channel is dead if its deviation is below this share of the root mean square of all channels'
DEAD = 1e-3
# of the healthy value: a rank below it has collapsed, and more dead channels than this share have
LIMIT = 0.1
# of the healthy value, of the spread: that of projections `calibration` chose on half of the atlas
SPREAD_LIMITS = {"projections": 0.2, "features": LIMIT}
EXACT = 1e-3  # deviation over length below which outputs count as one point, whatever their rank
ORDINARY = 1e-6  # numbers between this and its inverse are left as they are
FINDINGS = ("complete", "dimensional", "dead channels", "offset")  # the gravest first


def numbers(z: Tensor) -> dict[str, float]:
    """What `findings` judges embeddings z (n, d) by, and two more. Their scale does not matter;
    linear in n, but uniformity compares at most 2,000 rows and correlation 2,048 live channels,
    evenly spaced. Raises ValueError for what is not a finite matrix."""
    n, d = z.shape
    z = sized(z, scale(z))
    mean, variance, spread, s, centred = reduced(z)
    live = alive(variance).nonzero().flatten()
    some = live[:: -(-len(live) // CHANNELS) or 1]
    few = z[:: -(-n // PAIRS)]
    measured = judged(mean, variance, spread, s, centred) | {
        "correlation": off_diagonal(
            centred[some][:, some] if d <= n else covariance(z[:, some], mean[some])
        ),
        "uniformity": spectral.alignment_uniformity(few, few)[1],
    }
    return {name: measured[name] for name in healthy(n, d)}


def scale(z: Tensor) -> float:
    """1, or where the largest number of z is so small or large that squares would vanish or
    overflow, that number. Raises ValueError for what is not a finite matrix."""
    spectral.matrix(z)
    largest = z.abs().max().item()
    return 1.0 if largest == 0 or ORDINARY < largest < 1 / ORDINARY else largest


def sized(z: Tensor, by: float) -> Tensor:
    """z over this number, as it is for 1."""
    return z if by == 1 else z.to(spectral.precise(z)) / by


def reduced(z: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Mean and variance (d,) of z (n, d), its spread, and its second moment and covariance (d, d),
    or where d exceeds n the matrices (n, n) with the same eigenvalues but zeros. All stay on the
    device of z, which is not waited for."""
    n, d = z.shape
    mean, variance, unit_std = moments(z)
    if d <= n:
        C = covariance(z, mean)
        return mean, variance, unit_std * d**0.5, C + torch.outer(mean, mean), C
    wide = z.to(mean.dtype)
    away = wide - mean
    return mean, variance, unit_std * d**0.5, wide @ wide.T / n, away @ away.T / n


def judged(
    mean: Tensor, variance: Tensor, spread: Tensor, s: Tensor, centred: Tensor
) -> dict[str, float]:
    """The numbers that can be had from what `reduced` gives."""
    of_mean, of_spread = mean.square().sum().item(), variance.sum().item()
    total = of_mean + of_spread
    s, centred = (spectral.eigenvalues(C).clamp_min(0) for C in (s, centred))
    return {
        "spread": spread.item(),
        "residual": (of_spread / total) ** 0.5 if total > 0 else 0.0,
        "mean_share": of_mean / total if total > 0 else 1.0,
        "rankme": spectral.effective_rank(s.sqrt()),
        "centred_rankme": spectral.effective_rank(centred.sqrt()),
        "participation": spectral.participation_ratio(centred),
        "top_share": centred[0].item() / of_spread if of_spread > 0 else 1.0,
        "dead": len(variance) - int(alive(variance).sum()),
    }


def alive(variance: Tensor) -> Tensor:
    """Which channels (d,) vary."""
    return variance > DEAD**2 * variance.mean()


def off_diagonal(C: Tensor) -> float:
    """Mean |correlation| of two channels of covariance C (d, d) with a positive diagonal; 0 for
    fewer than two."""
    scale, d = C.diagonal().rsqrt(), len(C)
    R = C * scale * scale[:, None]
    return (R.abs().sum() - R.diagonal().sum()).item() / (d * (d - 1)) if d > 1 else 0.0


def moments(z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and variance (d,), biased, in float64; mean over channels of the deviation of z /
    |z|."""
    n, d = z.shape
    wide: dict[str, Any] = dict(dtype=spectral.precise(z), device=z.device)
    mean, unit, variance, of_unit = torch.zeros(4, d, **wide)
    for c in z.split(CHUNK):
        mean += c.to(**wide).sum(dim=0) / n
        unit += functional.normalize(c.to(**wide), dim=1).sum(dim=0) / n
    for c in z.split(CHUNK):
        variance += (c.to(**wide) - mean).square().sum(dim=0) / n
        of_unit += (functional.normalize(c.to(**wide), dim=1) - unit).square().sum(dim=0) / n
    return mean, variance, of_unit.sqrt().mean()


def covariance(z: Tensor, mean: Tensor) -> Tensor:
    """Covariance (d, d), biased, of z (n, d) about its mean (d,), in the precision of that."""
    C = mean.new_zeros(len(mean), len(mean))
    for c in z.split(CHUNK):
        away = c.to(mean.dtype) - mean
        C += away.T @ away / len(z)
    return C


def healthy(n: int, d: int) -> dict[str, float]:
    """The same numbers of isotropic Gaussian features (n, d): exact means, or limits for large n
    and d.

    the ranks: of the Marchenko-Pastur law; participation: ratio of the expectations of tr(C)^2 and
    tr(C^2); top_share: the edge of that law; uniformity: of the sphere, -4 + ln 0F1(d / 2; 4).
    """
    m = n - 1
    return {
        "spread": (1 - 1 / n) ** 0.5,
        "residual": 1.0,
        "mean_share": 1 / n,
        "rankme": rankme_of_noise(n, d),
        "centred_rankme": rankme_of_noise(m, d),
        "participation": (m * d + 2) / (m + d + 1),
        "top_share": min(1.0, (1 + (d / m) ** 0.5) ** 2 / d),
        "correlation": (
            math.exp(math.lgamma((n - 1) / 2) - math.lgamma(n / 2)) / math.pi**0.5 if d > 1 else 0.0
        ),
        "dead": 0,
        "uniformity": uniformity_of_sphere(d),
    }


def rankme_of_noise(n: int, d: int, points: int = 4001) -> float:
    """RankMe of isotropic Gaussian features by the Marchenko-Pastur law of their eigenvalues x, on
    a grid."""
    k, c = min(n, d), min(n, d) / max(n, d)
    t = (np.arange(points) + 0.5) * np.pi / points
    x = 1 + c - 2 * c**0.5 * np.cos(t)
    weight = np.sin(t) ** 2 / x
    s = np.sqrt(x)
    s, weight = s / np.average(s, weights=weight), weight / weight.sum()
    return float(k * np.exp(-(weight * s * np.log(s)).sum()))


def uniformity_of_sphere(d: int) -> float:
    """ln E exp(-2 |a - b|^2) of independent a, b uniform on the sphere in d dimensions:
    -4 + ln of the sum over k of 4^k / (k! (d/2)_k)."""
    total, term, k = 0.0, 1.0, 0
    while term > 1e-17 * total:
        total, k = total + term, k + 1
        term *= 4 / (k * (d / 2 + k - 1))
    return math.log(total) - 4


def findings(measured: dict[str, float], n: int, d: int, of: str = "projections") -> list[str]:
    """Every one of `FINDINGS` that holds for these numbers of projections or features, the gravest
    first; ["none"] where none does. Raises UnknownName for what is neither.

    A spread below its limit of the healthy one, a rank below `LIMIT` of it, more than that
    share of the channels dead. Where the spread is low, the collapse is complete, unless what is
    left about the mean has healthy ranks: an offset.
    """
    if of not in SPREAD_LIMITS:
        raise UnknownName("kind of embeddings", of, SPREAD_LIMITS)
    fine = healthy(n, d) | {
        k: healthy(n, max(1, d - int(measured["dead"])))[k]
        for k in ("centred_rankme", "participation")
    }
    limits = {"spread": SPREAD_LIMITS[of], "centred_rankme": LIMIT, "participation": LIMIT}
    low = {name: measured[name] < limit * fine[name] for name, limit in limits.items()}
    complete = measured["residual"] < EXACT or (
        low["spread"] and (low["centred_rankme"] or low["participation"])
    )
    holds = {
        "complete": complete,
        "dimensional": low["centred_rankme"] and not complete,
        "dead channels": measured["dead"] > LIMIT * d and not complete,
        "offset": low["spread"] and not complete,
    }
    return [name for name, true in holds.items() if true] or ["none"]
