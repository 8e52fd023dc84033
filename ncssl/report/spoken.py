"""Runs on speech as tables and figures' data: error rates beside their floors, rounds of
pseudo-labels.

`found` is a list of (planned run, its record or None), as in `ncssl.report.select`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ncssl.claims.facts import UNTRAINED, Experiment, Paper
from ncssl.records import baseline
from ncssl.records.numbers import Found
from ncssl.records.store import Record
from ncssl.report import select, tables
from ncssl.report.compare import check_arms

if TYPE_CHECKING:
    from pandas import DataFrame

MEANS = {
    "mean_eer": ("EER, %", 1),
    "whitened_mean_eer": ("whitened, %", 1),
    "mean_mismatched_eer": ("mismatched, %", 1),
}
# trial lists of a data set before there is a record
USUAL = {
    "voices": ("voices",),
    "speech": ("libri", "ravdess"),
    "speechocean": ("so762", "so762_hard"),
}
ROUNDS = 9  # of pseudo-labels, at most


def lists(found: Found) -> list[str]:
    """Names of the matched trial lists of these runs, by their records; without any, what their
    data usually have."""
    names: dict[str, None] = {}
    for _, r in found:
        marked = (
            key.removesuffix("_eer_low")
            for key in (r.metrics if r else ())
            if key.endswith("_eer_low")
        )
        names |= dict.fromkeys(name for name in marked if not name.endswith(("_noise", "_reverb")))
    usual = (name for p, _ in found[:1] for name in USUAL.get(p.recipe.dataset, ()))
    return list(names or dict.fromkeys(usual))


def results(
    paper: Paper,
    experiment: str,
    found: Found,
    columns: Mapping[str, tuple[str, int]] | None = None,
    only: Sequence[str] | None = None,
) -> DataFrame:
    """Like `tables.measured`, with a last row for the no-learning baseline, whose intervals are
    over speakers.

    `columns`, metric -> (title, decimals), are by default the EER over the lists, the same of
    whitened features, that over the mismatched lists, and that of each matched list. The baseline
    is whitened in any case.
    """
    columns = columns or MEANS | {f"{name}_eer": (f"{name}, %", 1) for name in lists(found)}
    rows = tables.measured(paper, experiment, found, columns, only).to_dict("records")
    base = baseline.of(found)
    last = {"arm": "statistics of frames, no learning", "n": "" if base else "not run"}
    return tables.frame(
        [*rows, last | {title: level(base, name, d) for name, (title, d) in columns.items()}]
    )


def level(base: Record | None, name: str, digits: int) -> str:
    """A metric of the baseline with its interval over speakers where it has one; empty where it was
    not measured."""
    name = name.removeprefix("whitened_")
    value, *ends = (base.metrics.get(name + end) if base else None for end in ("", "_low", "_high"))
    return f"{tables.number(value, digits)} {tables.spread(*ends, digits)}".strip()


def floored(
    paper: Paper, experiment: str, found: Found, name: str, only: Sequence[str] | None = None
) -> dict[str, Any]:
    """The trained arms as `select.arms` gives them, and the floors of a metric: `floor`, of the
    untrained encoder, and `base`, of the no-learning baseline; None where one was not measured."""
    check_arms(paper.experiments[experiment], only)
    rows, base = select.arms(paper, experiment, found, name), baseline.of(found)
    return {
        "arms": [
            row
            for row in rows
            if row["arm"] != select.UNTRAINED and (only is None or row["arm"] in only)
        ],
        "floor": next((row["mean"] for row in rows if row["arm"] == select.UNTRAINED), None),
        "base": base.metrics.get(name) if base else None,
    }


def rounds(
    experiment: Experiment, found: Found, name: str, only: Sequence[str] | None = None
) -> list[dict]:
    """Like `select.curves`, of a metric `name` that the rounds of pseudo-labels left as
    round0_name, round1_name ..."""
    check_arms(experiment, only)
    rows: dict[str, dict[str, Any]] = {}
    for p, r in found:
        values = [
            v for i in range(ROUNDS) if r and (v := r.metrics.get(f"round{i}_{name}")) is not None
        ]
        if values and (only is None or p.arm in only):
            row = rows.setdefault(p.arm, select.named(experiment.arms[p.arm]) | {"runs": []})
            row["runs"].append((np.arange(len(values), dtype=float), np.array(values, float)))
    return [rows[arm] for arm in experiment.arms if arm in rows]


def against_amount(experiment: Experiment, found: Found, name: str) -> list[dict]:
    """Error rates over the amount of speech, a row a method: utterances (k,), the mean over seeds
    of an error rate, and of the ends of its interval over speakers (k,) each.

    The arm of all the speech is called as the method, the others method_share.
    """
    points: dict[str, dict[int, list]] = {}
    ends = name, f"{name}_low", f"{name}_high"
    for p, r in found:
        stem, values = p.arm.split("_")[0], [r.metrics.get(end) if r else None for end in ends]
        if p.arm != UNTRAINED and r and None not in values:
            points.setdefault(stem, {}).setdefault(r.data["train"], []).append(values)
    rows = []
    for stem, by_amount in points.items():
        amounts = sorted(by_amount)
        means = np.array([np.mean(by_amount[n], axis=0) for n in amounts])
        parts = dict(zip(("mean", "low", "high"), means.T, strict=True))
        rows.append(select.named(experiment.arms[stem]) | {"utterances": amounts} | parts)
    return rows


def best(paper: Paper, found: Mapping[str, Found], name: str) -> tuple[float | None, str]:
    """The least mean over seeds of an error rate among the arms of all experiments, and whose it
    is."""
    means = [
        (row["mean"], f"{row['label']} ({paper.experiments[experiment].title})")
        for experiment, some in found.items()
        for row in select.arms(paper, experiment, some, name)
        if row["mean"] is not None
    ]
    return min(means, default=(None, ""))


TRIALS = {  # error rate -> of which trials it is
    "mean_eer": "on matched trials",
    "mean_mismatched_eer": "where one side of a trial has noise or a room",
}


def headline(paper: Paper, found: Mapping[str, Found], experiment: str) -> str:
    """The error rates of what needs no learning and of the best arm, on matched and on mismatched
    trials, in a sentence."""
    base = baseline.of(found[experiment])
    said = [
        beside(base.metrics[name], *best(paper, found, name), where)
        for name, where in TRIALS.items()
        if base is not None and name in base.metrics
    ]
    if not any(said):
        return "How the networks compare with statistics that learn nothing is not known: not run."
    told = ", and ".join(part for part in said if part)
    return f"Statistics of the frames learn nothing. By equal error rate they are {told}."


def beside(floor: float, rate: float | None, arm: str, where: str) -> str:
    """Whether the statistics or a network is ahead on some trials; empty without networks."""
    if rate is None:
        return ""
    ahead = "ahead of every network" if floor < rate else "behind the best network"
    rates = f"{tables.number(floor)} % against {tables.number(rate)} % of {arm}"
    return f"{ahead} of this chapter {where} ({rates})"
