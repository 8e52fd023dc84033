"""Records of an experiment as plain numbers for figures, tables and verdicts.

`found` is everywhere a list of (planned run, its record or None), as `ncssl.campaign.obtain` returns it.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ncssl.errors import UnknownName
from ncssl.recipes import recipe
from ncssl.records import verdicts
from ncssl.records.facts import METRICS, Cell, Claim, Experiment, Paper
from ncssl.records.intervals import LEVEL, mean_interval
from ncssl.records.store import Record

FLOOR = "random"  # the arm of the untrained encoder, in every experiment
LABELS = {
    "knn_accuracy": "kNN accuracy, %", "probe_accuracy": "linear probe, %", "few_label_accuracy": "3 labels a class, %",
    "std_normalised": "spread x sqrt(d)",
}  # fmt: skip
COARSE = ("points", "nats", "ratio of EERs", "difference of ratios")  # units that stand for the metric in figures
Found = Sequence[tuple[Any, Record | None]]


def reseed(runs: Sequence, seeds: int | None) -> list:
    """The planned runs with seeds 0 to seeds - 1 instead of their own; unchanged for None."""
    if seeds is None:
        return list(runs)
    if isinstance(seeds, bool) or not isinstance(seeds, int) or seeds < 1:
        raise ValueError(f"seeds was {seeds!r}; allowed: none, or an integer >= 1 (how many)")
    first = min((p.seed for p in runs), default=0)
    return [
        p._replace(seed=s, recipe=dataclasses.replace(p.recipe, seed=s))
        for s in range(seeds) for p in runs if p.seed == first
    ]  # fmt: skip


def chosen(paper: Paper, only: str | None) -> list[str]:
    """Names of all experiments of a paper, or the one asked for; raises UnknownName."""
    if only is not None and only not in paper.experiments:
        raise UnknownName("experiment", only, paper.experiments)
    return list(paper.experiments) if only is None else [only]


def metric(found: Found, name: str, arm: str | None = None) -> dict[str, dict[int, float | None]]:
    """arm -> seed -> final metric; None is a run that failed, or a value that was not finite.

    Left out is a run without record, and one whose data do not have the metric (a trial list of another corpus).
    """
    out: dict[str, dict[int, float | None]] = {}
    for p, record in found:
        if record is not None and arm in (None, p.arm):
            value = record.value(name) if record.status == "done" else None
            if value is not None or name in record.metrics or record.status == "failed":
                out.setdefault(p.arm, {})[p.seed] = value
    return out


def width(found: Found) -> int | None:
    """Width of the projections, for claims in units of 1/sqrt(width); None without runs."""
    return found[0][0].recipe.d if found else None


def arms(paper: Paper, experiment: str, found: Found, name: str, *, per_sqrt_dim: bool = False) -> list[dict]:
    """One dict an arm, in the paper's order: label, values by seed, mean and 95 % interval, the paper's number as text.

    mean is None without a finished run, low and high below two. `per_sqrt_dim` multiplies by sqrt(width).
    """
    unit = math.sqrt(width(found) or 1) if per_sqrt_dim else 1.0
    values, rows = metric(found, name), []
    for arm in paper.experiments[experiment].arms.values():
        seeds = {s: None if v is None else v * unit for s, v in values.get(arm.name, {}).items()}
        sample = [v for v in seeds.values() if v is not None]
        interval = mean_interval(sample) if len(sample) > 1 else None
        rows.append({
            "arm": arm.name, "label": arm.label, "values": seeds, "n": len(sample), "failed": len(seeds) - len(sample),
            "mean": sum(sample) / len(sample) if sample else None, "low": interval and interval.low,
            "high": interval and interval.high, "paper": reported(cell(paper, arm.reported)),
        })  # fmt: skip
    return rows


def cell(paper: Paper, reference: str | None) -> Cell | None:
    """The cell a reference names; None for None."""
    return paper.reported(reference) if reference else None


def reported(cell: Cell | None) -> str:
    """A number of the paper as it prints it, with its spread; empty for None."""
    if cell is None or cell.spread is None:
        return "" if cell is None else f"{cell.value:g}"
    return f"{cell.value:.2f} ± {cell.spread:.2f}"


def curves(
    experiment: Experiment, found: Found, name: str, only: Sequence[str] | None = None, factor: float = 1.0
) -> list[dict]:
    """One dict an arm that has records: label and runs [(epochs (T,), factor x values (T,))], a seed each.

    Losses belong to the epochs 1 to T, everything else to the epochs at which it was measured.
    """
    for arm in only or ():
        if arm not in experiment.arms:
            raise UnknownName(f"arm of {experiment.name}", arm, experiment.arms)
    rows = []
    for arm in experiment.arms.values():
        lines = [line for p, r in found if p.arm == arm.name and r is not None and (line := curve(r, name)) is not None]
        if lines and (only is None or arm.name in only):
            rows.append({"arm": arm.name, "label": arm.label, "runs": [(x, factor * y) for x, y in lines]})
    return rows


def curve(record: Record, name: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Epochs and values of one curve of a record (NaN where a value was not finite); None if it has none.

    "off_diagonal_share" is derived from the others. What comes with the first step (entropies of a teacher) has no
    value at the first measurement, which is before it.
    """
    y = off_diagonal_share(record) if name == "off_diagonal_share" else record.curves.get(name) or []
    x = list(range(1, len(y) + 1)) if name == "loss" else record.curves.get("epoch", [])
    x = x[1:] if len(y) == len(x) - 1 else x
    if len(y) < 2 or len(x) != len(y):
        return None
    return np.array(x, float), np.array(y, float)


def off_diagonal_share(record: Record) -> list[float]:
    """|W - diag W|^2 / |W|^2 of a linear predictor W at every epoch; empty where a record cannot tell.

    With p_j the eigenvalues of W's symmetric part, |W|^2 = sum_j p_j^2 / (1 - asymmetry^2 / 4). All d are needed, and
    records keep the first 64.
    """
    p, asymmetry, off = (record.curves.get(n) or [] for n in ("predictor_eigenvalues", "asymmetry", "off_diagonal"))
    if not p or len(p[0]) < record.recipe.d or not len(p) == len(asymmetry) == len(off):
        return []
    whole = np.square(np.array(p, float)).sum(1) / (1 - np.square(np.array(asymmetry, float)) / 4)
    return list(np.square(np.array(off, float)) / whole)


def overview(paper: Paper, experiment: str, found: Found, name: str, final: str = "probe_accuracy") -> dict:
    """Curves of one metric and final values of another, by arm, with the untrained encoder's as floors.

    The spread of normalised projections is given in units of 1/sqrt(width).
    """
    e, names = paper.experiments[experiment], (name, final)
    by_width = [n == "std_normalised" for n in names]
    left, right = (arms(paper, experiment, found, n, per_sqrt_dim=w) for n, w in zip(names, by_width, strict=True))
    trained = [arm for arm in e.arms if arm != FLOOR]
    factor = math.sqrt(width(found) or 1) if by_width[0] else 1.0
    return {
        "curves": curves(e, found, name, trained, factor), "arms": [row for row in right if row["arm"] != FLOOR],
        "labels": tuple(LABELS.get(n, n.replace("_", " ")) for n in names),
        "floors": tuple(next((r["mean"] for r in rows if r["arm"] == FLOOR), None) for rows in (left, right)),
    }  # fmt: skip


def spectrum(found: Found, arm: str, name: str = "eigenvalues", seed: int | None = None) -> dict | None:
    """Eigenvalues over training of one run of an arm: epoch (T,), values (T, k) largest first, seed; None without."""
    for p, record in sorted(found, key=lambda pair: pair[0].seed):
        if p.arm == arm and seed in (None, p.seed) and record is not None and record.curves.get(name):
            values = np.array(record.curves[name], float)
            return {"epoch": np.array(record.curves["epoch"][: len(values)], float), "values": values, "seed": p.seed}
    return None


def thinned(data: dict | None, lines: int = 6) -> dict | None:
    """A spectrum at no more than so many epochs, evenly chosen with the first and the last; None for None."""
    if data is None or len(data["epoch"]) <= lines:
        return data
    keep = np.linspace(0, len(data["epoch"]) - 1, lines).round().astype(int)
    return data | {"epoch": data["epoch"][keep], "values": data["values"][keep]}


def alike(found: Found, arms: Sequence[str]) -> tuple[Found, list[int]]:
    """`found` without the seeds on which runs of these arms were computed in different precisions, and those seeds.

    A difference between such runs would be one of machines too: "auto" is bf16 on one and float32 on another.
    """
    kinds: dict[int, set[str]] = {}
    for p, record in found:
        if record is not None and p.arm in arms:
            kinds.setdefault(p.seed, set()).add(record.precision)
    mixed = sorted(seed for seed, kind in kinds.items() if len(kind) > 1)
    return [(p, record) for p, record in found if p.seed not in mixed], mixed


def verdict(claim: Claim, found: Found, level: float = LEVEL) -> verdicts.Verdict:
    """The verdict of these runs on a record claim, by the rule of the two looks; `level` is that of its interval."""
    own = sorted({p.seed for p, _ in found if not p.extra})
    fair, mixed = alike(found, claim.compared)
    v = verdicts.judge_seeds(claim, metric(fair, claim.metric), own, dim=width(found), level=level)
    note = f"computed in two precisions and left out: seed {', '.join(map(str, mixed))}" if mixed else ""
    return dataclasses.replace(v, detail="; ".join(part for part in (v.detail, note) if part))


def judged(paper: Paper, experiment: str, found: Found) -> list[tuple[Claim, verdicts.Verdict]]:
    """Every record claim of an experiment with the verdict of exactly these runs."""
    claims = [c for c in paper.claims.values() if c.kind == "records" and c.experiment == experiment]
    return [(claim, verdict(claim, found)) for claim in claims]


def forest(judged: Sequence[tuple[Claim, verdicts.Verdict]]) -> dict[str, list[dict]]:
    """Unit of the effect -> one dict a claim for the forest plot: label, verdict, effect, interval, band.

    `band` is the (low, high) between which the claim holds, None where it is open.
    """
    groups: dict[str, list[dict]] = {}
    for claim, v in judged:
        row = {"label": claim.id.replace("_", " "), "status": v.status, "band": band(claim)}
        groups.setdefault(unit(claim), []).append(row | {"effect": v.effect, "low": v.low, "high": v.high})
    return groups


def band(claim: Claim) -> tuple[float | None, float | None]:
    """Between which effects a claim holds; None where it is open."""
    if claim.test == "within":
        return (1 / claim.margin if claim.compare == "ratio" else -claim.margin), claim.margin
    if claim.test == "below":
        return None, claim.margin
    return (claim.rate if claim.test == "rate" else claim.margin), None


def unit(claim: Claim) -> str:
    """The unit of a claim's effect, in words; for speech coarse ones, so that a few axes hold all claims."""
    error = claim.metric.endswith("_eer")
    if claim.test == "rate":
        return "share of seeds"
    if claim.compare == "ratio":
        return "ratio of EERs" if error else f"{claim.metric}, ratio"
    if error:
        return "EER, %" if claim.test in ("above", "below") else "difference of EER, points"
    if METRICS[claim.metric] in COARSE:
        return METRICS[claim.metric]
    name = "accuracy, points" if claim.metric.endswith("_accuracy") else claim.metric.replace("_", " ")
    return f"{name} x sqrt(d)" if claim.per else name


def failures(found: Found) -> list[dict]:
    """Arm, seed and reason of each run that failed."""
    return [
        {"experiment": p.experiment, "arm": p.arm, "seed": p.seed, "reason": r.reason}
        for p, r in found if r is not None and r.status == "failed"
    ]  # fmt: skip


SAID = ("method", "options", "dataset", "data", "seed", "scale")  # of a recipe, in other words than --set


def command(planned: Any) -> str:
    """The `ncssl run` line that makes the one record of a planned run; torch is imported to know the defaults."""
    r = planned.recipe
    plain = recipe(r.method, r.scale)
    names = [f.name for f in dataclasses.fields(r) if f.name not in SAID]
    changed = {k: v for k, v in r.options.items() if v != plain.options[k]}
    changed |= {name: getattr(r, name) for name in names if getattr(r, name) != getattr(plain, name)}
    data = "" if r.dataset == plain.dataset else f" --dataset {r.dataset}"
    pairs = "".join(f" --set {k}={str(v).lower() if isinstance(v, bool | None) else v}" for k, v in changed.items())
    return f"ncssl run --method {r.method} --scale {r.scale} --seed {r.seed}{data}{pairs}"
