"""Theory of liu2022: the logistic, and modes under the constraint."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ncssl.theory.liu2022 import constrained, runs, toy
from ncssl.theory.ode.flow import classify, numerical_jacobian

ROWS = {row.label: row for row in (*toy.ROWS, toy.LAST_ROW_READ_OTHERWISE)}
BOTH = pytest.mark.parametrize("constraint", constrained.CONSTRAINTS)


@settings(max_examples=20, deadline=None)
@given(
    lam=st.floats(0, 3),
    b=st.floats(0.3, 2),
    s=st.floats(0, 2),
    eta=st.floats(0, 1),
    c0=st.floats(0.01, 3),
)
def test_the_logistic(lam, b, s, eta, c0):
    t = np.array([0.0, 0.1, 0.7, 2.0])
    q = {"b": b, "s": s, "lambda_": lam, "eta": eta}
    c = constrained.IPRED.solve([c0], t, options=runs.EXACT, **q)["c"]
    np.testing.assert_allclose(c, constrained.ipred_solution(t, c0, **q), rtol=1e-8, atol=1e-11)
    late = constrained.ipred_solution(1e7, c0, **q)
    gap = abs(lam - float(constrained.ipred_critical(b, s, eta)))
    if gap > 1e-3:
        np.testing.assert_allclose(late, constrained.ipred_equilibrium(lam, b, s, eta), atol=1e-6)


def test_the_logistic_holds_for_every_eigenvalue_of_the_network():
    flow, t = toy.toy_flow(3, 6, ROWS["COV + I-PRED"]), np.array([0.0, 0.2, 1.0, 4.0])
    W = runs.weights(3, 6, "gaussian", seeds=1)[0][0]
    for lam, eta in ((1.0, 0.0), (0.2, 0.1), (1 / 3, 0.0)):
        run = flow.solve(flow.start(W=W), t, lambda_=lam, eta=eta, options=runs.EXACT)
        values, vectors = np.linalg.eigh(1.5 * W @ W.T)
        exact = constrained.ipred_solution(t[:, None], values, lam, 1.0, 0.5, eta)
        np.testing.assert_allclose(
            toy.second_moment(run["W"], ROWS["COV + I-PRED"]),
            (vectors * exact[:, None]) @ vectors.T,
            atol=1e-8,
        )


# ---- a learned predictor under a constraint: rest points, threshold


@BOTH
@settings(max_examples=20, deadline=None)
@given(s=st.floats(0.002, 0.055), over=st.floats(1.2, 20), b=st.floats(0.5, 2))
def test_rest_points_of_the_constrained_mode(constraint, s, over, b):
    s = s * b
    least, p = constrained.critical(b, s, constraint)
    assert constrained.rest_lambda(p, b, s, constraint) == pytest.approx(least, rel=1e-9)
    flow, q = constrained.LEARNED[constraint], {"b": b, "s": s, "lambda_": over * least}
    points = flow.fixed_points(flow.check(**q))
    assert set(points) == {"collapse", "lower", "upper"} and points["lower"][0] < points["upper"][0]
    for name, y in points.items():
        assert np.abs(flow.field(y, **q)).max() < 1e-6
        J = flow.jacobian(y, flow.check(**q))
        np.testing.assert_allclose(
            J, numerical_jacobian(flow, y, **q), atol=1e-5 * (1 + over * least)
        )
        if name != "collapse":
            assert (
                classify(np.linalg.eigvals(J), 1e-9) == {"lower": "saddle", "upper": "stable"}[name]
            )
    assert set(flow.fixed_points(flow.check(**q | {"lambda_": 0.9 * least}))) == {"collapse"}


@BOTH
def test_the_constrained_mode_is_the_network_with_one_feature(constraint):
    flow, one = (
        constrained.LEARNED[constraint],
        toy.toy_flow(1, 1, ROWS["COV"], constraint=constraint),
    )
    q = {"b": 1.2, "s": 0.3, "lambda_": 0.8, "eta": 0.1}
    field = one.field(one.start(W=[[0.7]], Wp=[[0.4]]), **q)
    np.testing.assert_allclose(field[::-1], flow.field([0.4, 0.7], **q), atol=1e-14)
    np.testing.assert_allclose(
        numerical_jacobian(flow, np.array([0.4, 0.7]), **q),
        flow.jacobian(np.array([0.4, 0.7]), flow.check(**q)),
        atol=1e-8,
    )


def test_eq_15_never_holds_a_mode_against_strong_augmentation():
    edge = constrained.SMALL_S
    assert edge == pytest.approx(0.0606602, abs=1e-7)
    assert (
        constrained.critical(1, 1.001 * edge, "eq 15")[0] == np.inf
        and constrained.critical(1, 0.99 * edge)[0] < 1e6
    )
    p = np.linspace(0.001, 2, 5000)
    assert not np.isfinite(constrained.rest_lambda(p, 1.0, 1.001 * edge)).any()
    assert constrained.critical(1, 0.5, "eq 17")[0] == pytest.approx(30.1051, abs=1e-4)


def test_collapse_costs_nothing_with_a_learned_predictor_but_something_with_the_identity():
    zero, eye = np.zeros((4, 8)), np.eye(4)
    assert toy.loss(zero, 0 * eye, 2.0, 1.0, 0.5) == 0 and toy.loss(
        zero, eye, 2.0, 1.0, 0.5
    ) == pytest.approx(4.0)
    W, Wp = runs.weights(4, 8, "gaussian", seeds=20)
    assert (toy.loss(W, Wp, 2.0, 1.0, 0.5) > 0).all()
