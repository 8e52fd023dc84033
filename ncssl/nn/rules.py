"""Closed-form predictors: pure rules from the second moment C (d, d) of the projections to a matrix
W (d, d)."""

import torch
from torch import Tensor

EPS_FORMS = ("code", "paper")


def direct_pred(C: Tensor, eps: float = 0.1, eps_form: str = "code", shift: float = 0.0) -> Tensor:
    """W with the eigenvectors of C and eigenvalues p_j = sqrt(max(s_j - shift, 0)) + boost; C: (d,
    d) symmetric.

    tian2021, eq. 18-19: boost = eps * max s ("paper"). The released code divides s by its maximum
    first, adds eps after the root and keeps p >= 1e-4 ("code"); the two agree when max s = 1.
    `shift` is c_j of Table 7, in the units of s as used (divided by max s in the code form).
    """
    s, U = torch.linalg.eigh(C)
    s = s.clamp_min(0)
    if eps_form == "code":
        s = s / s[-1].clamp_min(torch.finfo(s.dtype).tiny)
        p = ((s - shift).clamp_min(0).sqrt() + eps).clamp_min(1e-4)
    else:
        p = (s - shift).clamp_min(0).sqrt() + eps * s[-1]
    return (U * p) @ U.T


NORMS = ("spectral", "frobenius", "none")


def direct_set(C: Tensor, alpha: float = 0.5, eps: float = 0.1, norm: str = "spectral") -> Tensor:
    """W = C^alpha / |C^alpha| + eps I (wang2021, section 2.2); C: (d, d) symmetric. norm: spectral,
    frobenius or none.

    alpha = 1 (DirectCopy) needs no eigendecomposition: its spectral norm comes from 50 power
    iterations.
    """
    if norm != "none":
        # so that no square of it overflows
        C = C / C.abs().max().clamp_min(torch.finfo(C.dtype).tiny)
    if alpha == 1:
        power, top = C, top_eigenvalue(C) if norm == "spectral" else None
    else:
        s, U = torch.linalg.eigh(C)
        s = s.clamp_min(0) ** alpha
        power, top = (U * s) @ U.T, s[-1]
    size = {"spectral": top, "frobenius": power.norm(), "none": 1.0}[norm]
    size = size.clamp_min(torch.finfo(C.dtype).tiny) if norm != "none" else size
    return power / size + eps * torch.eye(len(C), dtype=C.dtype, device=C.device)


def top_eigenvalue(C: Tensor, iterations: int = 50) -> Tensor:
    """Largest eigenvalue of C (d, d), symmetric and positive, as a Rayleigh quotient after power
    iterations: at most the true one, and short of it where many eigenvalues lie just below the
    largest (in the tests by under 2 %)."""
    v = C.index_select(1, C.diagonal().argmax().reshape(1))
    for _ in range(iterations):
        v = C @ v
        v = v / v.norm().clamp_min(torch.finfo(C.dtype).tiny)
    return (v * (C @ v)).sum()


def optimal(C: Tensor, X: Tensor, ridge: float = 1e-3) -> Tensor:
    """W with W (C + ridge mean(diag C) I) = (X + X^T) / 2: the best linear predictor, regularised
    (tian2021, Table 1).

    C: (d, d) second moment of the projections, X: (d, d) E[target projection^T]. How much ridge:
    ours.
    """
    eye = torch.eye(len(C), dtype=C.dtype, device=C.device)
    C = C + (ridge * C.diagonal().mean()).clamp_min(1e-12) * eye
    return torch.linalg.solve_ex(C, (X + X.T) / 2, left=False).result
