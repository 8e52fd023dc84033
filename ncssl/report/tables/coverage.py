"""Tables of how much was run: coverage, failures, machines, and what of the paper is repeated."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ncssl.claims.facts import Experiment, Paper
from ncssl.records.numbers import Found
from ncssl.report import select
from ncssl.report.frame import frame

if TYPE_CHECKING:
    from pandas import DataFrame


def provenance(found: Found) -> DataFrame:
    """Where records were made: machine, precision, torch, how many, median seconds a run."""
    groups: dict[tuple, list[float]] = {}
    for _, r in found:
        if r is not None:
            groups.setdefault((r.device, r.precision, r.versions.get("torch", "")), []).append(
                r.seconds
            )
    return frame(
        [
            {
                "machine": machine,
                "precision": p,
                "torch": torch,
                "runs": len(s),
                "median s": f"{statistics.median(s):.0f}",
            }
            for (machine, p, torch), s in sorted(groups.items())
        ],
        ["machine", "runs"],
    )


def repeated(paper: Paper) -> DataFrame:
    """Tables of a paper: how many of their cells there are, and how many an arm of some experiment
    repeats."""
    cited = {arm.reported for e in paper.experiments.values() for arm in e.arms.values()}
    return frame(
        {
            "place": t.place,
            "what": t.caption,
            "cells": len(t.cells),
            "repeated here": sum(f"{t.id}:{c.row}|{c.column}" in cited for c in t.cells),
        }
        for t in paper.tables.values()
    )


def failed(found: Found) -> DataFrame:
    """Runs that failed, with their reason."""
    return frame(select.failures(found), ["arm", "seed", "reason"])


def coverage(experiments: Iterable[Experiment], found: Mapping[str, Found]) -> DataFrame:
    """How many of the planned runs of each experiment have a record, and how many of those
    failed."""
    rows = []
    for e in experiments:
        have = [r for _, r in found[e.name] if r is not None]
        bad = sum(r.status == "failed" for r in have)
        rows.append(
            {
                "experiment": e.name,
                "what": e.title,
                "place": e.place,
                "arms": len(e.arms),
                "scale": next((p.recipe.scale for p, _ in found[e.name]), ""),
                "runs": f"{len(have)} of {len(found[e.name])}",
                "failed": bad,
            }
        )
    return frame(rows)
