"""Numbers of a predictor beside the second moment that it sees."""

import torch
from torch import Tensor

from ncssl.measure.spectral.moments import square, wide

VISIBLE = 1e-2  # modes with s_j above this share of the largest are seen, as a floor


def alignment_modes(W: Tensor, C: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues s (d,) of C, largest first, and |cos(v_j, W v_j)| (d,) with its eigenvectors.
    tian2021, figure 2.

    1 where v_j is an eigenvector of W too; so also where W maps v_j to zero (less than 1e-6 of
    |W|_F).
    """
    W, C = square(W, "W"), square(C, "C")
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

    1 if W and C commute; about sqrt(2 / (pi d)) for a random W. A usual floor is `VISIBLE`.
    """
    if not 0 <= floor < 1:
        raise ValueError(f"floor must be from 0 up to below 1, was {floor}")
    s, a = alignment_modes(W, C)
    keep = s > floor * s[0] if floor > 0 and s[0] > 0 else torch.ones_like(s, dtype=torch.bool)
    weights = s[keep].clamp_min(0) if weighted and s[0] > 0 else torch.ones_like(s[keep])
    return ((weights * a[keep]).sum() / weights.sum()).item()


def commutator(W: Tensor, C: Tensor) -> float:
    """|W C - C W|_F / (|W|_F |C|_F), from 0 (they commute) to at most sqrt(2); 0 if either is 0."""
    W, C = square(W, "W"), square(C, "C")
    size = (W.norm() * C.norm()).item()
    return (W @ C - C @ W).norm().item() / size if size > 0 else 0.0


def asymmetry(W: Tensor) -> float:
    """|W - W^T|_F / |W|_F, from 0 (symmetric) to 2 (antisymmetric); 0 if W is 0. tian2021, figure
    2."""
    W = square(W, "W")
    size = W.norm().item()
    return (W - W.T).norm().item() / size if size > 0 else 0.0


def gram_cosine(W: Tensor, C: Tensor) -> float:
    """Frobenius cosine <W^T W, C> / (|W^T W| |C|), C the second moment of the projections, between
    0 and 1; 0 if either is 0. liu2022, eq. 14 (F F^T there): 1 where predictor and projections are
    balanced, whatever the scale."""
    W, C = square(W, "W"), square(C, "C")
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
    f, p = wide(f, "f"), wide(p, "p")
    if f.shape != p.shape:
        raise ValueError(f"f and p must share a shape, were {tuple(f.shape)} and {tuple(p.shape)}")
    W = (torch.linalg.pinv(f, rtol=1e-6) @ p).T
    total = p.square().sum().item()
    return W, 1 - (p - f @ W.T).square().sum().item() / total if total > 0 else 1.0
