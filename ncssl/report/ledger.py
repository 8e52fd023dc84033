"""Tables of the ledger: every claim of every paper, the floors beside accuracies, the price of many
claims.

A claim comes with its verdicts by scale, the smallest first, as `ncssl.runs.experiments.judged`
gives them; `at` picks one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ncssl.claims import papers
from ncssl.claims.facts import Claim, Experiment, Paper
from ncssl.errors import UnknownName
from ncssl.records import baseline
from ncssl.records.numbers import Found
from ncssl.report import select
from ncssl.report.frame import frame, number
from ncssl.verdicts.intervals import LEVEL, holm
from ncssl.verdicts.judging import MOST_SEEDS
from ncssl.verdicts.states import DECIDED, EXACT, STATUSES, Verdict

if TYPE_CHECKING:
    from pandas import DataFrame

RESCIENCE = {status: status for status in STATUSES} | {
    "reproduced": "[Re]",
    "contradicted": "[not Re]",
}
ONE_LOOK = (1 - LEVEL) / 2  # of wrong verdicts on one side, with the truth on the margin
# the same by the rule of the two looks, paired t over 3 and then 5 seeds: tests/test_two_looks.py
TWO_LOOKS = 0.043
CLASSES = ("paper", "later", "book", "errata")
FLOORS = (  # columns of `floor_table`
    "experiment",
    "best arm",
    "probe, %: best / untrained / pixels",
    "kNN, %: the same",
    "trained arms",
    "below untrained",
    "below pixels",
)
Verdicts = Mapping[str, Verdict]


def at(found: Verdicts) -> str:
    """The largest scale that has records, of verdicts by scale with the smallest first; empty if
    none has."""
    return next((scale for scale in reversed(found) if found[scale].status != "not run"), "")


def shown(found: Verdicts) -> Verdict:
    """The verdict at the largest scale that has records; without any that of one with some runs."""
    if at(found):
        return found[at(found)]
    return next((v for v in found.values() if v.begun), next(iter(found.values())))


def judged(claims: Iterable[tuple[Claim, Verdicts]]) -> list[tuple[Claim, Verdict]]:
    """Claims with the verdict that is shown."""
    return [(claim, shown(found)) for claim, found in claims]


def of(claims: Iterable[tuple[Claim, Any]], whose: str) -> list[tuple[Claim, Any]]:
    """The claims of a class: of the six papers ("paper"), of one after them ("later"), the book's
    ("book"), those that test a misprint ("errata")."""
    if whose not in CLASSES:
        raise UnknownName("class of claims", whose, CLASSES)
    return [(c, v) for c, v in claims if ("errata" if c.erratum else c.by) == whose]


def totals(
    claims: Mapping[str, Iterable[tuple[Claim, Verdicts]]], whose: str = "paper"
) -> DataFrame:
    """One row a source: how many of its claims of a class (see `of`) have each verdict, and how
    many there are.

    Sources without such a claim are left out, and so are, for theory, the verdicts that no
    computation gives.
    """
    own = {name: pairs for name, all_of in claims.items() if (pairs := of(all_of, whose))}
    exact = all(claim.kind == "theory" for pairs in own.values() for claim, _ in pairs)
    marks, rows = [RESCIENCE[status] for status in (EXACT if own and exact else STATUSES)], []
    for name, pairs in own.items():
        found = [RESCIENCE[verdict.status] for _, verdict in judged(pairs)]
        rows.append(
            {"source": name} | {mark: found.count(mark) for mark in marks} | {"claims": len(found)}
        )
    sums = {key: sum(row[key] for row in rows) for key in (*marks, "claims")}
    return frame([*rows, {"source": "together"} | sums] if rows else [], ["source", "claims"])


def corrected(claims: Mapping[str, Iterable[tuple[Claim, Verdicts]]]) -> DataFrame:
    """One row a source: claims that were tested, decided ones, and how many of these stand after
    Holm's correction.

    Over the claims of a source with a t test against the margin, whose gates were passed; their p
    with all its chances (`chances`).
    """
    rows = []
    for name, pairs in claims.items():
        tried = [(c, found) for c, found in pairs if shown(found).p is not None]
        tested = [shown(found) for _, found in tried]
        stands = holm([min(1.0, v.p * chances(*of)) for v, of in zip(tested, tried, strict=True)])
        decided = [v.status in DECIDED for v in tested]
        kept = sum(a and b for a, b in zip(stands, decided, strict=True))
        rows.append(
            {"source": name, "tested": len(tested), "decided": sum(decided), "after Holm": kept}
        )
    return frame(rows, ["source", "tested"])


def chances(claim: Claim, found: Verdicts) -> int:
    """How often the p of a shown verdict could have come out small: in each of two looks that a
    scale with few seeds may take, and in each step of an ordering that one step contradicts."""
    v = shown(found)
    looks = 2 if len(own_seeds(claim, at(found))) < MOST_SEEDS else 1
    return looks * (max(1, len(v.steps)) if v.status == "contradicted" else 1)


def runs(claim: Claim, v: Verdict, scale: str) -> str:
    """How many seeds a verdict rests on, of how many where some are missing, and in how many
    looks."""
    if not scale:
        return ""
    whole = MOST_SEEDS if v.looks > 1 else len(own_seeds(claim, scale))
    return (
        f"{v.n}"
        + (f" of {whole}" if v.n < whole else "")
        + (f" in {v.looks} looks" if v.looks > 1 else "")
    )


def own_seeds(claim: Claim, scale: str) -> tuple[int, ...]:
    """The seeds that a scale has for the experiment of a claim."""
    return papers.paper(claim.paper).experiments[claim.experiment].scales[scale].seeds


def size(value: float | None) -> str:
    """A computed value to three digits; what is round-off on any machine as "< 1e-4"."""
    if value is None or value != value:
        return ""
    return f"{value:.3g}" if abs(value) >= 1e-4 else "< 1e-4"


def expected(claims: Iterable[tuple[Claim, Verdicts]]) -> float:
    """At most so many wrong verdicts are to be expected, even were the truth of every claim on its
    margin.

    A scale with fewer than `MOST_SEEDS` seeds of its own may take two looks; any step of an
    ordering may wrongly contradict it. For runs that are independent and normal. What is out of
    reach, or no test, has no verdict that could be wrong.
    """
    claims = [
        (c, found)
        for c, found in claims
        if shown(found).status not in ("out of reach", "not a test") and at(found)
    ]
    few = [len(own_seeds(c, at(found))) < MOST_SEEDS for c, found in claims]
    steps = [max(1, len(shown(found).steps)) for _, found in claims]
    return sum(k * (TWO_LOOKS if small else ONE_LOOK) for small, k in zip(few, steps, strict=True))


def accuracies(
    paper: Paper, found: Mapping[str, Found], results: str | Path | None = None
) -> list[dict[str, Any]]:
    """One row an experiment: its best arm by linear probe, and for probe and knn that arm's
    accuracy beside its floors.

    probe and knn are dicts: best, untrained, pixels in percent, below_untrained and below_pixels in
    trained arms, or None where it was not measured.
    """
    rows = []
    for name, runs in found.items():
        floor = baseline.of(runs, results)
        pixels, best, row = floor.metrics if floor else {}, None, {}
        for kind in ("probe", "knn"):
            values = means(paper, name, runs, f"{kind}_accuracy")
            untrained, flat = values.pop(select.UNTRAINED, None), pixels.get(f"{kind}_accuracy")
            best = best or max(values, key=values.__getitem__, default=None)
            row[kind] = {
                "best": values.get(best),
                "untrained": untrained,
                "pixels": flat,
                "below_untrained": below(values, untrained),
                "below_pixels": below(values, flat),
            }
        rows.append({"experiment": name, "arms": len(values), "best": best} | row)
    return rows


def below(values: Mapping[str, float], floor: float | None) -> int | None:
    """How many values are below a floor; None without one."""
    return None if floor is None else sum(value < floor for value in values.values())


def means(paper: Paper, experiment: str, found: Found, metric: str) -> dict[str, float]:
    """Mean of a metric by arm, of the arms that have finished runs."""
    rows = select.arms(paper, experiment, found, metric)
    return {row["arm"]: row["mean"] for row in rows if row["mean"] is not None}


def floor_table(
    rows: Iterable[Mapping[str, Any]], experiments: Mapping[str, Experiment]
) -> DataFrame:
    """The rows of `accuracies` as a table: linear probe and kNN of the best arm, each beside its
    two floors."""

    def beside(values: Mapping[str, float | None]) -> str:
        return " / ".join(number(values[key]) or "?" for key in ("best", "untrained", "pixels"))

    def under(row: Mapping[str, Any], floor: str) -> str:
        counts = (row[kind][f"below_{floor}"] for kind in ("probe", "knn"))
        return ", ".join("?" if count is None else f"{count}" for count in counts)

    def line(row: Mapping[str, Any]) -> dict[str, str]:
        best = experiments[row["experiment"]].arms[row["best"]].label if row["best"] else "not run"
        accuracy = [beside(row["probe"]), beside(row["knn"])] if row["best"] else ["", ""]
        counts = (
            [f"{row['arms']}", under(row, "untrained"), under(row, "pixels")]
            if row["best"]
            else [""] * 3
        )
        return dict(zip(FLOORS, (row["experiment"], best, *accuracy, *counts), strict=True))

    return frame([line(row) for row in rows], FLOORS)
