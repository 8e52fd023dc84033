"""Runs of an experiment with their records, as plain numbers: metrics, curves, seeds that may be
compared.

`found` is everywhere a list of (planned run, its record or None), as `ncssl.runs.obtained.obtain`
returns it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ncssl.records.store import Record

Found = Sequence[tuple[Any, Record | None]]


def metric(found: Found, name: str, arm: str | None = None) -> dict[str, dict[int, float | None]]:
    """arm -> seed -> final metric; None is a run that failed, or a value that was not finite.

    Left out is a run without record, and one whose data do not have the metric (a trial list of
    another corpus).
    """
    out: dict[str, dict[int, float | None]] = {}
    for p, record in found:
        if record is not None and arm in (None, p.arm):
            value = record.value(name) if record.status == "done" else None
            if value is not None or name in record.metrics or record.status == "failed":
                out.setdefault(p.arm, {})[p.seed] = value
    return out


def width(found: Found) -> int | None:
    """Width of the projections, for claims in units of 1/sqrt(width); None without runs."""
    return found[0][0].recipe.d if found else None


def images(found: Found, arms: Sequence[str]) -> int | None:
    """The least number of test images or utterances of these arms' records; None where no record
    says it."""
    counts = [
        r.data["test"] for p, r in found if r is not None and p.arm in arms and r.data.get("test")
    ]
    return min(counts, default=None)


def curve(record: Record, name: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Epochs and values of one curve of a record (NaN where a value was not finite); None if it has
    none.

    "off_diagonal_share" is derived from the others. What comes with the first step (entropies of a
    teacher) has no value at the first measurement, which is before it.
    """
    y = (
        off_diagonal_share(record)
        if name == "off_diagonal_share"
        else record.curves.get(name) or []
    )
    x = list(range(1, len(y) + 1)) if name == "loss" else record.curves.get("epoch", [])
    x = x[1:] if len(y) == len(x) - 1 else x
    if len(y) < 2 or len(x) != len(y):
        return None
    return np.array(x, float), np.array(y, float)


def off_diagonal_share(record: Record) -> list[float]:
    """|W - diag W|^2 / |W|^2 of a linear predictor W at every epoch; empty where a record cannot
    tell.

    With p_j the eigenvalues of W's symmetric part, |W|^2 = sum_j p_j^2 / (1 - asymmetry^2 / 4). All
    d are needed, and records keep the first 64.
    """
    p, asymmetry, off = (
        record.curves.get(n) or [] for n in ("predictor_eigenvalues", "asymmetry", "off_diagonal")
    )
    if not p or len(p[0]) < record.recipe.d or not len(p) == len(asymmetry) == len(off):
        return []
    whole = np.square(np.array(p, float)).sum(1) / (1 - np.square(np.array(asymmetry, float)) / 4)
    return list(np.square(np.array(off, float)) / whole)


def kind(record: Record) -> tuple[str, str]:
    """What a difference between runs must not mix: their precision, and cpu or cuda."""
    on_cpu = record.device.startswith("CPU") or " threads" in record.device
    return record.precision, "cpu" if on_cpu else "cuda"


def alike(found: Found, arms: Sequence[str]) -> tuple[Found, list[int]]:
    """`found` with those seeds alone whose runs of these arms were computed alike, and the seeds
    left out.

    Alike is one precision and one kind of device, over all arms and seeds: "auto" is bf16 on one
    machine and float32 on another, and a difference between them would be one of machines too. Of
    several groups of seeds the largest is kept, of equally large ones that with the earlier seed.
    """
    kinds: dict[int, set[tuple[str, str]]] = {}
    for p, record in found:
        if record is not None and p.arm in arms:
            kinds.setdefault(p.seed, set()).add(kind(record))
    groups: dict[tuple[str, str], list[int]] = {}
    for seed, of in sorted(kinds.items()):
        if len(of) == 1:
            groups.setdefault(next(iter(of)), []).append(seed)
    kept = max(groups.values(), key=lambda seeds: (len(seeds), -seeds[0]), default=[])
    left_out = sorted(kinds.keys() - set(kept))
    return [(p, record) for p, record in found if p.seed not in left_out], left_out
