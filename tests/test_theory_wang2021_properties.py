"""wang2021 over random parameters: integrators, closed forms, invariants, stability, gradients,
symmetries."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from ncssl.theory.ode.flow import numerical_jacobian
from ncssl.theory.wang2021 import matrix, modes, runs

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
