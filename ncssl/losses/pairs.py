"""Losses on a prediction and its target."""

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from ncssl.losses.checks import at_least, exact, matrices


@exact
def cosine(p: Tensor, t: Tensor) -> Tensor:
    """Negative cosine similarity, mean over the batch; p, t: (n, d). Minimum -1.

    Source: chen2021 (SimSiam), eq. 1.
    """
    p, t = matrices(p=p, t=t)
    return -cosine_similarity(p, t, dim=-1).mean()


@exact
def normalised_mse(p: Tensor, t: Tensor) -> Tensor:
    """Squared distance of l2-normalised vectors, 2 - 2 cos, mean over the batch, summed over d; p,
    t: (n, d).

    Source: grill2020 (BYOL), eq. 2. Its gradient is twice that of `cosine`.
    """
    return 2 + 2 * cosine(p, t)


@exact
def euclidean(p: Tensor, t: Tensor) -> Tensor:
    """Half the squared distance, summed over d, mean over the batch; p, t: (n, d).

    Source: tian2021, eq. 1 (with the factor 1/2); halvagal2023's released code leaves the 1/2 out.
    """
    p, t = matrices(p=p, t=t)
    return 0.5 * (p - t).square().sum(-1).mean()


def iso(z: Tensor, p: Tensor) -> Tensor:
    """A prediction with the value of p, to the last bit, whose gradient goes to z as if the
    predictor were the identity; z, p: (n, d).

    Any loss of it is an IsoLoss (halvagal2023): the gradient with respect to z is the one with
    respect to p.
    """
    return p.detach() + (z - z.detach())


@exact
def decorrelated(p: Tensor, t: Tensor, *, through: bool = True, eps: float = 1e-5) -> Tensor:
    """2 - 2 mean_j corr(p_j, t_j): both standardised channel by channel over the batch; p, t: (n,
    d). In [0, 4].

    Source: wen2022, whose heads end in a batch norm without parameters (variance biased).
    `through=False` stops the gradient in the mean and the deviation of p, the ablation of the
    normalisation.
    """
    p, t = matrices(p=p, t=t)
    at_least("p", p, 2, "for a standard deviation")
    return 2 - 2 * (standardise(p, eps, through) * standardise(t, eps)).mean(0).mean()


def standardise(z: Tensor, eps: float = 1e-5, through: bool = True, correction: int = 0) -> Tensor:
    """z (n, d) less its mean, over sqrt(variance + eps), channel by channel; gradient through both
    unless told not."""
    variance, mean = torch.var_mean(z, 0, correction=correction)
    if not through:
        variance, mean = variance.detach(), mean.detach()
    return (z - mean) * (variance + eps).rsqrt()
