"""Decoded images and features of speech on disk: one file for each source, keyed by its content, safe to delete."""

import contextlib
import hashlib
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ncssl.errors import BadFile

FORMAT = "1"  # raise when decoding changes, so that older files are no longer found


def cache_dir() -> Path:
    """Folder of decoded images, features: $NCSSL_CACHE, or ~/.cache/ncssl/images. All in it can be made again."""
    given = os.environ.get("NCSSL_CACHE")
    return Path(given).expanduser() if given else Path.home() / ".cache" / "ncssl" / "images"


def write_atomically(path: Path, write: Callable) -> bool:
    """Call write(open file) on a file beside `path`, then rename it to `path`: whole or not there at all.

    A cache that cannot be written (full disk, no permission) is a warning and returns False.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(part, "wb") as file:
            write(file)
        os.replace(part, path)
        return True
    except OSError as error:
        warnings.warn(f"{path}: not cached ({error}); set NCSSL_CACHE to a folder with room", stacklevel=3)
        return False
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _file_digest(path: Path) -> str:
    """sha256 of a file's bytes, remembered for this path, size and time of change."""
    stat = path.stat()
    memo = hashlib.sha256(f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}".encode()).hexdigest()[:24]
    note = cache_dir() / f"{memo}.sha256"
    known = note.read_bytes() if note.is_file() else b""
    if len(known) == 64 and all(c in b"0123456789abcdef" for c in known):
        return known.decode()
    try:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadFile(path, f"cannot be read ({error})", "copy or download it again") from error
    write_atomically(note, lambda file: file.write(digest.encode()))
    return digest


def _tree_digest(path: Path) -> str:
    """sha256 of the sorted (relative path, size, time of change) of every file under a folder."""
    rows = []
    for folder, _, names in os.walk(path, followlinks=True):
        for name in names:
            full = os.path.join(folder, name)
            if os.path.exists(full):  # a dangling link has no size; decoding names it if it is an image
                stat = os.stat(full)
                rows.append(f"{os.path.relpath(full, path)}\0{stat.st_size}\0{stat.st_mtime_ns}")
    return hashlib.sha256("\n".join(sorted(rows)).encode(errors="surrogateescape")).hexdigest()


def digest(source: Path) -> str:
    """Hex sha256 that stands for the content of an archive (its bytes) or of a folder (its listing)."""
    return _tree_digest(source) if source.is_dir() else _file_digest(source)


def _read(path: Path, wanted: tuple[str, ...]) -> dict[str, np.ndarray] | None:
    """The wanted arrays that a cache file holds, or None if it is absent or damaged (the zip's CRCs are checked)."""
    try:
        with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
            return {name: file[name] for name in wanted if name in file.files}
    except Exception:  # no file, or whatever a damaged zip or header raises: it is made again and replaced
        return None


def cached(source: Path, settings: str, build: Callable[[], dict[str, np.ndarray]], wanted: tuple[str, ...]):
    """Arrays named in `wanted`, from the cache file of (source, settings) or from build(), which is then kept.

    Names the source lacks are absent from the answer. A damaged cache file is made again.
    """
    key = hashlib.sha256(f"{FORMAT}|{settings}|{digest(source)}".encode()).hexdigest()[:32]
    path = cache_dir() / f"{source.name.split('.')[0]}-{key}.npz"
    arrays = _read(path, wanted)
    if arrays is None:
        arrays = build()
        write_atomically(path, lambda file: np.savez(file, **arrays))
    return {name: arrays[name] for name in wanted if name in arrays}
