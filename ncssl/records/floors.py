"""Raw pixels as a floor: what the measures of frozen features give on images that no network has touched.

A floor is a record like any other, one for each set of images, in the folder `floors` of the results: its recipe has
the method "pixels", no network and no training. `ncssl run --paper KEY` and `--all` make those that are missing.
"""

from pathlib import Path

from ncssl.errors import BadFile
from ncssl.recipes import Recipe
from ncssl.records import store
from ncssl.records.series import Found

KEY, METHOD = "floors", "pixels"


def pixels(recipe: Recipe) -> Recipe:
    """The recipe of raw pixels on the images of another recipe; it has no seed, since nothing is drawn."""
    nothing = dict(augmentation="none", backbone="none", width=1, hidden=1, d=1, batch=2, epochs=0)
    return Recipe(METHOD, dataset=recipe.dataset, limit=recipe.limit, size=recipe.size, **nothing)


def beside(found: Found, results: str | Path | None = None) -> store.Record | None:
    """The floor of raw pixels for the images of these runs; None where it was not measured, or they differ."""
    images = {pixels(p.recipe).id for p, _ in found}
    path = store.find(images.pop(), results) if len(images) == 1 else None
    try:
        return store.load(path) if path else None
    except BadFile:
        return None
