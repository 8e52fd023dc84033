"""Theory of cho2022: rates and thresholds of the flow of free logits, its invariants, and where it
ends."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from ncssl.claims.papers import paper
from ncssl.errors import UnknownName
from ncssl.theory import cho2022 as dino
from ncssl.theory.ode.flow import numerical_jacobian
from ncssl.verdicts.judging import judge_theory

CLAIMS = [claim for claim in paper("cho2022").claims.values() if claim.kind == "theory"]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_claims_are_as_they_were_judged(claim):
    assert judge_theory(claim).status == "reproduced"


def test_the_flow_is_minus_the_gradient_of_the_cross_entropy():
    """On the student's side alone, by finite differences of the loss as DINO has it."""
    rng, (n, k), (s, t) = np.random.default_rng(1), (3, 4), (0.1, 0.04)
    h = 0.1 * rng.standard_normal((n, k))
    goal = softmax((h - 0.7 * h.mean(0)) / t, -1)

    def loss(x):
        return -(goal * np.log(softmax(x.reshape(n, k) / s, -1))).sum()

    slope = [(loss(h.ravel() + e) - loss(h.ravel() - e)) / 2e-6 for e in 1e-6 * np.eye(n * k)]
    np.testing.assert_allclose(
        dino.logits(n, k).field(h.ravel(), centring=0.7), -np.array(slope), atol=1e-5
    )


def test_the_centre_s_flow_is_that_of_two_prototypes_and_inputs_alike():
    """u is the difference of the two logits; with v = u the centre takes all of it off."""
    for u in (0.01, -0.2):
        whole = dino.logits(3, 2).field(np.tile([u / 2, -u / 2], 3), centring=1.0).reshape(3, 2)
        du, dv = dino.CENTRE.field([u, u], gamma=5.0)
        assert du == pytest.approx(whole[0, 0] - whole[0, 1]) and dv == 0
        du, dv = dino.CENTRE.field([u, 0.0], gamma=5.0)
        whole = dino.logits(3, 2).field(np.tile([u / 2, -u / 2], 3), centring=0.0).reshape(3, 2)
        assert du == pytest.approx(whole[0, 0] - whole[0, 1]) and dv == pytest.approx(5 * u)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    k=st.integers(2, 6),
    tau_s=st.floats(0.05, 1),
    tau_t=st.floats(0.02, 1),
    centring=st.floats(0, 1),
)
def test_rates_and_thresholds_agree(k, tau_s, tau_t, centring):
    shared, apart = dino.common_rate(k, tau_s, tau_t, centring), dino.apart_rate(k, tau_s, tau_t)
    edge = dino.least_centring(tau_s, tau_t)
    assert (apart > 0) == (tau_t < tau_s) and dino.common_rate(k, tau_s, tau_t, 1.0) < 0 <= edge < 1
    if abs(centring - edge) > 1e-6 and edge > 0:
        assert (shared < 0) == (centring > edge)
    values = np.linalg.eigvals(
        numerical_jacobian(
            dino.logits(2, k),
            np.zeros(2 * k),
            tau_s=tau_s,
            tau_t=tau_t,
            centring=centring,
            step=1e-6,
        )
    ).real
    expected = sorted([0.0, 0.0, *[shared] * (k - 1), *[apart] * (k - 1)])
    np.testing.assert_allclose(np.sort(values), expected, atol=1e-4 * max(1, *map(abs, expected)))


@pytest.mark.parametrize("tau_t", [0.02, 0.04, 0.08])
def test_a_centre_holds_exactly_if_it_outruns_the_sharpening(tau_t):
    """By integration, on either side of the edge."""
    edge = dino.least_gamma(tau_t=tau_t)
    wide = {}
    for factor in (0.8, 1.25):
        path = dino.CENTRE.solve(
            [1e-4, 0.0], [0, 80 / edge], tau_t=tau_t, gamma=factor * edge, options={"rtol": 1e-6}
        )
        wide[factor] = np.abs(path.y[-1]).max()
    assert wide[1.25] < 1e-6 and wide[0.8] > 1e-3


def test_sums_over_prototypes_stay():
    flow, path = dino.logits(), dino.run(1.0, seed=3)
    q = flow.check()
    for name, invariant in flow.invariants.items():
        values = np.array([invariant(0, y, q) for y in path.y])
        assert np.abs(values - values[0]).max() < 1e-9, name
    assert np.abs(path["h"].sum(-1)).max() < 1e-9


@pytest.mark.parametrize("seed", range(2))
def test_each_trick_alone_collapses_and_both_do_not(seed):
    sure, spread = dino.ends(seed=seed)
    assert sure < 0.05 and spread > 0.6
    assert max(dino.ends(seed=seed, centring=0.0)) < 0.05, "all on one prototype"
    assert (
        min(dino.ends(seed=seed, tau_t=0.1)) > 0.99 and min(dino.ends(seed=seed, tau_t=0.2)) > 0.99
    ), "uniform"
    assert dino.ends(seed=seed, centring=0.7)[1] > 0.6


def test_entropies_by_hand():
    h = np.log(np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]]))
    each, mean = dino.entropies(h, 1.0)
    assert each == pytest.approx(1.5 * np.log(2))
    assert mean == pytest.approx(-2 * 0.375 * np.log(0.375) - 0.25 * np.log(0.25))
    assert dino.entropies(np.array([[0.0, -1e5]] * 2), 1.0) == (0, 0)


def test_describe_is_plain_and_checks_what_it_is_given():
    told = dino.describe(k=5, tau_t=0.05, gamma=50)
    json.dumps(told)
    assert (
        told["rates at the uniform output"]["apart"] == pytest.approx(20)
        and told["centre fast enough"] is False
    )
    assert told["least centring"] == 0.5 and told["least gamma, two prototypes"] == 50
    with pytest.raises(UnknownName, match="tau_s"):
        dino.describe(tau=0.1)
    wrongs = (
        (dict(tau_t=0), "tau_t must be in"),
        (dict(k=1), "k must be in"),
        (dict(centring=2), "centring"),
    )
    for wrong, words in wrongs:
        with pytest.raises(ValueError, match=words):
            dino.describe(**wrong)
