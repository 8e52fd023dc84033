"""Our side of the benchmark: the real training loop, its parts, and the augmentation alone."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import torch
from PIL import Image
from torch import nn

from ncssl import data
from ncssl.augment import augment, policy
from ncssl.bench.timing import Size, now
from ncssl.recipes import Recipe, recipe
from ncssl.train import loop
from ncssl.train.run import Run, precision

POLICY = "simsiam_lightly"


@contextmanager
def random_folder(n: int, side: int = 32) -> Iterator[Path]:
    """A folder of `n` random PNG images for training, and a few for testing, with a cache of its
    own; then gone."""
    before = os.environ.get("NCSSL_CACHE")
    with tempfile.TemporaryDirectory() as folder:
        pixels = np.random.default_rng(0).integers(0, 256, (n + 4, side, side, 3), dtype=np.uint8)
        for i, image in enumerate(pixels):
            place = Path(folder, "images", "train" if i < n else "test", "ab"[i % 2])
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(place / f"{i}.png", compress_level=0)
        os.environ["NCSSL_CACHE"] = f"{folder}/cache"
        try:
            yield Path(folder, "images")
        finally:
            os.environ.pop("NCSSL_CACHE")
            if before is not None:
                os.environ["NCSSL_CACHE"] = before


def start(
    size: Size,
    kinds: tuple[str, ...],
    device: str,
    method: str = "simsiam",
    backbone: str = "conv4",
) -> tuple[dict[str, Run], str]:
    """Runs at their first step, one of each kind ("float32", "bf16", "bf16, compiled"), on the same
    images; and what the images are. An epoch is as long as one repetition of the benchmark.
    """
    values = dict(
        limit=size.batch * (size.warmup + size.steps),
        augmentation=POLICY,
        backbone=backbone,
        width=64 if "resnet" in backbone else size.width,
        hidden=size.hidden,
        d=size.d,
        batch=size.batch,
        lr=0.06,
        weight_decay=5e-4,
        epochs=1,
    )
    return started(recipe(method, **values), kinds, device, size.images)


def started(
    r: Recipe, kinds: tuple[str, ...], device: str, images: str = "auto"
) -> tuple[dict[str, Run], str]:
    """As `start`, of a recipe whose `limit` says how many images; its data set is replaced."""
    real = images == "auto" and any(
        row["name"] == "cifar10_jpeg" and row["present"] for row in data.present()
    )
    r = replace(r, dataset="cifar10_jpeg" if real else "folder")

    def one(kind: str, root: Path | None = None) -> Run:
        made = replace(r, precision=kind.split(", ")[0])
        return loop.start(made, root=root, device=device, compiled=kind.endswith("compiled"))

    if real:
        return {kind: one(kind) for kind in kinds}, "images: CIFAR-10 (JPEG copy)"
    with random_folder(r.limit) as root:
        why = " (no cifar10_jpeg under the data roots)" if images == "auto" else ""
        return {kind: one(kind, root) for kind in kinds}, f"images: random{why}"


def side(run: Run) -> int:
    """Pixels to a side of a view."""
    return run.recipe.crop or run.data.train.images.shape[-1]


def speed(run: Run, warmup: int, steps: int) -> float:
    """Images or utterances a second of `loop.train_epoch`, again and again, after `warmup` of its
    steps: augmentation, network and optimiser."""
    stamps = {}

    def tick() -> None:
        stamps[len(stamps) + 1] = (
            now(run.device) if len(stamps) + 1 in (warmup, warmup + steps) else None
        )

    while len(stamps) < warmup + steps:
        loop.train_epoch(run, tick)
    return steps * run.recipe.batch / (stamps[warmup + steps] - stamps[warmup])


def drawn(run: Run) -> torch.Tensor:
    """The rows of a random batch of what is trained on."""
    return torch.randperm(len(run.data), device=run.device)[: run.recipe.batch]


def views(run: Run, **changed) -> list[torch.Tensor]:
    """Two views of a batch drawn from the training images, as the loop makes them; `changed`
    overrides the policy's."""
    batch = run.data.train.images[drawn(run)]
    both = [replace(view, **changed) for view in policy(run.recipe.augmentation)]
    return [
        augment(batch, view, run.generator, mean=run.data.mean, std=run.data.std) for view in both
    ]


def augment_only(run: Run, warmup: int, steps: int, **changed) -> float:
    """Images a second that become two views each."""
    for i in range(warmup + steps):
        if i == warmup:
            began = now(run.device)
        views(run, **changed)
    return steps * run.recipe.batch / (now(run.device) - began)


def parts(run: Run, steps: int) -> dict[str, float]:
    """Median seconds of the parts of `loop.train_step`, each of its lines timed by itself."""
    seconds: dict[str, list[float]] = {}

    def timed(name: str, do: Callable):
        began = now(run.device)
        out = do()
        seconds.setdefault(name, []).append(now(run.device) - began)
        return out

    run.model.train()
    for _ in range(steps):
        made = timed("augmentation", lambda: run.data.views(drawn(run), run.generator))
        loss = timed("network forward", lambda made=made: run.model(made))
        run.optimiser.zero_grad(set_to_none=True)
        timed("network backward", loss.backward)
        timed("optimiser", run.optimiser.step)
        run.model.follow()
    return {name: median(values) for name, values in seconds.items()}


def multiply_adds(run: Run) -> int:
    """Multiplications of the encoder's convolutions and matrices for one image forward."""
    total, handles = [], []

    def count(module: nn.Module, given, out: torch.Tensor) -> None:
        places = out.shape[2] * out.shape[3] if out.ndim == 4 else 1
        total.append(places * module.weight.numel())

    for module in run.model.encoder.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            handles.append(module.register_forward_hook(count))
    with torch.no_grad():
        channels = run.data.train.images.shape[1]
        run.model.eval().encode(torch.zeros(1, channels, side(run), side(run), device=run.device))
    for handle in handles:
        handle.remove()
    return sum(total)


def matmul_rate(device: str, precision: str, side: int = 2048, repetitions: int = 5) -> float:
    """Multiply-adds a second of a product of two square matrices: the most that this device
    gives."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    a, b = (torch.ones(side, side, device=device, dtype=dtype) for _ in range(2))
    seconds = []
    for _ in range(repetitions + 1):
        began = now(device)
        a @ b
        seconds.append(now(device) - began)
    return side**3 / median(seconds[1:])


def reached(run: Run, images_per_second: float) -> str:
    """The share of the device's matmul rate that the encoder reaches: forward and backward (three
    times the forward) of two views, and forward of the target's two where there is a target."""
    a_pair = multiply_adds(run) * (2 * 3 + (2 if run.model.target is not None else 0))
    most = matmul_rate(run.device, precision(run.recipe, run.device))
    share = images_per_second * a_pair / most
    return f"{100 * share:.0f} % of a plain matmul's rate ({2 * most / 1e9:,.0f} GFLOP/s)"


def bound(seconds: dict[str, float]) -> str:
    """Milliseconds and shares of the parts of a step, and which bounds it."""
    whole = sum(seconds.values())
    shares = ", ".join(
        f"{name} {1e3 * s:.0f} ms ({100 * s / whole:.0f} %)" for name, s in seconds.items()
    )
    network = sum(s for name, s in seconds.items() if name.startswith("network"))
    what = "the network" if network > whole / 2 else "the " + max(seconds, key=seconds.get)
    return f"a step is {shares}; bounded by {what}"
