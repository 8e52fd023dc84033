"""Tables of the ledger: every claim of every paper, the floors beside accuracies, the price of many claims.

A claim comes with its verdicts by scale, the smallest first, as `ncssl.experiments.judged` gives them; `at` picks one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ncssl.records import floors, papers, series
from ncssl.records.facts import Claim, Experiment, Paper
from ncssl.records.frames import COLOURS, decimals, frame, number, spread, test_words
from ncssl.records.intervals import LEVEL
from ncssl.records.runs import Found
from ncssl.records.verdicts import MOST_SEEDS, Verdict

if TYPE_CHECKING:
    from pandas import DataFrame

RESCIENCE = {"reproduced": "[Re]", "partly": "partly", "not reproduced": "[not Re]", "undecided": "undecided",
             "not run": "not run"}  # fmt: skip
ONE_LOOK = (1 - LEVEL) / 2  # of wrong verdicts on one side, with the truth on the margin
TWO_LOOKS = 0.043  # the same by the rule of the two looks, paired t over 3 and then 5 seeds: tests/test_two_looks.py
FLOORS = (  # columns of `floor_table`
    "experiment", "best arm", "probe, %: best / untrained / pixels", "kNN, %: the same", "trained arms",
    "below untrained", "below pixels",
)  # fmt: skip
Verdicts = Mapping[str, Verdict]


def at(found: Verdicts) -> str:
    """The largest scale that has records, of verdicts by scale with the smallest first; empty if none has."""
    return next((scale for scale in reversed(found) if found[scale].status != "not run"), "")


def shown(found: Verdicts) -> Verdict:
    """The verdict at the largest scale that has records."""
    return found[at(found)] if at(found) else next(iter(found.values()))


def judged(claims: Iterable[tuple[Claim, Verdicts]]) -> list[tuple[Claim, Verdict]]:
    """Claims with the verdict that is shown."""
    return [(claim, shown(found)) for claim, found in claims]


def totals(claims: Mapping[str, Iterable[tuple[Claim, Verdicts]]]) -> DataFrame:
    """One row a paper: how many claims have each verdict, and how many there are."""
    rows = []
    for name, pairs in claims.items():
        found = [verdict.status for _, verdict in judged(pairs)]
        marks = {RESCIENCE[status]: found.count(status) for status in COLOURS}
        rows.append({"source": name} | marks | {"claims": len(found)})
    sums = {key: sum(row[key] for row in rows) for key in (*RESCIENCE.values(), "claims")}
    return frame([*rows, {"source": "together"} | sums])


def trained(claims: Iterable[tuple[Claim, Verdicts]]) -> DataFrame:
    """One row a claim about records: verdict, what it says, test and whose margin, effect, the paper's, seeds, scale.

    The last column, verdicts at other scales, is there where any claim has one.
    """
    rows = []
    for claim, found in claims:
        scale, v, d = at(found), shown(found), decimals(claim)
        others = (f"{s}: {w.status}" for s, w in found.items() if s != scale and w.status != "not run")
        rows.append({
            "verdict": v.status, "claim": says(claim),
            "test (whose margin)": f"{test_words(claim)} ({claim.margin_by})",
            "effect, 95 % interval": f"{number(v.effect, d)} {spread(v.low, v.high, d)}".strip(),
            "paper": number(claim.reported_effect, 2), "seeds": runs(claim, v, scale), "scale": scale,
            "elsewhere": ", ".join(others),
        })  # fmt: skip
    table = frame(rows, ["verdict", "claim"])
    return table if any(row["elsewhere"] for row in rows) else table.drop(columns="elsewhere", errors="ignore")


def says(claim: Claim) -> str:
    """A claim's name as in the figures, what it says, and where in the paper."""
    return f"{claim.id.replace('_', ' ')}: {claim.statement} ({claim.place})"


def runs(claim: Claim, v: Verdict, scale: str) -> str:
    """How many seeds a verdict rests on, of how many where some are missing, and in how many looks."""
    if not scale:
        return ""
    whole = MOST_SEEDS if v.looks > 1 else len(own_seeds(claim, scale))
    return f"{v.n}" + (f" of {whole}" if v.n < whole else "") + (f" in {v.looks} looks" if v.looks > 1 else "")


def own_seeds(claim: Claim, scale: str) -> tuple[int, ...]:
    """The seeds that a scale has for the experiment of a claim."""
    return papers.paper(claim.paper).experiments[claim.experiment].scales[scale].seeds


def computed(claims: Iterable[tuple[Claim, Verdicts]]) -> DataFrame:
    """One row a claim about theory: verdict, what it says, the value computed, test and whose margin."""
    rows = [
        {
            "verdict": v.status, "claim": says(claim), "value": size(v.effect),
            "test (whose margin)": f"{claim.test} {claim.margin:g} ({claim.margin_by})",
        }
        for claim, v in judged(claims)
    ]  # fmt: skip
    return frame(rows, ["verdict", "claim"])


def size(value: float | None) -> str:
    """A computed value to three digits; what is round-off on any machine as "< 1e-4"."""
    if value is None or value != value:
        return ""
    return f"{value:.3g}" if abs(value) >= 1e-4 else "< 1e-4"


def expected(claims: Iterable[tuple[Claim, Verdicts]]) -> float:
    """At most so many wrong verdicts are to be expected, even were the truth of every claim on its margin.

    A scale with fewer than `MOST_SEEDS` seeds of its own may take two looks. For runs that are independent and normal.
    """
    seeds = [own_seeds(claim, at(found)) for claim, found in claims if at(found)]
    return sum(TWO_LOOKS if len(own) < MOST_SEEDS else ONE_LOOK for own in seeds)


def accuracies(paper: Paper, found: Mapping[str, Found], results=None) -> list[dict[str, Any]]:
    """One row an experiment: its best arm by linear probe, and for probe and knn that arm's accuracy beside its floors.

    probe and knn are dicts: best, untrained, pixels in percent, below_untrained and below_pixels in trained arms, or
    None where it was not measured.
    """
    rows = []
    for name, runs in found.items():
        floor = floors.beside(runs, results)
        pixels, best, row = floor.metrics if floor else {}, None, {}
        for kind in ("probe", "knn"):
            values = means(paper, name, runs, f"{kind}_accuracy")
            untrained, flat = values.pop(series.FLOOR, None), pixels.get(f"{kind}_accuracy")
            best = best or max(values, key=values.__getitem__, default=None)
            row[kind] = {
                "best": values.get(best), "untrained": untrained, "pixels": flat,
                "below_untrained": below(values, untrained), "below_pixels": below(values, flat),
            }  # fmt: skip
        rows.append({"experiment": name, "arms": len(values), "best": best} | row)
    return rows


def below(values: Mapping[str, float], floor: float | None) -> int | None:
    """How many values are below a floor; None without one."""
    return None if floor is None else sum(value < floor for value in values.values())


def means(paper: Paper, experiment: str, found: Found, metric: str) -> dict[str, float]:
    """Mean of a metric by arm, of the arms that have finished runs."""
    rows = series.arms(paper, experiment, found, metric)
    return {row["arm"]: row["mean"] for row in rows if row["mean"] is not None}


def floor_table(rows: Iterable[Mapping[str, Any]], experiments: Mapping[str, Experiment]) -> DataFrame:
    """The rows of `accuracies` as a table: linear probe and kNN of the best arm, each beside its two floors."""

    def beside(values: Mapping[str, float | None]) -> str:
        return " / ".join(number(values[key]) or "?" for key in ("best", "untrained", "pixels"))

    def under(row: Mapping[str, Any], floor: str) -> str:
        counts = (row[kind][f"below_{floor}"] for kind in ("probe", "knn"))
        return ", ".join("?" if count is None else f"{count}" for count in counts)

    def line(row: Mapping[str, Any]) -> dict[str, str]:
        best = experiments[row["experiment"]].arms[row["best"]].label if row["best"] else "not run"
        accuracy = [beside(row["probe"]), beside(row["knn"])] if row["best"] else ["", ""]
        counts = [f"{row['arms']}", under(row, "untrained"), under(row, "pixels")] if row["best"] else [""] * 3
        return dict(zip(FLOORS, (row["experiment"], best, *accuracy, *counts), strict=True))

    return frame([line(row) for row in rows], FLOORS)
