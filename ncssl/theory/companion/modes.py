"""Five theories on one axis system: one mode of a linear encoder under every method, with the same
letters.

A mode has data variance b, augmentation variance sigma2, so that a view has variance k = b + sigma2
along it. The encoder's singular value is w, its feature variance s = w^2 (without augmentation); p
is the predictor's eigenvalue, v the target's singular value. With residual r = b v - k p w:

    set       p = |w|^(2 alpha)   w' = p r - eta w              tian2021 (alpha 1/2), wang2021 (1)
    iso       p = |w|^(2 alpha)   w' = r - eta w                halvagal2023
    learned   p' = r w - eta p    w' = p r - eta w              tian2021, liu2022 (a linear
    predictor, equal rates)
    apart     no predictor        w' = 2 w (lambda_ k (1 - k w^2) - sigma2) - eta w   liu2022 (INV +
    COV, predictor I)

v' = beta (w - v) with a running average, v = w without. What the papers share and where they part
is ours to say.
"""

from typing import Any

import numpy as np
from scipy.integrate import quad

from ncssl.errors import UnknownName
from ncssl.theory.helpers import answers, numbers, plain, roots
from ncssl.theory.ode.flow import Flow
from ncssl.theory.ode.params import Param

B = Param("b", 1.0, "variance of the data along the mode", low=0, open_low=True)
SIGMA2 = Param("sigma2", 0.25, "variance that augmentation adds along the mode", low=0)
ETA = Param("eta", 0.1, "weight decay of the flow, per unit of time", low=0)
ALPHA = Param(
    "alpha",
    0.5,
    "power of the second moment in the predictor: 1/2 DirectPred, 1 DirectCopy",
    low=0,
    open_low=True,
)
BETA = Param("beta", 0.4, "rate of the target's running average", low=0, open_low=True)
LAMBDA = Param(
    "lambda_", 1.0, "weight of the constraint that keeps channels apart", low=0, open_low=True
)
W0 = Param("w0", 0.05, "singular value of the encoder at the start", low=0, open_low=True)
PARAMS = (B, SIGMA2, ETA, ALPHA, LAMBDA)
METHODS = {
    "learned": "linear learned predictor",
    "set": "predictor set in closed form",
    "iso": "IsoLoss",
    "apart": "decorrelation",
}


def velocity(method, w, q, p=None, v=None):
    """w' (and for "learned" p') of a mode, at arrays w, p, v; v = None: the target is the encoder
    itself."""
    b, k, eta = q["b"], q["b"] + q["sigma2"], q["eta"]
    if method == "apart":
        return 2 * w * (q["lambda_"] * k * (1 - k * w**2) - q["sigma2"]) - eta * w
    if method != "learned":
        p = np.abs(w) ** (2 * q["alpha"])
    r = b * (w if v is None else v) - k * p * w
    dw = (r if method == "iso" else p * r) - eta * w
    return (dw, r * w - eta * p) if method == "learned" else dw


def _rhs(method, average):
    def rhs(t, y, q):
        w = y[..., 0]
        p = y[..., 1] if method == "learned" else None
        v = y[..., -1] if average else None
        d = velocity(method, w, q, p, v)
        parts = [*d] if method == "learned" else [d]
        return np.stack(parts + [q["beta"] * (w - v)] if average else parts, axis=-1)

    return rhs


def _flow(method: str, average: bool = False) -> Flow:
    state = {"w": ()} | ({"p": ()} if method == "learned" else {}) | ({"v": ()} if average else {})
    params = PARAMS + ((BETA,) if average else ())
    name = METHODS[method] + (", running average" if average else "")
    return Flow(name, "ours, after the five papers", state, _rhs(method, average), params)


FLOWS = {m: _flow(m) for m in METHODS}
AVERAGED = {m: _flow(m, average=True) for m in METHODS if m != "apart"}


def known(method: str) -> str:
    """The name of a method of this file; raises UnknownName."""
    if method not in METHODS:
        raise UnknownName("method", method, METHODS)
    return method


def threshold(method: str, *, b=1.0, sigma2=0.25, lambda_=1.0):
    """Weight decay beyond which the mode always dies: b^2/(4k) for learned and set (any alpha), b
    for iso, 2 (lambda k - sigma2) for apart (0 where that is negative)."""
    b, sigma2 = np.asarray(b, float), np.asarray(sigma2, float)
    k = b + sigma2
    if known(method) == "apart":
        return np.maximum(2 * (lambda_ * k - sigma2), 0.0)
    return b + 0 * k if method == "iso" else b**2 / (4 * k)


def predictor_level(method: str, *, b=1.0, sigma2=0.25, eta=0.1):
    """The predictor's eigenvalue at the end of a surviving mode: (b + sqrt(b^2 - 4 eta k))/(2k),
    for iso (b - eta)/k; NaN where none survives."""
    b, sigma2, eta = (np.asarray(x, float) for x in (b, sigma2, eta))
    k = b + sigma2
    if known(method) == "apart":
        raise ValueError("method was 'apart'; allowed: those with a predictor (learned, set, iso)")
    return np.where(eta < b, (b - eta) / k, np.nan) if method == "iso" else roots(b, k, eta)[1]


def level(method: str, *, b=1.0, sigma2=0.25, eta=0.1, alpha=0.5, lambda_=1.0):
    """s = w^2 at the end of a surviving mode, NaN where none survives: p^(1/alpha), for learned
    p^2; for apart (1 - (2 sigma2 + eta)/(2 lambda k))/k."""
    if known(method) == "apart":
        k = np.asarray(b, float) + sigma2
        s = (1 - (2 * np.asarray(sigma2, float) + eta) / (2 * lambda_ * k)) / k
        return np.where(s > 0, s, np.nan)
    p = predictor_level(method, b=b, sigma2=sigma2, eta=eta)
    return p**2 if method == "learned" else p ** (1 / np.asarray(alpha, float))


def edge(method: str, *, b=1.0, sigma2=0.25, eta=0.1, alpha=0.5, lambda_=1.0):
    """w below which a mode dies though others survive, without running average: ((b - sqrt(b^2 - 4
    eta k))/(2k)) to the power 1/(2 alpha), for learned itself (started balanced, p = w); 0 for iso
    and apart; NaN where all die."""
    b, sigma2, eta = (np.asarray(x, float) for x in (b, sigma2, eta))
    if known(method) in ("iso", "apart"):
        return np.where(eta < threshold(method, b=b, sigma2=sigma2, lambda_=lambda_), 0.0, np.nan)
    k = b + sigma2
    p = roots(b, k, eta)[0]
    return p if method == "learned" else p ** (1 / (2 * np.asarray(alpha, float)))


def small_mode_rate(method: str, *, b=1.0, sigma2=0.25, eta=0.1, lambda_=1.0):
    """w'/w in the limit of a vanishing mode: -eta for learned and set, b - eta for iso, 2 (lambda k
    - sigma2) - eta for apart. The sign decides whether small modes are recruited or forgotten."""
    if known(method) == "iso":
        return np.asarray(b, float) - eta
    if method == "apart":
        return 2 * (lambda_ * (np.asarray(b, float) + sigma2) - np.asarray(sigma2, float)) - eta
    return -np.asarray(eta, float) + 0 * np.asarray(b, float)


def time_to_half(
    method: str, w0: float, *, b=1.0, sigma2=0.25, eta=0.1, alpha=0.5, lambda_=1.0
) -> float:
    """Time from w0 to half of the final s, by quadrature of dw/w'; infinite for a mode that dies, 0
    if already there. The learned predictor starts balanced, p = w, and then is DirectPred."""
    q = dict(
        b=b, sigma2=sigma2, eta=eta, alpha=0.5 if method == "learned" else alpha, lambda_=lambda_
    )
    s = float(level(method, **(q | {"alpha": alpha})))
    if not np.isfinite(s) or w0 <= float(edge(method, **(q | {"alpha": alpha}))):
        return float("inf")
    goal = np.sqrt(s / 2)
    if w0 >= goal:
        return 0.0
    one = "set" if method == "learned" else method
    return quad(
        lambda x: np.exp(x) / velocity(one, np.exp(x), q), np.log(w0), np.log(goal), limit=200
    )[0]


@answers
def describe(**params: Any) -> dict[str, Any]:
    """What becomes of one mode under each method, as plain numbers: b, sigma2, eta, alpha, lambda_,
    w0 (start).

    For each method: eta_threshold, survives (from w0), level of s, predictor eigenvalue, edge of w,
    rate of a small mode, time to half. None where there is no such thing. Raises UnknownName or
    ValueError.
    """
    q = numbers((*PARAMS, W0), params)
    w0, rest = q.pop("w0"), q
    answer: dict[str, Any] = {"parameters": q | {"w0": w0}, "methods": {}}

    def pick(*names):
        return {n: rest[n] for n in names}

    for m in METHODS:
        s, e = float(level(m, **rest)), float(edge(m, **rest))
        p = None if m == "apart" else float(predictor_level(m, **pick("b", "sigma2", "eta")))
        time = time_to_half(m, w0, **rest)
        answer["methods"][m] = {
            "name": METHODS[m],
            "eta_threshold": float(threshold(m, **pick("b", "sigma2", "lambda_"))),
            "survives": bool(np.isfinite(s) and w0 > e),
            "level": plain(s),
            "predictor": plain(p),
            "edge": plain(e),
            "small_mode_rate": float(small_mode_rate(m, **pick("b", "sigma2", "eta", "lambda_"))),
            "time_to_half": plain(time),
        }
    return answer
