"""The parts about images: training steps and augmentation, ours beside lightly and torchvision, turn by turn."""

from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import torch

from ncssl import train
from ncssl.bench import ours, theirs
from ncssl.bench.timing import Size, missing, part, ratio, row, turns
from ncssl.recipes import recipe

INSTALL = "not measured (pip install 'ncssl[bench]')"
NO_CUDA = "CUDA: not measured (no CUDA device)"
BLUR = dict(blur_p=0.5, blur_kernel=13)  # what lightly's transform does unless told otherwise; sigma 0.1 to 2 pixels
Sizes = tuple[int, int]


def on_devices(measure: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    """A part measured on the CPU and, where there is one, on a CUDA device; else a note."""
    out = measure("cpu")
    if not torch.cuda.is_available():
        return out | {"notes": [*out["notes"], NO_CUDA]}
    other = measure("cuda")
    for table in ("rows", "ratios"):
        out[table] += [r | {"name": f"CUDA: {r['name']}"} for r in other[table]]
    return out | {"notes": [*out["notes"], *(f"CUDA: {note}" for note in other["notes"])]}


def step(size: Size) -> dict[str, Any]:
    """SimSiam training, augmentation included, against lightly's transform, loader pattern and loss."""
    setting = (theirs.lightly_views, theirs.lightly_loss()) if theirs.has_lightly() else None
    return on_devices(partial(steps, size, "lightly", setting, (2.1, 3.0)))


def torchvision(size: Size) -> dict[str, Any]:
    """SimSiam training, augmentation included, against torchvision's transforms of PIL images in a DataLoader."""
    return on_devices(partial(steps, size, "torchvision", (theirs.torchvision_views, theirs.torch_loss), ()))


def steps(size: Size, name: str, setting: tuple | None, goals: tuple, device: str) -> dict[str, Any]:
    """Our loop in float32, and bf16 where the hardware has it, beside the usual loop with (transforms, loss)."""
    bf16 = train.precision(recipe("simsiam"), device) == "bf16"
    runs, images = ours.start(size, ("float32", "bf16") if bf16 else ("float32",), device)
    shape, waits = (size.warmup, size.steps), []
    contenders = {f"ours, {p}": partial(ours.loop, run, *shape) for p, run in runs.items()}
    if setting:
        run = runs["float32"]
        contenders[f"{name}, float32"] = partial(theirs.loop, run, setting[0](run), setting[1], waits, *shape)
    values = turns(contenders, size.repetitions, f"{name}, {device}")
    rows = [row(label, "images/s", v) for label, v in values.items()]
    if not bf16:
        rows.append(missing("ours, bf16", "not measured (this device does not compute bf16 in hardware)"))
    ratios = []
    if setting:
        goals = dict(zip(("float32", "bf16"), goals, strict=False))
        ratios = [
            ratio(f"ours, {p} / {name}, float32", values[f"ours, {p}"], values[f"{name}, float32"], goals.get(p))
            for p in runs
        ]
        images += f"; {name}'s loop waits for its DataLoader {100 * median(waits):.0f} % of the time"
    else:
        rows.append(missing(name, INSTALL))
    bounds = [f"ours, {p}: {ours.bound(ours.parts(run, size.steps))}" for p, run in runs.items()]
    return part(f"Training step against {name}", rows, ratios, [images, *bounds])


def augment(size: Size) -> dict[str, Any]:
    """Two views of every image: our batched augmentation against transforms in a DataLoader with two workers."""
    return on_devices(partial(augmentations, size))


def augmentations(size: Size, device: str) -> dict[str, Any]:
    """As `augment` on one device (the others' transforms run on the CPU), without and with blur."""
    runs, images = ours.start(size, ("float32",), device)
    run, shape = runs["float32"], (size.warmup, size.steps)
    others = {"lightly": theirs.lightly_views} if theirs.has_lightly() else {}
    others["torchvision"] = theirs.torchvision_views
    rows, ratios = [] if "lightly" in others else [missing("lightly", INSTALL)], []
    for how, blur in (("", False), (", with blur", True)):
        contenders = {f"ours{how}": partial(ours.augment_only, run, *shape, **(BLUR if blur else {}))}
        for name, views in others.items():
            contenders[f"{name}{how}"] = partial(theirs.augment_only, run, views(run, blur), *shape)
        values = turns(contenders, size.repetitions, f"augmentation{how}, {device}")
        rows += [row(label, "images/s", v) for label, v in values.items()]
        ratios += [
            ratio(f"ours{how} / {name}{how}", values[f"ours{how}"], values[f"{name}{how}"], None if blur else 14)
            for name in others
        ]
    return part("Augmentation alone, two views an image", rows, ratios, [images])
