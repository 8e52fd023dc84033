"""Second moments of features, their eigenvalues, and how correlated the channels are."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


def matrix(x: Tensor, name: str = "z") -> None:
    """Raise ValueError for what is not a finite matrix with a row and a column."""
    if x.ndim != 2 or 0 in x.shape:
        raise ValueError(
            f"{name} must be a matrix with at least one row and column, had shape {tuple(x.shape)}"
        )
    broken = x.numel() - int(x.isfinite().sum())
    if broken:
        raise ValueError(f"{name} must be finite, has {broken} values that are NaN or infinite")


def precise(x: Tensor) -> torch.dtype:
    """float64 where the device has it."""
    return torch.float32 if x.device.type == "mps" else torch.float64


def wide(x: Tensor, name: str) -> Tensor:
    """A finite matrix in `precise` numbers, cut off from its graph. Raises ValueError as `matrix`
    does."""
    matrix(x, name)
    return x.detach().to(precise(x))


def square(x: Tensor, name: str) -> Tensor:
    """As `wide`, of a square matrix. Raises ValueError for another shape."""
    if x.ndim != 2 or x.shape[0] != x.shape[1]:
        raise ValueError(f"{name} must be a square matrix, had shape {tuple(x.shape)}")
    return wide(x, name)


def second_moment(z: Tensor) -> Tensor:
    """Uncentred second moment z^T z / n (d, d): the "correlation matrix" F of tian2021,
    section 4."""
    z = wide(z, "z")
    return z.T @ z / len(z)


def covariance(z: Tensor) -> Tensor:
    """Covariance (d, d) about the mean, divided by n (biased)."""
    z = wide(z, "z")
    return second_moment(z - z.mean(dim=0))


def correlation(z: Tensor, min_variance: float = 1e-8) -> Tensor:
    """Pearson correlation of the channels whose variance is at least `min_variance`; the others are
    left out.

    The answer's size tells how many: z.shape[1] less its rows are dead (constant) channels.
    """
    C = covariance(z)
    live = C.diagonal() >= min_variance
    C = C[live][:, live]
    scale = C.diagonal().rsqrt()
    return C * scale * scale[:, None]


def eigenvalues(C: Tensor) -> Tensor:
    """Eigenvalues (d,), largest first, of the symmetric part (C + C^T) / 2 of a square matrix."""
    C = square(C, "C")
    return torch.linalg.eigvalsh((C + C.T) / 2).flip(0)


def moment_eigenvalues(z: Tensor) -> Tensor:
    """Eigenvalues (d,), largest first, of `second_moment` of z (n, d), from the smaller of z^T z
    and z z^T: time and memory of outputs wider than their number do not grow with d^2."""
    z = wide(z, "z")
    n, d = z.shape
    if d <= n:
        return eigenvalues(second_moment(z))
    return torch.cat([eigenvalues(z @ z.T / n), z.new_zeros(d - n)])


def std_normalised(z: Tensor) -> float:
    """Mean over channels of the standard deviation (biased) of z / |z| over the batch. chen2021,
    section 4.1.

    1 / sqrt(d) for isotropic features, 0 when all rows point one way.
    """
    return functional.normalize(wide(z, "z"), dim=1).std(dim=0, correction=0).mean().item()


class Decorrelation(NamedTuple):
    """|R - I|_F^2 and mean |R_ij| (i != j) of the Pearson correlation R of the live channels; how
    many are dead."""

    energy: float
    mean_absolute: float
    dead: int


def decorrelation(z: Tensor, min_variance: float = 1e-8) -> Decorrelation:
    """How correlated the channels are. Independent ones have an expected energy of d (d - 1) / (n -
    1), not 0."""
    R = correlation(z, min_variance)
    off = R - torch.diag(R.diagonal())
    d = len(R)
    mean = off.abs().sum().item() / (d * (d - 1)) if d > 1 else 0.0
    return Decorrelation(off.square().sum().item(), mean, z.shape[1] - d)
