"""Values of the checks that are kept beside the code that made them, so that a verdict need not
compute them anew.

`values.json` holds, for each paper, the values of its checks and a digest of the code they come
from: the paper's own folder, and every folder or file of ncssl.theory that it imports, directly or
not. A value counts only while that digest is the one of the code at hand; else the check is
computed. numpy and scipy are not part of it: other versions move values by rounding. Nothing is
written by reading. After a change of the theory, in a checkout:

    python -m ncssl.theory.kept             what is out of date is computed and stored
    python -m ncssl.theory.kept --all       everything is
"""

import argparse
import ast
import hashlib
import json
import math
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from ncssl.errors import BadFile, UnknownName
from ncssl.theory import THEORIES, theory

FOLDER = Path(__file__).parent
VALUES = FOLDER / "values.json"
PACKAGE = "ncssl.theory."


def value(paper: str, check: str) -> float:
    """The value of a paper's check: the kept one where it was made by the code at hand, else
    computed now.

    Raises UnknownName for a paper or a check that does not exist, BadFile for a file of values that
    cannot be read.
    """
    if paper not in THEORIES:
        raise UnknownName("theory", paper, THEORIES)
    entry = stored().get(paper)
    if entry and check in entry["values"] and entry["digest"] == digest(paper):
        return entry["values"][check]
    checks = theory(paper).CHECKS
    if check not in checks:
        raise UnknownName(f"check of {paper}", check, checks)
    return float(checks[check]())


@cache
def stored() -> dict[str, dict]:
    """The file of values: {paper: {"digest": ..., "values": {check: number}}}; empty where there is
    none."""
    if not VALUES.is_file():
        return {}
    try:
        found = json.loads(VALUES.read_text(encoding="utf-8"))
        good = all(
            set(entry) == {"digest", "values"} and isinstance(entry["values"], dict)
            for entry in found.values()
        )
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise BadFile(
            VALUES, f"cannot be read ({error})", "remove it or run python -m ncssl.theory.kept"
        ) from None
    if not good:
        raise BadFile(
            VALUES,
            "an entry is not digest and values",
            "remove it or run python -m ncssl.theory.kept",
        )
    return found


@cache
def digest(paper: str) -> str:
    """SHA-256 of the code that the values of a paper come from: names and text of its files, line
    ends apart."""
    text = hashlib.sha256()
    for file in sources(paper):
        lines = file.read_text(encoding="utf-8").encode()
        text.update(f"{file.relative_to(FOLDER).as_posix()} {len(lines)}\n".encode() + lines)
    return text.hexdigest()


def sources(paper: str) -> list[Path]:
    """The files that the values of a paper come from, sorted: its folder's, and whatever they
    import of the theory."""
    rooms, seen = [paper], set()
    while rooms:
        room = rooms.pop()
        if room not in seen:
            seen.add(room)
            rooms += [other for file in _files(room) for other in _imported(file)]
    return sorted(file for room in seen for file in _files(room))


def _files(room: str) -> list[Path]:
    """The files of a folder of the theory, or its one file."""
    return (
        sorted((FOLDER / room).glob("*.py"))
        if (FOLDER / room).is_dir()
        else [FOLDER / f"{room}.py"]
    )


@cache
def _imported(file: Path) -> frozenset[str]:
    """Rooms of ncssl.theory that a file imports; importing a part of a folder runs the folder's own
    file."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(PACKAGE):
            base = f"{node.module}.".removeprefix(PACKAGE)
            found |= {base.split(".")[0]} if base else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {
                a.name.removeprefix(PACKAGE).split(".")[0]
                for a in node.names
                if a.name.startswith(PACKAGE)
            }
    return frozenset(
        room for room in found if (FOLDER / room).is_dir() or (FOLDER / f"{room}.py").is_file()
    )


def outdated() -> list[str]:
    """Papers of which values.json has no value of some check, or values of other code."""
    return [key for key in THEORIES if stored().get(key, {}).get("digest") != digest(key)]


def refresh(*papers: str) -> Iterator[str]:
    """Compute every check of these papers and store the values, one paper after another; yields
    each when stored.

    Raises ValueError for a value that is no number: it could not be kept.
    """
    for key in papers:
        made = {name: float(check()) for name, check in theory(key).CHECKS.items()}
        if lost := [name for name, number in made.items() if not math.isfinite(number)]:
            raise ValueError(
                f"checks of {key} were not finite: {', '.join(lost)}; allowed: finite numbers"
            )
        entries = {**stored(), key: {"digest": digest(key), "values": made}}
        ordered = {name: entries[name] for name in THEORIES if name in entries}
        part = VALUES.with_suffix(".part")
        part.write_text(json.dumps(ordered, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        os.replace(part, VALUES)
        stored.cache_clear()
        yield key


def main() -> None:
    """The command line: compute and store what is out of date, or everything."""
    parser = argparse.ArgumentParser(
        description="Compute and store the values of the theory's checks."
    )
    parser.add_argument("--all", action="store_true", help="also what is up to date")
    for key in refresh(*(THEORIES if parser.parse_args().all else outdated())):
        print(f"{key}: {len(stored()[key]['values'])} values stored in {VALUES}", file=sys.stderr)


if __name__ == "__main__":
    main()
