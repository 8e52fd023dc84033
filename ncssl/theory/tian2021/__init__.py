"""Tian, Chen and Ganguli (2021), "Understanding self-supervised learning dynamics without
contrastive pairs".

This file is the front door: `describe` (exact answers for given parameters), `FLOWS` (what can be
integrated) and `CHECKS` (the numbers the paper's theoretical claims are judged on). The mathematics
is in modes (one mode), matrix (matrices) and general (data that are not isotropic). Source of all
equations: arXiv 2102.06810.
"""

from typing import Any

import numpy as np

from ncssl.theory.helpers import answers, checks_of, numbers
from ncssl.theory.ode.flow import classify
from ncssl.theory.tian2021 import checks, general_checks, jacobians, matrix_checks, modes
from ncssl.theory.tian2021.matrix import isotropic_flow, network_flow

__all__ = ["CHECKS", "FLOWS", "describe", "isotropic_flow", "network_flow"]

FLOWS = {
    "fixed tau": modes.FIXED_TAU,
    "modes": modes.MODES,
    "scalars": modes.SCALARS,
    "parabola": modes.PARABOLA,
    "parabola with tau": modes.PARABOLA_TAU,
}
CHECKS = checks_of(matrix_checks, general_checks, checks)
PARAMS = (modes.SIGMA2, modes.ETA, modes.TAU, modes.ALPHA_P, modes.LD, modes.LS)


@answers
def describe(**params: Any) -> dict[str, Any]:
    """Exact answers for one mode, as plain floats and lists: sigma2, eta, tau, alpha_p, and
    optionally ld, ls.

    ls defaults to ld + sigma2. Keys: the parameters, eta_critical, regime, invariant, p_minus,
    s_minus, p_plus, s_plus (None where the point does not exist), fixed_points (p, s, eigenvalues,
    stability). Raises UnknownName for a parameter that does not exist, ValueError for one outside
    its domain.
    """
    q = numbers(PARAMS, params)
    if "ls" not in params:
        q["ls"] = q["ld"] + q["sigma2"]
    elif "sigma2" in params:
        raise ValueError(
            f"give sigma2 or ls, not both: sigma2 was {q['sigma2']:g}, ls was {q['ls']:g}"
        )
    else:
        q["sigma2"] = None
    critical = float(modes.eta_critical(tau=q["tau"], ld=q["ld"], ls=q["ls"]))
    points = [_point(name, p, q) for name, p in _points(q)]
    found = {point["name"]: point for point in points}
    answer = {
        "parameters": q,
        "eta_critical": critical,
        "regime": _regime(q["eta"], critical),
        "invariant": "(s - p^2/alpha_p) e^(2 eta t)",
    }
    for name in ("minus", "plus"):
        point = found.get(f"p_{name}", {})
        answer[f"p_{name}"], answer[f"s_{name}"] = point.get("p"), point.get("s")
    return {**answer, "fixed_points": points}


def _points(q):
    """(name, p) of the fixed points; at eta = 0 p_minus is 0, and s is free: the point shown is on
    the parabola."""
    p = {"collapse": 0.0}
    if 0 < q["eta"] and q["tau"] > 0:
        p["p_minus"] = float(modes.p_minus(q["eta"], tau=q["tau"], ld=q["ld"], ls=q["ls"]))
    if q["tau"] > 0:
        p["p_plus"] = float(modes.p_plus(q["eta"], tau=q["tau"], ld=q["ld"], ls=q["ls"]))
    return [(name, value) for name, value in p.items() if np.isfinite(value)]


def _point(name, p, q):
    s = p**2 / q["alpha_p"]
    # the general mode (ld, ls) is the isotropic one with k = ls and tau ld in place of tau
    J = jacobians.jacobian(
        np.array([p, s]), {**q, "sigma2": q["ls"] - 1, "tau": q["tau"] * q["ld"]}
    )
    values = np.sort(np.linalg.eigvals(J).real) + 0.0
    return {
        "name": name,
        "p": p,
        "s": s,
        "eigenvalues": values.tolist(),
        "stability": classify(values, 1e-7),
    }


def _regime(eta, critical):
    if eta == 0:
        return (
            "no weight decay: a line of stable points p = tau ld/ls, and a line of collapsed ones"
        )
    if abs(eta - critical) <= 1e-12 * max(critical, 1e-300):
        return "at the threshold: p_minus and p_plus meet"
    return "only collapse" if eta > critical else "a mode survives if it starts beyond p_minus"
