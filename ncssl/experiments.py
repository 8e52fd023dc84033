"""Experiments of the papers: their recipes at a scale, their records, and the ledger of claims."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ncssl.errors import BadFile, UnknownName
from ncssl.recipes import SCALES, Recipe, recipe
from ncssl.records import papers, store, verdicts


class Planned(NamedTuple):
    """One run of an experiment: its arm, seed and recipe."""

    paper: str
    experiment: str
    arm: str
    seed: int
    recipe: Recipe


def planned(paper: str, experiment: str, scale: str, **overrides) -> list[Planned]:
    """The runs of an experiment at a scale, seed by seed; empty where it has no such scale."""
    e = papers.paper(paper).experiments[experiment]
    if scale not in SCALES:
        raise UnknownName("scale", scale, SCALES)
    if scale not in e.scales:
        return []
    at = e.scales[scale]

    def of(arm: papers.Arm, seed: int) -> Recipe:
        values = dict(e.recipe) | dict(at.recipe) | overrides | dict(arm.recipe)
        return recipe(arm.method, scale, dict(arm.options), seed=seed, **values)

    return [Planned(paper, experiment, a.name, seed, of(a, seed)) for seed in at.seeds for a in e.arms.values()]


def plan(paper: str | None = None, scale: str = "laptop", **overrides) -> list[Planned]:
    """Every run of a paper (or of all) at a scale, each recipe once, all arms of seed 0 first."""
    keys = [paper] if paper else papers.papers()
    runs = [p for key in keys for name in papers.paper(key).experiments for p in planned(key, name, scale, **overrides)]
    unique = {p.recipe.id: p for p in reversed(runs)}
    return sorted(unique.values(), key=lambda p: (p.seed, runs.index(p)))


def records(runs: list[Planned], results: str | Path | None = None) -> Iterator[tuple[Planned, store.Record | None]]:
    """Each planned run with its record; None where there is none, or none that can be read."""
    for p in runs:
        path = store.find(p.recipe.id, results)
        try:
            yield p, store.load(path) if path else None
        except BadFile:
            yield p, None


def values(claim: papers.Claim, scale: str, results=None, **overrides) -> dict[str, dict[int, float | None]]:
    """Metric of a record claim by arm and seed; None marks a run that failed."""
    out: dict[str, dict[int, float | None]] = {}
    runs = [p for p in planned(claim.paper, claim.experiment, scale, **overrides) if p.arm in claim.compared]
    for p, record in records(runs, results):
        if record is not None:
            done = record.status == "done"
            out.setdefault(p.arm, {})[p.seed] = record.value(claim.metric) if done else None
    return out


def judge(claim: papers.Claim, scale: str | None = None, results=None, **overrides) -> tuple[verdicts.Verdict, str]:
    """Verdict of a claim and the scale it was judged at: the given one, else the largest that has records."""
    if claim.kind == "theory":
        return verdicts.judge_theory(claim), "theory"
    scales = [scale] if scale else list(reversed(SCALES))
    for s in scales:
        measured = values(claim, s, results, **overrides)
        verdict = verdicts.judge(claim, measured, dim=(SCALES[s] | overrides)["d"])
        if verdict.status != "not run":
            return verdict, s
    return verdict, scales[-1]


def ledger(paper: str | None = None, scale: str | None = None, results=None, **overrides) -> list[dict]:
    """One row a claim: place, statement, verdict, effect with its interval, n, scale, the paper's own effect."""
    rows = []
    for key in [paper] if paper else papers.papers():
        for claim in papers.paper(key).claims.values():
            v, at = judge(claim, scale, results, **overrides)
            rows.append({
                "paper": key, "id": claim.id, "place": claim.place, "statement": claim.statement, "kind": claim.kind,
                "metric": claim.metric, "test": claim.test, "margin": claim.margin, "margin_by": claim.margin_by,
                "reported": claim.reported_effect, "status": v.status, "effect": v.effect, "low": v.low, "high": v.high,
                "interval": v.interval, "n": v.n, "scale": at, "detail": v.detail,
            })  # fmt: skip
    return store.rounded(rows, 4)
