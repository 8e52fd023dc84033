"""Verdicts on claims from the records of their runs, by scale, and what a second look needs."""

import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from ncssl.claims import papers
from ncssl.recipes import SCALES
from ncssl.records import numbers as runs_of
from ncssl.report import select
from ncssl.runs.experiments.loading import records
from ncssl.runs.experiments.planning import (
    Planned,
    extra_seeds,
    more,
    on,
    ordered,
    scheduled,
    with_records,
)
from ncssl.verdicts import gates, judging
from ncssl.verdicts.intervals import LEVEL
from ncssl.verdicts.states import Verdict

# data sets whose runs are judged beside those of a scale's own set
STAND_INS = {"cifar10": "cifar10_jpeg"}


def undecided(
    paper: str | None = None, scale: str = "laptop", results: str | Path | None = None, **overrides
) -> list[Planned]:
    """The runs that the rule of the two looks adds: for every claim that all of the scale's own
    seeds leave open.

    A claim that is out of reach, or no test, is not open. These depend on the records of the own
    seeds alone, so that they stay the same while they are made. Runs whose seed a claim leaves out,
    computed otherwise than most, are made `again`, before the others.
    """
    wanted, again = [], []
    for key in [paper] if paper else papers.papers():
        for claim in (c for c in papers.paper(key).claims.values() if c.kind == "records"):
            own = [
                p
                for p in scheduled(key, claim.experiment, scale, **overrides)
                if p.arm in claim.needed
            ]
            found = list(records(own, results))
            whole = own and all(record is not None for _, record in found)
            if whole and judging.left_open(gates.of_runs(claim, found, results=results)):
                wanted += extra_seeds([p for p in own if p.arm in claim.compared])
            again += otherwise(
                claim, found + list(records(with_records(extra_seeds(own), results), results))
            )
    return on(ordered(again) + ordered(wanted), overrides.get("dataset"))


def otherwise(claim: papers.Claim, found: list) -> list[Planned]:
    """Runs of a claim on seeds that it leaves out, of another kind than most of its runs, to be
    made again."""
    compared = [
        (p, record) for p, record in found if p.arm in claim.compared and record is not None
    ]
    left_out = runs_of.alike(compared, claim.compared)[1]
    if not left_out:
        return []
    most = statistics.mode(runs_of.kind(record) for _, record in compared)
    other = [p for p, record in compared if p.seed in left_out and runs_of.kind(record) != most]
    return [p._replace(again=most) for p in other]


def values(
    claim: papers.Claim, scale: str, results: str | Path | None = None, **overrides
) -> dict[str, dict[int, float | None]]:
    """Metric of a record claim by arm and seed, of the arms it compares; None marks a run that
    failed."""
    runs = [p for p in needed(claim, scale, results, **overrides) if p.arm in claim.compared]
    return select.metric(list(records(runs, results)), claim.metric)


def needed(
    claim: papers.Claim, scale: str, results: str | Path | None = None, **overrides
) -> list[Planned]:
    """The runs of the arms that decide a record claim: those compared and those of its gates."""
    own, added = (
        [
            p
            for p in runs(claim.paper, claim.experiment, scale, **overrides)
            if p.arm in claim.needed
        ]
        for runs in (scheduled, more)
    )
    return own + with_records(added, results)


def by_scale(
    claim: papers.Claim,
    results: str | Path | None = None,
    *,
    scales: Sequence[str] = tuple(SCALES),
    level: float = LEVEL,
    **overrides,
) -> dict[str, Verdict]:
    """Verdict of a record claim at each scale, the smallest first, with intervals of that level."""
    runs = {s: needed(claim, s, results, **overrides) for s in scales}
    return {
        s: gates.of_runs(claim, list(records(runs[s], results)), level, results) for s in scales
    }


def best(verdicts: dict[str, Verdict]) -> str:
    """The largest scale that has records, of verdicts by scale with the smallest first; the
    smallest if none has."""
    return next(
        (s for s in reversed(verdicts) if verdicts[s].status != "not run"), next(iter(verdicts))
    )


def judge(
    claim: papers.Claim, scale: str | None = None, results: str | Path | None = None, **overrides
) -> tuple[Verdict, str]:
    """Verdict of a claim and the scale it was judged at: the given one, else the largest that has
    records."""
    if claim.kind == "theory":
        return judging.judge_theory(claim), "theory"
    verdicts = by_scale(claim, results, scales=[scale] if scale else tuple(SCALES), **overrides)
    return verdicts[best(verdicts)], best(verdicts)


def scales_on(claim: papers.Claim, dataset: str, scale: str | None = None) -> list[str]:
    """The scales, or whether the one given, at which a claim's runs are on a data set when it is
    asked for."""
    return [
        s
        for s in ([scale] if scale else SCALES)
        if on(scheduled(claim.paper, claim.experiment, s, dataset=dataset)[:1], dataset)
    ]


def elsewhere(claim: papers.Claim, results: str | Path | None = None) -> dict[str, dict]:
    """Verdicts of a claim of runs on sets that stand in for a scale's own, at the largest scale
    that has such records: data set -> status, effect, low, high, n, scale. Empty without any."""
    out = {}
    for dataset, own in STAND_INS.items() if claim.kind == "records" else ():
        scales = [s for s in scales_on(claim, dataset) if SCALES[s]["dataset"] == own]
        found = by_scale(claim, results, scales=scales, dataset=dataset) if scales else {}
        if found and found[at := best(found)].status != "not run":
            v = found[at]
            out[dataset] = {"status": v.status, "effect": v.effect, "low": v.low}
            out[dataset] |= {"high": v.high, "n": v.n, "scale": at}
    return out


def judged(
    paper: papers.Paper,
    scale: str | None = None,
    results: str | Path | None = None,
    *,
    kinds: Sequence[str] = ("records", "theory"),
    level: float = LEVEL,
    **overrides,
) -> Iterator[tuple[papers.Claim, dict[str, Verdict]]]:
    """Claims of these kinds with their verdicts by scale, the smallest first; a theory claim has
    one, at "theory"."""
    for claim in (c for c in paper.claims.values() if c.kind in kinds):
        yield claim, all_scales(claim, scale, results, level=level, **overrides)


def all_scales(
    claim: papers.Claim, scale: str | None, results: str | Path | None = None, **more
) -> dict[str, Verdict]:
    """Verdicts of a claim at a scale, or at all."""
    scales = [scale] if scale else tuple(SCALES)
    if claim.kind == "theory":
        return {"theory": judging.judge_theory(claim)}
    return by_scale(claim, results, scales=scales, **more)
