"""A Recipe says everything that decides a run; scales are recipe values, never code paths."""

import dataclasses
import hashlib
import json
import math
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ncssl.checks import is_number, is_whole, one_of, truth, whole, whole_or_none, wrong
from ncssl.declarations import declared, resolved, shipped
from ncssl.errors import UnknownName

SCALES: dict[str, dict[str, Any]] = {
    "smoke": dict(
        dataset="digits", augmentation="digits", backbone="conv3", width=16, hidden=128, d=32,
        epochs=4, batch=128, lr=0.1, weight_decay=4e-4, knn_every=2,
    ),
    # the laptop scale until November 2026: too short for its verdicts to speak of the papers
    "small": dict(
        dataset="cifar10_jpeg", limit=10_000, augmentation="tian2021_cifar", backbone="conv4",
        width=16, hidden=256, d=64, epochs=12, batch=128, lr=0.03, weight_decay=4e-4, knn_every=4,
    ),
    "laptop": dict(
        dataset="cifar10_jpeg", augmentation="tian2021_cifar", backbone="conv6", width=16, crop=24,
        hidden=512, d=128, epochs=12, batch=256, lr=0.2, weight_decay=1e-3, schedule="cosine",
        warmup_epochs=1, precision="float32", knn_every=3,
    ),
    "gpu": dict(
        dataset="cifar10", augmentation="tian2021_cifar", backbone="resnet18", width=64, hidden=512,
        d=128, epochs=100, batch=128, lr=0.03, weight_decay=4e-4, knn_every=5,
    ),
    "paper": dict(
        dataset="stl10", augmentation="tian2021_stl10", backbone="resnet18_imagenet", width=64,
        hidden=512, d=128, epochs=100, batch=128, lr=0.03, weight_decay=4e-4, knn_every=5,
    ),
}  # fmt: skip

SPEECH: dict[str, dict[str, Any]] = {  # what a data set of speech changes in a scale
    "smoke": dict(
        augmentation="speech", backbone="tdnn", width=32, hidden=64, d=32,
        epochs=8, batch=64, optimiser="adam", lr=0.003, weight_decay=1e-4, knn_every=4,
    ),
    "small": dict(
        limit=None, augmentation="speech", backbone="tdnn", width=32, hidden=256,
        d=64, epochs=60, batch=64, optimiser="adam", lr=0.002, weight_decay=1e-4,
        schedule="cosine", warmup_epochs=6, knn_every=10,
    ),
    "laptop": dict(
        augmentation="speech", backbone="tdnn", width=32, hidden=256, d=64, epochs=40, batch=64,
        optimiser="adam", lr=0.002, weight_decay=1e-4,
        schedule="cosine", warmup_epochs=4, precision="float32", knn_every=10,
    ),
    "gpu": dict(
        augmentation="speech", backbone="lresnet34", width=16, hidden=512,
        d=128, epochs=200, batch=64, optimiser="adam", lr=0.002, weight_decay=1e-4,
        schedule="cosine", warmup_epochs=10, knn_every=10,
    ),
    "paper": dict(
        augmentation="speech", backbone="lresnet34", width=16, hidden=2048,
        d=256, epochs=70, batch=96, optimiser="amsgrad", lr=0.001875, weight_decay=1e-4,
        schedule="cosine", warmup_epochs=10, knn_every=10,
    ),
}  # fmt: skip
# Scale -> method -> recipe values of its own on images. A loss that is k times as large gets a k-th
# of the rate and k times the weight decay, which leaves their product; the search of the scale then
# tries rates about these. Of INV + COV a fiftieth, 0.004, and twice that left the finite range.
RATES: dict[str, dict[str, dict[str, float]]] = {
    "laptop": {
        "vicreg": dict(lr=0.008, weight_decay=0.025),
        "barlow_twins": dict(lr=0.02, weight_decay=0.01),
        "cpc": dict(lr=0.02, weight_decay=0.01), "invcov": dict(lr=0.001, weight_decay=0.2),
    },
}  # fmt: skip
CORPORA = ("speech", "speechocean")  # of recorded speech
SPOKEN = ("voices", *CORPORA)  # data sets of speech
# the policy that suits a data set, where neither the call nor the scale's own data set decides
AUGMENTATION = {
    "digits": "digits",
    "fashion_mnist": "digits",
    "stl10": "tian2021_stl10",
    "imagenette96": "tian2021_stl10",
}
# pixels: crops of one of these suit the others
SIDE = {"cifar10": 32, "cifar100": 32, "cifar10_jpeg": 32}
# data sets that are known by their names: a recipe on one of them is the same everywhere
NAMED = tuple(sorted({"digits", *AUGMENTATION, *SIDE, *SPOKEN}))
LARGEST = 3.4e38  # of a float32
# truth values that recipes did not have at first, with their defaults
LATER = {"online_probe": False, "decay_vectors": True}
SMOKE_LIMIT = 2_000  # training images of a data set that is not embedded, at smoke scale


@dataclass(frozen=True)
class Recipe:
    """Plain values that decide a run. Same recipe, same id; `scale` is a label and does not enter
    the id."""

    method: str
    options: dict = field(default_factory=dict)  # every option of the method, defaults written out
    dataset: str = "digits"
    limit: int | None = None  # training images, class-balanced; None: all
    # pixels a side that images of a folder are brought to; None: as they are
    size: int | None = None
    # digest of data that have no name of their own: a folder, a corpus; `fit` fills it in
    data: str | None = None
    # pixels a side of the views that images are trained on; None: as the images
    crop: int | None = None
    augmentation: str = "digits"
    backbone: str = "conv3"
    width: int = 16  # channels of the first layer
    hidden: int = 128  # of the projector
    d: int = 32  # of the projections
    optimiser: str = "sgd"
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 4e-4
    schedule: str = "constant"
    warmup_epochs: float = 0.0
    batch: int = 128
    epochs: int = 4
    precision: str = "auto"  # auto: bf16 encoder where the device has it in hardware, else float32
    knn_every: int = 5  # epochs between two diagnostics
    # False: no weight decay on biases and the parameters of norms
    decay_vectors: bool = True
    # the network that is measured: none or "online", or "target" (the teacher of DINO)
    evaluated: str | None = None
    # a linear classifier that learns beside the encoder, without touching it
    online_probe: bool = False
    # of speech: rounds of clustering and fine-tuning after the training
    pseudo_rounds: int | None = None
    pseudo_clusters: int | None = None  # clusters of each round
    emotions: str | None = None  # a corpus of speech whose emotions are probed at the end
    seed: int = 0
    scale: str = "custom"

    def __post_init__(self):
        for name, low in dict(
            batch=2, epochs=0, width=1, hidden=1, d=1, knn_every=1, seed=0
        ).items():
            whole(name, getattr(self, name), low)
        if self.seed >= 2**32:  # torch's generator takes 32 bits: 2**32 would give the numbers of 0
            raise ValueError(f"seed was {self.seed}; allowed: an integer from 0 to {2**32 - 1}")
        for name in ("lr", "momentum", "weight_decay", "warmup_epochs"):
            value = getattr(self, name)
            if not is_number(value) or not 0 <= value < LARGEST:
                raise wrong(name, value, f"a number from 0 to {LARGEST:g}")
        if self.optimiser in ("adam", "amsgrad") and self.momentum != 0.9:  # of the default recipe
            raise wrong("momentum", self.momentum, f"0.9, since {self.optimiser} has none")
        for name, value in self.options.items() if isinstance(self.options, dict) else ():
            if isinstance(value, float) and not math.isfinite(value):
                raise wrong(name, value, "a finite number")
        if self.data is not None and not re.fullmatch("[0-9a-f]{16}", str(self.data)):
            raise wrong("data", self.data, "none, or the digest that a record of the data says")
        for name in ("size", "crop"):
            whole_or_none(name, getattr(self, name), 4)
        if self.limit is not None and (not is_whole(self.limit) or self.limit < self.batch):
            raise wrong("limit", self.limit, f"none, or an integer >= batch ({self.batch})")
        for name in ("pseudo_rounds", "pseudo_clusters"):
            whole_or_none(name, getattr(self, name))
        if (self.pseudo_rounds is None) != (self.pseudo_clusters is None):
            given = f"{self.pseudo_rounds} and {self.pseudo_clusters}"
            raise ValueError(
                f"pseudo_rounds and pseudo_clusters were {given}; allowed: both, or none"
            )
        if self.emotions is not None:
            one_of("emotions", self.emotions, SPOKEN)
        if self.evaluated is not None:
            one_of("evaluated", self.evaluated, ("online", "target"))
        for name in LATER:
            truth(name, getattr(self, name))
        for name, allowed in dict(
            precision=("auto", "float32", "bf16"), schedule=("constant", "cosine")
        ).items():
            one_of(name, getattr(self, name), allowed)

    @cached_property
    def id(self) -> str:
        """First 12 hex digits of the SHA-256 of the canonical JSON of every value but `scale`."""
        values = {name: getattr(self, name) for name in FIELDS if name != "scale"}
        return hashlib.sha256(canonical(values).encode()).hexdigest()[:12]


def canonical(values: dict) -> str:
    """JSON with sorted keys; whole floats are written as integers, so that 1 and 1.0 are the same
    recipe.

    What is None is left out, and a truth value of LATER at its default: what was added later
    changes the id of no record made before.
    """

    def plain(v):
        if isinstance(v, dict):
            return {k: plain(x) for k, x in v.items() if x is not None}
        return int(v) if isinstance(v, float) and v.is_integer() else v

    said = {k: v for k, v in values.items() if k not in LATER or v != LATER[k]}
    return json.dumps(plain(said), sort_keys=True, separators=(",", ":"))


KIND = {f.name: f.type for f in dataclasses.fields(Recipe)}
FIELDS = tuple(KIND)


def suited(dataset: str, scale: str) -> dict:
    """What another data set than the scale's own changes in its recipe: the augmentation, at smoke
    the limit, and for speech the network and its training."""
    if dataset == SCALES[scale]["dataset"]:
        return {}
    if dataset in SPOKEN:
        return (
            SPEECH[scale]
            | {"crop": None}
            | ({"limit": 400} if scale == "smoke" and dataset != "voices" else {})
        )
    crop = {} if dataset in SIDE else {"crop": None}
    limit = {"limit": SMOKE_LIMIT} if scale == "smoke" and dataset != "digits" else {}
    return {"augmentation": AUGMENTATION.get(dataset, "tian2021_cifar")} | limit | crop


def recipe(method: str, scale: str = "smoke", options: dict | None = None, **overrides) -> Recipe:
    """The recipe of `method` at `scale`, with method options and recipe values overridden; raises
    UnknownName, and what the method raises for an option."""
    if not options and shipped(method):
        return as_declared(method, scale, {}, **overrides)
    check_names(scale, overrides)
    from ncssl.methods import make  # imports torch

    return fitted(method, scale, make(method, **(options or {})).options, overrides)


def as_declared(method: str, scale: str, options: dict, **overrides) -> Recipe:
    """`recipe` without torch: a method of the package is not made, so whether it takes the values
    of its options, and takes them together, is not known yet."""
    check_names(scale, overrides)
    if not shipped(method):
        return recipe(method, scale, options, **overrides)
    full = resolved(method, options, declared()[method].options)
    return fitted(method, scale, full, overrides)


def check_names(scale: str, overrides: dict) -> None:
    """Raise UnknownName for a scale, or for a recipe value, that does not exist."""
    if scale not in SCALES:
        raise UnknownName("scale", scale, SCALES)
    for name in overrides:
        if name not in FIELDS or name in ("method", "options", "scale"):
            raise UnknownName("recipe value", name, set(FIELDS) - {"method", "options", "scale"})


def fitted(method: str, scale: str, options: dict, overrides: dict) -> Recipe:
    """The recipe of a method with all of its options, as the scale and its data have it."""
    dataset = overrides.get("dataset", SCALES[scale]["dataset"])
    own = {} if dataset in SPOKEN else RATES.get(scale, {}).get(method, {})
    values = SCALES[scale] | own | suited(dataset, scale) | overrides
    return Recipe(method=method, options=options, scale=scale, **values)
