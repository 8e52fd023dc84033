"""Runs on data whose name does not say what they are: the identity of these is in the id of their
records."""

import contextlib
from pathlib import Path

from ncssl.data import MADE
from ncssl.recipes import CORPORA, Recipe
from ncssl.runs import experiments
from ncssl.train.tasks import identified, with_identity

# data sets that are what lies in a folder, or that may be a copy that was made here
UNNAMED = ("folder", *CORPORA, *MADE)


def named(r: Recipe, root: str | Path | None) -> Recipe:
    """The recipe with the identity of its data where its name does not say it. Data that are not
    here are an error of the run that needs them, when its turn comes."""
    if r.dataset in UNNAMED:
        with contextlib.suppress(FileNotFoundError):
            return with_identity(r, root)
    return r


def identify(runs: list[experiments.Planned], root: str | Path | None) -> list[experiments.Planned]:
    """The runs with the identity of their data, each looked at once."""
    known: dict[tuple, str | None] = {}
    out = []
    for p in runs:
        r = p.recipe
        key = (r.dataset, r.limit, r.size, r.emotions)
        if key not in known:
            known[key] = named(r, root).data
        out.append(p._replace(recipe=identified(r, known[key])) if r.dataset in UNNAMED else p)
    return out
