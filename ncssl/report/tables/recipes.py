"""Tables of recipes: settings side by side, and the runs of a declared search."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
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
