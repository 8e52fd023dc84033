"""What a method is: a function of keyword options that returns a frozen Method, entered in METHODS
by its name."""

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, NamedTuple, cast

from torch import Tensor, nn

from ncssl.checks import in_range, one_of
from ncssl.declarations import resolved
from ncssl.errors import UnknownName
from ncssl.losses import iso as isotropic
from ncssl.nn import Head, NoPredictor, mlp
from ncssl.nn.heads import added

TARGETS = 2  # views that give targets: the first two (with multi-crop these are the global ones)


class Branch(NamedTuple):
    """What one view gives: projection z, prediction p, each (n, d), and target t, None beyond the
    first two views."""

    z: Tensor
    p: Tensor
    t: Tensor | None


# of the views of a batch, and the head that holds what lasts: of the method's own kind
Loss = Callable[[Sequence[Branch], Any], Tensor]


def ordered(views: Sequence[Branch]) -> list[tuple[Branch, Branch]]:
    """Pairs of a view and another one that has a target; with two views, both orders."""
    return [(a, b) for i, b in enumerate(views[:TARGETS]) for j, a in enumerate(views) if i != j]


def across(
    loss: Callable[[Tensor, Tensor], Tensor], weight: float = 1.0, *, iso: bool = False
) -> Loss:
    """Loss summed over ordered pairs of views, prediction of one against target of the other, times
    `weight`; with `iso` the gradient skips the predictor (halvagal2023)."""

    def over_pairs(views: Sequence[Branch], head: Head) -> Tensor:
        return weight * added(
            loss(isotropic(a.z, a.p) if iso else a.p, cast(Tensor, b.t)) for a, b in ordered(views)
        )

    return over_pairs


def between(loss: Callable[[Tensor, Tensor], Tensor]) -> Loss:
    """Loss of the projections of two views, mean over the pairs of views; the gradient goes to
    both."""

    def over_pairs(views: Sequence[Branch], head: Head) -> Tensor:
        pairs = list(combinations(views, 2))
        return added(loss(a.z, b.z) for a, b in pairs) / len(pairs)

    return over_pairs


def project(
    features: int,
    hidden: int,
    d: int,
    *,
    layers: int = 2,
    hidden_norm: bool = True,
    output_norm: bool = False,
) -> tuple[nn.Sequential, int]:
    """The usual projector: an MLP features -> hidden ... -> d, and its width."""
    sizes = [features, *[hidden] * (layers - 1), d]
    return mlp(sizes, output_norm=output_norm, hidden_norm=hidden_norm), d


def no_predictor(d: int) -> Head:
    """The head of methods that compare projections."""
    return NoPredictor()


@dataclass(frozen=True, kw_only=True)
class Method:
    """A method for the engine of `ncssl.model`; `keep` is the weight of the past in the target (0:
    no EMA).

    project(features, hidden, d) gives the projector and its width, predictor(width) the head after
    it. Every field is given by name.
    """

    loss: Loss
    predictor: Callable[[int], Head]
    paper: str
    project: Callable[[int, int, int], tuple[nn.Module, int]] = project
    keep: float = 0.0
    keep_schedule: str = "constant"
    stop_gradient: bool = True
    predictor_lr: float = 1.0
    predictor_weight_decay: float | None = None  # None: the recipe's
    trunk_weight_decay: float | None = None  # None: the recipe's
    name: str = ""
    options: dict = field(default_factory=dict)

    def __post_init__(self):
        in_range("keep", self.keep, 0, 1)
        in_range("predictor_lr", self.predictor_lr, 0, math.inf)
        for name in ("predictor_weight_decay", "trunk_weight_decay"):
            if getattr(self, name) is not None:
                in_range(name, getattr(self, name), 0, math.inf)
        one_of("keep_schedule", self.keep_schedule, ("constant", "cosine"))
        if self.keep > 0 and not self.stop_gradient:
            raise ValueError(
                "stop_gradient=False needs keep=0: an EMA target has no gradient to stop"
            )

    def keep_at(self, progress: float) -> float:
        """Weight of the past at `progress` in [0, 1]; cosine from `keep` to 1 (grill2020, tau_k) or
        constant."""
        if self.keep_schedule == "constant":
            return self.keep
        return 1 - (1 - self.keep) * (math.cos(math.pi * progress) + 1) / 2


METHODS: dict[str, Callable[..., Method]] = {}


def method(declare: Callable[..., Method]) -> Callable[..., Method]:
    """Enter a declaration in METHODS under its function's name."""
    METHODS[declare.__name__] = declare
    return declare


def defaults(name: str) -> dict:
    """The options of a method with their defaults; raises UnknownName."""
    if name not in METHODS:
        raise UnknownName("method", name, METHODS)
    return {k: p.default for k, p in inspect.signature(METHODS[name]).parameters.items()}


def make(name: str, **options) -> Method:
    """The method `name` with the given options; an unknown name or option raises UnknownName."""
    full = resolved(name, options, defaults(name))
    return replace(METHODS[name](**full), name=name, options=full)
