"""Halvagal, Laborieux and Zenke (2023), what the deep runs add to one mode: a running average, a
normalised predictor.

State of the running average: online weight w and target weight v of one mode, lam = w^2. State of
the normalised predictor: all eigenvalues lam (M,), because the largest one sets the scale. Derived
by us; time as in modes.
"""

from functools import partial

import numpy as np

from ncssl.theory.halvagal2023.modes import ALPHA, BETA, ONE_SIDED, RHO, SIGMA2, clock, fixed_points
from ncssl.theory.ode.flow import Flow
from ncssl.theory.ode.params import Param

ALPHA_DEEP = Param(
    "alpha",
    0.5,
    "power of the max-normalised predictor, s = (lam/max lam)^alpha",
    low=0,
    open_low=True,
)


def ema_rhs(t, y, q, *, iso):
    """w' = s (v - k s w) - rho w without IsoLoss, (v - k s w) - rho w with it; v' = beta (w - v). s
    = |w|^(2 alpha)."""
    w, v = y[..., 0], y[..., 1]
    s = np.abs(w) ** (2 * q["alpha"])
    online = 1 + (1 - q["one_sided"]) * q["sigma2"]
    dw = (1.0 if iso else s) * (v - online * s * w) - q["rho"] * w
    return np.stack([dw, q["beta"] * (w - v)], axis=-1)


def ema_points(q, *, iso):
    """The points of the mode without a running average, with w = v = sqrt(lam): collapse, minus,
    plus; (..., 2)."""
    points = fixed_points(q, loss="euc_iso" if iso else "euc")
    return {name: np.repeat(np.sqrt(lam), 2, axis=-1) for name, lam in points.items()}


def ema_jacobian(y, q, *, iso):
    """Jacobian (..., 2, 2) at y = (w, v), w > 0 (at w = 0 only for alpha >= 1/2)."""
    w, v = y[..., 0], y[..., 1]
    a, online = q["alpha"], 1 + (1 - q["one_sided"]) * q["sigma2"]
    s = np.abs(w) ** (2 * a)
    if iso:
        dw, dv = -online * (2 * a + 1) * s - q["rho"], np.ones_like(s)
    else:
        slope = np.abs(w) ** (2 * a - 1) * np.sign(w)  # s/w
        dw, dv = 2 * a * slope * v - online * (4 * a + 1) * s**2 - q["rho"], s
    rows = np.broadcast_arrays(dw, dv, q["beta"], -q["beta"])
    return np.stack(rows, axis=-1).reshape(*rows[0].shape, 2, 2)


def slow_rate(beta, alpha=1.0):
    """Slow eigenvalue at w = v = 1 (no noise, no decay), for both losses: about -2 alpha beta/(1 +
    2 alpha) if small.

    The Jacobian is [[-(1 + 2 alpha), 1], [beta, -beta]]; without a running average the rate of w is
    -2 alpha.
    """
    beta, trace = np.asarray(beta, float), 1 + 2 * np.asarray(alpha, float) + beta
    root = np.sqrt(trace**2 - 8 * alpha * beta)
    # the product of the roots over the larger one: no cancellation
    return -4 * alpha * beta / (trace + root)


def growth_rate(beta):
    """Rate of w under IsoLoss near w = v = 0: (-beta + sqrt(beta^2 + 4 beta))/2, 1 without a
    running average."""
    beta = np.asarray(beta, float)
    return 2 * beta / (beta + np.sqrt(beta**2 + 4 * beta))


def normalised_rhs(t, y, q, *, iso):
    """lam_m' = 2 s_m (1 - s_m) lam_m, or 2 (1 - s_m) lam_m with IsoLoss, s_m = (lam_m/max
    lam)^alpha: the top rests."""
    s = (y / y.max(axis=-1, keepdims=True)) ** np.asarray(q["alpha"])[..., None]
    return 2 * (1.0 if iso else s) * (1 - s) * y


def normalised_time(ratio0, ratio1, alpha=0.5, *, iso):
    """Time for lam_m/max lam from ratio0 to ratio1, both in (0, 1) and rising; s' = 2 alpha s^2
    (1-s), iso s (1-s)."""
    c = (1.0, -1.0, 0.0) if iso else (0.0, 1.0, -1.0)
    s0, s1 = (np.asarray(r, float) ** alpha for r in (ratio0, ratio1))
    return (clock(s1, c) - clock(s0, c)) / (2 * alpha)


def normalised_logistic(t, lam0, alpha=0.5):
    """lam(t) (T, M) of IsoLoss with the max-normalised predictor: s is logistic, s/(1-s) =
    s0/(1-s0) e^(2 alpha t)."""
    lam0 = np.asarray(lam0, float)
    s0 = (lam0 / lam0.max()) ** alpha
    s = s0 / (s0 + (1 - s0) * np.exp(-2 * alpha * np.asarray(t, float)[:, None]))
    return lam0.max() * s ** (1 / alpha)


def normalised_flow(modes: int, *, iso: bool = False) -> Flow:
    """The flow of `modes` eigenvalues under the max-normalised predictor of the deep runs, state
    lam (modes,)."""
    closed = {"time": partial(normalised_time, iso=iso)} | (
        {"lam": normalised_logistic} if iso else {}
    )
    return Flow(
        f"{modes} modes, max-normalised predictor{', IsoLoss' if iso else ''}",
        "halvagal2023, derived by us",
        {"lam": (modes,)},
        partial(normalised_rhs, iso=iso),
        (ALPHA_DEEP,),
        invariants={"largest": lambda t, y, q: y.max(axis=-1)},
        closed_forms=closed,
    )


def _ema_flow(iso):
    named = [partial(f, iso=iso) for f in (ema_points, ema_jacobian)]
    return Flow(
        f"one mode with a running average{', IsoLoss' if iso else ''}",
        "halvagal2023, derived by us",
        {"w": (), "v": ()},
        partial(ema_rhs, iso=iso),
        (ALPHA, SIGMA2, ONE_SIDED, RHO, BETA),
        *named,
        closed_forms={"slow rate": slow_rate, "growth rate": growth_rate},
    )


EMA, EMA_ISO = _ema_flow(False), _ema_flow(True)
