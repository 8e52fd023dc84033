"""Arms of an experiment set side by side, for figures and tables: differences, epochs to a level,
spectra.

`found` is a list of (planned run, its record or None), as in `ncssl.report.select`.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ncssl.claims.facts import UNTRAINED, Experiment, Paper
from ncssl.errors import UnknownName
from ncssl.recipes import SPOKEN
from ncssl.records.numbers import Found, alike, images
from ncssl.records.store import Record
from ncssl.report import select
from ncssl.verdicts.intervals import difference_interval, image_noise


def against(experiment: Experiment, base: str) -> dict[str, tuple[str, str]]:
    """Label -> (arm, base) for every other trained arm, for `differences`; raises UnknownName."""
    check_arms(experiment, [base])
    return {
        a.label: (a.name, base) for a in experiment.arms.values() if a.name not in (base, UNTRAINED)
    }


def check_arms(experiment: Experiment, names: Sequence[str] | None) -> None:
    """Raises UnknownName for a name that is no arm of the experiment."""
    for name in names or ():
        if name not in experiment.arms:
            raise UnknownName(f"arm of {experiment.name}", name, experiment.arms)


def differences(
    paper: Paper,
    experiment: str,
    found: Found,
    pairs: Mapping[str, tuple[str, str]],
    name: str = "probe_accuracy",
) -> list[dict]:
    """One dict a pair label -> (left, right): label, arm, effect left - right, low, high, n, paper,
    whence.

    The interval is that of verdicts: 95 %, paired by seed where seeds are the same, of seeds that
    were computed alike, and for an accuracy with the noise of the test images. effect is None
    without a run in both arms, low and high below two; paper is the paper's own difference, None
    where it has not both numbers; `whence` says in words where those are from, `apart` that
    both arms have runs, and none of one kind.
    """
    e, rows = paper.experiments[experiment], []
    for label, (left, right) in pairs.items():
        check_arms(e, [left, right])
        fair, _ = alike(found, (left, right))
        values = select.metric(fair, name)
        a, b = (
            {s: math.nan if v is None else v for s, v in values.get(arm, {}).items()}
            for arm in (left, right)
        )
        cells = [select.cell(paper, e.arms[arm].reported) for arm in (left, right)]
        known = None not in cells and cells[0] != cells[1] and name == "probe_accuracy"
        paper_effect = round(cells[0].value - cells[1].value, 10) if known else None
        count = images(fair, (left, right)) if name.endswith("_accuracy") else None
        told = {"paper": paper_effect, "whence": select.whence(cells if known else ())}
        told["apart"] = not (a and b) and {left, right} <= set(select.metric(found, name))
        rows.append({"label": label, "arm": left} | told | difference(a, b, count))
    return rows


def difference(
    a: Mapping[int, float], b: Mapping[int, float], images: int | None = None
) -> dict[str, Any]:
    """Mean of a minus mean of b (seed -> value, NaN for a failed run) as effect, low, high, n; None
    where unknown.

    `images`: on how many an accuracy was tested.
    """
    x, y = ([v for v in arm.values() if not math.isnan(v)] for arm in (a, b))
    if min(len(x), len(y)) >= 2:
        i = difference_interval(a, b, noise=image_noise([sum(v) / len(v) for v in (x, y)], images))
        return {"effect": i.effect, "low": i.low, "high": i.high, "n": i.n}
    effect = sum(x) / len(x) - sum(y) / len(y) if x and y else None
    return {"effect": effect, "low": None, "high": None, "n": min(len(x), len(y))}


def records_of(
    experiment: Experiment, found: Found, only: Sequence[str] | None
) -> dict[str, list[Record]]:
    """Arm -> its records, in the paper's order; arms without any are left out; raises
    UnknownName."""
    check_arms(experiment, only)
    arms = [arm for arm in experiment.arms if only is None or arm in only]
    have = {arm: [r for p, r in found if p.arm == arm and r is not None] for arm in arms}
    return {arm: records for arm, records in have.items() if records}


def from_spectrum(
    experiment: Experiment,
    found: Found,
    measure: Callable[[np.ndarray], float],
    only: Sequence[str] | None = None,
) -> list[dict]:
    """Like `select.curves`, of a number that `measure` takes from the eigenvalues (k,), the largest
    first."""
    rows = []
    for arm, records in records_of(experiment, found, only).items():
        runs = []
        for r in records:
            values = r.curves.get("eigenvalues") or []
            epochs = np.array(r.curves.get("epoch", [])[: len(values)], float)
            runs.append((epochs, np.array([measure(np.array(row, float)) for row in values])))
        if any(len(x) > 1 for x, _ in runs):
            rows.append(select.named(experiment.arms[arm]) | {"runs": runs})
    return rows


def above(share: float) -> Callable[[np.ndarray], float]:
    """How many eigenvalues are larger than `share` of the largest, for `from_spectrum`."""
    return lambda s: float((s > share * s[0]).sum())


def lower_half(s: np.ndarray) -> float:
    """Sum of the smaller half of the eigenvalues over the sum of all, for `from_spectrum`;
    percent."""
    return 100 * float(s[len(s) // 2 :].sum() / s.sum())


def last_spectra(
    experiment: Experiment, found: Found, only: Sequence[str] | None = None
) -> list[dict]:
    """One dict an arm with spectra: label and values (seeds, k), the last eigenvalues over the
    largest of them."""
    rows = []
    for arm, records in records_of(experiment, found, only).items():
        last = [
            np.array(r.curves["eigenvalues"][-1], float)
            for r in records
            if r.curves.get("eigenvalues")
        ]
        if last:
            values = np.stack([s / s[0] for s in last])
            rows.append(select.named(experiment.arms[arm]) | {"values": values})
    return rows


def levels(paper: Paper, experiment: str, found: Found, name: str, count: int = 41) -> np.ndarray:
    """`count` levels from the untrained encoder's mean to the highest mean of an arm; none where
    one is missing."""
    rows = select.arms(paper, experiment, found, name)
    floor = next((row["mean"] for row in rows if row["arm"] == UNTRAINED), None)
    tops = [row["mean"] for row in rows if row["arm"] != UNTRAINED and row["mean"] is not None]
    return np.linspace(floor, max(tops), count) if floor is not None and tops else np.array([])


def reaching(
    experiment: Experiment,
    found: Found,
    name: str,
    levels: Sequence[float],
    only: Sequence[str] | None = None,
) -> list[dict]:
    """One dict an arm with curves: label, levels (L,), epochs (seeds, L) at which a curve first is
    at a level.

    Linear between two measurements; NaN where a run never gets there.
    """
    rows = []
    for row in select.curves(experiment, found, name, only) if len(levels) else ():
        epochs = np.array([[crossing(x, y, level) for level in levels] for x, y in row["runs"]])
        rows.append(
            {
                "arm": row["arm"],
                "label": row["label"],
                "colour": row["colour"],
                "levels": np.asarray(levels, float),
                "epochs": epochs,
            }
        )
    return rows


def crossing(x: np.ndarray, y: np.ndarray, level: float) -> float:
    """The first x at which y, linear between its points, is at least `level`; NaN if it never
    is."""
    hits = np.flatnonzero(y >= level)
    if not len(hits):
        return math.nan
    i = int(hits[0])
    if i == 0 or not math.isfinite(y[i - 1]):
        return float(x[i])
    return float(x[i - 1] + (level - y[i - 1]) / (y[i] - y[i - 1]) * (x[i] - x[i - 1]))


def rerun(planned: Any, chapter: str | None = None, *, one: bool = False) -> str:
    """How to make the runs of an experiment again: its chapter at its own scale, at smoke scale,
    and one run alone.

    `chapter` names the notebook where it is not that of the paper's experiments, `one` says that it
    has no other."""
    only = "" if one else f" -p only {planned.experiment}"
    small = (
        "generated voices, in minutes"
        if planned.recipe.dataset in SPOKEN
        else "small images, in seconds"
    )
    chapter = (
        f"papermill notebooks/{chapter or planned.paper + '_experiments'}.ipynb out.ipynb{only}"
    )
    scale = "" if planned.recipe.scale == "small" else f" -p scale {planned.recipe.scale}"
    return "\n".join(
        [
            "# the runs that are missing",
            f"{chapter}{scale} -p missing train",
            f"# all of it on {small}",
            f"{chapter} -p scale smoke -p fresh True",
            "# one run",
            select.command(planned),
        ]
    )
