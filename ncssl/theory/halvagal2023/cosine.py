"""Halvagal, Laborieux and Zenke (2023), cosine losses: all eigenvalues lam (M,) of C at once.
Derived by us.

The gradient of one sample is a ratio of forms in z that does not change when z is scaled, so its
mean over Gaussian z, z_m of variance lam_m, is a double integral: 1/(a^p b^q) is written as an
integral over a mixing angle (Feynman), its mean over the Gaussian is elementary, and a radius
remains. The trapezoid rule in the logarithms of the angle's squared tangent and of the radius
converges exponentially. No samples are drawn. `rates_by_angle` is an independent rule.
"""

from functools import partial

import numpy as np

from ncssl.errors import UnknownName
from ncssl.theory.halvagal2023.modes import ALPHA, RHO
from ncssl.theory.ode.flow import Flow
from ncssl.theory.ode.params import Param

SPACING = 0.75
TANGENTS = np.arange(-42.0, 54.0, SPACING)  # log of the squared tangent of the mixing angle
# log of the radius, in units of one over the largest weight
RADII = np.arange(-12.0, 34.0, SPACING)
TARGET_NOISE = Param("sigma2", 0.01, "variance that the target's view adds, to first order", low=0)

LOSSES = {
    "cos": "predictor and stop-gradient",
    "cos_iso": "IsoLoss: the predictor's factor s taken out of the gradient",
    "cos_nosg": "no stop-gradient, the true gradient",
    "cos_nopred": "stop-gradient, no predictor, noisy target",
}


def _weighted_pairs(lam, d, logs):
    """E[z_m^2 z_k^2 exp(-r sum_j d_j z_j^2/lam_j)] on the radii r = e^logs/max d, and r: (..., R,
    M, M), (..., R)."""
    r = np.exp(logs) / d.max(axis=-1)[..., None]
    shrink = 1 + 2 * r[..., None] * d[..., None, :]
    variance = lam[..., None, :] / shrink
    weight = np.exp(-0.5 * np.log(shrink).sum(axis=-1))
    return variance, weight, r


def _sum_pairs(variance, weight):
    """sum_R weight variance_m variance_k (1 + 2 [m = k]) over the axis R before the modes: (..., M,
    M)."""
    pairs = np.swapaxes(variance * weight[..., None], -1, -2) @ variance
    return pairs * (1 + 2 * np.eye(variance.shape[-1]))


def pair_moments(lam, s):
    """A, B (..., M, M): means of z_m^2 z_k^2/(|Sz|^3 |z|) and of z_m^2 z_k^2/(|Sz| |z|^3) over z_m
    ~ N(0, lam_m).

    lam, s (..., M). Relative error of the rates about 1e-8 while s_max/s_min < 100, 1e-5 to 1e3;
    NaN if all are 0.
    """
    scale = s.max(axis=-1, keepdims=True) ** 2
    sin2, cos2 = (1 / (1 + np.exp(sign * TANGENTS)) for sign in (-1, 1))
    with np.errstate(invalid="ignore"):
        mix = sin2[:, None] * (s**2 / scale)[..., None, :] + cos2[:, None]
        variance, weight, r = _weighted_pairs(lam[..., None, :], lam[..., None, :] * mix, RADII)
        weight = weight * r**2 * SPACING  # r dr = r^2 d(log r)
        flat = (*lam.shape[:-1], -1, lam.shape[-1])
        # 2/pi 2 sin^2 d(angle) = share sin^2, and so for cos^2
        share = 2 / np.pi * np.sqrt(sin2 * cos2) * SPACING
        a, b = (
            _sum_pairs(variance.reshape(flat), (weight * (share * f)[:, None]).reshape(flat[:-1]))
            for f in (sin2, cos2)
        )
    scale = scale[..., None]
    return a * scale**-1.5, b * scale**-0.5


def noise_moments(lam):
    """E[z_m^2 z_k^2/|z|^6] over z_m ~ N(0, lam_m), (..., M, M): finite for three modes or more."""
    logs, spacing = np.linspace(-13.0, 60.0, 147, retstep=True)
    variance, weight, r = _weighted_pairs(lam, lam, logs)
    return _sum_pairs(variance, weight * r**3 * spacing / 2)


def cosine_rates(lam, loss, alpha=1.0, sigma2=0.01):
    """d lam/dt (..., M) of the population gradient, no noise except in cos_nopred (target's view,
    first order).

    cos 2 s_m sum_k s_k (s_k - s_m) A_mk; cos_iso without the leading s_m; cos_nosg 2 sum_k (s_k -
    s_m)(s_m s_k A_mk - B_mk); cos_nopred 2 sigma2 sum_k (lam_k - lam_m) E[z_m^2 z_k^2/|z|^6].
    Raises UnknownName for another loss.
    """
    if loss not in LOSSES:
        raise UnknownName("cosine loss", loss, LOSSES)
    lam = np.maximum(np.asarray(lam, float), 0)
    if loss == "cos_nopred":
        return (
            2
            * np.asarray(sigma2)[..., None]
            * ((lam[..., None, :] - lam[..., None]) * noise_moments(lam)).sum(-1)
        )
    s = lam ** np.asarray(alpha, float)[..., None]
    gap, product = s[..., None, :] - s[..., None], s[..., None, :] * s[..., None]
    A, B = pair_moments(lam, s)
    if loss == "cos_nosg":
        return 2 * (gap * (product * A - B)).sum(axis=-1)
    return 2 * (1.0 if loss == "cos_iso" else s) * (s[..., None, :] * gap * A).sum(axis=-1)


def rates_by_angle(lam, loss, alpha=1.0, nodes=2048):
    """The same for two modes, lam (..., 2), as a mean over the angle of z/sqrt(lam): an independent
    rule."""
    lam = np.asarray(lam, float)[..., None, :]
    angle = (np.arange(nodes) + 0.5) * np.pi / (2 * nodes)
    z = np.sqrt(lam) * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return 2 * (z * cosine_pull(z, lam**alpha, loss)).mean(axis=-2)


def cosine_pull(z, s, loss):
    """dz/dt (..., M) of one sample, both views z: cos, cos_iso, cos_nosg. s (..., M) are the
    predictor's eigenvalues.

    cos: s_m z_m sum_k s_k z_k^2 (s_k - s_m)/(|Sz|^3 |z|); cos_iso without the leading s_m. Raises
    UnknownName.
    """
    if loss not in ("cos", "cos_iso", "cos_nosg"):
        raise UnknownName(
            "cosine loss with a gradient per sample", loss, ("cos", "cos_iso", "cos_nosg")
        )
    z2 = z**2
    p2, n2 = (s**2 * z2).sum(-1, keepdims=True), z2.sum(-1, keepdims=True)
    # sum_k s_k z_k^2 (s_k - s_m)
    first = (s**2 * z2).sum(-1, keepdims=True) - s * (s * z2).sum(-1, keepdims=True)
    if loss == "cos_nosg":
        second = (s * z2).sum(-1, keepdims=True) - s * n2  # sum_k z_k^2 (s_k - s_m)
        return z * (s * first / p2 - second / n2) / np.sqrt(p2 * n2)
    return (1.0 if loss == "cos_iso" else s) * z * first / np.sqrt(p2**3 * n2)


def level(lam0, loss, alpha=1.0):
    """The common end value of all modes: the mean of lam0 (cos, cos_nopred), its power mean of 1 +
    alpha (cos_iso).

    NaN for cos_nosg, which does not equalise. lam0 (..., M).
    """
    power = {"cos": 1.0, "cos_nopred": 1.0, "cos_iso": 1 + alpha, "cos_nosg": np.nan}
    if loss not in power:
        raise UnknownName("cosine loss", loss, power)
    return np.mean(np.asarray(lam0, float) ** power[loss], axis=-1) ** (1 / power[loss])


def equalising_rate(common, modes, loss, alpha=1.0):
    """Rate at which small differences between the modes change near the common value: -2 alpha/((M
    + 2) level).

    IsoLoss divides it by s = level^alpha; without stop-gradient it is 0, the first order cancels.
    Raises UnknownName.
    """
    common = np.asarray(common, float)
    base = -2 * alpha / ((modes + 2) * common)
    table = {"cos": base, "cos_iso": base / common**alpha, "cos_nosg": 0 * base}
    if loss not in table:
        raise UnknownName("cosine loss with a rate near the common value", loss, table)
    return table[loss]


def conserved(t, y, q, *, loss):
    """sum lam (cos, cos_nosg, cos_nopred) or sum lam^(1 + alpha) (cos_iso), times what weight decay
    takes away."""
    power = 1 + q["alpha"] if loss == "cos_iso" else np.ones(())
    return (y ** power[..., None]).sum(axis=-1) * np.exp(2 * power * q.get("rho", 0.0) * t)


def _rhs(t, y, q, *, loss):
    """Rates of the loss and weight decay, state y = lam (..., M)."""
    return (
        cosine_rates(y, loss, q["alpha"], q.get("sigma2", 0.0))
        - 2 * np.asarray(q["rho"])[..., None] * y
    )


def cosine_flow(modes: int, loss: str) -> Flow:
    """The flow of `modes` >= 2 eigenvalues under a loss of LOSSES, state lam (modes,). Raises
    UnknownName, ValueError.

    cos_nopred needs three modes: with two, the mean over the samples near z = 0 is infinite.
    """
    least = 3 if loss == "cos_nopred" else 2
    if loss not in LOSSES:
        raise UnknownName("cosine loss", loss, LOSSES)
    if modes < least:
        raise ValueError(f"modes must be at least {least} for {loss}, was {modes}")
    params = (ALPHA, RHO, TARGET_NOISE) if loss == "cos_nopred" else (ALPHA, RHO)
    return Flow(
        f"{modes} modes, {loss}",
        "halvagal2023, derived by us",
        {"lam": (modes,)},
        partial(_rhs, loss=loss),
        params,
        invariants={"sum": partial(conserved, loss=loss)},
        closed_forms={"level": partial(level, loss=loss)},
    )


def participation_ratio(lam):
    """(sum lam)^2/sum lam^2 over the last axis: how many modes share the variance."""
    lam = np.asarray(lam, float)
    return lam.sum(axis=-1) ** 2 / (lam**2).sum(axis=-1)


TWO_MODES = {loss: cosine_flow(2, loss) for loss in ("cos", "cos_iso", "cos_nosg")}
