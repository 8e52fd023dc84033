"""Methods that predict one view from the other: learned predictors, and predictors set in closed
form."""

import math
from collections.abc import Callable
from functools import partial

from ncssl import losses
from ncssl.checks import finite, in_range, one_of, positive, whole
from ncssl.methods.core import Method, across, method, no_predictor, project
from ncssl.nn import DirectPred, DirectSet, Head, Linear, Mlp, Optimal
from ncssl.nn.rules import EPS_FORMS, NORMS

DISTANCES = {"cosine": losses.normalised_mse, "euclidean": losses.euclidean}


def learned(
    kind: str, hidden: Callable[[int], int], bias: bool, symmetric: bool
) -> Callable[[int], Head]:
    """The learned predictors by name: mlp, linear, none."""
    one_of("predictor", kind, ("mlp", "linear", "none"))
    if kind != "linear" and (symmetric or bias):
        raise ValueError(
            "symmetric_predictor and predictor_bias need predictor='linear'; predictor was"
            f" {kind!r}"
        )
    if kind == "mlp":
        return lambda d: Mlp(d, hidden(d))
    if kind == "linear":
        return partial(Linear, bias=bias, symmetric=symmetric)
    return no_predictor


def bottleneck(d: int) -> int:
    """d/4, the hidden layer of SimSiam's predictor; raises ValueError for d below 4."""
    if d < 4:
        raise ValueError(
            f"d was {d}; allowed: at least 4 with predictor 'mlp', whose hidden layer is d/4"
        )
    return d // 4


def closed_form(
    head: type[Head],
    paper: str,
    *,
    eps: float,
    rho: float,
    freq: int,
    keep: float,
    keep_schedule: str,
    stop_gradient: bool,
    output_norm: bool,
    loss: str = "cosine",
    iso: bool = False,
    **rule,
) -> Method:
    """What the closed-form methods share: a head that follows the second moment, and the loss
    across the views."""
    in_range("eps", eps, 0, math.inf)
    in_range("rho", rho, 0, 1)
    one_of("loss", loss, tuple(DISTANCES))
    whole("freq", freq)  # steps between two settings of the predictor
    return Method(
        loss=across(DISTANCES[loss], iso=iso),
        predictor=partial(head, eps=eps, rho=rho, freq=freq, **rule),
        paper=paper,
        project=partial(project, output_norm=output_norm),
        keep=keep,
        keep_schedule=keep_schedule,
        stop_gradient=stop_gradient,
    )


@method
def simsiam(
    predictor: str = "mlp",
    stop_gradient: bool = True,
    keep: float = 0.0,
    keep_schedule: str = "constant",
    predictor_bias: bool = False,
    symmetric_predictor: bool = False,
    predictor_lr: float = 1.0,
    predictor_weight_decay: float | None = None,
    trunk_weight_decay: float | None = None,
    output_norm: bool = True,
) -> Method:
    """Predictor and stop-gradient, no momentum target, mean of negative cosines (chen2021);
    bottleneck d/4."""
    return Method(
        loss=across(losses.cosine, 0.5),
        predictor=learned(predictor, bottleneck, predictor_bias, symmetric_predictor),
        paper="chen2021",
        project=partial(project, output_norm=output_norm),
        keep=keep,
        keep_schedule=keep_schedule,
        stop_gradient=stop_gradient,
        predictor_lr=predictor_lr,
        predictor_weight_decay=predictor_weight_decay,
        trunk_weight_decay=trunk_weight_decay,
    )


@method
def byol(
    predictor: str = "mlp",
    stop_gradient: bool = True,
    keep: float = 0.996,
    keep_schedule: str = "constant",
    predictor_bias: bool = False,
    symmetric_predictor: bool = False,
    predictor_lr: float = 1.0,
    predictor_weight_decay: float | None = None,
    trunk_weight_decay: float | None = None,
    output_norm: bool = False,
) -> Method:
    """Predictor and momentum target, sum over both directions of 2 - 2 cos (grill2020); hidden
    layer of 4 d."""
    return Method(
        loss=across(losses.normalised_mse),
        predictor=learned(predictor, lambda d: 4 * d, predictor_bias, symmetric_predictor),
        paper="grill2020",
        project=partial(project, output_norm=output_norm),
        keep=keep,
        keep_schedule=keep_schedule,
        stop_gradient=stop_gradient,
        predictor_lr=predictor_lr,
        predictor_weight_decay=predictor_weight_decay,
        trunk_weight_decay=trunk_weight_decay,
    )


@method
def directpred(
    eps: float = 0.1,
    rho: float = 0.3,
    freq: int = 1,
    eps_form: str = "code",
    shift: float = 0.0,
    keep: float = 0.996,
    keep_schedule: str = "constant",
    stop_gradient: bool = True,
    output_norm: bool = False,
) -> Method:
    """Linear predictor set from the projections' second moment (tian2021, eq. 18-19; Tables 6-8);
    BYOL's loss."""
    one_of("eps_form", eps_form, EPS_FORMS)
    finite("shift", shift)
    return closed_form(
        DirectPred,
        "tian2021",
        eps=eps,
        rho=rho,
        freq=freq,
        keep=keep,
        keep_schedule=keep_schedule,
        stop_gradient=stop_gradient,
        output_norm=output_norm,
        eps_form=eps_form,
        shift=shift,
    )


@method
def directset(
    alpha: float = 0.5,
    eps: float = 0.1,
    rho: float = 0.5,
    freq: int = 1,
    norm: str = "spectral",
    keep: float = 0.996,
    keep_schedule: str = "constant",
    stop_gradient: bool = True,
    output_norm: bool = False,
) -> Method:
    """Predictor F^alpha / |F^alpha| + eps I of the projections' second moment F (wang2021, section
    2.2)."""
    positive("alpha", alpha)  # F^0 is the identity: no predictor
    one_of("norm", norm, NORMS)
    return closed_form(
        DirectSet,
        "wang2021",
        eps=eps,
        rho=rho,
        freq=freq,
        keep=keep,
        keep_schedule=keep_schedule,
        stop_gradient=stop_gradient,
        output_norm=output_norm,
        alpha=alpha,
        norm=norm,
    )


@method
def directcopy(
    eps: float = 0.3,
    rho: float = 0.5,
    freq: int = 1,
    norm: str = "spectral",
    keep: float = 0.996,
    keep_schedule: str = "constant",
    stop_gradient: bool = True,
    output_norm: bool = False,
) -> Method:
    """DirectSet with alpha 1: the second moment itself is the predictor (wang2021; eps of its
    CIFAR-10 runs)."""
    return directset(
        alpha=1,
        eps=eps,
        rho=rho,
        freq=freq,
        norm=norm,
        keep=keep,
        keep_schedule=keep_schedule,
        stop_gradient=stop_gradient,
        output_norm=output_norm,
    )


@method
def isoloss(
    alpha: float = 0.5,
    eps: float = 0.0,
    rho: float = 0.996,
    freq: int = 1,
    loss: str = "cosine",
    iso: bool = True,
    keep: float = 0.99,
    keep_schedule: str = "cosine",
    stop_gradient: bool = True,
    output_norm: bool = False,
) -> Method:
    """IsoLoss: the gradient skips the closed-form predictor (halvagal2023); iso=False is the base
    loss beside it.

    alpha 1/2, eps 0: on DirectPred; alpha 1, eps .25: on DirectCopy. eps is added after the power,
    in the released code before it: the two agree for these. rho is a step's: the released .998 is
    a crop's.
    """
    positive("alpha", alpha)
    return closed_form(
        DirectSet,
        "halvagal2023",
        eps=eps,
        rho=rho,
        freq=freq,
        keep=keep,
        keep_schedule=keep_schedule,
        stop_gradient=stop_gradient,
        output_norm=output_norm,
        loss=loss,
        iso=iso,
        alpha=alpha,
        norm="spectral",
    )


@method
def optimal(
    ridge: float = 1e-3,
    rho: float = 0.3,
    freq: int = 1,
    keep: float = 0.996,
    keep_schedule: str = "constant",
    stop_gradient: bool = True,
    output_norm: bool = False,
) -> Method:
    """The best linear predictor plugged in every `freq` steps (tian2021, Table 1); how much ridge
    and rho: ours."""
    in_range("ridge", ridge, 0, math.inf)
    whole("freq", freq)
    in_range("rho", rho, 0, 1)
    return Method(
        loss=across(losses.normalised_mse),
        predictor=partial(Optimal, ridge=ridge, rho=rho, freq=freq),
        paper="tian2021",
        project=partial(project, output_norm=output_norm),
        keep=keep,
        keep_schedule=keep_schedule,
        stop_gradient=stop_gradient,
    )
