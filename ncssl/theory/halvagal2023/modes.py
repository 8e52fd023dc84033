"""Halvagal, Laborieux and Zenke (2023), Euclidean losses: one eigenvalue lam of the correlation
matrix C at a time.

The encoder is z = W x with white x, C = W W^T, and the predictor is the matrix power C^alpha
without gradient, so each mode has predictor eigenvalue s = lam^alpha. Every Euclidean case is lam'
= 2 g(s) lam with a polynomial g of degree at most 2; its three coefficients decide everything
below. Time: steps times learning rate, for a loss of 1/2 |.|^2.
"""

from functools import partial

import numpy as np

from ncssl.errors import UnknownName
from ncssl.theory.ode.flow import Flow
from ncssl.theory.ode.params import Param

ALPHA = Param(
    "alpha", 1.0, "power of the closed-form predictor, s = lam^alpha", low=0, open_low=True
)
SIGMA2 = Param("sigma2", 0.0, "variance that the views add to an input of variance 1", low=0)
ONE_SIDED = Param(
    "one_sided", 0.0, "0: both views are noisy, 1: only the target's view", low=0, high=1
)
RHO = Param("rho", 0.0, "weight decay of the encoder, per unit of time", low=0)
BETA = Param(
    "beta", 0.1, "rate of the target's running average, per unit of time", low=0, open_low=True
)
PARAMS = (ALPHA, SIGMA2, ONE_SIDED, RHO)

LOSSES = {
    "euc": "predictor and stop-gradient",
    "euc_iso": "IsoLoss: the predictor's factor s taken out of the gradient",
    "euc_nosg": "no stop-gradient",
    "euc_wrong_side": "the branch of the predictor stopped instead of the target",
    "euc_nopred": "stop-gradient, no predictor",
}


def coefficients(loss, q):
    """(c0, c1, c2) of the growth g(s) = c0 + c1 s + c2 s^2 in lam' = 2 g(s) lam; ours, from the
    population gradient.

    The online view has second moment 1 + (1 - one_sided) sigma2, the target's 1 + sigma2, their
    product 1. Raises UnknownName for another loss.
    """
    online, target, rho = 1 + (1 - q["one_sided"]) * q["sigma2"], 1 + q["sigma2"], q["rho"]
    table = {
        "euc": (-rho, 1.0, -online),
        "euc_iso": (1 - rho, -online, 0.0),
        "euc_nosg": (-target - rho, 2.0, -online),
        "euc_wrong_side": (-target - rho, 1.0, 0.0),
        "euc_nopred": (1 - online - rho, 0.0, 0.0),
    }
    if loss not in table:
        raise UnknownName("Euclidean loss", loss, table)
    return tuple(np.broadcast_arrays(*(np.asarray(c, float) for c in table[loss])))


def growth(s, c):
    """g(s) = c0 + c1 s + c2 s^2."""
    return c[0] + s * (c[1] + s * c[2])


def mode_rhs(t, y, q, *, loss):
    """lam' = 2 g(lam^alpha) lam, y = (lam,). A negative lam, which only rounding can make, counts
    as 0 in s."""
    lam = y[..., 0]
    return (2 * growth(np.maximum(lam, 0) ** q["alpha"], coefficients(loss, q)) * lam)[..., None]


def mode_jacobian(y, q, *, loss):
    """d lam'/d lam = 2 g(s) + 2 alpha s g'(s), shape (..., 1, 1)."""
    c, s = coefficients(loss, q), y[..., 0] ** q["alpha"]
    return (2 * growth(s, c) + 2 * q["alpha"] * s * (c[1] + 2 * c[2] * s))[..., None, None]


def roots(c):
    """Positive roots (minus, plus) of g: g rises through minus, which repels, and falls through
    plus, which attracts.

    NaN where a root does not exist; a double root is both.
    """
    c0, c1, c2 = c
    with np.errstate(all="ignore"):
        line = np.where(c1 != 0, -c0 / c1, np.nan)
        inside = c1**2 - 4 * c0 * c2
        half = np.sqrt(np.where(inside < 0, np.nan, inside))
        # c2 < 0 and c1 > 0 in every quadratic case: no cancellation
        larger = (c1 + half) / (-2 * c2)
        smaller = np.where(larger > 0, c0 / (c2 * larger), np.nan)
        minus = np.where(c2 != 0, smaller, np.where(c1 > 0, line, np.nan))
        plus = np.where(c2 != 0, larger, np.where(c1 < 0, line, np.nan))
    return np.where(minus > 0, minus, np.nan), np.where(plus > 0, plus, np.nan)


def fixed_points(q, *, loss):
    """{"collapse", "minus", "plus"}: lam (..., 1) where it rests; NaN where there is no such
    point."""
    minus, plus = (root ** (1 / q["alpha"]) for root in roots(coefficients(loss, q)))
    return {
        "collapse": np.zeros((*minus.shape, 1)),
        "minus": minus[..., None],
        "plus": plus[..., None],
    }


def limit(lam, loss, q):
    """Where lam(t) goes as t grows: a root of g, 0, or inf (with the wrong branch stopped it gets
    there in no time)."""
    lam = np.asarray(lam, float)
    minus, plus = (fixed_points(q, loss=loss)[name][..., 0] for name in ("minus", "plus"))
    g = growth(lam ** q["alpha"], coefficients(loss, q))
    up = np.fmin(np.where(minus >= lam, minus, np.inf), np.where(plus >= lam, plus, np.inf))
    down = np.fmax(np.where(minus <= lam, minus, 0.0), np.where(plus <= lam, plus, 0.0))
    return np.where((lam == 0) | (g == 0), lam, np.where(g > 0, up, down))


def clock(s, c):
    """An antiderivative of 1/(s g(s)): along a trajectory clock(s(t)) - 2 alpha t is constant.
    Shape of s and c.

    Infinite at a root of g, NaN where g is 0 everywhere. Cases: degree of g, c0 = 0, and the sign
    of c1^2 - 4 c0 c2.
    """
    s, c0, c1, c2 = np.broadcast_arrays(np.asarray(s, float), *c)
    with np.errstate(all="ignore"):
        constant = np.log(s) / c0
        linear = np.where(c0 != 0, np.log(s / np.abs(c0 + c1 * s)) / c0, -1 / (c1 * s))
        without_c0 = -1 / (c1 * s) - c2 / c1**2 * np.log(s / np.abs(c1 + c2 * s))
        g, slope, inside = growth(s, (c0, c1, c2)), c1 + 2 * c2 * s, c1**2 - 4 * c0 * c2
        root = np.sqrt(np.abs(inside))
        real = np.log(np.abs((slope - root) / (slope + root))) / root
        integral = np.where(
            inside > 0, real, np.where(inside < 0, 2 / root * np.arctan(slope / root), -2 / slope)
        )
        quadratic = (np.log(s) - np.log(np.abs(g)) / 2 - c1 / 2 * integral) / c0
    answer = np.where(
        c2 != 0, np.where(c0 != 0, quadratic, without_c0), np.where(c1 != 0, linear, constant)
    )
    return np.where((c0 == 0) & (c1 == 0) & (c2 == 0), np.nan, answer)


def time_between(lam0, lam1, loss, q):
    """Exact time from lam0 > 0 to lam1 > 0; inf where the flow does not lead there. Arrays
    broadcast."""
    lam0, lam1 = np.broadcast_arrays(np.asarray(lam0, float), np.asarray(lam1, float))
    c, s0, s1 = coefficients(loss, q), lam0 ** q["alpha"], lam1 ** q["alpha"]
    end = limit(lam0, loss, q)
    between = np.where(end > lam0, (lam1 >= lam0) & (lam1 < end), (lam1 <= lam0) & (lam1 > end))
    with np.errstate(invalid="ignore"):
        time = (clock(s1, c) - clock(s0, c)) / (2 * q["alpha"])
    return np.where(lam0 == lam1, 0.0, np.where(between, time, np.inf))


def half_time(lam0, *, iso=False):
    """Time from lam0 < 1/2 to 1/2 at alpha = 1, no noise, no decay: ln((1-l)/l)/2, plus 1/(2l) - 1
    without IsoLoss."""
    lam0 = np.asarray(lam0, float)
    return np.log((1 - lam0) / lam0) / 2 + (0.0 if iso else 1 / (2 * lam0) - 1)


def explicit(t, lam0, loss, q):
    """lam(t) in closed form where g has degree <= 1 (euc_iso, euc_wrong_side, euc_nopred); inf
    after a blow-up.

    s(t) = c0 s0 / ((c0 + c1 s0) e^(-2 alpha c0 t) - c1 s0), a logistic curve. Raises ValueError for
    the other losses.
    """
    c0, c1, c2 = coefficients(loss, q)
    if np.any(c2 != 0):
        raise ValueError(
            f"loss must have a growth of degree 1 or 0, was {loss!r}: use time_between"
        )
    t, s0, rate = np.asarray(t, float), np.asarray(lam0, float) ** q["alpha"], 2 * q["alpha"]
    with np.errstate(all="ignore"):
        bottom = np.where(
            c0 != 0, (c0 + c1 * s0) * np.exp(-rate * c0 * t) - c1 * s0, 1 - rate * c1 * s0 * t
        )
        s = np.where(c0 != 0, c0, 1.0) * s0 / bottom
        s = np.where((c1 > 0) & (t >= blow_up_time(lam0, loss, q)), np.inf, s)
    return s ** (1 / q["alpha"])


def blow_up_time(lam0, loss, q):
    """When lam(t) becomes infinite with the wrong branch stopped: ln(s0/(s0 - s_edge))/(2 alpha
    s_edge); inf: never."""
    c0, c1, _ = coefficients(loss, q)
    s0 = np.asarray(lam0, float) ** q["alpha"]
    with np.errstate(all="ignore"):
        time = np.log(c1 * s0 / (c0 + c1 * s0)) / (-2 * q["alpha"] * c0)
    return np.where((c1 > 0) & (c0 + c1 * s0 > 0), time, np.inf)


def critical_decay(loss="euc", sigma2=0.0, one_sided=0.0):
    """Largest weight decay with a stable mode: 1/(4 (1 + online noise)) for euc, 1 for euc_iso, 0
    for the others."""
    online = 1 + (1 - np.asarray(one_sided, float)) * sigma2
    table = {"euc": 1 / (4 * online), "euc_iso": np.ones_like(online)}
    return table.get(loss, np.zeros_like(online))


def _clock_invariant(t, y, q, *, loss):
    c = coefficients(loss, q)
    if loss == "euc_nopred":
        return np.log(y[..., 0]) - 2 * c[0] * t
    return clock(y[..., 0] ** q["alpha"], c) - 2 * q["alpha"] * t


def mode_flow(loss: str) -> Flow:
    """The flow of one eigenvalue, state lam, under a Euclidean loss of LOSSES. Raises
    UnknownName."""
    if loss not in LOSSES:
        raise UnknownName("Euclidean loss", loss, LOSSES)
    named = {f.__name__: partial(f, loss=loss) for f in (mode_rhs, fixed_points, mode_jacobian)}
    closed = {"time between": partial(time_between, loss=loss), "limit": partial(limit, loss=loss)}
    if loss in ("euc_iso", "euc_wrong_side", "euc_nopred"):
        closed["lam"] = partial(explicit, loss=loss)
    return Flow(
        f"one mode, {loss}",
        "halvagal2023, derived by us",
        {"lam": ()},
        named["mode_rhs"],
        PARAMS,
        named["fixed_points"],
        named["mode_jacobian"],
        {"clock": partial(_clock_invariant, loss=loss)},
        closed,
    )


MODES = {loss: mode_flow(loss) for loss in LOSSES}
