"""One mode of a linear encoder under an agreement of two views and SIGReg (balestriero2025), in the
letters of the companion. Ours: the paper has no dynamics.

A mode has data variance b, augmentation variance sigma2, so that a view has variance k = b + sigma2
along it; the encoder's singular value is w. Inputs are Gaussian, so a view's output is N(0, v),
v = k w^2, and the expected Epps-Pulley statistic of n of them under the weight exp(-t^2 / 2), over
all t, is a sum of Gaussian integrals:

    S(v) = sqrt(2 pi) [(n - 1)/sqrt(1 + 2 v) - 2 n/sqrt(2 + v) + n/sqrt(3) + 1]

The agreement of two views, a mean over views and channels, is sigma2 w^2 / 2 in one channel. With
its weight r, 1 - lambda_ ("blend", the paper) or 1 ("add", code in use), and weight decay eta

    w' = w [2 lambda_ k P(k w^2) - r sigma2 - eta],   P = -dS/dv.

A mode of d channels beside others, and whole encoders, are in matrix.
"""

from collections.abc import Mapping

import numpy as np
from scipy.optimize import brentq

from ncssl.errors import UnknownName
from ncssl.theory.ode.flow import Flow
from ncssl.theory.ode.params import Param

ROOT = np.sqrt(2 * np.pi)
B = Param("b", 1.0, "variance of the data along the mode", low=0)
SIGMA2 = Param("sigma2", 0.25, "variance that augmentation adds along the mode", low=0)
ETA = Param("eta", 0.1, "weight decay of the flow, per unit of time", low=0)
LAMBDA = Param("lambda_", 0.02, "weight of SIGReg", low=0, high=1, open_low=True)
N = Param("n", 128, "outputs of a batch, of one view", low=2)
PARAMS = (B, SIGMA2, ETA, LAMBDA, N)
WEIGHTINGS = {"blend": "(1 - lambda) agreement + lambda SIGReg", "add": "agreement + lambda SIGReg"}


def rest(weighting: str, lambda_):
    """Weight of the agreement beside SIGReg's: 1 - lambda_ for "blend", 1 for "add"; raises
    UnknownName."""
    if weighting not in WEIGHTINGS:
        raise UnknownName("weighting", weighting, WEIGHTINGS)
    return (1 - np.asarray(lambda_, float)) if weighting == "blend" else 1.0 + 0 * lambda_


def statistic(v, n):
    """S(v): the expected Epps-Pulley statistic of n outputs N(0, v) against N(0, 1), over all t."""
    v, n = np.asarray(v, float), np.asarray(n, float)
    return ROOT * ((n - 1) / np.sqrt(1 + 2 * v) - 2 * n / np.sqrt(2 + v) + n / np.sqrt(3) + 1)


def pull(v, n):
    """P(v) = -dS/dv, by which SIGReg raises the variance of outputs N(0, v); below 0 it lowers
    it."""
    v, n = np.asarray(v, float), np.asarray(n, float)
    return ROOT * ((n - 1) * (1 + 2 * v) ** -1.5 - n * (2 + v) ** -1.5)


def stiffness(v, n):
    """-dP/dv: positive where SIGReg brings a variance back, as far as v = 2.4 for many rows."""
    v, n = np.asarray(v, float), np.asarray(n, float)
    return ROOT * (3 * (n - 1) * (1 + 2 * v) ** -2.5 - 1.5 * n * (2 + v) ** -2.5)


def balance(n):
    """The variance that SIGReg alone comes to, P = 0: (2 q - 1)/(2 - q), q = (1 - 1/n)^(2/3);
    about 1 - 2/n, for the mean over batches of n has a bias."""
    q = (1 - 1 / np.asarray(n, float)) ** (2 / 3)
    return (2 * q - 1) / (2 - q)


def flattest(n):
    """The variance beyond which SIGReg pulls less the further a variance is off: where P is least;
    at most (2 - u)/(2 u - 1), u = 2^(-2/5), about 2.4."""
    u = (np.asarray(n, float) / (2 * (np.asarray(n, float) - 1))) ** 0.4
    return (2 - u) / (2 * u - 1)


def _rhs(weighting):
    def rhs(t, y, q):
        w, k = y[..., 0], q["b"] + q["sigma2"]
        hold = rest(weighting, q["lambda_"]) * q["sigma2"] + q["eta"]
        return (w * (2 * q["lambda_"] * k * pull(k * w**2, q["n"]) - hold))[..., None]

    return rhs


FLOWS = {
    name: Flow(f"SIGReg, {words}", "ours, for balestriero2025", {"w": ()}, _rhs(name), PARAMS)
    for name, words in WEIGHTINGS.items()
}


def need(weighting: str, *, b=1.0, sigma2=0.25, eta=0.1, lambda_=0.02):
    """The pull that holds a mode of any size: (r sigma2 + eta)/(2 lambda_ k)."""
    b, sigma2 = np.asarray(b, float), np.asarray(sigma2, float)
    return (rest(weighting, lambda_) * sigma2 + eta) / (2 * np.asarray(lambda_) * (b + sigma2))


def threshold(weighting: str, *, b=1.0, sigma2=0.25, lambda_=0.02, n=128):
    """Weight decay beyond which the mode always dies, 2 lambda_ k P(0) - r sigma2; 0 where that is
    negative. Below it a mode grows from any start: there is no edge."""
    rate = small_mode_rate(weighting, b=b, sigma2=sigma2, eta=0.0, lambda_=lambda_, n=n)
    return np.maximum(rate, 0.0)


def small_mode_rate(weighting: str, *, b=1.0, sigma2=0.25, eta=0.1, lambda_=0.02, n=128):
    """w'/w in the limit of a vanishing mode: 2 lambda_ k P(0) - r sigma2 - eta."""
    b, sigma2 = np.asarray(b, float), np.asarray(sigma2, float)
    return 2 * lambda_ * (b + sigma2) * pull(0.0, n) - rest(weighting, lambda_) * sigma2 - eta


def level(weighting: str, *, b=1.0, sigma2=0.25, eta=0.1, lambda_=0.02, n=128):
    """s = w^2 at the end of a surviving mode, NaN where none survives: k s solves P(k s) = need."""
    k = np.asarray(b, float) + sigma2
    wanted = need(weighting, b=b, sigma2=sigma2, eta=eta, lambda_=lambda_)
    return variance(wanted, n) / k


def variance(wanted, n):
    """v with P(v) = wanted >= 0, the one that SIGReg holds: in (0, `balance`]; NaN beyond P(0)."""
    return np.vectorize(_variance, otypes=[float])(wanted, n)


def _variance(wanted, n):
    top = float(balance(n))
    if not wanted < pull(0.0, n):
        return np.nan
    return top if wanted == 0 else brentq(lambda v: pull(v, n) - wanted, 0.0, top, xtol=1e-15)


def of_mode(weighting: str, q: Mapping[str, float]) -> dict[str, float]:
    """Threshold, level and rate of a small mode at the parameters of this file."""
    most = {name: q[name] for name in ("b", "sigma2", "lambda_", "n")}
    return {
        "eta_threshold": float(threshold(weighting, **most)),
        "level": float(level(weighting, eta=q["eta"], **most)),
        "small_mode_rate": float(small_mode_rate(weighting, eta=q["eta"], **most)),
    }
