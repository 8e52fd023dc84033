"""Liu, Suganuma and Okatani (2022), one mode at a time: a number p (predictor) and a number w
(encoder).

b is the variance of the mean image along the mode, s what augmentation adds, so a view has second
moment k = b + s. Scalars and arrays broadcast. Learning rates of predictor and encoder are equal,
as in the paper.
"""

import numpy as np

from ncssl.theory.helpers import roots
from ncssl.theory.ode.flow import Flow
from ncssl.theory.ode.params import Param

B = Param("b", 1.0, "variance of the mean image along the mode", low=0, open_low=True)
S = Param("s", 0.5, "variance that augmentation adds", low=0)
ETA = Param("eta", 0.05, "weight decay of the flow, per unit of time", low=0)
LAMBDA = Param(
    "lambda_", 1.0, "weight of the constraint against the invariance term, as in eq. 15", low=0
)
NO_ETA = Param("eta", 0.0, ETA.meaning, low=0)


def mode_rhs(t, y, q):
    """Gradient flow of 1/2 E(p w x1 - stopgrad(w x2))^2 with weight decay, y = (p, w). liu2022, eq.
    5 for one mode."""
    p, w = y[..., 0], y[..., 1]
    pull = q["b"] - (q["b"] + q["s"]) * p
    return np.stack([w**2 * pull - q["eta"] * p, p * w * pull - q["eta"] * w], axis=-1)


def balanced_rhs(t, y, q):
    """The mode where predictor and encoder are equal, p = w, y = (p,): p' = p^2 (b - k p) -
    eta p."""
    p = y[..., 0]
    return (p**2 * (q["b"] - (q["b"] + q["s"]) * p) - q["eta"] * p)[..., None]


def eta_critical(b=1.0, s=0.5):
    """Weight decay above which the mode dies: b^2 / (4 (b + s)). Ours; the paper does not give
    it."""
    return np.asarray(b, float) ** 2 / (4 * (np.asarray(b, float) + s))


def p_plus(b=1.0, s=0.5, eta=0.05):
    """Where a surviving mode ends: [b + sqrt(b^2 - 4 eta (b+s))] / (2 (b+s)); NaN where eta >
    eta_critical. Ours."""
    return roots(b, np.asarray(b, float) + s, eta)[1]


def p_minus(b=1.0, s=0.5, eta=0.05):
    """Edge of the basin of collapse among balanced starts, the smaller root; NaN where eta >
    eta_critical. Ours."""
    return roots(b, np.asarray(b, float) + s, eta)[0]


def equilibrium(b=1.0, s=0.5, eta=0.05):
    """The eigenvalue a mode keeps when it survives, 0 where it cannot: p_plus, or 0 where eta >
    eta_critical."""
    return np.nan_to_num(p_plus(b, s, eta))


def fixed_points(q):
    """Fixed points (p, w) with w >= 0 and eta > 0: collapse, p_minus, p_plus, all with p = w."""
    ps = {
        "collapse": np.zeros(()),
        "p_minus": p_minus(q["b"], q["s"], q["eta"]),
        "p_plus": p_plus(q["b"], q["s"], q["eta"]),
    }
    return {name: np.stack([p, p], axis=-1) for name, p in ps.items()}


def jacobian(y, q):
    """Jacobian (..., 2, 2) of mode_rhs at y = (p, w)."""
    p, w = y[..., 0], y[..., 1]
    b, k, eta = q["b"], q["b"] + q["s"], q["eta"]
    rows = np.broadcast_arrays(
        -k * w**2 - eta, 2 * w * (b - k * p), w * (b - 2 * k * p), p * (b - k * p) - eta
    )
    return np.stack(rows, axis=-1).reshape(*rows[0].shape, 2, 2)


def jacobian_eigenvalues(p, b=1.0, s=0.5, eta=0.05):
    """Closed form at p = w = p_minus or p_plus: (..., 2) = {-2 eta, p (b - 2 (b+s) p)}. Ours."""
    p, b = np.asarray(p, float), np.asarray(b, float)
    return np.stack(
        np.broadcast_arrays(-2 * np.asarray(eta, float), p * (b - 2 * (b + s) * p)), axis=-1
    )


def balance(t, y, q):
    """(p^2 - w^2) e^{2 eta t}, constant along every trajectory: Theorem 3.1 of liu2022 for one
    mode."""
    return (y[..., 0] ** 2 - y[..., 1] ** 2) * np.exp(2 * q["eta"] * t)


def balanced_time(p, p0, b=1.0, s=0.5, eta=0.05):
    """Time in which a balanced mode goes from p0 to p, 0 < eta < eta_critical, both on one side of
    each root. Ours.

    p' = -k p (p - p_minus)(p - p_plus), so t is a sum of three logarithms by partial fractions.
    """
    low, high = p_minus(b, s, eta), p_plus(b, s, eta)
    k, p, p0 = np.asarray(b, float) + s, np.asarray(p, float), np.asarray(p0, float)
    parts = (
        (0.0, 1 / (low * high)),
        (low, 1 / (low * (low - high))),
        (high, 1 / (high * (high - low))),
    )
    return -sum(weight * np.log((p - root) / (p0 - root)) for root, weight in parts) / k


MODE = Flow(
    "mode",
    "liu2022, eq. 5 and 9",
    {"p": (), "w": ()},
    mode_rhs,
    (B, S, ETA),
    fixed_points,
    jacobian,
    {"balance": balance},
    {"eigenvalues at p_minus, p_plus": jacobian_eigenvalues},
)
BALANCED = Flow(
    "balanced mode",
    "ours",
    {"p": ()},
    balanced_rhs,
    (B, S, ETA),
    closed_forms={"time": balanced_time},
)
