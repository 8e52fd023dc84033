"""What the papers' runs on ImageNet would cost: operations and memory counted from the networks
themselves, speed from runs that were made, and what several processes say to each other.

Nothing is trained: tensors have shapes and no values.
"""

import statistics
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from ncssl.methods import make
from ncssl.nn import backbone
from ncssl.recipes import Recipe
from ncssl.records import store

IMAGES, ARCHIVE = 1_281_167, 147_897_477_120  # of ILSVRC 2012, for training: JPEG files, bytes
SIDES = {"cifar10": 32, "cifar100": 32, "cifar10_jpeg": 32}
FLOAT = 4  # bytes of a float32, in which gradients and projections travel
COUNTED = 4  # images of the step that is counted


@dataclass(frozen=True)
class Setting:
    """A network, how it is trained and on how much; `source` says where a paper has it."""

    name: str
    method: str
    batch: int
    epochs: int
    hidden: int
    d: int
    source: str = ""
    options: dict = field(default_factory=dict)
    backbone: str = "resnet50_imagenet"
    width: int = 64
    side: int = 224
    images: int = IMAGES

    @property
    def steps(self) -> int:
        """Steps of the whole training; the last, smaller batch of an epoch is dropped."""
        return self.epochs * (self.images // self.batch)


SETTINGS = (
    Setting("DirectPred", "directpred", 4096, 300, 4096, 256, "tian2021, ImageNet, setting 2"),
    Setting("DirectCopy", "directcopy", 4096, 100, 4096, 256, "wang2021, Table 2"),
    Setting(
        "INV + COV", "invcov", 2048, 100, 2048, 2048, "liu2022, Table 1", {"cov": 25, "parts": 1}
    ),
)


def of_recipe(r: Recipe) -> Setting:
    """The setting of a recipe on 32 x 32 images, to turn its images a second into operations."""
    side = r.crop or SIDES[r.dataset]
    return Setting(
        r.id, r.method, r.batch, r.epochs, r.hidden, r.d, "", r.options, r.backbone, r.width, side
    )


@dataclass(frozen=True)
class Counts:
    """What an image needs in a step, in both views: floating-point operations, and bytes kept for
    the way back; and parameters that learn, and those of the target."""

    operations: float
    kept: float
    learned: int
    followed: int


def counts(s: Setting) -> Counts:
    """Count the networks of a setting, the encoder in bf16; two operations a multiplication and
    addition. Left out is what a step does once for the batch: the loss, the rule of a predictor."""
    method = make(s.method, **s.options)
    with torch.device("meta"):  # shapes alone
        net, features = backbone(s.backbone, 3, s.width, s.side)
        projector, width = method.project(features, s.hidden, s.d)
        head = method.predictor(width)
        x = torch.empty(COUNTED, 3, s.side, s.side, dtype=torch.bfloat16)

    def online(x: Tensor) -> Tensor:
        return projector(net(x).float())

    parts = [*net.parameters(), *projector.parameters()]
    learned, net = sum(w.numel() for w in (*parts, *head.parameters())), net.bfloat16()
    blocks: dict[int, torch.UntypedStorage] = {}

    def keep(kept: Tensor) -> Tensor:
        block = kept.untyped_storage()
        blocks.setdefault(block._cdata, block)
        return kept

    with FlopCounterMode(display=False) as both_ways:
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda kept: kept):
            out = head(online(x))
        out.sum().backward()
    with FlopCounterMode(display=False) as forward, torch.no_grad():
        online(x)
    weights = {w.untyped_storage()._cdata for w in (*parts, *head.parameters())}
    held = sum(block.nbytes() for at, block in blocks.items() if at not in weights)
    once, target = both_ways.get_total_flops(), forward.get_total_flops() if method.keep else 0
    followed = sum(w.numel() for w in parts) if method.keep else 0
    return Counts(2 * (once + target) / COUNTED, 2 * held / COUNTED, learned, followed)


def speed(results: str | Path | None = None, scale: str = "small") -> float:
    """Operations a second of one core, measured: the median over the records of a scale of their
    images a second, times the operations of their image."""
    known: dict[tuple, float] = {}
    rates = []
    for _, r in store.scan(results):
        fine = isinstance(r, store.Record) and r.recipe.scale == scale and r.seconds
        if fine and r.recipe.dataset in SIDES and r.recipe.epochs and "1 threads" in r.device:
            s = of_recipe(r.recipe)
            followed = bool(s.options.get("keep"))  # the option that decides how much is computed
            key = s.method, followed, s.backbone, s.width, s.side, s.hidden, s.d
            if key not in known:
                known[key] = counts(s).operations
            rates.append(r.metrics["images_per_second"] * known[key])
    return statistics.median(rates)


def cost(s: Setting, core: float, gpu: float, processes: int = 8) -> dict[str, float]:
    """What a setting costs: days on one core of `core` operations a second (measured), GPU hours at
    `gpu` a second (a choice), memory of each of `processes`, bytes read, bytes said a step."""
    c = counts(s)
    total = c.operations * s.batch * s.steps
    weights = FLOAT * (3 * c.learned + c.followed)  # values, gradients, momentum; the target
    return {
        "operations": total,
        "core_days": total / core / 86400,
        "gpu_hours": total / gpu / 3600,
        "memory_gb": (weights + c.kept * s.batch / processes) / 1e9,
        "read_tb": s.epochs * ARCHIVE / 1e12,
        **{f"{name}_mb": size / 1e6 for name, size in said(s, c, processes).items()},
    }


def said(s: Setting, c: Counts, processes: int) -> dict[str, float]:
    """Bytes that each process sends in a step, by a ring: the gradient (an all-reduce); what
    `ncssl.parallel` gathers, projections and targets of two views, and the gradients that come
    back; and for comparison the second moment (d, d) alone, all-reduced."""
    ring = (processes - 1) / processes
    rows = FLOAT * 2 * s.batch * s.d
    gathered = rows * (2 if c.followed else 1)
    return {
        "gradient": 2 * ring * FLOAT * c.learned,
        "projections": ring * (gathered + 2 * rows),
        "moment": 2 * ring * FLOAT * s.d**2,
    }
