"""CSV files of a corpus: rows with their lines, paths that stay inside, noise that is fixed for an
utterance."""

import csv
import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ncssl.data.files import composed, parts_of, read_text
from ncssl.errors import BadFile


class File(NamedTuple):
    """One audio file: its name in trial lists, where it lies, what is known of it."""

    name: str
    source: Path  # a tar or a folder
    member: str  # path inside
    speaker: str
    emotion: str  # "" where none is known
    split: str  # train, test, or "" where none is given


class Mix(NamedTuple):
    """Noise that is added to an utterance: which recording, from which second on, how many dB below
    the speech."""

    noise: str
    offset: float
    snr: float


def table(
    path: Path, columns: tuple[str, ...], *, may_be_empty: tuple[str, ...] = ()
) -> Iterator[tuple[int, dict]]:
    """(line, row) of a CSV file that has these columns. Raises BadFile."""
    try:
        reader = csv.DictReader(io.StringIO(read_text(path), newline=""))
        have = reader.fieldnames or []
        missing = [column for column in columns if column not in have]
        if missing:
            why = f"has no column {missing[0]!r} (it has: {', '.join(have) or 'nothing'})"
            raise BadFile(path, why, f"give it the columns {', '.join(columns)}")
        for row in reader:
            empty = next(
                (column for column in columns if not row[column] and column not in may_be_empty),
                None,
            )
            if empty:
                raise BadFile(
                    path,
                    f"line {reader.line_num}: {empty} is empty",
                    "fill it in or delete the line",
                )
            yield reader.line_num, row
    except csv.Error as error:
        raise BadFile(
            path, f"cannot be read as CSV ({error})", "save it as UTF-8 text with commas"
        ) from error


def inside(path: Path, line: int, given: str) -> str:
    """A path of a manifest without "./", in Unicode's composed form. Raises BadFile where it leads
    out."""
    try:
        if given.startswith("/"):
            raise ValueError(f"{given!r} is absolute")
        return composed("/".join(parts_of(given)))
    except ValueError as error:
        raise BadFile(
            path, f"line {line}: {error}", "give paths below the folder or archive of the corpus"
        ) from error


def read_mixes(path: Path, recordings: set[str]) -> dict[str, Mix]:
    """The noise of each utterance in a table path, noise, offset_s, snr_db. Raises BadFile for an
    unknown recording."""
    mixes = {}
    for line, row in table(path, ("path", "noise", "offset_s", "snr_db")):
        noise = inside(path, line, row["noise"])
        if noise not in recordings:
            todo = "correct the line, or add the recording (a manifest of noise has no speakers)"
            raise BadFile(path, f"line {line} names {noise!r}, which is nowhere", todo)
        offset, snr = (_number(path, line, name, row[name]) for name in ("offset_s", "snr_db"))
        if offset < 0:
            raise BadFile(
                path, f"line {line}: offset_s is {offset:g}", "give seconds from the beginning"
            )
        mixes[inside(path, line, row["path"])] = Mix(noise, offset, snr)
    return mixes


def _number(path: Path, line: int, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadFile(path, f"line {line}: {name} is {text!r}", "give a number")
    return value
