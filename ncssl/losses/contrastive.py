"""Losses with negatives: SimCLR's NT-Xent, InfoNCE with a queue (MoCo), and CPC's InfoNCE."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from ncssl.checks import positive
from ncssl.losses.checks import at_least, exact, matrices


@exact
def nt_xent(z1: Tensor, z2: Tensor, *, temperature: float = 0.5) -> Tensor:
    """Normalised temperature-scaled cross entropy over 2n views, mean over all; z1, z2: (n, d).
    ln(2n-1) if constant.

    Source: chen2020 (SimCLR), eq. 1.
    """
    z1, z2 = matrices(z1=z1, z2=z2)
    positive("temperature", temperature)
    at_least("z1", z1, 2, "for a negative")
    z = normalize(torch.cat([z1, z2]), dim=1)
    scores = z @ z.T / temperature
    scores = scores.masked_fill(torch.eye(len(z), dtype=torch.bool, device=z.device), -torch.inf)
    return cross_entropy(scores, torch.arange(len(z), device=z.device).roll(len(z1)))


@exact
def info_nce(
    q: Tensor, k: Tensor, negatives: Tensor | None = None, *, temperature: float = 0.1
) -> Tensor:
    """Cross entropy of telling the key k_i of query q_i from the negatives, cosine similarity over
    the temperature.

    q, k: (n, d). negatives: (m, d) for all queries (he2020, MoCo, eq. 1; ln(m + 1) if constant);
    None: the other keys.
    """
    q, k = matrices(q=q, k=k)
    positive("temperature", temperature)
    q, k = normalize(q, dim=1), normalize(k, dim=1)
    if negatives is None:
        at_least("q", q, 2, "for a negative")
        return cross_entropy(q @ k.T / temperature, torch.arange(len(q), device=q.device))
    if negatives.ndim != 2 or negatives.shape[1] != q.shape[1]:
        raise ValueError(
            f"negatives had shape {tuple(negatives.shape)}; allowed: (m, {q.shape[1]})"
        )
    right = (q * k).sum(1, keepdim=True)
    scores = torch.cat([right, q @ normalize(negatives.to(q.dtype), dim=1).T], 1) / temperature
    return cross_entropy(scores, torch.zeros(len(q), dtype=torch.long, device=q.device))


@exact
def cpc(p: Tensor, z: Tensor) -> Tensor:
    """InfoNCE with the bilinear score p_i . z_j, p = W c the prediction of z from a context; other
    rows are negatives.

    p, z: (n, d), not normalised. Source: oord2018 (CPC), eq. 3-4; ln n if constant.
    """
    p, z = matrices(p=p, z=z)
    at_least("p", p, 2, "for a negative")
    return cross_entropy(p @ z.T, torch.arange(len(p), device=p.device))
