"""Losses that keep the channels of an embedding apart: Barlow Twins, VICReg, W-MSE, and the
constraint of liu2022."""

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from ncssl.checks import positive
from ncssl.losses.checks import at_least, exact, matrices
from ncssl.losses.pairs import normalised_mse, standardise


def off_diagonal_energy(M: Tensor) -> Tensor:
    """Sum of the squares of the off-diagonal entries of M (d, d)."""
    return M.square().sum() - M.diagonal().square().sum()


@exact
def barlow(z1: Tensor, z2: Tensor, *, weight: float = 5e-3, eps: float = 1e-5) -> Tensor:
    """sum_i (1 - C_ii)^2 + weight sum_{i != j} C_ij^2, C the cross-correlation of two views (n, d).

    Source: zbontar2021, eq. 1-2, weight 5e-3; standardised as by a batch norm (biased variance, eps
    inside the root).
    """
    z1, z2 = matrices(z1=z1, z2=z2)
    at_least("z1", z1, 2, "for a standard deviation")
    C = standardise(z1, eps).T @ standardise(z2, eps) / len(z1)
    return (1 - C.diagonal()).square().sum() + weight * off_diagonal_energy(C)


@exact
def vicreg(
    z1: Tensor,
    z2: Tensor,
    *,
    invariance: float = 25.0,
    variance: float = 25.0,
    covariance: float = 1.0,
    eps: float = 1e-4,
) -> Tensor:
    """Invariance (mean squared error) + hinge on the standard deviations (mean of both views) +
    squared off-diagonal covariances over d (sum of both views), weighted; z1, z2: (n, d). Variance
    and covariance divide by n - 1.

    Source: bardes2022 and its released code; others sum the hinge over the views, twice this term.
    """
    z1, z2 = matrices(z1=z1, z2=z2)
    at_least("z1", z1, 2, "for a variance")
    hinge = sum((1 - (z.var(0) + eps).sqrt()).relu().mean() for z in (z1, z2)) / 2
    apart = sum(off_diagonal_energy(_covariance(z)) for z in (z1, z2)) / z1.shape[1]
    return invariance * mse_loss(z1, z2) + variance * hinge + covariance * apart


def _covariance(z: Tensor) -> Tensor:
    """Covariance (d, d), divided by n - 1."""
    z = z - z.mean(0)
    return z.T @ z / (len(z) - 1)


def whiten(z: Tensor, *, eps: float = 0.0) -> Tensor:
    """z (n, d) centred and multiplied by the inverse Cholesky factor of its covariance (n - 1):
    covariance I.

    Source: ermolov2021 (W-MSE), section 3. eps (ours): share of the mean variance that is mixed in;
    above 0 weak channels are no longer whitened, and may collapse. Raises ValueError when n <= d:
    such a covariance has no inverse.
    """
    at_least("z", z, z.shape[1] + 1, f"more than its {z.shape[1]} channels, for whitening")
    C = _covariance(z)
    C = C * (1 - eps) + eps * C.diagonal().mean() * torch.eye(
        len(C), device=z.device, dtype=z.dtype
    )
    # without waiting for the device; what fails is not finite and stops the run
    factor = torch.linalg.cholesky_ex(C).L
    return torch.linalg.solve_triangular(factor, (z - z.mean(0)).T, upper=False).T


@exact
def wmse(z1: Tensor, z2: Tensor, *, part: int = 128, eps: float = 0.0) -> Tensor:
    """2 - 2 cos of the views whitened in parts of the batch; z1, z2: (n, d), n at least `part`,
    `part` above d.

    Source: ermolov2021. Both views carry the gradient; rows beyond the last whole part are left
    out.
    """
    z1, z2 = matrices(z1=z1, z2=z2)
    at_least("z1", z1, part, f"a whole part of {part} rows")
    whole = len(z1) // part * part
    pairs = zip(z1[:whole].split(part), z2[:whole].split(part), strict=True)
    return torch.stack(
        [normalised_mse(whiten(a, eps=eps), whiten(b, eps=eps)) for a, b in pairs]
    ).mean()


@exact
def invariance(p: Tensor, t: Tensor) -> Tensor:
    """|p - t|^2 summed over d, mean over the batch: the first term of liu2022, eq. 17 (no factor
    1/2 there)."""
    p, t = matrices(p=p, t=t)
    return (p - t).square().sum(-1).mean()


@exact
def gram(W: Tensor, z: Tensor, *, parts: int = 1, form: str = "output") -> Tensor:
    """The constraint of liu2022 for a predictor W (d, d) and projections z (n, d), summed over
    `parts` of the batch, divided by d, with C = z^T z / n of a part. form "output": |W^T W - W C
    W^T|^2 (eq. 17, 19); "input": |W^T W - C|^2 (eq. 15). Frobenius norms."""
    (z,) = matrices(z=z)
    positive("parts", parts)
    at_least("z", z, parts, f"one for each of {parts} parts")
    size = len(z) // parts
    z = z[: size * parts].view(parts, size, -1)
    C = z.mT @ z / size
    W = W.to(z.dtype)
    goal = W.T @ W
    return (goal - (W @ C @ W.T if form == "output" else C)).square().sum() / len(W)
