"""Changes of what a recipe means. A record made before one that concerns it is stale: named, shown,
and not counted.

Most changes of meaning are changes of a recipe, and so of its id: an option added with a value of
its own, another default. This list is for the others, where the same recipe now gives other
numbers, such as a mistake mended in an augmentation. `tests/test_stale.py` fails when a recipe's
numbers move, and asks for a line here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ncssl.errors import BadFile
from ncssl.recipes import Recipe


class Stale(BadFile):
    """A record of a recipe that has come to mean something else since it was made."""


@dataclass(frozen=True)
class Change:
    """When and why recipes with these values, and methods with these options, came to mean
    something else.

    `since` is the time of the commit, in UTC as records write it: 2026-11-21T17:35:04+00:00.
    """

    since: str
    why: str
    recipe: Mapping[str, object] = field(default_factory=dict)
    options: Mapping[str, object] = field(default_factory=dict)

    def concerns(self, recipe: Recipe) -> bool:
        """Whether all the values are those of the recipe."""
        values = all(getattr(recipe, name) == value for name, value in self.recipe.items())
        return values and all(
            recipe.options.get(name) == value for name, value in self.options.items()
        )


CHANGES: tuple[Change, ...] = ()


def stale(recipe: Recipe, created: str) -> str:
    """Why a record of this recipe made at that time (ISO, UTC) is stale; empty if it is not."""
    reasons = [
        f"made before {c.since}: {c.why}"
        for c in CHANGES
        if created < c.since and c.concerns(recipe)
    ]
    return "; ".join(reasons)
