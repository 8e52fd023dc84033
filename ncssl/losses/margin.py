"""Softmax over classes with an additive angular margin, optionally with several centres a class."""

import math

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from ncssl.checks import positive
from ncssl.losses.checks import exact, matrices

FLAT = 1e-7  # least squared sine: the slope of the angle is bounded where the cosine is 1


@exact
def angular_margin(
    z: Tensor, centres: Tensor, y: Tensor, *, margin: float = 0.2, scale: float = 30.0
) -> Tensor:
    """Cross entropy of scale cos(theta_k), with cos(theta + margin) for the right class, mean over
    the batch.

    z (n, d), centres (classes, sub-centres, d), neither normalised; y (n,). A class's cosine is
    that of its nearest sub-centre. Source: deng2019 (ArcFace), eq. 3; deng2020 (sub-centres).
    Beyond theta = pi - margin the cosine goes on falling, as cos(theta) - margin sin(margin), which
    eq. 3 leaves open.
    """
    (z,) = matrices(z=z)
    positive("scale", scale)
    if not 0 <= margin < math.pi / 2:
        raise ValueError(f"margin was {margin!r}; allowed: an angle from 0 to below pi / 2")
    if centres.ndim != 3 or centres.shape[2] != z.shape[1]:
        raise ValueError(
            f"centres had shape {tuple(centres.shape)}; allowed: (classes, sub-centres,"
            f" {z.shape[1]})"
        )
    if (
        y.shape != z.shape[:1]
        or y.is_floating_point()
        or not 0 <= int(y.min()) <= int(y.max()) < len(centres)
    ):
        given = f"shape {tuple(y.shape)}, {y.dtype}, {y.min().item()} to {y.max().item()}"
        raise ValueError(
            f"y had {given}; allowed: ({len(z)},) class numbers from 0 to {len(centres) - 1}"
        )
    cosine = torch.einsum(
        "nd,kcd->nkc", normalize(z, dim=1), normalize(centres.to(z.dtype), dim=2)
    ).amax(dim=2)
    right = cosine.gather(1, y[:, None])
    return cross_entropy(scale * cosine.scatter(1, y[:, None], _moved(right, margin)), y)


def _moved(cosine: Tensor, margin: float) -> Tensor:
    """cos(theta + margin) of cos(theta)."""
    sine = (1 - cosine.square()).clamp_min(FLAT).sqrt()
    inside = cosine * math.cos(margin) - sine * math.sin(margin)
    return torch.where(cosine > -math.cos(margin), inside, cosine - margin * math.sin(margin))
