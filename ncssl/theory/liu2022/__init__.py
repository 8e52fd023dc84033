"""Liu, Suganuma and Okatani (2022), "Bridging the gap from asymmetry tricks to decorrelation
principles".

This file is the front door: `describe` (exact answers for given parameters), `FLOWS` (what can be
integrated) and `CHECKS` (the numbers the paper's theoretical claims are judged on). The mathematics
is in modes (one mode with the stop-gradient), constrained (one mode without it), matrix (matrices),
toy (Table 3) and static (facts without a flow). Source of the equations: the submitted version of
the paper.
"""

from typing import Any

import numpy as np

from ncssl.theory.helpers import answers, checks_of, numbers, plain
from ncssl.theory.liu2022 import checks, constrained, modes, static, table_checks
from ncssl.theory.liu2022.matrix import free_flow, network_flow
from ncssl.theory.liu2022.toy import ROWS, toy_flow
from ncssl.theory.ode.flow import classify
from ncssl.theory.ode.params import Param

__all__ = ["CHECKS", "FLOWS", "describe", "free_flow", "network_flow", "toy_flow"]

CHECKS = checks_of(checks, table_checks)
FLOWS = {
    "mode": modes.MODE,
    "balanced mode": modes.BALANCED,
    "eq 15": constrained.LEARNED["eq 15"],
    "eq 17": constrained.LEARNED["eq 17"],
    "I-PRED": constrained.IPRED,
}
FLOWS |= {f"Table 3, {row.label}": toy_flow(6, 12, row, constraint="eq 17") for row in ROWS}
D = Param("d", 64, "number of features", low=1)
R = Param("r", 32, "rank of the predictor, at most d", low=0)
N_PART = Param("n_part", 64, "samples of one partition of the batch", low=2)
PARTS = Param("parts", 8, "number of partitions of the batch", low=1)
PARAMS = (modes.B, modes.S, modes.ETA, modes.LAMBDA, D, R, N_PART, PARTS)
WHOLE = ("d", "r", "n_part", "parts")


@answers
def describe(**params: Any) -> dict[str, Any]:
    """Exact answers, plain floats, lists and words, for a mode (b, s, eta, lambda_) and sizes d, r,
    n_part, parts.

    Keys: equilibrium and eta_critical (stop-gradient), ipred_* (Wp = I, constraint lambda_),
    learned_critical_lambda (learned predictor without stop-gradient; None where no lambda
    suffices), off_diagonal_share, partition_floor and its share of eq. 19, regime, fixed_points.
    Raises UnknownName, or ValueError for a value outside its domain.
    """
    q = numbers(PARAMS, params, WHOLE)
    q |= {name: int(q[name]) for name in WHOLE}
    if q["r"] > q["d"]:
        raise ValueError(f"r must be in [0, d = {q['d']}], was {q['r']}")
    mode = {name: q[name] for name in ("b", "s", "eta")}
    points = [_point(name, p, mode) for name, p in _roots(mode)]
    held = float(constrained.ipred_equilibrium(q["lambda_"], q["b"], q["s"]))
    least = {
        name: constrained.critical(q["b"], q["s"], name)[0] if q["s"] > 0 else 0.0
        for name in constrained.CONSTRAINTS
    }
    return {
        "parameters": q,
        "regime": _regime(mode),
        "invariant": "(p^2 - w^2) e^(2 eta t)",
        "equilibrium": float(modes.equilibrium(**mode)),
        "eta_critical": float(modes.eta_critical(q["b"], q["s"])),
        "fixed_points": points,
        "ipred_equilibrium": held,
        "ipred_critical_lambda": float(constrained.ipred_critical(q["b"], q["s"])),
        "learned_critical_lambda": {name: plain(value) for name, value in least.items()},
        "without_stop_gradient": _held(q["lambda_"], held, least),
        "off_diagonal_share": float(static.off_diagonal_share(q["d"], q["r"])),
        "partition_floor": float(static.partition_floor(q["d"], q["n_part"])),
        "partition_floor_in_loss": float(
            q["parts"] * static.partition_floor(q["d"], q["n_part"]) / q["d"]
        ),
        "standardised_diagonal": float(static.standardised_diagonal(q["n_part"])),
    }


def _roots(mode):
    """(name, p) of the fixed points of the mode; at eta = 0 p_minus is 0 and any w goes with
    p_plus."""
    found = {
        "collapse": 0.0,
        "p_minus": float(modes.p_minus(**mode)),
        "p_plus": float(modes.p_plus(**mode)),
    }
    return [
        (n, p)
        for n, p in found.items()
        if np.isfinite(p) and not (n == "p_minus" and mode["eta"] == 0)
    ]


def _point(name, p, mode):
    values = np.sort(np.linalg.eigvals(modes.jacobian(np.array([p, p]), mode)).real) + 0.0
    return {
        "name": name,
        "p": p,
        "w": p,
        "eigenvalues": values.tolist(),
        "stability": classify(values, 1e-7),
    }


def _regime(mode):
    limit = float(modes.eta_critical(mode["b"], mode["s"]))
    if mode["eta"] == 0:
        return "no weight decay: a line of stable points p = b/(b+s), and a line of collapsed ones"
    if abs(mode["eta"] - limit) <= 1e-12 * limit:
        return "at the threshold: p_minus and p_plus meet"
    return (
        "the mode dies" if mode["eta"] > limit else "the mode survives if it starts beyond p_minus"
    )


def _held(lam, held, least):
    """What becomes of the mode without stop-gradient and without STD, in words, for each kind of
    predictor."""
    words = {"identity": "survives" if held > 0 else "collapses"}
    for name, value in least.items():
        words[f"learned, {name}"] = "can survive" if lam > value else "collapses"
    return words
