"""Checks of wang2021's statements about finitely many samples: Theorem 2 (training) and Theorem 3
(regression)."""

import numpy as np

from ncssl.theory.helpers import check
from ncssl.theory.wang2021 import runs, samples

DIMENSIONS = (25, 50, 100, 200, 400)


@check
def sample_rate():
    """Abs difference of -1/2 and the slope of log ||W - c P_S|| over log n, n = 2e3 to 2e5, 3 seeds
    (Thm 2)."""
    error = runs.sample_runs()[0][0].mean(-1)
    return float(abs(runs.slope(runs.COUNTS, error) + 0.5))


@check
def sample_error():
    """Largest ||W - c P_S|| / ||c P_S|| over 3 seeds at n = 200,000, d = 10, r = 4, after 2,000
    steps (Thm 2)."""
    error = runs.sample_runs((200000,))[0]
    return float(error.max() / (samples.signal_scale(0.1875) * 2))


@check
def exponential_approach():
    """Relative error of the rate at which descent with n = infinity nears c P_S, against log(1 -
    step eta)/step.

    The slowest rate is that of the nuisance, so time grows as log(1/e) (Thm 2; the rate is ours).
    Steps 600 to 1,200.
    """
    W = samples.descent(samples.population(), (600, 1200))
    a, b = samples.errors(W, 4, 0.1875)[0]
    return float(abs(np.log(b / a) / (600 * np.log(1 - 0.05 * 0.1875)) - 1))


@check
def gram_constant():
    """Relative error of sqrt(n E||W^T W - c^2 P_S||^2) over 48 seeds, n = 20,000, against
    first-order theory (ours)."""
    error = runs.sample_runs((20000,), seeds=48, d=6, r=3, marks=(1000,))[1]
    measured = np.sqrt(20000 * (error**2).mean())
    return float(abs(measured / samples.gram_constant(6, 3) - 1))


@check
def late_rotation():
    """Mean ||W - c P_S|| after 20,000 steps over that after 1,000, n = 2,000, where W^T W moves by
    < 1 % (ours)."""
    error, gram = runs.sample_runs((2000,), marks=(1000, 20000))
    still = np.abs(gram[1] / gram[0] - 1).max() < 0.01
    return float(error[1].mean() / error[0].mean()) if still else np.nan


@check
def samples_with_projection():
    """Labelled samples to error 0.3 at d = 400 over those at d = 25, regression on Phat x (Thm
    3)."""
    few = [samples.samples_needed(d, projected=True, seeds=24) for d in (25, 400)]
    return few[1] / few[0]


@check
def samples_without_projection():
    """Abs difference of 1 and the slope of log(samples to error 0.3) over log d, regression on x
    (Thm 3)."""
    counts = [n for n in samples.COUNTS if n >= 48]
    found = [samples.samples_needed(d, projected=False, counts=counts, seeds=6) for d in DIMENSIONS]
    return abs(runs.slope(DIMENSIONS, found) - 1)


@check
def least_squares_count():
    """Max relative error of the samples needed on x against 1 + d (1 + (beta/error)^2), d = 25 to
    200 (ours)."""
    counts = [n for n in samples.COUNTS if n >= 48]
    found = [
        samples.samples_needed(d, projected=False, counts=counts, seeds=12) for d in DIMENSIONS[:4]
    ]
    return float(
        np.abs(np.array(found) / samples.exact_samples_needed(np.array(DIMENSIONS[:4])) - 1).max()
    )


@check
def regression_bound():
    """Largest error over e^(1/3) + beta (sqrt r + sqrt(log(1/zeta)))/sqrt n: d, n, e scanned, 10
    seeds, zeta = .1."""
    worst, r, beta = 0.0, 5, 0.5
    for d in (20, 200):
        for e in (1e-1, 1e-3, 1e-6):
            made = [samples.nearly_projection(d, r, e, seed) for seed in range(10)]
            for n in (20, 100, 500):
                bound = e ** (1 / 3) + beta * (np.sqrt(r) + np.sqrt(np.log(10))) / np.sqrt(n)
                for seed, P in enumerate(made):
                    error = samples.ridge_error(n, P, r=r, beta=beta, rho=e ** (1 / 3), seed=seed)
                    worst = max(worst, error / bound)
    return float(worst)


@check
def regression_bias():
    """Abs difference of 1/3 and the slope of log error over log e without label noise, e = 1e-9 to
    1e-6 (Thm 3)."""
    e = np.array([1e-9, 1e-8, 1e-7, 1e-6])
    error = [
        samples.mean_ridge_error(400, 30, projected=True, distance=x, rho=x ** (1 / 3), beta=0.0)
        for x in e
    ]
    return abs(runs.slope(e, error) - 1 / 3)
