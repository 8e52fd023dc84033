"""Theory of liu2022: gradients, laws, equilibria, describe. Table 3 and the derived method are in
the next file."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ncssl.claims.papers import paper
from ncssl.errors import UnknownName
from ncssl.theory.helpers import complex_step
from ncssl.theory.liu2022 import CHECKS, FLOWS, describe, modes, runs, static
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


# ---- checks and describe

# check -> (lowest, highest) value accepted here; the claims of the book have their own margins
BOUNDS = {
    "lemma32_gradients": (0, 1e-13),
    "lemma33_unit_norm": (0.4, 0.5),
    "lemma33_orthogonal": (0, 1e-13),
    "law_free": (0, 1e-11),
    "law_as_printed": (0.8, 0.9),
    "law_both_directions": (0, 1e-11),
    "law_encoder": (0, 1e-11),
    "law_orthonormal_batch": (0, 1e-11),
    "law_orthonormal_unscaled": (0.899, 0.901),
    "isotropic_factor": (0, 1e-7),
    "law_anisotropic": (0.27, 0.28),
    "anisotropic_gap_formula": (0, 2e-6),
    "eigenvalues_isotropic": (0, 1e-9),
    "eigenvalues_power_law": (0.3754, 0.3755),
    "full_rank_is_identity": (0, 1e-9),
    "survival_threshold": (0, 1e-6),
    "rank_deficient_off_diagonal": (0.48, 0.49),
    "off_diagonal_formula": (0, 2e-3),
    "decorrelates_near_identity": (0, 1e-6),
    "decorrelates_from_noise": (2, 10),
    "decorrelates_anisotropic": (2, 4),
    "predictor_becomes_diagonal": (-1e-12, 1e-6),
    "predictor_from_noise": (0.1, 0.5),
    "eq17_zero_set": (0, 1e-13),
    "eq17_zero_set_any": (5, 20),
    "replacement_exact": (0, 1e-13),
    "replacement_at_equilibrium": (0.4576, 0.4578),
    "table3_rows": (9, 9),
    "table3_categories": (5, 5),
    "table3_last_row": (2, 2),
    "cov_alone_little_noise": (0.4, 1),
    "cov_alone_threshold": (0, 1e-6),
    "std_keeps_dimensions": (2, 4),
    "std_cov_whitens": (1, 4),
    "std_cov_ipred_whitens": (0, 1e-9),
    "std_raw_cov_whitens": (0, 1e-9),
    "ipred_equilibrium": (0, 1e-8),
    "ipred_critical": (0, 1e-7),
    "stop_gradient_halves": (0, 1e-12),
    "no_stop_gradient_collapse": (0, 1e-12),
    "stop_gradient_survives": (1, 3),
    "standardised_diagonal": (0, 1e-14),
    "partition_floor": (0, 0.02),
    "partition_weight": (31.999, 32.001),
    "mode_equilibrium": (0, 1e-9),
}


# they could not fail
NO_CLAIM = {"table3_rows", "table3_last_row", "standardised_diagonal", "partition_weight"}


def test_every_check_has_a_bound_a_meaning_and_a_claim():
    assert set(BOUNDS) == set(CHECKS)
    assert all(f.__doc__ for f in CHECKS.values())
    claimed = {claim.check for claim in paper("liu2022").claims.values() if claim.kind == "theory"}
    assert claimed == set(CHECKS) - NO_CLAIM


@pytest.mark.parametrize("name", CHECKS)
def test_checks(name):
    low, high = BOUNDS[name]
    value = CHECKS[name]()
    assert isinstance(value, float) and low <= value <= high, f"{name} = {value:.6g}"


def test_describe_is_plain_and_right():
    answer = describe(s=0.5, eta=0.05, d=64, r=16, n_part=16)
    assert json.loads(json.dumps(answer)) == answer
    found = [
        answer[name]
        for name in ("equilibrium", "eta_critical", "ipred_equilibrium", "ipred_critical_lambda")
    ]
    assert found == pytest.approx([0.61222001, 1 / 6, 2 / 3, 1 / 3], abs=5e-9)
    assert (
        answer["off_diagonal_share"] == pytest.approx(48 / 66)
        and answer["partition_floor"] == 64 * 65 / 16
    )
    assert answer["partition_floor_in_loss"] == pytest.approx(8 * 65 / 16)
    assert [p["stability"] for p in answer["fixed_points"]] == ["stable", "saddle", "stable"]
    assert answer["learned_critical_lambda"]["eq 15"] is None
    assert answer["without_stop_gradient"] == {
        "identity": "survives",
        "learned, eq 15": "collapses",
        "learned, eq 17": "collapses",
    }


def test_describe_regimes():
    assert (
        describe(eta=0.17)["regime"] == "the mode dies" and describe(eta=0.17)["equilibrium"] == 0
    )
    assert (
        "threshold" in describe(eta=1 / 6)["regime"]
        and "no weight decay" in describe(eta=0)["regime"]
    )
    assert [p["name"] for p in describe(eta=0)["fixed_points"]] == ["collapse", "p_plus"]
    assert describe(s=0.01)["without_stop_gradient"]["learned, eq 15"] == "can survive"
    assert describe(s=0, lambda_=0)["ipred_equilibrium"] == 0
    assert describe(lambda_=0.3)["without_stop_gradient"]["identity"] == "collapses"


@pytest.mark.parametrize(
    "params, error, message",
    [
        ({"eta": -1}, ValueError, r"eta must be in \[0, inf\), was -1"),
        ({"b": 0}, ValueError, r"b must be in \(0, inf\)"),
        ({"lambda": 1}, UnknownName, "lambda_"),
        ({"d": 2.5}, ValueError, r"d must be a whole number in \[1, inf\), was 2.5"),
        ({"d": 4, "r": 5}, ValueError, r"r must be in \[0, d = 4\], was 5"),
        ({"s": [0, 1]}, ValueError, "one number"),
        ({"n_part": 1}, ValueError, r"n_part must be in \[2, inf\)"),
        ({"parts": "x"}, ValueError, "must be a number"),
    ],
)
def test_describe_refuses(params, error, message):
    with pytest.raises(error, match=message):
        describe(**params)


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda: linear.network_flow(np.eye(2), np.eye(2), 2, variant="ema"),
            "variant of the network flow",
        ),
        (lambda: linear.network_flow([[1, 2], [0, 1]], np.eye(2), 2), "S must be symmetric"),
        (lambda: linear.network_flow(np.eye(2), np.eye(3), 2), "of the shape of M"),
        (
            lambda: linear.network_flow(np.eye(2), np.ones((2, 3)), 2),
            "M must be a finite square matrix",
        ),
        (lambda: runs.weights(2, 2, "zero"), "unknown start 'zero'"),
        (lambda: FLOWS["mode"].solve([0.1, 0.1], [0, 1], lambda_=1), "unknown parameter 'lambda_'"),
    ],
)
def test_what_cannot_be_built_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
