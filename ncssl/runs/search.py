"""Makes the runs of a declared search (`ncssl.runs.searches`), stage after stage, and says what
each chose."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ncssl.errors import UnknownName
from ncssl.machine import THREADS
from ncssl.metrics import is_error
from ncssl.recipes import Recipe, recipe
from ncssl.records import baseline
from ncssl.records.numbers import Found
from ncssl.records.store import Record
from ncssl.runs import campaign, experiments
from ncssl.runs.experiments import Planned, records
from ncssl.runs.searches import IMAGES, TRIES, TRY_SEED, Search


class Looked(NamedTuple):
    """A setting of a stage: means over the references of the search's metric, its value without
    training, the lead over that, in points; core-minutes of a run as made. Without numbers where a
    run failed."""

    name: str
    value: float | None
    untrained: float | None
    lead: float | None
    minutes: float
    status: str = "done"


def stages(s: Search = IMAGES) -> tuple[str, ...]:
    """The stages in their order; the last, where there is one, gives each method its rate."""
    return (*s.stages, "methods") if s.methods else tuple(s.stages)


def taken(stage: str, results: str | Path | None = None, s: Search = IMAGES) -> dict[str, Any]:
    """Recipe values that the stages before this one chose. Raises UnknownName, and ValueError where
    one of them has a setting without its runs."""
    if stage not in stages(s):
        raise UnknownName("stage", stage, stages(s))
    values = dict(s.start)
    for earlier in s.stages:
        if earlier == stage:
            break
        rows = list(looked(earlier, results, s))
        if len(rows) < len(s.stages[earlier]):
            raise ValueError(
                f"stage was {stage!r}; allowed: {earlier}, whose runs are not all made"
            )
        values |= s.stages[earlier][choose(rows).name]
    return values


def settings(
    stage: str, results: str | Path | None = None, s: Search = IMAGES
) -> dict[str, Mapping[str, Any]]:
    """Setting -> recipe values, each with what the earlier stages chose."""
    before = taken(stage, results, s)
    return {name: before | values for name, values in s.stages[stage].items()}


def planned(stage: str, results: str | Path | None = None, s: Search = IMAGES) -> list[Planned]:
    """The runs of a stage: each setting with every reference, and the untrained encoder of its
    network; or `tries`."""
    if stage == "methods":
        return tries(results, s)
    runs = []
    for name, values in settings(stage, results, s).items():
        for method in s.references:
            runs.append(Planned(s.key, stage, f"{name}.{method}", 0, reference(s, method, values)))
        bare = untrained(s, values["width"])
        runs.append(Planned(s.key, stage, f"{name}.untrained", 0, bare))
    return runs


def tries(results: str | Path | None = None, s: Search = IMAGES) -> list[Planned]:
    """The runs of the last stage: every method at three rates, with what the stages before it
    chose."""
    base, runs = taken("methods", results, s), []
    keep, half = base.pop("keep"), base["epochs"] // 2
    for method, options in s.methods.items():
        usual = s.usual.get(method, {}) | s.own(method, base.get("augmentation", ""))
        average = {"keep": keep} if "keep" in options else {}
        for name, factor in TRIES.items():
            lr = usual.get("lr", base["lr"]) * factor
            values = base | usual | dict(lr=lr, epochs=half, knn_every=half)
            r = recipe(method, "laptop", options | average, seed=TRY_SEED, **values)
            runs.append(Planned(s.key, "methods", f"{method}.{name}", TRY_SEED, r))
    return runs


def reference(s: Search, method: str, values: Mapping[str, Any], **more) -> Recipe:
    """The recipe of a reference under a setting."""
    rest = {name: value for name, value in values.items() if name != "keep"}
    average = {"keep": values["keep"]} if method in s.averaged else {}
    return recipe(method, "laptop", s.references[method] | average, seed=0, **rest | more)


def untrained(s: Search, width: int) -> Recipe:
    """The network of that width before training, whatever else a setting says."""
    return reference(s, next(iter(s.references)), s.start | {"width": width}, epochs=0)


def looked(stage: str, results: str | Path | None = None, s: Search = IMAGES) -> Iterator[Looked]:
    """Every setting of a stage whose runs are all there."""
    found = list(records(planned(stage, results, s), results))
    made: dict[str, Record | None] = {p.arm: record for p, record in found}
    floor = floor_of(s, found, results)
    best = min if is_error(s.metric) else max
    for name in s.stages[stage]:
        runs = [made[f"{name}.{method}"] for method in s.references]
        before = made[f"{name}.untrained"]
        if None not in (*runs, before) and (floor is not None or not s.floor):
            minutes = sum(r.seconds for r in runs) / 60 / len(runs)
            if "failed" in [r.status for r in (*runs, before)]:
                yield Looked(name, None, None, None, minutes, "failed")
                continue
            value = sum(r.metrics[s.metric] for r in runs) / len(runs)
            bare = before.metrics[s.metric]
            low = bare if floor is None else best(bare, floor)
            lead = low - value if is_error(s.metric) else value - low
            yield Looked(name, value, low, lead, minutes)


def floor_of(s: Search, found: Found, results: str | Path | None = None) -> float | None:
    """What needs no network on the data of these runs, where the search looks at it."""
    record = baseline.of(found, results) if s.floor else None
    return record.metrics.get(s.metric) if record else None


def choose(rows: list[Looked]) -> Looked:
    """The setting with the largest lead of the references: they cost alike. Raises ValueError where
    a run of every setting failed."""
    if not (whole := [row for row in rows if row.lead is not None]):
        raise ValueError(f"{', '.join(row.name for row in rows)}: a run of each failed")
    return max(whole, key=lambda row: row.lead or 0.0)


def report(stage: str, out: str | Path | None = None, s: Search = IMAGES) -> list[dict]:
    """One dict a setting that a stage looks at; of the last one a try: its rate, its value if it
    did not fail, its status."""
    if stage != "methods":
        return [row._asdict() for row in looked(stage, out, s)]
    rows = []
    for p, record in records(tries(out, s), out):
        if record is not None:
            value = record.metrics.get(s.metric) if record.status == "done" else None
            row = {"name": p.arm, "lr": p.recipe.lr, "value": value, "status": record.status}
            rows.append(row)
    return rows


def run(
    stage: str,
    root: str | Path | None = None,
    out: str | Path | None = None,
    jobs: int = 0,
    s: Search = IMAGES,
) -> None:
    """Make the missing runs of a stage on the processor, side by side; each has one thread."""
    runs = list({p.recipe.id: p for p in planned(stage, out, s)}.values())
    given = (root, out, "cpu", False, THREADS)
    campaign.make(
        (experiments.baselines_of(runs[:1]) if s.floor else []) + runs,
        given,
        jobs or campaign.side_by_side("cpu"),
        time.monotonic(),
        None,
        lambda row: None,
    )
