"""Schemas of papers/<key>.toml and the strict check of one table: errors that name file, table and
key."""

import difflib
import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from ncssl.checks import is_number, is_whole
from ncssl.claims.facts import Cell, find_cell
from ncssl.errors import BadFile, UnknownName
from ncssl.recipes import KIND

REQUIRED = object()
COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
KINDS = {  # word used in the schemas -> what it is called in an error, and the test of a value
    "text": ("a text that is not empty", lambda v: isinstance(v, str) and bool(v.strip())),
    "colour": ('a colour, such as "#D55E00"', lambda v: isinstance(v, str) and COLOUR.fullmatch(v)),
    "texts": ("a list of texts, none twice", lambda v: listed(v, str)),
    "whole": ("a whole number >= 0", lambda v: is_whole(v) and v >= 0),
    "seeds": ("a list of whole numbers >= 0, none twice", lambda v: listed(v, int) and min(v) >= 0),
    "truth": ("true or false", lambda v: isinstance(v, bool)),
    "number": ("a finite number", lambda v: is_number(v) and math.isfinite(v)),
    "table": ("a table", lambda v: isinstance(v, dict)),
    "tables": (
        "a list of tables",
        lambda v: isinstance(v, list) and all(isinstance(x, dict) for x in v),
    ),
}
SETTING = dict(
    dataset=("text", None), backbone=("text", None), epochs=("whole", None), seeds=("whole", None)
)
PAPER = dict(
    key=("text", REQUIRED),
    title=("text", REQUIRED),
    authors=("texts", REQUIRED),
    year=("whole", REQUIRED),
    arxiv=("text", REQUIRED),
    venue=("text", REQUIRED),
    source=("text", REQUIRED),
    tables=("tables", ()),
    experiments=("table", {}),
    claims=("tables", ()),
)
TABLE = SETTING | dict(
    id=("text", REQUIRED),
    place=("text", REQUIRED),
    caption=("text", REQUIRED),
    metric=("text", REQUIRED),
    unit=("text", "percent"),
    source=("text", REQUIRED),
    note=("text", ""),
    cells=("tables", REQUIRED),
)
CELL = SETTING | dict(
    row=("text", REQUIRED),
    column=("text", REQUIRED),
    value=("number", REQUIRED),
    spread=("number", None),
    metric=("text", None),
    note=("text", ""),
)
EXPERIMENT = dict(
    title=("text", REQUIRED),
    place=("text", REQUIRED),
    method=("text", REQUIRED),
    recipe=("table", {}),
    note=("text", ""),
    arms=("table", REQUIRED),
    scales=("table", REQUIRED),
    decay_exposure=("number", None),
)
ARM = dict(
    label=("text", REQUIRED),
    method=("text", None),
    options=("table", {}),
    recipe=("table", {}),
    times=("table", {}),
    reported=("text", None),
    colour=("colour", None),
)
CLAIM = dict(
    id=("text", REQUIRED),
    place=("text", REQUIRED),
    statement=("text", REQUIRED),
    kind=("text", REQUIRED),
    test=("text", REQUIRED),
    margin=("number", None),
    margin_by=("text", REQUIRED),
    note=("text", ""),
    by=("text", "paper"),
)
RECORDS_CLAIM = CLAIM | dict(
    experiment=("text", REQUIRED),
    metric=("text", REQUIRED),
    left=("text", None),
    right=("text", None),
    arms=("texts", ()),
    rate=("number", None),
    compare=("text", "difference"),
    per=("text", None),
    reported=("texts", ()),
    base=("texts", ()),
    base_free=("text", ""),
    needs=("texts", ()),
    control=("text", None),
    control_free=("text", ""),
    share=("number", None),
    headline=("truth", False),
)
# what an experiment may set of a recipe
RECIPE = set(KIND) - {"method", "options", "scale", "seed"}
NUMBERS = {name for name in RECIPE if KIND[name] in (int, float)}  # and what an arm may multiply
THEORY_CLAIM = CLAIM | dict(check=("text", REQUIRED), erratum=("truth", False))


def listed(value: Any, kind: type) -> bool:
    """A list that is not empty, of one kind, with nothing in it twice."""
    return (
        isinstance(value, list)
        and all(isinstance(v, kind) and not isinstance(v, bool) for v in value)
        and 0 < len(value) == len(set(value))
    )


class Reader:
    """Checks one file from top to bottom; `where` is the table in hand, as it is written in the
    file."""

    def __init__(self, path: Path):
        self.path = path

    def fail(self, where: str, why: str, what_to_do: str = "correct the file") -> NoReturn:
        raise BadFile(self.path, f"{where}: {why}", what_to_do)

    def one_of(self, where: str, key: str, value: Any, allowed: Iterable[str]) -> None:
        if value not in allowed:
            self.fail(where, f"key {key!r}: {UnknownName(key, value, allowed)}")

    def check(self, data: dict, where: str, schema: dict) -> dict:
        """The table with defaults filled in; every key known, every value of its kind, nothing
        required missing."""
        for key, value in data.items():
            if key not in schema:
                close = difflib.get_close_matches(key, schema, n=1)
                hint = f" (did you mean {close[0]!r}?)" if close else ""
                self.fail(
                    where,
                    f"unknown key {key!r}{hint}",
                    f"allowed keys: {', '.join(sorted(schema))}",
                )
            says, fits = KINDS[schema[key][0]]
            if not fits(value):
                self.fail(where, f"key {key!r} was {value!r}", f"give {says}")
        for key, (_, default) in schema.items():
            if default is REQUIRED and key not in data:
                self.fail(where, f"key {key!r} is missing", "add it")
        return {key: data.get(key, default) for key, (_, default) in schema.items()}

    def named(self, items: Iterable, key: str, where: str) -> dict:
        """Items by their attribute `key`; a name given twice is an error."""
        found: dict = {}
        for item in items:
            name = getattr(item, key)
            if name in found:
                self.fail(
                    where.format(name),
                    f"key {key!r}: {name!r} is there twice",
                    "rename one of them",
                )
            found[name] = item
        return found

    def cited(self, where: str, key: str, reference: str, tables: dict) -> Cell:
        try:
            return find_cell(tables, reference)
        except ValueError as error:
            self.fail(where, f"key {key!r}: {error}")
