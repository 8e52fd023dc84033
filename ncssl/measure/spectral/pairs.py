"""Numbers of two sets of features: of two views, or of two encoders."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from ncssl.measure.spectral.moments import wide


def alignment_uniformity(z1: Tensor, z2: Tensor) -> tuple[float, float]:
    """Alignment E|z1 - z2|^2 of paired rows and uniformity ln E exp(-2 |z1_i - z1_j|^2), i < j,
    after l2-normalising.

    Wang and Isola 2020 with alpha = t = 2. Uniformity is 0 (worst) for a constant, and takes n^2 /
    2 numbers.
    """
    z1, z2 = (functional.normalize(z, dim=1) for z in _paired(z1, z2))
    uniformity = torch.pdist(z1).square().mul(-2).exp().mean().log()
    return (z1 - z2).square().sum(dim=1).mean().item(), uniformity.item()


class CrossCorrelation(NamedTuple):
    """Mean of the diagonal and mean square off it of the Pearson cross-correlation of views; dead
    channels."""

    diagonal: float
    off_square: float
    dead: int


def cross_correlation(z1: Tensor, z2: Tensor, min_variance: float = 1e-8) -> CrossCorrelation:
    """How alike paired rows are channel by channel, and how redundant: what zbontar2021 drives to 1
    and to 0.

    Channels below `min_variance` (biased) in either view are left out. Unrelated views: 0, and 1 /
    (n - 1) off it.
    """
    z1, z2 = _paired(z1, z2)
    v1, v2 = z1.var(dim=0, correction=0), z2.var(dim=0, correction=0)
    live = (v1 >= min_variance) & (v2 >= min_variance)
    z1, z2 = ((z - z.mean(dim=0))[:, live] * v[live].rsqrt() for z, v in ((z1, v1), (z2, v2)))
    R, d = z1.T @ z2 / len(z1), int(live.sum())
    on = R.diagonal()
    off = (R.square().sum() - on.square().sum()).item() / (d * (d - 1)) if d > 1 else 0.0
    return CrossCorrelation(on.mean().item() if d else 0.0, off, len(live) - d)


def _paired(z1: Tensor, z2: Tensor) -> tuple[Tensor, Tensor]:
    z1, z2 = wide(z1, "z1"), wide(z2, "z2")
    if z1.shape != z2.shape or len(z1) < 2:
        raise ValueError(
            f"z1 and z2 must share a shape of at least 2 rows, were {tuple(z1.shape)},"
            f" {tuple(z2.shape)}"
        )
    return z1, z2


def linear_cka(x: Tensor, y: Tensor) -> float:
    """|X^T Y|_F^2 / (|X^T X|_F |Y^T Y|_F) of centred x (n, dx) and y (n, dy): 1 up to rotation and
    scale, else below.

    Kornblith et al. 2019. Biased upwards: about d / n for unrelated isotropic features; 0 if either
    is constant.
    """
    x, y = wide(x, "x"), wide(y, "y")
    if len(x) != len(y):
        raise ValueError(f"y must have {len(x)} rows like x, had {len(y)}")
    x, y = x - x.mean(dim=0), y - y.mean(dim=0)
    size = ((x.T @ x).norm() * (y.T @ y).norm()).item()
    return (x.T @ y).square().sum().item() / size if size > 0 else 0.0
