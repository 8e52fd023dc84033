"""Numbers on which the book's claims about SIGReg's dynamics are judged: no arguments, a float,
about a second. Each integrates a flow of modes or matrix and compares with its exact answers."""

import numpy as np
from scipy.integrate import quad

from ncssl.theory.balestriero2025 import matrix, modes
from ncssl.theory.helpers import check
from ncssl.theory.ode.flow import bisect

FAST = {"rtol": 1e-8, "atol": 1e-13}
LAMBDAS = np.array([0.02, 0.1, 0.5])


def end(weighting, w0, time=60.0, **params):
    """|w| at the end from w0 in one channel."""
    w0 = np.asarray(w0, float)[..., None]
    return modes.FLOWS[weighting].solve(w0, [0, time], options=FAST, **params)["w"][-1]


def whole(rows, columns, size, seed=0):
    """A Gaussian start (rows, columns) with entries of standard deviation `size`."""
    return size * np.random.default_rng(seed).normal(size=(rows, columns))


@check
def expected_statistic():
    """Max relative error of S(v) against its integral over t, v = 0 to 9, 2 to 512 rows."""
    worst = 0.0
    for v in (0.0, 0.1, 1.0, 3.0, 9.0):
        for n in (2, 16, 512):
            worst = max(worst, abs(_integral(v, n) / float(modes.statistic(v, n)) - 1))
    return worst


def _integral(v, n):
    """E|phi_n - phi|^2 is |phi_v - phi|^2 + (1 - |phi_v|^2)/n, phi_v that of N(0, v)."""

    def height(t):
        own, aim = np.exp(-v * t**2 / 2), np.exp(-(t**2) / 2)
        return aim * (n * (own - aim) ** 2 + 1 - own**2)

    return 2 * quad(height, 0, np.inf, limit=200, epsabs=1e-12)[0]


@check
def average_over_directions():
    """Max relative error of the mean over the sphere, one integral, against two angles, 3
    channels."""
    m = np.array([0.3, 1.0, 4.0])
    value, slopes = matrix.on_sphere(m)
    z, weights = np.polynomial.legendre.leggauss(200)
    turn = np.arange(400) * 2 * np.pi / 400
    flat = np.sqrt(1 - z**2)[:, None]
    squares = np.stack(
        [(flat * np.cos(turn)) ** 2, (flat * np.sin(turn)) ** 2, z[:, None] ** 2 + 0 * turn]
    )
    quadratic = np.tensordot(m, squares, 1)
    share = weights[:, None] / 2 / len(turn)
    found = [(share * quadratic**-0.5).sum(), *(share * squares * quadratic**-1.5).sum((1, 2))]
    return float(np.abs(np.array(found) / np.array([value, *slopes]) - 1).max())


@check
def one_weighting():
    """Max relative difference of the end of "add" at lambda from that of "blend" at lambda/(1 +
    lambda), weight decay over 1 + lambda, time times it; three lambdas."""
    add = end("add", np.full(3, 0.1), 20.0, lambda_=LAMBDAS, eta=0.3)
    scale = 1 + LAMBDAS
    blend = [
        end("blend", 0.1, 20.0 * s, lambda_=x / s, eta=0.3 / s)
        for x, s in zip(LAMBDAS, scale, strict=True)
    ]
    return float(np.abs(np.array(blend) / add - 1).max())


@check
def threshold():
    """Max relative error of the weight decay beyond which a mode dies, both weightings, two
    augmentation variances, by bisection."""
    worst = 0.0
    for name in modes.WEIGHTINGS:
        sigma2 = np.array([0.25, 2.0])
        exact = modes.threshold(name, sigma2=sigma2)

        def dies(eta, name=name, sigma2=sigma2):
            return end(name, np.full(2, 1e-6), 1.0, eta=eta, sigma2=sigma2) < 1e-6

        found = bisect(dies, 0.5 * exact, 2 * exact, steps=26)
        worst = max(worst, float(np.abs(found / exact - 1).max()))
    return worst


@check
def forgets_no_mode():
    """Max relative error of the end from w = 1e-5 against the level, weight decay .05 to 8."""
    eta = np.array([0.05, 0.5, 2.0, 8.0])
    exact = np.sqrt(modes.level("blend", eta=eta))
    return float(np.abs(end("blend", np.full(4, 1e-5), eta=eta) / exact - 1).max())


@check
def short_of_one():
    """Max relative error of the variance that SIGReg alone comes to against (2 q - 1)/(2 - q), 8
    to 512 rows."""
    n = np.array([8, 32, 128, 512])
    ends = end("blend", np.full(4, 0.1), 100.0, n=n, sigma2=0.0, eta=0.0) ** 2
    return float(np.abs(ends / modes.balance(n) - 1).max())


@check
def keeps_augmentation_alone():
    """Variance that a direction without data comes to in a free channel, lambda .02, 128 rows."""
    return float(end("blend", 0.01, b=0.0, sigma2=1.0, eta=0.0) ** 2)


@check
def beside_others():
    """Max relative error of the largest share of augmentation that is recruited beside whole modes,
    by bisection on the integrated encoder, 2, 4 and 8 channels, both weightings."""
    worst = 0.0
    for d in (2, 4, 8):
        for name in modes.WEIGHTINGS:
            exact = matrix.largest_share(name, d=d, lambda_=0.002)
            found = bisect(
                lambda x, d=d, name=name: _lost(x, d, name), 0.5 * exact, 1.5 * exact, steps=20
            )
            worst = max(worst, abs(float(found) / exact - 1))
    return worst


def _lost(share, d, name):
    """Whether a small mode with that share of augmentation shrinks beside d - 1 whole ones."""
    sigma2 = np.append(np.zeros(d - 1), float(share))
    flow = matrix.encoder_flow(d, 1 - sigma2, sigma2, name)
    start = np.diag(np.sqrt(matrix.others(d, 128)))
    start[-1, -1] = 1e-6
    run = flow.solve(flow.start(W=start), [0, 1.0], options=FAST, eta=0.0, lambda_=0.002)
    return np.abs(run["W"][-1][-1, -1]) < 1e-6


@check
def pull_beside_others():
    """d (d + 2)/n times the pull on an empty channel beside d - 1 whole ones, 512 channels, over
    its limit sqrt(2 pi)/(3 sqrt(3)), less 1."""
    n, d = 10**6, 512
    limit = modes.ROOT / (3 * np.sqrt(3))
    return abs(matrix.beside_whole(d, n) * d * (d + 2) / n / limit - 1)


SPECTRUM = np.array([1.0, 0.9, 0.8, 0.6, 0.3, 0.1])
SHAKEN = np.array([0.9, 0.1, 0.5, 0.05, 0.02, 0.3])


def kept(weighting, *, d=2, eta=0.02, time=400.0, **params):
    """Variance that each of six modes has in the end in d channels, from a Gaussian start: (6,)."""
    flow = matrix.encoder_flow(d, SPECTRUM, SHAKEN, weighting)
    run = flow.solve(flow.start(W=whole(d, 6, 0.1)), [0, time], options=FAST, eta=eta, **params)
    return matrix.variances(run["W"][-1], SPECTRUM + SHAKEN)


def best(d=2, eta=0.02, lambda_=0.02, weighting="blend"):
    """The d modes, of six, with the least (r sigma2/d + eta)/k: indices, the least first."""
    cost = modes.rest(weighting, lambda_) * SHAKEN / d + eta
    return np.argsort(cost / (SPECTRUM + SHAKEN))[:d]


@check
def keeps_the_least_shaken():
    """Largest share of the outputs' variance outside the d modes with the least (r sigma2/d +
    eta)/k, 2 channels under both weightings and 3, for 6 modes, 16 rows."""
    worst = 0.0
    for name, d in (("blend", 2), ("add", 2), ("blend", 3)):
        v = kept(name, d=d, n=16)
        worst = max(worst, float(1 - v[best(d, weighting=name)].sum() / v.sum()))
    return worst
