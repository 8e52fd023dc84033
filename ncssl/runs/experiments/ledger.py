"""The ledger: a row a claim, with its verdict and where it comes from."""

import dataclasses
from pathlib import Path

from tqdm import tqdm

from ncssl.claims import papers
from ncssl.errors import UnknownName
from ncssl.records import store
from ncssl.runs.experiments.judging import all_scales, best, by_scale, elsewhere, scales_on
from ncssl.verdicts.states import STATUSES, Verdict


def ledger(
    paper: str | None = None,
    scale: str | None = None,
    results: str | Path | None = None,
    *,
    status: str | None = None,
    name: str | None = None,
    by: str | None = None,
    dataset: str | None = None,
    **overrides,
) -> list[dict]:
    """One row a claim of a paper or of all: place, statement, verdict, effect with its interval, n,
    scale, and more; `on` has what is found on sets that stand in for the scale's own.

    Only claims with a verdict, an id (alone or as paper.id), of the "paper" or the "book", where
    these are given; with a `dataset` the claims of runs, judged on it. Raises UnknownName.
    """
    if status is not None and status not in STATUSES:
        raise UnknownName("status", status, STATUSES)
    chosen = [papers.paper(key) for key in ([paper] if paper else papers.papers())]
    every = [claim for p in chosen for claim in p.claims.values()]
    known = {claim.id for claim in every}
    claims = [c for c in every if name in (None, c.id, f"{c.paper}.{c.id}")]
    if name is not None and not claims:
        raise UnknownName("claim", name, {n for n in known if name in n} or known)
    claims = [c for c in claims if by in (None, c.by)]
    bar = tqdm(claims, unit="claim", disable=None, leave=False)
    if dataset is None:
        rows = [
            row(c, all_scales(c, scale, results, **overrides)) | {"on": elsewhere(c, results)}
            for c in bar
        ]
    else:
        rows = [
            row(c, by_scale(c, results, scales=scales, dataset=dataset, **overrides))
            for c in bar
            if c.kind == "records" and (scales := scales_on(c, dataset, scale))
        ]
    return store.rounded([r for r in rows if status in (None, r["status"])], 4)


def row(claim: papers.Claim, verdicts: dict[str, Verdict]) -> dict:
    """A claim and its verdicts by scale as one row of the ledger; `others` are those at other
    scales with records."""
    at = best(verdicts)
    v, others = (
        verdicts[at],
        {s: w.status for s, w in verdicts.items() if s != at and w.status != "not run"},
    )
    return {
        "paper": claim.paper,
        "id": claim.id,
        "by": claim.by,
        "erratum": claim.erratum,
        "headline": claim.headline,
        "place": claim.place,
        "statement": claim.statement,
        "kind": claim.kind,
        "metric": claim.metric,
        "test": claim.test,
        "margin": v.margin if claim.margin is None else claim.margin,
        "share": claim.share,
        "margin_by": claim.margin_by,
        "reported": claim.reported_effect,
        "status": v.status,
        "effect": v.effect,
        "low": v.low,
        "high": v.high,
        "interval": v.interval,
        "standardised": v.standardised,
        "p": v.p,
        "n": v.n,
        "looks": v.looks,
        "scale": at,
        "others": others,
        "gates": [dataclasses.asdict(g) for g in v.gates],
        "detail": v.detail,
    }
