"""Every method is a declaration: a function of keyword options that returns a frozen Method."""

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import permutations
from typing import NamedTuple

from torch import Tensor

from ncssl import losses
from ncssl.errors import UnknownName
from ncssl.nn.heads import ClosedForm, Linear, Mlp, NoPredictor, Predictor
from ncssl.nn.rules import EPS_FORMS, direct_pred


class Branch(NamedTuple):
    """What one view gives: projection z, prediction p, target t; each (n, d)."""

    z: Tensor
    p: Tensor
    t: Tensor


def across(loss: Callable[[Tensor, Tensor], Tensor], weight: float = 1.0) -> Callable[[Sequence[Branch]], Tensor]:
    """Loss summed over ordered pairs of views, prediction of one against target of the other, times `weight`."""

    def over_pairs(views: Sequence[Branch]) -> Tensor:
        return weight * sum(loss(a.p, b.t) for a, b in permutations(views, 2))

    return over_pairs


@dataclass(frozen=True)
class Method:
    """A method for the engine of `ncssl.model`; `keep` is the weight of the past in the target (0: no EMA)."""

    loss: Callable[[Sequence[Branch]], Tensor]
    predictor: Callable[[int], Predictor]
    paper: str
    keep: float = 0.0
    keep_schedule: str = "constant"
    stop_gradient: bool = True
    output_norm: bool = False
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
            raise ValueError("stop_gradient=False needs keep=0: an EMA target has no gradient to stop")

    def keep_at(self, progress: float) -> float:
        """Weight of the past at `progress` in [0, 1]; cosine from `keep` to 1 (grill2020, tau_k) or constant."""
        if self.keep_schedule == "constant":
            return self.keep
        return 1 - (1 - self.keep) * (math.cos(math.pi * progress) + 1) / 2


def in_range(name: str, value: float, low: float, high: float) -> None:
    """Raise ValueError unless low <= value <= high."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"{name} was {value!r}; allowed: a number in [{low}, {high}]")


def one_of(name: str, value: str, allowed: Sequence[str]) -> None:
    """Raise UnknownName unless value is one of allowed."""
    if value not in allowed:
        raise UnknownName(name, value, allowed)


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
    known = defaults(name)
    for option, value in options.items():
        if option not in known:
            raise UnknownName(f"option of {name}", option, known)
        if isinstance(known[option], bool) and not isinstance(value, bool):
            raise ValueError(f"{option} was {value!r}; allowed: true, false")
    resolved = known | options
    return replace(METHODS[name](**resolved), name=name, options=resolved)


def learned(kind: str, hidden: Callable[[int], int], bias: bool, symmetric: bool) -> Callable[[int], Predictor]:
    """The learned predictors by name: mlp, linear, none."""
    one_of("predictor", kind, ("mlp", "linear", "none"))
    if kind != "linear" and (symmetric or bias):
        raise ValueError(f"symmetric_predictor and predictor_bias need predictor='linear'; predictor was {kind!r}")
    if kind == "mlp":
        return lambda d: Mlp(d, hidden(d))
    if kind == "linear":
        return partial(Linear, bias=bias, symmetric=symmetric)
    return lambda d: NoPredictor()


@method
def simsiam(
    predictor="mlp", stop_gradient=True, keep=0.0, keep_schedule="constant", predictor_bias=False,
    symmetric_predictor=False, predictor_lr=1.0, predictor_weight_decay=None, trunk_weight_decay=None, output_norm=True,
) -> Method:  # fmt: skip
    """Predictor and stop-gradient, no momentum target, mean of negative cosines (chen2021); bottleneck d/4."""
    return Method(
        across(losses.cosine, 0.5), learned(predictor, lambda d: d // 4, predictor_bias, symmetric_predictor),
        "chen2021", keep, keep_schedule, stop_gradient, output_norm, predictor_lr, predictor_weight_decay,
        trunk_weight_decay,
    )  # fmt: skip


@method
def byol(
    predictor="mlp", stop_gradient=True, keep=0.996, keep_schedule="constant", predictor_bias=False,
    symmetric_predictor=False, predictor_lr=1.0, predictor_weight_decay=None, trunk_weight_decay=None,
    output_norm=False,
) -> Method:  # fmt: skip
    """Predictor and momentum target, sum over both directions of 2 - 2 cos (grill2020); hidden layer of 4 d."""
    return Method(
        across(losses.normalised_mse), learned(predictor, lambda d: 4 * d, predictor_bias, symmetric_predictor),
        "grill2020", keep, keep_schedule, stop_gradient, output_norm, predictor_lr, predictor_weight_decay,
        trunk_weight_decay,
    )  # fmt: skip


@method
def directpred(
    eps=0.1, rho=0.3, freq=1, eps_form="code", shift=0.0, keep=0.996, keep_schedule="constant",
    stop_gradient=True, output_norm=False,
) -> Method:  # fmt: skip
    """Linear predictor set from the projections' second moment (tian2021, eq. 18-19; Tables 6-8); BYOL's loss."""
    in_range("eps", eps, 0, math.inf)
    in_range("rho", rho, 0, 1)
    one_of("eps_form", eps_form, EPS_FORMS)
    if not isinstance(freq, int) or freq < 1:
        raise ValueError(f"freq was {freq!r}; allowed: an integer >= 1 (steps between two settings of the predictor)")
    rule = partial(direct_pred, eps=eps, eps_form=eps_form, shift=shift)
    return Method(
        across(losses.normalised_mse), lambda d: ClosedForm(d, rule, rho=rho, freq=freq),
        "tian2021", keep, keep_schedule, stop_gradient, output_norm,
    )  # fmt: skip
