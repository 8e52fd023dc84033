"""Liu, Suganuma and Okatani (2022) without the stop-gradient: one mode held up by a constraint of
weight lambda_. Ours.

Notation of modes: a mode has p (predictor) and w (encoder), k = b + s. "eq 15": constraint p^2 - k
w^2; "eq 17": p^2 (1 - k w^2). With Wp = I both are 1 - c, c = k w^2 the second moment of the
feature.
"""

from functools import partial

import numpy as np

from ncssl.errors import UnknownName
from ncssl.theory.liu2022.modes import LAMBDA, NO_ETA, B, S
from ncssl.theory.ode.flow import Flow
from ncssl.theory.ode.params import Param

CONSTRAINTS = ("eq 15", "eq 17")
LITTLE_S = Param("s", 0.01, S.meaning, low=0, open_low=True)
# augmentation variance, in units of b, from which on eq. 15 rests only at zero
SMALL_S = 3 / np.sqrt(8) - 1


def known(constraint):
    """The name of a constraint, if it is one; raises UnknownName."""
    if constraint not in CONSTRAINTS:
        raise UnknownName("constraint", constraint, CONSTRAINTS)
    return constraint


def learned_rhs(t, y, q, *, constraint):
    """Gradient flow of one mode of eq. 15 or 17, predictor learned, y = (p, w).

    Loss 1/2 [w^2 (k p^2 - 2 b p + k) + lambda g^2], g = p^2 - k w^2 or p^2 (1 - k w^2), and weight
    decay.
    """
    p, w = y[..., 0], y[..., 1]
    b, k, lam = q["b"], q["b"] + q["s"], q["lambda_"]
    if constraint == "eq 15":
        g = p**2 - k * w**2
        along_p, along_w = 2 * lam * p * g, -2 * lam * k * w * g
    else:
        g = 1 - k * w**2
        along_p, along_w = 2 * lam * p**3 * g**2, -2 * lam * k * w * p**4 * g
    dp = -(w**2) * (k * p - b) - along_p - q["eta"] * p
    dw = -w * (k * p**2 - 2 * b * p + k) - along_w - q["eta"] * w
    return np.stack([dp, dw], axis=-1)


def learned_jacobian(y, q, *, constraint):
    """Jacobian (..., 2, 2) of learned_rhs at y = (p, w); symmetric, for the flow is a gradient."""
    p, w = y[..., 0], y[..., 1]
    b, k, lam, eta = q["b"], q["b"] + q["s"], q["lambda_"], q["eta"]
    m = k * w**2
    if constraint == "eq 15":
        pp, pw, ww = 2 * lam * (3 * p**2 - m), -4 * lam * k * p * w, -2 * lam * k * (p**2 - 3 * m)
    else:
        pp, pw = 6 * lam * p**2 * (1 - m) ** 2, -8 * lam * k * w * p**3 * (1 - m)
        ww = -2 * lam * k * p**4 * (1 - 3 * m)
    cross = -2 * w * (k * p - b) - pw
    rows = np.broadcast_arrays(-m - pp - eta, cross, cross, -(k * p**2 - 2 * b * p + k) - ww - eta)
    return np.stack(rows, axis=-1).reshape(*rows[0].shape, 2, 2)


def rest_lambda(p, b=1.0, s=0.01, constraint="eq 15"):
    """The lambda for which the mode has, without weight decay, a rest point at this p with w > 0;
    NaN where none has.

    Both derivatives are set to zero and w is removed. Under eq. 15 such p lie between the roots of
    2 k p^2 - 3 b p + k, which are real only for s < (3/sqrt(8) - 1) b; under eq. 17 they are all of
    (0, b/k).
    """
    p, b = np.asarray(p, float), np.asarray(b, float)
    k = b + s
    with np.errstate(divide="ignore", invalid="ignore"):
        cost = (k * p**2 - 2 * b * p + k) / (2 * k)
        if known(constraint) == "eq 15":
            room = p * (3 * b * p - 2 * k * p**2 - k)
            lam = cost * (b - k * p) / room
            good = (p > 0) & (room > 0)
        else:
            lam = cost / p**4 + 2 * k * cost**2 / (p**5 * (b - k * p))
            good = (p > 0) & (k * p < b)
    return np.where(good, lam, np.nan)


def rest_w(p, b=1.0, s=0.01, constraint="eq 15"):
    """The w > 0 that goes with p at the rest point of `rest_lambda`."""
    p, b = np.asarray(p, float), np.asarray(b, float)
    k = b + s
    cost = k * p**2 - 2 * b * p + k
    if known(constraint) == "eq 15":
        return np.sqrt(p * cost / (k * (b - k * p)))
    return np.sqrt((1 - cost / (2 * k * rest_lambda(p, b, s, constraint) * p**4)) / k)


def critical(b=1.0, s=0.01, constraint="eq 15"):
    """Smallest lambda at which a learned predictor can rest away from zero, and its p: two floats,
    scalars b and s.

    (inf, nan) for eq. 15 with s >= 0.0607 b: there the constraint alone never prevents collapse.
    """
    b, s = float(b), float(s)
    k = b + s
    low, high = 0.0, b / k
    if known(constraint) == "eq 15":
        if s >= SMALL_S * b:
            return np.inf, np.nan
        root = np.sqrt(9 * b**2 - 8 * k**2)
        low, high = (3 * b - root) / (4 * k), (3 * b + root) / (4 * k)
    for _ in range(6):  # zoom in on the only minimum
        p = np.linspace(low, high, 1003)[1:-1]
        best = int(np.nanargmin(rest_lambda(p, b, s, constraint)))
        low, high = p[max(best - 2, 0)], p[min(best + 2, len(p) - 1)]
    return float(np.nanmin(rest_lambda(p, b, s, constraint))), float(p[best])


def rest_points(q, *, constraint):
    """Rest points (p, w), w >= 0, without weight decay, for scalar b, s, lambda_: "collapse", and
    "lower", "upper".

    The last two exist beyond the critical lambda; the lower is a saddle, the upper attracts.
    """
    b, s, lam = (float(q[name]) for name in ("b", "s", "lambda_"))
    k = b + s
    cost, room = np.array([k, -2 * b, k]) / (2 * k), np.array([-k, b])
    if constraint == "eq 15":
        poly = np.polysub(lam * np.array([-2 * k, 3 * b, -k, 0.0]), np.polymul(cost, room))
    else:
        sixth = lam * np.polymul(np.array([1.0, 0, 0, 0, 0, 0]), room)
        poly = np.polysub(
            sixth,
            np.polyadd(
                np.polymul(np.polymul(cost, room), [1.0, 0.0]), 2 * k * np.polymul(cost, cost)
            ),
        )
    real = [r.real for r in np.roots(poly) if abs(r.imag) < 1e-9]
    roots = [p for p in real if np.isfinite(rest_lambda(p, b, s, constraint))]
    found = {
        name: np.array([p, float(rest_w(p, b, s, constraint))])
        for name, p in zip(("lower", "upper"), sorted(roots), strict=False)
    }
    return {"collapse": np.zeros(2)} | found


def ipred_rhs(t, y, q):
    """One eigenvalue c of the second moment with Wp = I, no stop-gradient, weight lambda_ on |I -
    C|^2; y = (c,)."""
    c = y[..., 0]
    k = q["b"] + q["s"]
    return (4 * c * (q["lambda_"] * k * (1 - c) - q["s"] - q["eta"] / 2))[..., None]


def ipred_equilibrium(lambda_=1.0, b=1.0, s=0.5, eta=0.0):
    """Where c ends: max(0, 1 - (s + eta/2) / (lambda (b+s))); 0 where lambda = 0."""
    pull, cost = np.asarray(lambda_, float) * (np.asarray(b, float) + s), s + np.asarray(eta) / 2
    held = pull > cost
    return np.where(held, 1 - cost / np.where(held, pull, 1.0), 0.0)


def ipred_critical(b=1.0, s=0.5, eta=0.0):
    """Weight of the constraint up to which Wp = I collapses: (s + eta/2) / (b+s)."""
    return (np.asarray(s, float) + np.asarray(eta, float) / 2) / (np.asarray(b, float) + s)


def ipred_solution(t, c0, lambda_=1.0, b=1.0, s=0.5, eta=0.0):
    """c(t) from c0: the logistic c0 e^{at} / (1 + c0 h (e^{at} - 1)/a), a = 4(lambda k - s) - 2
    eta, h = 4 lambda k.

    The eigenvalues of C = k W W^T follow it one by one, with eigenvectors at rest.
    """
    h = 4 * np.asarray(lambda_, float) * (np.asarray(b, float) + s)
    a = h - 4 * np.asarray(s, float) - 2 * np.asarray(eta, float)
    t = np.asarray(t, float)
    # both sides are divided by e^{at} where it grows, so nothing overflows
    shrink = np.exp(-np.abs(a * t))
    ratio = np.where(a == 0, t, -np.expm1(-np.abs(a * t)) / np.where(a == 0, 1.0, np.abs(a)))
    return c0 * np.where(a > 0, 1.0, shrink) / (np.where(a > 0, shrink, 1.0) + c0 * h * ratio)


LEARNED = {
    name: Flow(
        f"mode of {name} without stop-gradient",
        f"liu2022, {name}",
        {"p": (), "w": ()},
        partial(learned_rhs, constraint=name),
        (B, LITTLE_S, LAMBDA, NO_ETA),
        partial(rest_points, constraint=name),
        partial(learned_jacobian, constraint=name),
    )
    for name in CONSTRAINTS
}
IPRED = Flow(
    "second moment with the identity as predictor",
    "ours, for Table 3 of liu2022",
    {"c": ()},
    ipred_rhs,
    (B, S, LAMBDA, NO_ETA),
    closed_forms={"c": ipred_solution},
)
