"""Closed-form predictors: pure rules from the second moment C (d, d) of the projections to a matrix W (d, d)."""

import torch
from torch import Tensor

EPS_FORMS = ("code", "paper")


def direct_pred(C: Tensor, eps: float = 0.1, eps_form: str = "code", shift: float = 0.0) -> Tensor:
    """W with the eigenvectors of C and eigenvalues p_j = sqrt(max(s_j - shift, 0)) + boost; C: (d, d) symmetric.

    tian2021, eq. 18-19: boost = eps * max s ("paper"). The released code divides s by its maximum first, adds eps
    after the root and keeps p >= 1e-4 ("code"); the two agree when max s = 1. `shift` is c_j of Table 7, in the
    units of s as used (divided by max s in the code form).
    """
    s, U = torch.linalg.eigh(C)
    s = s.clamp_min(0)
    if eps_form == "code":
        s = s / s[-1].clamp_min(torch.finfo(s.dtype).tiny)
        p = ((s - shift).clamp_min(0).sqrt() + eps).clamp_min(1e-4)
    else:
        p = (s - shift).clamp_min(0).sqrt() + eps * s[-1]
    return (U * p) @ U.T
