"""Trial lists: `label a b` a line, read and held against the files of a corpus."""

import warnings
from collections import Counter
from functools import cache
from pathlib import Path, PurePosixPath

from ncssl.data.files import composed, parts_of, read_text
from ncssl.data.tables import File
from ncssl.errors import BadFile

Trial = tuple[bool, str, str]  # the same speaker or not, and two utterances


def whole(name: str) -> str:
    """The file of a name: without #0, #1, #2 at its end."""
    return name[:-2] if name[-2:] in ("#0", "#1", "#2") else name


def bare(name: str) -> str:
    """A file's name without its ending: lists often name the .wav of what was converted since."""
    return str(PurePosixPath(name).with_suffix(""))


def read_trials(path: Path) -> list[tuple[int, bool, str, str]]:
    """(line, target, a, b) of every line that is not blank. Raises BadFile for another form, or
    labels of one kind."""
    rows = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        parts = line.split()
        if not parts:
            continue
        if len(parts) != 3 or parts[0] not in ("0", "1"):
            raise BadFile(
                path, f"line {number}: {line!r}", "write a trial as `label a b`, label 0 or 1"
            )
        a, b = (_name(path, number, name) for name in parts[1:])
        rows.append((number, parts[0] == "1", a, b))
    if len({row[1] for row in rows}) < 2:
        raise BadFile(
            path,
            "has no trials of both kinds",
            "give it at least one of the same speaker and one of two",
        )
    return rows


@cache
def _tidy(name: str) -> str:
    return composed("/".join(parts_of(name)))


def _name(path: Path, line: int, name: str) -> str:
    try:
        return _tidy(name)
    except ValueError as error:
        raise BadFile(path, f"line {line}: {error}", "write names as the manifest does") from error


def checked(
    path: Path, rows: list[tuple[int, bool, str, str]], files: dict[str, File]
) -> list[Trial]:
    """Trials (target, a, b) of files that are there, each pair once, by the names of the files.

    Left out, with a warning that counts them: trials of files that are nowhere, of a file with
    itself, and repeated ones. Raises BadFile for a file that is for training, a third that cannot
    be, a wrong label, and where none is left.
    """
    by_stem = {bare(name): name for name in files}
    kept: list[Trial] = []
    pairs: set[frozenset[str]] = set()
    lost: Counter[tuple[str, str]] = Counter()
    for line, target, *given in rows:
        pair = [_called(path, line, name, files, by_stem) for name in given]
        missing = next((name for name, found in zip(given, pair, strict=True) if not found), None)
        if missing:
            lost["of files that are nowhere", missing] += 1
            continue
        _right(path, line, target, pair, [files.get(name) or files[whole(name)] for name in pair])
        if pair[0] == pair[1] or whole(pair[0]) == pair[1] or pair[0] == whole(pair[1]):
            lost["of a file with itself", pair[0]] += 1
        elif frozenset(pair) in pairs:
            lost["repeated", pair[0]] += 1
        else:
            pairs.add(frozenset(pair))
            kept.append((target, pair[0], pair[1]))
    _say(path, len(rows), lost)
    if not kept:
        raise BadFile(
            path,
            f"none of its {len(rows)} trials is of this corpus",
            "correct its names, or delete it",
        )
    return kept


def _called(path: Path, line: int, name: str, files: dict, by_stem: dict[str, str]) -> str:
    """The name of an utterance of the corpus, "" where there is none."""
    if name in files or whole(name) in files:
        return name
    file, mark, third = name.rpartition("#")
    if mark and third.isdigit() and file in files:
        raise BadFile(
            path,
            f"line {line} names {name!r}: there are thirds #0, #1, #2",
            "correct or delete the line",
        )
    found = by_stem.get(bare(whole(name)), "")
    return found and found + name[len(whole(name)) :]


def _right(path: Path, line: int, target: bool, pair: list[str], found: list[File]) -> None:
    for name, file in zip(pair, found, strict=True):
        if file.split != "test":
            raise BadFile(
                path, f"line {line} names {name!r}, which is for training", "correct split or line"
            )
    if target != (found[0].speaker == found[1].speaker):
        raise BadFile(
            path, f"line {line}: label {target:d} for {pair[0]!r}, {pair[1]!r}", "correct the label"
        )


def _say(path: Path, count: int, lost: Counter[tuple[str, str]]) -> None:
    """Warns of what was left out: how many of each kind, and the first name."""
    kinds: Counter[str] = Counter()
    for (kind, _), times in lost.items():
        kinds[kind] += times
    if kinds:
        counts = ", ".join(f"{times} {kind}" for kind, times in kinds.items())
        first = next(iter(lost))[1]
        said = f"left out {sum(kinds.values())} of {count} trials ({counts}), such as {first}"
        warnings.warn(f"{path}: {said}", stacklevel=3)
