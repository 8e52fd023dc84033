"""Wang, Chen, Du and Tian (2021), "Towards demystifying representation learning with
non-contrastive self-supervision".

This file is the front door: `describe` (exact answers for given parameters), `FLOWS` (what can be
integrated) and `CHECKS` (the numbers the paper's theoretical claims are judged on). The mathematics
is in modes (one mode), matrix (the whole encoder) and samples (finitely many samples). Source of
the equations: the text of the ICLR 2022 submission of arXiv 2110.04947, whose theorem numbers are
used.
"""

from typing import Any

import numpy as np

from ncssl.theory.helpers import answers, checks_of, numbers, plain
from ncssl.theory.ode.flow import classify
from ncssl.theory.wang2021 import checks, modes, sample_checks
from ncssl.theory.wang2021.matrix import deep_flow, encoder_flow, gram_flow

__all__ = ["CHECKS", "FLOWS", "deep_flow", "describe", "encoder_flow", "gram_flow"]

FLOWS = {"mode": modes.MODE, "mode, augmented correlation": modes.AUGMENTED}
CHECKS = checks_of(checks, sample_checks)
PARAMS = (modes.SIGMA2, modes.ETA, modes.ALPHA, modes.EPS, modes.LAYERS, modes.DELTA)


@answers
def describe(**params: Any) -> dict[str, Any]:
    """Exact answers for W from delta I, as plain floats, lists and strings: sigma2, eta, alpha,
    eps, layers, delta.

    Keys: parameters; eta_signal, eta_nuisance (thresholds); for signal and nuisance _limit, _edge
    (lower edge of its basin) and _end (from delta), None where there is none; kept_variance; deep
    (Thm 5); theorem4; regime; fixed_points (mode, name, lam, rate, stability). Raises UnknownName,
    or ValueError outside a domain.
    """
    q = numbers(PARAMS, params, whole=("layers",))
    shape = {name: q[name] for name in ("alpha", "eps", "layers")}
    answer = {"parameters": q}
    for mode, variance in _variances(q).items():
        answer[f"eta_{mode}"] = float(modes.eta_threshold(variance, **shape))
        answer[f"{mode}_limit"] = plain(modes.limit(q["eta"], variance, **shape))
        answer[f"{mode}_edge"] = plain(modes.edge(q["eta"], variance, **shape))
        answer[f"{mode}_end"] = plain(modes.end(q["delta"], q["eta"], variance, **shape))
    answer["kept_variance"] = _kept(q)
    answer["deep"] = _deep(q)
    answer["theorem4"] = {
        "printed": float(modes.theorem4_printed(q["sigma2"], q["alpha"])),
        "corrected": float(modes.theorem4_corrected(q["sigma2"])),
    }
    return {**answer, "regime": _regime(answer), "fixed_points": _points(q)}


def _variances(q):
    return {"signal": 0.0, "nuisance": q["sigma2"]}


def _kept(q):
    """Augmentation variance up to which a mode is kept; None without weight decay (all are) or with
    eps."""
    if q["eta"] == 0 or q["eps"] > 0:
        return None
    return max(float(modes.kept_variance(q["eta"], q["alpha"], q["layers"])), 0.0)


def _deep(q):
    """The numbers of Thm 5, which are for eps = 0: eta_max, eta_min, exponent q, and the range of c
    and delta."""
    given = {"alpha": q["alpha"], "layers": q["layers"]}
    return {
        "eta_max": float(modes.eta_threshold(0.0, **given)),
        "eta_min": float(modes.eta_threshold(q["sigma2"], **given)),
        "q": float(modes.exponent(**given)),
        "lowest_c": float(modes.peak(0.0, **given) ** (1 / (2 * q["alpha"]))),
    }


def _points(q):
    """The fixed points lam >= 0 of both modes; where a pair meets it is listed once."""
    found = []
    for mode, variance in _variances(q).items():
        here = {**q, "sigma2": variance}
        seen = set()
        for name, lam in modes.fixed_points(
            {key: np.asarray(value) for key, value in here.items()}
        ).items():
            lam = float(lam[..., 0])
            if np.isfinite(lam) and lam not in seen:
                seen.add(lam)
                rate = float(modes.rate(lam, here))
                if not np.isfinite(rate):
                    raise FloatingPointError(f"a rate of the {mode} is not finite")
                found.append(
                    {
                        "mode": mode,
                        "name": name,
                        "lam": lam,
                        "rate": rate,
                        "stability": classify([rate], 1e-7),
                    }
                )
    return found


def _regime(answer):
    """What happens to S and B from delta I, in words."""
    kept = {mode: answer[f"{mode}_end"] != 0 for mode in ("signal", "nuisance")}
    if answer["parameters"]["delta"] == 0:
        return "delta = 0: at rest at collapse"
    if kept["signal"] and not kept["nuisance"]:
        return "W -> c P_S: the nuisance is dropped"
    if kept["nuisance"] and answer["parameters"]["sigma2"] == 0:
        return "no augmentation: nothing tells the nuisance from the signal"
    if kept["nuisance"]:
        return "nothing is dropped: the nuisance is only attenuated"
    if answer["signal_limit"] is None:
        return "total collapse: no other fixed point is left"
    return "total collapse: delta is inside the basin of 0"
