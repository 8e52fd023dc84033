"""What is to be run: the recipes of a paper's experiments at a scale, and their order."""

import dataclasses
import functools
from pathlib import Path
from typing import NamedTuple

from ncssl.claims import papers
from ncssl.errors import BadFile, UnknownName
from ncssl.recipes import KIND, NAMED, SCALES, SPOKEN, Recipe, as_declared
from ncssl.records import baseline, store
from ncssl.verdicts import judging

# which paper is run first; where papers are listed, their order is `ncssl.order`
ORDER = (
    "tian2021",
    "wang2021",
    "halvagal2023",
    "liu2022",
    "wen2022",
    "cho2022",
    "companion",
    "balestriero2025",
)
BLOCK = 3  # seeds: everything gets so many before anything gets more


class Planned(NamedTuple):
    """One run of an experiment: its arm, seed and recipe; `extra` for a seed beyond the scale's
    own.

    `again`: it has a record, and is to have one of this precision and kind of device.
    """

    paper: str
    experiment: str
    arm: str
    seed: int
    recipe: Recipe
    extra: bool = False
    again: tuple[str, str] | None = None


def planned(
    paper: str, experiment: str, scale: str, results: str | Path | None = None, **overrides
) -> list[Planned]:
    """The runs of an experiment at a scale, seed by seed; empty where it has no such scale.

    Added seeds (`undecided`) that have a record follow the scale's own. Raises BadFile for a
    mistake in an arm.
    """
    own = scheduled(paper, experiment, scale, **overrides)
    return own + with_records(more(paper, experiment, scale, **overrides), results)


def with_records(runs: list[Planned], results: str | Path | None = None) -> list[Planned]:
    """Those of the runs that have a file among the records."""
    return [p for p in runs if store.find(p.recipe.id, results)]


def scheduled(paper: str, experiment: str, scale: str, **overrides) -> list[Planned]:
    """The runs of an experiment on the scale's own seeds."""
    e = papers.paper(paper).experiments[experiment]
    if scale not in SCALES:
        raise UnknownName("scale", scale, SCALES)
    return list(_scheduled(paper, e, scale, **overrides)) if scale in e.scales else []


@functools.lru_cache(maxsize=1024)  # the ledger asks for the same runs once a claim
def _scheduled(paper: str, e: papers.Experiment, scale: str, **overrides) -> tuple[Planned, ...]:
    arms = [(arm.name, arm_recipe(paper, e, arm, scale, overrides)) for arm in e.arms.values()]
    first = [Planned(paper, e.name, name, recipe.seed, recipe) for name, recipe in arms]
    return tuple(with_seed(p, seed) for seed in e.scales[scale].seeds for p in first)


def more(paper: str, experiment: str, scale: str, **overrides) -> list[Planned]:
    """The runs that added seeds would be, of all arms of an experiment."""
    return list(_more(paper, papers.paper(paper).experiments[experiment], scale, **overrides))


@functools.lru_cache(maxsize=1024)  # so that each id is computed once
def _more(paper: str, e: papers.Experiment, scale: str, **overrides) -> tuple[Planned, ...]:
    return tuple(extra_seeds(scheduled(paper, e.name, scale, **overrides)))


def arm_recipe(
    paper: str, e: papers.Experiment, arm: papers.Arm, scale: str, overrides: dict
) -> Recipe:
    """The recipe of an arm on the first seed; raises BadFile where the paper's file is wrong, not
    the overrides. Whether its method takes the values of its options, `sound` says."""
    at = e.scales[scale]
    own = at.arms.get(arm.name, {})
    options = dict(arm.options) | own.get("options", {})
    if at.keep is not None and options.get("keep"):
        options["keep"] = at.keep
    values = dict(e.recipe) | dict(at.recipe)

    def full(values: dict) -> Recipe:
        r = as_declared(
            arm.method,
            scale,
            options,
            seed=at.seeds[0],
            **values | dict(arm.recipe) | own.get("recipe", {}),
        )
        # 0.009, whole
        products = {k: float(f"{factor * getattr(r, k):.12g}") for k, factor in arm.times.items()}
        return dataclasses.replace(
            r, **{k: round(x) if KIND[k] is int else x for k, x in products.items()}
        )

    try:
        plain = full(values)
    except ValueError as error:
        raise mistake(paper, e.name, arm.name, scale, error) from error
    asked = overrides.get("dataset", plain.dataset)
    if not stands_in(asked, plain.dataset, scale):
        overrides = overrides | {"dataset": plain.dataset}
    return full(values | overrides) if overrides else plain


def mistake(paper: str, experiment: str, arm: str, scale: str, error: ValueError) -> BadFile:
    """What is wrong with an arm of a paper's file."""
    where = f"[experiments.{experiment}.arms.{arm}] at scale {scale}"
    return BadFile(papers.FOLDER / f"{paper}.toml", f"{where}: {error}", "correct the file")


def sound(runs: list[Planned]) -> list[Planned]:
    """The runs, once their methods have been made, with torch; raises BadFile where one does not
    take the options of an arm."""
    from ncssl.methods import make

    for p in runs:
        try:
            make(p.recipe.method, **p.recipe.options)
        except ValueError as error:
            raise mistake(p.paper, p.experiment, p.arm, p.recipe.scale, error) from error
    return runs


def stands_in(dataset: str, own: str, scale: str) -> bool:
    """Whether a data set that was asked for takes the place of an experiment's own: speech that of
    speech, images that of the scale's images; larger images that an experiment names stay."""
    if own in SPOKEN or dataset in SPOKEN:
        return own in SPOKEN and dataset in SPOKEN
    return own in (dataset, SCALES[scale]["dataset"])


def on(runs: list[Planned], dataset: str | None) -> list[Planned]:
    """Those of the runs that are on a data set; all where none is given. Raises UnknownName."""
    if dataset not in (None, "folder", *NAMED):
        raise UnknownName("dataset", dataset, NAMED)
    return [p for p in runs if dataset in (None, p.recipe.dataset)]


def with_seed(p: Planned, seed: int, **changes) -> Planned:
    """The same run on another seed."""
    return p._replace(seed=seed, recipe=dataclasses.replace(p.recipe, seed=seed), **changes)


def extra_seeds(own: list[Planned]) -> list[Planned]:
    """Runs of the same arms on the seeds that the rule of the two looks may add."""
    seeds = sorted({p.seed for p in own})
    return (
        [
            with_seed(p, seed, extra=True)
            for seed in judging.added(seeds)
            for p in own
            if p.seed == seeds[0]
        ]
        if seeds
        else []
    )


def plan(
    paper: str | None = None, scale: str = "laptop", results: str | Path | None = None, **overrides
) -> list[Planned]:
    """Every run of a paper (or of all) at a scale, each recipe once, the most important first; with
    a `dataset` those that it stands in for."""
    keys = [paper] if paper else papers.papers()
    names = [(key, name) for key in keys for name in papers.paper(key).experiments]
    runs = [p for key, name in names for p in planned(key, name, scale, results, **overrides)]
    return ordered(on(runs, overrides.get("dataset")))


def ordered(runs: list[Planned]) -> list[Planned]:
    """Each recipe once: by blocks of seeds, in a block the arms of headline claims first, and there
    seed by seed."""
    unique: dict[str, Planned] = {}
    for p in sorted(runs, key=lambda p: (p.seed // BLOCK, place(p), p.seed)):
        unique.setdefault(p.recipe.id, p)
    return list(unique.values())


def place(p: Planned) -> tuple[bool, int, int]:
    """The place of a run in a block: headline arms first, then by paper and by experiment; what is
    of none last."""
    if p.paper not in papers.papers():
        return True, len(ORDER), 0
    names = list(papers.paper(p.paper).experiments)
    at = ORDER.index(p.paper) if p.paper in ORDER else len(ORDER)
    inside = names.index(p.experiment) if p.experiment in names else len(names)
    return p.arm not in headline(p.paper, p.experiment), at, inside


def headline(paper: str, experiment: str) -> set[str]:
    """The arms that the headline claims of an experiment need, those of their gates too."""
    claims = (
        c for c in papers.paper(paper).claims.values() if c.headline and c.experiment == experiment
    )
    return {arm for claim in claims for arm in claim.needed}


def baselines_of(runs: list[Planned]) -> list[Planned]:
    """The floors that belong to these runs, one for each set of images or utterances."""
    unique = {(r := baseline.floor(p.recipe)).id: r for p in runs}
    return [Planned(baseline.KEY, baseline.KEY, r.method, r.seed, r) for r in unique.values()]
