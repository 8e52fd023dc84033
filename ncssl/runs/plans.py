"""What a campaign would do, before it does it: runs in their order, which have a record, what the
others will cost."""

import re
import statistics
from pathlib import Path
from typing import Any

from ncssl.recipes import Recipe
from ncssl.records import store
from ncssl.runs import experiments


def listing(
    paper: str | None,
    scale: str,
    results: str | Path | None = None,
    root: str | Path | None = None,
    **overrides,
) -> dict[str, Any]:
    """The runs of a paper, or of all, at a scale and what they cost: `rows` in the order they are
    made, and sums.

    A row: paper, experiment, arm, seed, id, state (there or missing), seconds. Those of a record
    are its own; those of a missing run are expected, None without a record of the scale.
    core_hours_left is of the runs whose seconds are known, unknown counts the others. `root`: where
    data of one's own lie, whose identity is in the ids.
    """
    from ncssl.runs.owned import identify  # imports torch

    runs = experiments.sound(experiments.plan(paper, scale, results, **overrides))
    runs = identify(experiments.baselines_of(runs) + runs, root)
    likes = Likes(scale, results)
    rows = [row(p, record, likes) for p, record in experiments.records(runs, results)]
    there, missing = ([r for r in rows if r["state"] == state] for state in ("there", "missing"))
    return {
        "scale": scale,
        "runs": len(rows),
        "there": len(there),
        "missing": len(missing),
        "core_hours_done": hours(there),
        "core_hours_left": hours(missing),
        "unknown": sum(r["seconds"] is None for r in missing),
        "rows": rows,
    }


def row(p: experiments.Planned, record: store.Record | None, likes: "Likes") -> dict[str, Any]:
    """One run of a listing."""
    seconds, cores = (
        likes.expected(p.recipe) if record is None else (record.seconds, cores_of(record))
    )
    return {
        "paper": p.paper,
        "experiment": p.experiment,
        "arm": p.arm,
        "seed": p.seed,
        "id": p.recipe.id,
        "state": "missing" if record is None else "there",
        "seconds": seconds and round(seconds, 1),
        "cores": cores,
    }


def hours(rows: list[dict[str, Any]]) -> float:
    """Core-hours of rows; on a CUDA device one core stands for the device."""
    return round(sum((r["seconds"] or 0.0) * r["cores"] for r in rows) / 3600, 2)


def cores_of(record: store.Record) -> int:
    """The threads that a record's run computed with."""
    found = re.search(r"(\d+) threads", record.device)
    return int(found[1]) if found else 1


class Likes:
    """Seconds of the finished runs of a scale, to expect those of others from."""

    def __init__(self, scale: str, results: str | Path | None = None):
        records = (r for _, r in store.scan(results) if isinstance(r, store.Record))
        own = [r for r in records if r.recipe.scale == scale and r.status == "done"]
        self.cores = statistics.mode([cores_of(r) for r in own]) if own else 1
        self.all = [r.seconds for r in own if r.recipe.epochs]
        self.alike: dict[tuple, list[float]] = {}
        for r in own:
            self.alike.setdefault(likeness(r.recipe), []).append(r.seconds)

    def expected(self, recipe: Recipe) -> tuple[float | None, int]:
        """Median seconds of the records like this recipe, else of the scale's; None without any;
        and the cores."""
        seconds = self.alike.get(likeness(recipe), self.all)
        return (statistics.median(seconds) if seconds else None), self.cores


def likeness(recipe: Recipe) -> tuple:
    """What makes two runs cost the same: method, network, data and how long they are trained."""
    names = ("method", "backbone", "width", "dataset", "limit", "epochs", "batch")
    return tuple(getattr(recipe, name) for name in names)


def text(found: dict[str, Any]) -> str:
    """A listing as a table: a line a run of experiments, arms and seeds in their order, and the
    sums."""
    names = f"{'id':12} {'paper':13} {'experiment':22} {'arm':26} {'seed':>4} {'state':8} seconds"
    lines = [names]
    for r in found["rows"]:
        seconds = "?" if r["seconds"] is None else f"{r['seconds']:.0f}"
        about = "" if r["state"] == "there" else " (expected)"
        name = f"{r['id']} {r['paper']:13} {r['experiment']:22} {r['arm']:26} {r['seed']:>4}"
        name += f" {r['state']:8}"
        lines.append(f"{name} {seconds:>7}{about}")
    left = f"{found['core_hours_left']} left"
    if found["unknown"]:
        left += f" and {found['unknown']} runs of unknown length"
    count = (
        f"{found['runs']} runs at scale {found['scale']}: {found['there']} there,"
        f" {found['missing']} missing"
    )
    return "\n".join([*lines, f"{count}; core-hours: {found['core_hours_done']} done, {left}"])
