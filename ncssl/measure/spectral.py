"""Spectra of features and of predictors: second moments, effective ranks, alignment.

Features z have shape (n, d), one row a sample. Matrices are computed in float64 where the device
has it.
"""

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


def _wide(x: Tensor, name: str) -> Tensor:
    matrix(x, name)
    return x.detach().to(precise(x))


def _square(x: Tensor, name: str) -> Tensor:
    if x.ndim != 2 or x.shape[0] != x.shape[1]:
        raise ValueError(f"{name} must be a square matrix, had shape {tuple(x.shape)}")
    return _wide(x, name)


def second_moment(z: Tensor) -> Tensor:
    """Uncentred second moment z^T z / n (d, d): the "correlation matrix" F of tian2021,
    section 4."""
    z = _wide(z, "z")
    return z.T @ z / len(z)


def covariance(z: Tensor) -> Tensor:
    """Covariance (d, d) about the mean, divided by n (biased)."""
    z = _wide(z, "z")
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
    C = _square(C, "C")
    return torch.linalg.eigvalsh((C + C.T) / 2).flip(0)


def moment_eigenvalues(z: Tensor) -> Tensor:
    """Eigenvalues (d,), largest first, of `second_moment` of z (n, d), from the smaller of z^T z
    and z z^T: time and memory of outputs wider than their number do not grow with d^2."""
    z = _wide(z, "z")
    n, d = z.shape
    if d <= n:
        return eigenvalues(second_moment(z))
    return torch.cat([eigenvalues(z @ z.T / n), z.new_zeros(d - n)])


def _non_negative(eigs: Tensor) -> Tensor:
    eigs = _wide(eigs.reshape(1, -1), "eigs")[0]
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
    z = _wide(z, "z")
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
    y = _wide(eigs.reshape(1, -1), "eigs")[0, first - 1 : last]
    if y.min() <= 0:
        raise ValueError(
            f"eigs must be above 0 from {first} to {last}, the least was {y.min().item():.3g}"
        )
    j = torch.arange(first, last + 1, device=y.device, dtype=y.dtype)
    w = 1 / j if weighted else torch.ones_like(j)
    x, y, w = j.log(), y.log(), w / w.sum()
    x, y = x - (w * x).sum(), y - (w * y).sum()
    return -((w * x * y).sum() / (w * x * x).sum()).item()


def std_normalised(z: Tensor) -> float:
    """Mean over channels of the standard deviation (biased) of z / |z| over the batch. chen2021,
    section 4.1.

    1 / sqrt(d) for isotropic features, 0 when all rows point one way.
    """
    return functional.normalize(_wide(z, "z"), dim=1).std(dim=0, correction=0).mean().item()


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
    z1, z2 = _wide(z1, "z1"), _wide(z2, "z2")
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
    x, y = _wide(x, "x"), _wide(y, "y")
    if len(x) != len(y):
        raise ValueError(f"y must have {len(x)} rows like x, had {len(y)}")
    x, y = x - x.mean(dim=0), y - y.mean(dim=0)
    size = ((x.T @ x).norm() * (y.T @ y).norm()).item()
    return (x.T @ y).square().sum().item() / size if size > 0 else 0.0


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
    views = _wide(views.reshape(n * q, d), "views").view(n, q, d)
    means = views.mean(dim=1)
    Sw = second_moment((views - means[:, None]).reshape(n * q, d))
    L = torch.linalg.cholesky(Sw + delta * torch.eye(d, dtype=Sw.dtype, device=Sw.device))
    half = torch.linalg.solve_triangular(L, covariance(means), upper=False)
    return effective_rank(eigenvalues(torch.linalg.solve_triangular(L, half.T, upper=False)))


def alignment_modes(W: Tensor, C: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues s (d,) of C, largest first, and |cos(v_j, W v_j)| (d,) with its eigenvectors.
    tian2021, figure 2.

    1 where v_j is an eigenvector of W too; so also where W maps v_j to zero (less than 1e-6 of
    |W|_F).
    """
    W, C = _square(W, "W"), _square(C, "C")
    if W.shape != C.shape:
        raise ValueError(f"W and C must share a shape, were {tuple(W.shape)} and {tuple(C.shape)}")
    s, V = torch.linalg.eigh((C + C.T) / 2)
    image = W @ V
    norm = image.norm(dim=0)
    cosine = (V * image).sum(dim=0).abs() / norm.clamp_min(torch.finfo(norm.dtype).tiny)
    return s.flip(0), torch.where(norm > 1e-6 * W.norm(), cosine, 1.0).flip(0)


def alignment(W: Tensor, C: Tensor, *, weighted: bool = False, floor: float = 0.0) -> float:
    """Mean of alignment_modes over the modes with s_j > floor * s_max (all if floor is 0), weighted
    by s_j if asked.

    1 if W and C commute; about sqrt(2 / (pi d)) for a random W. A usual floor is 1e-2.
    """
    if not 0 <= floor < 1:
        raise ValueError(f"floor must be from 0 up to below 1, was {floor}")
    s, a = alignment_modes(W, C)
    keep = s > floor * s[0] if floor > 0 and s[0] > 0 else torch.ones_like(s, dtype=torch.bool)
    weights = s[keep].clamp_min(0) if weighted and s[0] > 0 else torch.ones_like(s[keep])
    return ((weights * a[keep]).sum() / weights.sum()).item()


def commutator(W: Tensor, C: Tensor) -> float:
    """|W C - C W|_F / (|W|_F |C|_F), from 0 (they commute) to at most sqrt(2); 0 if either is 0."""
    W, C = _square(W, "W"), _square(C, "C")
    size = (W.norm() * C.norm()).item()
    return (W @ C - C @ W).norm().item() / size if size > 0 else 0.0


def asymmetry(W: Tensor) -> float:
    """|W - W^T|_F / |W|_F, from 0 (symmetric) to 2 (antisymmetric); 0 if W is 0. tian2021, figure
    2."""
    W = _square(W, "W")
    size = W.norm().item()
    return (W - W.T).norm().item() / size if size > 0 else 0.0


def gram_cosine(W: Tensor, C: Tensor) -> float:
    """Frobenius cosine <W^T W, C> / (|W^T W| |C|), C the second moment of the projections, between
    0 and 1; 0 if either is 0. liu2022, eq. 14 (F F^T there): 1 where predictor and projections are
    balanced, whatever the scale."""
    W, C = _square(W, "W"), _square(C, "C")
    if W.shape != C.shape:
        raise ValueError(f"W and C must share a shape, were {tuple(W.shape)} and {tuple(C.shape)}")
    G = W.T @ W
    size = (G.norm() * C.norm()).item()
    return (G * C).sum().item() / size if size > 0 else 0.0


def linear_fit(f: Tensor, p: Tensor) -> tuple[Tensor, float]:
    """Least-squares W (d, d) with p = W f over rows (no centring), and the share R^2 of E|p|^2 that
    it explains.

    Stands for a non-linear predictor in `alignment`, `commutator` and `asymmetry`; minimum norm if
    f has low rank.
    """
    f, p = _wide(f, "f"), _wide(p, "p")
    if f.shape != p.shape:
        raise ValueError(f"f and p must share a shape, were {tuple(f.shape)} and {tuple(p.shape)}")
    W = (torch.linalg.pinv(f, rtol=1e-6) @ p).T
    total = p.square().sum().item()
    return W, 1 - (p - f @ W.T).square().sum().item() / total if total > 0 else 1.0
