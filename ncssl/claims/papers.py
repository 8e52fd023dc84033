"""Read papers/<key>.toml strictly: a mistake in it is an error that names file, table and key."""

import functools
import math
import tomllib
from pathlib import Path
from typing import Any

from ncssl.checks import is_number
from ncssl.claims.facts import SCALE_NAMES, UNITS, Arm, Cell, Claim, Experiment, Paper, Scale, Table
from ncssl.claims.reader import ClaimReader
from ncssl.claims.schema import (
    ARM,
    CELL,
    EXPERIMENT,
    NUMBERS,
    PAPER,
    RECIPE,
    REQUIRED,
    SETTING,
    TABLE,
)
from ncssl.errors import BadFile, UnknownName
from ncssl.order import in_order

__all__ = [
    "SCALE_NAMES",
    "Arm",
    "Cell",
    "Claim",
    "Experiment",
    "Paper",
    "Scale",
    "Table",
    "paper",
    "papers",
    "read",
]

FOLDER = Path(__file__).parent.parent / "papers"


def papers(folder: Path = FOLDER) -> tuple[str, ...]:
    """Keys of all papers in the folder, in the order of the book."""
    return in_order(path.stem for path in Path(folder).glob("*.toml"))


@functools.cache
def paper(key: str, folder: Path = FOLDER) -> Paper:
    """The paper of that key; raises UnknownName for an unknown key and BadFile for a file with any
    mistake in it."""
    if key not in papers(folder):
        raise UnknownName("paper", key, papers(folder))
    return read(Path(folder) / f"{key}.toml")


def read(path: str | Path) -> Paper:
    """The paper in a TOML file; raises BadFile naming file, table and key for whatever does not
    fit."""
    return _Reader(Path(path)).paper()


class _Reader(ClaimReader):
    """Checks one file from top to bottom; `where` is the table in hand, as it is written in the
    file."""

    def paper(self) -> Paper:
        try:
            data = tomllib.loads(self.path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BadFile(self.path, f"not valid TOML: {error}", "correct the file") from error
        d = self.check(data, "top of the file", PAPER)
        if d["key"] != self.path.stem:
            self.fail(
                "top of the file",
                f"key 'key' was {d['key']!r}",
                f"give the file's own name, {self.path.stem!r}",
            )
        tables = self.named(
            (self.table(t, i) for i, t in enumerate(d["tables"])), "id", "[[tables]] {}"
        )
        experiments = {
            name: self.experiment(name, e, tables) for name, e in d["experiments"].items()
        }
        claims = (
            self.claim(c, i, d["key"], tables, experiments) for i, c in enumerate(d["claims"])
        )
        d["claims"] = self.named(claims, "id", "[[claims]] {}")
        return Paper(
            **d | dict(authors=tuple(d["authors"]), tables=tables, experiments=experiments)
        )

    def table(self, data: dict, i: int) -> Table:
        where = f"[[tables]] {data.get('id', f'number {i + 1}')}"
        d = self.check(data, where, TABLE)
        self.one_of(where, "unit", d["unit"], UNITS)
        cells = tuple(
            self.cell(cell, f"{where}, cells[{j}]", d) for j, cell in enumerate(d["cells"])
        )
        for name in ("row", "column"):
            if bad := [getattr(c, name) for c in cells if "|" in getattr(c, name)]:
                self.fail(
                    where,
                    f"key {name!r}: {bad[0]!r} holds '|', which separates row and column in"
                    " references",
                )
        places = [(c.row, c.column) for c in cells]
        if twice := {p for p in places if places.count(p) > 1}:
            self.fail(
                where, f"key 'cells': {' | '.join(min(twice))!r} is there twice", "keep one of them"
            )
        return Table(**d | dict(cells=cells))

    def cell(self, data: dict, where: str, table: dict) -> Cell:
        d = self.check(data, where, CELL)
        low, high = UNITS[table["unit"]]
        if not low <= d["value"] <= high:
            self.fail(
                where,
                f"key 'value' was {d['value']!r}",
                f"give a {table['unit']} in [{low:g}, {high:g}]",
            )
        if d["spread"] is not None and d["spread"] < 0:
            self.fail(where, f"key 'spread' was {d['spread']!r}", "give a number >= 0")
        inherited = {k: table[k] for k in (*SETTING, "metric") if d[k] is None}
        return Cell(
            **d
            | inherited
            | {k: table[k] for k in ("unit", "place", "source")}
            | dict(table=table["id"])
        )

    def experiment(self, name: str, data: Any, tables: dict) -> Experiment:
        where = f"[experiments.{name}]"
        if not isinstance(data, dict):
            self.fail(where, f"was {data!r}", "give a table")
        d = self.check(data, where, EXPERIMENT)
        inside = where[:-1] + ".{}.{}]"
        d["arms"] = {
            k: self.arm(inside.format("arms", k), k, a, d["method"], tables)
            for k, a in d["arms"].items()
        }
        d["scales"] = {
            k: self.scale(inside.format("scales", k), k, s, d["arms"])
            for k, s in d["scales"].items()
        }
        self.recipe(where, d["recipe"])
        if d["decay_exposure"] is not None and d["decay_exposure"] <= 0:
            self.fail(
                where, f"key 'decay_exposure' was {d['decay_exposure']!r}", "give a number > 0"
            )
        if not d["arms"]:
            self.fail(where, "key 'arms' is empty", "give at least one arm")
        return Experiment(name=name, **d)

    def recipe(self, where: str, values: dict) -> None:
        """Every key is the name of a recipe value that an experiment may set."""
        for name in values:
            if name not in RECIPE:
                self.fail(where, f"key {name!r}: {UnknownName('recipe value', name, RECIPE)}")

    def arm(self, where: str, name: str, data: Any, method: str, tables: dict) -> Arm:
        if not isinstance(data, dict):
            self.fail(where, f"was {data!r}", "give a table")
        d = self.check(data, where, ARM)
        if d["reported"] is not None:
            self.cited(where, "reported", d["reported"], tables)
        self.recipe(where, d["recipe"])
        for value, factor in d["times"].items():
            self.one_of(where, "times", value, NUMBERS)
            if not is_number(factor) or not 0 < factor < math.inf:
                self.fail(
                    where,
                    f"key 'times': the factor of {value} was {factor!r}",
                    "give a finite number > 0",
                )
        return Arm(name=name, **d | dict(method=d["method"] or method))

    def scale(self, where: str, name: str, data: Any, arms: dict) -> Scale:
        self.one_of(where, "scales", name, SCALE_NAMES)
        seeds = data.get("seeds") if isinstance(data, dict) else None
        self.check(
            dict(seeds=seeds) if seeds is not None else {}, where, dict(seeds=("seeds", REQUIRED))
        )
        keep = data.get("keep")
        if keep is not None and not (is_number(keep) and 0 < keep < 1):
            self.fail(where, f"key 'keep' was {keep!r}", "give the weight of the past, in (0, 1)")
        values = {key: value for key, value in data.items() if key not in ("seeds", "keep", "arms")}
        self.recipe(where, values)
        return Scale(tuple(seeds or ()), values, keep, self.own(where, data.get("arms", {}), arms))

    def own(self, where: str, given: dict, arms: dict) -> dict:
        """What a scale sets for single arms: arm -> its options and recipe."""
        own = {}
        for name, data in self.check({"arms": given}, where, dict(arms=("table", {})))[
            "arms"
        ].items():
            self.one_of(where, "arms", name, arms)
            if not isinstance(data, dict):
                self.fail(f"{where}, arms.{name}", f"was {data!r}", "give a table")
            own[name] = self.check(
                data, f"{where}, arms.{name}", {key: ARM[key] for key in ("options", "recipe")}
            )
            self.recipe(f"{where}, arms.{name}", own[name]["recipe"])
        return own
