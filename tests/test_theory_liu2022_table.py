"""Theory of liu2022 without the stop-gradient: Table 3 in the toy, closed forms, eq. 17,
partitions, the numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ncssl.claims.papers import paper
from ncssl.theory.helpers import complex_step
from ncssl.theory.liu2022 import constrained, runs, static, toy
from ncssl.theory.liu2022 import matrix as linear

ROWS = {row.label: row for row in (*toy.ROWS, toy.LAST_ROW_READ_OTHERWISE)}
BOTH = pytest.mark.parametrize("constraint", constrained.CONSTRAINTS)


# ---- the toy: every row's field is minus the gradient of its population loss


def population_loss(W, V2, Wp, row, constraint, lam, b, s):
    """Eq. 15 or 17 from its definition; V2 is the other view's encoder, so that it can be held."""
    k = b + s

    def scaled(A):
        return A / np.sqrt(k * (A * A).sum(1))[:, None] if row.std else A

    V, V2 = scaled(W), scaled(V2)
    invariance = np.trace(
        k * Wp @ V @ V.T @ Wp.T - b * Wp @ V @ V2.T - b * V2 @ V.T @ Wp.T + k * V2 @ V2.T
    )
    C = k * V @ V.T
    miss = Wp.T @ Wp - (C if constraint == "eq 15" else Wp @ C @ Wp.T)
    return 0.5 * (invariance + lam * row.cov * (miss * miss).sum())


@BOTH
@pytest.mark.parametrize("label", ROWS)
def test_field_of_each_row(label, constraint):
    row, q = ROWS[label], {"lambda_": 0.7, "b": 1.3, "s": 0.4, "eta": 0.2}
    rng = np.random.default_rng(5)
    W, Wp = rng.normal(size=(3, 5)), np.eye(3) if row.ipred else rng.normal(size=(3, 3))
    flow = toy.toy_flow(3, 5, row, constraint=constraint)

    def loss(A, B):
        return population_loss(A, W if row.stop else A, B, row, constraint, 0.7, 1.3, 0.4)

    parts = {"W": -complex_step(lambda A: loss(A, Wp), W) - 0.2 * W}
    if not row.ipred:
        parts["Wp"] = -complex_step(lambda A: loss(W, A), Wp) - 0.2 * Wp
    start = {"W": W} | ({} if row.ipred else {"Wp": Wp})
    np.testing.assert_allclose(
        flow.field(flow.start(**start), **q), flow.start(**parts), atol=1e-11
    )
    V = toy.standardised(W, 1.7)[0] if row.std else W
    assert toy.loss(V, Wp, 0.7 * row.cov, 1.3, 0.4, constraint) == pytest.approx(
        loss(W, Wp), rel=1e-12
    )


def test_population_loss_is_the_mean_over_samples():
    rng = np.random.default_rng(0)
    W, Wp, n = rng.normal(size=(3, 4)), rng.normal(size=(3, 3)), 400_000
    x = rng.normal(size=(4, n))
    f1, f2 = (W @ (x + np.sqrt(0.5) * rng.normal(size=(4, n))) for _ in range(2))
    sampled = 0.5 * ((Wp @ f1 - f2) ** 2).sum() / n
    assert toy.loss(W, Wp, 0.0, 1.0, 0.5) == pytest.approx(sampled, rel=0.01)


def test_toy_gradients_agree_with_autograd():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    V, Wp = rng.normal(size=(3, 5)), rng.normal(size=(3, 3))
    for constraint in constrained.CONSTRAINTS:
        tV, tWp = (torch.tensor(a, requires_grad=True) for a in (V, Wp))
        C = 1.5 * tV @ tV.T
        miss = tWp.T @ tWp - (C if constraint == "eq 15" else tWp @ C @ tWp.T)
        first = torch.trace(tWp @ C @ tWp.T - 2 * tWp @ tV @ tV.T + C)
        (0.5 * (first + 0.6 * (miss**2).sum())).backward()
        dV, dWp = toy.gradients(V, Wp, 0.6, 1.0, 0.5, constraint)
        np.testing.assert_allclose(dV, tV.grad.numpy(), atol=1e-12)
        np.testing.assert_allclose(dWp, tWp.grad.numpy(), atol=1e-12)


@BOTH
@pytest.mark.parametrize("kind", runs.STARTS)
def test_the_pattern_of_table_3(kind, constraint):
    for row, run, fell in runs.table3(
        kind=kind, constraint=constraint, seeds=2, end=30.0, points=4, options={"rtol": 1e-6}
    ):
        assert fell == row.collapses, row.label
        if row.std:
            # no collapse in this sense, by construction
            np.testing.assert_allclose(run["trace"], 6.0, rtol=1e-12)
            held = run["flow"].invariants["lengths of rows"](
                run["t"][:, None], run["y"], {"eta": np.array(0.0)}
            )
            np.testing.assert_allclose(held, held[:1].repeat(4, 0), rtol=1e-5)


def test_lengths_of_rows_shrink_with_weight_decay_alone():
    flow = toy.toy_flow(3, 6, ROWS["COV + STD"], constraint="eq 17")
    W, Wp = runs.weights(3, 6, "gaussian", seeds=1)
    t = np.linspace(0, 4, 5)
    run = flow.solve(flow.start(W=W[0], Wp=Wp[0]), t, eta=0.2, options=runs.EXACT)
    held = flow.invariants["lengths of rows"](t, run.y, flow.check(eta=0.2))
    np.testing.assert_allclose(held, np.broadcast_to((W[0] ** 2).sum(-1), (5, 3)), rtol=1e-9)


def test_std_and_identity_without_constraint_stand_still():
    """E|V (x1 - x2)|^2 is s d/(b+s) for any standardised encoder: the rows with 50.9 and I-PRED
    have no gradient."""
    for label in ("STD + I-PRED", "STD + I-PRED + stop-gradient"):
        flow = toy.toy_flow(3, 6, ROWS[label])
        assert np.abs(flow.field(flow.start(W=runs.weights(3, 6, "gaussian")[0]))).max() < 1e-13


# ---- I-PRED without STD: closed forms


@pytest.mark.parametrize("lam, c", [(0.33, 0), (0.34, 0.0196), (1, 0.6667), (5, 0.9333)])
def test_t8_values_of_the_identity(lam, c):
    assert constrained.ipred_equilibrium(lam, 1, 0.5) == pytest.approx(c, abs=5e-5)
    end = constrained.IPRED.solve(
        [0.3], [0, 10 / abs(1.5 * lam - 0.5)], lambda_=lam, options=runs.FAST
    )["c"][-1]
    assert end == pytest.approx(c, abs=5e-5)


# ---- eq. 17, cosine, standardising, partitions


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_zero_set_of_eq_17(seed):
    rng = np.random.default_rng(seed)
    a = 0.3 * rng.normal(size=(4, 4)) + 3 * np.eye(4)
    C = static.zero_set(a)
    np.testing.assert_allclose(a.T @ a, a @ C @ a.T, atol=1e-10)
    assert np.linalg.det(C) == pytest.approx(1, rel=1e-8) and np.linalg.norm(C - np.eye(4)) > 0.01
    rotation = np.linalg.qr(a)[0]  # normal, not symmetric
    np.testing.assert_allclose(static.zero_set(2.5 * rotation), np.eye(4), atol=1e-12)


def test_a_singular_predictor_hides_from_eq_17():
    Wp, C = np.diag([0.6, 0.6, 0.0]), np.diag([1.0, 1.0, 0.0])
    assert np.abs(Wp.T @ Wp - Wp @ C @ Wp.T).max() == 0 and np.abs(Wp.T @ Wp - C).max() > 0.3


def test_cosine_gradients_and_the_half():
    rng = np.random.default_rng(0)
    Z1, Z2 = rng.normal(size=(2, 4, 7))

    def distance(A, B):
        return -((A * B).sum(0) / np.sqrt((A**2).sum(0) * (B**2).sum(0))).mean()

    value, d1, d2 = static.cosine_gradients(Z1, Z2)
    assert value == pytest.approx(distance(Z1, Z2))
    np.testing.assert_allclose(d1, complex_step(lambda A: distance(A, Z2), Z1), atol=1e-14)
    np.testing.assert_allclose(d2, complex_step(lambda A: distance(Z1, A), Z2), atol=1e-14)


@pytest.mark.parametrize(
    "d, n, standard", [(32, 16, False), (8, 40, False), (8, 20, True), (20, 10, True)]
)
def test_noise_floors(d, n, standard):
    found = static.sampled_floor(d, n, np.random.default_rng(0), 3000, standard=standard)
    exact = (static.standardised_floor if standard else static.partition_floor)(d, n)
    assert abs(found.mean() - exact) < 4 * found.std() / np.sqrt(3000)


def test_one_standardised_feature_misses_one_by_the_diagonal_alone():
    found = static.sampled_floor(1, 20, np.random.default_rng(0), 50, standard=True)
    np.testing.assert_allclose(found, static.standardised_floor(1, 20), rtol=1e-12)
    assert static.standardised_floor(1, 20) == pytest.approx(1 / 400)


def test_shares_and_factors():
    assert (
        linear.off_diagonal(np.ones((3, 3))) == pytest.approx(2 / 3)
        and linear.off_diagonal(np.eye(3)) == 0
    )
    assert linear.decorrelation(np.array([[4.0, 1.0], [1.0, 1.0]])) == pytest.approx(0.5)
    A = np.random.default_rng(0).normal(size=(2, 3, 3))
    assert linear.best_factor(A, A / 4) == pytest.approx(4.0)
    np.testing.assert_allclose(linear.relative_gap(A, A / 4), 0.75, atol=1e-14)
    np.testing.assert_allclose(linear.relative_gap(A, A / 4, fitted=True), 0, atol=1e-14)
    P = static.projector(6, 2, np.random.default_rng(0))
    np.testing.assert_allclose(P @ P, P, atol=1e-14)
    assert static.projector(6, 2, np.random.default_rng(0), 5).shape == (5, 6, 6) and np.trace(
        P
    ) == pytest.approx(2)


def test_equilibrium_gap_is_zero_only_for_isotropic_data():
    white = linear.equilibrium_gap(np.full(8, 0.75), 0.25, 0.01)
    gaps = [
        linear.equilibrium_gap(runs.power_law(8, a), 0.25, 0.005, fitted=True)
        for a in (0, 0.25, 0.5, 1)
    ]
    assert white < 1e-15 and gaps[0] < 1e-15 and (np.diff(gaps) > 0.05).all()


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: toy.toy_flow(2, 3, toy.ROWS[0], constraint="eq 16"), "unknown constraint 'eq 16'"),
        (lambda: constrained.critical(1, 1, "eq 2"), "constraint"),
        (lambda: toy.standardised(np.zeros((2, 3)), 1.0), "a row of W was zero"),
        (lambda: constrained.LEARNED["eq 15"].check(s=0), r"s must be in \(0, inf\), was 0"),
        (
            lambda: toy.toy_flow(2, 3, toy.ROWS[0]).check(lambda_=-1),
            r"lambda_ must be in \[0, inf\), was -1",
        ),
    ],
)
def test_what_is_outside_its_domain_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# ---- the numbers of the paper


@pytest.mark.parametrize(
    "reference, value",
    [
        ("table1:k = 1, c_inv = 1, c_cov = 1|top-1", 61.4),
        ("table1:k = 8, c_inv = 25, c_cov = 25|top-1", 66.2),
        ("table1:k = 32, c_inv = 25, c_cov = 1|top-1", 67.3),
        ("table2:4096-256|k = 1, c_inv = 1, c_cov = 1", 54.7),
        ("table2:8192-8192-8192|k = 8, c_inv = 25, c_cov = 1", 69.0),
        ("table3:STD|top-1", 50.9),
        ("table3:STD + I-PRED + stop-gradient|top-1", 55.0),
        ("table3:COV + I-PRED|top-1", 62.6),
        ("table4:SimSiam|2048-2048-2048, predictor 512-2048", 68.1),
        ("table4:VICReg|2048-2048-2048", 65.1),
        ("released:derived method|top-5", 88.8),
    ],
)
def test_numbers_of_liu2022(reference, value):
    assert paper("liu2022").reported(reference).value == value


def test_tables_of_liu2022_agree_with_each_other_and_with_the_toy():
    liu = paper("liu2022")
    assert [len(liu.tables[f"table{i}"].cells) for i in range(1, 5)] == [7, 6, 6, 9]
    base = {
        liu.reported(r).value
        for r in (
            "table1:k = 1, c_inv = 1, c_cov = 1|top-1",
            "table3:COV + STD|top-1",
            "table2:2048-2048-2048|k = 1, c_inv = 1, c_cov = 1",
        )
    }
    assert base == {61.4}
    best = {
        liu.reported(r).value
        for r in (
            "released:derived method|top-1",
            "table4:derived method|8192-8192-8192, predictor 8192",
        )
    }
    assert best == {69.0}
    assert {c.row for c in liu.tables["table3"].cells} == {
        row.label for row in toy.ROWS if not row.collapses
    }
