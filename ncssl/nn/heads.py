"""Projector and predictors. All state that changes over time is a parameter or a buffer, so resume is exact."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def mlp(sizes: Sequence[int], *, output_norm: bool = False, hidden_affine: bool = True) -> nn.Sequential:
    """Linear layers of the given sizes with batch norm and ReLU between; `output_norm` adds a batch norm at the end."""
    layers: list[nn.Module] = []
    for a, b in zip(sizes[:-2], sizes[1:-1], strict=True):
        layers += [nn.Linear(a, b, bias=False), nn.BatchNorm1d(b, affine=hidden_affine), nn.ReLU()]
    layers.append(nn.Linear(sizes[-2], sizes[-1], bias=not output_norm))
    if output_norm:
        layers.append(nn.BatchNorm1d(sizes[-1], affine=False))
    return nn.Sequential(*layers)


class Predictor(nn.Module):
    """A predictor maps projections (n, d) to predictions (n, d); it may watch them and move after the optimiser."""

    def observe(self, z: Tensor) -> None:
        """Fold a batch of detached projections (n, d) into running statistics; nothing by default."""

    def follow(self) -> None:
        """Move after the optimiser's step; nothing by default."""

    def matrix(self) -> Tensor | None:
        """The matrix W (d, d) of a linear predictor, None for the others."""
        return None


class NoPredictor(Predictor):
    """The identity: the ablation without predictor (tian2021, Theorem 2)."""

    def forward(self, z: Tensor) -> Tensor:
        return z


class Mlp(Predictor):
    """Two layers d -> hidden -> d with batch norm and ReLU between (grill2020; chen2021)."""

    def __init__(self, d: int, hidden: int):
        super().__init__()
        self.net = mlp([d, hidden, d])

    def forward(self, z: Tensor) -> Tensor:
        return self.net(z)


class Linear(Predictor):
    """One learned matrix W (d, d), optionally symmetric: (W + W^T) / 2 is applied (tian2021, Table 3)."""

    def __init__(self, d: int, *, bias: bool = False, symmetric: bool = False):
        super().__init__()
        self.layer, self.symmetric = nn.Linear(d, d, bias=bias), symmetric

    def matrix(self) -> Tensor:
        W = self.layer.weight
        return (W + W.T) / 2 if self.symmetric else W

    def forward(self, z: Tensor) -> Tensor:
        return F.linear(z, self.matrix(), self.layer.bias)


class ClosedForm(Predictor):
    """W = rule(C), C the running second moment of the projections (tian2021, eq. 18; B2 of the released code).

    rho is the weight of the past in C; the first batch starts it. W is set after the optimiser's step, so a batch
    meets the W of the batch before. Every `freq`-th step sets W; between, it learns by gradient if freq > 1.
    """

    def __init__(self, d: int, rule: Callable[[Tensor], Tensor], *, rho: float = 0.3, freq: int = 1):
        super().__init__()
        self.rule, self.rho, self.freq = rule, rho, freq
        start = nn.Linear(d, d, bias=False).weight.detach()
        self.W: Tensor
        if freq > 1:
            self.W = nn.Parameter(start)
        else:
            self.register_buffer("W", start)
        self.register_buffer("C", torch.zeros(d, d))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))
        self.observed = 0  # mirrors `steps` on the host so that no device synchronisation is needed

    @torch.no_grad()
    def observe(self, z: Tensor) -> None:
        if not self.training:
            return
        batch = z.float().T @ z.float() / len(z)
        if self.observed == 0:
            self.C.copy_(batch)
        else:
            self.C.lerp_(batch, 1 - self.rho)
        self.observed += 1

    @torch.no_grad()
    def follow(self) -> None:
        self.steps.fill_(self.observed)
        if self.observed % self.freq == 0:
            self.W.copy_(self.rule(self.C))

    def _load_from_state_dict(self, *args, **kwargs):
        super()._load_from_state_dict(*args, **kwargs)
        self.observed = int(self.steps)

    def matrix(self) -> Tensor:
        return self.W

    def forward(self, z: Tensor) -> Tensor:
        return F.linear(z, self.W)
