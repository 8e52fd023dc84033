"""Theory of tian2021: values that were computed in other ways before."""

import numpy as np
import pytest

from ncssl.theory.tian2021 import general, matrix, modes, runs

# ---- verified values that are runs of matrices: (id, what is computed, what it must be, tolerance)


def v1(seed):
    flow, run, _, _ = runs.network_run("ema", seed=seed)
    balance = flow.invariants["balance"](
        run.times, run.y, flow.check(alpha_p=2.5, beta=0.4, eta=0.07)
    )
    return np.abs(balance - balance[0]).max() / np.abs(balance[0]).max()


def v2():
    run = modes.SCALARS.solve(
        [0.3, np.sqrt(0.5), 0.2], np.linspace(0, 40, 81), alpha_p=3, eta=0.03, ls=1.25
    )
    return (run["w"] ** 2 - run["wp"] ** 2 / 3) * np.exp(2 * 0.03 * run.times)


def v5(settings, scale_F, seed=0):
    times, Wp, F = runs.isotropic_run(scale_F=scale_F, seed=seed, **settings)
    norm, bound, lambda0 = matrix.alignment_bound(times, Wp, F, **settings)
    return norm, bound, lambda0


def v7(variant, end):
    return runs.network_run(variant, n1=3, n2=3, alpha_p=1.0, eta=0.05, end=end, isotropic=0.2)[1]


def v7_shrinks(variant):
    W = v7(variant, 40.0)["W"]
    return np.linalg.norm(W[-1]) / np.linalg.norm(W[0])


def v7_singular_values():
    """Each at p_plus or at 0, and how many live."""
    values = np.linalg.svd(v7("simsiam", 1500.0)["W"][-1], compute_uv=False)
    assert 1 <= (values > 0.1).sum() <= 3
    return np.minimum(np.abs(values - 0.779908), np.abs(values))


def v10_manifold():
    """Distance of Wp W from W S_d S_s^{-1} at the end of an integration that starts elsewhere, eta
    = 0, EMA."""
    rng = np.random.default_rng(0)
    a, b, W, Wp = rng.normal(size=(4, 3, 3))
    X, Xn, W, Wp = (
        a @ a.T / 3 + 0.5 * np.eye(3),
        b @ b.T / 3,
        np.eye(3) + 0.3 * W,
        0.5 * np.eye(3) + 0.2 * Wp,
    )
    flow = matrix.network_flow(X, Xn, 3)
    run = flow.solve(flow.start(W=W, Wp=Wp, Wa=0.5 * W), [0, 400.0], eta=0.0, beta=1.0)
    W, Wp, Wa = (run[name][-1] for name in ("W", "Wp", "Wa"))
    assert np.linalg.svd(W, compute_uv=False).min() > 0.1 and np.abs(Wa - W).max() < 1e-9
    return np.abs(Wp @ W - W @ general.shrinkage(X, Xn)).max()


def v11():
    """Error and asymmetry of the predictor at a frozen F, the frozen F of low rank included."""
    worst = 0.0
    for rank in (4, 2):
        b, Wp0 = np.random.default_rng(rank).normal(size=(2, 4, 4))
        F = b[:, :rank] @ b[:, :rank].T
        q = {"sigma2": 0.25, "eta": 0.1, "tau": 0.7, "alpha_p": 2.0}
        flow = matrix.frozen_predictor_flow(F)
        end = flow.solve(flow.start(Wp=Wp0), [0, 400.0], **q)["Wp"][-1]
        worst = max(
            worst,
            np.abs(end - end.T).max(),
            np.abs(end - matrix.predictor_fixed_point(F, **q)).max(),
        )
    return worst


def v12(eta, beta):
    """Mismatches of eq. 17 with K > 0 at 3001 times on the parabola."""
    t = np.linspace(0.02, 60.02, 3001)
    run = modes.PARABOLA_TAU.solve(
        [0.3, 0.0], np.concatenate([[0], t]), sigma2=0.09, eta=eta, beta=beta
    )
    p, tau = run["p"][1:], run["tau"][1:]
    positive = modes.curvature(p, p**2, tau, 1.0, 0.09, eta) > 0
    assert len(np.unique(positive)) == 2
    return (positive != modes.eq17_holds(p, tau, 0.09, eta)).sum()


def v18():
    run = modes.SCALARS.solve(
        [0.05, 0.05, 0.05], [0, 150.0], eta=0.1, beta=0.4, ls=1.25, options={"atol": 1e-30}
    )
    return run["wa"][-1] / run["w"][-1]


V = [
    *[(f"V1 balance, seed {seed}", lambda seed=seed: v1(seed), 0.0, 1e-11) for seed in range(3)],
    ("V2 invariant is +.47", v2, 0.47, 1e-10),
    *[
        (
            f"V5 bound, seed {s}",
            lambda s=s: (lambda n, b, k: (np.log(n / b).max() < 1e-9, k > 0))(
                *v5(runs.ALIGNING, 1.0, s)
            ),
            [True, True],
            0,
        )
        for s in range(3)
    ],
    (
        "V5 K > 0 falls to a thousandth",
        lambda: v5(runs.ALIGNING, 1.0)[0][-1] / v5(runs.ALIGNING, 1.0)[0][0],
        0,
        1e-3,
    ),
    (
        "V5 K < 0 grows",
        lambda: [
            (lambda n, b, k: n.max() / n[0] > 2 and k < 0)(*v5(runs.DIVERGING, 0.01, s))
            for s in (0, 1)
        ],
        [True, True],
        0,
    ),
    ("V7 no stop-gradient", lambda: v7_shrinks("no stop-gradient"), 0.0, np.exp(-0.25 * 40)),
    ("V7 no predictor", lambda: v7_shrinks("no predictor"), np.exp(-0.25 * 40), 1e-10),
    ("V7 singular values", v7_singular_values, 0.0, 5e-7),
    ("V10 the manifold attracts", v10_manifold, 0.0, 4e-9),
    ("V11 predictor at rest", v11, 0.0, 1e-9),
    ("V12 mismatches .04 .4", lambda: v12(0.04, 0.4), 0, 0),
    ("V12 mismatches 0 .1", lambda: v12(0.0, 0.1), 0, 0),
    ("V18 collapsed branch", v18, 1.333327, 1e-5),
]


@pytest.mark.parametrize("compute, exact, tol", [row[1:] for row in V], ids=[row[0] for row in V])
def test_verified_values(compute, exact, tol):
    np.testing.assert_allclose(compute(), exact, rtol=0, atol=tol)
