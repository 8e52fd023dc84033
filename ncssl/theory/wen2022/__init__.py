"""Wen and Li (2022), "The mechanism of prediction head in non-contrastive self-supervised
learning", as a toy.

This file is the front door: `describe` (one run of gradient descent beside the closed forms),
`FLOWS` and `CHECKS`. The full text of the paper (arXiv 2205.06226) could not be read: the model is
second hand, its numbers are ours. The mathematics is in model (gradients) and exact (closed forms);
runs are in runs, many and samples.
"""

from typing import Any

import numpy as np

from ncssl.theory.helpers import answers, checks_of, numbers
from ncssl.theory.ode.params import Param
from ncssl.theory.wen2022 import checks, exact, measure, model
from ncssl.theory.wen2022.flows import population_flow
from ncssl.theory.wen2022.many import ABLATIONS
from ncssl.theory.wen2022.runs import CANONICAL, ETA, ETA_E, descend, start

__all__ = ["CHECKS", "FLOWS", "describe", "population_flow"]

CHECKS = checks_of(checks)
FLOWS = {name: population_flow(**options) for name, options in ABLATIONS.items()} | {
    "one neuron": population_flow(1, head="none"),
    "three neurons": population_flow(3),
}

STEPS = Param("steps", 4000, "steps of gradient descent", low=1, high=20_000)
STARTS = tuple(
    Param(f"b{j + 1}{k + 1}", CANONICAL[j, k], f"<w_{j + 1}, v_{k + 1}> at the start")
    for j in range(2)
    for k in range(2)
)
OVERLAP = Param(
    "overlap", 0.0, "inner product of the two noise parts, each of length 1", low=-1, high=1
)
NUMBERS = (*model.PARAMS[:-1], ETA, ETA_E, STEPS, *STARTS, OVERLAP)


@answers
def describe(
    head: str = "off-diagonal",
    stop_gradient: str = "target",
    normalisation: str = "batch",
    **params,
) -> dict[str, Any]:
    """One run of gradient descent of two neurons and the exact answers, as plain floats, lists and
    strings.

    params: alpha1, alpha2, p1, m, P, sigma, eta, eta_E, b11, b12, b21, b22 (start), overlap, steps.
    Keys: parameters, outcome, ended, neurons (b, cos), head, phases (times in steps times eta),
    loss, correlations, closed_forms. Raises UnknownName for an unknown parameter or option,
    ValueError for a value outside its domain.
    """
    options = {"head": head, "stop_gradient": stop_gradient, "normalisation": normalisation}
    model.variant(**options)
    q = numbers(NUMBERS, params, whole=("m", "P", "steps"))
    b = np.array([q[p.name] for p in STARTS]).reshape(2, 2)
    data = {name: q[name] for name in ("alpha1", "alpha2", "p1", "m", "P", "sigma")}
    run = descend(
        start(b, q["overlap"]),
        steps=q["steps"],
        eta=q["eta"],
        eta_E=q["eta_E"],
        options=options,
        **data,
    )
    return {
        "parameters": q | options,
        "outcome": _outcome(run),
        "ended": str(run.reason),
        "neurons": _neurons(run),
        "head": _head(run),
        "phases": measure.phases(run),
        **_losses(run),
        "closed_forms": _closed_forms(b, q),
    }


def _outcome(run):
    return "left the finite range" if run.reason else str(measure.outcome(run.b[-1], run.u[-1]))


def _neurons(run):
    cos = measure.cosines(run.b[-1], run.u[-1])
    return [
        {
            "neuron": j + 1,
            "b": run.b[-1, j].tolist(),
            "cos": cos[j].tolist(),
            "noise": float(np.linalg.norm(run.u[-1, j])),
        }
        for j in range(2)
    ]


def _head(run):
    """End and peak of both off-diagonal entries; times are steps times eta."""
    out = {}
    for name, (j, r) in {"E_21": (1, 0), "E_12": (0, 1)}.items():
        entry = run.E[:, j, r]
        i = int(np.abs(entry).argmax())
        out |= {
            f"{name} at the end": float(entry[-1]),
            f"{name} at its peak": float(entry[i]),
            f"time of the peak of {name}": float(run.times[i]),
        }
    return out


def _losses(run):
    a = model.statistics(run.b[-1], run.u[-1], run.E[-1], run.q)
    good = np.isfinite(a["corr"]).all()
    return {
        "loss": float(a["loss"]) if good else None,
        "correlations": a["corr"].tolist() if good else None,
    }


def _closed_forms(b, q):
    """What is known without a run; None where a start of exactly 0 leaves it undefined."""
    data = (q["alpha1"], q["alpha2"], q["p1"])
    length = np.sqrt(1 + (b**2).sum(-1))
    whole = [bool((row != 0).all()) and q["p1"] < 1 for row in b]
    at_zero = [
        float(exact.acceleration_at_zero(*row, *data)) if ok else None
        for row, ok in zip(b, whole, strict=True)
    ]
    moving = q["P"] > q["m"] and q["sigma"] > 0
    ends = [
        [float(x) for x in exact.end_without_head(row, [1.0], q | {"ratio": 1.0})]
        if ok and moving
        else None
        for row, ok in zip(b, whole, strict=True)
    ]
    return {
        "largest correlation (m-1)/(m+1)": float(exact.max_correlation(q["m"])),
        "lowest loss": float(exact.lowest_loss(q["m"])),
        "A(0) of each neuron": at_zero,
        "bound on |E_21| while E_12 = 0": float(exact.head_bound(length[1], q["eta_E"] / q["eta"])),
        "flow without head ends at (|b_1|, |b_2|)": ends,
    }
