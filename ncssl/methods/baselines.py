"""The methods that the papers compare with: decorrelation, contrast, clustering,
self-distillation."""

import math
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from ncssl import losses
from ncssl.checks import in_range, positive, whole
from ncssl.losses.clusters import sharpened
from ncssl.methods.core import (
    TARGETS,
    Branch,
    Method,
    between,
    method,
    no_predictor,
    ordered,
    project,
)
from ncssl.nn import Centre, Head, KeyQueue, Linear, PrototypeHead, Prototypes
from ncssl.nn.heads import added


@method
def barlow_twins(weight: float = 5e-3, layers: int = 3) -> Method:
    """Cross-correlation of the views made the identity (zbontar2021, eq. 1)."""
    in_range("weight", weight, 0, math.inf)
    whole("layers", layers)
    return Method(
        loss=between(partial(losses.barlow, weight=weight)),
        predictor=no_predictor,
        paper="zbontar2021",
        project=partial(project, layers=layers),
        stop_gradient=False,
    )


@method
def vicreg(
    invariance: float = 25.0, variance: float = 25.0, covariance: float = 1.0, layers: int = 3
) -> Method:
    """Invariance, a hinge on standard deviations, squared covariances (bardes2022; scaling of its
    released code)."""
    weights = dict(invariance=invariance, variance=variance, covariance=covariance)
    for name, value in weights.items():
        in_range(name, value, 0, math.inf)
    whole("layers", layers)
    return Method(
        loss=between(partial(losses.vicreg, **weights)),
        predictor=no_predictor,
        paper="bardes2022",
        project=partial(project, layers=layers),
        stop_gradient=False,
    )


@method
def wmse(part: int = 128, eps: float = 0.0) -> Method:
    """Distance of views whitened in parts of the batch (ermolov2021); needs parts of more rows than
    channels."""
    whole("part", part, 2)
    in_range("eps", eps, 0, 1)
    return Method(
        loss=between(partial(losses.wmse, part=part, eps=eps)),
        predictor=no_predictor,
        paper="ermolov2021",
        stop_gradient=False,
    )


@method
def simclr(temperature: float = 0.5, hidden_norm: bool = True) -> Method:
    """NT-Xent: each view against all others of the batch (chen2020, eq. 1)."""
    positive("temperature", temperature)
    return Method(
        loss=between(partial(losses.nt_xent, temperature=temperature)),
        predictor=no_predictor,
        paper="chen2020",
        project=partial(project, hidden_norm=hidden_norm),
        stop_gradient=False,
    )


@method
def cpc(bias: bool = False, stop_gradient: bool = False) -> Method:
    """InfoNCE with a learned bilinear score between the views, other rows as negatives (oord2018,
    eq. 3-4)."""

    def loss(views: Sequence[Branch], head: Head) -> Tensor:
        pairs = ordered(views)
        return added(losses.cpc(a.p, b.t) for a, b in pairs) / len(pairs)

    return Method(
        loss=loss,
        predictor=partial(Linear, bias=bias),
        paper="oord2018",
        stop_gradient=stop_gradient,
    )


@method
def moco(
    temperature: float = 0.1,
    queue: int = 4096,
    keep: float = 0.99,
    keep_schedule: str = "constant",
    layers: int = 2,
    symmetric: bool = True,
) -> Method:
    """InfoNCE of queries against the momentum encoder's keys and a queue of former keys (he2020;
    v2, symmetric).

    layers=1 is v1's projector (its temperature .07, symmetric=False: the first view asks, the
    second is the key).
    """
    positive("temperature", temperature)
    whole("queue", queue)
    whole("layers", layers)

    def loss(views: Sequence[Branch], head: KeyQueue) -> Tensor:
        directions = [(0, 1), (1, 0)] if symmetric else [(0, 1)]
        terms = [
            losses.info_nce(views[i].p, views[j].t, head.queue[j], temperature=temperature)
            for i, j in directions
        ]
        return added(terms) / len(terms)

    if keep == 0:
        raise ValueError("keep was 0; allowed: above 0 (the keys come from a momentum encoder)")
    return Method(
        loss=loss,
        predictor=partial(KeyQueue, size=queue),
        paper="he2020",
        project=partial(project, layers=layers, hidden_norm=False),
        keep=keep,
        keep_schedule=keep_schedule,
    )


@method
def swav(
    prototypes: int = 512,
    temperature: float = 0.1,
    eps: float = 0.05,
    iterations: int = 3,
    queue: int = 0,
    queue_from: float = 0.1,
    frozen: float = 0.01,
    layers: int = 2,
) -> Method:
    """Each view predicts the other's balanced cluster code (caron2020); queue joins the codes late.

    frozen, queue_from: shares of the training in which prototypes stand still, and after which the
    queue is used.
    """
    positive("temperature", temperature)
    positive("eps", eps)
    for name, value in dict(prototypes=prototypes, iterations=iterations, layers=layers).items():
        whole(name, value)
    whole("queue", queue, 0)
    in_range("frozen", frozen, 0, 1)
    in_range("queue_from", queue_from, 0, 1)

    def loss(views: Sequence[Branch], head: Prototypes) -> Tensor:
        terms = []
        for i, b in enumerate(views[:TARGETS]):
            scores = torch.cat([b.p.detach(), head.remembered(i)])
            codes = losses.sinkhorn(scores, eps=eps, iterations=iterations)[: len(b.p)]
            for j, a in enumerate(views):
                if i != j:
                    terms.append(losses.code_cross_entropy(a.p, codes, temperature=temperature))
        return added(terms) / len(terms)

    head = partial(Prototypes, k=prototypes, queue=queue, frozen=frozen, queue_from=queue_from)
    return Method(
        loss=loss, predictor=head, paper="caron2020", project=partial(project, layers=layers)
    )


def distilled(views: Sequence[Branch], separate: bool | None) -> list[tuple[Branch, Branch]]:
    """Pairs of a student's and another view of the teacher; `separate`: the student sees only views
    that the teacher does not. Raises ValueError if there are none."""
    if not separate:
        return ordered(views)
    if len(views) <= TARGETS:
        raise ValueError(
            f"separate was True; allowed: with more than {TARGETS} views, not {len(views)}"
        )
    return [(a, b) for b in views[:TARGETS] for a in views[TARGETS:]]


@method
def dino(
    prototypes: int = 1024,
    student_temperature: float = 0.1,
    teacher_temperature: float = 0.04,
    warm_temperature: float = 0.04,
    warm: float = 0.0,
    centre_keep: float = 0.9,
    keep: float = 0.996,
    keep_schedule: str = "cosine",
    frozen: float = 0.01,
    norm: bool = False,
    centring: bool = True,
    head_std: float | None = None,
    separate: bool | None = None,
) -> Method:
    """Student's softmax under the momentum teacher's, centred and sharpened (caron2021); multi-crop
    by the policy.

    The teacher's temperature goes from warm_temperature to its own over the share `warm`;
    centring=False: ablation. head_std: see PrototypeHead; separate=True: the student sees the small
    views only (hyperion's later recipe).
    """
    positive("student_temperature", student_temperature)
    positive("teacher_temperature", teacher_temperature)
    positive("warm_temperature", warm_temperature)
    for share, value in dict(centre_keep=centre_keep, warm=warm, frozen=frozen).items():
        in_range(share, value, 0, 1)
    whole("prototypes", prototypes, 2)
    if head_std is not None:
        positive("head_std", head_std)
    if separate is not None and separate is not True:
        raise ValueError(f"separate was {separate!r}; allowed: none, true")

    def loss(views: Sequence[Branch], head: Centre) -> Tensor:
        share = min(1.0, head.progress / warm) if warm else 1.0
        sharp = warm_temperature + share * (teacher_temperature - warm_temperature)
        centre = head.centre if centring else torch.zeros_like(head.centre)
        goals = [sharpened(b.t, centre, temperature=sharp) for b in views[:TARGETS]]
        first = [b._replace(t=t) for b, t in zip(views[:TARGETS], goals, strict=True)]
        pairs = distilled([*first, *views[TARGETS:]], separate)
        distance = partial(losses.code_cross_entropy, temperature=student_temperature)
        total = added(distance(a.p, b.t) for a, b in pairs) / len(pairs)
        head.note(goals, total.detach())
        return total

    def projector(features: int, hidden: int, d: int):
        return (
            PrototypeHead(features, hidden, d, prototypes, frozen=frozen, norm=norm, std=head_std),
            prototypes,
        )

    return Method(
        loss=loss,
        predictor=partial(Centre, keep=centre_keep),
        paper="caron2021",
        project=projector,
        keep=keep,
        keep_schedule=keep_schedule,
    )
