"""Files among the records that decide nothing, and why."""

import dataclasses
from pathlib import Path

from ncssl.claims import papers
from ncssl.errors import BadFile
from ncssl.recipes import SCALES, Recipe
from ncssl.records import baseline, store
from ncssl.records.stale import Stale
from ncssl.runs import experiments


def audit(results: str | Path | None = None) -> list[dict]:
    """One row a file among the records that no claim and no figure uses: file, state, why.

    rejected: not a record. stale: its recipe has come to mean something else. unplanned: of a
    paper, but of no arm.
    """
    wanted, rows = planned_ids(), []
    for path, r in store.scan(results):
        file = f"{path.parent.name}/{path.name}"
        if isinstance(r, BadFile):
            rows.append(
                {
                    "file": file,
                    "state": "stale" if isinstance(r, Stale) else "rejected",
                    "why": r.why,
                }
            )
        elif why := why_outdated(r.recipe):
            rows.append({"file": file, "state": "stale", "why": why})
        elif r.key in papers.papers() and dataclasses.replace(r.recipe, seed=0).id not in wanted:
            rows.append(
                {"file": file, "state": "unplanned", "why": f"no arm of {r.key} has these settings"}
            )
    return rows


def planned_ids() -> set[str]:
    """Ids of all arms of all experiments at all scales, on seed 0."""
    every = [
        (key, name, s)
        for key in papers.papers()
        for name in papers.paper(key).experiments
        for s in SCALES
    ]
    runs = (p for paper, name, s in every for p in experiments.scheduled(paper, name, s))
    return {experiments.with_seed(p, 0).recipe.id for p in runs}


def why_outdated(r: Recipe) -> str:
    """Why no recipe can be this one any more: its method or an option is gone, or an option came;
    else empty."""
    from ncssl.methods import make

    if r.method in baseline.METHODS:
        return ""
    try:
        options = make(r.method, **r.options).options
    except (ValueError, TypeError) as error:
        return str(error)
    young = {
        name: value
        for name, value in options.items()
        if value is not None and name not in r.options
    }
    return (
        f"made before {r.method} had {', '.join(f'{k}={v}' for k, v in young.items())}"
        if young
        else ""
    )
