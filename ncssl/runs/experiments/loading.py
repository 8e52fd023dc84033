"""The records of planned runs, where there are any."""

from collections.abc import Iterator
from pathlib import Path

from ncssl.claims import papers
from ncssl.errors import BadFile
from ncssl.recipes import SCALES
from ncssl.records import store
from ncssl.runs.experiments.planning import Planned, planned

HALF = 0.5  # a table with fewer of its runs says less than the whole one of a smaller scale
BOOK = ("smoke", "small", "laptop")  # scales of the book's runs


def records(
    runs: list[Planned], results: str | Path | None = None
) -> Iterator[tuple[Planned, store.Record | None]]:
    """Each planned run with its record; None where there is none, or none that can be used."""
    for p in runs:
        path = store.find(p.recipe.id, results)
        try:
            yield p, store.load(path) if path else None
        except BadFile:
            yield p, None


def found(
    paper: str, scale: str | None = None, results: str | Path | None = None, **overrides
) -> dict[str, list]:
    """Experiment -> its runs with their records, at the scale given, else at the largest where half
    of them have one, else where the largest share has; without any at the book's largest."""
    out: dict[str, list] = {}
    for name, e in papers.paper(paper).experiments.items():
        most = -1.0
        for s in [scale] if scale else filter(e.scales.__contains__, SCALES):
            runs = list(records(planned(paper, name, s, results, **overrides), results))
            share = sum(record is not None for _, record in runs) / max(1, len(runs))
            if share >= HALF or share > most or not most and s in BOOK:
                out[name], most = runs, share
    return out


def refused(results: str | Path | None = None) -> list[BadFile]:
    """The files among the records that cannot be used, as the errors that name them."""
    return [error for _, error in store.scan(results) if isinstance(error, BadFile)]
