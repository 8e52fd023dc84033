"""Read papers/<key>.toml strictly: a mistake in it is an error that names file, table and key."""

import difflib
import functools
import math
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from ncssl.errors import BadFile, UnknownName
from ncssl.recipes import KIND
from ncssl.records.facts import (
    METRICS,
    RATIO_TESTS,
    RECORD_TESTS,
    SCALE_NAMES,
    THEORY_TESTS,
    UNITS,
    Arm,
    Cell,
    Claim,
    Experiment,
    Paper,
    Scale,
    Table,
    find_cell,
)  # fmt: skip

__all__ = [
    "METRICS", "SCALE_NAMES", "Arm", "Cell", "Claim", "Experiment", "Paper", "Scale", "Table", "paper", "papers",
    "read",
]  # fmt: skip

FOLDER = Path(__file__).parent.parent / "papers"
REQUIRED = object()
KINDS = {  # word used in the schemas -> what it is called in an error, and the test of a value
    "text": ("a text that is not empty", lambda v: isinstance(v, str) and bool(v.strip())),
    "texts": ("a list of texts, none twice", lambda v: _listed(v, str)),
    "whole": ("a whole number >= 0", lambda v: _is(v, int) and v >= 0),
    "seeds": ("a list of whole numbers >= 0, none twice", lambda v: _listed(v, int) and min(v) >= 0),
    "number": ("a finite number", lambda v: _is(v, int | float) and math.isfinite(v)),
    "table": ("a table", lambda v: isinstance(v, dict)),
    "tables": ("a list of tables", lambda v: isinstance(v, list) and all(isinstance(x, dict) for x in v)),
}
SETTING = dict(dataset=("text", None), backbone=("text", None), epochs=("whole", None), seeds=("whole", None))
PAPER = dict(
    key=("text", REQUIRED), title=("text", REQUIRED), authors=("texts", REQUIRED), year=("whole", REQUIRED),
    arxiv=("text", REQUIRED), venue=("text", REQUIRED), source=("text", REQUIRED), tables=("tables", ()),
    experiments=("table", {}), claims=("tables", ()),
)  # fmt: skip
TABLE = SETTING | dict(
    id=("text", REQUIRED), place=("text", REQUIRED), caption=("text", REQUIRED), metric=("text", REQUIRED),
    unit=("text", "percent"), source=("text", REQUIRED), note=("text", ""), cells=("tables", REQUIRED),
)  # fmt: skip
CELL = SETTING | dict(
    row=("text", REQUIRED), column=("text", REQUIRED), value=("number", REQUIRED), spread=("number", None),
    metric=("text", None), note=("text", ""),
)  # fmt: skip
EXPERIMENT = dict(
    title=("text", REQUIRED), place=("text", REQUIRED), method=("text", REQUIRED), recipe=("table", {}),
    note=("text", ""), arms=("table", REQUIRED), scales=("table", REQUIRED),
)  # fmt: skip
ARM = dict(
    label=("text", REQUIRED), method=("text", None), options=("table", {}), recipe=("table", {}), times=("table", {}),
    reported=("text", None),
)  # fmt: skip
CLAIM = dict(
    id=("text", REQUIRED), place=("text", REQUIRED), statement=("text", REQUIRED), kind=("text", REQUIRED),
    test=("text", REQUIRED), margin=("number", None), margin_by=("text", REQUIRED), note=("text", ""),
)  # fmt: skip
RECORDS_CLAIM = CLAIM | dict(
    experiment=("text", REQUIRED), metric=("text", REQUIRED), left=("text", None), right=("text", None),
    arms=("texts", ()), rate=("number", None), compare=("text", "difference"), per=("text", None),
    interval=("text", "t"), reported=("texts", ()),
)  # fmt: skip
RECIPE = set(KIND) - {"method", "options", "scale", "seed"}  # what an experiment may set of a recipe
NUMBERS = {name for name in RECIPE if KIND[name] in (int, float)}  # and what an arm may multiply
THEORY_CLAIM = CLAIM | dict(check=("text", REQUIRED))


def papers(folder: Path = FOLDER) -> tuple[str, ...]:
    """Keys of all papers in the folder, sorted."""
    return tuple(sorted(path.stem for path in Path(folder).glob("*.toml")))


@functools.cache
def paper(key: str, folder: Path = FOLDER) -> Paper:
    """The paper of that key; raises UnknownName for an unknown key and BadFile for a file with any mistake in it."""
    if key not in papers(folder):
        raise UnknownName("paper", key, papers(folder))
    return read(Path(folder) / f"{key}.toml")


def read(path: str | Path) -> Paper:
    """The paper in a TOML file; raises BadFile naming file, table and key for whatever does not fit."""
    return _Reader(Path(path)).paper()


def _is(value: Any, kind: type) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _listed(value: Any, kind: type) -> bool:
    """A list that is not empty, of one kind, with nothing in it twice."""
    return isinstance(value, list) and all(_is(v, kind) for v in value) and 0 < len(value) == len(set(value))


class _Reader:
    """Checks one file from top to bottom; `where` is the table in hand, as it is written in the file."""

    def __init__(self, path: Path):
        self.path = path

    def fail(self, where: str, why: str, what_to_do: str = "correct the file") -> NoReturn:
        raise BadFile(self.path, f"{where}: {why}", what_to_do)

    def one_of(self, where: str, key: str, value: Any, allowed: Iterable[str]) -> None:
        if value not in allowed:
            self.fail(where, f"key {key!r}: {UnknownName(key, value, allowed)}")

    def check(self, data: dict, where: str, schema: dict) -> dict:
        """The table with defaults filled in; every key known, every value of its kind, nothing required missing."""
        for key, value in data.items():
            if key not in schema:
                close = difflib.get_close_matches(key, schema, n=1)
                hint = f" (did you mean {close[0]!r}?)" if close else ""
                self.fail(where, f"unknown key {key!r}{hint}", f"allowed keys: {', '.join(sorted(schema))}")
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
                self.fail(where.format(name), f"key {key!r}: {name!r} is there twice", "rename one of them")
            found[name] = item
        return found

    def paper(self) -> Paper:
        try:
            data = tomllib.loads(self.path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BadFile(self.path, f"not valid TOML: {error}", "correct the file") from error
        d = self.check(data, "top of the file", PAPER)
        if d["key"] != self.path.stem:
            self.fail("top of the file", f"key 'key' was {d['key']!r}", f"give the file's own name, {self.path.stem!r}")
        tables = self.named((self.table(t, i) for i, t in enumerate(d["tables"])), "id", "[[tables]] {}")
        experiments = {name: self.experiment(name, e, tables) for name, e in d["experiments"].items()}
        claims = (self.claim(c, i, d["key"], tables, experiments) for i, c in enumerate(d["claims"]))
        d["claims"] = self.named(claims, "id", "[[claims]] {}")
        return Paper(**d | dict(authors=tuple(d["authors"]), tables=tables, experiments=experiments))

    def table(self, data: dict, i: int) -> Table:
        where = f"[[tables]] {data.get('id', f'number {i + 1}')}"
        d = self.check(data, where, TABLE)
        self.one_of(where, "unit", d["unit"], UNITS)
        cells = tuple(self.cell(cell, f"{where}, cells[{j}]", d) for j, cell in enumerate(d["cells"]))
        for name in ("row", "column"):
            if bad := [getattr(c, name) for c in cells if "|" in getattr(c, name)]:
                self.fail(where, f"key {name!r}: {bad[0]!r} holds '|', which separates row and column in references")
        places = [(c.row, c.column) for c in cells]
        if twice := {p for p in places if places.count(p) > 1}:
            self.fail(where, f"key 'cells': {' | '.join(min(twice))!r} is there twice", "keep one of them")
        return Table(**d | dict(cells=cells))

    def cell(self, data: dict, where: str, table: dict) -> Cell:
        d = self.check(data, where, CELL)
        low, high = UNITS[table["unit"]]
        if not low <= d["value"] <= high:
            self.fail(where, f"key 'value' was {d['value']!r}", f"give a {table['unit']} in [{low:g}, {high:g}]")
        if d["spread"] is not None and d["spread"] < 0:
            self.fail(where, f"key 'spread' was {d['spread']!r}", "give a number >= 0")
        inherited = {k: table[k] for k in (*SETTING, "metric") if d[k] is None}
        return Cell(**d | inherited | {k: table[k] for k in ("unit", "place", "source")} | dict(table=table["id"]))

    def cited(self, where: str, key: str, reference: str, tables: dict) -> Cell:
        try:
            return find_cell(tables, reference)
        except ValueError as error:
            self.fail(where, f"key {key!r}: {error}")

    def experiment(self, name: str, data: Any, tables: dict) -> Experiment:
        where = f"[experiments.{name}]"
        if not isinstance(data, dict):
            self.fail(where, f"was {data!r}", "give a table")
        d = self.check(data, where, EXPERIMENT)
        inside = where[:-1] + ".{}.{}]"
        d["arms"] = {k: self.arm(inside.format("arms", k), k, a, d["method"], tables) for k, a in d["arms"].items()}
        d["scales"] = {k: self.scale(inside.format("scales", k), k, s, d["arms"]) for k, s in d["scales"].items()}
        self.recipe(where, d["recipe"])
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
            if not _is(factor, int | float) or not 0 < factor < math.inf:
                self.fail(where, f"key 'times': the factor of {value} was {factor!r}", "give a finite number > 0")
        return Arm(name=name, **d | dict(method=d["method"] or method))

    def scale(self, where: str, name: str, data: Any, arms: dict) -> Scale:
        self.one_of(where, "scales", name, SCALE_NAMES)
        seeds = data.get("seeds") if isinstance(data, dict) else None
        self.check(dict(seeds=seeds) if seeds is not None else {}, where, dict(seeds=("seeds", REQUIRED)))
        keep = data.get("keep")
        if keep is not None and not (_is(keep, int | float) and 0 < keep < 1):
            self.fail(where, f"key 'keep' was {keep!r}", "give the weight of the past, in (0, 1)")
        values = {key: value for key, value in data.items() if key not in ("seeds", "keep", "arms")}
        self.recipe(where, values)
        return Scale(tuple(seeds), values, keep, self.own(where, data.get("arms", {}), arms))

    def own(self, where: str, given: dict, arms: dict) -> dict:
        """What a scale sets for single arms: arm -> its options and recipe."""
        own = {}
        for name, data in self.check({"arms": given}, where, dict(arms=("table", {})))["arms"].items():
            self.one_of(where, "arms", name, arms)
            if not isinstance(data, dict):
                self.fail(f"{where}, arms.{name}", f"was {data!r}", "give a table")
            own[name] = self.check(data, f"{where}, arms.{name}", {key: ARM[key] for key in ("options", "recipe")})
            self.recipe(f"{where}, arms.{name}", own[name]["recipe"])
        return own

    def claim(self, data: dict, i: int, key: str, tables: dict, experiments: dict) -> Claim:
        where = f"[[claims]] {data.get('id', f'number {i + 1}')}"
        if "kind" in data:
            self.one_of(where, "kind", data["kind"], ("records", "theory"))
        theory = data.get("kind") == "theory"
        d = self.check(data, where, THEORY_CLAIM if theory else RECORDS_CLAIM)
        self.one_of(where, "test", d["test"], THEORY_TESTS if theory else RECORD_TESTS)
        self.one_of(where, "margin_by", d["margin_by"], ("ours", "paper"))
        if not theory:
            self.comparison(where, d, experiments)
            d["arms"], d["reported"] = tuple(d["arms"]), tuple(d["reported"])
            d["reported_effect"] = self.reported_effect(where, d, tables)
        d["margin"] = self.margin(where, d)
        return Claim(paper=key, **d)

    def comparison(self, where: str, d: dict, experiments: dict) -> None:
        """What a records claim compares exists, and its keys are those of its test."""
        self.one_of(where, "experiment", d["experiment"], experiments)
        self.one_of(where, "metric", d["metric"], METRICS)
        self.one_of(where, "compare", d["compare"], ("difference", "ratio"))
        self.one_of(where, "interval", d["interval"], ("t", "bootstrap"))
        self.one_of(where, "per", d["per"] or "sqrt_dim", ("sqrt_dim",))
        needed = RECORD_TESTS[d["test"]]
        for key in ("left", "right", "arms", "rate"):
            given = d[key] not in (None, ())
            if given != (key in needed):
                why = "is missing" if key in needed else "has no meaning here"
                self.fail(where, f"key {key!r} {why}", f"the test {d['test']!r} takes {', '.join(needed)}")
        for key in ("left", "right", "arms"):
            for arm in [d[key]] if isinstance(d[key], str) else d[key] or ():
                self.one_of(where, key, arm, experiments[d["experiment"]].arms)
        if (d["left"] and d["left"] == d["right"]) or len(d["arms"]) == 1:
            self.fail(where, "key 'right' or 'arms': an arm is compared with itself", "name another arm")
        if d["rate"] is not None and not 0 < d["rate"] <= 1:
            self.fail(where, f"key 'rate' was {d['rate']!r}", "give a share of seeds in (0, 1]")
        if d["compare"] == "ratio" and d["test"] not in RATIO_TESTS:
            self.fail(where, "key 'compare' was 'ratio'", f"ratios go with the tests {', '.join(RATIO_TESTS)}")

    def reported_effect(self, where: str, d: dict, tables: dict) -> float | None:
        """The paper's own effect from the cells cited, in the order of the arms; None where it cites none."""
        values = [self.cited(where, "reported", reference, tables).value for reference in d["reported"]]
        arms = len(d["arms"]) or (d["left"] is not None) + (d["right"] is not None)
        if values and len(values) != arms:
            self.fail(where, f"key 'reported' cites {len(values)} cells for {arms} arms", "cite one cell an arm")
        if not values or d["test"] == "rate":
            return None
        if len(values) == 1:
            return values[0]
        steps = zip(values, values[1:], strict=False)
        return min(round(a / b if d["compare"] == "ratio" else a - b, 9) for a, b in steps)

    def margin(self, where: str, d: dict) -> float:
        """The margin given, or the one left out: 0 for a sign, the paper's own difference where it is the paper's."""
        margin, test, ratio = d["margin"], d["test"], d.get("compare") == "ratio"
        if margin is None and test == "sign":
            margin = 0.0
        elif margin is None and d["margin_by"] == "paper":
            margin = d.get("reported_effect")
        if margin is None:
            self.fail(where, "key 'margin' is missing", "add it, or cite the cells whose difference it is")
        wrong = {
            "0 for the test 'sign'": test == "sign" and margin != 0,
            "a ratio > 0": ratio and margin <= 0,
            "a ratio >= 1 for the test 'within'": ratio and test == "within" and margin < 1,
            "a number >= 0 for the test 'within'": test == "within" and margin < 0,
        }
        for allowed in (words for words, applies in wrong.items() if applies):
            self.fail(where, f"key 'margin' was {margin!r}", f"give {allowed}")
        return float(margin)
