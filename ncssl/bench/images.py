"""The parts about images: training steps and augmentation, ours beside lightly and torchvision,
turn by turn."""

from functools import partial
from statistics import median
from typing import Any

from ncssl.bench import ours, theirs, transforms
from ncssl.bench.timing import Size, missing, on_devices, part, ratio, row, turns
from ncssl.recipes import recipe
from ncssl.train.run import precision

INSTALL = "not measured (pip install 'ncssl[bench]')"
MEMORY = "ours keeps freed memory, the others have malloc's own setting (ncssl.memory)"
TITLES = {"simsiam": "SimSiam", "byol": "BYOL"}
Sizes = tuple[int, int]


def step(size: Size, method: str = "simsiam") -> dict[str, Any]:
    """Training, augmentation included, against lightly's transform, loader pattern and loss."""
    setting = (transforms.lightlys, theirs.lightly_loss()) if theirs.has_lightly() else None
    goals = (2.1, 3.0) if method == "simsiam" else ()
    return on_devices(partial(steps, size, method, "lightly", setting, goals))


def torchvision(size: Size) -> dict[str, Any]:
    """SimSiam training, augmentation included, against torchvision's transforms of PIL images in a
    DataLoader."""
    return on_devices(
        partial(
            steps, size, "simsiam", "torchvision", (transforms.torchvisions, theirs.torch_loss), ()
        )
    )


def steps(
    size: Size, method: str, name: str, setting: tuple | None, goals: tuple, device: str
) -> dict[str, Any]:
    """Our loop beside the usual loop with (transforms, loss): conv4, and on a CUDA device ResNet-18
    as well."""
    made = part(f"Training step of {TITLES[method]} against {name}", [], [], [])
    for backbone in ("conv4", "resnet18") if device.startswith("cuda") else ("conv4",):
        one = steps_of(size, method, backbone, name, setting, goals, device)
        mark = "" if backbone == "conv4" else f"{backbone}: "
        for table in ("rows", "ratios"):
            made[table] += [r | {"name": mark + r["name"]} for r in one[table]]
        made["notes"] += [mark + note for note in one["notes"]]
    return made


def steps_of(
    size: Size,
    method: str,
    backbone: str,
    name: str,
    setting: tuple | None,
    goals: tuple,
    device: str,
) -> dict[str, Any]:
    """Our loop in float32, and bf16 where the hardware has it, beside the usual loop, with one
    network."""
    bf16 = precision(recipe(method), device) == "bf16"
    kinds = (
        "float32",
        *["bf16"] * bf16,
        *["bf16, compiled"] * (bf16 and device.startswith("cuda")),
    )
    runs, images = ours.start(size, kinds, device, method, backbone)
    shape, waits = (size.warmup, size.steps), []
    contenders = {f"ours, {p}": partial(ours.speed, run, *shape) for p, run in runs.items()}
    if setting:
        run = runs["float32"]
        contenders[f"{name}, float32"] = partial(
            theirs.speed, run, setting[0](run), setting[1], waits, *shape
        )
    values = turns(contenders, size.repetitions, f"{method}, {backbone}, {name}, {device}")
    rows = [row(label, "images/s", v) for label, v in values.items()]
    if not bf16:
        rows.append(
            missing("ours, bf16", "not measured (this device does not compute bf16 in hardware)")
        )
    ratios = []
    if setting:
        goals = dict(zip(("float32", "bf16"), goals, strict=False))
        ratios = [
            ratio(
                f"ours, {p} / {name}, float32",
                values[f"ours, {p}"],
                values[f"{name}, float32"],
                goals.get(p),
            )
            for p in runs
        ]
        images += (
            f"; {name}'s loop waits for its DataLoader {100 * median(waits):.0f} % of the time;"
            f" {MEMORY}"
        )
    else:
        rows.append(missing(name, INSTALL))
    bounds = [
        f"ours, {p}: {ours.bound(ours.parts(run, size.steps))};"
        f" {ours.reached(run, median(values[f'ours, {p}']))}"
        for p, run in runs.items()
    ]
    return part("", rows, ratios, [images, *bounds])


def augment(size: Size) -> dict[str, Any]:
    """Two views of every image: our batched augmentation against transforms in a DataLoader with
    two workers."""
    return on_devices(partial(augmentations, size))


def augmentations(size: Size, device: str) -> dict[str, Any]:
    """As `augment` on one device (the others' transforms run on the CPU), without and with blur."""
    runs, images = ours.start(size, ("float32",), device)
    run, shape = runs["float32"], (size.warmup, size.steps)
    others = {"lightly": transforms.lightlys} if theirs.has_lightly() else {}
    others["torchvision"] = transforms.torchvisions
    rows, ratios = [] if "lightly" in others else [missing("lightly", INSTALL)], []
    for how, blur in (("", False), (", with blur", True)):
        contenders = {
            f"ours{how}": partial(
                ours.augment_only, run, *shape, **(transforms.BLUR if blur else {})
            )
        }
        for name, views in others.items():
            contenders[f"{name}{how}"] = partial(theirs.augment_only, run, views(run, blur), *shape)
        values = turns(contenders, size.repetitions, f"augmentation{how}, {device}")
        rows += [row(label, "images/s", v) for label, v in values.items()]
        ratios += [
            ratio(
                f"ours{how} / {name}{how}",
                values[f"ours{how}"],
                values[f"{name}{how}"],
                None if blur else 14,
            )
            for name in others
        ]
    return part("Augmentation alone, two views an image", rows, ratios, [f"{images}; {MEMORY}"])
