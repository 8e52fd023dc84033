"""What a run must know of its data, one class a domain: loading, views, the encoder's input, what is measured."""

from pathlib import Path

import torch
from torch import Generator, Tensor, nn

from ncssl import data, diagnostics
from ncssl.augment import augment, policy
from ncssl.evaluate import OnlineProbe
from ncssl.model import Siamese
from ncssl.nn import backbone
from ncssl.recipes import Recipe


class Pictures:
    """Images on a device, uint8 until a batch of them is augmented.

    Raises what `data.load` raises, UnknownName for the policy, ValueError where a batch is more than all images.
    """

    def __init__(self, recipe: Recipe, *, root: str | Path | None = None, device: str = "cpu", download=False):
        where = dict(root=root, device=device, size=recipe.size, download=download)
        self.recipe, self.policy = recipe, policy(recipe.augmentation)
        self.train = data.load(recipe.dataset, "train", limit=recipe.limit, **where)
        self.test = data.load(recipe.dataset, "test", **where)
        if len(self) < recipe.batch:
            raise ValueError(f"batch was {recipe.batch}; allowed: at most the {len(self)} training images")
        pixels = self.train.images.float().div(255)
        self.mean, self.std = pixels.mean((0, 2, 3)), pixels.std((0, 2, 3)).clamp_min(1e-3)

    @property
    def labels(self) -> Tensor:
        """Classes (n,) of the training images."""
        return self.train.labels

    def __len__(self) -> int:
        return len(self.train.images)

    def encoder(self) -> tuple[nn.Module, int]:
        """The recipe's backbone for these images and the number of its features."""
        r, shape = self.recipe, self.train.images.shape
        return backbone(r.backbone, shape[1], r.width, shape[-1])

    def views(self, rows: Tensor, generator: Generator) -> list[Tensor]:
        """Every view of the policy, each (n, c, h, w), of the training images `rows` (n,)."""
        batch = self.train.images[rows]
        drawn = (augment(batch, view, generator, mean=self.mean, std=self.std) for view in self.policy)
        return [view.contiguous(memory_format=torch.channels_last) for view in drawn]

    def row(self, model: Siamese, probe: OnlineProbe | None = None) -> dict:
        """One row of the curves."""
        return diagnostics.row(model, self.train, self.test, self.mean, self.std, probe)

    def final(self, model: Siamese) -> dict:
        """The metrics at the end."""
        return diagnostics.final(model, self.train, self.test, self.mean, self.std, seed=self.recipe.seed)

    def facts(self) -> dict[str, int]:
        """Sizes of what was trained on and tested on, for the record."""
        return {"train": len(self), "test": len(self.test.images), "classes": len(self.train.classes)}
