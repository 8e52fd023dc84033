"""The search that is to fix the laptop scale: what it may look at and by what it decides, written
before its first run.

Two reference arms, SimCLR and BYOL with its two-layer predictor, are trained whole under each
setting; no claim compares them. Each stage looks at what the one before it has chosen. Records lie
in results/search.
"""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ncssl.errors import UnknownName
from ncssl.machine import THREADS
from ncssl.recipes import RATES, Recipe, recipe
from ncssl.records.store import Record
from ncssl.runs import campaign
from ncssl.runs.experiments import Planned, records

KEY = "search"
# BYOL with the setting's `keep`
REFERENCES = {"simclr": dict(temperature=0.5), "byol": dict(predictor="mlp")}
# What the first stage varies from: about 8 core-minutes a run with AVX2 alone, so that all runs of
# the book at this scale (`ncssl run --all --scale laptop --plan` counts them) are days of a core,
# not weeks. The other networks have as many epochs as that time leaves them, and the decay that
# makes lr x decay x steps / (1 - momentum) equal, 2.3.
START = dict(
    width=16, crop=24, epochs=12, knn_every=3, batch=256, lr=0.2, weight_decay=1e-3, keep=0.935
)

STAGES: dict[str, dict[str, Mapping[str, Any]]] = {
    # 1. at equal cost: a small network for long, a large one for short, or whole images instead of
    # crops
    "network": {
        "start": {},
        "middle": dict(width=24, epochs=8, knn_every=2, weight_decay=1.5e-3, keep=0.903),
        "wide": dict(width=32, epochs=4, knn_every=1, weight_decay=3e-3, keep=0.805),
        "whole": dict(crop=32, epochs=8, knn_every=2, weight_decay=1.5e-3, keep=0.903),
    },
    # 2. rate and batch
    "rate": {"start": {}, "slow": dict(lr=0.1), "fast": dict(lr=0.4), "batch": dict(batch=128)},
    # 3. BYOL's running average: the papers' half-life as a share of training (0.935 over 2,340
    # steps), or longer
    "average": {"start": {}, "longer": dict(keep=0.97), "long": dict(keep=0.99)},
}  # fmt: skip
# 4. a rate for each method from three tries about its usual one (RATES of ncssl.recipes), at half
# the scale's length, on a seed that no record uses
METHODS = {
    "byol": dict(predictor="linear", keep=0.935),
    "simsiam": {},
    "directpred": dict(keep=0.935),
    "directcopy": dict(keep=0.935),
    "isoloss": dict(rho=0.717, keep=0.935, keep_schedule="constant"),
    "optimal": dict(keep=0.935),
    "invcov": {},
    "offdiagonal": {},
    "simclr": {},
    "moco": {},
    "vicreg": {},
    "barlow_twins": {},
    "wmse": {},
    "swav": {},
    "cpc": {},
    "sigreg": {},
    "dino": dict(keep=0.935, keep_schedule="constant"),
}
TRIES = {"half": 0.5, "one": 1.0, "twice": 2.0}
TRY_SEED = 100


class Looked(NamedTuple):
    """A setting of a stage: means over the two references, in percent and points; core-minutes of a
    run as made."""

    name: str
    probe: float
    untrained: float
    lead: float
    minutes: float


def taken(stage: str, results: str | Path | None = None) -> dict[str, Any]:
    """Recipe values that the stages before this one chose. Raises UnknownName, and ValueError where
    one of them has a setting without its runs."""
    if stage not in (*STAGES, "methods"):
        raise UnknownName("stage", stage, (*STAGES, "methods"))
    values = dict(START)
    for earlier in STAGES:
        if earlier == stage:
            break
        rows = list(looked(earlier, results))
        if len(rows) < len(STAGES[earlier]):
            raise ValueError(
                f"stage was {stage!r}; allowed: {earlier}, whose runs are not all made"
            )
        values |= STAGES[earlier][choose(rows).name]
    return values


def settings(stage: str, results: str | Path | None = None) -> dict[str, Mapping[str, Any]]:
    """Setting -> recipe values, each with what the earlier stages chose."""
    before = taken(stage, results)
    return {name: before | values for name, values in STAGES[stage].items()}


def planned(stage: str, results: str | Path | None = None) -> list[Planned]:
    """The runs of a stage: each setting with both references, and the untrained encoder of its
    network; or `tries`."""
    if stage == "methods":
        return tries(results)
    runs = []
    for name, values in settings(stage, results).items():
        for method in REFERENCES:
            runs.append(Planned(KEY, stage, f"{name}.{method}", 0, reference(method, values)))
        runs.append(Planned(KEY, stage, f"{name}.untrained", 0, untrained(values["width"])))
    return runs


def tries(results: str | Path | None = None) -> list[Planned]:
    """The runs of the last stage: every method at three rates, with what the stages before it
    chose."""
    base, runs = taken("methods", results), []
    keep, half = base.pop("keep"), base["epochs"] // 2
    for method, options in METHODS.items():
        usual = RATES["laptop"].get(method, {})
        average = {"keep": keep} if "keep" in options else {}
        for name, factor in TRIES.items():
            lr = usual.get("lr", base["lr"]) * factor
            values = base | usual | dict(lr=lr, epochs=half, knn_every=half)
            r = recipe(method, "laptop", options | average, seed=TRY_SEED, **values)
            runs.append(Planned(KEY, "methods", f"{method}.{name}", TRY_SEED, r))
    return runs


def reference(method: str, values: Mapping[str, Any], **more) -> Recipe:
    """The recipe of a reference under a setting."""
    rest = {name: value for name, value in values.items() if name != "keep"}
    average = {"keep": values["keep"]} if method == "byol" else {}
    return recipe(method, "laptop", REFERENCES[method] | average, seed=0, **rest | more)


def untrained(width: int) -> Recipe:
    """The network of that width before training, whatever else a setting says."""
    return reference("simclr", START | {"width": width}, epochs=0)


def looked(stage: str, results: str | Path | None = None) -> Iterator[Looked]:
    """Every setting of a stage whose runs are all there."""
    made: dict[str, Record | None] = {
        p.arm: record for p, record in records(planned(stage, results), results)
    }
    for name in STAGES[stage]:
        runs = [made[f"{name}.{method}"] for method in REFERENCES]
        before = made[f"{name}.untrained"]
        if None not in (*runs, before):
            probe = sum(r.metrics["probe_accuracy"] for r in runs) / len(runs)
            low = before.metrics["probe_accuracy"]
            yield Looked(
                name, probe, low, probe - low, sum(r.seconds for r in runs) / 60 / len(runs)
            )


def choose(rows: list[Looked]) -> Looked:
    """The setting with the largest lead of the references over the untrained encoder (linear
    probe): they cost alike."""
    return max(rows, key=lambda row: row.lead)


def report(stage: str, out: str | Path | None = None) -> list[dict]:
    """One dict a setting that a stage looks at; of the last stage one a try: its rate, its linear
    probe in percent."""
    if stage != "methods":
        return [row._asdict() for row in looked(stage, out)]
    made = [(p, record) for p, record in records(tries(out), out) if record is not None]
    return [
        {"name": p.arm, "lr": p.recipe.lr, "probe": r.metrics.get("probe_accuracy")}
        for p, r in made
    ]


def run(
    stage: str, root: str | Path | None = None, out: str | Path | None = None, jobs: int = 0
) -> None:
    """Make the missing runs of a stage on the processor, side by side; each has one thread."""
    runs = {p.recipe.id: p for p in planned(stage, out)}.values()
    given = (root, out, "cpu", False, THREADS)
    campaign.make(
        list(runs),
        given,
        jobs or campaign.side_by_side("cpu"),
        time.monotonic(),
        None,
        lambda row: None,
    )
