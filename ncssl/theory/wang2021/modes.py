"""Wang, Chen, Du and Tian (2021), one mode at a time: lam, a singular value of the encoder W under
DirectSet(alpha).

u = |lam|^(2 alpha) is the eigenvalue that the power of the correlation matrix gives the predictor,
v = u + eps the predictor's, k = 1 + sigma2 the second moment of a view (sigma2 = 0 for a signal
mode). Scalars and arrays broadcast.
"""

import numpy as np

from ncssl.theory.helpers import roots
from ncssl.theory.ode.flow import Flow
from ncssl.theory.ode.params import Param

SIGMA2 = Param("sigma2", 1.0, "variance of the augmentation along the mode, data variance 1", low=0)
ETA = Param("eta", 0.2, "weight decay of the flow, per unit of time", low=0)
ALPHA = Param(
    "alpha",
    1.0,
    "power of the correlation matrix: 1 is DirectCopy, 1/2 DirectPred",
    low=0,
    open_low=True,
)
EPS = Param("eps", 0.0, "multiple of the identity added to the predictor", low=0)
LAYERS = Param("layers", 1.0, "number of linear layers of the encoder, a whole number", low=1)
DELTA = Param("delta", 0.95, "every singular value of the encoder at the start, with its sign")


def drive(lam, q):
    """u^(q-1) (v - k v^2), q = 1 + 1/alpha - 1/(alpha l): relative growth a layer before weight
    decay."""
    v = np.abs(lam) ** (2 * q["alpha"]) + q["eps"]
    return np.abs(lam) ** (2 - 2 / q["layers"]) * v * (1 - (1 + q["sigma2"]) * v)


def mode_rhs(t, y, q):
    """lam' = l lam [|lam|^(2 - 2/l) (v - k v^2) - eta]: wang2021, eq. 3 (l = 1, eps = 0), Thm 5
    (l), Thm 6 (eps).

    y = (lam,), the product of l equal layers, each with weight decay eta.
    """
    lam = y[..., 0]
    return (q["layers"] * lam * (drive(lam, q) - q["eta"]))[..., None]


def rate(lam, q):
    """Derivative of mode_rhs at lam, at any lam: the Jacobian of one mode. At 0: eps - k eps^2 -
    eta for one layer."""
    u, power = np.abs(lam) ** (2 * q["alpha"]), 2 - 2 / q["layers"]
    v, k = u + q["eps"], 1 + q["sigma2"]
    slope = np.abs(lam) ** power * (power * (v - k * v**2) + 2 * q["alpha"] * u * (1 - 2 * k * v))
    return q["layers"] * (drive(lam, q) - q["eta"] + slope)


def exponent(alpha=1.0, layers=1.0):
    """q = 1 + 1/alpha - 1/(alpha l) of Thm 5: a mode of variance k loses its non-zero points at
    eta_max / k^q."""
    layers = np.asarray(layers, float)
    # in this form exactly 1 for one layer
    return 1 + (layers - 1) / (np.asarray(alpha, float) * layers)


def peak(sigma2=0.0, alpha=1.0, eps=0.0, layers=1.0):
    """u at which the drive is largest, where the two non-zero fixed points meet: q/((q+1) k) for
    eps = 0.

    Ours for eps > 0: the larger root of (q+1) k u^2 = q (1 - 2 k eps) u + (q-1) eps (1 - k eps), 0
    for k eps >= 1.
    """
    k, q, eps = 1 + np.asarray(sigma2, float), exponent(alpha, layers), np.asarray(eps, float)
    half = q * (1 - 2 * k * eps)
    root = np.sqrt(half**2 + 4 * k * (q + 1) * (q - 1) * eps * np.maximum(1 - k * eps, 0))
    return np.where(k * eps >= 1, 0.0, np.maximum(half + root, 0) / (2 * k * (q + 1)))


def _height(u, k, q, eps):
    v = u + eps
    return u ** (q - 1) * v * (1 - k * v)


def eta_threshold(sigma2=0.0, alpha=1.0, eps=0.0, layers=1.0):
    """Weight decay beyond which a mode has only the fixed point 0: 1/(4k) for one layer and eps <
    1/(2k).

    For eps = 0 and l layers 2 alpha l A^q/(B^(q+1) k^q), A = 2 alpha l + 2l - 2, B = A + 2 alpha l
    (wang2021, Thm 5).
    """
    k, q, eps = 1 + np.asarray(sigma2, float), exponent(alpha, layers), np.asarray(eps, float)
    return np.maximum(_height(peak(sigma2, alpha, eps, layers), k, q, eps), 0.0)


def limit(eta, sigma2=0.0, alpha=1.0, eps=0.0, layers=1.0):
    """The largest stable fixed point of |lam|, where survivors end; NaN where only 0 is left.

    One layer: ((1 + sqrt(1 - 4 eta k))/(2k) - eps)^(1/(2 alpha)), wang2021, Thm 1 and 6; more
    layers: bisection.
    """
    return _root(+1, eta, sigma2, alpha, eps, layers)


def edge(eta, sigma2=0.0, alpha=1.0, eps=0.0, layers=1.0):
    """The unstable fixed point of |lam|, lower edge of the basin of `limit`; 0 where any start
    survives, else NaN."""
    return _root(-1, eta, sigma2, alpha, eps, layers)


def _root(side, eta, sigma2, alpha, eps, layers):
    eta, sigma2, alpha, eps, layers = (
        np.asarray(a, float) for a in (eta, sigma2, alpha, eps, layers)
    )
    k = 1 + sigma2
    low, high = roots(1.0, k, eta)  # of v - k v^2 = eta
    one = np.where(layers == 1, (high if side > 0 else low) - eps, np.nan)
    u = np.where(
        layers == 1,
        np.where((side < 0) & (one < 0), 0.0, one),
        _bisected(side, eta, k, alpha, eps, layers),
    )
    alive = high > eps  # one layer: the upper root is beyond eps, else all of u > 0 shrinks
    good = (u > 0) | ((u == 0) & (side < 0))
    u = np.where(good & (alive | (layers > 1)), u, np.nan)
    return u ** (1 / (2 * alpha))


def _bisected(side, eta, k, alpha, eps, layers):
    """Root u of u^(q-1) (v - k v^2) = eta above (+1) or below (-1) the peak; the drive is unimodal
    there."""
    q, top = exponent(alpha, layers), peak(k - 1, alpha, eps, layers)
    far = np.maximum(1 / k - eps, 0.0) if side > 0 else np.zeros_like(k)
    far, near, q, eps, k, eta = np.broadcast_arrays(far, top, q, eps, k, eta)
    exists = _height(near, k, q, eps) >= eta
    for _ in range(200):
        middle = (far + near) / 2
        inside = _height(middle, k, q, eps) >= eta
        far, near = np.where(inside, far, middle), np.where(inside, middle, near)
    return np.where(exists & (top > 0), (far + near) / 2, np.nan)


def end(delta, eta, sigma2=0.0, alpha=1.0, eps=0.0, layers=1.0):
    """Where lam goes from the start delta: sign(delta) limit if |delta| is beyond the edge, else 0
    (edge: itself)."""
    delta = np.asarray(delta, float)
    high, low = (f(eta, sigma2, alpha, eps, layers) for f in (limit, edge))
    size = np.where(np.abs(delta) > low, high, np.where(np.abs(delta) < low, 0.0, low))
    return np.sign(delta) * np.where(np.isnan(high), 0.0, size)


def fixed_points(q):
    """Fixed points lam >= 0 (..., 1): collapse, edge, limit; their mirror images are fixed points
    as well."""
    given = (q["eta"], q["sigma2"], q["alpha"], q["eps"], q["layers"])
    points = {"edge": edge(*given)[..., None], "limit": limit(*given)[..., None]}
    return {"collapse": np.zeros_like(points["limit"]), **points}


def kept_variance(eta, alpha=1.0, layers=1.0):
    """Augmentation variance up to which a mode survives: 1/(4 eta) - 1, or (eta_max/eta)^(1/q) - 1;
    eps = 0.

    The graded reading of wang2021, Thm 1 and 5 (ours): mode j is kept iff sigma_j^2 is below.
    Negative: none is.
    """
    ratio = eta_threshold(0.0, alpha, 0.0, layers) / np.asarray(eta, float)
    return ratio ** (1 / exponent(alpha, layers)) - 1


def time_between(start, lam, q):
    """Exact time from `start` to `lam` for one layer: the integral of dlam/lam' in closed form
    (ours).

    Both on the same side of every fixed point. NaN where the roots merge: at the threshold, or
    where 0 is a double root (eta = 0 with eps = 0). Partial fractions of 1/(-2 alpha k u (u - a)(u
    - b)); beyond the threshold a, b are complex conjugates and the same formula holds.
    """
    k, eps = 1 + q["sigma2"], q["eps"]
    root = np.sqrt(np.asarray(1 - 4 * k * q["eta"], complex))
    a, b = (1 - root) / (2 * k) - eps, (1 + root) / (2 * k) - eps
    u0, u = (np.abs(x) ** (2 * q["alpha"]) for x in (start, lam))
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = [
            np.log(u / u0) / (a * b),
            np.log((u - a) / (u0 - a)) / (a * (a - b)),
            np.log((u - b) / (u0 - b)) / (b * (b - a)),
        ]
        return np.real(-sum(parts) / (2 * q["alpha"] * k))


def clock(t, y, q):
    """time_between(1.2, lam) - t: constant along a trajectory of one layer that does not cross
    1.2."""
    return time_between(1.2, y[..., 0], q) - t


# ---- Theorem 4: the predictor from the correlation of the augmented views


def augmented_rhs(t, y, q):
    """Wp = (W (I + X') W^T)^alpha: lam' = lam [v - k v^2 - eta], v = (k lam^2)^alpha. Corrects
    wang2021, Thm 4.

    Erratum: the paper prints |lam|^(2 alpha) - k^(1 + 2 alpha) |lam|^(4 alpha) - eta in the
    bracket. The first term lost the factor k^alpha that the second has twice: W' = Wp W - Wp^2 W (I
    + X') - eta W and Wp acts as v.
    """
    lam, k = y[..., 0], 1 + q["sigma2"]
    v = (k * lam**2) ** q["alpha"]
    return (lam * (v - k * v**2 - q["eta"]))[..., None]


def augmented_rate(lam, q):
    """Derivative of augmented_rhs at lam."""
    k = 1 + q["sigma2"]
    v = (k * lam**2) ** q["alpha"]
    return v - k * v**2 - q["eta"] + 2 * q["alpha"] * v * (1 - 2 * k * v)


def augmented_points(q):
    """Fixed points (..., 1) of augmented_rhs: lam = v^(1/(2 alpha))/sqrt(k) at both roots of v - k
    v^2 = eta."""
    k = 1 + q["sigma2"]
    named = zip(("edge", "limit"), roots(1.0, k, q["eta"]), strict=True)
    points = {name: (v ** (1 / (2 * q["alpha"])) / np.sqrt(k))[..., None] for name, v in named}
    return {"collapse": np.zeros_like(points["limit"]), **points}


def theorem4_printed(sigma2, alpha=1.0):
    """Threshold 1/(4 k^(1 + 2 alpha)) as the paper prints it; integration contradicts it (see
    augmented_rhs)."""
    return 1 / (4 * (1 + np.asarray(sigma2, float)) ** (1 + 2 * np.asarray(alpha, float)))


def theorem4_corrected(sigma2):
    """Threshold 1/(4k), for every alpha: in v the bracket of augmented_rhs is that of eq. 3
    (ours)."""
    return 1 / (4 * (1 + np.asarray(sigma2, float)))


MODE = Flow(
    "DirectSet mode",
    "wang2021, eq. 3, Thm 5 and 6",
    {"lam": ()},
    mode_rhs,
    (SIGMA2, ETA, ALPHA, EPS, LAYERS),
    fixed_points,
    lambda y, q: rate(y[..., 0], q)[..., None, None],
    {"clock": clock},
    {"time": time_between, "end": end},
)
AUGMENTED = Flow(
    "DirectSet mode, augmented correlation",
    "wang2021, Thm 4, corrected",
    {"lam": ()},
    augmented_rhs,
    (SIGMA2, ETA, ALPHA),
    augmented_points,
    lambda y, q: augmented_rate(y[..., 0], q)[..., None, None],
)
