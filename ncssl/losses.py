"""Losses on pairs of embeddings: pure functions of (n, d) tensors, mean over the batch."""

from torch import Tensor
from torch.nn.functional import cosine_similarity


def cosine(p: Tensor, t: Tensor) -> Tensor:
    """Negative cosine similarity, mean over the batch; p, t: (n, d). Minimum -1.

    Source: chen2021 (SimSiam), eq. 1.
    """
    return -cosine_similarity(p.float(), t.float(), dim=-1).mean()


def normalised_mse(p: Tensor, t: Tensor) -> Tensor:
    """Squared distance of l2-normalised vectors, 2 - 2 cos, mean over the batch, summed over d; p, t: (n, d).

    Source: grill2020 (BYOL), eq. 2. Its gradient is twice that of `cosine`.
    """
    return 2 + 2 * cosine(p, t)


def euclidean(p: Tensor, t: Tensor) -> Tensor:
    """Half the squared distance, summed over d, mean over the batch; p, t: (n, d).

    Source: tian2021, eq. 1 (with the factor 1/2).
    """
    return 0.5 * (p.float() - t.float()).square().sum(-1).mean()
