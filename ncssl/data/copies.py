"""Data sets that are downloaded or made here: whole and checked, or not there at all."""

import contextlib
import hashlib
import io
import os
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
from PIL import Image
from tqdm import tqdm

from ncssl.data.arrays import TORCHVISION, read_torchvision
from ncssl.data.images import Images
from ncssl.errors import BadFile


def _archives(name: str) -> list[tuple[str, str, str]]:
    """(file below the root, md5, address) of what torchvision downloads."""
    from torchvision import datasets

    kind, folder = TORCHVISION[name]
    kept = getattr(datasets, kind)
    if name == "fashion_mnist":
        return [(f"{folder}/{file}", md5, kept.mirrors[0] + file) for file, md5 in kept.resources]
    return [(kept.filename, kept.tgz_md5, kept.url)]


def _lend(name: str, root: Path, part: Path) -> None:
    """Links to archives that lie in the root and are whole, so that they are not downloaded
    again."""
    from torchvision.datasets.utils import check_integrity

    for file, md5, _ in _archives(name):
        given = root / Path(file).name
        if check_integrity(given, md5):
            (part / file).parent.mkdir(parents=True, exist_ok=True)
            (part / file).symlink_to(given.resolve())


def download(name: str, root: Path) -> Path:
    """One of torchvision's sets below `root`, fetched and unpacked by torchvision with its bar;
    returns its folder.

    It is put in place once both splits have been read. What is there already is read and left.
    Raises BadFile for what cannot be fetched, with the address and where to put the file by hand,
    and for a damaged set that is there.
    """
    folder = root / TORCHVISION[name][1]
    if folder.exists():
        _read_both(name, root)
        return folder
    with _apart(root, name) as part:
        _lend(name, root, part)
        try:
            _read_both(name, part, download=True)
            folder.parent.mkdir(parents=True, exist_ok=True)
            for link in (
                file for file in (part / TORCHVISION[name][1]).iterdir() if file.is_symlink()
            ):
                link.unlink()
            os.replace(part / TORCHVISION[name][1], folder)
        except (BadFile, OSError) as error:
            if folder.exists():  # another process was faster
                _read_both(name, root)
                return folder
            where = ", ".join(address for _, _, address in _archives(name))
            raise BadFile(
                folder,
                f"could not be fetched ({error.why if isinstance(error, BadFile) else error})",
                f"check the network and the room on the disk, or put what lies at {where} into"
                f" {root} yourself, then say `ncssl data --fetch {name}` again",
            ) from error
    return folder


def _read_both(name: str, root: Path, **how) -> None:
    for split in ("train", "test"):
        read_torchvision(name, root, split, **how)


@contextlib.contextmanager
def _apart(root: Path, name: str) -> Iterator[Path]:
    """A hidden folder in the root that goes away again. Raises BadFile where it cannot be made."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=root))
    except OSError as error:
        raise BadFile(
            root, f"cannot be written to ({error})", "name another folder: --data-root FOLDER"
        ) from error
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _jpeg(image: torch.Tensor) -> bytes:
    """An image uint8 (3, h, w) as JPEG with the standard tables of quality 75 and chroma of half
    the size."""
    file = io.BytesIO()
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(
        file, "JPEG", quality=75, subsampling="4:2:0"
    )
    return file.getvalue()


def write_jpegs(splits: dict[str, Images], path: Path) -> Path:
    """A tar of <split>/<class>/<number>.jpg, in a class sorted by a hash, so that nothing is left
    of an order.

    The same images and the same libjpeg give the same bytes. Raises BadFile where it cannot be
    written.
    """
    total = sum(len(data.images) for data in splits.values())
    bar = tqdm(
        total=total,
        unit=" images",
        desc=f"writing {path.name}",
        disable=not sys.stderr.isatty(),
        leave=False,
    )
    with _apart(path.parent, path.stem) as part, bar:
        try:
            with tarfile.open(part / path.name, "w", format=tarfile.USTAR_FORMAT) as archive:
                for split, data in splits.items():
                    _add(archive, split, data, bar)
            os.replace(part / path.name, path)
        except OSError as error:
            raise BadFile(
                path, f"cannot be written ({error})", "make room, or name another --data-root"
            ) from error
    return path


def _add(archive: tarfile.TarFile, split: str, data: Images, bar) -> None:
    for label, name in enumerate(data.classes):
        files = sorted(
            map(_jpeg, data.images[data.labels == label]),
            key=lambda jpeg: hashlib.sha256(jpeg).digest(),
        )
        for i, jpeg in enumerate(files):
            member = tarfile.TarInfo(f"{split}/{name}/{i:05}.jpg")
            member.size = len(jpeg)
            archive.addfile(member, io.BytesIO(jpeg))
            bar.update()
