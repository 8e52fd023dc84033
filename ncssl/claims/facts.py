"""The dataclasses of a paper: what it reports, what repeats it, what it claims; and the allowed
names."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from ncssl.checks import MaybeNone
from ncssl.errors import UnknownName

SCALE_NAMES = ("smoke", "small", "laptop", "gpu", "paper")
RECORD_TESTS = {  # test -> the keys that say what it compares
    "greater": ("left", "right"),
    "within": ("left", "right"),
    "sign": ("left", "right"),
    "rate": ("left", "right", "rate"),
    "ordering": ("arms",),
    "above": ("left",),
    "below": ("left",),
}
THEORY_TESTS = ("above", "below")
# tests of one arm, or of `left`, that a control may stand in for
CONTROLLED = ("above", "below", "greater", "within")
NEEDS = ("decay", "curve")  # what a claim may ask of its base arms
UNTRAINED = "random"  # the arm of the untrained encoder, in every experiment
RATIO_TESTS = ("greater", "within", "ordering")
UNITS = {"percent": (0.0, 100.0), "sign": (-1.0, 1.0), "none": (-math.inf, math.inf)}


@dataclass(frozen=True)
class Cell:
    """One number a paper reports; `value` and `spread` in `unit`; None is what the paper does not
    say."""

    table: str
    row: str
    column: str
    value: float
    spread: float | None
    unit: str
    metric: str
    place: str
    source: str
    dataset: str | None
    backbone: str | None
    epochs: int | None
    seeds: int | None
    note: str


@dataclass(frozen=True)
class Table:
    """A table of a paper: where it stands, which text of it was read, and its cells in reading
    order."""

    id: str
    place: str
    caption: str
    metric: str
    unit: str
    source: str
    dataset: str | None
    backbone: str | None
    epochs: int | None
    seeds: int | None
    note: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Arm:
    """One setting of an experiment: a method, its options, recipe overrides, and the cell it
    repeats, if any.

    `times`: factors on numbers of the recipe, whatever they are at the scale. `colour`: of its
    marks in every figure, "#rrggbb".
    """

    name: str
    label: str
    method: str
    options: Mapping[str, object]
    recipe: Mapping[str, object]
    times: Mapping[str, float]
    reported: str | None
    colour: str | None = None


@dataclass(frozen=True)
class Scale:
    """How an experiment is run at one scale: its seeds and its recipe overrides.

    `keep`: the running average of every arm that has one, where the scale's steps are too few for
    the paper's own. `arms`: arm -> its own "options" and "recipe" at this scale, before everything
    else.
    """

    seeds: tuple[int, ...]
    recipe: Mapping[str, object]
    keep: float | None = None
    arms: Mapping[str, Mapping[str, Mapping[str, object]]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)  # the same only as itself, so that what it plans can be kept
class Experiment:
    """Arms to compare, the scales they are run at and the recipe overrides they share."""

    name: str
    title: str
    place: str
    method: str
    recipe: Mapping[str, object]
    note: str
    arms: Mapping[str, Arm]
    scales: Mapping[str, Scale]
    decay_exposure: float | None = None  # the paper's rate x weight decay x steps / (1 - momentum)


@dataclass(frozen=True)
class Claim:
    """A falsifiable statement of a paper, its test, its margin and whose margin it is ("ours" or
    "paper").

    `compare="ratio"` tests a ratio, not a difference; `per="sqrt_dim"` measures in units of
    1/sqrt(projector width). `reported_effect`: the paper's own difference (or ratio, value,
    smallest step), computed from `reported`. `by`: whose claim it is, "paper" (one of the six),
    "later" (a paper after them) or "book"; `erratum`: it tests a misprint; `headline`: its arms are
    run first. `base`, `needs` and `control` are what the gates ask (`ncssl.verdicts.gates`).
    `share` stands for a margin that is known with the records, which is None until then;
    `decay_exposure` is that of the experiment.
    """

    paper: str
    id: str
    place: str
    statement: str
    kind: str
    test: str
    margin: float | MaybeNone
    margin_by: str
    reported: tuple[str, ...] = ()
    reported_effect: float | None = None
    note: str = ""
    experiment: str | None = None
    metric: str | MaybeNone = None
    left: str | None = None
    right: str | None = None
    arms: tuple[str, ...] = ()
    rate: float | MaybeNone = None
    compare: str = "difference"
    per: str | None = None
    check: str | MaybeNone = None
    by: str = "paper"
    erratum: bool = False
    headline: bool = False
    base: tuple[str, ...] = ()
    base_free: str = ""
    needs: tuple[str, ...] = ()
    control: str | None = None
    control_free: str = ""
    share: float | None = None
    decay_exposure: float | MaybeNone = None

    @property
    def compared(self) -> tuple[str, ...]:
        """Names of the arms whose records decide the claim, in the order of the test; empty for
        theory."""
        return self.arms or tuple(arm for arm in (self.left, self.right) if arm)

    @property
    def stand_in(self) -> str | None:
        """The arm that must fail the test in place of `left`: the control, or for one arm the
        untrained encoder."""
        if self.kind == "theory" or self.test not in CONTROLLED or self.control == "none":
            return None
        alone = UNTRAINED if self.test in ("above", "below") and self.left != UNTRAINED else None
        return self.control or alone

    @property
    def needed(self) -> tuple[str, ...]:
        """Names of the arms whose records are read: those compared, those of the gates, the
        untrained encoder."""
        floor = (UNTRAINED,) if self.base else ()
        stand_in = (self.stand_in,) if self.stand_in else ()
        return tuple(dict.fromkeys((*self.compared, *self.base, *floor, *stand_in)))


@dataclass(frozen=True)
class Paper:
    """All that papers/<key>.toml says."""

    key: str
    title: str
    authors: tuple[str, ...]
    year: int
    arxiv: str
    venue: str
    source: str
    tables: Mapping[str, Table] = field(default_factory=dict)
    experiments: Mapping[str, Experiment] = field(default_factory=dict)
    claims: Mapping[str, Claim] = field(default_factory=dict)

    def reported(self, reference: str) -> Cell:
        """The cell behind "table3:row|column"; raises UnknownName for a table, row or column that
        is not there."""
        return find_cell(self.tables, reference)


def find_cell(tables: Mapping[str, Table], reference: str) -> Cell:
    """The cell behind "table:row|column" among `tables`; raises ValueError, or UnknownName with
    what exists."""
    name, colon, place = reference.partition(":")
    row, bar, column = place.partition("|")
    if not (colon and bar):
        raise ValueError(f"reference {reference!r} is not of the form 'table:row|column'")
    if name not in tables:
        raise UnknownName("table", name, tables)
    cells = tables[name].cells
    if row not in {cell.row for cell in cells}:
        raise UnknownName(f"row of {name}", row, {cell.row for cell in cells})
    columns = {cell.column: cell for cell in cells if cell.row == row}
    if column not in columns:
        raise UnknownName(f"column of {name}, row {row!r},", column, columns)
    return columns[column]
