"""Theory of halvagal2023: cosine rates against independent rules."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ncssl.errors import UnknownName
from ncssl.theory.halvagal2023 import cosine, deep, losses, toy
from ncssl.theory.halvagal2023.toy import FIXTURE
from ncssl.theory.ode.flow import numerical_jacobian

WITH_GRADIENT = ("cos", "cos_iso", "cos_nosg")


# ---- cosine: three ways to take the mean over the samples


@pytest.mark.parametrize(
    "pair", [(0.32, 1.54), (0.08, 0.385), (0.05, 2.2), (1.0, 1.0), (0.5, 0.51)], ids=str
)
@pytest.mark.parametrize("loss", WITH_GRADIENT)
def test_the_double_integral_agrees_with_the_mean_over_angles(loss, pair):
    for alpha in (0.5, 1.0):
        got, exact = (
            cosine.cosine_rates(pair, loss, alpha),
            cosine.rates_by_angle(pair, loss, alpha, nodes=50_000),
        )
        np.testing.assert_allclose(got, exact, rtol=1e-7, atol=1e-11)


def test_the_double_integral_has_converged(monkeypatch):
    before = {loss: cosine.cosine_rates(FIXTURE, loss) for loss in WITH_GRADIENT}
    monkeypatch.setattr(cosine, "SPACING", 0.4)
    monkeypatch.setattr(cosine, "TANGENTS", np.arange(-60.0, 60.0, 0.4))
    monkeypatch.setattr(cosine, "RADII", np.arange(-20.0, 40.0, 0.4))
    for loss, rates in before.items():
        np.testing.assert_allclose(cosine.cosine_rates(FIXTURE, loss), rates, rtol=2e-7)


def test_moments_that_are_known():
    """Summed over both modes, s = 1: E[|z|^4/|z|^4] = 1, and E[1/|z|^2] = 1/(M - 2) for equal unit
    variances."""
    for moments in cosine.pair_moments(FIXTURE, np.ones(10)):
        assert moments.sum() == pytest.approx(1, rel=1e-8)
    assert cosine.noise_moments(np.ones(7)).sum() == pytest.approx(1 / 5, rel=1e-8)


@pytest.mark.parametrize("loss", WITH_GRADIENT)
def test_dead_modes_do_not_matter(loss):
    live = np.array([1.0, 1.2, 1.7, 2.0])
    for tiny in (1e-4, 1e-6, 1e-12):
        rates = cosine.cosine_rates(np.concatenate([np.full(6, tiny), live]), loss)
        np.testing.assert_allclose(
            rates[6:], cosine.cosine_rates(live, loss), atol=0.1 * np.sqrt(tiny) + 1e-7
        )


def test_the_flow_without_stop_gradient_ends_where_descent_ends():
    """Noise-free: the population's two survivors are those of gradient descent on samples."""
    flow = cosine.cosine_flow(10, "cos_nosg").solve(FIXTURE, [0, 150.0], options={"rtol": 1e-6})[
        "lam"
    ][-1]
    run = toy.simulate(toy.encoder(FIXTURE, 15), "cos_nosg", noise=0.0, every=1500).lam[-1]
    np.testing.assert_allclose(flow[-2:], run[-2:], rtol=0.01)
    assert flow[:-2].max() < 1e-6 and run[:-2].max() < 1e-6


@pytest.mark.parametrize("loss", cosine.LOSSES)
def test_the_double_integral_agrees_with_samples(loss):
    """Within four standard errors of 300 000 Gaussian samples, alpha = 1, ten modes; cos_nopred
    with sigma2 = 0.01."""
    z = np.random.default_rng(0).normal(size=(300_000, 10)) * np.sqrt(FIXTURE)
    if loss == "cos_nopred":
        n2 = (z**2).sum(-1, keepdims=True)
        sampled = 2 * 0.01 * z**2 * ((z**2 @ FIXTURE)[:, None] / n2 - FIXTURE) / n2**2
    else:
        sampled = 2 * z * cosine.cosine_pull(z, FIXTURE, loss)
    error = sampled.std(0) / np.sqrt(len(z))
    assert (np.abs(sampled.mean(0) - cosine.cosine_rates(FIXTURE, loss)) < 4 * error).all()


def test_the_noise_without_predictor_is_the_formula():
    """V11: the mean over the target's noise of one sample's gradient, antithetic samples, sigma =
    0.02."""
    lam, z, rng = np.array([0.3, 0.8, 1.5]), np.array([0.9, -0.7, 1.1]), np.random.default_rng(0)
    noise = 0.02 * np.sqrt(lam) * rng.normal(size=(400_000, 3))
    unit = [(z + n) / np.linalg.norm(z + n, axis=-1, keepdims=True) for n in (noise, -noise)]
    drift = ((unit[0] + unit[1]) / 2).mean(0) - z / np.linalg.norm(z)
    size = np.linalg.norm(z)
    drift = (drift - (drift @ z) * z / size**2) / size
    exact = -(0.02**2) * (lam - (z**2 @ lam) / size**2) * z / size**4
    np.testing.assert_allclose(drift, exact, atol=0.03 * np.abs(exact).max())


SPECTRA = st.lists(st.floats(0.1, 2.0), min_size=2, max_size=5)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    lam=SPECTRA,
    alpha=st.floats(0.5, 1.5),
    rho=st.floats(0, 0.3),
    loss=st.sampled_from(WITH_GRADIENT),
)
def test_cosine_invariants_hold(lam, alpha, rho, loss):
    flow = cosine.cosine_flow(len(lam), loss)
    p = flow.check(alpha=alpha, rho=rho)
    t = np.array([0, 0.3, 0.6])
    y = flow.solve(lam, t, options={"rtol": 1e-9, "atol": 1e-12}, alpha=alpha, rho=rho).y
    kept = flow.invariants["sum"](t, y, p)
    np.testing.assert_allclose(kept, kept[0], rtol=1e-8)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(lam=SPECTRA, alpha=st.floats(0.5, 1.5), factor=st.floats(0.3, 3))
def test_cosine_rates_are_homogeneous(lam, alpha, factor):
    lam = np.array(lam)
    for loss, power in (("cos", 0.0), ("cos_iso", -alpha), ("cos_nosg", 0.0)):
        a, b = (cosine.cosine_rates(x, loss, alpha) for x in (factor * lam, lam))
        np.testing.assert_allclose(a, factor**power * b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("modes", [2, 4, 10])
@pytest.mark.parametrize("alpha", [0.5, 1.0])
def test_the_rate_near_the_common_level(modes, alpha):
    common = 0.7
    for loss in WITH_GRADIENT:
        flow = cosine.cosine_flow(modes, loss)
        values = np.sort(
            np.linalg.eigvals(numerical_jacobian(flow, np.full(modes, common), alpha=alpha)).real
        )
        exact = np.append(
            np.full(modes - 1, cosine.equalising_rate(common, modes, loss, alpha)), 0.0
        )
        np.testing.assert_allclose(values, np.sort(exact), atol=2e-6)


def test_cosine_rank_falls_without_stop_gradient_but_not_the_sum():
    run = cosine.cosine_flow(4, "cos_nosg").solve(
        [0.3, 0.5, 0.9, 1.4], [0, 40.0], options={"rtol": 1e-6}
    )["lam"]
    assert run[-1].sum() == pytest.approx(3.1, rel=1e-6) and (run[-1][:2] < 0.01).all()
    assert cosine.participation_ratio(run[-1]) < 2.1 < cosine.participation_ratio(run[0])
    assert np.isnan(cosine.level(FIXTURE, "cos_nosg"))


@pytest.mark.parametrize("iso", [False, True])
def test_the_running_average(iso):
    flow = deep.EMA_ISO if iso else deep.EMA
    noisy = {"alpha": 1.5, "sigma2": 0.2, "one_sided": 0.5}
    for params in ({}, {"alpha": 0.5, "beta": 2.0}, {"rho": 0.1, "sigma2": 0.2}, noisy):
        p = flow.check(**params)
        for y in (
            np.array([0.4, 0.7]),
            np.array([1.2, 0.3]),
            *list(flow.fixed_points(p).values())[1:],
        ):
            if np.isfinite(y).all():
                np.testing.assert_allclose(
                    flow.jacobian(y, p), numerical_jacobian(flow, y, **params), atol=1e-8
                )
        np.testing.assert_allclose(
            flow.field(flow.fixed_points(p)["plus"], **params), 0, atol=1e-12
        )
    for alpha in (0.5, 1.0, 2.0):
        values = np.linalg.eigvals(flow.jacobian(np.ones(2), flow.check(alpha=alpha, beta=0.3)))
        assert values.real.max() == pytest.approx(float(deep.slow_rate(0.3, alpha)), rel=1e-12)


def test_the_normalised_predictor():
    times = np.linspace(0, 6, 7)
    for iso in (False, True):
        flow = deep.normalised_flow(3, iso=iso)
        for alpha in (0.5, 1.0):
            run = flow.solve([0.05, 0.6, 2.0], times, options={"rtol": 1e-12}, alpha=alpha)["lam"]
            assert (run[:, 2] == 2.0).all()
            again = deep.normalised_time(0.05 / 2, run[1:, 0] / 2, alpha, iso=iso)
            np.testing.assert_allclose(again, times[1:], rtol=1e-8)
            if iso:
                np.testing.assert_allclose(
                    deep.normalised_logistic(times, run[0], alpha), run, rtol=1e-9
                )


@pytest.mark.parametrize(
    "call, error, message",
    [
        (partial(toy.simulate, np.eye(2), "euc_nose"), UnknownName, "toy setting"),
        (partial(toy.simulate, np.eye(2), "euc", formula="none"), UnknownName, "formula"),
        (
            partial(toy.simulate, np.eye(2), "euc", lr=0),
            ValueError,
            r"lr must be in \(0, inf\), was 0",
        ),
        (partial(toy.simulate, np.eye(2), "euc", noise=-1), ValueError, "noise must be in"),
        (
            partial(toy.simulate, 3 * np.eye(2), "euc", lr=100.0, steps=50),
            FloatingPointError,
            "finite range at step",
        ),
        (partial(toy.encoder, FIXTURE, 4), ValueError, "need inputs >= 10"),
        (partial(cosine.cosine_rates, FIXTURE, "euc"), UnknownName, "cosine loss"),
        (partial(cosine.cosine_flow, 2, "cos_nopred"), ValueError, "modes must be at least 3"),
        (partial(cosine.cosine_flow, 2, "cosine"), UnknownName, "did you mean"),
        (partial(losses.example, "alpha"), UnknownName, "predictor setting"),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
