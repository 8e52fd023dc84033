"""What the modules of a network gave in one step, taken by hooks that do nothing in the others."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeGuard

import torch
from torch import Tensor, nn

VIEWS = 2  # of a step, the first two
HELD = 16  # projections of a step whose gradients are asked for, at most


@dataclass
class Taken:
    """Of a step: features, projections and predictions (n, d) of its first views, and by projection
    the gradients at all of them, the whole and the part that came through the predictor."""

    features: list[Tensor] = field(default_factory=list)
    projections: list[Tensor] = field(default_factory=list)
    predictions: list[Tensor] = field(default_factory=list)
    whole: dict[int, Tensor] = field(default_factory=dict)
    through: dict[int, Tensor] = field(default_factory=dict)
    entered: set[int] = field(default_factory=set)  # projections that went into the predictor
    alone: bool = False  # without a projector: no other projections are known


class Hooks:
    """Hooks on the encoder, projector and predictor that are there; they take what passes while
    `on`, in training mode and with a gradient, of the first `VIEWS` calls. A forward pass after a
    backward one begins anew: a scaler of gradients may have left the step out, or they add up."""

    def __init__(self, encoder: nn.Module | None, projector: nn.Module | None, predictor):
        self.on, self.taken = False, Taken()
        self.given: list[Tensor] = []  # the projections of the step, with their graph
        self.backed = False  # whether a backward pass has come to what was taken
        self.handles = []
        if encoder is not None:
            self.handles.append(encoder.register_forward_hook(self.of_encoder))
        if projector is not None:
            self.handles.append(projector.register_forward_hook(self.of_projector))
        self.alone = projector is None
        if predictor is not None:
            self.handles.append(predictor.register_forward_pre_hook(self.into_predictor))
            self.handles.append(predictor.register_forward_hook(self.of_predictor))

    def start(self) -> None:
        """Take what the next step gives."""
        self.on, self.backed, self.given = True, False, []
        self.taken = Taken(alone=self.alone)

    def stop(self) -> Taken:
        """Take no more; what was taken."""
        self.on, self.given = False, []
        return self.taken

    def remove(self) -> None:
        """Leave the modules as they were."""
        for handle in self.handles:
            handle.remove()

    def wanted(self, x: object, module: nn.Module) -> TypeGuard[Tensor]:
        """Whether this call is one to take. What checkpointing computes again within a backward
        pass is not."""
        again = torch._C._current_graph_task_id() != -1
        learns = module.training and torch.is_grad_enabled() and not again
        if not (self.on and learns and isinstance(x, Tensor)):
            return False
        if self.backed:
            self.start()
        return True

    def adding(self, into: dict[int, Tensor], i: int) -> Callable[[Tensor], None]:
        """A hook of a tensor that adds its gradient to entry i."""

        def hook(gradient: Tensor) -> None:
            self.backed = True
            into[i] = into[i] + gradient if i in into else gradient

        return hook

    def of_encoder(self, module: nn.Module, given: tuple, out: object) -> None:
        """Features, flattened."""
        if self.wanted(out, module) and len(self.taken.features) < VIEWS:
            self.taken.features.append(out.detach().flatten(1))

    def of_projector(self, module: nn.Module, given: tuple, out: object) -> None:
        """Projections, and the whole gradient that will come to them."""
        if self.wanted(out, module) and out.ndim == 2:
            self.projected(out)

    def projected(self, z: Tensor) -> None:
        """One more projection of the step."""
        if len(self.given) == HELD:
            return
        if len(self.taken.projections) < VIEWS:
            self.taken.projections.append(z.detach())
        if z.requires_grad:
            z.register_hook(self.adding(self.taken.whole, len(self.given)))
        self.given.append(z)

    def into_predictor(self, module: nn.Module, given: tuple) -> tuple | None:
        """The predictor gets its input by a name of its own, so that the gradient that it sends
        back can be told from that of the other uses. Only where its input is the projection."""
        z = given[0] if given else None
        if not self.wanted(z, module) or z.ndim != 2 or not z.requires_grad:
            return None
        if self.alone and not any(z is each for each in self.given):
            self.projected(z)
        i = next((i for i, each in enumerate(self.given) if each is z), None)
        if i is None:
            return None
        own = z.view_as(z)
        self.taken.entered.add(i)
        own.register_hook(self.adding(self.taken.through, i))
        return (own, *given[1:])

    def of_predictor(self, module: nn.Module, given: tuple, out: object) -> None:
        """Predictions."""
        if self.wanted(out, module) and out.ndim == 2 and len(self.taken.predictions) < VIEWS:
            self.taken.predictions.append(out.detach())
