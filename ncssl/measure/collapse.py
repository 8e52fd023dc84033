"""Numbers that tell of collapse, what they are for healthy features of that size, and what is found
by them.

Healthy means isotropic: independent channels of one variance and no mean.
"""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ncssl.measure import spectral

CHUNK = 8192  # rows turned to float64 at a time
PAIRS = 2000  # rows of which all pairs are compared, for uniformity
CHANNELS = 2048  # live channels of which all pairs are compared, for correlation
# a channel is dead if its deviation is below this share of the root mean square of all channels'
DEAD = 1e-3
LIMIT = 0.1  # of the healthy value: a spread or a rank below it has collapsed
EXACT = 1e-3  # deviation over length below which outputs count as one point, whatever their rank
FINDINGS = ("complete", "dimensional", "dead channels", "offset")  # the gravest first


def numbers(z: Tensor) -> dict[str, float]:
    """What `findings` judges embeddings z (n, d) by. Their scale does not matter; linear in n, but
    uniformity compares at most 2,000 rows and correlation 2,048 live channels, evenly spaced.
    Raises ValueError for what is not a finite matrix."""
    n, d = z.shape
    mean, variance, unit_std = moments(z)
    of_mean, of_spread = mean.square().sum().item(), variance.sum().item()
    total = of_mean + of_spread
    live = (variance > DEAD**2 * variance.mean()).nonzero().flatten()
    some = live[:: -(-len(live) // CHANNELS) or 1]
    if d <= n:
        C = covariance(z, mean)
        s, centred, C = (
            spectral.eigenvalues(C + torch.outer(mean, mean)),
            spectral.eigenvalues(C),
            C[some][:, some],
        )
    else:
        s, centred = (
            spectral.moment_eigenvalues(z),
            spectral.moment_eigenvalues(z.to(mean.dtype) - mean),
        )
        C = covariance(z[:, some], mean[some])
    few = z[:: -(-n // PAIRS)]
    return {
        "spread": unit_std * d**0.5,
        "residual": (of_spread / total) ** 0.5 if total > 0 else 0.0,
        "mean_share": of_mean / total if total > 0 else 1.0,
        "rankme": spectral.effective_rank(s.clamp_min(0).sqrt()),
        "centred_rankme": spectral.effective_rank(centred.clamp_min(0).sqrt()),
        "participation": spectral.participation_ratio(centred.clamp_min(0)),
        "top_share": centred[0].item() / of_spread if of_spread > 0 else 1.0,
        "correlation": off_diagonal(C),
        "dead": d - len(live),
        "uniformity": spectral.alignment_uniformity(few, few)[1],
    }


def off_diagonal(C: Tensor) -> float:
    """Mean |correlation| of two channels of covariance C (d, d) with a positive diagonal; 0 for
    fewer than two."""
    scale, d = C.diagonal().rsqrt(), len(C)
    R = C * scale * scale[:, None]
    return (R.abs().sum() - R.diagonal().sum()).item() / (d * (d - 1)) if d > 1 else 0.0


def moments(z: Tensor) -> tuple[Tensor, Tensor, float]:
    """Mean and variance (d,), biased, in float64; mean over channels of the deviation of z /
    |z|."""
    n, d = z.shape
    wide = dict(dtype=torch.float32 if z.device.type == "mps" else torch.float64, device=z.device)
    mean, unit, variance, of_unit = torch.zeros(4, d, **wide)
    for c in z.split(CHUNK):
        mean += c.to(**wide).sum(dim=0) / n
        unit += functional.normalize(c.to(**wide), dim=1).sum(dim=0) / n
    for c in z.split(CHUNK):
        variance += (c.to(**wide) - mean).square().sum(dim=0) / n
        of_unit += (functional.normalize(c.to(**wide), dim=1) - unit).square().sum(dim=0) / n
    return mean, variance, of_unit.sqrt().mean().item()


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


def findings(measured: dict[str, float], n: int, d: int) -> list[str]:
    """Every one of `FINDINGS` that holds for these numbers, the gravest first; ["none"] where none
    does.

    One limit for all, ours: a spread or rank below a tenth of the healthy value, a tenth of the
    channels dead. Where the spread is below it, the collapse is complete, unless what is left about
    the mean has healthy ranks: an offset.
    """
    fine = healthy(n, d) | {
        k: healthy(n, max(1, d - measured["dead"]))[k] for k in ("centred_rankme", "participation")
    }
    low = {
        name: measured[name] < LIMIT * fine[name]
        for name in ("spread", "centred_rankme", "participation")
    }
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
