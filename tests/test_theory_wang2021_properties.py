"""wang2021 over random parameters: integrators, closed forms, invariants, stability, gradients,
symmetries."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from ncssl.theory.ode.flow import TrajectoryEnded, numerical_jacobian, pack, unpack
from ncssl.theory.tian2021 import matrix as tian
from ncssl.theory.wang2021 import matrix, modes, runs, samples

few = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.filter_too_much],
)
ALPHA, ETA = st.floats(0.3, 2.5), st.floats(0.01, 0.3)
SIGMA2, EPS, LAYERS = st.floats(0, 2), st.sampled_from([0.0, 0.05, 0.3]), st.integers(1, 4)


def rng_matrix(d, seed=0, size=1.0):
    return size * np.random.default_rng(seed).normal(size=(d, d))


def noise(d, seed=9):
    a = rng_matrix(d, seed, 0.6)
    return a @ a.T


FLOWS = [
    (modes.MODE, [0.7], {"eta": 0.1, "alpha": 0.7, "eps": 0.1, "layers": 2, "sigma2": 0.3}),
    (modes.AUGMENTED, [0.7], {"eta": 0.1, "alpha": 0.7, "sigma2": 0.3}),
    *[
        (
            matrix.encoder_flow(noise(3), correlation=c, norm=n),
            (0.7 * np.eye(3) + rng_matrix(3, 1, 0.2)).ravel(),
            {"eta": 0.1, "alpha": 0.8, "eps": 0.1},
        )
        for c, n in (
            ("clean", "none"),
            ("augmented", "none"),
            ("clean", "spectral"),
            ("augmented", "frobenius"),
        )
    ],
    (
        matrix.deep_flow(noise(2), 3),
        np.tile(np.eye(2).ravel(), 3) + rng_matrix(12, 2, 0.2)[0],
        {"eta": 0.1},
    ),
    (matrix.gram_flow(noise(3)), np.eye(3).ravel(), {"eta": 0.1, "alpha": 1.5}),
]


@pytest.mark.parametrize("flow, y0, params", FLOWS, ids=[flow.name for flow, *_ in FLOWS])
def test_integrators_agree_with_dop853(flow, y0, params):
    q, times = flow.check(**params), np.linspace(0, 12, 13)
    exact = solve_ivp(
        lambda t, y: flow.rhs(np.asarray(t), y, q),
        (0, 12),
        y0,
        method="DOP853",
        t_eval=times,
        rtol=1e-12,
        atol=1e-14,
    ).y.T
    run = flow.solve(y0, times, **params)
    assert np.abs(run.y - exact).max() < 1e-8
    both = flow.solve(
        np.stack([y0, 0.9 * np.asarray(y0)]), times, **params | {"eta": np.array([0.1, 0.2])}
    )
    np.testing.assert_allclose(both.y[:, 0], run.y, rtol=1e-8, atol=1e-11)
    for name, invariant in flow.invariants.items():
        if name != "clock":
            assert np.ptp(invariant(run.times, run.y, q), axis=-3).max() < 1e-9


@few
@given(ALPHA, ETA, SIGMA2, EPS, st.floats(0.15, 1.3))
def test_the_time_of_a_mode_is_the_closed_form(alpha, eta, sigma2, eps, start):
    q = modes.MODE.check(alpha=alpha, eta=eta, sigma2=sigma2, eps=eps)
    rests = [modes.edge(eta, sigma2, alpha, eps), modes.limit(eta, sigma2, alpha, eps)]
    assume(abs(1 - 4 * eta * (1 + sigma2)) > 1e-2 and all(not abs(start - r) < 0.02 for r in rests))
    assume(abs(eps - (1 + sigma2) * eps**2 - eta) > 1e-3)
    times = np.linspace(0, 4, 5)
    run = modes.MODE.solve([start], times, options={"rtol": 1e-12, "atol": 1e-15}, **q)
    moved = np.abs(run["lam"][:, None] - np.nan_to_num(rests, nan=9.0)).min(1) > 1e-5
    got = modes.time_between(start, run["lam"], q)
    np.testing.assert_allclose(got[moved], times[moved], rtol=1e-8, atol=1e-8)


def test_the_clock_is_constant():
    run = modes.MODE.solve(
        [[1.2], [0.8], [1.0]],
        np.linspace(0, 6, 7),
        eta=np.array([0.1, 0.3, 0.2]),
        sigma2=np.array([0.0, 0.5, 1.0]),
        options={"rtol": 1e-12, "atol": 1e-15},
    )
    q = modes.MODE.check(eta=np.array([0.1, 0.3, 0.2]), sigma2=np.array([0.0, 0.5, 1.0]))
    assert np.ptp(modes.MODE.invariants["clock"](run.times[:, None], run.y, q), axis=0).max() < 1e-8


@few
@given(ALPHA, ETA, SIGMA2, EPS, LAYERS)
def test_fixed_points_rest_and_their_stability_is_that_of_the_jacobian(
    alpha, eta, sigma2, eps, layers
):
    q = modes.MODE.check(alpha=alpha, eta=eta, sigma2=sigma2, eps=eps, layers=layers)
    threshold = modes.eta_threshold(sigma2, alpha, eps, layers)
    assume(abs(eta / max(threshold, 1e-9) - 1) > 0.02)
    for name, y in modes.MODE.fixed_points(q).items():
        if not np.isfinite(y).all() or (name == "edge" and y[0] == 0):
            continue
        assert np.abs(modes.MODE.field(y, **q)).max() < 1e-12
        J, rate = modes.MODE.jacobian(y, q)[0, 0], modes.rate(y[0], q)
        assert J == rate
        if y[0] > 0:
            step = 1e-4 * y[0]
            assert numerical_jacobian(modes.MODE, y, step=step, **q)[0, 0] == pytest.approx(
                J, rel=1e-4, abs=1e-6
            )
            assert (rate < 0) == (name == "limit")


@settings(few, max_examples=25)
@given(ALPHA, ETA, SIGMA2, EPS, LAYERS, st.floats(0.05, 1.2))
def test_a_mode_collapses_iff_beyond_threshold_or_inside_the_basin(
    alpha, eta, sigma2, eps, layers, delta
):
    given = {"alpha": alpha, "sigma2": sigma2, "eps": eps, "layers": layers}
    threshold, low = modes.eta_threshold(sigma2, alpha, eps, layers), modes.edge(eta, **given)
    assume(
        abs(eta / max(threshold, 1e-9) - 1) > 0.05 and not abs(delta / max(low, 1e-9) - 1) < 0.05
    )
    assume(abs(eps - (1 + sigma2) * eps**2 - eta) > 0.01 or layers > 1)
    goal = modes.end(delta, eta, **given)
    last, other = runs.mode_end(np.array([delta, -delta]), eta=eta, end=3000.0, **given)
    assert last == pytest.approx(goal, abs=1e-6) and other == pytest.approx(-goal, abs=1e-6)
    grows_at_zero = layers == 1 and eps - (1 + sigma2) * eps**2 > eta
    assert (goal > 0) == ((eta < threshold and delta > low) or grows_at_zero)


@few
@given(st.floats(0.4, 2), st.floats(0.02, 0.3), st.floats(0, 2))
def test_augmented_points(alpha, eta, sigma2):
    q = modes.AUGMENTED.check(alpha=alpha, eta=eta, sigma2=sigma2)
    assume(abs(eta * 4 * (1 + sigma2) - 1) > 0.02)
    points = modes.AUGMENTED.fixed_points(q)
    assert np.isfinite(points["limit"]).all() == (eta < modes.theorem4_corrected(sigma2))
    for name, y in points.items():
        if np.isfinite(y).all() and y[0] > 0:
            assert np.abs(modes.AUGMENTED.field(y, **q)).max() < 1e-12
            rate = modes.AUGMENTED.jacobian(y, q)[0, 0]
            assert numerical_jacobian(modes.AUGMENTED, y, **q)[0, 0] == pytest.approx(
                rate, rel=1e-4, abs=1e-7
            )
            assert (rate < 0) == (name == "limit")


@few
@given(
    st.lists(st.floats(0, 1.3), min_size=3, max_size=3),
    st.floats(0.6, 2),
    EPS,
    st.floats(0.02, 0.3),
)
def test_all_rates_of_the_encoder(lam, alpha, eps, eta):
    assume(min(np.diff(sorted(lam))) > 0.02 and min(lam) > 0.05)
    variances = np.array([0.0, 0.4, 1.0])
    J = numerical_jacobian(
        matrix.encoder_flow(np.diag(variances)), np.diag(lam).ravel(), alpha=alpha, eps=eps, eta=eta
    )
    exact = matrix.diagonal_rates(lam, variances, eta=eta, alpha=alpha, eps=eps)
    np.testing.assert_allclose(np.sort(np.linalg.eigvals(J).real), exact, atol=1e-6)


def test_rates_at_the_limit_of_theorem_1():
    c = float(modes.limit(0.2))
    rates = matrix.diagonal_rates([c, c, 0, 0, 0], [0, 0, 1, 1, 1], eta=0.2)
    exact = [*[2 * c**2 * (1 - 2 * c**2)] * 3, *[-1.0 * c**4] * 6, *[0.0] * 7, *[-0.2] * 9]
    np.testing.assert_allclose(rates, np.sort(exact), atol=1e-12)


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
