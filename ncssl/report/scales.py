"""One claim at two scales: what the smaller says, and would say without its gates, beside the
larger.

`small` and `large` are by experiment the runs of a paper with their records, as
`ncssl.runs.experiments.found` gives them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ncssl.claims.facts import UNTRAINED, Claim, Paper
from ncssl.records.numbers import Found
from ncssl.report import outcome, select
from ncssl.report.frame import frame, number, spread
from ncssl.report.tables.claims import decimals
from ncssl.verdicts import gates
from ncssl.verdicts.states import DECIDED, SILENT, Verdict, words

if TYPE_CHECKING:
    from pandas import DataFrame

METRIC = "probe_accuracy"  # of leads
LEAST = 3  # runs of an arm whose lead has an interval: of two it would hide all others


class Both(NamedTuple):
    """A claim on runs with its verdict at the smaller scale, what its contrast alone says there,
    and its verdict at the larger scale."""

    claim: Claim
    small: Verdict
    alone: Verdict
    large: Verdict

    @property
    def wrong(self) -> bool:
        """Whether the contrast of the smaller scale alone decides otherwise than the larger
        scale."""
        return self.alone.status in DECIDED and self.alone.status != self.large.status


def both(
    paper: Paper,
    small: Mapping[str, Found],
    large: Mapping[str, Found],
    results: str | Path | None = None,
) -> list[Both]:
    """The paper's own claims on runs that its runs at the larger scale decide."""
    rows = []
    for name, found in large.items():
        before = dict(select.judged(paper, name, small.get(name, []), results))
        for claim, v in select.judged(paper, name, found, results):
            if v.status in DECIDED and claim.by == "paper" and not claim.erratum:
                alone = contrast(claim, small.get(name, []))
                rows.append(Both(claim, before[claim], alone, v))
    return rows


def contrast(claim: Claim, found: Found) -> Verdict:
    """What these runs say of a claim without gates."""
    claim = gates.with_margin(claim, found)
    return Verdict("not run") if claim.margin is None else gates.contrast(claim, found)


def table(rows: Iterable[Both], small: str, large: str) -> DataFrame:
    """One row a claim: statement, and at both scales effect with its interval and the verdict; of
    the smaller scale also the verdict without gates."""
    out = []
    for row in rows:
        effects = {
            f"effect, {name}": f"{number(v.effect, d)} {spread(v.low, v.high, d)}".strip()
            for name, v in ((small, row.alone), (large, row.large))
            for d in [decimals(row.claim, v)]
        }
        states = {
            f"{small}, contrast alone": words(row.alone.status),
            f"{small}, with gates": words(row.small.status),
            large: words(row.large.status),
        }
        out.append({"claim": f"{row.claim.statement} ({row.claim.place})"} | effects | states)
    return frame(out, ["claim", small, large])


def finding(rows: Sequence[Both], small: str, large: str) -> str:
    """In sentences: how many claims the larger scale decides, what the smaller says of them, and
    would say without gates."""
    if not rows:
        return f"No claim is decided at scale {large} yet."
    silent = sum(row.small.status in SILENT for row in rows)
    counted = outcome.claims([(row.claim, row.large) for row in rows])
    alone = [row for row in rows if row.alone.status in DECIDED]
    gated = [row for row in rows if row.small.status in DECIDED]
    return (
        f"Scale {large} decides {counted}. Of {outcome.count(silent) if silent else 'none'} of"
        f" them scale {small} says nothing. Without gates its runs would decide"
        f" {among(alone, rows, large)}; with gates they decide {among(gated, rows, large)}."
    )


def among(some: Sequence[Both], rows: Sequence[Both], large: str) -> str:
    """How many of the claims these are, and how many of them are wrong, in words."""
    if not some:
        return "none"
    n = outcome.count(len(some))
    which = f"all {n}" if len(some) == len(rows) > 1 else n
    wrong = sum(row.wrong for row in some)
    said = outcome.count(wrong) if wrong else "none"
    return f"{which}, {said} of them otherwise than scale {large}"


def leads(
    compared: Mapping[str, tuple[Paper, Mapping[str, Found], Mapping[str, Found]]],
) -> dict[str, list[dict[str, Any]]]:
    """Source -> one dict an arm with runs at both scales, for `ncssl.plots.reported.against`: its
    lead over the untrained encoder by linear probe, points, at the smaller scale ("paper") and at
    the larger ("effect", with low and high from three runs on); `open` where the larger lead is
    below the gate's. `compared`: source -> its paper, runs at the smaller and at the larger scale.

    An arm that several experiments or papers share stands once, at its first place.
    """
    out, seen = {}, set()
    for source, (paper, small, large) in compared.items():
        out[source] = []
        for name in large:
            before, after = (lead(paper, name, found.get(name, [])) for found in (small, large))
            for arm in (arm for arm in after if arm in before):
                runs = frozenset(p.recipe.id for p, _ in large[name] if p.arm == arm)
                if not runs <= seen:
                    row = after[arm] | {"paper": before[arm]["effect"]}
                    out[source].append(row | {"open": row["effect"] < gates.PROBE_LEAD})
                seen |= runs
    return out


def lead(paper: Paper, experiment: str, found: Found) -> dict[str, dict[str, Any]]:
    """Arm -> label and mean lead over the mean of the untrained encoder ("effect"), with the
    interval of its own runs where there are three; of arms that have both."""
    rows = [row for row in select.arms(paper, experiment, found, METRIC) if row["n"]]
    floor = next((row["mean"] for row in rows if row["arm"] == UNTRAINED), None)
    if floor is None:
        return {}
    return {
        row["arm"]: {"label": row["label"], "effect": row["mean"] - floor}
        | {end: row[end] - floor if row["n"] >= LEAST else None for end in ("low", "high")}
        for row in rows
        if row["arm"] != UNTRAINED
    }
