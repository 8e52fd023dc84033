"""How many directions features take: numbers of a spectrum."""

import torch
from torch import Tensor

from ncssl.measure.spectral.moments import covariance, eigenvalues, second_moment, wide


def _non_negative(eigs: Tensor) -> Tensor:
    eigs = wide(eigs.reshape(1, -1), "eigs")[0]
    if eigs.min() < -1e-6 * eigs.abs().max():
        raise ValueError(
            f"eigs must not be negative (beyond round-off), the least was {eigs.min().item():.3g}"
        )
    return eigs.clamp_min(0)


def effective_rank(eigs: Tensor) -> float:
    """exp of the entropy of the shares eigs / sum(eigs), between 1 and d; 0 if all are 0. Roy and
    Vetterli 2007.

    Of whatever spectrum is given: eigenvalues of a second moment and singular values (RankMe) give
    other numbers.
    """
    eigs = _non_negative(eigs)
    if eigs.sum() == 0:
        return 0.0
    return torch.special.entr(eigs / eigs.sum()).sum().exp().item()


def rankme(z: Tensor, eps: float = 1e-7) -> float:
    """exp of the entropy of p = s / sum(s) + eps, s the singular values of z, not centred. Garrido
    et al. 2023.

    Between 1 and d (about); 0 if z is 0.
    """
    z = wide(z, "z")
    # those of z, and cheaper for n far above d
    s = torch.linalg.svdvals(torch.linalg.qr(z, mode="r").R)
    if s.sum() == 0:
        return 0.0
    return torch.special.entr(s / s.sum() + eps).sum().exp().item()


def participation_ratio(eigs: Tensor) -> float:
    """(sum of eigs)^2 / (sum of eigs^2) = tr(C)^2 / |C|_F^2, between 1 and d; 0 if all are 0."""
    eigs = _non_negative(eigs)
    eigs = eigs / eigs.max().clamp_min(torch.finfo(eigs.dtype).tiny)
    total = eigs.square().sum().item()
    return eigs.sum().item() ** 2 / total if total > 0 else 0.0


def alpha_req(eigs: Tensor, first: int = 11, last: int = 50, weighted: bool = False) -> float:
    """Decay exponent: minus the least-squares slope of ln(eigs_j) on ln(j), j from first to last,
    counted from 1.

    weighted=True gives index j the weight 1/j (as Stringer et al. do). Raises ValueError for eigs
    <= 0 in the window.
    """
    if not 1 <= first < last <= eigs.numel():
        raise ValueError(
            f"window must lie in 1..{eigs.numel()} with first < last, was {first}..{last}"
        )
    y = wide(eigs.reshape(1, -1), "eigs")[0, first - 1 : last]
    if y.min() <= 0:
        raise ValueError(
            f"eigs must be above 0 from {first} to {last}, the least was {y.min().item():.3g}"
        )
    j = torch.arange(first, last + 1, device=y.device, dtype=y.dtype)
    w = 1 / j if weighted else torch.ones_like(j)
    x, y, w = j.log(), y.log(), w / w.sum()
    x, y = x - (w * x).sum(), y - (w * y).sum()
    return -((w * x * y).sum() / (w * x * x).sum()).item()


def lidar(views: Tensor, delta: float = 1e-4) -> float:
    """LiDAR of views (n, q, d), q of each of n images: exp entropy of the eigenvalue shares of
    Sw^(-1/2) Sb Sw^(-1/2). Thilak et al. 2024.

    Sb: covariance of the n means, Sw: covariance within, plus delta I; both biased. Between 1 and
    d; 0 if Sb is 0.
    """
    if views.ndim != 3 or len(views) < 2 or views.shape[1] < 2 or delta <= 0:
        raise ValueError(
            f"views must be (n, q, d), n and q at least 2, delta > 0; were {tuple(views.shape)},"
            f" {delta}"
        )
    n, q, d = views.shape
    views = wide(views.reshape(n * q, d), "views").view(n, q, d)
    means = views.mean(dim=1)
    Sw = second_moment((views - means[:, None]).reshape(n * q, d))
    L = torch.linalg.cholesky(Sw + delta * torch.eye(d, dtype=Sw.dtype, device=Sw.device))
    half = torch.linalg.solve_triangular(L, covariance(means), upper=False)
    return effective_rank(eigenvalues(torch.linalg.solve_triangular(L, half.T, upper=False)))
