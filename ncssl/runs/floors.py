"""Floors: the record of the measures of what was not trained, on the data of other runs."""

import time
from pathlib import Path

from ncssl import data
from ncssl.machine import THREADS, best_device, computing
from ncssl.measure import diagnostics
from ncssl.recipes import Recipe
from ncssl.records import baseline, store
from ncssl.train.making import record_of
from ncssl.train.tasks import Utterances


def measure_floor(
    r: Recipe,
    *,
    root: str | Path | None = None,
    out: str | Path | None = None,
    device: str | None = None,
    download: bool = False,
    threads: int = THREADS,
) -> store.Record:
    """Make a floor: the measures of frozen features, on images as vectors or on statistics of
    log-mel frames."""
    with computing(threads):
        record = measured_floor(r, root, device or best_device(), download)
    store.save(record, out)
    return record


def measured_floor(r: Recipe, root: str | Path | None, device: str, download: bool) -> store.Record:
    """The record of a floor, not yet written."""
    began = time.perf_counter()
    where = dict(root=root, device=device, download=download)
    if r.method == baseline.STATISTICS:
        utterances = Utterances(r, **where)
        metrics, facts = utterances.floor(), utterances.facts()
    else:
        limits = {"train": r.limit, "test": None}
        train, test = (
            data.load(r.dataset, s, limit=n, size=r.size, **where) for s, n in limits.items()
        )
        metrics = diagnostics.pixels(train, test)
        facts = {
            "train": len(train.images),
            "test": len(test.images),
            "classes": len(train.classes),
        }
    return record_of(
        r,
        baseline.KEY,
        device,
        metrics=metrics,
        curves={},
        seconds=time.perf_counter() - began,
        precision="float32",
        data=facts,
    )
