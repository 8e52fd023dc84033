"""Decoded images and features of speech on disk: one file for each source, keyed by its content,
safe to delete."""

import contextlib
import hashlib
import os
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ncssl.data.files import plain, tree
from ncssl.errors import BadFile

FORMAT = "2"  # raise when decoding changes, so that older files are no longer found


def expanded(path: str | Path) -> Path:
    """A path with ~ as the home. Raises ValueError where there is no such home."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise ValueError(
            f"path was {str(path)!r} and this user has no home; allowed: a path without ~"
        ) from error


def user_cache() -> Path:
    """$XDG_CACHE_HOME/ncssl, or ~/.cache/ncssl; for a user without a home, a folder among the
    temporary files."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(given):  # the XDG standard: others are to be ignored
        return Path(given) / "ncssl"
    try:
        return Path.home() / ".cache" / "ncssl"
    except RuntimeError:  # no HOME and no line in the table of users
        return Path(tempfile.gettempdir()) / f"ncssl-{os.getuid()}"


def cache_dir() -> Path:
    """Folder of decoded images, features: $NCSSL_CACHE, or images/ in `user_cache`. All in it can
    be made again."""
    given = os.environ.get("NCSSL_CACHE")
    return expanded(given) if given else user_cache() / "images"


def write_atomically(path: Path, write: Callable) -> bool:
    """Call write(open file) on a file beside `path`, then rename it to `path`: whole or not there
    at all.

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
        warnings.warn(
            f"{path}: not cached ({error}); set NCSSL_CACHE to a folder with room", stacklevel=3
        )
        return False
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _file_digest(path: Path) -> str:
    """sha256 of a file's bytes, remembered for this path, size and time of change."""
    stat = path.stat()
    memo = hashlib.sha256(
        f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}".encode()
    ).hexdigest()[:24]
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
    """sha256 of the sorted (relative path, size, time of change) of every file under a folder that
    is not hidden."""
    rows = []
    for file in tree(path):
        if file.exists():  # a dangling link has no size; decoding names it if it is an image
            stat = file.stat()
            rows.append(f"{file.relative_to(path)}\0{stat.st_size}\0{stat.st_mtime_ns}")
    return hashlib.sha256("\n".join(rows).encode(errors="surrogateescape")).hexdigest()


def digest(source: Path) -> str:
    """Hex sha256 that stands for the content of an archive (its bytes) or of a folder (its
    listing)."""
    return _tree_digest(source) if source.is_dir() else _file_digest(plain(source))


def _read(path: Path, key: str, wanted: tuple[str, ...]) -> dict[str, np.ndarray] | None:
    """The wanted arrays that a cache file holds, or None if it is absent, damaged (the zip's CRCs
    are checked) or was made for another key."""
    try:
        with (
            open(path if path.is_file() else os.devnull, "rb") as raw,
            np.load(raw, allow_pickle=False) as file,
        ):
            if str(file["key"]) != key:
                return None
            return {name: file[name] for name in wanted if name in file.files}
    # no file, or whatever a damaged zip or header raises: it is made again and replaced
    except Exception:
        return None


def content(arrays: dict[str, np.ndarray]) -> str:
    """16 hex digits that stand for named arrays: their names, types, shapes and values, in whatever
    order."""
    total = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        total.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()[:16]


def cached(
    source: Path, settings: str, build: Callable[[], dict[str, np.ndarray]], wanted: tuple[str, ...]
) -> dict[str, np.ndarray]:
    """Arrays named in `wanted`, from the cache file of (source, settings) or from build(), which is
    then kept.

    Among them can be "digest", the `content` of all that was built. Names the source lacks are
    absent from the answer. A cache file that is damaged or another's is made again.
    """
    key = hashlib.sha256(f"{FORMAT}|{settings}|{digest(source)}".encode()).hexdigest()[:32]
    path = cache_dir() / f"{source.name.split('.')[0]}-{key}.npz"
    arrays = _read(path, key, wanted)
    if arrays is None:
        arrays = build()
        arrays |= {"digest": np.array(content(arrays)), "key": np.array(key)}
        held: dict[str, Any] = arrays
        write_atomically(path, lambda file: np.savez(file, **held))
    return {name: arrays[name] for name in wanted if name in arrays}
