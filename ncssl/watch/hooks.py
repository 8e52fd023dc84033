"""What the modules of a network gave in one step, taken by hooks that do nothing in the others."""

from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn

VIEWS = 2  # of a step, the first two


@dataclass
class Taken:
    """Of a step: features, projections and predictions (n, d) of its first views, and the gradients
    at the projections, all of it and the part that came through the predictor."""

    features: list[Tensor] = field(default_factory=list)
    projections: list[Tensor] = field(default_factory=list)
    predictions: list[Tensor] = field(default_factory=list)
    whole: dict[int, Tensor] = field(default_factory=dict)
    through: dict[int, Tensor] = field(default_factory=dict)


class Hooks:
    """Hooks on the encoder, projector and predictor that are there; they take what passes while
    `on`, in training mode and with a gradient, of the first `VIEWS` calls."""

    def __init__(self, encoder: nn.Module | None, projector: nn.Module | None, predictor):
        self.on, self.taken = False, Taken()
        self.given: list[Tensor] = []  # what the projector gave, with its graph
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
        self.on, self.taken, self.given = True, Taken(), []

    def stop(self) -> Taken:
        """Take no more; what was taken."""
        self.on, self.given = False, []
        return self.taken

    def remove(self) -> None:
        """Leave the modules as they were."""
        for handle in self.handles:
            handle.remove()

    def wanted(self, module: nn.Module, held: list[Tensor], x: object) -> bool:
        """Whether this call is one to take."""
        learns = module.training and torch.is_grad_enabled()
        return self.on and learns and isinstance(x, Tensor) and len(held) < VIEWS

    def of_encoder(self, module: nn.Module, given: tuple, out: object) -> None:
        """Features, flattened."""
        if self.wanted(module, self.taken.features, out):
            self.taken.features.append(out.detach().flatten(1))

    def of_projector(self, module: nn.Module, given: tuple, out: object) -> None:
        """Projections, and the whole gradient that will come to them."""
        if self.wanted(module, self.taken.projections, out) and out.ndim == 2:
            self.taken.projections.append(out.detach())
            self.given.append(out)

    def into_predictor(self, module: nn.Module, given: tuple) -> tuple | None:
        """The predictor gets its input by a name of its own, so that the gradient that it sends
        back can be told from that of the other uses. Only where its input is the projection."""
        z = given[0] if given else None
        held = self.taken.predictions
        if not self.wanted(module, held, z) or z.ndim != 2 or not z.requires_grad:
            return None
        if self.alone:
            self.taken.projections.append(z.detach())
        elif not any(z is each for each in self.given):
            return None
        own = z.view_as(z)
        z.register_hook(partial(self.taken.whole.__setitem__, len(held)))
        own.register_hook(partial(self.taken.through.__setitem__, len(held)))
        return (own, *given[1:])

    def of_predictor(self, module: nn.Module, given: tuple, out: object) -> None:
        """Predictions."""
        if self.wanted(module, self.taken.predictions, out) and out.ndim == 2:
            self.taken.predictions.append(out.detach())
