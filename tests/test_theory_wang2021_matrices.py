"""Theory of wang2021: matrices, gradients and samples."""

import numpy as np
import pytest

from ncssl.theory.ode.flow import TrajectoryEnded, pack, unpack
from ncssl.theory.tian2021 import matrix as tian
from ncssl.theory.wang2021 import matrix, modes, runs, samples


def rng_matrix(d, seed=0, size=1.0):
    return size * np.random.default_rng(seed).normal(size=(d, d))


def noise(d, seed=9):
    a = rng_matrix(d, seed, 0.6)
    return a @ a.T


# ---- what the right-hand sides mean


def gradient(loss, W, step=1e-5):
    out = np.zeros_like(W)
    for i in np.ndindex(*W.shape):
        e = np.zeros_like(W)
        e[i] = step
        out[i] = (loss(W + e) - loss(W - e)) / (2 * step)
    return out


def loss(W, Wp, target, Xn):
    """E 1/2 ||Wp W x1 - target x2||^2 up to a constant, Wp and target held still."""
    A = Wp @ W
    return np.trace(A @ (np.eye(len(Xn)) + Xn) @ A.T) / 2 - np.trace(A @ target.T)


@pytest.mark.parametrize(
    "correlation, norm",
    [("clean", "none"), ("augmented", "none"), ("clean", "spectral"), ("augmented", "frobenius")],
)
def test_the_encoder_follows_the_gradient_with_the_predictor_held_still(correlation, norm):
    Xn, W = noise(4), rng_matrix(4, 5, 0.5)
    F = W @ W.T if correlation == "clean" else W @ (np.eye(4) + Xn) @ W.T
    s, U = np.linalg.eigh(F)
    Wp = (U * s**0.7) @ U.T
    Wp = Wp / {"none": 1, "spectral": max(s) ** 0.7, "frobenius": np.sqrt((s**1.4).sum())}[
        norm
    ] + 0.1 * np.eye(4)
    flow = matrix.encoder_flow(Xn, correlation=correlation, norm=norm)
    got = flow.field(W.ravel(), alpha=0.7, eps=0.1, eta=0.3).reshape(4, 4)
    np.testing.assert_allclose(got, -gradient(lambda V: loss(V, Wp, W, Xn), W) - 0.3 * W, atol=1e-8)
    if norm == "none":
        net = tian.network_flow(np.eye(4), Xn, 4, variant="simsiam")
        np.testing.assert_allclose(
            got, unpack(net.field(pack([W, Wp], net.state), eta=0.3), net.state)[0], atol=1e-12
        )


def test_every_layer_follows_its_gradient():
    Xn, (a, b, c) = noise(3), np.random.default_rng(1).normal(size=(3, 3, 3))
    W = c @ b @ a
    s, U = np.linalg.eigh(W @ W.T)
    Wp = (U * s**0.8) @ U.T + 0.05 * np.eye(3)
    flow = matrix.deep_flow(Xn, 3)
    got = unpack(flow.field(pack([a, b, c], flow.state), alpha=0.8, eps=0.05, eta=0.2), flow.state)
    made = [lambda V: c @ b @ V, lambda V: c @ V @ a, lambda V: V @ b @ a]
    for layer, part, product in zip((a, b, c), got, made, strict=True):
        exact = -gradient(lambda V, f=product: loss(f(V), Wp, W, Xn), layer) - 0.2 * layer
        np.testing.assert_allclose(part, exact, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("symmetric", [False, True])
def test_descent_on_moments_is_descent_on_samples(symmetric):
    n, d, r, rng = 30, 4, 2, np.random.default_rng(3)
    x = rng.normal(size=(n, d))
    views = [
        x + np.pad(np.sqrt(0.7) * rng.normal(size=(n, d - r)), ((0, 0), (r, 0))) for _ in range(2)
    ]
    W, Wp = 0.8 * np.eye(d), 0.64 * x.T @ x / n
    roles = [views, views[::-1]] if symmetric else [views]

    def empirical(V):
        return np.mean([((a @ V.T @ Wp - b @ W.T) ** 2).sum(1).mean() / 2 for a, b in roles])

    one = W - 0.05 * (gradient(empirical, W) + 0.1875 * W)
    C = samples.moments(n, d, r, 0.7, symmetric=symmetric, seed=3)
    np.testing.assert_allclose(samples.descent(C, [0, 1]), [W, one], atol=1e-9)


def test_the_gram_matrix_moves_on_its_own_and_outputs_only_turn():
    flow, run, _ = runs.general_run(d=4, r=2, end=20.0, points=21, alpha=0.8)
    Xn = matrix.nuisance(4, 2, 1.0, runs.basis(4))
    W, gram = run["W"], matrix.gram_flow(Xn)
    M = gram.solve((W[0].T @ W[0]).ravel(), run.times, eta=0.2, alpha=0.8)["M"]
    assert np.abs(W.swapaxes(1, 2) @ W - M).max() < 1e-8
    Q = runs.basis(4, 7)
    turned = flow.solve((Q @ W[0]).ravel(), run.times, eta=0.2, alpha=0.8)["W"]
    assert np.abs(turned - Q @ W).max() < 1e-8


def test_a_low_rank_start_stays_in_its_column_space():
    a, b = np.random.default_rng(0).normal(size=(2, 4, 2))
    flow = matrix.encoder_flow(noise(4))
    run = flow.solve((a @ b.T).ravel(), np.linspace(0, 10, 11), eta=0.1)
    inside = a @ np.linalg.pinv(a)
    assert np.abs(run["W"] - inside @ run["W"]).max() < 1e-9 < np.abs(run["W"][-1]).max()
    assert np.abs(flow.invariants["column space"](run.times, run.y, flow.check())).max() < 1e-9


@pytest.mark.parametrize("layers, eps", [(1, 0.0), (1, 0.2), (2, 0.0), (3, 0.1)])
def test_deep_matrices_have_the_modes_of_theorem_5(layers, eps):
    flow, times, variances = (
        matrix.deep_flow(np.diag([0.0, 0.3, 1.0]), layers),
        np.linspace(0, 15, 6),
        [0.0, 0.3, 1.0],
    )
    run = flow.solve(np.tile(0.9 * np.eye(3).ravel(), layers), times, eta=0.12, alpha=0.7, eps=eps)
    W = np.linalg.multi_dot([np.eye(3), *[run[f"W{i}"][-1] for i in range(layers, 0, -1)]])
    lam = modes.MODE.solve(
        [0.9**layers], times, eta=0.12, alpha=0.7, eps=eps, layers=layers, sigma2=variances
    )["lam"]
    np.testing.assert_allclose(W, np.diag(lam[-1]), atol=1e-9)


def test_augmented_modes_are_those_of_the_matrix():
    flow = matrix.encoder_flow(np.diag([0.0, 0.3, 1.0]), correlation="augmented")
    W = flow.solve(0.9 * np.eye(3).ravel(), [0, 9.0], eta=0.12, alpha=0.7)["W"][-1]
    lam = modes.AUGMENTED.solve([0.9], [0, 9.0], eta=0.12, alpha=0.7, sigma2=[0.0, 0.3, 1.0])[
        "lam"
    ][-1]
    np.testing.assert_allclose(W, np.diag(lam), atol=1e-9)


def test_a_graded_limit():
    variances, U = np.array([0.0, 0.1, 0.6, 2.0]), runs.basis(4)
    Xn = (U * variances) @ U.T
    flow = matrix.encoder_flow(Xn)
    W = flow.solve(0.95 * np.eye(4).ravel(), [0, 500.0], eta=0.2, alpha=0.5)["W"][-1]
    exact = (U * modes.end(0.95, 0.2, variances, 0.5)) @ U.T
    np.testing.assert_allclose(W, exact, atol=1e-8)
    assert np.linalg.matrix_rank(exact, tol=1e-6) == 2


def test_without_a_bound_the_frobenius_flow_says_so():
    flow = matrix.encoder_flow(matrix.nuisance(6, 4), norm="frobenius")
    run = flow.solve(0.9 * np.eye(6).ravel(), np.linspace(0, 80, 5), eta=0.05, ended="keep")
    lam = np.diagonal(run["W"][-1])
    assert np.log(lam[0] / np.diagonal(run["W"][-2])[0]) / 20 == pytest.approx(
        1 / 2 - 1 / 4 - 0.05, abs=1e-4
    )
    with pytest.raises(TrajectoryEnded, match="finite range"):
        flow.solve(0.9 * np.eye(6).ravel(), [0, 500.0], eta=0.05)


# ---- samples


@pytest.mark.parametrize(
    "symmetric, sigma2, eta, d, r",
    [
        # both blocks, S alone, mostly S-B
        (False, 0.5, 0.2, 6, 2),
        (False, 1.0, 0.2, 4, 4),
        (True, 1.0, 0.1875, 10, 1),
    ],
)
def test_the_error_of_the_gram_matrix_has_the_first_order_constant(symmetric, sigma2, eta, d, r):
    error = runs.sample_runs(
        (20000,),
        seeds=48,
        d=d,
        r=r,
        marks=(1200,),
        sigma2=sigma2,
        eta=eta,
        delta=0.8,
        symmetric=symmetric,
    )[1]
    exact = samples.gram_constant(d, r, sigma2, eta, symmetric=symmetric)
    assert np.sqrt(20000 * (error**2).mean()) == pytest.approx(exact, rel=0.06)


def test_ridge_in_both_forms_and_its_limits():
    def formula(n, P, rho, seed):
        rng = np.random.default_rng(seed)
        goal = np.concatenate([rng.normal(size=3), np.zeros(len(P) - 3)])
        goal /= np.linalg.norm(goal)
        x = rng.normal(size=(n, len(P)))
        z, y = x @ P.T, x @ goal + 0.5 * rng.normal(size=n)
        w = np.linalg.lstsq(
            np.vstack([z / np.sqrt(n), np.sqrt(rho) * np.eye(len(P))]),
            np.append(y / np.sqrt(n), np.zeros(len(P))),
            rcond=None,
        )[0]
        return np.linalg.norm(P @ w - goal), np.linalg.norm(P.T @ w - goal)

    P = samples.nearly_projection(12, 3, 0.3)
    for n in (6, 40):
        got = [samples.ridge_error(n, P, r=3, rho=0.1, seed=4, transposed=t) for t in (False, True)]
        assert got == pytest.approx(formula(n, P, 0.1, 4), rel=1e-9) and got[0] != got[1]
    assert np.linalg.norm(P - np.diag([1.0] * 3 + [0.0] * 9)) == pytest.approx(0.3)
    bias = samples.mean_ridge_error(
        20000, 8, projected=True, r=3, distance=1e-9, rho=0.2, beta=0.0, seeds=2
    )
    assert bias == pytest.approx(samples.ridge_bias(0.2), rel=0.02)


def test_the_mean_of_least_squares():
    square = [samples.ridge_error(40, np.eye(10), r=4, rho=1e-9, seed=s) ** 2 for s in range(600)]
    assert np.mean(square) == pytest.approx(samples.exact_squared_error(40, 10), rel=0.06)
    assert np.isnan(samples.exact_squared_error(11, 10))
    n = samples.exact_samples_needed(10, beta=0.7, error=0.2)
    assert samples.exact_squared_error(n, 10, beta=0.7) == pytest.approx(0.2**2)


def test_samples_needed_ends_where_it_must():
    assert samples.samples_needed(25, projected=False, counts=(8, 16), seeds=2) == np.inf
    assert samples.samples_needed(25, projected=True, counts=(500, 1000), seeds=2) == 500
