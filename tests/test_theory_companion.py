"""The five theories on one axis system: closed forms against integration, and against each paper's
own modules."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ncssl.claims.papers import paper
from ncssl.errors import UnknownName
from ncssl.theory import theory
from ncssl.theory.companion import CHECKS, describe
from ncssl.theory.companion import modes as one
from ncssl.theory.wang2021.modes import mode_rhs
from ncssl.verdicts.judging import judge_theory

CLAIMS = {c.check: c for c in paper("companion").claims.values() if c.kind == "theory"}
modes = st.fixed_dictionaries(
    {
        "b": st.floats(0.2, 3),
        "sigma2": st.floats(0, 2),
        "eta": st.floats(0.005, 0.4),
        "alpha": st.floats(0.25, 2),
        "lambda_": st.floats(0.3, 4),
    }
)


@pytest.mark.parametrize("name", CLAIMS)
def test_every_claim_on_theory_holds(name):
    assert judge_theory(CLAIMS[name]).status == "reproduced"


def test_every_check_decides_a_claim_but_for_the_level_that_liu2022_claims():
    assert set(CHECKS) - set(CLAIMS) == {"decorrelation_as_in_liu2022"}
    assert CHECKS["decorrelation_as_in_liu2022"]() < 1e-6
    claims = paper("liu2022").claims.values()
    assert "ipred_equilibrium" in {c.check for c in claims if c.kind == "theory"}


@pytest.mark.parametrize("method", one.METHODS)
@given(q=modes)
@settings(max_examples=40, deadline=None)
def test_levels_and_edges_are_at_rest_and_of_their_kind(method, q):
    """w' vanishes at the level and at the edge; it points to the level, away from the edge; both
    exist together."""
    if method == "learned":
        q = q | {"alpha": 0.5}
    one_of = "set" if method == "learned" else method
    s, e = float(one.level(method, **q)), float(one.edge(method, **q))
    limits = {k: v for k, v in q.items() if k in ("b", "sigma2", "lambda_")}
    gap = (
        q["eta"] / float(one.threshold(method, **limits)) - 1
        if float(one.threshold(method, **limits))
        else 1.0
    )
    assume(abs(gap) > 1e-3)
    assert np.isfinite(s) == np.isfinite(e) == (gap < 0)
    if gap > 0:
        w = np.linspace(0.01, 3, 300)
        assert (one.velocity(one_of, w, q) < 0).all()
        return
    w = np.sqrt(s)
    for point, sign in ((w, -1), (e, 1)):
        if point > 1e-6:
            assert abs(one.velocity(one_of, point, q)) < 1e-9 * max(1, point)
            assert np.sign(one.velocity(one_of, point * 1.001, q)) == sign
    assert e < w


@given(q=modes)
@settings(max_examples=30, deadline=None)
def test_rate_of_a_vanishing_mode(q):
    limits = {k: v for k, v in q.items() if k != "alpha"}
    tiny = 1e-7 if q["alpha"] >= 0.5 else 1e-14
    for method in ("set", "iso", "apart"):
        rate = one.velocity(method, tiny, q) / tiny
        pick = limits if method != "set" else {k: v for k, v in limits.items() if k != "lambda_"}
        assert rate == pytest.approx(float(one.small_mode_rate(method, **pick)), abs=5e-3)


@pytest.mark.parametrize("method", ["learned", "set", "iso", "apart"])
def test_time_to_half_against_an_event(method):
    flow, w0 = one.FLOWS[method], 0.2
    half = 0.5 * float(one.level(method))
    start = flow.start(**({"w": w0, "p": w0} if method == "learned" else {"w": w0}))
    run = flow.solve(start, [0, 100.0], events={"half": (lambda t, y, q: y[..., 0] ** 2 - half, 1)})
    assert one.time_to_half(method, w0) == pytest.approx(float(run.events["half"]), rel=1e-7)


def test_a_mode_that_dies_has_no_time_and_one_that_is_there_needs_none():
    assert (
        one.time_to_half("set", 0.1) == np.inf and one.time_to_half("set", 0.9, eta=0.3) == np.inf
    )
    assert one.time_to_half("iso", 0.9) == 0.0


@given(w=st.floats(0.05, 1.5), q=modes)
@settings(max_examples=40, deadline=None)
def test_the_same_flows_as_in_the_papers(w, q):
    """For data variance 1: set is wang2021's flow; iso without weight decay is half of
    halvagal2023's on lam = w^2."""
    q = q | {"b": 1.0}
    theirs = mode_rhs(0.0, np.array([w]), {**q, "eps": 0.0, "layers": 1.0})[0]
    assert one.velocity("set", w, q) == pytest.approx(theirs, rel=1e-12)
    lam, clean = w**2, q | {"sigma2": 0.0, "eta": 0.0}
    expected = 2 * (1 - lam ** q["alpha"]) * lam
    assert 2 * w * one.velocity("iso", w, clean) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_equilibria_of_the_papers():
    tian = theory("tian2021").describe(sigma2=0.25, eta=0.1)
    assert one.predictor_level("learned", eta=0.1) == pytest.approx(tian["p_plus"])
    assert one.edge("learned", eta=0.1) == pytest.approx(tian["p_minus"])
    assert one.threshold("set") == pytest.approx(tian["eta_critical"])
    b, s, eta = 2.0, 0.1, 0.03  # liu2022, T5
    assert one.predictor_level("learned", b=b, sigma2=s, eta=eta) == pytest.approx(0.93713695)


def test_describe_is_plain_and_complete():
    import json

    answer = describe(eta=0.1, w0=0.05)
    assert json.loads(json.dumps(answer)) == answer
    found = answer["methods"]
    assert (
        not found["set"]["survives"]
        and found["set"]["time_to_half"] is None
        and found["iso"]["survives"]
    )
    assert (
        found["set"]["eta_threshold"] == pytest.approx(0.2) and found["apart"]["predictor"] is None
    )


@pytest.mark.parametrize(
    "given, error, words",
    [
        (dict(eta=-0.1), ValueError, r"eta must be in \[0, inf\), was -0.1"),
        (dict(alpha=0), ValueError, r"alpha must be in \(0, inf\), was 0"),
        (dict(etta=1), UnknownName, "eta"),
        (dict(sigma2=-1), ValueError, "sigma2 must be"),
        (dict(w0=0), ValueError, "w0 must be"),
    ],
)
def test_parameters_outside_their_domain(given, error, words):
    with pytest.raises(error, match=words):
        describe(**given)


def test_unknown_method():
    with pytest.raises(UnknownName, match="unknown method 'isoloss'.*iso"):
        one.level("isoloss")
    with pytest.raises(ValueError, match="method was 'apart'"):
        one.predictor_level("apart")
