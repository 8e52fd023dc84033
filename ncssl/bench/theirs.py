"""Their side of the benchmark: single PIL images in a DataLoader with two workers, the usual
loop."""

import copy
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from ncssl import memory
from ncssl.bench.timing import now
from ncssl.bench.transforms import there
from ncssl.model import Siamese
from ncssl.train.optim import optimiser
from ncssl.train.run import Run

WORKERS = 2
AHEAD = 2 * WORKERS  # batches that a DataLoader holds ready


class Pictures(Dataset):
    """As torchvision's CIFAR10: arrays (h, w, c) that become a PIL image when asked for; `n` items,
    going round."""

    def __init__(self, arrays: np.ndarray, n: int, transform: Callable):
        self.arrays, self.n, self.transform = arrays, n, transform

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int):
        return self.transform(Image.fromarray(self.arrays[i % len(self.arrays)])), 0


def torch_loss(p: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    """Negative cosine similarity, mean over the batch, in plain torch."""
    return -F.cosine_similarity(p, z).mean()


def has_lightly() -> bool:
    """Whether lightly can be imported."""
    return bool(there("lightly.loss") and there("lightly.transforms"))


def lightly_loss() -> Callable:
    """lightly's negative cosine similarity."""
    from lightly.loss import NegativeCosineSimilarity

    return NegativeCosineSimilarity()


@contextmanager
def loading(dataset: Dataset, batch: int, workers: int = WORKERS) -> Iterator[Iterator]:
    """Batches from a DataLoader, whose workers are stopped at the end of the block.

    Meanwhile memory is kept and given back as usual, not as our engine asks."""
    memory.keep_freed(False)
    # more workers than cores; from Python 3.12 on, that it forks
    with warnings.catch_warnings(action="ignore"):
        iterator = iter(
            DataLoader(dataset, batch, shuffle=True, drop_last=True, num_workers=workers)
        )
    try:
        yield iterator
    finally:
        if workers:
            iterator._shutdown_workers()
        memory.keep_freed()


@contextmanager
def batches(run: Run, views: Callable, n: int) -> Iterator[Iterator]:
    """`n` batches of two views from a DataLoader, whose workers are busy to the end of the
    block."""
    arrays = run.data.train.images.permute(0, 2, 3, 1).contiguous().cpu().numpy()
    with loading(
        Pictures(arrays, (n + AHEAD) * run.recipe.batch, views), run.recipe.batch
    ) as iterator:
        yield iterator


def network(run: Run) -> Siamese:
    """A copy of the network of `run` in contiguous memory, ready to train."""
    return copy.deepcopy(run.model).to(memory_format=torch.contiguous_format).train()


@torch.no_grad()
def targets(
    model: Siamese, x0: torch.Tensor, x1: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Projections of both views by the momentum network."""
    return model.target(x0), model.target(x1)


@torch.no_grad()
def move(model: Siamese) -> None:
    """The momentum update parameter by parameter, as lightly's utility does it."""
    online = [*model.encoder.parameters(), *model.projector.parameters()]
    for old, new in zip(model.target.parameters(), online, strict=True):
        old.data = old.data * model.method.keep + new.data * (1 - model.method.keep)


def speed(
    run: Run, views: Callable, loss: Callable, waits: list[float], warmup: int, steps: int
) -> float:
    """Images a second of the usual loop with a copy of the network of `run`, in float32 and
    contiguous memory.

    Appends to `waits` the share of the time that was spent waiting for the loader.
    """
    model = network(run)
    opt = optimiser(
        "sgd", model.groups(run.recipe.lr, run.recipe.weight_decay), momentum=run.recipe.momentum
    )
    total, waited = 0.0, 0.0
    with batches(run, views, warmup + steps) as loader:
        for i in range(warmup + steps):
            if i == warmup:
                began, waited = now(run.device), 0.0
            asked = now()
            (x0, x1), _ = next(loader)
            waited += now() - asked
            x0, x1 = x0.to(run.device), x1.to(run.device)
            z0, z1 = model.projector(model.encoder(x0)), model.projector(model.encoder(x1))
            p0, p1 = model.predictor(z0), model.predictor(z1)
            t0, t1 = (
                targets(model, x0, x1) if model.target is not None else (z0.detach(), z1.detach())
            )
            value = 0.5 * (loss(p0, t1) + loss(p1, t0))
            total += value.detach()
            value.backward()
            opt.step()
            opt.zero_grad()
            if model.target is not None:
                move(model)
        took = now(run.device) - began
    waits.append(waited / took)
    return steps * run.recipe.batch / took


def augment_only(
    run: Run, views: Callable, warmup: int, steps: int, batches: Callable = batches
) -> float:
    """Images or utterances a second that come as all their views out of the DataLoader."""
    with batches(run, views, warmup + steps) as loader:
        for i in range(warmup + steps):
            if i == warmup:
                began = now()
            next(loader)
        return steps * run.recipe.batch / (now() - began)
