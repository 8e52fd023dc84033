"""Halvagal, Laborieux and Zenke (2023), "Implicit variance regularization in non-contrastive SSL":
eigen-dynamics.

This file is the front door: `describe` (exact answers for given parameters), `FLOWS` (what can be
integrated) and `CHECKS` (the numbers the claims are judged on). The mathematics is in modes
(Euclidean, one mode), deep (running average, normalised predictor), cosine (all modes), losses
(forms of IsoLoss) and toy (the toy network). The paper's text could not be read: all equations are
ours.
"""

from typing import Any

import numpy as np

from ncssl.theory.halvagal2023 import checks, cosine, deep, modes, sample_checks
from ncssl.theory.helpers import answers, checks_of, numbers, plain
from ncssl.theory.ode.params import Param

__all__ = ["CHECKS", "FLOWS", "describe"]

CHECKS = checks_of(checks, sample_checks)
FLOWS = {
    **modes.MODES,
    **cosine.TWO_MODES,
    "cos_nopred": cosine.cosine_flow(3, "cos_nopred"),
    "ema": deep.EMA,
    "ema_iso": deep.EMA_ISO,
    "normalised": deep.normalised_flow(2),
    "normalised_iso": deep.normalised_flow(2, iso=True),
}
LAMBDA0 = Param("lambda0", 0.1, "eigenvalue of the mode at the start", low=0, open_low=True)
PARTNER = Param(
    "partner",
    1.0,
    "eigenvalue of a second mode, which only cosine losses and a normalised predictor feel",
    low=0,
    open_low=True,
)
PARAMS = (LAMBDA0, PARTNER, *modes.PARAMS, modes.BETA)


@answers
def describe(**params: Any) -> dict[str, Any]:
    """Exact answers for one mode (two for cosine losses): plain floats and strings, None where
    there is no number.

    Parameters: lambda0, partner, alpha, sigma2, one_sided, rho, beta. Keys: parameters,
    critical_decay, euclidean and cosine (a table a loss: limit, edge, rates, time to one half,
    regime in words), ema, normalised. Raises UnknownName for a parameter that does not exist,
    ValueError for one outside its domain.
    """
    q = numbers(PARAMS, params)
    critical = {
        loss: float(modes.critical_decay(loss, q["sigma2"], q["one_sided"]))
        for loss in ("euc", "euc_iso")
    }
    return {
        "parameters": q,
        "critical_decay": critical,
        "euclidean": {loss: _euclidean(loss, q) for loss in modes.LOSSES},
        "cosine": {loss: _cosine(loss, q) for loss in cosine.TWO_MODES},
        "ema": {"euc": _ema("euc", q), "euc_iso": _ema("euc_iso", q)},
        "normalised": _normalised(q),
    }


def _euclidean(loss, q):
    """One loss of modes.LOSSES: what lam does from lambda0."""
    lam, points = q["lambda0"], modes.fixed_points(q, loss=loss)
    minus, plus = float(points["minus"][0]), float(points["plus"][0])
    end = float(modes.limit(lam, loss, q))
    local = (
        float(modes.mode_jacobian(np.array([end]), q, loss=loss)[0, 0])
        if np.isfinite(end)
        else np.nan
    )
    rest = minus == plus or not np.isfinite(minus)  # no repelling point of its own
    return {
        "what": modes.LOSSES[loss],
        "limit": plain(end),
        "edge": None if rest else minus,
        "attractor": plain(plus),
        "rate_at_lambda0": float(modes.mode_rhs(0.0, np.array([lam]), q, loss=loss)[0] / lam),
        "rate_at_limit": plain(local),
        "time_to_one_half": plain(modes.time_between(lam, 0.5, loss, q)),
        "blow_up_time": plain(modes.blow_up_time(lam, loss, q)),
        "regime": _regime(lam, end, minus, plus),
    }


def _regime(lam, end, minus, plus):
    if end == lam:
        return "at rest: nothing moves this mode"
    if np.isinf(end):
        return "beyond the edge of the basin: diverges in finite time"
    if end > 0:
        semi = ", which repels from below: noise tips it over" if minus == plus else ""
        return f"{'grows' if end > lam else 'shrinks'} to {end:.6g}{semi}"
    if np.isfinite(minus):
        return "collapses: it starts below the edge of the basin"
    return "collapses from every start"


def _cosine(loss, q):
    """Two modes, lambda0 and partner, without noise: the common level, how fast it is reached, from
    where."""
    pair = np.array([q["lambda0"], q["partner"]])
    a, rate = q["alpha"], float(cosine.cosine_rates(pair, loss, q["alpha"])[0] / pair[0])
    if loss == "cos_nosg":
        end = pair.mean() if pair[0] == pair[1] else (0.0 if pair[0] < pair[1] else pair.sum())
        words = "the sum is kept, the larger mode takes all of it: rank is lost, not norm"
        return {
            "what": cosine.LOSSES[loss],
            "limit": plain(end if q["rho"] == 0 else 0.0),
            "rate_at_lambda0": rate,
            "rate_at_limit": None,
            "time_to_half_of_limit": None,
            "regime": words + _decaying(q),
        }
    common = float(cosine.level(pair, loss, a))
    kept = "sum of lam" if loss == "cos" else "sum of lam^(1 + alpha)"
    return {
        "what": cosine.LOSSES[loss],
        "limit": plain(common if q["rho"] == 0 else 0.0),
        "rate_at_lambda0": rate,
        "rate_at_limit": plain(cosine.equalising_rate(common, 2, loss, a))
        if q["rho"] == 0
        else None,
        "time_to_half_of_limit": _pair_time(pair, loss, a, common / 2) if q["rho"] == 0 else None,
        "regime": f"both modes meet at a level of their own: the {kept} is kept{_decaying(q)}",
    }


def _decaying(q):
    return f", but for the decay e^(-2 rho t) of every mode, rho = {q['rho']:g}" if q["rho"] else ""


def _pair_time(pair, loss, alpha, goal):
    """Time for the first of two modes to rise to `goal`, by Gauss quadrature of dt = d lam/rate
    along the invariant."""
    if pair[0] >= goal:
        return 0.0
    nodes, weights = np.polynomial.legendre.leggauss(60)
    low, high = np.log(pair[0]), np.log(goal)
    lam = np.exp((low + high) / 2 + (high - low) / 2 * nodes)
    power = 1 + alpha if loss == "cos_iso" else 1.0
    other = ((pair**power).sum() - lam**power) ** (1 / power)
    rates = cosine.cosine_rates(np.stack([lam, other], axis=-1), loss, alpha)[:, 0]
    return float((high - low) / 2 * (weights * lam / rates).sum())


def _ema(loss, q):
    """Rates of one mode with a running average: near collapse, and at the attractor (None where
    there is none)."""
    iso = loss == "euc_iso"
    flow = deep.EMA_ISO if iso else deep.EMA
    point = flow.fixed_points(q)["plus"]
    near_zero = np.linalg.eigvals(np.array([[-q["rho"], float(iso)], [q["beta"], -q["beta"]]])).real
    finite = np.isfinite(point).all()
    rates = np.sort(np.linalg.eigvals(flow.jacobian(point, q)).real).tolist() if finite else None
    return {
        "rate_near_collapse": float(near_zero.max()) + 0.0,
        "rates_at_attractor": rates,
        "slow_rate": rates[-1] if rates else None,
    }


def _normalised(q):
    """Max-normalised predictor: time for the smaller of the two modes to half of the larger; None
    if it is there."""
    ratio = min(q["lambda0"], q["partner"]) / max(q["lambda0"], q["partner"])
    times = {
        loss: float(deep.normalised_time(ratio, 0.5, q["alpha"], iso=iso)) if ratio < 0.5 else None
        for loss, iso in (("euc", False), ("euc_iso", True))
    }
    return {"limit": max(q["lambda0"], q["partner"]), "time_to_half_of_limit": times}
