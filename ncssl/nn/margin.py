"""A classifier on the sphere: centres of classes under the angular-margin softmax."""

import torch
from torch import Tensor, nn

from ncssl.losses.margin import angular_margin


class MarginHead(nn.Module):
    """Loss of embeddings (n, d) with labels (n,) against centres of k classes, `sub` each
    (deng2019, deng2020).

    The margin rises from 0 in proportion to `progress`, the share of the training that is done, and
    is whole from the share `warmup` on; 0: from the start.
    """

    def __init__(
        self,
        d: int,
        k: int,
        *,
        sub: int = 2,
        margin: float = 0.2,
        scale: float = 30.0,
        warmup: float = 0.0,
    ):
        super().__init__()
        if k < 2 or sub < 1 or not 0 <= warmup <= 1:
            raise ValueError(
                f"k, sub, warmup were {k}, {sub}, {warmup}; allowed: from 2, from 1, and 0 to 1"
            )
        self.centres = nn.Parameter(torch.randn(k, sub, d))
        self.margin, self.scale, self.warmup, self.progress = margin, scale, warmup, 0.0

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """The loss () of embeddings z (n, d) with class numbers y (n,). Raises as
        `losses.angular_margin` does."""
        share = 1.0 if self.warmup == 0 else min(1.0, self.progress / self.warmup)
        return angular_margin(z, self.centres, y, margin=share * self.margin, scale=self.scale)
