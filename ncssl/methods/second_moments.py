"""Methods whose head or loss is made from second moments: whitened projections, covariances of
parts."""

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from ncssl import losses
from ncssl.checks import in_range, one_of, whole
from ncssl.methods.core import Branch, Loss, Method, across, method, no_predictor, ordered, project
from ncssl.nn import Head, Linear, Mlp, OffDiagonal, Standardise
from ncssl.nn.heads import added

HEADS: dict[str, Callable[..., Head]] = {
    "off_diagonal": OffDiagonal,
    "identity_linear": partial(Linear, identity=True),
    "linear": Linear,
    "mlp": lambda d: Mlp(d, 4 * d),
    "none": no_predictor,
}
NORMALISATIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "batch": losses.decorrelated,
    "batch_detached": partial(losses.decorrelated, through=False),
    "l2": losses.normalised_mse,
    "none": losses.euclidean,
}


@method
def offdiagonal(
    head: str = "off_diagonal",
    symmetric: bool = False,
    normalisation: str = "batch",
    stop_gradient: bool = True,
    keep: float = 0.0,
    keep_schedule: str = "constant",
    predictor_lr: float = 1.0,
    predictor_weight_decay: float | None = None,
) -> Method:
    """Head I + E with only the off-diagonals of E learned from zero, outputs batch-normalised
    (wen2022).

    head: off_diagonal, identity_linear, linear, mlp, none; normalisation: batch, batch_detached,
    l2, none.
    """
    one_of("head", head, tuple(HEADS))
    one_of("normalisation", normalisation, tuple(NORMALISATIONS))
    if symmetric and head in ("mlp", "none"):
        raise ValueError(f"symmetric needs a matrix as head; head was {head!r}")
    made = partial(HEADS[head], symmetric=True) if symmetric else HEADS[head]
    return Method(
        loss=across(NORMALISATIONS[normalisation], 0.5),
        predictor=made,
        paper="wen2022",
        keep=keep,
        keep_schedule=keep_schedule,
        stop_gradient=stop_gradient,
        predictor_lr=predictor_lr,
        predictor_weight_decay=predictor_weight_decay,
    )


def inv_cov(inv: float, cov: float, parts: int, form: str, per_part: bool) -> Loss:
    """liu2022, eq. 17 and 19, summed over both directions; `per_part` divides the sum over parts by
    their number."""

    def loss(views: Sequence[Branch], head: Head) -> Tensor:
        total = inv * added(losses.invariance(a.p, b.t) for a, b in ordered(views))
        if cov:
            W = head.matrix()
            W = torch.eye(views[0].z.shape[1], device=views[0].z.device) if W is None else W
            share = cov / parts if per_part else cov
            grams = (losses.gram(W, v.z, parts=parts, form=form) for v in views)
            total = total + share * added(grams)
        return total

    return loss


@method
def invcov(
    inv: float = 1.0,
    cov: float = 1.0,
    std: bool = True,
    predictor: str = "linear",
    parts: int = 1,
    form: str = "output",
    per_part: bool = False,
    identity: bool = True,
    stop_gradient: bool = False,
    keep: float = 0.0,
    output_norm: bool = False,
    layers: int = 3,
) -> Method:
    """Invariance and the predictor's Gram matrix as a constraint, no stop-gradient (liu2022, eq.
    17-19; has no name).

    std standardises the projections; predictor "none" fixes it to I; parts: of the batch; identity:
    W starts at I.
    """
    for name, value in dict(inv=inv, cov=cov).items():
        in_range(name, value, 0, math.inf)
    one_of("predictor", predictor, ("linear", "none"))
    one_of("form", form, ("output", "input"))
    whole("parts", parts)
    whole("layers", layers)

    def projector(features: int, hidden: int, d: int):
        net, width = project(features, hidden, d, layers=layers, output_norm=output_norm)
        return (net.append(Standardise()) if std else net), width

    head = partial(Linear, identity=identity) if predictor == "linear" else no_predictor
    return Method(
        loss=inv_cov(inv, cov, parts, form, per_part),
        predictor=head,
        paper="liu2022",
        project=projector,
        keep=keep,
        stop_gradient=stop_gradient,
    )
