"""Records: one JSON file a run, results/<key>/<id>.json, written whole or not at all."""

import dataclasses
import json
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from ncssl.errors import BadFile
from ncssl.files import write_whole
from ncssl.records.reading import FORMAT, REDO, check, digest, parse, read, whole_as_written
from ncssl.records.record import Record, rounded
from ncssl.records.stale import Stale, stale

CUSTOM = "custom"  # folder of what was trained for no paper
BESIDE = Path(__file__).resolve().parents[2] / "results"  # of a checkout


def results_dir() -> Path:
    """Folder of the committed records: $NCSSL_RESULTS, else results/ beside the package, else
    ./results."""
    if given := os.environ.get("NCSSL_RESULTS"):
        return Path(given)
    return BESIDE if BESIDE.is_dir() else Path("results")


def write_atomic(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    write_whole(path, text.encode())


def save(record: Record, out: str | Path | None = None) -> Path:
    """Write a record under `out` (default: the results folder) and return its path."""
    body = dataclasses.asdict(record)
    recipe = body.pop("recipe")
    body = {"format": FORMAT, "id": record.id, "recipe": recipe} | rounded(body)
    body["digest"] = digest(json.loads(json.dumps(body)))  # as it will be read
    path = Path(out or results_dir()) / record.key / f"{record.id}.json"
    write_atomic(
        path, json.dumps(body, indent=None, separators=(",", ":")).replace(',"', ',\n"', 1) + "\n"
    )
    return path


def load(path: str | Path) -> Record:
    """Read one record; a file that is corrupt, incomplete or not what its id says raises BadFile,
    an old one Stale. A file is parsed once while it stays the same: nothing changes a record."""
    path = Path(path)
    record = parsed(path, version(path))
    if record.key != path.parent.name:
        why = f"its key is {record.key!r}, its folder {path.parent.name!r}"
        raise BadFile(path, why, "delete it, or put it into the folder of its key")
    if why := stale(record.recipe, record.created):
        raise Stale(path, why, REDO)
    return record


def version(path: Path) -> tuple[int, ...]:
    """Inode, time and size of a file: others after every change of it; nothing where it cannot be
    asked."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return ()
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


@lru_cache(maxsize=4096)
def parsed(path: Path, version: tuple[int, ...]) -> Record:
    """The record in the version of a file that is there; raises BadFile."""
    try:
        body = read(path)
        record = parse(path, body)
        check(record)
        whole_as_written(path, body)
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise error if isinstance(error, BadFile) else BadFile(path, str(error), REDO) from error
    return record


def find(id: str, results: str | Path | None = None) -> Path | None:
    """Path of the record with this id in any folder of the results, or None; of several the first
    that can be used, a paper's before one that was trained for no paper."""
    # a ledger asks ten thousand times: without the objects of pathlib
    asked = [f"{folder}/{id}.json" for folder in folders(results or results_dir())]
    paths = [Path(path) for path in asked if os.path.exists(path)]
    return next(
        (path for path in paths if len(paths) > 1 and usable(path)), next(iter(paths), None)
    )


def folders(results: str | Path) -> list[str]:
    """The folders of the records, one a key, sorted, `CUSTOM` last; none where there are no results
    yet."""
    try:
        with os.scandir(results) as entries:
            held = [(entry.name == CUSTOM, entry.path) for entry in entries if entry.is_dir()]
            return [path for _, path in sorted(held)]
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []


def usable(path: Path) -> bool:
    """Whether a file can be loaded as a record."""
    try:
        load(path)
    except BadFile:
        return False
    return True


def torn(path: Path) -> bool:
    """Whether a file is no record that could be used again: damaged, not merely stale."""
    try:
        load(path)
    except BadFile as error:
        return not isinstance(error, Stale)
    return False


def scan(results: str | Path | None = None) -> Iterator[tuple[Path, Record | BadFile]]:
    """Every record file with its record, or with the error that rejects it; one bad file loses no
    other."""
    for path in sorted(Path(results or results_dir()).glob("*/*.json")):
        try:
            yield path, load(path)
        except BadFile as error:
            yield path, error
