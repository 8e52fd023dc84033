"""SIGReg's dynamics: closed forms against sampling with the loss itself, finite differences,
integration, and the encoder as a matrix."""

import json

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ncssl import losses
from ncssl.claims.papers import paper, papers
from ncssl.errors import UnknownName
from ncssl.theory.balestriero2025 import (
    CHECKS,
    FLOWS,
    checks,
    describe,
    matrix,
    modes,
    paper_checks,
)
from ncssl.theory.companion import modes as one
from ncssl.theory.helpers import complex_step
from ncssl.theory.ode.flow import numerical_jacobian
from ncssl.verdicts.judging import judge_theory

FINE = dict(points=65, reach=9.0)
CLAIMS = {c.check: c for c in paper("balestriero2025").claims.values() if c.kind == "theory"}
params = st.fixed_dictionaries(
    {
        "b": st.floats(0.1, 3),
        "sigma2": st.floats(0.01, 2),
        "eta": st.floats(0, 3),
        "lambda_": st.floats(0.005, 0.9),
        "n": st.integers(4, 512),
    }
)


def sampled(v, n, repeats, seed=0):
    """Mean of the loss itself over samples (n, d) of N(0, diag v) along fresh directions, and its
    standard error."""
    draw = torch.Generator().manual_seed(seed)
    width = torch.tensor(v, dtype=torch.float64).sqrt()
    values = []
    for _ in range(repeats):
        z = width * torch.randn(n, len(v), generator=draw, dtype=torch.float64)
        along = torch.randn(len(v), 4, generator=draw, dtype=torch.float64)
        values.append(losses.sigreg(z, along, **FINE).item())
    return np.mean(values), np.std(values) / np.sqrt(repeats)


@pytest.mark.parametrize(
    ("v", "n"), [([0.2], 8), ([2.5], 40), ([1.0, 0.0, 3.0], 24), ([0.5] * 6, 16)]
)
def test_the_expected_statistic_is_the_mean_of_the_loss(v, n):
    found, error = sampled(v, n, 800)
    assert abs(found - float(matrix.statistic(np.array(v), n))) < 4.5 * error
    if len(v) == 1:
        assert matrix.statistic(v, n) == pytest.approx(float(modes.statistic(v[0], n)), rel=1e-12)


@pytest.mark.parametrize("v", [[0.3], [0.2, 1.7], [0.0, 1.0, 1.0, 4.0], [1.0] * 40 + [0.01] * 3])
def test_the_pull_is_minus_the_gradient(v):
    v, h = np.array(v), 1e-5
    slopes = [
        (matrix.statistic(v + e, 64) - matrix.statistic(v - e, 64)) / (2 * h)
        for e in h * np.eye(len(v))
    ]
    assert matrix.pull(v, 64) == pytest.approx(-np.array(slopes), rel=1e-6, abs=1e-7)


def test_equal_channels_share_the_pull_of_one():
    v = np.full(7, 0.6)
    assert matrix.pull(v, 50) == pytest.approx(np.full(7, modes.pull(0.6, 50) / 7), rel=1e-10)
    assert matrix.statistic(v, 50) == pytest.approx(float(modes.statistic(0.6, 50)), rel=1e-10)


@pytest.mark.parametrize("spread", [1e1, 1e3, 1e4])
def test_the_angles_are_enough_for_spread_eigenvalues(spread, monkeypatch):
    m = np.array([[spread, 1.0], [spread, spread]]), np.array([spread] + [1.0] * 15)
    few = [np.concatenate([np.ravel(x) for x in matrix.on_sphere(each)]) for each in m]
    monkeypatch.setattr(matrix, "ANGLES", 1200)
    matrix._angles.cache_clear()
    many = [np.concatenate([np.ravel(x) for x in matrix.on_sphere(each)]) for each in m]
    matrix._angles.cache_clear()
    assert np.concatenate(few) == pytest.approx(np.concatenate(many), rel=1e-9)


@pytest.mark.parametrize("name", modes.WEIGHTINGS)
@given(q=params)
@settings(max_examples=25, deadline=None)
def test_levels_are_at_rest_and_stable_and_small_modes_grow_below_the_threshold(name, q):
    free = {k: v for k, v in q.items() if k != "eta"}
    rate = float(modes.small_mode_rate(name, **q))
    assume(abs(rate) > 1e-3)
    assert (float(modes.threshold(name, **free)) > q["eta"]) == (rate > 0)
    s = float(modes.level(name, **q))
    assert np.isfinite(s) == (rate > 0)
    flow, rest = FLOWS[name], np.array([np.sqrt(s)])
    tiny = np.array([1e-6])
    assert flow.field(tiny, **q)[0] / tiny[0] == pytest.approx(rate, rel=1e-4, abs=1e-5)
    if rate > 0:
        scale = rate + q["eta"] + q["sigma2"]
        assert abs(flow.field(rest, **q)[0]) < 1e-7 * scale
        assert numerical_jacobian(flow, rest, **q)[0, 0] < 0
        assert flow.field(rest / 2, **q)[0] > 0  # and nothing in between stops it


def test_where_sigreg_pulls_back_and_where_it_slackens():
    v = np.linspace(0, 8, 801)
    for n in (4, 128):
        edge, top = float(modes.flattest(n)), float(modes.balance(n))
        assert modes.pull(top, n) == pytest.approx(0, abs=1e-10)
        assert ((modes.stiffness(v, n) > 0) == (v < edge)).all()
        h = 1e-5
        slopes = -(modes.pull(v + h, n) - modes.pull(v - h, n)) / (2 * h)
        assert modes.stiffness(v, n) == pytest.approx(slopes, abs=1e-4 * n)
    assert modes.flattest(1e9) == pytest.approx(2.4086, abs=1e-4)


@pytest.mark.parametrize("name", modes.WEIGHTINGS)
def test_the_force_on_an_encoder_is_minus_the_gradient_of_the_loss(name):
    rng = np.random.default_rng(0)
    W, b, sigma2 = rng.normal(size=(3, 5)), rng.uniform(0.1, 2, 5), rng.uniform(0, 1, 5)
    q = {"lambda_": np.array(0.1), "n": np.array(32.0)}
    found, h = np.empty(W.shape), 1e-6
    for index in np.ndindex(W.shape):
        step = np.zeros(W.shape)
        step[index] = h
        ends = [
            matrix.loss(W + x, b=b, sigma2=sigma2, lambda_=0.1, n=32, weighting=name)
            for x in (step, -step)
        ]
        found[index] = (ends[0] - ends[1]) / (2 * h)
    assert matrix.force(W, q, b + sigma2, sigma2, name) == pytest.approx(-found, rel=1e-5, abs=1e-6)


def test_the_loss_is_that_of_the_method_on_many_samples():
    """Both parts as `sigreg` of ncssl.methods has them, on Gaussian views of a linear encoder."""
    rng = np.random.default_rng(1)
    W, b, sigma2 = rng.normal(size=(2, 3)), np.array([1.0, 0.5, 0.2]), np.array([0.1, 0.4, 0.3])
    draw = torch.Generator().manual_seed(0)
    roots = [torch.tensor(np.sqrt(x)) for x in (b, sigma2)]
    total = []
    for _ in range(800):
        x, *noise = (torch.randn(24, 3, generator=draw, dtype=torch.float64) for _ in range(3))
        views = [(roots[0] * x + roots[1] * e) @ torch.tensor(W).T for e in noise]
        along = torch.randn(2, 4, generator=draw, dtype=torch.float64)
        normal = sum(losses.sigreg(v, along, **FINE) for v in views) / 2
        total.append((0.9 * losses.spread(*views) + 0.1 * normal).item())
    expected = matrix.loss(W, b=b, sigma2=sigma2, lambda_=0.1, n=24)
    assert abs(np.mean(total) - expected) < 4.5 * np.std(total) / np.sqrt(len(total))


def test_one_channel_of_the_encoder_is_a_mode():
    flow = matrix.encoder_flow(1, [0.7], [0.3], "add")
    w = np.array([0.4])
    q = dict(eta=0.2, lambda_=0.05, n=20)
    assert flow.field(w, **q) == pytest.approx(
        FLOWS["add"].field(w, b=0.7, sigma2=0.3, **q), rel=1e-12
    )


def test_a_basis_of_the_outputs_changes_nothing():
    rng = np.random.default_rng(2)
    W, Q = rng.normal(size=(3, 4)), np.linalg.qr(rng.normal(size=(3, 3)))[0]
    flow = matrix.encoder_flow(3, [1.0, 0.5, 0.3, 0.2], [0.1, 0.2, 0.1, 0.4])
    turned = flow.field((Q @ W).ravel()).reshape(3, 4)
    assert turned == pytest.approx(Q @ flow.field(W.ravel()).reshape(3, 4), abs=1e-9)


def test_which_modes_an_encoder_keeps_depends_on_weight_decay():
    """With much of it, large modes; with none, those that augmentation shakes least."""
    shares = checks.SHAKEN / (checks.SPECTRUM + checks.SHAKEN)
    assert set(checks.best(2, eta=0.0)) == set(np.argsort(shares)[:2]) == {3, 4}
    large = np.argsort(checks.SPECTRUM + checks.SHAKEN)[::-1][:2]
    assert set(checks.best(2, eta=50.0)) == set(large) != {3, 4}


def test_an_empty_channel_is_pulled_less_the_more_stand_beside_it():
    d = (2, 4, 16, 64)
    assert (np.diff([matrix.beside_whole(x, 128) for x in d]) < 0).all()
    assert matrix.beside_whole(1, 128) == pytest.approx(float(modes.pull(0.0, 128)))
    shares = [matrix.largest_share("blend", d=x) for x in d]
    assert (np.diff(shares) < 0).all() and matrix.largest_share("blend", d=16, n=256) > shares[2]
    summed = matrix.largest_share("blend", d=16, summed=True)
    assert summed == pytest.approx(shares[2] / 16)
    assert matrix.largest_share("blend", lambda_=1.0) == np.inf


def test_the_statistic_of_the_checks_is_that_of_the_loss_and_so_is_its_slope():
    x = np.random.default_rng(3).normal(size=(5, 12))
    own = losses.epps_pulley(torch.tensor(x.T), points=257, reach=9.0).numpy()
    assert paper_checks.epps_pulley(x) == pytest.approx(own, rel=1e-9)
    assert paper_checks.slope(x[0]) == pytest.approx(
        complex_step(paper_checks.epps_pulley, x[0]), abs=1e-10
    )


def test_decorrelation_has_the_same_form_near_rest():
    """Near a variance of 1 SIGReg's pull is linear, as that of the companion's decorrelation."""
    n = 10**7
    v = np.array([0.99, 1.01])
    linear = float(modes.stiffness(1.0, n)) * (1 - v)
    assert modes.pull(v, n) == pytest.approx(linear, rel=0.03)
    q = dict(b=np.array(1.0), sigma2=np.array(0.0), eta=np.array(0.0), lambda_=np.array(1.0))
    assert one.velocity("apart", np.sqrt(v), q) / np.sqrt(v) == pytest.approx(
        2 * (1 - v), rel=1e-12
    )


def test_describe_is_plain_and_complete():
    answer = describe(eta=0.1, d=4)
    assert json.loads(json.dumps(answer)) == answer
    blend, add = answer["weightings"]["blend"], answer["weightings"]["add"]
    assert blend["eta_threshold"] > add["eta_threshold"] > 0 and blend["level"] > add["level"]
    assert describe(eta=50.0)["weightings"]["blend"]["level"] is None
    assert describe(lambda_=1.0)["weightings"]["blend"]["largest_share"] is None


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (dict(eta=-0.1), ValueError, r"eta must be in \[0, inf\), was -0.1"),
        (dict(lambda_=0), ValueError, r"lambda_ must be in \(0, 1\], was 0"),
        (dict(n=2.5), ValueError, "n must be a whole number"),
        (dict(d=0), ValueError, "d must be in"),
        (dict(weight=1), UnknownName, "weight"),
    ],
)
def test_parameters_outside_their_domain(given, error, words):
    with pytest.raises(error, match=words):
        describe(**given)


def test_unknown_weighting():
    with pytest.raises(UnknownName, match="weighting 'sum'.*blend"):
        modes.level("sum")
    with pytest.raises(UnknownName, match="weighting"):
        matrix.encoder_flow(2, [1.0, 1.0], [0.1, 0.1], "mean")


@pytest.mark.parametrize("name", CLAIMS)
def test_every_claim_on_theory_holds(name):
    assert judge_theory(CLAIMS[name]).status == "reproduced"


def test_every_check_decides_a_claim_but_for_two_formulas():
    spare = {"expected_statistic", "average_over_directions"}
    assert set(CHECKS) - set(CLAIMS) == spare
    assert all(CHECKS[name]() < 1e-10 for name in spare)


def test_the_claims_are_of_a_later_paper_or_the_books():
    """The six papers are counted without it."""
    assert {c.by for c in paper("balestriero2025").claims.values()} == {"later", "book"}
    others = [key for key in papers() if key != "balestriero2025"]
    assert "later" not in {c.by for key in others for c in paper(key).claims.values()}


def test_seventeen_points_do_not_see_what_the_integral_sees():
    x = np.where(np.arange(8) < 4, 0.0, 2 * np.pi / 0.625)
    blind = paper_checks.trapezoid(np.stack([0 * x, x]))
    assert blind[1] == pytest.approx(blind[0], rel=1e-9)
    seen = paper_checks.epps_pulley(np.stack([0 * x, x]))
    assert abs(seen[1] / seen[0] - 1) > 0.1
    released = paper_checks.trapezoid(np.stack([0 * x, x]), points=33, reach=3.0)
    assert abs(released[1] / released[0] - 1) > 0.1  # 33 apart is where the code's points are blind
