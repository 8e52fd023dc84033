"""Files as people have them: read whole within bounds, folders with links in them, names in one
form."""

import os
import stat
import sys
import unicodedata
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from ncssl.errors import BadFile

LIMIT = 2**30  # bytes of one file or member: more is no image, no utterance, no list
NESTED = 3  # links to folders on one path; more may have no end
Parts = tuple[str, ...]


def progress(name: str, total: int, unit: str) -> tqdm:
    """A bar on stderr, "decoding <name>"; silent where stderr is no terminal."""
    quiet = not sys.stderr.isatty()
    return tqdm(
        total=total, unit=unit, unit_scale=True, desc=f"decoding {name}", disable=quiet, leave=False
    )


def composed(name: str) -> str:
    """A name in Unicode's composed form (NFC): macOS writes accents apart, and the two forms look
    the same."""
    return unicodedata.normalize("NFC", name)


def parts_of(name: str) -> Parts:
    """Folders and file of a path without "." and a leading "/". Raises ValueError where ".." leads
    out of the top."""
    parts: list[str] = []
    for part in PurePosixPath(name).parts:
        if part == "..":
            if not parts:
                raise ValueError(f"{name!r} leads out of its folder")
            parts.pop()
        elif part.strip("/") not in ("", "."):
            parts.append(part)
    return tuple(parts)


def plain(path: Path) -> Path:
    """The path itself. Raises BadFile for a pipe, a device or a socket, and for a file that is
    nearly all a hole."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise BadFile(
            path, "is a pipe, a device or a socket, no file", "put a copy of the data there"
        )
    if path.is_file():
        status = path.stat()
        held = 512 * getattr(status, "st_blocks", status.st_size)  # bytes on the disk
        if status.st_size > LIMIT and 100 * held < status.st_size:
            raise BadFile(
                path, f"says {status.st_size} bytes and holds {held}", "copy or download it again"
            )
    return path


def read_bytes(path: Path, limit: int = LIMIT) -> bytes:
    """All bytes of a plain file. Raises BadFile for one that cannot be read, is a pipe or device,
    or is too large."""
    try:
        with open(
            os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)),
            "rb",
        ) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise BadFile(
                    path, "is a pipe, a device or a folder, no file", "put a copy of the data there"
                )
            if status.st_size > limit:
                raise BadFile(
                    path,
                    f"has {status.st_size} bytes, more than {limit}",
                    "see whether it is damaged",
                )
            return file.read(limit)
    except OSError as error:
        raise BadFile(
            path, f"cannot be read ({error})", "repair or delete it and load again"
        ) from error


def read_text(path: Path) -> str:
    """Text of a UTF-8 file, with or without a byte order mark. Raises BadFile."""
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile(path, f"cannot be read as text ({error})", "save it as UTF-8 text") from error


def tree(root: Path) -> list[Path]:
    """Files under a folder, sorted, hidden ones left out. Links to folders are followed, but not
    back to one above.

    Raises BadFile for a folder that cannot be listed, and for links in linked folders more than 3
    deep.
    """
    found: list[Path] = []
    todo: list[tuple[Path, frozenset[tuple[int, int]], int]] = [(root, frozenset(), 0)]
    while todo:
        folder, above, links = todo.pop()
        try:
            status, names = os.stat(folder), os.listdir(folder)
        except OSError as error:
            raise BadFile(
                folder, f"cannot be listed ({error})", "allow it to be read, or delete it"
            ) from error
        here = (status.st_dev, status.st_ino)
        if here in above:
            continue
        for path in (folder / name for name in names if not name.startswith(".")):
            if not path.is_dir():
                found.append(path)
                continue
            deep = links + path.is_symlink()
            if deep > NESTED:
                raise BadFile(
                    path,
                    f"is a link in linked folders, more than {NESTED} deep",
                    "delete the links",
                )
            todo.append((path, above | {here}, deep))
    return sorted(found)
