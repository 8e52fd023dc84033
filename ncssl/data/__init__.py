"""Real images by name, as one uint8 tensor on a device: `load`, `DATASETS`, and what is `present`."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ncssl.data import arrays
from ncssl.data.cache import cache_dir, digest
from ncssl.data.images import Images, read_images
from ncssl.errors import BadFile, UnknownName

__all__ = ["DATASETS", "DatasetInfo", "Images", "MissingData", "cache_dir", "load", "present", "search_path"]

DOWNLOADS = Path.home() / ".cache" / "ncssl" / "data"
DEBIAN = Path("/usr/share/datasets")  # where Debian's dataset-* packages put their files


class MissingData(FileNotFoundError):
    """Data that are not on this machine: says where it looked and how to get them."""


@dataclass(frozen=True)
class DatasetInfo:
    """What a data set is called in tables, how many images it has, and where it comes from.

    `kind` is embedded, torchvision, archive or folder; `archive` and `sha256` belong to a known tar.
    """

    name: str
    title: str
    kind: str
    shape: tuple[int, int, int] | None = None
    train: int = 0
    test: int = 0
    archive: str = ""
    sha256: str = ""
    how: str = ""


_FETCH = "load with download=True, or put torchvision's copy below a root"
_PLACE = "put the archive in a root or its folder images/ (roots: root=, $NCSSL_DATA, ./data)"
DATASETS = {
    info.name: info
    for info in (
        DatasetInfo("digits", "Digits 8x8 (scikit-learn)", "embedded", (1, 16, 16), 1297, 500, how="always there"),
        DatasetInfo("cifar10", "CIFAR-10", "torchvision", (3, 32, 32), 50_000, 10_000, how=_FETCH),
        DatasetInfo("cifar100", "CIFAR-100", "torchvision", (3, 32, 32), 50_000, 10_000, how=_FETCH),
        DatasetInfo("stl10", "STL-10", "torchvision", (3, 96, 96), 5_000, 8_000, how=_FETCH),
        DatasetInfo(
            "fashion_mnist", "Fashion-MNIST", "torchvision", (1, 28, 28), 60_000, 10_000,
            how=f"{_FETCH}; on Debian: apt-get install dataset-fashion-mnist",
        ),
        DatasetInfo(
            "cifar10_jpeg", "CIFAR-10 (JPEG copy)", "archive", (3, 32, 32), 50_000, 10_000,
            "cifar10-jpeg.tar.xz", "b6aeb3abfbd2eeb11a963190082990d1c58f124ac00f6e00823b5a8b778a9d2f", _PLACE,
        ),
        DatasetInfo(
            "imagenette96", "Imagenette (96x96)", "archive", (3, 96, 96), 9_469, 3_925,
            "imagenette-96.tar.xz", "30e24437e0ffdca93c85d8395875b7fdc36d9e7da73c1173062ba7169a3329ab", _PLACE,
        ),
        DatasetInfo("folder", "Image folder", "folder", how="give root= a folder or tar of train/<class>/<image>"),
    )
}  # fmt: skip


def search_path(root: str | Path | None = None) -> list[Path]:
    """Folders looked into, in order: root, $NCSSL_DATA, ./data, ~/.cache/ncssl/data, Debian's dataset packages.

    Raises MissingData for a root that does not exist.
    """
    if root is not None and not Path(root).expanduser().exists():
        raise MissingData(f"root {str(root)!r} does not exist; give a folder that holds the data, or the archive")
    given = [] if root is None else [str(root)]
    listed = [part for part in os.environ.get("NCSSL_DATA", "").split(os.pathsep) if part]
    return [Path(part).expanduser() for part in (*given, *listed, "data", DOWNLOADS, DEBIAN)]


def _places(info: DatasetInfo, roots: list[Path]) -> Iterator[Path]:
    """Every file or folder that could hold the data set, in the order of the search path."""
    for place in roots:
        if info.kind == "archive":
            yield from (place,) if place.is_file() else (place / info.archive, place / "images" / info.archive)
        elif info.kind == "torchvision":
            yield place / arrays.TORCHVISION[info.name][1]
            if info.name == "fashion_mnist":
                yield place if place.name == "fashion-mnist" else place / "fashion-mnist"


def _find(info: DatasetInfo, roots: list[Path]) -> Path | None:
    return next((place for place in _places(info, roots) if place.exists()), None)


def _read_folder(info: DatasetInfo, split: str, root, size: int | None) -> Images:
    if root is None:
        raise MissingData(f"dataset 'folder' needs root=; {info.how}")
    return read_images(search_path(root)[0], split, size)


def _read_archive(info: DatasetInfo, split: str, root, size: int | None) -> Images:
    roots = search_path(root)
    found = _find(info, roots)
    if found is None:
        looked = ", ".join(str(place) for place in roots)
        raise MissingData(f"dataset {info.name!r}: no {info.archive} in {looked}; {info.how}")
    if digest(found) != info.sha256:
        todo = "copy or download it again (dataset 'folder' with root= this file reads any tar of images)"
        raise BadFile(found, f"is not the {info.archive} of sha256 {info.sha256[:12]}...", todo)
    return read_images(found, split, size)


def _read_torchvision(info: DatasetInfo, split: str, root, download: bool) -> Images:
    roots = search_path(root) if not download or root is None else [Path(root), *search_path()]
    found = _find(info, roots)
    folder = arrays.TORCHVISION[info.name][1]
    if found is not None and found.name == "fashion-mnist":
        return arrays.read_fashion(found, split)
    if found is not None:
        return arrays.read_torchvision(info.name, found.parents[len(Path(folder).parts) - 1], split)
    if download:
        return arrays.read_torchvision(info.name, Path(root) if root else DOWNLOADS, split, download=True)
    looked = ", ".join(str(place) for place in roots)
    raise MissingData(f"dataset {info.name!r}: no {folder} in {looked}; {info.how}")


def _subset(data: Images, limit: int) -> Images:
    """At most `limit` images, classes balanced; always the same ones, and a smaller limit gives some of them."""
    labels = data.labels.numpy()
    rank = np.empty(len(labels), dtype=np.int64)  # of each image within its class, in a fixed random order
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        rank[np.random.default_rng(0).permutation(rows)] = np.arange(len(rows))
    keep = torch.from_numpy(np.sort(np.lexsort((labels, rank))[:limit]))
    return Images(data.images[keep], data.labels[keep], data.classes)


def load(
    name: str,
    split: str = "train",
    *,
    root: str | Path | None = None,
    device: str | torch.device = "cpu",
    limit: int | None = None,
    download: bool = False,
    size: int | None = None,
) -> Images:
    """Images of a data set: uint8 (n, c, h, w) and labels (n,) on `device`, image files decoded once and cached.

    `limit` keeps at most that many, classes balanced, always the same ones; `size` resizes and crops image files.
    Raises UnknownName, MissingData (where it looked, how to get it), BadFile (which file is damaged), ValueError.
    """
    if name not in DATASETS:
        raise UnknownName("dataset", name, DATASETS)
    if split not in ("train", "test"):
        raise UnknownName("split", split, ("train", "test"))
    for argument, value in (("limit", limit), ("size", size)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise ValueError(f"{argument} must be a whole number of at least 1 or None, was {value!r}")
    info = DATASETS[name]
    if size is not None and info.kind not in ("folder", "archive"):
        raise ValueError(f"size must be None for {name!r}, which has one size {info.shape}; it was {size}")
    if info.kind == "embedded":
        data = arrays.read_digits(split)
    elif info.kind == "torchvision":
        data = _read_torchvision(info, split, root, download)
    else:
        data = (_read_folder if info.kind == "folder" else _read_archive)(info, split, root, size)
    data = data if limit is None else _subset(data, limit)
    return Images(data.images.to(device), data.labels.to(device), data.classes)


def _bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(file.stat().st_size for file in files if file.is_file())


def present(root: str | Path | None = None) -> list[dict]:
    """A row a data set: name, title, present, where, train, test (images), bytes on disk, sha256 if known, how.

    Looks only at names: a row that says present can still be damaged, which `load` finds out.
    """
    rows = []
    for info in DATASETS.values():
        found = _find(info, search_path(root))
        row = {"name": info.name, "title": info.title, "present": found is not None or info.kind == "embedded"}
        row |= {"where": str(found or ("scikit-learn" if info.kind == "embedded" else "")), "train": info.train}
        row |= {"test": info.test, "bytes": _bytes(found) if found else 0, "sha256": info.sha256, "how": info.how}
        rows.append(row)
    return rows
