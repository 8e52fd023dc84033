"""Theory of liu2022: gradients, laws, equilibria, describe. Table 3 and the derived method are in
the next file."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ncssl.theory.helpers import complex_step
from ncssl.theory.liu2022 import CHECKS, modes, runs, static
from ncssl.theory.liu2022 import matrix as linear
from ncssl.theory.ode.flow import classify, numerical_jacobian
from ncssl.theory.tian2021 import matrix as tian

# ---- every verified value, one table. (id, what is computed, what it must be, tolerance)

T5 = [
    ((1, 0.5, 0.05), 0.61222001),
    ((2, 0.1, 0.03), 0.93713695),
    ((0.25, 0.1, 0.03), 0.56168316),
    ((1, 0.5, 0.16), 0.4),
]


def ends(b, s, eta):
    return modes.MODE.solve([1.0, 0.8], [0, 3000.0], b=b, s=s, eta=eta).y[-1]


def spread():
    p = runs.mode_end(np.ones(8), b=runs.power_law(8, 1.0, first=2.0), s=0.1, eta=0.03)
    return [p.min(), p.max()]


def dependent(d, n):
    F = np.tile(static.standardise(np.random.default_rng(0).normal(size=(1, n))), (d, 1))
    return ((np.eye(d) - F @ F.T) ** 2).sum()


V = [
    *[(f"T5 formula {q}", lambda q=q: modes.equilibrium(*q), p, 5e-9) for q, p in T5],
    *[(f"T5 integrated {q}", lambda q=q: ends(*q), [p, p], 5e-9) for q, p in T5],
    ("T5 dies", lambda: [*ends(1, 0.5, 0.17), modes.equilibrium(1, 0.5, 0.17)], [0, 0, 0], 1e-8),
    ("T5 threshold", lambda: modes.eta_critical(1, 0.5), 1 / 6, 1e-15),
    ("T5 power law", spread, [0.56168316, 0.93713695], 5e-9),
    ("T4 n orthonormal inputs", CHECKS["law_orthonormal_batch"], 0.0, 1e-12),
    ("T4 raw eq 14", CHECKS["law_orthonormal_unscaled"], 0.9, 5e-3),
    ("T4 isotropic population", CHECKS["isotropic_factor"], 0.0, 1e-6),
    ("T3", CHECKS["law_free"], 0.0, 1e-9),
    *[
        (f"T6 rank {r}", lambda r=r: static.off_diagonal_share(64, r), v, 5e-4)
        for r, v in ((16, 0.727), (32, 0.485), (48, 0.242), (63, 0.015))
    ],
    ("T6 simulated", CHECKS["off_diagonal_formula"], 0.0, 2e-3),
    ("T11 formula", lambda: static.standardised_diagonal(100), 0.99, 1e-12),
    ("T11 simulated", lambda: dependent(5, 100), 19.6025, 1e-12),
    ("T12 formula", lambda: static.partition_floor(32, 16), 66.0, 1e-12),
]


@pytest.mark.parametrize("compute, exact, tol", [row[1:] for row in V], ids=[row[0] for row in V])
def test_verified_values(compute, exact, tol):
    np.testing.assert_allclose(compute(), exact, rtol=0, atol=tol)


# ---- gradients


def test_gradients_agree_with_autograd_and_differences():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    Wp, F1, F2 = rng.normal(size=(4, 4)), rng.normal(size=(4, 7)), rng.normal(size=(4, 7))
    tWp, tF1 = (torch.tensor(a, requires_grad=True) for a in (Wp, F1))
    value = 0.5 * ((tWp @ tF1 - torch.tensor(F2)) ** 2).sum()
    value.backward()
    assert linear.loss(Wp, F1, F2) == pytest.approx(value.item(), rel=1e-14)
    for mine, exact in zip(linear.gradients(Wp, F1, F2), (tWp.grad, tF1.grad), strict=True):
        np.testing.assert_allclose(mine, exact.numpy(), atol=1e-13)
    np.testing.assert_allclose(
        linear.gradients(Wp, F1, F2)[0],
        complex_step(lambda A: linear.loss(A, F1, F2), Wp),
        atol=1e-13,
    )


def batch(seed=0, d_in=6, n=9):
    X = np.random.default_rng(seed).normal(size=(2, d_in, n))
    return X[0], X[0] + 0.5 * X[1]


@pytest.mark.parametrize("symmetrised", [False, True])
@pytest.mark.parametrize("variant", ["stop-gradient", "no stop-gradient"])
def test_network_flow_is_minus_the_gradient_of_the_batch_loss(variant, symmetrised):
    X1, X2 = batch()
    pairs = [(X1, X2), (X2, X1)] if symmetrised or variant == "no stop-gradient" else [(X1, X2)]
    S, M = linear.batch_moments(X1, X2, symmetrised=len(pairs) == 2)
    rng = np.random.default_rng(1)
    W, Wp = rng.normal(size=(4, 6)), rng.normal(size=(4, 4))
    flow = linear.network_flow(S, M, 4, variant=variant)

    def loss(A, B):
        # the stop-gradient: the target does not move
        target = A if variant == "no stop-gradient" else W
        return sum(0.5 * ((B @ A @ a - target @ b) ** 2).sum() / 9 for a, b in pairs) / len(pairs)

    field = flow.field(flow.start(W=W, Wp=Wp), eta=0.3)
    exact = [
        -complex_step(lambda A: loss(A, Wp), W) - 0.3 * W,
        -complex_step(lambda A: loss(W, A), Wp) - 0.3 * Wp,
    ]
    np.testing.assert_allclose(field, np.concatenate([e.ravel() for e in exact]), atol=1e-12)


def test_the_balance_needs_the_stop_gradient():
    """T2: Wp^T dL/dWp = dL/dW W^T with the stop-gradient, for any data; without it the identity
    fails widely."""
    rng = np.random.default_rng(2)
    W, Wp, miss = rng.normal(size=(6, 6)), rng.normal(size=(6, 6)), {}
    for variant in ("stop-gradient", "no stop-gradient"):
        flow = linear.network_flow(
            *linear.batch_moments(*batch(), symmetrised=True), 6, variant=variant
        )
        dW, dWp = np.split(flow.field(flow.start(W=W, Wp=Wp), eta=0.0), [36])
        miss[variant] = np.abs(Wp.T @ dWp.reshape(6, 6) - dW.reshape(6, 6) @ W.T).max()
    assert miss["stop-gradient"] < 1e-13 and miss["no stop-gradient"] > 1


def test_it_is_the_network_of_tian2021():
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 5, 5))
    X, Xn, W, Wp = a @ a.T, b @ b.T, rng.normal(size=(3, 5)), rng.normal(size=(3, 3))
    for mine, theirs in (("stop-gradient", "simsiam"), ("no stop-gradient", "no stop-gradient")):
        here = linear.network_flow(X + Xn, X, 3, variant=mine)
        there = tian.network_flow(X, Xn, 3, variant=theirs)
        y = here.start(W=W, Wp=Wp)
        np.testing.assert_allclose(
            here.field(y, eta=0.2), there.field(there.start(W=W, Wp=Wp), eta=0.2), atol=1e-12
        )


def test_one_dimensional_network_is_the_mode():
    flow = linear.network_flow([[1.3]], [[0.9]], 1)
    field = flow.field(flow.start(W=[[0.7]], Wp=[[0.3]]), eta=0.04)
    np.testing.assert_allclose(
        field[::-1], modes.MODE.field([0.3, 0.7], b=0.9, s=0.4, eta=0.04), atol=1e-15
    )
    free = linear.free_flow(1, 1)
    y = free.start(F1=[[0.7]], F2=[[0.5]], Wp=[[0.3]])
    exact = [-0.3 * (0.21 - 0.5) - 0.028, 0, -(0.21 - 0.5) * 0.7 - 0.012]
    np.testing.assert_allclose(free.field(y, eta=0.04), exact, atol=1e-15)


def test_lemma_33_misses_the_gram_matrix_of_the_inputs():
    X1, X2 = batch()
    rng = np.random.default_rng(1)
    W, Wp = rng.normal(size=(4, 6)), rng.normal(size=(4, 4))
    flow = linear.network_flow(*linear.batch_moments(X1, X2), 4)
    dW = flow.field(flow.start(W=W, Wp=Wp), eta=0.2)[:24].reshape(4, 6)
    really, lemma = linear.feature_velocity(W, Wp, X1, X2, 0.2)
    np.testing.assert_allclose(really, dW @ X1 / 3, atol=1e-12)
    F1 = W @ X1 / 3
    np.testing.assert_allclose(really + 0.2 * F1, (lemma + 0.2 * F1) @ X1.T @ X1 / 9, atol=1e-12)
    assert linear.relative_gap(really, lemma) > 0.1


# ---- closed forms, invariants, fixed points over random parameters

RATE = st.floats(0.2, 2.0)


@settings(max_examples=20, deadline=None)
@given(b=RATE, s=st.floats(0, 2.0), share=st.floats(0.05, 0.95), p0=st.floats(0.02, 0.98))
def test_time_along_the_balanced_mode(b, s, share, p0):
    eta = share * float(modes.eta_critical(b, s))
    low, high = float(modes.p_minus(b, s, eta)), float(modes.p_plus(b, s, eta))
    start, times = low + p0 * (high - low), np.array([0.0, 0.3, 1.0, 2.0])
    p = modes.BALANCED.solve([start], times, b=b, s=s, eta=eta, options=runs.EXACT)["p"]
    np.testing.assert_allclose(modes.balanced_time(p[1:], start, b, s, eta), times[1:], rtol=1e-7)
    two = modes.MODE.solve([start, start], times, b=b, s=s, eta=eta, options=runs.EXACT)
    np.testing.assert_allclose(two["p"], p, rtol=1e-9)
    np.testing.assert_allclose(two["w"], p, rtol=1e-9)


@settings(max_examples=25, deadline=None)
@given(b=RATE, s=st.floats(0, 2.0), share=st.floats(0.05, 0.95))
def test_fixed_points_and_their_stability(b, s, share):
    q = modes.MODE.check(b=b, s=s, eta=share * modes.eta_critical(b, s))
    points = modes.MODE.fixed_points(q)
    kinds = {}
    for name, y in points.items():
        assert np.abs(modes.MODE.field(y, **q)).max() < 1e-12
        J, numeric = modes.jacobian(y, q), numerical_jacobian(modes.MODE, y, **q)
        np.testing.assert_allclose(J, numeric, atol=1e-7)
        kinds[name] = classify(np.linalg.eigvals(numeric), 1e-6)
        if name != "collapse":
            exact = modes.jacobian_eigenvalues(y[0], b, s, q["eta"])
            np.testing.assert_allclose(
                np.sort(np.linalg.eigvals(J).real), np.sort(exact), atol=1e-7
            )
    assert kinds == {"collapse": "stable", "p_minus": "saddle", "p_plus": "stable"}


@settings(max_examples=15, deadline=None)
@given(b=RATE, s=st.floats(0, 2.0), share=st.one_of(st.floats(0.3, 0.97), st.floats(1.03, 2.0)))
def test_a_mode_dies_exactly_beyond_the_threshold(b, s, share):
    critical = float(modes.eta_critical(b, s))
    end = runs.mode_end(b / (2 * (b + s)), b=b, s=s, eta=share * critical, end=500 / critical)
    np.testing.assert_allclose(end, modes.equilibrium(b, s, share * critical), atol=1e-7)
    assert (end > 0.1 * b / (b + s)) == (share < 1)


@settings(max_examples=10, deadline=None)
@given(p=st.floats(-1, 1), w=st.floats(-1, 1), b=RATE, s=st.floats(0, 1), eta=st.floats(0, 0.5))
def test_the_mode_keeps_its_balance(p, w, b, s, eta):
    times = np.linspace(0, 5, 6)
    run = modes.MODE.solve([p, w], times, b=b, s=s, eta=eta, options=runs.EXACT)
    held = modes.balance(times, run.y, modes.MODE.check(b=b, s=s, eta=eta))
    np.testing.assert_allclose(held, p**2 - w**2, atol=1e-9)


@pytest.mark.parametrize("both", [False, True])
def test_free_features_keep_their_balance(both):
    flow, run = runs.free_run(both=both)
    held = flow.invariants["balance"](run.times, run.y, flow.check(eta=0.1))
    assert np.abs(held - held[0]).max() < 1e-9 < np.abs(run["F1"][-1] - run["F1"][0]).max()


def test_the_network_keeps_its_balance_for_many_starts_and_rates_at_once():
    S, M = linear.batch_moments(*batch())
    flow = linear.network_flow(S, M, 3)
    W, Wp = runs.weights(3, 6, "gaussian", seeds=2)
    eta, times = np.array([0.05, 0.3]), np.linspace(0, 6, 7)
    run = flow.solve(flow.start(W=W, Wp=Wp), times, eta=eta, options=runs.EXACT)
    held = flow.invariants["balance"](times[:, None], run.y, flow.check(eta=eta))
    assert np.abs(held - held[0]).max() < 1e-9
    one = flow.solve(flow.start(W=W[1], Wp=Wp[1]), times, eta=0.3, options=runs.EXACT)
    np.testing.assert_allclose(one["Wp"], run["Wp"][:, 1], atol=1e-9)
    assert "balance" not in linear.network_flow(S, M, 3, variant="no stop-gradient").invariants
