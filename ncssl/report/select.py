"""Records of an experiment as plain numbers for figures, tables and verdicts.

`found` is everywhere a list of (planned run, its record or None), as `ncssl.runs.obtained.obtain`
returns it.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ncssl.checks import is_whole, wrong
from ncssl.claims import papers
from ncssl.claims.facts import UNTRAINED, Arm, Cell, Claim, Experiment, Paper
from ncssl.errors import UnknownName
from ncssl.metrics import is_error
from ncssl.metrics import metric as facts_of
from ncssl.recipes import recipe
from ncssl.records.numbers import Found, curve, metric, width
from ncssl.verdicts import gates
from ncssl.verdicts.intervals import mean_interval
from ncssl.verdicts.states import Verdict

# units that stand for the metric in figures
COARSE = ("points", "nats", "ratio of EERs", "difference of ratios")


def reseed(runs: Sequence, seeds: int | None) -> list:
    """The planned runs with seeds 0 to seeds - 1 instead of their own; unchanged for None."""
    if seeds is None:
        return list(runs)
    if not is_whole(seeds) or seeds < 1:
        raise wrong("seeds", seeds, "none, or an integer >= 1 (how many)")
    first = min((p.seed for p in runs), default=0)
    return [
        p._replace(seed=s, recipe=dataclasses.replace(p.recipe, seed=s))
        for s in range(seeds)
        for p in runs
        if p.seed == first
    ]


def chosen(paper: Paper, only: str | None) -> list[str]:
    """Names of all experiments of a paper, or the one asked for; raises UnknownName."""
    if only is not None and only not in paper.experiments:
        raise UnknownName("experiment", only, paper.experiments)
    return list(paper.experiments) if only is None else [only]


def arms(
    paper: Paper, experiment: str, found: Found, name: str, *, per_sqrt_dim: bool = False
) -> list[dict]:
    """One dict an arm, in the paper's order: label, values by seed, mean and 95 % interval, the
    paper's number as text.

    mean is None without a finished run, low and high below two. `per_sqrt_dim` multiplies by
    sqrt(width).
    """
    unit = math.sqrt(width(found) or 1) if per_sqrt_dim else 1.0
    values, rows = metric(found, name), []
    for arm in paper.experiments[experiment].arms.values():
        seeds = {s: None if v is None else v * unit for s, v in values.get(arm.name, {}).items()}
        sample = [v for v in seeds.values() if v is not None]
        interval = mean_interval(sample) if len(sample) > 1 else None
        rows.append(
            {
                "arm": arm.name,
                "label": arm.label,
                "colour": arm.colour,
                "values": seeds,
                "n": len(sample),
                "failed": len(seeds) - len(sample),
                "mean": sum(sample) / len(sample) if sample else None,
                "low": interval and interval.low,
                "high": interval and interval.high,
                "paper": reported(cell(paper, arm.reported)),
            }
        )
    return rows


def named(arm: Arm) -> dict:
    """What the row of a figure says of its arm: name, label and colour."""
    return {"arm": arm.name, "label": arm.label, "colour": arm.colour}


def cell(paper: Paper, reference: str | None) -> Cell | None:
    """The cell a reference names; None for None."""
    return paper.reported(reference) if reference else None


def reported(cell: Cell | None) -> str:
    """A number of the paper as it prints it, with its spread; empty for None."""
    if cell is None or cell.spread is None:
        return "" if cell is None else f"{cell.value:g}"
    return f"{cell.value:.2f} ± {cell.spread:.2f}"


def curves(
    experiment: Experiment,
    found: Found,
    name: str,
    only: Sequence[str] | None = None,
    factor: float = 1.0,
) -> list[dict]:
    """One dict an arm that has records: label and runs [(epochs (T,), factor x values (T,))], a
    seed each.

    Losses belong to the epochs 1 to T, everything else to the epochs at which it was measured.
    """
    for arm in only or ():
        if arm not in experiment.arms:
            raise UnknownName(f"arm of {experiment.name}", arm, experiment.arms)
    rows = []
    for arm in experiment.arms.values():
        lines = [
            line
            for p, r in found
            if p.arm == arm.name and r is not None and (line := curve(r, name)) is not None
        ]
        if lines and (only is None or arm.name in only):
            rows.append(named(arm) | {"runs": [(x, factor * y) for x, y in lines]})
    return rows


def overview(
    paper: Paper, experiment: str, found: Found, name: str, final: str = "probe_accuracy"
) -> dict:
    """Curves of one metric and final values of another, by arm, with the untrained encoder's as
    floors.

    The spread of normalised projections is given in units of 1/sqrt(width).
    """
    e, names = paper.experiments[experiment], (name, final)
    by_width = [n == "std_normalised" for n in names]
    left, right = (
        arms(paper, experiment, found, n, per_sqrt_dim=w)
        for n, w in zip(names, by_width, strict=True)
    )
    trained = [arm for arm in e.arms if arm != UNTRAINED]
    factor = math.sqrt(width(found) or 1) if by_width[0] else 1.0
    return {
        "curves": curves(e, found, name, trained, factor),
        "arms": [row for row in right if row["arm"] != UNTRAINED],
        "labels": tuple(facts_of(n).label or n.replace("_", " ") for n in names),
        "floors": tuple(
            next((r["mean"] for r in rows if r["arm"] == UNTRAINED), None) for rows in (left, right)
        ),
    }


def spectrum(
    found: Found, arm: str, name: str = "eigenvalues", seed: int | None = None
) -> dict | None:
    """Eigenvalues over training of one run of an arm: epoch (T,), values (T, k) largest first,
    seed; None without."""
    for p, record in sorted(found, key=lambda pair: pair[0].seed):
        if (
            p.arm == arm
            and seed in (None, p.seed)
            and record is not None
            and record.curves.get(name)
        ):
            values = np.array(record.curves[name], float)
            return {
                "epoch": np.array(record.curves["epoch"][: len(values)], float),
                "values": values,
                "seed": p.seed,
            }
    return None


def thinned(data: dict | None, lines: int = 6) -> dict | None:
    """A spectrum at no more than so many epochs, evenly chosen with the first and the last; None
    for None."""
    if data is None or len(data["epoch"]) <= lines:
        return data
    keep = np.linspace(0, len(data["epoch"]) - 1, lines).round().astype(int)
    return data | {"epoch": data["epoch"][keep], "values": data["values"][keep]}


def judged(
    paper: Paper, experiment: str, found: Found, results: str | Path | None = None
) -> list[tuple[Claim, Verdict]]:
    """Every record claim of an experiment with the verdict of exactly these runs."""
    claims = [
        c for c in paper.claims.values() if c.kind == "records" and c.experiment == experiment
    ]
    return [(claim, gates.of_runs(claim, found, results=results)) for claim in claims]


def forest(
    judged: Sequence[tuple[Claim, Verdict]], at: Mapping[str, str] | None = None
) -> dict[str, list[dict]]:
    """Unit of the effect -> one dict a claim for the forest plot: label, verdict, effect, interval,
    band.

    `band` is the (low, high) between which the claim holds, None where it is open. A claim of the
    book's own is marked, and one of another scale than its section's (`at`: claim's id -> scale).
    """
    groups: dict[str, list[dict]] = {}
    for claim, v in judged:
        label = claim.id.replace("_", " ") + (" (book)" if claim.by == "book" else "")
        label += f" ({at[claim.id]})" if at and claim.id in at else ""
        row = {"label": label, "status": v.status, "band": band(claim, v)}
        groups.setdefault(unit(claim, v), []).append(
            row | {"effect": v.effect, "low": v.low, "high": v.high}
        )
    return groups


def band(claim: Claim, v: Verdict | None = None) -> tuple[float | None, float | None]:
    """Between which effects a claim holds; None where it is open. Nowhere to be drawn where seeds
    split."""
    margin = v.margin if claim.margin is None and v else claim.margin
    if v and v.is_share and claim.test != "rate":
        return None, None
    if claim.test == "within":
        return (1 / margin if claim.compare == "ratio" else -margin), margin
    if claim.test == "below":
        return None, margin
    return (claim.rate if claim.test == "rate" else margin), None


def unit(claim: Claim, v: Verdict | None = None) -> str:
    """The unit of a claim's effect, in words; for speech coarse ones, so that a few axes hold all
    claims."""
    error = is_error(claim.metric)
    if claim.test == "rate":
        return "share of seeds"
    if v and v.is_share:
        return "share of seeds in the lower group"
    name = facts_of(claim.metric).words or claim.metric.replace("_", " ")
    if claim.compare == "ratio":
        return "ratio of EERs" if error else f"{name}, ratio"
    if error:
        return "EER, %" if claim.test in ("above", "below") else "difference of EER, points"
    if (named := facts_of(claim.metric).unit) in COARSE:
        return named
    if claim.metric.endswith("_accuracy"):
        return "accuracy, points"
    return f"{name} x sqrt(d)" if claim.per else name


def in_paper(claim: Claim) -> str:
    """Where the paper's own effect of a claim is from, in words: its numbers, or a figure of it."""
    paper = papers.paper(claim.paper) if claim.reported else None
    return whence(paper.reported(name) for name in claim.reported)


def whence(cells: Iterable[Cell]) -> str:
    """Where numbers of a paper are from, in words."""
    off = any(cell.source.startswith("read off") for cell in cells)
    return "in the paper's figure, read off by us," if off else "in the paper"


def failures(found: Found) -> list[dict]:
    """Arm, seed and reason of each run that failed."""
    return [
        {"experiment": p.experiment, "arm": p.arm, "seed": p.seed, "reason": r.reason}
        for p, r in found
        if r is not None and r.status == "failed"
    ]


# of a recipe, in other words than --set
SAID = ("method", "options", "dataset", "data", "seed", "scale")


def command(planned: Any) -> str:
    """The `ncssl run` line that makes the one record of a planned run."""
    r = planned.recipe
    plain = recipe(r.method, r.scale)
    names = [f.name for f in dataclasses.fields(r) if f.name not in SAID]
    changed = {k: v for k, v in r.options.items() if v != plain.options[k]}
    changed |= {
        name: getattr(r, name) for name in names if getattr(r, name) != getattr(plain, name)
    }
    data = "" if r.dataset == plain.dataset else f" --dataset {r.dataset}"
    pairs = "".join(
        f" --set {k}={str(v).lower() if isinstance(v, bool | None) else v}"
        for k, v in changed.items()
    )
    return f"ncssl run --method {r.method} --scale {r.scale} --seed {r.seed}{data}{pairs}"
