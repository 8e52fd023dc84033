"""Optimisers by name and the learning-rate schedule as one pure function."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ncssl.errors import UnknownName

OPTIMISERS = ("sgd", "lars", "adam", "amsgrad")


class LARS(torch.optim.SGD):
    """SGD with momentum whose rate is scaled layer by layer by trust * |w| / |g|; vectors (bias,
    norm) are left alone.

    Source: You, Gitman, Ginsburg 2017; weight decay is added to the gradient of matrices only, as
    SSL codes do.
    """

    def __init__(
        self, params, lr: float, momentum: float, weight_decay: float, trust: float = 1e-3
    ):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)
        self.trust = trust

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        # before the scaling: SGD's own call of it would make gradients without
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        decays, grads = [group["weight_decay"] for group in self.param_groups], {}
        for group in self.param_groups:
            for w in group["params"]:
                if w.grad is not None and w.ndim > 1:
                    grads[w], w.grad = w.grad, self.scaled(w, group["weight_decay"])
            group["weight_decay"] = 0.0
        try:
            plain_sgd(self)
            return loss
        finally:  # gradients are left as they came: who looks at them after the step means those
            for group, decay in zip(self.param_groups, decays, strict=True):
                group["weight_decay"] = decay
            for w, grad in grads.items():
                w.grad = grad

    def scaled(self, w: Tensor, decay: float) -> Tensor:
        """Gradient with weight decay, scaled by the layer's trust ratio (1 where a norm is
        zero)."""
        assert w.grad is not None, "step asks for those that have one"
        g = w.grad + decay * w
        ratio = self.trust * w.norm() / g.norm()
        return g * torch.where(torch.isfinite(ratio) & (ratio > 0), ratio, 1.0)


def plain_sgd(optimiser: torch.optim.SGD) -> None:
    """SGD's step without the hooks of steps, which torch puts on it when the first SGD is made:
    called within another step, they would run twice."""
    step: Any = torch.optim.SGD.step
    while getattr(step, "hooked", False):
        step = step.__wrapped__
    step(optimiser)


def optimiser(name: str, groups: list[dict], *, momentum: float) -> torch.optim.Optimizer:
    """The optimiser `name` over parameter groups that carry their own lr and weight_decay; raises
    UnknownName."""
    if name not in OPTIMISERS:
        raise UnknownName("optimiser", name, OPTIMISERS)
    if name == "adam":
        return torch.optim.Adam(groups)
    if name == "amsgrad":  # as hyperion trains DINO
        return torch.optim.Adam(groups, betas=(0.9, 0.95), amsgrad=True)
    if name == "lars":
        return LARS(groups, lr=0.0, momentum=momentum, weight_decay=0.0)
    return torch.optim.SGD(groups, momentum=momentum)


def lr_factor(step: int, steps: int, warmup: int, schedule: str) -> float:
    """Factor on the learning rate at `step` of `steps`: linear warm-up, then constant or cosine to
    zero."""
    if step < warmup:
        return (step + 1) / warmup
    if schedule == "constant":
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))
