"""Experiments of the papers: their recipes at a scale, their records, and the ledger of claims."""

import dataclasses
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from ncssl.claims import papers
from ncssl.errors import BadFile, UnknownName
from ncssl.recipes import KIND, NAMED, SCALES, SPOKEN, Recipe, recipe
from ncssl.records import baseline, store
from ncssl.records import numbers as runs_of
from ncssl.report import select
from ncssl.verdicts import gates, judging
from ncssl.verdicts.intervals import LEVEL
from ncssl.verdicts.states import STATUSES, Verdict

# of a plan
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
# data sets whose runs are judged beside those of a scale's own set
STAND_INS = {"cifar10": "cifar10_jpeg"}
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
    return own + stored(extras(own), results)


def stored(runs: list[Planned], results: str | Path | None = None) -> list[Planned]:
    """Those of the runs that have a file among the records."""
    return [p for p in runs if store.find(p.recipe.id, results)]


def scheduled(paper: str, experiment: str, scale: str, **overrides) -> list[Planned]:
    """The runs of an experiment on the scale's own seeds."""
    e = papers.paper(paper).experiments[experiment]
    if scale not in SCALES:
        raise UnknownName("scale", scale, SCALES)
    if scale not in e.scales:
        return []
    arms = [(arm.name, made(paper, e, arm, scale, overrides)) for arm in e.arms.values()]
    first = [Planned(paper, experiment, name, recipe.seed, recipe) for name, recipe in arms]
    return [with_seed(p, seed) for seed in e.scales[scale].seeds for p in first]


def made(paper: str, e: papers.Experiment, arm: papers.Arm, scale: str, overrides: dict) -> Recipe:
    """The recipe of an arm on the first seed; raises BadFile where the paper's file is wrong, not
    the overrides."""
    at = e.scales[scale]
    own = at.arms.get(arm.name, {})
    options = dict(arm.options) | own.get("options", {})
    if at.keep is not None and options.get("keep"):
        options["keep"] = at.keep
    values = dict(e.recipe) | dict(at.recipe)

    def full(values: dict) -> Recipe:
        r = recipe(
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
        where = f"[experiments.{e.name}.arms.{arm.name}] at scale {scale}"
        raise BadFile(
            papers.FOLDER / f"{paper}.toml", f"{where}: {error}", "correct the file"
        ) from error
    asked = overrides.get("dataset", plain.dataset)
    if not stands_in(asked, plain.dataset, scale):
        overrides = overrides | {"dataset": plain.dataset}
    return full(values | overrides) if overrides else plain


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


def extras(own: list[Planned]) -> list[Planned]:
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
                wanted += extras([p for p in own if p.arm in claim.compared])
            again += otherwise(claim, found + list(records(stored(extras(own), results), results)))
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


def below(runs: list[Planned]) -> list[Planned]:
    """The floors that belong to these runs, one for each set of images or utterances."""
    unique = {(r := baseline.floor(p.recipe)).id: r for p in runs}
    return [Planned(baseline.KEY, baseline.KEY, r.method, r.seed, r) for r in unique.values()]


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
    runs = scheduled(claim.paper, claim.experiment, scale, **overrides)
    own = [p for p in runs if p.arm in claim.needed]
    return own + stored(extras(own), results)


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


def found(
    paper: str, scale: str | None = None, results: str | Path | None = None, **overrides
) -> dict[str, list]:
    """Experiment -> its runs with their records, at the scale given, else at the largest that has
    records."""
    out: dict[str, list] = {}
    for name in papers.paper(paper).experiments:
        for s in [scale] if scale else SCALES:
            runs = list(records(planned(paper, name, s, results, **overrides), results))
            if any(record is not None for _, record in runs) or name not in out:
                out[name] = runs
    return out


def best(found: dict[str, Verdict]) -> str:
    """The largest scale that has records, of verdicts by scale with the smallest first; the
    smallest if none has."""
    return next((s for s in reversed(found) if found[s].status != "not run"), next(iter(found)))


def judge(
    claim: papers.Claim, scale: str | None = None, results: str | Path | None = None, **overrides
) -> tuple[Verdict, str]:
    """Verdict of a claim and the scale it was judged at: the given one, else the largest that has
    records."""
    if claim.kind == "theory":
        return judging.judge_theory(claim), "theory"
    found = by_scale(claim, results, scales=[scale] if scale else tuple(SCALES), **overrides)
    return found[best(found)], best(found)


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

    Only claims with a verdict, an id, of the "paper" or the "book", where these are given; with a
    `dataset` the claims of runs, judged on it. Raises UnknownName.
    """
    if status is not None and status not in STATUSES:
        raise UnknownName("status", status, STATUSES)
    chosen = [papers.paper(key) for key in ([paper] if paper else papers.papers())]
    known = {claim.id for p in chosen for claim in p.claims.values()}
    if name is not None and name not in known:
        raise UnknownName("claim", name, {n for n in known if name in n} or known)
    claims = [
        c for p in chosen for c in p.claims.values() if name in (None, c.id) and by in (None, c.by)
    ]
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


def row(claim: papers.Claim, found: dict[str, Verdict]) -> dict:
    """A claim and its verdicts by scale as one row of the ledger; `others` are those at other
    scales with records."""
    at = best(found)
    v, others = (
        found[at],
        {s: w.status for s, w in found.items() if s != at and w.status != "not run"},
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


def refused(results: str | Path | None = None) -> list[BadFile]:
    """The files among the records that cannot be used, as the errors that name them."""
    return [error for _, error in store.scan(results) if isinstance(error, BadFile)]
