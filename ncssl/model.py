"""The two-branch step: encode, observe, predict, target, loss; then the optimiser; then follow."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ncssl import parallel
from ncssl.errors import UnknownName
from ncssl.methods import Branch, Method
from ncssl.methods.core import TARGETS


class Siamese(nn.Module):
    """Encoder, projector and predictor of a method, with its target; the whole state is in its
    state_dict.

    `features` is the width of the encoder's output, `d` the width asked of the projections.
    """

    def __init__(
        self,
        encoder: nn.Module,
        features: int,
        hidden: int,
        d: int,
        method: Method,
        bf16: bool = False,
    ):
        super().__init__()
        self.method, self.encoder, self.bf16 = method, encoder, bf16
        self.projector, width = method.project(features, hidden, d)
        self.predictor = method.predictor(width)
        online = nn.Sequential(encoder, self.projector)
        self.target = copy.deepcopy(online).requires_grad_(False) if method.keep else None
        self.use("online")
        # features of the last batch's first view, for who learns beside the method
        self.seen: Tensor | None = None

    def encode(self, x: Tensor, encoder: nn.Module | None = None) -> Tensor:
        """Features (n, features) in float32; the encoder alone runs in bf16 when asked, heads stay
        in float32."""
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.bf16):
            return (encoder or self.encoder)(x).float()

    def tell(self, progress: float) -> None:
        """Let the heads that ask for it know the share of the training that is done."""
        parts: list[Any] = [self.predictor, *self.projector.modules()]
        for part in parts:
            if hasattr(part, "progress"):
                part.progress = progress

    def forward(self, views: Sequence[Tensor], progress: float = 0.0) -> Tensor:
        """The loss of a batch seen in several views, each (n, c, h, w), at `progress` in [0, 1] of
        the training. Of several processes each gives its share of the rows and gets the loss of
        all."""
        self.tell(progress)
        h = [self.encode(x) for x in views]
        z = [parallel.gather(self.projector(v)) for v in h]
        if self.target is None:
            t = z[:TARGETS]
        else:
            t = [self.target[1](self.encode(x, self.target[0])) for x in views[:TARGETS]]
            t = [parallel.gather(v) for v in t]
        if self.method.stop_gradient:
            t = [v.detach() for v in t]
        self.predictor.observe([v.detach() for v in z[:TARGETS]], [v.detach() for v in t])
        p = [self.predictor(v) for v in z]
        targets: list[Tensor | None] = [*t, *[None] * (len(z) - len(t))]
        self.seen = h[0].detach()
        return self.method.loss(
            [Branch(*branch) for branch in zip(z, p, targets, strict=True)], self.predictor
        )

    def use(self, which: str) -> None:
        """Say whether the online or the target network is `used` after training. Raises
        UnknownName, ValueError."""
        if which not in ("online", "target"):
            raise UnknownName("evaluated", which, ("online", "target"))
        if which == "online":
            self.used = (self.encoder, self.projector)
        elif self.target is not None:
            self.used = (self.target[0], self.target[1])
        else:
            raise ValueError(
                "evaluated was 'target'; allowed: with keep above 0, else there is no target"
                " network"
            )

    @torch.no_grad()
    def follow(self, progress: float = 0.0) -> None:
        """After the optimiser: the closed-form predictor is set, the target's parameters move
        (buffers do not)."""
        self.predictor.follow()
        if self.target is not None:
            online: list[Tensor] = [*self.encoder.parameters(), *self.projector.parameters()]
            torch._foreach_lerp_(
                list(self.target.parameters()), online, 1 - self.method.keep_at(progress)
            )

    def groups(self, lr: float, weight_decay: float, decay_vectors: bool = True) -> list[dict]:
        """Parameter groups for the optimiser: the trunk, and the predictor with its own rate and
        weight decay; without `decay_vectors`, biases and the parameters of norms apart, with none.
        """
        m = self.method
        own = (m.trunk_weight_decay, m.predictor_weight_decay)
        trunk_decay, head_decay = (weight_decay if decay is None else decay for decay in own)
        trunk = [*self.encoder.parameters(), *self.projector.parameters()]
        groups: list[dict[str, Any]] = [
            {"params": trunk, "lr": lr, "weight_decay": trunk_decay, "name": "trunk"}
        ]
        if head := list(self.predictor.parameters()):
            groups.append(
                {
                    "params": head,
                    "lr": lr * m.predictor_lr,
                    "weight_decay": head_decay,
                    "name": "predictor",
                }
            )
        if decay_vectors:
            return groups
        vectors = [
            g | {"params": [w for w in g["params"] if w.ndim < 2], "weight_decay": 0.0}
            for g in groups
        ]
        matrices = [g | {"params": [w for w in g["params"] if w.ndim > 1]} for g in groups]
        return [g for g in (*matrices, *vectors) if g["params"]]
