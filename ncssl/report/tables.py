"""Tables of a chapter, as pandas frames of rounded texts; `show` displays them in a notebook.

Runs come as `found`, a list of (planned run, its record or None).
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ncssl.claims.facts import Claim, Experiment, Paper
from ncssl.metrics import METRICS
from ncssl.recipes import LATER
from ncssl.records import baseline, store
from ncssl.records.numbers import Found
from ncssl.report import select
from ncssl.report.frame import COLOURS, frame, number, spread
from ncssl.report.frame import show as show  # for notebooks
from ncssl.verdicts.states import Verdict, words

if TYPE_CHECKING:
    from pandas import DataFrame

DATA = {"stl10": "STL-10", "cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet": "ImageNet"}


def reported(paper: Paper, experiment: str) -> DataFrame:
    """What the paper reports of each arm: place, cell, value with its spread, data, network,
    epochs, seeds."""
    rows = []
    for arm in paper.experiments[experiment].arms.values():
        if (c := select.cell(paper, arm.reported)) is not None:
            rows.append(
                {
                    "arm": arm.label,
                    "place": c.place,
                    "row": c.row,
                    "column": c.column,
                    f"{c.metric}, %": select.reported(c),
                    "data": DATA.get(c.dataset, c.dataset),
                    "network": c.backbone,
                    "epochs": c.epochs,
                    "seeds": c.seeds,
                }
            )
    return frame(rows, ["arm", "place"])


def results(paper: Paper, experiment: str, found: Found) -> DataFrame:
    """What was measured of each arm: n, probe accuracy with interval, its height over the untrained
    encoder, and more.

    spread x sqrt(d) is the standard deviation of the l2-normalised projections in units of
    1/sqrt(width). The last row is what raw pixels give, where that was measured.
    """
    probe = select.arms(paper, experiment, found, "probe_accuracy")
    knn = select.arms(paper, experiment, found, "knn_accuracy")
    std = select.arms(paper, experiment, found, "std_normalised", per_sqrt_dim=True)
    rank = select.arms(paper, experiment, found, "effective_rank")
    floor = next((a["mean"] for a in probe if a["arm"] == select.FLOOR), None)
    rows = []
    for a, k, s, r in zip(probe, knn, std, rank, strict=True):
        above = (
            None
            if a["mean"] is None or floor is None or a["arm"] == select.FLOOR
            else a["mean"] - floor
        )
        rows.append(
            {
                "arm": f"{a['label']} ({a['arm']})",
                "n": f"{a['n']}" + (f" ({a['failed']} failed)" if a["failed"] else ""),
                "probe, %": number(a["mean"]) or "not run",
                "95 % interval": spread(a["low"], a["high"]),
                "above untrained": number(above),
                "kNN, %": number(k["mean"]),
                "spread x sqrt(d)": number(s["mean"], 3),
                "effective rank": number(r["mean"]),
                "paper, %": a["paper"],
            }
        )
    if (pixels := baseline.beside(found)) is not None:
        given = {
            f"{k}, %": number(pixels.metrics[f"{k.lower()}_accuracy"]) for k in ("probe", "kNN")
        }
        rows.append(dict.fromkeys(rows[0], "") | {"arm": "raw pixels, no network"} | given)
    return frame(rows)


def measured(
    paper: Paper,
    experiment: str,
    found: Found,
    columns: Mapping[str, tuple[str, int]],
    only: Sequence[str] | None = None,
) -> DataFrame:
    """What was measured of each arm by metrics of one's choice, mean and 95 % interval: metric ->
    (title, decimals).

    The spread of normalised projections is given in units of 1/sqrt(width). `only` names the arms
    that are shown.
    """
    rows: dict[str, dict[str, str]] = {}
    for name, (title, digits) in columns.items():
        for a in select.arms(paper, experiment, found, name, per_sqrt_dim=name == "std_normalised"):
            row = rows.setdefault(a["arm"], {"arm": f"{a['label']} ({a['arm']})"})
            # not every arm has every metric
            row["n"] = f"{a['n']}" if a["values"] else row.get("n", "not run")
            row[title] = (
                f"{number(a['mean'], digits)} {spread(a['low'], a['high'], digits)}".strip()
            )
    return frame(row for arm, row in rows.items() if only is None or arm in only)


def differences(rows: Iterable[Mapping[str, Any]], digits: int = 1) -> DataFrame:
    """Differences of arms as `ncssl.report.compare` gives them: mean, interval, n, the
    paper's."""
    return frame(
        [
            {
                "difference": r["label"],
                "mean": number(r["effect"], digits) or "not run",
                "95 % interval": spread(r["low"], r["high"], digits),
                "n": r["n"],
                "paper": number(r["paper"], digits),
            }
            for r in rows
        ]
    )


def test_words(claim: Claim, v: Verdict | None = None) -> str:
    """The test of a claim as a formula over arms and metric; a verdict knows the points that a
    share stands for."""
    pair = (
        f"{claim.left} / {claim.right}"
        if claim.compare == "ratio"
        else f"{claim.left} - {claim.right}"
    )
    m = share_words(claim, v) if claim.share is not None else f"{claim.margin:g}"
    tests = {
        "greater": f"{pair} > {m}",
        "sign": f"{pair} > 0",
        "within": f"|{pair}| <= {m}",
        "above": f"{claim.left} > {m}",
        "below": f"{claim.left} < {m}",
        "rate": f"{pair} > {m} on a share of at least {claim.rate}",
        "ordering": " > ".join(claim.arms),
    }
    unit = {"sqrt_dim": " x sqrt(d)"}.get(claim.per, "")
    return f"{claim.metric}{unit}: {tests[claim.test]}"


def share_words(claim: Claim, v: Verdict | None) -> str:
    """A margin that is a share of the base's lead, in words, and in points where it is known."""
    named = {0.5: "half", 0.25: "a quarter", 0.75: "three quarters", 1.0: "all"}
    points = "" if v is None or v.margin is None else f" ({number(v.margin)} points)"
    return f"{named.get(claim.share, f'{claim.share:g}')} of the base's lead{points}"


def decimals(claim: Claim, v: Verdict | None = None) -> int:
    """Decimals worth printing of a claim's effect: one for points, three for shares and ratios."""
    points = METRICS[claim.metric].points and claim.compare != "ratio"
    return 1 if points and claim.test != "rate" and not (v and v.is_share) else 3


def verdicts(judged: Iterable[tuple[Claim, Verdict]]) -> DataFrame:
    """One row a claim: statement with its place, whose it is, test, whose margin, effect, n, the
    paper's, verdict."""
    rows = []
    for claim, v in judged:
        d = decimals(claim, v)
        rows.append(
            {
                "claim": f"{claim.statement} ({claim.place})",
                "by": claim.by,
                "test": test_words(claim, v),
                "margin": claim.margin_by,
                "effect": number(v.effect, d),
                "95 % interval": spread(v.low, v.high, d),
                "n": v.n,
                "paper": number(claim.reported_effect, 2),
                "verdict": words(v.status),
            }
        )
    return frame(rows, ["claim", "verdict"])


def ledger(judged: Iterable[tuple[Claim, Verdict]]) -> DataFrame:
    """One short row a claim: id, place, whose it is, unit, effect, interval, n, the paper's effect,
    verdict."""
    rows = [
        {
            "claim": c.id,
            "place": c.place,
            "by": c.by,
            "unit": select.unit(c, v),
            "effect": number(v.effect, decimals(c, v)),
            "95 % interval": spread(v.low, v.high, decimals(c, v)),
            "n": v.n,
            "paper": number(c.reported_effect, 2),
            "verdict": words(v.status),
        }
        for c, v in judged
    ]
    return frame(rows, ["claim", "verdict"])


def counts(judged: Iterable[tuple[Claim, Verdict]], by: str | None = None) -> dict[str, int]:
    """Verdict -> how many claims have it, in the order of `STATUSES`, with zeros; of all, or of the
    paper or the book.

    A claim that tests a misprint is counted only where all are.
    """
    found = [
        v.status for claim, v in judged if by is None or (claim.by == by and not claim.erratum)
    ]
    return {status: found.count(status) for status in COLOURS}


def settings(columns: Mapping[str, Sequence[Any]], images: Mapping[str, int]) -> DataFrame:
    """Recipes side by side: each value of the recipes of a column; the last row is lr x weight
    decay x steps.

    `images` gives the training images of each data set. Values that vary within a column are
    listed; what no recipe sets is left out.
    """
    skipped = {"method", "options", "seed", "scale", "knn_every", "precision", "warmup_epochs"}
    recipes = [r for rs in columns.values() for r in rs]
    unset = {
        f.name
        for f in dataclasses.fields(recipes[0])
        if all(getattr(r, f.name) in (None, LATER.get(f.name)) for r in recipes)
    }
    skipped |= unset - {"limit", "size"}
    names = [f.name for f in dataclasses.fields(recipes[0]) if f.name not in skipped]
    rows = [
        {"setting": name.replace("_", " ")}
        | {c: several(getattr(r, name) for r in rs) for c, rs in columns.items()}
        for name in names
    ]
    pull = {c: several(number(decay_time(r, images), 3) for r in rs) for c, rs in columns.items()}
    return frame([*rows, {"setting": "lr x weight decay x steps"} | pull])


def several(values: Iterable[Any]) -> str:
    """Distinct values as one text, in order of appearance."""
    texts = ("all" if v is None else f"{v:g}" if isinstance(v, float) else str(v) for v in values)
    return ", ".join(dict.fromkeys(texts))


def decay_time(recipe: Any, images: Mapping[str, int]) -> float:
    """lr x weight decay x steps: exp of minus this is how far weight decay alone would shrink a
    weight."""
    count = min(recipe.limit or images[recipe.dataset], images[recipe.dataset])
    return recipe.lr * recipe.weight_decay * recipe.epochs * (count // recipe.batch)


def search(
    folder: str, chosen: Any, images: Mapping[str, int], results: str | Path | None = None
) -> DataFrame:
    """Every record of a declared search.

    "taken" marks the learning rate and weight decay of the recipe `chosen`, "best" the highest
    probe accuracy among the runs of the same method, EMA and epochs, where there are several.
    """
    rows, kinds = [], {}
    for _, r in store.scan(results):
        if isinstance(r, store.Record) and r.key == folder:
            taken = (r.recipe.lr, r.recipe.weight_decay) == (chosen.lr, chosen.weight_decay)
            rows.append(
                {
                    "method": r.recipe.method,
                    "EMA": r.recipe.options.get("keep") or "no",
                    "lr": f"{r.recipe.lr:g}",
                    "weight decay": f"{r.recipe.weight_decay:g}",
                    "epochs": r.recipe.epochs,
                    "lr x wd x steps": number(decay_time(r.recipe, images), 3),
                    "seed": r.recipe.seed,
                    "kNN, %": number(r.metrics.get("knn_accuracy")),
                    "probe, %": number(r.metrics.get("probe_accuracy")),
                    "effective rank": number(r.metrics.get("effective_rank")),
                    "status": r.status,
                    "taken": "yes" if taken else "",
                    "best": "",
                }
            )
            kind = (r.recipe.method, r.recipe.options.get("keep"), r.recipe.epochs)
            kinds.setdefault(kind, []).append(
                (r.metrics.get("probe_accuracy") or 0.0, len(rows) - 1)
            )
    for runs in kinds.values():
        if len(runs) > 1:
            rows[max(runs)[1]]["best"] = "yes"
    order = ("method", "epochs", "lr", "weight decay", "seed")
    return frame(sorted(rows, key=lambda row: [str(row[name]) for name in order]), order)


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


def costs(experiment: Experiment, found: Found) -> DataFrame:
    """Time and memory of the runs of each arm: median over seeds of seconds, images a second and
    peak memory."""
    rows = []
    for arm in experiment.arms.values():
        have = [r for p, r in found if p.arm == arm.name and r is not None and r.seconds]
        speeds = [s for r in have if (s := r.metrics.get("images_per_second")) is not None]
        rows.append(
            {
                "arm": arm.label,
                "runs": f"{len(have)}",
                "seconds": (
                    f"{statistics.median(r.seconds for r in have):.0f}" if have else "not run"
                ),
                "images/s": f"{statistics.median(speeds):.0f}" if speeds else "",
                "peak memory, MiB": (
                    f"{statistics.median(r.peak_memory_mb for r in have):.0f}" if have else ""
                ),
            }
        )
    return frame(rows)


def theory(paper: Paper) -> DataFrame:
    """The claims of a paper that exact computation decides: place, statement, whose it is,
    check."""
    rows = [c for c in paper.claims.values() if c.kind == "theory"]
    return frame(
        [
            {"place": c.place, "statement": c.statement, "by": whose(c), "check": c.check}
            for c in rows
        ],
        ["place", "statement"],
    )


def whose(claim: Claim) -> str:
    """Whose claim it is: "paper", "later", "book", or "misprint" where it tests what a paper
    misprints."""
    return "misprint" if claim.erratum else claim.by


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
                "runs": f"{len(have)} of {len(found[e.name])}",
                "failed": bad,
            }
        )
    return frame(rows)
