"""Numbers that a paper reports beside those measured here: of arms, and of claims."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

from ncssl.claims.facts import Claim, Paper
from ncssl.records.numbers import Found
from ncssl.report import select
from ncssl.verdicts.states import Verdict

METRIC = "probe_accuracy"  # what stands here for the accuracy that a paper reports


def arms(paper: Paper, found: Mapping[str, Found]) -> list[dict[str, Any]]:
    """One dict an arm that has both numbers: experiment, label, paper, effect, low, high, open.

    Percent, each less the mean of the experiment's arms with both. `open` is False: an accuracy is
    a measurement. Experiments with fewer than two such arms are left out.
    """
    rows = []
    for name, runs in found.items():
        e = paper.experiments[name]
        have = [
            (select.cell(paper, e.arms[row["arm"]].reported), row)
            for row in select.arms(paper, name, runs, METRIC)
            if e.arms[row["arm"]].reported and row["mean"] is not None
        ]
        if len(have) > 1:
            rows += centred(name, have)
    return rows


def centred(experiment: str, have: Sequence[tuple[Any, Mapping[str, Any]]]) -> list[dict]:
    """The rows of `arms` of one experiment, from the paper's cells and our means."""
    theirs = sum(cell.value for cell, _ in have) / len(have)
    ours = sum(row["mean"] for _, row in have) / len(have)
    return [
        {
            "experiment": experiment,
            "label": row["label"],
            "paper": cell.value - theirs,
            "effect": row["mean"] - ours,
            "low": None if row["low"] is None else row["low"] - ours,
            "high": None if row["high"] is None else row["high"] - ours,
            "open": False,
        }
        for cell, row in have
    ]


def effects(judged: Iterable[tuple[Claim, Verdict]]) -> list[dict[str, Any]]:
    """One dict a claim about differences whose effect both report: label, paper, effect, low, high
    (points), open where the claim is out of reach."""
    return [
        {
            "label": claim.id,
            "paper": claim.reported_effect,
            "effect": v.effect,
            "low": v.low,
            "high": v.high,
            "open": v.status == "out of reach",
        }
        for claim, v in judged
        if claim.reported_effect is not None
        and claim.compare == "difference"
        and v.effect is not None
        and not v.is_share
    ]


def order(rows: Iterable[Mapping[str, Any]]) -> tuple[int, int]:
    """Pairs of arms of one experiment that a paper sets apart, and how many of them stand in its
    order here."""
    pairs = [
        (a["paper"] - b["paper"]) * (a["effect"] - b["effect"])
        for a, b in combinations(rows, 2)
        if a["experiment"] == b["experiment"] and a["paper"] != b["paper"]
    ]
    return len(pairs), sum(product > 0 for product in pairs)


def signs(rows: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """How many effects a paper sets apart from nothing, and how many have its sign here."""
    known = [row for row in rows if row["paper"]]
    return len(known), sum(row["paper"] * row["effect"] > 0 for row in known)
