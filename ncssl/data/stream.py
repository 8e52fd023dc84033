"""Folders of images that do not fit in memory: decoded anew whenever they are asked for, by threads
that work ahead, with the pixels that reading them at once would give."""

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor

from ncssl.data.cache import cached, expanded
from ncssl.data.files import Parts, read_bytes, tree
from ncssl.data.images import Images, absent, balanced, decode, is_image, listed
from ncssl.memory import free

CHUNK = 1024  # images decoded at a time where all are asked for


class Stream:
    """uint8 images (n, 3, size, size) of a folder, which are indexed, split and counted as a tensor
    of them is. Raises BadFile for a damaged file when its turn comes."""

    def __init__(self, source: Path, names: list[Parts], size: int, device: str = "cpu"):
        self.source, self.names, self.size, self.device = source, names, size, device
        self.shape = (len(names), 3, size, size)
        self.pool = ThreadPoolExecutor(os.cpu_count(), "ncssl-decoding")
        self.coming: dict[tuple[int, ...], list[Future[np.ndarray]]] = {}

    def __len__(self) -> int:
        return len(self.names)

    def one(self, row: int) -> np.ndarray:
        """Decode one image."""
        parts = self.names[row]
        return decode(self.source, parts, read_bytes(self.source.joinpath(*parts)), self.size)

    def ahead(self, rows: Tensor) -> None:
        """Begin to decode these rows, which are asked for next."""
        wanted = tuple(rows.tolist())
        if wanted not in self.coming:
            self.coming[wanted] = [self.pool.submit(self.one, row) for row in wanted]

    def __getitem__(self, rows: Tensor) -> Tensor:
        """The images of these rows (n,), on the device."""
        self.ahead(rows)
        arrays = [future.result() for future in self.coming.pop(tuple(rows.tolist()))]
        return torch.from_numpy(np.stack(arrays)).to(self.device)

    def split(self, n: int) -> Iterator[Tensor]:
        """All images in their order, n at a time; the next are decoded meanwhile."""
        parts = torch.arange(len(self)).split(n)
        for part, following in zip(parts, [*parts[1:], None], strict=True):
            self.ahead(part)
            if following is not None:
                self.ahead(following)
            yield self[part]


def streamed(
    name: str,
    split: str,
    *,
    root: str | Path,
    device: str = "cpu",
    limit: int | None = None,
    size: int,
) -> Images:
    """What `data.load` gives of a folder, but the images a Stream. Raises BadFile where there are
    none of this split."""
    source = expanded(root)
    names = images_of(source)
    classes, members = listed(source, names)
    if not members.get(split):
        raise absent(source, split)
    pairs = np.array(members[split])
    if limit is not None:
        pairs = pairs[balanced(torch.from_numpy(pairs[:, 0]), limit).numpy()]
    images = Stream(source, [names[i] for i in pairs[:, 1]], size, str(device))
    return Images(cast(Tensor, images), torch.tensor(pairs[:, 0], device=device), tuple(classes))


def images_of(source: Path) -> list[Parts]:
    """The images under a folder, as parts of their paths below it."""
    found = (file.relative_to(source).parts for file in tree(source))
    return [parts for parts in found if is_image(parts)]


def too_large(
    name: str, *, root: str | Path | None = None, device: str = "cpu", size: int | None = None
) -> bool:
    """Whether a folder of image files, brought to `size`, would take more than half of the memory
    that is free on the device; such a one is `streamed`."""
    if name != "folder" or root is None or size is None or not expanded(root).is_dir():
        return False
    return 3 * size**2 * len(images_of(expanded(root))) > free(str(device)) / 2


def moments(data: Images) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (c,) of the channels, values in [0, 1]. Of a stream they are
    exact, of a tensor rounded as sums in float32 are: they differ in the seventh digit."""
    images = data.images
    if not isinstance(images, Stream):
        pixels = images.float().div(255)
        return pixels.mean((0, 2, 3)), pixels.std((0, 2, 3))
    settings = f"moments size={images.size} of {digest_of(images)}"
    held = cached(images.source, settings, lambda: {"sums": sums(images)}, ("sums",))["sums"]
    n = len(images) * images.size**2
    mean = held[0] / 255 / n
    std = ((held[1] / 255**2 / n - mean**2) * n / (n - 1)) ** 0.5
    return tuple(torch.tensor(v, dtype=torch.float32).to(images.device) for v in (mean, std))


def digest_of(images: Stream) -> str:
    """Digits that stand for which images of a folder a stream has."""
    return hashlib.sha256(repr(images.names).encode()).hexdigest()[:16]


def sums(images: Stream) -> np.ndarray:
    """Sums (2, 3) of the values of every channel and of their squares, as whole numbers."""
    total = np.zeros((2, 3), np.int64)
    for chunk in images.split(CHUNK):
        x = chunk.long()
        total += torch.stack((x.sum((0, 2, 3)), x.square().sum((0, 2, 3)))).cpu().numpy()
    return total
