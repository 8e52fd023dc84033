"""What needs no network, as a floor: raw pixels of images, statistics of the log-mel frames of
utterances.

A floor is a record like any other, one for each set of data, in the folder `floors` of the results:
its recipe has the method "pixels" or "statistics", no network and no training. `ncssl run --paper
KEY` and `--all` make those that are missing.
"""

from pathlib import Path

from ncssl.errors import BadFile
from ncssl.recipes import SPOKEN, Recipe
from ncssl.records import store
from ncssl.records.numbers import Found

KEY, PIXELS, STATISTICS = "floors", "pixels", "statistics"
METHODS = (PIXELS, STATISTICS)


def floor(recipe: Recipe) -> Recipe:
    """The recipe of the floor on the data of another recipe; it has no seed, since nothing is
    drawn."""
    spoken = recipe.dataset in SPOKEN
    return Recipe(
        STATISTICS if spoken else PIXELS,
        dataset=recipe.dataset,
        limit=recipe.limit,
        size=recipe.size,
        data=recipe.data,
        emotions=recipe.emotions,
        augmentation="speech" if spoken else "none",
        backbone="none",
        width=1,
        hidden=1,
        d=1,
        epochs=0,
        batch=2,
    )


def of(found: Found, results: str | Path | None = None) -> store.Record | None:
    """The floor for the data of these runs; None where it was not measured, or they differ."""
    data = {floor(p.recipe).id for p, _ in found}
    path = store.find(data.pop(), results) if len(data) == 1 else None
    try:
        return store.load(path) if path else None
    except BadFile:
        return None
