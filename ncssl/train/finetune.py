"""Training an encoder on pseudo-labels, and rounds of labelling and training."""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ncssl.errors import NotFinite
from ncssl.evaluate.checks import numbered
from ncssl.evaluate.pseudo import cluster, cluster_quality, keep_sure
from ncssl.nn.heads import added
from ncssl.nn.margin import MarginHead
from ncssl.train.optim import lr_factor, optimiser

Crops = Callable[[Tensor, torch.Generator], Tensor]
Measure = Callable[[nn.Module, Any, Any], dict[str, float]]


class Stage(NamedTuple):
    """Epochs of SGD, its rate falling from lr to 0 by a cosine, of the head alone or of the whole
    network."""

    epochs: int
    lr: float
    whole: bool


STAGES = (Stage(30, 0.1, False), Stage(70, 0.01, True))  # epochs and rates of hyperion's ssl.v1


def fine_tune(
    encoder: nn.Module,
    crops: Crops,
    y: Any,
    d: int,
    *,
    stages: Sequence[Stage] = STAGES,
    batch: int = 64,
    each: int = 6,
    warmup: int = 10,
    momentum: float = 0.9,
    weight_decay: float = 2e-5,
    seed: int = 0,
    **head: Any,
) -> list[float]:
    """Train the encoder in place to tell labels y (n,) apart by an angular-margin softmax; mean
    loss of each epoch.

    Rows labelled -1 are left out. crops(rows, generator) gives the inputs of rows (batch,),
    encoder(inputs) embeddings (batch, d). An epoch draws about `each` crops a row, every class as
    often. The margin rises over `warmup` epochs; head: other options of `MarginHead`. The encoder
    is in eval mode while the head trains alone, and at the end. The same seed on the same device
    gives the same weights; the global random state is left alone. Raises ValueError for fewer than
    2 classes, NotFinite if the loss is not.
    """
    device = next(encoder.parameters()).device
    y = torch.as_tensor(numbered("y", y, len(y), least=-1), device=device)
    rows = (y >= 0).nonzero().flatten()
    counts = y[rows].bincount()
    if len(counts) < 2:
        raise ValueError(
            f"y had {len(counts)} classes among {len(rows)} rows that are not -1; allowed: at"
            " least 2"
        )
    steps, total = max(1, len(rows) * each // batch), sum(stage.epochs for stage in stages)
    losses: list[float] = []
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        generator = torch.Generator(device).manual_seed(seed)
        classifier = MarginHead(d, len(counts), warmup=min(1.0, warmup / total), **head).to(device)

        def batches() -> Iterator[tuple[Tensor, Tensor]]:
            drawn = torch.multinomial(
                1 / counts[y[rows]], steps * batch, replacement=True, generator=generator
            )
            return ((crops(some, generator), y[some]) for some in rows[drawn].split(batch))

        for stage in stages:
            step = _stepper(encoder, classifier, stage, steps, momentum, weight_decay)
            for _ in range(stage.epochs):
                classifier.progress = len(losses) / total
                losses.append(added(step(*pair) for pair in batches()).item() / steps)
                if not math.isfinite(losses[-1]):
                    raise NotFinite(
                        f"the loss was {losses[-1]} in epoch {len(losses)}; a lower lr may help"
                    )
    encoder.eval()
    return losses


def _stepper(
    encoder: nn.Module,
    head: MarginHead,
    stage: Stage,
    steps: int,
    momentum: float,
    weight_decay: float,
) -> Callable[[Tensor, Tensor], Tensor]:
    """One step of a stage as a function of inputs and labels: the detached loss."""
    encoder.train(stage.whole)
    weights = [*head.parameters(), *(encoder.parameters() if stage.whole else ())]
    opt = optimiser(
        "sgd",
        [{"params": weights, "lr": stage.lr, "weight_decay": weight_decay}],
        momentum=momentum,
    )
    counter = count()

    def step(x: Tensor, y: Tensor) -> Tensor:
        opt.param_groups[0]["lr"] = stage.lr * lr_factor(
            next(counter), stage.epochs * steps, 0, "cosine"
        )
        with torch.set_grad_enabled(stage.whole):
            z = encoder(x)
        loss = head(z, y)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
        return loss.detach()

    return step


def pseudo_rounds(
    encoder: nn.Module,
    embed: Callable[[nn.Module], Any],
    crops: Crops,
    d: int,
    *,
    rounds: int = 2,
    clusters: int | None = None,
    similarity: float | None = None,
    least: int = 4,
    farthest: float = 0.1,
    truth: Any = None,
    measure: Measure | None = None,
    seed: int = 0,
    **tuning: Any,
) -> list[dict[str, float]]:
    """Cluster the embeddings, keep the sure rows, fine-tune the encoder in place, `rounds` times; a
    row for each state.

    embed(encoder) gives the training embeddings (n, d), measure(encoder, embeddings, kept clusters)
    more numbers for the row, truth (n,) the true labels, for purity and NMI alone
    (`cluster_quality`; of the kept rows as kept_purity, kept_nmi). rounds + 1 rows, the first
    before any fine-tuning, which goes by labels of the row before and is left out where these are
    fewer than two. The rest as in `cluster`, `keep_sure` and `fine_tune`.
    """
    table: list[dict[str, float]] = []
    for i in range(rounds + 1):
        encoder.eval()
        with torch.no_grad():
            z = embed(encoder)
            y = cluster(z, clusters=clusters, similarity=similarity, seed=seed + i)
            sure = keep_sure(z, y, least=least, farthest=farthest)
            more = measure(encoder, z, sure) if measure else {}
        table.append({"round": i} | more | _quality(y, sure, truth))
        if i < rounds and sure.max() > 0:
            fine_tune(encoder, crops, sure, d, seed=seed + i, **tuning)
    return table


def _quality(y: Any, sure: Any, truth: Any) -> dict[str, float]:
    against = y if truth is None else truth
    every, kept = cluster_quality(y, against), cluster_quality(sure, against)
    sizes = {"clusters": every["clusters"], "kept": kept["kept"], "kept_clusters": kept["clusters"]}
    if truth is None:
        return sizes
    return (
        sizes
        | {k: every[k] for k in ("purity", "nmi")}
        | {f"kept_{k}": kept[k] for k in ("purity", "nmi")}
    )
