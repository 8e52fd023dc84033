"""Projectors, between the features and the space in which views are compared, and what every head
after them has."""

from collections.abc import Iterable, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ncssl import parallel
from ncssl.losses.pairs import standardise


class Head(nn.Module):
    """What stands after the projector: maps projections (n, d) to predictions; it may watch them,
    hold what lasts from step to step, and move after the optimiser."""

    progress = 0.0  # share of the training that is done, set by the engine before a step
    # names of the buffers that are averages or memories over the steps
    running: tuple[str, ...] = ()

    def _apply(self, fn, recurse=True):
        """As torch's, for `.to`, `.half` and the like; but what lasts is never kept in less than
        float32."""
        kept = {name: getattr(self, name) for name in self.running}
        super()._apply(fn, recurse)
        for name, before in kept.items():
            now = getattr(self, name)
            if now.itemsize < before.itemsize and now.itemsize < 4:
                setattr(self, name, before.to(now.device, torch.float32))
        return self

    def observe(self, z: Sequence[Tensor], t: Sequence[Tensor] = ()) -> None:
        """Watch the projections and the targets of the views, each (n, d), detached; nothing by
        default."""

    def follow(self) -> None:
        """Move after the optimiser's step; nothing by default."""

    def matrix(self) -> Tensor | None:
        """The matrix W (d, d) of a linear predictor, None for the others."""
        return None

    def numbers(self) -> dict[str, float | None]:
        """What the steps since the last call showed, by name, for the curves of a record; nothing
        by default."""
        return {}


def added(terms: Iterable[Tensor]) -> Tensor:
    """The sum of these, one or more: of none it would be no tensor."""
    return cast(Tensor, sum(terms))


def mlp(
    sizes: Sequence[int],
    *,
    output_norm: bool = False,
    hidden_affine: bool = True,
    hidden_norm: bool = True,
) -> nn.Sequential:
    """Linear layers of the given sizes with batch norm and ReLU between; `output_norm` adds a batch
    norm at the end, without parameters; `hidden_norm=False` leaves out the batch norms between
    (then the layers have a bias)."""
    layers: list[nn.Module] = []
    for a, b in zip(sizes[:-2], sizes[1:-1], strict=True):
        layers.append(nn.Linear(a, b, bias=not hidden_norm))
        layers += (
            [nn.BatchNorm1d(b, affine=hidden_affine), nn.ReLU()] if hidden_norm else [nn.ReLU()]
        )
    layers.append(nn.Linear(sizes[-2], sizes[-1], bias=not output_norm))
    if output_norm:
        layers.append(nn.BatchNorm1d(sizes[-1], affine=False))
    return nn.Sequential(*layers)


class Standardise(nn.Module):
    """(n, d) less its mean over its deviation (variance over n - 1), always of the batch at hand
    (liu2022, eq. 18)."""

    def forward(self, z: Tensor) -> Tensor:
        """(n, d) in float32, each channel of mean 0 and variance 1 over the whole batch."""
        whole = parallel.gather(z.float())
        return standardise(whole, correction=1)[parallel.share(len(whole))]


def normal(net: nn.Module, std: float) -> None:
    """Weights of the linear layers from a normal law cut at -2 and 2, biases zero (caron2021,
    released code)."""
    for layer in net.modules():
        if isinstance(layer, nn.Linear):
            nn.init.trunc_normal_(layer.weight, std=std)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


class PrototypeHead(nn.Module):
    """features -> MLP with GELU -> bottleneck d, l2-normalised -> scores of k prototypes of length
    one (caron2021).

    The prototypes stand still for the first share `frozen` of the training. `std`: of the normal
    law, cut at 2, of the MLP's first weights, its biases then start at zero (the released code:
    .02); None is torch's own start."""

    def __init__(
        self,
        features: int,
        hidden: int,
        d: int,
        k: int,
        *,
        frozen=0.0,
        norm=False,
        std: float | None = None,
    ):
        super().__init__()
        sizes, layers = [features, hidden, hidden], []
        for a, b in zip(sizes[:-1], sizes[1:], strict=True):
            layers += [
                nn.Linear(a, b, bias=not norm),
                *([nn.BatchNorm1d(b)] if norm else []),
                nn.GELU(),
            ]
        self.net = nn.Sequential(*layers, nn.Linear(hidden, d))
        if std is not None:
            normal(self.net, std)
        self.prototypes = nn.Parameter(F.normalize(torch.randn(k, d), dim=1))
        self.frozen, self.progress = frozen, 0.0

    def forward(self, h: Tensor) -> Tensor:
        """Cosines (n, k) of the bottleneck of features (n, features) with the prototypes."""
        prototypes = self.prototypes.detach() if self.progress < self.frozen else self.prototypes
        return F.normalize(self.net(h), dim=1) @ F.normalize(prototypes, dim=1).T
