"""Tables of an experiment's arms: what the paper reports, what was measured, what it cost."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ncssl.claims.facts import Experiment, Paper
from ncssl.records import baseline
from ncssl.records.numbers import Found
from ncssl.report import select
from ncssl.report.frame import frame, number, spread

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
    floor = next((a["mean"] for a in probe if a["arm"] == select.UNTRAINED), None)
    rows = []
    for a, k, s, r in zip(probe, knn, std, rank, strict=True):
        above = (
            None
            if a["mean"] is None or floor is None or a["arm"] == select.UNTRAINED
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
    if (pixels := baseline.of(found)) is not None:
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
                "mean": number(r["effect"], digits) or nothing(r),
                "95 % interval": spread(r["low"], r["high"], digits),
                "n": r["n"],
                "paper": number(r["paper"], digits),
            }
            for r in rows
        ]
    )


def nothing(row: Mapping[str, Any]) -> str:
    """Why there is no difference: no runs, or none of one precision and kind of device."""
    return "computed otherwise" if row.get("apart") else "not run"


def costs(experiment: Experiment, found: Found) -> DataFrame:
    """Time and memory of the runs of each arm: median over seeds of seconds, images a second and
    peak memory; without the untrained encoder, which is not trained."""
    rows = []
    for arm in (a for a in experiment.arms.values() if a.name != select.UNTRAINED):
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
