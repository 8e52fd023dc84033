"""SIGReg: outputs that are standard normal along every direction, with nothing beside it, and with
the parts that it is said to make unnecessary."""

import math
from collections.abc import Sequence
from functools import partial

from torch import Tensor
from torch.nn.functional import mse_loss

from ncssl import losses
from ncssl.checks import in_range, one_of, positive, whole
from ncssl.methods.core import TARGETS, Branch, Loss, Method, across, method, project
from ncssl.methods.predictor_methods import learned
from ncssl.nn import Head, Slices
from ncssl.nn.heads import added


@method
def sigreg(
    weight: float = 0.02,
    weighting: str = "blend",
    slices: int = 256,
    points: int = 17,
    reach: float = 3.0,
    layers: int = 3,
) -> Method:
    """Views agree, and every projection on a line is standard normal (balestriero2025, LeJEPA; its
    released code).

    weighting "blend": (1 - weight) agreement + weight SIGReg; "add": agreement + weight SIGReg. No
    predictor, no stop-gradient, no running average. The code's example has weight .02 at d 16; the
    agreement is a mean over d.
    """
    in_range("weight", weight, 0, 1 if weighting == "blend" else math.inf)
    one_of("weighting", weighting, ("blend", "add"))
    whole("layers", layers)
    normal = standard_normal(slices, points, reach)
    rest = 1 - weight if weighting == "blend" else 1.0

    def loss(views: Sequence[Branch], head: Head) -> Tensor:
        agreement = losses.spread(*(v.z for v in views), centres=TARGETS)
        return rest * agreement + weight * normal(views, head)

    return Method(
        loss=loss,
        predictor=partial(Slices, m=slices),
        paper="balestriero2025",
        project=partial(project, layers=layers),
        stop_gradient=False,
    )


def standard_normal(slices: int, points: int, reach: float) -> Loss:
    """SIGReg of the projections along the head's directions, mean over the views."""
    positive("reach", reach)
    whole("slices", slices)
    whole("points", points, 2)

    def over_views(views: Sequence[Branch], head: Slices) -> Tensor:
        along = head.directions()
        each = (losses.sigreg(v.z, along, points=points, reach=reach) for v in views)
        return added(each) / len(views)

    return over_views


@method
def sigreg_predicted(
    weight: float = 0.02,
    predictor: str = "mlp",
    stop_gradient: bool = False,
    keep: float = 0.0,
    slices: int = 256,
    points: int = 17,
    reach: float = 3.0,
    layers: int = 3,
) -> Method:
    """SIGReg beside the parts that it is said to make unnecessary: a predictor, a stop-gradient, a
    running average as target (balestriero2025, Table 4, whose predictor is not described; here
    BYOL's).

    (1 - weight) times an eighth of the mean squared distances of predictions and targets, both
    ways, + weight SIGReg: without any of the parts this is `sigreg` of two views.
    """
    in_range("weight", weight, 0, 1)
    whole("layers", layers)
    head = learned(predictor, lambda d: 4 * d, bias=False, symmetric=False)
    normal, agreement = standard_normal(slices, points, reach), across(mse_loss, 1 / 8)

    def loss(views: Sequence[Branch], head: Head) -> Tensor:
        return (1 - weight) * agreement(views, head) + weight * normal(views, head)

    return Method(
        loss=loss,
        predictor=lambda d: Slices(d, slices, head(d)),
        paper="balestriero2025",
        project=partial(project, layers=layers),
        keep=keep,
        stop_gradient=stop_gradient,
    )
