"""What a run must know of its data, one class a domain: loading, views, the encoder, what is
measured."""

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor, nn

from ncssl import data, parallel
from ncssl.augment import View, augment, policy, speech_augment, speech_policy
from ncssl.data import identity, speech
from ncssl.errors import UnknownName
from ncssl.evaluate import OnlineProbe
from ncssl.measure import diagnostics, speakers
from ncssl.model import Siamese
from ncssl.nn import backbone
from ncssl.recipes import Recipe
from ncssl.train import pseudo_labels

DATASETS = data.DATASETS | speech.DATASETS
OF_SPEECH = ("tdnn", "lresnet34")  # backbones of bands and frames
FLAT = ("linear", "mlp")  # backbones that see images as vectors


class Pictures:
    """Images on a device, uint8 until a batch of them is augmented.

    Raises what `data.load` raises, UnknownName for the policy, ValueError where a batch is more
    than all images.
    """

    def __init__(
        self, recipe: Recipe, *, root: str | Path | None = None, device: str = "cpu", download=False
    ):
        for name in ("pseudo_rounds", "emotions"):
            if given := getattr(recipe, name):
                raise ValueError(f"{name} was {given!r}; allowed: for speech only")
        where: dict[str, Any] = dict(root=root, device=device, size=recipe.size)
        self.recipe, self.policy = recipe, policy(recipe.augmentation)
        self.seen: diagnostics.Embedded | None = None
        load = loader(recipe.dataset, download=download, **where)
        self.train = load(recipe.dataset, "train", limit=recipe.limit, **where)
        self.test = load(recipe.dataset, "test", **where)
        enough(len(self), recipe.batch, "images")
        if len(self.test.images) < 2:
            raise ValueError(
                f"{len(self.test.images)} test image; allowed: 2 or more, of which spectra can be"
                " taken"
            )
        self.mean, std = data.moments(self.train)
        self.std = std.clamp_min(1e-3)

    @property
    def labels(self) -> Tensor:
        """Classes (n,) of the training images."""
        return self.train.labels

    def __len__(self) -> int:
        return len(self.train.images)

    def encoder(self) -> tuple[nn.Module, int]:
        """The recipe's backbone for these images and the number of its features."""
        r, shape = self.recipe, self.train.images.shape
        if r.backbone in OF_SPEECH:
            raise ValueError(f"backbone was {r.backbone!r}; allowed: for speech only")
        if r.backbone in FLAT and (shape[-2] != shape[-1] or r.crop not in (None, shape[-1])):
            given = f"{shape[-2]}x{shape[-1]}" + (f" with crop {r.crop}" if r.crop else "")
            raise ValueError(
                f"backbone was {r.backbone!r}, given images of {given}; allowed: square, not"
                " cropped"
            )
        return backbone(r.backbone, shape[1], r.width, shape[-1])

    def views(self, rows: Tensor, generator: Generator) -> list[Tensor]:
        """Every view of the policy, each (n, c, h, w), of the training images `rows` (n,); of
        several processes each makes its share of them."""
        self.seen, part = None, parallel.share(len(rows))
        batch = self.train.images[rows[part]]
        how: dict[str, Any] = dict(mean=self.mean, std=self.std, part=part, whole=len(rows))
        drawn = (
            augment(batch, view, generator, size=self.side(view), **how) for view in self.policy
        )
        return [view.contiguous(memory_format=torch.channels_last) for view in drawn]

    def ahead(self, rows: Tensor) -> None:
        """Say which training images are asked for after these: where they are decoded on the way,
        that begins."""
        if isinstance(self.train.images, data.Stream):
            self.train.images.ahead(rows[parallel.share(len(rows))])

    def side(self, view: View) -> int | None:
        """Pixels a side of this view where the recipe sets a crop: all of it, or the view's share
        of it."""
        return self.recipe.crop and max(1, round(self.recipe.crop * view.share))

    def row(self, model: Siamese, probe: OnlineProbe | None = None) -> dict:
        """One row of the curves."""
        return diagnostics.row(model, self.embedded(model), self.train, self.test, probe)

    def final(self, model: Siamese) -> dict:
        """Accuracies (percent) of the features at the end: kNN, linear probe, probe on three labels
        a class."""
        bank, h, _ = self.embedded(model)
        return diagnostics.accuracies(
            bank, self.train.labels, h, self.test.labels, seed=self.recipe.seed
        )

    def embedded(self, model: Siamese) -> diagnostics.Embedded:
        """All images through the model; kept until views are drawn for the next step, since that
        changes the model."""
        if self.seen is None:
            self.seen = diagnostics.embedded(model, self.train, self.test, self.mean, self.std)
        return self.seen

    def facts(self) -> dict[str, int]:
        """Sizes of what was trained on and tested on, for the record."""
        return {
            "train": len(self),
            "test": len(self.test.images),
            "classes": len(self.train.classes),
        }

    def preprocessing(self) -> dict:
        """What an encoder's input must have gone through: uint8 pixels over 255, less `mean`, over
        `std`, by channel; `size`: pixels a side that it was trained on."""
        size = list(self.train.images.shape[-2:])
        return {
            "kind": "images",
            "size": size[0] if size[0] == size[1] else None,
            "mean": self.mean.tolist(),
            "std": self.std.tolist(),
        }

    def identity(self) -> str | None:
        """Digest of the images of a folder or archive of one's own, or of a copy of a named set
        that was made here; None where the name of the data set says all."""
        if self.recipe.dataset == "folder":
            return identity.of_images(self.train, self.test)
        return self.train.digest or None


def loader(dataset: str, *, download: bool = False, **where) -> Callable[..., data.Images]:
    """What loads a set of images: at once, or on the way where it does not fit."""
    if data.too_large(dataset, **where):
        return data.streamed
    return partial(data.load, download=download)


class Utterances:
    """Speech on a device, log-mel frames of the whole corpus; crops of it are corrupted in batches.

    Raises what `speech.load` and `speech.trials` raise, UnknownName for the policy, ValueError
    where a batch is more than all utterances or the recipe asks for what images have or for rounds
    that the utterances cannot carry.
    """

    def __init__(
        self, recipe: Recipe, *, root: str | Path | None = None, device: str = "cpu", download=False
    ):
        of_images = dict(
            download=download, size=recipe.size, crop=recipe.crop, online_probe=recipe.online_probe
        )
        for name, given in of_images.items():
            if given:
                raise ValueError(f"{name} was {given!r}; allowed: for images only")
        self.recipe, self.policy, self.root = recipe, speech_policy(recipe.augmentation), root
        where: dict[str, Any] = dict(root=root, device=device)
        self.train = speech.load(recipe.dataset, "train", limit=recipe.limit, **where)
        if any(view.recorded_share for view in self.policy):
            self.train = self.train._replace(noise=speech.noises(recipe.dataset, **where))
        self.tests = {
            mark: speech.load(recipe.dataset, "test", condition=c, **where)
            for mark, c in speech.tested(recipe.dataset, root=root).items()
        }
        self.trials = speech.trials(recipe.dataset, self.tests["clean"], root=root)
        self.emotional: tuple[speech.Speech, speech.Speech] | None = None
        if own := recipe.emotions:
            self.emotional = speech.load(own, "train", **where), speech.load(own, "test", **where)
        enough(len(self), recipe.batch, "utterances")
        if recipe.pseudo_clusters:
            given = self.train, self.tests["clean"], self.trials
            pseudo_labels.repeated(*given, recipe.pseudo_clusters)

    @property
    def labels(self) -> Tensor:
        """Speakers (n,) of the training utterances."""
        return self.train.labels

    def __len__(self) -> int:
        return len(self.train.paths)

    def encoder(self) -> tuple[nn.Module, int]:
        """The recipe's backbone for these features and the number of its own."""
        return backbone(self.recipe.backbone, 1, self.recipe.width, self.train.mel.shape[1])

    def views(self, rows: Tensor, generator: Generator) -> list[Tensor]:
        """Every view of the policy, each (n, 1, bands, frames), of the training utterances `rows`
        (n,); of several processes each makes its share of them."""
        part = parallel.share(len(rows))
        return [
            speech_augment(self.train, rows, view, generator, part=part) for view in self.policy
        ]

    def ahead(self, rows: Tensor) -> None:
        """Nothing: all utterances are on the device."""

    def row(self, model: Siamese, probe: OnlineProbe | None = None) -> dict:
        """One row of the curves."""
        return speakers.row(model, self.train, self.tests["clean"], self.trials)

    def final(self, model: Siamese) -> dict:
        """The metrics at the end, and those of the rounds of pseudo-labels where the recipe asks
        for them."""
        r = self.recipe
        out = speakers.final(model, self.train, self.tests, self.trials, self.emotional)
        if not r.pseudo_rounds:
            return out
        how: dict[str, Any] = dict(
            rounds=r.pseudo_rounds,
            clusters=r.pseudo_clusters,
            epochs=r.epochs,
            batch=r.batch,
            seed=r.seed,
        )
        given = self.train, self.tests["clean"], self.trials, self.policy[0]
        return out | pseudo_labels.relabelled(model, *given, **how)

    def floor(self) -> dict:
        """The metrics of the no-learning baseline."""
        return speakers.statistics(self.train, self.tests, self.trials, self.emotional)

    def facts(self) -> dict[str, int]:
        """Sizes of what was trained on and tested on, for the record."""
        sizes = {
            "train": len(self),
            "test": len(self.tests["clean"].paths),
            "classes": len(self.train.classes),
        }
        return sizes | {"trials": sum(len(t.target) for t in self.trials.values())}

    def preprocessing(self) -> dict:
        """What an encoder's input must have gone through: log-mel frames, each band less its mean
        over the utterance."""
        bands = self.train.mel.shape[1]
        return {"kind": "speech", "bands": bands, "mean": "each band's, over the utterance"}

    def identity(self) -> str | None:
        """Digest of a corpus of one's own; None where the name of the data set says all."""
        return speech.identified(*spoken(self.recipe), root=self.root)


def spoken(recipe: Recipe) -> list[str]:
    """Names of the corpora of a recipe."""
    return [name for name in (recipe.dataset, recipe.emotions) if name]


def identified(recipe: Recipe, found: str | None) -> Recipe:
    """The recipe with the identity of its data in it, and so in its id; raises ValueError where it
    says another."""
    if recipe.data not in (None, found):
        here = f"the data here are {found}" if found else f"{recipe.dataset} is known by its name"
        raise ValueError(
            f"data was {recipe.data!r}, but {here}; give the folder or corpus that the recipe is of"
        )
    return dataclasses.replace(recipe, data=found)


def with_identity(recipe: Recipe, root: str | Path | None) -> Recipe:
    """The same for data that are not loaded yet; raises what loading them raises."""
    r = recipe
    if r.dataset in speech.DATASETS:
        return identified(r, speech.identified(*spoken(r), root=root))
    if r.dataset == "folder":
        where: dict[str, Any] = dict(root=root, size=r.size)
        load = loader(r.dataset, **where)
        limits = {"train": r.limit, "test": None}
        splits = (load(r.dataset, s, limit=n, **where) for s, n in limits.items())
        return identified(r, identity.of_images(*splits))
    if r.dataset in data.MADE:  # a split has the digest of all
        return identified(r, data.load(r.dataset, "test", root=root).digest or None)
    return r


def enough(n: int, batch: int, what: str) -> None:
    """Raise ValueError where a batch is more than there is."""
    if n < batch:
        raise ValueError(f"batch was {batch}; allowed: at most the {n} training {what}")


def domain(dataset: str) -> type[Pictures] | type[Utterances]:
    """The domain of a data set; raises UnknownName."""
    if dataset in data.DATASETS:
        return Pictures
    if dataset in speech.DATASETS:
        return Utterances
    raise UnknownName("dataset", dataset, DATASETS)
