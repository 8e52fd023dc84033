"""Numbers on which balestriero2025's own statements about its mathematics are judged: no arguments,
a float, about a second."""

from itertools import product

import numpy as np
from scipy.integrate import quad
from scipy.stats import gennorm, logistic, norm, t

from ncssl.theory.helpers import check

ROOT = np.sqrt(2 * np.pi)


def epps_pulley(x):
    """n int |phi_n - phi|^2 exp(-t^2 / 2) dt over all t of samples x (..., n): (...)."""
    n = x.shape[-1]
    pairs = np.exp(-((x[..., :, None] - x[..., None, :]) ** 2) / 2).sum((-1, -2))
    return (
        ROOT * pairs / n - 2 * np.sqrt(np.pi) * np.exp(-(x**2) / 4).sum(-1) + n * ROOT / np.sqrt(3)
    )


def slope(x):
    """Derivative of `epps_pulley` by each of x (..., n): (..., n)."""
    apart = x[..., :, None] - x[..., None, :]
    near = (apart * np.exp(-(apart**2) / 2)).sum(-1)
    return -2 * ROOT * near / x.shape[-1] + np.sqrt(np.pi) * x * np.exp(-(x**2) / 4)


def spectra(count=200, d=6, seed=0):
    """Unequal eigenvalues (count, d) of a mean of 1 each."""
    values = np.random.default_rng(seed).gamma(2.0, size=(count, d))
    return values / values.mean(-1, keepdims=True)


@check
def anisotropy_amplifies_bias():
    """Least excess of the largest bias of a ridge probe over that of an isotropic one of the same
    trace, 200 spectra and four ridges."""
    ridge = np.array([0.01, 0.1, 1.0, 10.0])
    worst = ridge / (spectra().min(-1)[:, None] + ridge)
    return float((worst - ridge / (1 + ridge)).min())


@check
def anisotropy_amplifies_variance():
    """Least excess of the total variance of least squares, sum of 1/lambda, over that of equal
    eigenvalues, 200 spectra."""
    values = spectra()
    return float(((1 / values).sum(-1) - values.shape[-1]).min())


def information(density, scale):
    """Fisher information of location of a density of scipy, scaled to variance 1, by integration:
    for the score by central differences of its logarithm."""

    def height(x, step=1e-5):
        score = (density.logpdf(x + step) - density.logpdf(x - step)) / (2 * step)
        return score**2 * density.pdf(x)

    inside = quad(height, 1e-9, 40 * scale, limit=400, points=[scale, 5 * scale])[0]
    return 2 * inside * scale**2


@check
def gaussian_has_least_information():
    """Least Fisher information, less that of the normal, of five symmetric densities of variance
    1."""
    others = (logistic(), t(5), t(20), gennorm(1.5), gennorm(4.0))
    own = information(norm(), 1.0)
    return float(min(information(p, p.std()) for p in others) - own)


@check
def gradient_is_bounded():
    """Largest |derivative| of the statistic by an output over the bound 4 / s^2 = 8 of the proof,
    s^2 = 1/2: clusters, pairs and normal samples of widths 0.1 to 30."""
    rng = np.random.default_rng(0)
    widths = np.geomspace(0.1, 30, 40)[:, None]
    samples = [widths * rng.normal(size=(40, 32)), widths * rng.choice([-1.0, 1.0], size=(40, 32))]
    centres = np.where(np.arange(32) % 4 == 0, 1.0, 0.0)
    samples.append(widths * centres + np.linspace(-3, 3, 40)[:, None])
    return float(max(np.abs(slope(x)).max() for x in samples) / 8)


@check
def bias_of_batches():
    """Relative error of the mean of the statistic over all samples of six from a distribution of
    two points against n L + int w (1 - |phi|^2) of Thm 6."""
    points, p, n = np.array([-1.0, 2.0]), np.array([0.3, 0.7]), 6
    mean = sum(
        np.prod(p[list(which)]) * epps_pulley(points[list(which)])
        for which in product((0, 1), repeat=n)
    )

    def height(x):
        own, aim = (p * np.exp(1j * x * points)).sum(), np.exp(-(x**2) / 2)
        return aim * (n * abs(own - aim) ** 2 + 1 - abs(own) ** 2)

    return abs(float(mean) / (2 * quad(height, 0, np.inf, limit=200)[0]) - 1)


def trapezoid(x, points=17, reach=5.0):
    """The statistic of samples x (..., n) by the trapezoidal rule, as in the paper's listing:
    (...)."""
    knots = np.linspace(-reach, reach, points)
    window = np.exp(-(knots**2) / 2)
    gap = np.abs(np.exp(1j * x[..., None] * knots).mean(-2) - window) ** 2 * window
    return x.shape[-1] * np.trapezoid(gap, knots)


@check
def seventeen_points():
    """Max relative error of 17 points of the trapezoidal rule from -5 to 5 against the whole
    integral: collapsed outputs and normal ones of widths 1/2 and 1, 64 rows, 50 each."""
    x = np.array([0.0, 0.5, 1.0])[:, None, None] * np.random.default_rng(1).normal(size=(3, 50, 64))
    return float(np.abs(trapezoid(x) / epps_pulley(x) - 1).max())


@check
def aliased():
    """Relative change of the statistic by 17 points from -5 to 5, 0.625 apart, when half of
    collapsed outputs move by 2 pi/0.625; none is seen."""
    x = np.zeros(8)
    apart = x + np.where(np.arange(8) < 4, 0.0, 2 * np.pi / 0.625)
    return abs(float(trapezoid(apart) / trapezoid(x)) - 1)
