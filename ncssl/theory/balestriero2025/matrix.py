"""Many modes and channels: SIGReg averaged over all directions of the sphere, and the encoder as a
matrix. Ours, for balestriero2025.

Outputs N(0, C) in d channels look N(0, a^T C a) along a direction a, and SIGReg draws a anew in
every step, so the flow follows the mean over the sphere. With M = I + 2 C or 2 I + C it needs
E (a^T M a)^(-1/2) and its derivative, which for eigenvalues m_i are integrals over one angle:

    E (a^T M a)^(-1/2) = c int_0^(pi/2) cos^(d-2) x prod_i (cos^2 x + r_i sin^2 x)^(-1/2) dx,
    r_i = m_i / mean(m),   c = 2 Gamma(d/2) / (Gamma((d-1)/2) sqrt(pi mean(m))),   d > 1.
"""

from functools import cache, partial

import numpy as np
from scipy.optimize import brentq
from scipy.special import gammaln, roots_legendre

from ncssl.theory.balestriero2025 import modes
from ncssl.theory.helpers import mat
from ncssl.theory.ode.flow import Flow, pack, unpack

ANGLES = 96  # of the integral over the sphere: relative error below 1e-9 up to a spread of 1e3


@cache
def _angles():
    """Points of (0, pi/2) and their weights."""
    x, weights = roots_legendre(ANGLES)
    return (x + 1) * np.pi / 4, weights * np.pi / 4


def on_sphere(m):
    """E (a^T M a)^(-1/2) over unit vectors a, and E a_i^2 (a^T M a)^(-3/2), which is -2 times its
    derivative by an eigenvalue of M: from the eigenvalues m (..., d), (...) and (..., d)."""
    m = np.asarray(m, float)
    if m.shape[-1] == 1:
        return m[..., 0] ** -0.5, m**-1.5
    d, (x, weights) = m.shape[-1], _angles()
    mean = m.mean(-1)
    cos2, sin2 = np.cos(x) ** 2, np.sin(x) ** 2
    each = cos2 + (m / mean[..., None])[..., None] * sin2  # (..., d, angles)
    log_c = np.log(2) + gammaln(d / 2) - gammaln((d - 1) / 2) - np.log(np.pi * mean) / 2
    log = (d - 2) / 2 * np.log(cos2) - np.log(each).sum(-2) / 2 + log_c[..., None]
    height = weights * np.exp(log)  # (..., angles)
    slopes = (height[..., None, :] * sin2 / each).sum(-1) / mean[..., None]
    return height.sum(-1), slopes


def statistic(v, n):
    """Expected SIGReg of n outputs whose covariance has the eigenvalues v (..., d): (...)."""
    v, n = np.asarray(v, float), np.asarray(n, float)
    (one, _), (two, _) = on_sphere(1 + 2 * v), on_sphere(2 + v)
    return modes.ROOT * ((n - 1) * one - 2 * n * two + n / np.sqrt(3) + 1)


def pull(v, n):
    """-d statistic / d v_i for each eigenvalue, (..., d); `modes.pull` for one channel."""
    v, n = np.asarray(v, float), np.asarray(n, float)[..., None]
    (_, one), (_, two) = on_sphere(1 + 2 * v), on_sphere(2 + v)
    return modes.ROOT * ((n - 1) * one - n * two)


def others(d: int, n) -> np.ndarray:
    """Variances (d,) at which SIGReg alone holds d - 1 channels while one is empty: higher than
    without it, for they make up for it in most directions."""

    def beside(v):
        return np.append(np.full(d - 1, float(v)), 0.0)

    return beside(brentq(lambda v: pull(beside(v), n)[0], 0.1, 20.0, xtol=1e-14) if d > 1 else 0)


def beside_whole(d: int, n) -> float:
    """The pull on an empty channel beside d - 1 that are whole: what decides whether one more mode
    is recruited. Like sqrt(2 pi)/(3 sqrt(3)) n/(d (d + 2)) for many rows and channels."""
    return float(pull(others(d, n), n)[-1])


def largest_share(weighting: str, *, lambda_=0.02, n=128, d=16, summed=False) -> float:
    """The largest share sigma2/k of augmentation in a mode that is recruited beside d - 1 whole
    ones, without weight decay; above 1: every mode is.

    The agreement is a mean over channels as in the released code, or `summed` as in the paper's
    equation.
    """
    agreement = float(modes.rest(weighting, lambda_)) / (1 if summed else d)
    return 2 * lambda_ * beside_whole(d, n) / agreement if agreement else float("inf")


def force(W, q, k, sigma2, weighting):
    """-dL/dW of the loss at W (..., d, m): views of variances k (m,), sigma2 of it augmentation."""
    values, axes = np.linalg.eigh((W * k) @ W.mT)
    raised = (axes * pull(values, q["n"])[..., None, :]) @ axes.mT @ (W * k)
    agreement = mat(modes.rest(weighting, q["lambda_"]) / W.shape[-2])
    return 2 * mat(q["lambda_"]) * raised - agreement * W * sigma2


def loss(W, *, b, sigma2, lambda_, n, weighting="blend"):
    """Expected loss of an encoder W (d, m) on data of variances b (m,), with sigma2 (m,)."""
    k = np.asarray(b) + sigma2
    v = np.linalg.eigvalsh((W * k) @ W.mT)
    agreement = (W**2 * sigma2).sum() / (2 * W.shape[-2])
    return modes.rest(weighting, lambda_) * agreement + lambda_ * statistic(v, n)


def _rhs(t, y, q, *, state, k, sigma2, weighting):
    (W,) = unpack(y, state)
    return pack([force(W, q, k, sigma2, weighting) - mat(q["eta"]) * W], state)


def encoder_flow(d: int, b, sigma2, weighting: str = "blend") -> Flow:
    """The flow of W (d, m) on data of variances b (m,), augmented by sigma2 (m,). Parameters eta,
    lambda_, n. Raises UnknownName for a weighting that does not exist."""
    modes.rest(weighting, 0.0)
    b, sigma2 = (np.asarray(x, float) for x in (b, sigma2))
    state = {"W": (d, len(b))}
    rhs = partial(_rhs, state=state, k=b + sigma2, sigma2=sigma2, weighting=weighting)
    words = f"SIGReg, {d} channels, {modes.WEIGHTINGS[weighting]}"
    return Flow(words, "ours, for balestriero2025", state, rhs, (modes.ETA, modes.LAMBDA, modes.N))


def variances(W, k):
    """What each mode adds to the outputs' variance under W (..., d, m), k_j |W_j|^2: (..., m)."""
    return k * (W**2).sum(-2)
