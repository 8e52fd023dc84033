"""Tables of recipes: settings side by side, and the runs of a declared search."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ncssl.recipes import LATER
from ncssl.records import store
from ncssl.report.frame import frame, number

if TYPE_CHECKING:
    from pandas import DataFrame


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


SAME = ("lr", "weight_decay", "width", "crop", "batch")  # values that are taken from a search


def search(
    folder: str,
    own: Callable[[str], Any],
    images: Mapping[str, int],
    results: str | Path | None = None,
) -> DataFrame:
    """Every record of a declared search.

    "taken" marks the runs that have the rate, weight decay, network, crop, batch and running
    average of their method's own recipe, `own(method)`; "best" the highest probe accuracy among the
    runs that differ in rate and decay alone, where there are several.
    """
    rows, kinds = [], {}
    found = [r for _, r in store.scan(results) if isinstance(r, store.Record) and r.key == folder]
    for r in found:
        rows.append(searched(r, own(r.recipe.method), images))
        kind = [rows[-1][name] for name in ("method", "EMA", "width", "crop", "batch", "epochs")]
        runs = kinds.setdefault(tuple(kind), [])
        runs.append((r.metrics.get("probe_accuracy") or 0.0, len(rows) - 1))
    for runs in kinds.values():
        if len(runs) > 1:
            rows[max(runs)[1]]["best"] = "yes"
    order = ("method", "epochs", "width", "crop", "batch", "lr", "weight decay", "EMA", "seed")
    return frame(sorted(rows, key=lambda row: [str(row[name]) for name in order]), order)


def searched(record: store.Record, own: Any, images: Mapping[str, int]) -> dict[str, Any]:
    """One run of a search as a row of the table."""
    r, metrics = record.recipe, record.metrics
    keeps = [x.options.get("keep") for x in (r, own)]
    taken = all(getattr(r, name) == getattr(own, name) for name in SAME)
    taken = taken and (not all(keeps) or keeps[0] == keeps[1])
    return {
        "method": r.method,
        "EMA": r.options.get("keep") or "no",
        "width": r.width,
        "crop": r.crop or "whole",
        "batch": r.batch,
        "lr": f"{r.lr:g}",
        "weight decay": f"{r.weight_decay:g}",
        "epochs": r.epochs,
        "lr x wd x steps": number(decay_time(r, images), 3),
        "seed": r.seed,
        "kNN, %": number(metrics.get("knn_accuracy")),
        "probe, %": number(metrics.get("probe_accuracy")),
        "effective rank": number(metrics.get("effective_rank")),
        "status": record.status,
        "taken": "yes" if taken else "",
        "best": "",
    }
