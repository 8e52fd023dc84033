"""Experiments of the papers: their recipes at a scale, their records, and the ledger of claims."""

from ncssl.runs.experiments.judging import best, by_scale, judge, judged, undecided, values
from ncssl.runs.experiments.ledger import ledger, row
from ncssl.runs.experiments.loading import found, records, refused
from ncssl.runs.experiments.planning import (
    Planned,
    baselines_of,
    extra_seeds,
    ordered,
    plan,
    planned,
    scheduled,
    sound,
    with_seed,
)

__all__ = [
    "Planned",
    "baselines_of",
    "best",
    "by_scale",
    "extra_seeds",
    "found",
    "judge",
    "judged",
    "ledger",
    "ordered",
    "plan",
    "planned",
    "records",
    "refused",
    "row",
    "scheduled",
    "sound",
    "undecided",
    "values",
    "with_seed",
]
