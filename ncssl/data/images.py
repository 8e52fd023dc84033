"""Folders, tars and zips of images, decoded once into uint8 arrays."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageOps

from ncssl.data.archives import members
from ncssl.data.cache import cached
from ncssl.data.files import Parts, plain, progress, read_bytes, tree
from ncssl.data.layout import layout
from ncssl.errors import BadFile

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".ppm", ".pgm", ".bmp", ".tif", ".tiff", ".webp"})


Names = tuple[str, ...]


class Images(NamedTuple):
    """Images uint8 (n, c, h, w) and labels int64 (n,) on one device; `classes` names the labels.

    `digest` stands for the content of a whole folder or archive, every split of it; a named data
    set has "".
    """

    images: torch.Tensor
    labels: torch.Tensor
    classes: tuple[str, ...]
    digest: str = ""


def is_image(parts: Parts) -> bool:
    return Path(parts[-1]).suffix.lower() in SUFFIXES and not any(
        part.startswith(".") for part in parts
    )


def _tree_files(path: Path) -> Iterator[tuple[Parts, bytes]]:
    """(path parts, bytes) of each image under a folder, in sorted order."""
    found = [file for file in tree(path) if is_image(file.relative_to(path).parts)]
    with progress(path.name, len(found), " images") as bar:
        for file in found:
            yield file.relative_to(path).parts, read_bytes(file)
            bar.update()


def _bits(image: Image.Image) -> int:
    """Bits of a grey value in a file of 9 to 16 bits; 0 where it is no such file."""
    if image.mode.startswith("I;16"):
        return int(image.tag_v2[258][0]) if hasattr(image, "tag_v2") else 16
    return 16 if image.mode == "I" and image.format in ("PNG", "PPM") else 0


def _eight_bits(image: Image.Image, bits: int) -> Image.Image:
    """An image in 8 bits a channel: deep grey scaled by the range of its bits, floating point from
    0 to 1.

    Raises ValueError for 32-bit whole numbers and for floats outside 0 to 1, of which nobody knows
    the range.
    """
    if image.mode not in ("F", "I") and not image.mode.startswith("I;16"):
        return image
    values = np.asarray(image).astype(np.float64)
    span = f"{values.min():g} to {values.max():g}"
    if image.mode == "F" and not (values.min() >= 0 and values.max() <= 1):
        raise ValueError(
            f"floating-point values from {span}; allowed: 0 to 1, or save it with 8 or 16 bits"
        )
    if image.mode != "F" and not bits:
        raise ValueError(f"whole numbers of 32 bits from {span}; save it with 8 or 16 bits")
    top = 1.0 if image.mode == "F" else 2.0**bits - 1
    return Image.fromarray((values * (255 / top)).round().clip(0, 255).astype(np.uint8))


def _rgb(file: io.BytesIO) -> Image.Image:
    """One image upright, as its EXIF data say, in RGB."""
    with Image.open(file) as image:
        upright = _eight_bits(ImageOps.exif_transpose(image), _bits(image))
        if upright.mode in ("P", "PA") and "transparency" in upright.info:
            upright = upright.convert("RGBA")
        return upright.convert("RGB")


def decode(source: Path, parts: Parts, data: bytes, size: int | None) -> np.ndarray:
    """One RGB image (3, h, w); with `size`, shorter side resized to it (bicubic) and the centre
    cropped."""
    try:
        image = _rgb(io.BytesIO(data))
    # PIL raises OSError, SyntaxError, ValueError and more on damaged files
    except Exception as error:
        inside = not source.is_dir()
        path, what = (
            (source, f"member {'/'.join(parts)!r} is")
            if inside
            else (source.joinpath(*parts), "is")
        )
        todo = (
            "copy or download the archive again" if inside else "repair or delete it and load again"
        )
        raise BadFile(path, f"{what} not a whole image ({error})", todo) from error
    if size is not None:
        image = ImageOps.fit(image, (size, size), method=Image.Resampling.BICUBIC)
    return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1))


def _decode_all(source: Path, size: int | None) -> dict[Parts, np.ndarray]:
    """Images (3, h, w) by their path; of two members with one name the second, as unpacking
    gives."""
    arrays: dict[Parts, np.ndarray] = {}
    for parts, data in _tree_files(source) if source.is_dir() else members(source, is_image):
        arrays[parts] = array = decode(source, parts, data, size)
        first = next(iter(arrays))
        if array.shape != arrays[first].shape:
            (_, h, w), (_, h0, w0) = array.shape, arrays[first].shape
            raise ValueError(
                f"{source}: {'/'.join(parts)} is {w}x{h} where {'/'.join(first)} is {w0}x{h0}; give"
                " size= to resize the shorter side and crop the centre, such as"
                f" size={min(h, w, h0, w0)}"
            )
    return arrays


def listed(source: Path, names: list[Parts]) -> tuple[list[str], dict[str, list[tuple[int, int]]]]:
    """The classes of images with these names, and of every split (class, index of the name), sorted
    by class, then by path. Raises BadFile where no class holds any."""
    places = layout(source, names)
    rows = sorted(
        (place, name, i) for i, (place, name) in enumerate(zip(places, names, strict=True)) if place
    )
    if not rows:
        raise BadFile(
            source, "holds no images in class folders", "lay it out as train/<class>/<image>"
        )
    classes = sorted({label for (_, label), _, _ in rows})
    members: dict[str, list[tuple[int, int]]] = {}
    rank: dict[str, int] = {}
    for (split, label), _, i in rows:
        if not split:  # no folders for splits: every fifth image of a class is for the test
            rank[label] = rank.get(label, -1) + 1
            split = "test" if rank[label] % 5 == 4 else "train"
        members.setdefault(split, []).append((classes.index(label), i))
    members.setdefault("test", members.pop("val", []))
    return classes, members


def _build(source: Path, size: int | None) -> dict[str, np.ndarray]:
    """Every split of a folder or tar: images_<split>, labels_<split>, classes."""
    decoded = _decode_all(source, size)
    arrays = list(decoded.values())
    classes, members = listed(source, list(decoded))
    built = {"classes": np.array(classes)}
    for split, pairs in members.items():
        if pairs:
            built[f"images_{split}"] = np.stack([arrays[i] for _, i in pairs])
            built[f"labels_{split}"] = np.array([label for label, _ in pairs], dtype=np.int64)
    return built


def absent(source: Path, split: str) -> BadFile:
    """The error for a folder or archive without images of a split."""
    other = "a folder train/" if split == "train" else "a folder test/ or val/"
    return BadFile(source, f"has no {split} images", f"give it {other} of class folders")


def read_images(source: Path, split: str, size: int | None = None) -> Images:
    """Images of a folder or tar: train/<class>/... with test/ or val/, or <class>/... (every fifth
    is for test).

    Decoded once and cached. Raises BadFile for a damaged file, ValueError where sizes differ and
    `size` is None.
    """
    wanted = (f"images_{split}", f"labels_{split}", "classes", "digest")
    arrays = cached(plain(source), f"size={size}", lambda: _build(source, size), wanted)
    if wanted[0] not in arrays:
        raise absent(source, split)
    images, labels = (torch.from_numpy(arrays[name]) for name in wanted[:2])
    return Images(
        images, labels, tuple(str(name) for name in arrays["classes"]), str(arrays["digest"])
    )


def every(source: Path, size: int | None = None) -> tuple[torch.Tensor, torch.Tensor | None, Names]:
    """All images (n, 3, h, w) of a folder or archive in the order of their paths, whatever their
    split; the class of each by its folder, None where one lies in none; their paths.

    Raises BadFile for a damaged file or where there is no image, ValueError where sizes differ and
    `size` is None.
    """
    decoded = dict(sorted(_decode_all(plain(source), size).items()))
    if not decoded:
        raise BadFile(source, "holds no images", f"allowed endings: {', '.join(sorted(SUFFIXES))}")
    places = layout(source, list(decoded))
    images = torch.from_numpy(np.stack(list(decoded.values())))
    paths = tuple("/".join(parts) for parts in decoded)
    if not all(places):
        return images, None, paths
    classes = sorted({place[1] for place in places if place})
    labels = [classes.index(place[1]) for place in places if place]
    return images, torch.tensor(labels), paths


def balanced(labels: torch.Tensor, limit: int) -> torch.Tensor:
    """Rows (at most `limit`,) of labels (n,), classes balanced; always the same ones, and a smaller
    limit gives some of them."""
    values = labels.cpu().numpy()
    # of each image within its class, in a fixed random order
    rank = np.empty(len(values), dtype=np.int64)
    for label in np.unique(values):
        rows = np.flatnonzero(values == label)
        rank[np.random.default_rng(0).permutation(rows)] = np.arange(len(rows))
    return torch.from_numpy(np.sort(np.lexsort((values, rank))[:limit]))
