"""What tests/test_parallel.py has done by one process and by two."""

import contextlib
import json
from pathlib import Path

import torch

from ncssl import parallel
from ncssl.recipes import recipe
from ncssl.train import loop

# predictor and target, closed forms, decorrelation, centre; then queue, prototypes,
# whitening, Gram matrix of standardised outputs
METHODS = (
    "simsiam",
    "byol",
    "directpred",
    "directcopy",
    "isoloss",
    "barlow_twins",
    "vicreg",
    "dino",
    "sigreg",
    "sigreg_predicted",
    "moco",
    "swav",
    "wmse",
    "invcov",
)
OPTIONS = {"wmse": {"part": 32, "eps": 0.1}}
TINY = dict(
    epochs=2,
    limit=256,
    width=4,
    hidden=16,
    d=8,
    batch=64,
    knn_every=2,
    precision="float32",
    lr=0.02,
)
STEPS = 3


def tiny(method: str, **values):
    """A recipe of eight steps."""
    return recipe(method, options=OPTIONS.get(method), **TINY | values)


def steps(method: str) -> dict:
    """A few steps in float64: their losses, and after them the length of every parameter and
    buffer."""
    run = loop.start(tiny(method), device="cpu")
    run.model.double()
    views, model = run.data.views, run.model
    run.data.views = lambda rows, generator: [v.double() for v in views(rows, generator)]
    model.train()
    order = torch.randperm(len(run.data), generator=run.generator)
    rows = [order[64 * i : 64 * i + 64] for i in range(STEPS)]
    with in_double():
        losses = [float(loop.train_step(run, rows[i], i)) for i in range(STEPS)]
    lengths = {name: float(v.double().norm()) for name, v in model.state_dict().items()}
    return {"losses": losses, "lengths": lengths}


@contextlib.contextmanager
def in_double():
    """What heads bring to float32 stays in float64."""
    real, torch.Tensor.float = torch.Tensor.float, torch.Tensor.double
    try:
        yield
    finally:
        torch.Tensor.float = real


def fits(folder: Path) -> None:
    """Whole runs: one of images, one of speech, and one that another number of processes began."""
    loop.CHECKPOINT_SECONDS = 0.0
    for r in (probed(), spoken(), tiny("byol", seed=1)):
        loop.fit(r, out=folder)


def probed():
    """A run with a classifier that learns beside it."""
    return tiny("directpred", online_probe=True)


def spoken():
    """A run on generated voices, with noise and babble."""
    small = TINY | dict(width=8, lr=0.002, limit=128, epochs=1)
    return recipe("simsiam", dataset="voices", **small)


def begun(r, epochs: int) -> None:
    """Train the first epochs of a recipe and leave its checkpoint."""
    run = loop.start(r, device="cpu")
    real, loop.train_epoch = loop.train_epoch, stopping(loop.train_epoch, epochs)
    loop.CHECKPOINT_SECONDS = 0.0
    try:
        loop.train(run, loop.checkpoint_path(r), False)
    except KeyboardInterrupt:
        pass
    finally:
        loop.train_epoch = real


def stopping(real, epochs: int):
    """An epoch that is interrupted once so many are done."""

    def epoch(run, tick):
        if run.epoch == epochs:
            raise KeyboardInterrupt
        return real(run, tick)

    return epoch


def all_of_it(here: Path) -> None:
    """What one of two processes does; the first writes HERE/steps.json and the records."""
    parallel.join()
    found = {method: steps(method) for method in METHODS}
    fits(here)
    begun(tiny("byol", seed=2), 1)
    if parallel.rank() == 0:
        (here / "steps.json").write_text(json.dumps(found))
