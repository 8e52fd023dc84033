"""The part that sets everybody side by side at the recipe of the laptop scale: images a second,
seconds to an accuracy, memory, and what bounds each."""

import multiprocessing
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from statistics import fmean, median
from typing import Any, NamedTuple

import numpy as np
import torch

from ncssl import memory
from ncssl.bench import ours, theirs, transforms
from ncssl.bench.timing import Size, missing, on_devices, part, ratio, row, turns
from ncssl.data import DATASETS
from ncssl.recipes import Recipe
from ncssl.runs import experiments
from ncssl.train.run import Run, precision

# BYOL with a linear predictor, as the experiment of tian2021 trains it: every library has it
PAPER, EXPERIMENT, ARM = "tian2021", "predictor", "sgd_ema"
KNN = 40.0  # %, the accuracy by nearest neighbours that seconds are counted to
LOOK = 0.05  # seconds between two looks at the memory


class Contender(NamedTuple):
    """One way to the same step: precision, policy (None: the recipe's), and for another library how
    it makes views, which row of ours it stands beside, and what has to be installed."""

    precision: str = "float32"
    augmentation: str | None = None
    views: Callable[[Run], Callable] | None = None
    beside: str = "ours, float32"
    package: str | None = None


CONTENDERS = {
    "ours, float32": Contender(),
    "ours, bf16": Contender("bf16"),
    "torchvision loop": Contender(views=transforms.torchvisions),
    "lightly": Contender(views=transforms.lightlys, package="lightly"),
    "stable-pretraining": Contender(
        views=transforms.stable_pretrainings, package="stable_pretraining"
    ),
    "ours, solo-learn's views": Contender(augmentation="asymmetric"),
    "solo-learn's recipe": Contender(
        augmentation="asymmetric", views=transforms.torchvisions, beside="ours, solo-learn's views"
    ),
}


def arm(size: Size, augmentation: str | None = None) -> Recipe:
    """The recipe, on as many images as one repetition takes; `size.changed` replaces values."""
    runs = experiments.plan(PAPER, "laptop")
    own = next(p for p in runs if (p.experiment, p.arm) == (EXPERIMENT, ARM))
    r = experiments.sound([own])[0].recipe
    r = replace(r, augmentation=augmentation or r.augmentation, epochs=1, **dict(size.changed))
    return replace(r, limit=r.batch * (size.warmup + size.steps))


def start(name: str, size: Size, device: str) -> tuple[Run, str]:
    """The run of a contender at its first step, and what the images are."""
    who = CONTENDERS[name]
    runs, images = ours.started(arm(size, who.augmentation), (who.precision,), device, size.images)
    return runs[who.precision], images


def pace(name: str, run: Run, waits: list[float], size: Size) -> float:
    """Images a second of a contender; another library's share of waiting is added to `waits`."""
    views, shape = CONTENDERS[name].views, (size.warmup, size.steps)
    if views is None:
        return ours.speed(run, *shape)
    return theirs.speed(run, views(run), theirs.torch_loss, waits, *shape)


def why_not(name: str, size: Size, device: str) -> str:
    """Why a contender cannot be measured here; empty where it can."""
    who = CONTENDERS[name]
    if who.package and not transforms.there(who.package):
        return f"not measured (pip install {who.package.replace('_', '-')})"
    if (
        who.precision == "bf16"
        and precision(replace(arm(size), precision="auto"), device) != "bf16"
    ):
        return "not measured (this device does not compute bf16 in hardware)"
    return ""


def head_to_head(size: Size) -> dict[str, Any]:
    """Everybody's training step at the recipe of the laptop scale."""
    return on_devices(partial(measured, size))


def measured(size: Size, device: str) -> dict[str, Any]:
    """As `head_to_head` on one device."""
    absent = {name: why for name in CONTENDERS if (why := why_not(name, size, device))}
    runs, waits = {}, {name: [] for name in CONTENDERS}
    for name in CONTENDERS:
        if name not in absent:
            runs[name], images = start(name, size, device)
    go = {name: partial(pace, name, run, waits[name], size) for name, run in runs.items()}
    values = turns(go, size.repetitions, f"laptop, {device}")
    rows = [row(name, "images/s", v) for name, v in values.items()]
    rows += [row(f"{name}, to {KNN:g} % by kNN", "s", v) for name, v in to_accuracy(values).items()]
    if size.memory:
        rows += [row(f"{name}, memory", "MiB", [held(name, size, device)]) for name in runs]
    rows += [missing(name, why) for name, why in absent.items()]
    ratios = [
        ratio(f"{mine} / {name}", values[mine], values[name])
        for name in values
        for mine in sides(name)
        if mine in values
    ]
    notes = [f"{about(arm(size))}; {images}", *(bound(runs, values, waits, size))]
    return part("Head to head at the recipe of the laptop scale", rows, ratios, notes)


def sides(name: str) -> list[str]:
    """The rows of ours that a contender is compared with; none for ours."""
    who = CONTENDERS[name]
    if who.views is None:
        return []
    return [who.beside, *["ours, bf16"] * (who.augmentation is None)]


def about(r: Recipe) -> str:
    """The recipe in words."""
    return (
        f"{r.method}, {r.backbone} of width {r.width}, crops of {r.crop}, batch {r.batch}, two"
        " views; all have our network, optimiser and policy; memory: of the process and its"
        " workers, pages that they share counted once"
    )


def to_accuracy(values: dict[str, list[float]]) -> dict[str, list[float]]:
    """Seconds of training until neighbours of the recipe's own records are right KNN % of the time:
    the images that these records took, over each speed. Only for those with the recipe's views in
    float32, whose steps are the same; empty without records."""
    taken = images_to(KNN)
    alike = [n for n in values if CONTENDERS[n][:2] == ("float32", None)]
    return {name: [taken / v for v in values[name]] for name in alike} if taken else {}


def images_to(accuracy: float) -> float | None:
    """Images trained on when the recipe's records pass an accuracy by nearest neighbours, between
    two measurements in a straight line; mean over seeds, None where no record does."""
    runs = [
        p for p in experiments.plan(PAPER, "laptop") if (p.experiment, p.arm) == (EXPERIMENT, ARM)
    ]
    epochs = []
    for _, record in experiments.records(runs):
        knn = np.array(record.curves.get("knn_accuracy", ()) if record else ())
        if (knn >= accuracy).any():
            after = int((knn >= accuracy).argmax())
            at = record.curves["epoch"][: after + 1]
            epochs.append(np.interp(accuracy, knn[max(0, after - 1) : after + 1], at[-2:]))
    if not epochs:
        return None
    r = runs[0].recipe
    return fmean(epochs) * (DATASETS[r.dataset].train // r.batch * r.batch)


def bound(
    runs: dict[str, Run], values: dict[str, list[float]], waits: dict[str, list[float]], size: Size
) -> list[str]:
    """What takes the time of each: parts of our step, waiting of the others."""
    return [
        f"{name}: waits for its DataLoader {100 * median(waits[name]):.0f} % of the time"
        if waits[name]
        else f"{name}: {ours.bound(ours.parts(run, size.steps))};"
        f" {ours.reached(run, median(values[name]))}"
        for name, run in runs.items()
    ]


# ---- memory ------------------------------------------------------------------------------------


def held(name: str, size: Size, device: str) -> float:
    """MiB that a contender holds at most, in a process of its own: of a CUDA device what torch has
    asked for, else what the process and its workers hold."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(most, name, size, device).result()


def most(name: str, size: Size, device: str) -> float:
    """As `held`, in this process."""
    run, _ = start(name, size, device)
    seen, done = [], threading.Event()

    def look() -> None:  # at once, however short the steps are
        seen.append(memory.held_mb())
        while not done.wait(LOOK):
            seen.append(memory.held_mb())

    looking = threading.Thread(target=look)
    looking.start()
    try:
        pace(name, run, [], size)
    finally:
        done.set()
        looking.join()
    return torch.cuda.max_memory_allocated() / 2**20 if device.startswith("cuda") else max(seen)
