"""Numbers on which the claims of Liu, Suganuma and Okatani (2022) are judged: no-argument functions
returning a float.

Here the law, the equilibrium and decorrelation; table_checks has the derived method and Table 3.
"""

import functools

import numpy as np

from ncssl.theory.helpers import check, complex_step
from ncssl.theory.liu2022 import matrix as linear
from ncssl.theory.liu2022 import modes, runs, static
from ncssl.theory.ode.flow import bisect

SPECTRA = (0.5, 1.0, 1.5)  # exponents of the anisotropic inputs


@check
def lemma32_gradients():
    """Max relative error of the gradients of Lemma 3.2 against differentiation of the loss, random
    batch."""
    rng = np.random.default_rng(0)
    Wp, F1, F2 = rng.normal(size=(5, 5)), *rng.normal(size=(2, 5, 9))
    dWp, dF1 = linear.gradients(Wp, F1, F2)
    exact = (
        complex_step(lambda A: linear.loss(A, F1, F2), Wp),
        complex_step(lambda A: linear.loss(Wp, A, F2), F1),
    )
    return float(
        max(np.abs(a - b).max() / np.abs(b).max() for a, b in zip((dWp, dF1), exact, strict=True))
    )


def _lemma33(X1, eta, fitted):
    rng = np.random.default_rng(1)
    W, Wp, X2 = (
        rng.normal(size=(4, len(X1))),
        rng.normal(size=(4, 4)),
        X1 + 0.3 * rng.normal(size=X1.shape),
    )
    return float(linear.relative_gap(*linear.feature_velocity(W, Wp, X1, X2, eta), fitted=fitted))


@check
def lemma33_unit_norm():
    """Relative error of Lemma 3.3 in a linear network, inputs x^T x = 1, after the best factor on
    dL/dF1, eta = 0."""
    X = np.random.default_rng(0).normal(size=(16, 10))
    return _lemma33(X / np.linalg.norm(X, axis=0), 0.0, fitted=True)


@check
def lemma33_orthogonal():
    """Relative error of Lemma 3.3 as it stands, inputs mutually orthogonal with x^T x = n, eta =
    .1."""
    return _lemma33(np.sqrt(10) * runs.orthonormal_batch()[0], 0.1, fitted=False)


@check
def law_free():
    """Error of Wp^T Wp - F1 F1^T = e^{-2 eta t} C with features set free (eq. 9), relative to C."""
    _, run = runs.free_run()
    F = run["F1"]
    return runs.law_error(run.times, runs.gram(run["Wp"]), F @ F.swapaxes(1, 2), 0.1)


@check
def law_as_printed():
    """The same with F1^T F1 in place of F1 F1^T, as eq. 6 prints it; n = d so that the shapes
    fit."""
    _, run = runs.free_run(d=5, n=5)
    F = run["F1"]
    return runs.law_error(run.times, runs.gram(run["Wp"]), F.swapaxes(1, 2) @ F, 0.1)


@check
def law_both_directions():
    """Error of Wp^T Wp - F1 F1^T - F2 F2^T = e^{-2 eta t} C for the symmetrised loss, features free
    (ours)."""
    _, run = runs.free_run(both=True)
    moments = sum(run[name] @ run[name].swapaxes(1, 2) for name in ("F1", "F2"))
    return runs.law_error(run.times, runs.gram(run["Wp"]), moments, 0.1)


@check
def law_encoder():
    """Error of Wp^T Wp - W W^T = e^{-2 eta t} C in a linear network on a random batch, relative to
    C."""
    X = np.random.default_rng(3).normal(size=(2, 8, 12)) / 2
    t, predictor, _, encoder = runs.batch_run(X[0], X[0] + 0.3 * X[1], eta=0.05, end=60.0)
    return runs.law_error(t, predictor, encoder, 0.05)


@check
def law_orthonormal_batch():
    """Error of Wp^T Wp - n F F^T = e^{-2 eta t} C in a linear network on n orthonormal inputs,
    relative to C."""
    t, predictor, features, _ = runs.batch_run(*runs.orthonormal_batch(n=10))
    return runs.law_error(t, predictor, 10 * features, 0.005)


@check
def law_orthonormal_unscaled():
    """Relative gap |Wp^T Wp - F F^T| / |Wp^T Wp| at the end of the same run: eq. 14 without the
    factor n."""
    _, predictor, features, _ = runs.batch_run(*runs.orthonormal_batch(n=10), end=1000.0, points=3)
    return float(linear.relative_gap(predictor, features)[-1])


@check
def isotropic_factor():
    """Abs error of the factor between Wp^T Wp and F F^T against d_in = 20, isotropic population
    with E|x|^2 = 1."""
    run = runs.network_run(
        np.full(20, 0.8 / 20), s=0.2 / 20, eta=0.0005, d=6, end=24000.0, seeds=1, points=3
    )
    return float(np.abs(linear.best_factor(runs.gram(run["Wp"][-1]), run["C"][-1]) - 20).max())


@functools.cache
def _anisotropic(exponent):
    b = runs.power_law(8, exponent)
    return runs.network_run(0.75 * b / b.mean(), s=0.25, eta=0.02, end=500.0, seeds=1, points=3)


@check
def law_anisotropic():
    """Smallest gap of eq. 14 at equilibrium after the best common factor, three power-law
    spectra."""
    ends = [_anisotropic(exponent) for exponent in SPECTRA]
    return float(
        min(
            linear.relative_gap(runs.gram(r["Wp"][-1]), r["C"][-1], fitted=True).min() for r in ends
        )
    )


@check
def anisotropic_gap_formula():
    """Max abs difference of these gaps, with and without the factor, from the closed form
    (ours)."""
    worst = 0.0
    for exponent in SPECTRA:
        run, b = _anisotropic(exponent), runs.power_law(8, exponent)
        for fitted in (False, True):
            exact = linear.equilibrium_gap(0.75 * b / b.mean(), 0.25, 0.02, fitted=fitted)
            gap = linear.relative_gap(runs.gram(run["Wp"][-1]), run["C"][-1], fitted=fitted)
            worst = max(worst, float(np.abs(gap - exact).max()))
    return worst


@check
def eigenvalues_isotropic():
    """Largest distance of an eigenvalue of Wp at the end from {0, lambda*}, isotropic data,
    Gaussian starts."""
    run = runs.network_run(np.ones(16), kind="gaussian", end=800.0, points=3, seeds=4)
    values = np.linalg.eigvals(run["Wp"][-1])
    star = modes.equilibrium(1.0, 0.5, 0.05)
    return float(np.minimum(np.abs(values), np.abs(values - star)).max())


@check
def eigenvalues_power_law():
    """Largest minus smallest eigenvalue alive at the end, b_j = 2/j for j = 1..8, s = .1, eta =
    .03."""
    p = runs.mode_end(np.ones(8), b=runs.power_law(8, 1.0, first=2.0), s=0.1, eta=0.03)
    return float(np.ptp(p[p > runs.DEAD]))


@check
def full_rank_is_identity():
    """Max abs entry of Wp - lambda* I at the end, isotropic data, starts near the identity."""
    run = runs.network_run(np.ones(16), end=800.0, points=3)
    return float(np.abs(run["Wp"][-1] - modes.equilibrium(1.0, 0.5, 0.05) * np.eye(8)).max())


@check
def survival_threshold():
    """Max relative error of the weight decay at which a mode dies, by bisection, against
    b^2/(4(b+s)), 3 modes."""
    b, s = np.array([1.0, 2.0, 0.25]), np.array([0.5, 0.1, 0.1])
    exact, top = modes.eta_critical(b, s), b / (2 * (b + s))

    def end(eta, time):
        return runs.mode_end(top, b=b, s=s, eta=eta, end=time)

    found = bisect(lambda eta: end(eta, 100.0) < top, 0.5 * exact, 2 * exact)
    sure = (end(0.999 * found, 20000.0) > top).all() and (end(1.001 * found, 20000.0) < 1e-6).all()
    return float(np.abs(found / exact - 1).max()) if sure else np.inf


@check
def rank_deficient_off_diagonal():
    """Off-diagonal share of lambda* P, P a random projector of rank 32 in 64 dimensions, mean of
    200."""
    P = static.projector(64, 32, np.random.default_rng(0), 200)
    return float(linear.off_diagonal(0.6 * P).mean())


@check
def off_diagonal_formula():
    """Max abs difference of such shares from (d-r)/(d+2), d = 64, r = 16, 32, 48, 63, 400
    projectors each (ours)."""
    ranks, rng = np.array([16, 32, 48, 63]), np.random.default_rng(1)
    means = [linear.off_diagonal(static.projector(64, r, rng, 400)).mean() for r in ranks]
    return float(np.abs(means - static.off_diagonal_share(64, ranks)).max())


def _ratio(b, **settings):
    run = runs.network_run(b, points=3, **settings)
    size = linear.decorrelation(run["C"][[0, -1]])
    return float((size[1] / size[0]).max())


@check
def decorrelates_near_identity():
    """Largest |corr - I|^2 at the end over the start, isotropic data, starts near the identity."""
    return _ratio(np.ones(16), end=200.0)


@check
def decorrelates_from_noise():
    """The same from Gaussian predictors of scale 2."""
    return _ratio(np.ones(16), kind="gaussian", scale=2.0)


@check
def decorrelates_anisotropic():
    """The same from starts near the identity, with b_j = 1/j for the variance of the data."""
    return _ratio(runs.power_law(16, 1.0), eta=0.005, end=2000.0)


@check
def predictor_becomes_diagonal():
    """Largest off-diagonal share of Wp at the end, isotropic data, starts near the identity."""
    return float(
        linear.off_diagonal(runs.network_run(np.ones(16), end=200.0, points=3)["Wp"][-1]).max()
    )


@check
def predictor_from_noise():
    """Smallest off-diagonal share of Wp at the end from Gaussian predictors of scale 1, in which
    modes die."""
    run = runs.network_run(np.ones(16), kind="gaussian", points=3)
    return float(linear.off_diagonal(run["Wp"][-1]).min())
