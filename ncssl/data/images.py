"""Folders and tars of images, decoded once into uint8 arrays."""

import io
import lzma
import os
import sys
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageOps
from tqdm import tqdm

from ncssl.data.cache import cached
from ncssl.errors import BadFile

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".ppm", ".pgm", ".bmp", ".tif", ".tiff", ".webp"})
SPLITS = {"train": "train", "test": "test", "val": "val", "valid": "val", "validation": "val"}
Parts = tuple[str, ...]


class Images(NamedTuple):
    """Images uint8 (n, c, h, w) and labels int64 (n,) on one device; `classes` names the labels."""

    images: torch.Tensor
    labels: torch.Tensor
    classes: tuple[str, ...]


class _StrictHeader(tarfile.TarInfo):
    """A tar header; tarfile takes a damaged or cut one for the end of the archive, this one raises."""

    @classmethod
    def fromtarfile(cls, archive):
        try:
            return super().fromtarfile(archive)
        except tarfile.EOFHeaderError:
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"damaged or missing header: {error}") from error


def _is_image(parts: Parts) -> bool:
    return Path(parts[-1]).suffix.lower() in SUFFIXES and not any(part.startswith(".") for part in parts)


def _progress(name: str, total: int, unit: str):
    quiet = not sys.stderr.isatty()
    return tqdm(total=total, unit=unit, unit_scale=True, desc=f"decoding {name}", disable=quiet, leave=False)


def _tar_members(path: Path) -> Iterator[tuple[Parts, bytes]]:
    """(path parts, bytes) of each image in a tar of any compression, read once from front to back."""
    member = None
    try:
        with open(path, "rb") as raw, _progress(path.name, path.stat().st_size, "B") as bar:
            with tarfile.open(fileobj=raw, mode="r:*", tarinfo=_StrictHeader) as archive:
                for member in archive:
                    parts = tuple(part for part in PurePosixPath(member.name).parts if part not in (".", "/"))
                    if member.isfile() and parts and _is_image(parts):
                        yield parts, archive.extractfile(member).read()
                    bar.update(raw.tell() - bar.n)
                while archive.fileobj.read(1 << 20):  # to the end, so that the compressor's checksum is compared
                    pass
    except (tarfile.TarError, EOFError, OSError, ValueError, lzma.LZMAError, zlib.error) as error:
        where = f"after member {member.name!r}" if member else "at its start"
        why = " ".join(str(error).split())  # tarfile writes a line for each compression it tried
        raise BadFile(path, f"not a whole tar archive ({where}: {why})", "copy or download it again") from error


def _tree_files(path: Path) -> Iterator[tuple[Parts, bytes]]:
    """(path parts, bytes) of each image under a folder, in sorted order."""
    found = []
    for folder, _, names in os.walk(path, followlinks=True):
        found += [Path(folder, name).relative_to(path).parts for name in names]
    found = sorted(parts for parts in found if _is_image(parts))
    with _progress(path.name, len(found), " images") as bar:
        for parts in found:
            file = path.joinpath(*parts)
            try:
                yield parts, file.read_bytes()
            except OSError as error:
                raise BadFile(file, f"cannot be read ({error})", "repair or delete it and load again") from error
            bar.update()


def _decode(source: Path, parts: Parts, data: bytes, size: int | None) -> np.ndarray:
    """One RGB image (3, h, w); with `size`, shorter side resized to it (bicubic) and the centre cropped."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            image = image.convert("RGB")
    except Exception as error:  # PIL raises OSError, SyntaxError, ValueError and more on damaged files
        inside = not source.is_dir()
        path, what = (source, f"member {'/'.join(parts)!r} is") if inside else (source.joinpath(*parts), "is")
        todo = "copy or download the archive again" if inside else "repair or delete it and load again"
        raise BadFile(path, f"{what} not a whole image ({error})", todo) from error
    if size is not None:
        image = ImageOps.fit(image, (size, size), method=Image.Resampling.BICUBIC)
    return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1))


def _layout(names: list[Parts]) -> list[tuple[str, str] | None]:
    """(split, class) of each file: train|test|val/<class>/..., or <class>/... below any common top folders.

    The split is "" where folders name none. Files above the classes have None and are left out.
    """
    names = list(names)
    while True:
        tops = {parts[0] for parts in names if len(parts) > 1}
        deep = any(len(parts) > 2 for parts in names)
        if len(tops) != 1 or not deep or tops & SPLITS.keys():
            break
        names = [parts[1:] if len(parts) > 1 else parts for parts in names]
    split_folders = any(parts[0] in SPLITS and len(parts) > 2 for parts in names)
    if split_folders:
        return [(SPLITS[p[0]], p[1]) if len(p) > 2 and p[0] in SPLITS else None for p in names]
    return [("", p[0]) if len(p) > 1 else None for p in names]


def _decode_all(source: Path, size: int | None) -> tuple[list[Parts], list[np.ndarray]]:
    names, arrays = [], []
    for parts, data in _tree_files(source) if source.is_dir() else _tar_members(source):
        array = _decode(source, parts, data, size)
        if arrays and array.shape != arrays[0].shape:
            (_, h, w), (_, h0, w0) = array.shape, arrays[0].shape
            raise ValueError(
                f"{source}: {'/'.join(parts)} is {w}x{h} where {'/'.join(names[0])} is {w0}x{h0}; "
                f"give size= to resize the shorter side and crop the centre, such as size={min(h, w, h0, w0)}"
            )
        names.append(parts)
        arrays.append(array)
    return names, arrays


def _build(source: Path, size: int | None) -> dict[str, np.ndarray]:
    """Every split of a folder or tar: images_<split>, labels_<split>, classes; sorted by class, then by path."""
    names, arrays = _decode_all(source, size)
    places = _layout(names)
    rows = sorted((place, name, i) for i, (place, name) in enumerate(zip(places, names, strict=True)) if place)
    if not rows:
        raise BadFile(source, "holds no images in class folders", "lay it out as train/<class>/<image>")
    classes = sorted({label for (_, label), _, _ in rows})
    members: dict[str, list[tuple[int, int]]] = {}
    rank: dict[str, int] = {}
    for (split, label), _, i in rows:
        if not split:  # no folders for splits: every fifth image of a class is for the test
            rank[label] = rank.get(label, -1) + 1
            split = "test" if rank[label] % 5 == 4 else "train"
        members.setdefault(split, []).append((classes.index(label), i))
    members.setdefault("test", members.pop("val", []))
    built = {"classes": np.array(classes)}
    for split, pairs in members.items():
        if pairs:
            built[f"images_{split}"] = np.stack([arrays[i] for _, i in pairs])
            built[f"labels_{split}"] = np.array([label for label, _ in pairs], dtype=np.int64)
    return built


def read_images(source: Path, split: str, size: int | None = None) -> Images:
    """Images of a folder or tar: train/<class>/... with test/ or val/, or <class>/... (every fifth is for test).

    Decoded once and cached. Raises BadFile for a damaged file, ValueError where sizes differ and `size` is None.
    """
    wanted = (f"images_{split}", f"labels_{split}", "classes")
    arrays = cached(source, f"size={size}", lambda: _build(source, size), wanted)
    if wanted[0] not in arrays:
        other = "a folder train/" if split == "train" else "a folder test/ or val/"
        raise BadFile(source, f"has no {split} images", f"give it {other} of class folders")
    images, labels = (torch.from_numpy(arrays[name]) for name in wanted[:2])
    return Images(images, labels, tuple(str(name) for name in arrays["classes"]))
