"""Tian, Chen and Ganguli (2021), one mode at a time: p (predictor), s (correlation), tau (target
over online).

Scalars and arrays broadcast. k = 1 + sigma2 under isotropy; `ld`, `ls` generalise it: ld is the
eigenvalue of X (the data), ls that of X + X' (data plus augmentation), and ld = 1, ls = 1 + sigma2
is the isotropic case.
"""

import numpy as np
from scipy.integrate import cumulative_simpson

from ncssl.theory.helpers import roots
from ncssl.theory.ode.flow import Flow, join, split
from ncssl.theory.ode.params import Param
from ncssl.theory.tian2021.jacobians import (
    jacobian,
    modes_jacobian,
    parabola_jacobian,
    parabola_tau_jacobian,
    scalars_jacobian,
    two_decays_jacobian,
)

SIGMA2 = Param("sigma2", 0.25, "variance of the augmentation, data variance 1", low=0)
ETA = Param("eta", 0.1, "weight decay of the flow, per unit of time", low=0)
ETA_P = Param("eta_p", 0.1, "weight decay of the predictor alone, per unit of time", low=0)
TAU = Param("tau", 1.0, "target over online amplitude, dimensionless", low=0)
ALPHA_P = Param(
    "alpha_p", 1.0, "learning rate of the predictor over that of the trunk", low=0, open_low=True
)
BETA = Param("beta", 0.4, "rate of the target's running average, per unit of time", low=0)
LD = Param("ld", 1.0, "eigenvalue of X, the data", low=0, open_low=True)
LS = Param("ls", 1.25, "eigenvalue of X + X', data and augmentation", low=0, open_low=True)


def fixed_tau_rhs(t, y, q):
    """Modes at a fixed tau, y = (p, s): tian2021, eq. 11-12. tau = 1 is SimSiam."""
    p, s = split(y)
    drive = q["tau"] - (1 + q["sigma2"]) * p
    dp = q["alpha_p"] * s * drive - q["eta"] * p
    ds = 2 * p * s * drive - 2 * q["eta"] * s
    return join(dp, ds)


def modes_rhs(t, y, q):
    """Modes with the running average, y = (p, s, tau): tian2021, eq. 11-13. Divides by s: tau may
    diverge as s -> 0."""
    p, s, tau = split(y)
    dp, ds = split(fixed_tau_rhs(t, y[..., :2], {**q, "tau": tau}))
    return join(dp, ds, q["beta"] * (1 - tau) - tau * ds / (2 * s))


def two_decays_rhs(t, y, q):
    """Modes at a fixed tau whose predictor decays at a rate of its own, y = (p, s): tian2021,
    remark on eq. 17."""
    p, s = split(y)
    drive = q["tau"] - (1 + q["sigma2"]) * p
    return join(q["alpha_p"] * s * drive - q["eta_p"] * p, 2 * p * s * drive - 2 * q["eta"] * s)


def scalars_rhs(t, y, q):
    """The same modes as y = (wp, w, wa), p = wp, s = w^2, tau = wa/w: no division, nothing blows up
    (App. D)."""
    dy = np.empty_like(y)
    (wp, w, wa), (dwp, dw, dwa) = split(y), split(dy)
    pull = q["ld"] * wa - q["ls"] * wp * w
    np.subtract(q["alpha_p"] * pull * w, q["eta"] * wp, out=dwp)
    np.subtract(wp * pull, q["eta"] * w, out=dw)
    np.multiply(q["beta"], w - wa, out=dwa)
    return dy


def parabola_rhs(t, y, q):
    """The mode on the invariant parabola s = p^2/alpha_p, y = (p,): tian2021, eq. 16."""
    (p,) = split(y)
    return join(p**2 * (q["tau"] - (1 + q["sigma2"]) * p) - q["eta"] * p)


def parabola_tau_rhs(t, y, q):
    """Parabola with the running average, y = (p, tau): eq. 16 and 13, with s'/(2s) = p'/p."""
    p, tau = split(y)
    dp = p**2 * (tau - (1 + q["sigma2"]) * p) - q["eta"] * p
    return join(dp, q["beta"] * (1 - tau) - tau * dp / p)


def _ls(sigma2, ls):
    return 1 + np.asarray(sigma2, float) if ls is None else np.asarray(ls, float)


def eta_critical(sigma2=0.25, tau=1.0, ld=1.0, ls=None):
    """Weight decay above which only collapse is left: (tau ld)^2/(4 ls), i.e. tau^2/(4(1+sigma2)).
    tian2021, Sec. 3."""
    return (np.asarray(tau, float) * ld) ** 2 / (4 * _ls(sigma2, ls))


def p_minus(eta, sigma2=0.25, tau=1.0, ld=1.0, ls=None):
    """The unstable fixed point of p, edge of the basin of collapse; NaN where eta > eta_critical
    (no such point)."""
    return roots(np.asarray(tau, float) * ld, _ls(sigma2, ls), eta)[0]


def p_plus(eta, sigma2=0.25, tau=1.0, ld=1.0, ls=None):
    """The stable fixed point of p, where a surviving mode ends; NaN where eta > eta_critical (no
    such point)."""
    return roots(np.asarray(tau, float) * ld, _ls(sigma2, ls), eta)[1]


def points(build, *, collapse=True):
    """fixed_points of a flow: collapse, p_minus, p_plus, where build(p, q) gives the parts of the
    state at p.

    Where tau moves it rests at 1, and tau = wa/w has no value at collapse. At eta = 0 p_minus is 0,
    and each point is the one on the parabola s = p^2/alpha_p.
    """

    def fixed_points(q):
        where = {
            "tau": q.get("tau", np.ones(())),
            "ld": q.get("ld", np.ones(())),
            "ls": q.get("ls"),
            "sigma2": q.get("sigma2"),
        }
        ps = {"collapse": np.zeros(())} if collapse else {}
        ps |= {f.__name__: f(q["eta"], **where) for f in (p_minus, p_plus)}
        return {name: join(*build(p, q)) for name, p in ps.items()}

    return fixed_points


def jacobian_eigenvalues(p, eta, sigma2=0.25, tau=1.0, ld=1.0, ls=None):
    """Closed form at p = p_minus or p_plus: (..., 2) = {-2 eta, p(tau ld - 2 ls p)}; alpha_p drops
    out."""
    p, eta = np.asarray(p, float), np.asarray(eta, float)
    values = np.broadcast_arrays(
        -2 * eta, p * (np.asarray(tau, float) * ld - 2 * _ls(sigma2, ls) * p)
    )
    return np.stack(values, axis=-1)


def invariant(t, y, q):
    """(s - p^2/alpha_p) e^{2 eta t} = s(0) - p(0)^2/alpha_p along every trajectory, any tau(t).
    tian2021, eq. 14.

    Erratum: the main text of the paper prints c = p(0)^2/alpha_p - s(0), the opposite sign; its
    appendix has this one. Derivation: (p^2/alpha_p)' = 2 p p'/alpha_p = 2 p s (tau - k p) - 2 eta
    p^2/alpha_p and s' = 2 p s (tau - k p)
    - 2 eta s, so the first terms cancel in the difference, D' = -2 eta D with D = s - p^2/alpha_p.
    """
    return (y[..., 1] - y[..., 0] ** 2 / q["alpha_p"]) * np.exp(2 * q["eta"] * t)


def survives_without_decay(p0, s0, alpha_p=1.0, sigma2=0.25, tau=1.0):
    """Exact basins at eta = 0 and fixed tau > 0: True where (p0, s0) ends on p = tau/(1+sigma2),
    False where s -> 0."""
    p0, s0 = np.asarray(p0, float), np.asarray(s0, float)
    goal = tau / (1 + np.asarray(sigma2, float))
    needed = np.where(p0 < 0, p0**2, np.where(p0 <= goal, 0.0, p0**2 - goal**2)) / alpha_p
    return (s0 > needed) & (s0 > 0)


def end_without_decay(p0, s0, alpha_p=1.0, sigma2=0.25, tau=1.0):
    """End point (p, s) at eta = 0: (p*, s0 + (p*^2 - p0^2)/alpha_p), or (sign(p0) sqrt(p0^2 -
    alpha_p s0), 0)."""
    alive = survives_without_decay(p0, s0, alpha_p, sigma2, tau)
    p0, s0 = np.asarray(p0, float), np.asarray(s0, float)
    goal = tau / (1 + np.asarray(sigma2, float))
    dead_p = np.sign(p0) * np.sqrt(np.maximum(p0**2 - alpha_p * s0, 0))
    return np.where(alive, goal, dead_p), np.where(alive, s0 + (goal**2 - p0**2) / alpha_p, 0.0)


def tau_closed_form(t, p, beta):
    """tau(t) = beta e^{-beta t} p(t)^{-1} int_0^t p(u) e^{beta u} du, on the parabola, tau(0) = 0
    (eq. 15).

    t (T,) increasing from 0, p (T,) the trajectory on a grid fine enough for Simpson's rule.
    """
    weight = np.exp(beta * (t - t[-1]))
    return beta / (weight * p) * cumulative_simpson(p * weight, x=t, initial=0)


def tau_collapsed(beta, eta):
    """Limit of tau on the collapsing branch: beta/(beta - eta), infinite when beta <= eta (the
    target lags behind)."""
    beta, eta = np.asarray(beta, float), np.asarray(eta, float)
    return np.where(beta > eta, beta / np.where(beta > eta, beta - eta, 1.0), np.inf)


def curvature(p, s, tau, alpha_p=1.0, sigma2=0.25, eta=0.1, eta_p=None):
    """Eigenvalue of K for one mode: k(alpha_p s/2 + p^2 - tau p/k) + 3 eta/2; alignment while it is
    positive.

    With a decay eta_p of the predictor the last term is eta + eta_p/2 (ours: the decay of [F, Wp]
    is 2 eta + eta_p).
    """
    k, eta = 1 + np.asarray(sigma2, float), np.asarray(eta, float)
    return (
        k * (np.asarray(alpha_p) * s / 2 + p**2)
        - tau * p
        + eta
        + (eta if eta_p is None else np.asarray(eta_p)) / 2
    )


def eq17_holds(p, tau, sigma2=0.25, eta=0.1):
    """tian2021, eq. 17 on the parabola: p(tau - k p) - eta < (k p^2 + eta)/2, i.e. Delta < (alpha_p
    k s + eta)/2."""
    k = 1 + np.asarray(sigma2, float)
    return p * (tau - k * p) - eta < (k * p**2 + eta) / 2


def flow_rates(lr, keep=0.0, weight_decay=0.0, predictor_lr=1.0):
    """From an optimiser to the flow: base lr, keep of the target, weight decay -> {alpha_p, beta,
    eta}.

    Time is steps times lr; 1 - keep = lr beta, weight_decay = lr eta (tian2021, caption of Fig. 5).
    keep = 0 is no running average in practice, not beta = 1/lr. Raises ValueError unless lr > 0 and
    0 <= keep < 1.
    """
    lr = float(Param("lr", 0, "", low=0, open_low=True).check(lr))
    keep = float(Param("keep", 0, "", low=0, high=1).check(keep))
    decay = float(Param("weight_decay", 0, "", low=0).check(weight_decay))
    return {
        "alpha_p": float(ALPHA_P.check(predictor_lr)),
        "beta": (1 - keep) / lr,
        "eta": decay / lr,
    }


FIXED_TAU = Flow(
    "modes at fixed tau",
    "tian2021, eq. 11-12",
    {"p": (), "s": ()},
    fixed_tau_rhs,
    (SIGMA2, ETA, TAU, ALPHA_P),
    points(lambda p, q: (p, p**2 / q["alpha_p"])),
    jacobian,
    {"balance": invariant},
    {"end without decay": end_without_decay},
)
TWO_DECAYS = Flow(
    "modes with two decays",
    "tian2021, remark on eq. 17",
    {"p": (), "s": ()},
    two_decays_rhs,
    (SIGMA2, ETA, ETA_P, TAU, ALPHA_P),
    points(lambda p, q: (p, p**2 / q["alpha_p"] * q["eta_p"] / q["eta"])),
    two_decays_jacobian,
)
MODES = Flow(
    "modes",
    "tian2021, eq. 11-13",
    {"p": (), "s": (), "tau": ()},
    modes_rhs,
    (SIGMA2, ETA, ALPHA_P, BETA),
    points(lambda p, q: (p, p**2 / q["alpha_p"], 1.0), collapse=False),
    modes_jacobian,
    {"balance": invariant},
)
SCALARS = Flow(
    "modes as scalars",
    "tian2021, App. D",
    {"wp": (), "w": (), "wa": ()},
    scalars_rhs,
    (LD, LS, ETA, ALPHA_P, BETA),
    points(lambda p, q: (p, p / np.sqrt(q["alpha_p"]), p / np.sqrt(q["alpha_p"]))),
    scalars_jacobian,
    {"balance": lambda t, y, q: invariant(t, np.stack([y[..., 0], y[..., 1] ** 2], -1), q)},
)
PARABOLA = Flow(
    "mode on the parabola",
    "tian2021, eq. 16",
    {"p": ()},
    parabola_rhs,
    (SIGMA2, ETA, TAU),
    points(lambda p, q: (p,)),
    parabola_jacobian,
)
PARABOLA_TAU = Flow(
    "mode on the parabola with a running average",
    "tian2021, eq. 15-16",
    {"p": (), "tau": ()},
    parabola_tau_rhs,
    (SIGMA2, ETA, BETA),
    points(lambda p, q: (p, 1.0), collapse=False),
    parabola_tau_jacobian,
    closed_forms={"tau": tau_closed_form},
)
