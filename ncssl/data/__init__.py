"""Real images by name, as one uint8 tensor on a device: `load`, `DATASETS`, what is `present`,
`fetch` and `make`."""

import os
from collections.abc import Iterator
from pathlib import Path

import torch

from ncssl.checks import is_whole
from ncssl.data import arrays
from ncssl.data.cache import cache_dir, digest, expanded, user_cache
from ncssl.data.images import Images, balanced, read_images
from ncssl.data.stream import Stream, moments, streamed, too_large
from ncssl.datasets import DATASETS, DatasetInfo
from ncssl.datasets.provenance import CORPORA, SOURCES
from ncssl.errors import BadFile, UnknownName

__all__ = [
    "DATASETS",
    "DatasetInfo",
    "Images",
    "MissingData",
    "Stream",
    "cache_dir",
    "fetch",
    "load",
    "make",
    "moments",
    "present",
    "search_path",
    "streamed",
    "too_large",
]

MADE = {"cifar10_jpeg": "cifar10"}  # what `make` makes, and of what
DEBIAN = Path("/usr/share/datasets")  # where Debian's dataset-* packages put their files


class MissingData(FileNotFoundError):
    """Data that are not on this machine: says where it looked and how to get them."""


def downloads() -> Path:
    """The last folder that is searched, and where data sets are fetched to: data/ in the user's
    cache."""
    return user_cache() / "data"


def search_path(root: str | Path | None = None) -> list[Path]:
    """Folders looked into, in order: root, $NCSSL_DATA, ./data, `downloads`, Debian's dataset
    packages.

    Raises MissingData for a root that does not exist.
    """
    if root is not None and not expanded(root).exists():
        raise MissingData(
            f"root {str(root)!r} does not exist; give a folder that holds the data, or the archive"
        )
    given = [] if root is None else [str(root)]
    listed = [part for part in os.environ.get("NCSSL_DATA", "").split(os.pathsep) if part]
    places: list[str | Path] = [*given, *listed, "data", downloads(), DEBIAN]
    return [expanded(part) for part in places]


def _places(info: DatasetInfo, roots: list[Path]) -> Iterator[Path]:
    """Every file or folder that could hold the data set, in the order of the search path; what was
    made here last."""
    for place in roots:
        if info.kind == "archive":
            yield from (
                (place,)
                if place.is_file()
                else (place / info.archive, place / "images" / info.archive)
            )
        elif info.kind == "torchvision":
            yield place / arrays.TORCHVISION[info.name][1]
            if info.name == "fashion_mnist":
                yield place if place.name == "fashion-mnist" else place / "fashion-mnist"
    if info.made:
        yield from (place / info.made for place in roots)


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
    if info.made and found.name == info.made:
        return _whole(info, found, split, read_images(found, split, size))
    if digest(found) != info.sha256:
        todo = (
            "copy or download it again (dataset 'folder' with root= this file reads any tar of"
            " images)"
        )
        raise BadFile(found, f"is not the {info.archive} of sha256 {info.sha256[:12]}...", todo)
    return read_images(found, split, size)._replace(digest="")


def _whole(info: DatasetInfo, found: Path, split: str, data: Images) -> Images:
    """A copy that was made here, if it has as many images as the data set; it keeps a digest of its
    own."""
    count = getattr(info, split)
    if len(data.images) != count:
        todo = f"delete it and say `ncssl data --make {info.name}` again"
        raise BadFile(found, f"has {len(data.images)} {split} images, not {count}", todo)
    return data


def _read_torchvision(info: DatasetInfo, split: str, root, download: bool) -> Images:
    roots = search_path(root) if not download or root is None else [expanded(root), *search_path()]
    found = _find(info, roots)
    folder = arrays.TORCHVISION[info.name][1]
    if found is None and download:
        found = fetch(info.name, root)
    if found is None:
        looked = ", ".join(str(place) for place in roots)
        raise MissingData(f"dataset {info.name!r}: no {folder} in {looked}; {info.how}")
    if found.name == "fashion-mnist":
        return arrays.read_fashion(found, split)
    return arrays.read_torchvision(info.name, found.parents[len(Path(folder).parts) - 1], split)


def fetch(name: str, root: str | Path | None = None) -> Path:
    """Download one of torchvision's sets below a root, by default `downloads`; returns its folder.

    Raises UnknownName, ValueError for a set that comes another way (which one), BadFile where the
    download fails (what to do then); a failed one leaves nothing behind.
    """
    from ncssl.data.copies import download

    known = SOURCES | CORPORA
    if name in known and name not in arrays.TORCHVISION:
        raise ValueError(
            f"fetch was {name!r}; allowed: {', '.join(arrays.TORCHVISION)}; this one:"
            f" {known[name].how}"
        )
    if name not in arrays.TORCHVISION:
        raise UnknownName("dataset to fetch", name, arrays.TORCHVISION)
    return download(name, downloads() if root is None else expanded(root))


def make(name: str, root: str | Path | None = None) -> Path:
    """Make cifar10_jpeg from CIFAR-10, as <root>/cifar10-jpeg.tar, by default in `downloads`;
    returns the file.

    The same images and libjpeg give the same bytes; they need not be those of the copy that the
    records were made with, so that it has a digest of its own. Raises UnknownName, MissingData
    without CIFAR-10, BadFile.
    """
    from ncssl.data.copies import write_jpegs

    if name not in MADE:
        raise UnknownName("dataset to make", name, MADE)
    target = (downloads() if root is None else expanded(root)) / DATASETS[name].made
    where = None if root is None or not expanded(root).exists() else root
    return write_jpegs(
        {split: load(MADE[name], split, root=where) for split in ("train", "test")}, target
    )


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
    """Images of a data set: uint8 (n, c, h, w) and labels (n,) on `device`, image files decoded
    once and cached.

    `limit` keeps at most that many, classes balanced, always the same ones; `size` resizes and
    crops image files. Raises UnknownName, MissingData (where it looked, how to get it), BadFile
    (which file is damaged), ValueError.
    """
    if name not in DATASETS:
        raise UnknownName("dataset", name, DATASETS)
    if split not in ("train", "test"):
        raise UnknownName("split", split, ("train", "test"))
    for argument, value in (("limit", limit), ("size", size)):
        if value is not None and (not is_whole(value) or value < 1):
            raise ValueError(
                f"{argument} must be a whole number of at least 1 or None, was {value!r}"
            )
    info = DATASETS[name]
    if size is not None and info.kind not in ("folder", "archive"):
        raise ValueError(
            f"size must be None for {name!r}, which has one size {info.shape}; it was {size}"
        )
    if info.kind == "embedded":
        data = arrays.read_digits(split)
    elif info.kind == "torchvision":
        data = _read_torchvision(info, split, root, download)
    else:
        data = (_read_folder if info.kind == "folder" else _read_archive)(info, split, root, size)
    if limit is not None:
        keep = balanced(data.labels, limit)
        data = data._replace(images=data.images[keep], labels=data.labels[keep])
    return data._replace(images=data.images.to(device), labels=data.labels.to(device))


def _bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(file.stat().st_size for file in files if file.is_file())


def present(root: str | Path | None = None) -> list[dict]:
    """A row a data set: name, title, present, where, train, test (images), bytes on disk, sha256 if
    known, how, and what it is, its source, its licence, keys to cite.

    Looks only at names: a row that says present can still be damaged, which `load` finds out.
    """
    rows = []
    for info in DATASETS.values():
        found = _find(info, search_path(root))
        row = {
            "name": info.name,
            "title": info.title,
            "present": found is not None or info.kind == "embedded",
        }
        row |= {
            "where": str(found or ("scikit-learn" if info.kind == "embedded" else "")),
            "train": info.train,
        }
        row |= {"test": info.test, "bytes": _bytes(found) if found else 0, "sha256": info.sha256}
        rows.append(row | SOURCES[info.name]._asdict())
    return rows
