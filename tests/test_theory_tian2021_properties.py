"""Properties of tian2021's flows over random parameters: stability, invariants, thresholds, closed
forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ncssl.theory.ode.flow import classify, numerical_jacobian
from ncssl.theory.tian2021 import describe, matrix, modes

FEW = settings(max_examples=25, deadline=None, derandomize=True)
sigma2, alpha_p, tau = st.floats(0.0, 2.0), st.floats(0.2, 8.0), st.floats(0.3, 1.5)
share = st.floats(0.05, 0.95)  # of the critical weight decay
beta, seed = st.floats(0.05, 3.0), st.integers(0, 2**32 - 1)
start = st.floats(0.05, 1.2)


def given_values(flow, values):
    """The parameters of the flow among values, eta as a share of the critical one at the flow's
    tau."""
    ls = (
        values["ld"] + values["sigma2"]
        if "ls" in {p.name for p in flow.params}
        else 1 + values["sigma2"]
    )
    ld = values["ld"] if "ls" in {p.name for p in flow.params} else 1.0
    at = values["tau"] if "tau" in {p.name for p in flow.params} else 1.0
    eta = values["share"] * modes.eta_critical(tau=at, ld=ld, ls=ls)
    values = values | {"eta": eta, "ls": ls, "eta_p": values["ratio"] * eta}
    return flow.check(**{p.name: values[p.name] for p in flow.params})


ALL = {
    "sigma2": sigma2,
    "alpha_p": alpha_p,
    "tau": tau,
    "beta": beta,
    "share": share,
    "ld": st.floats(0.3, 2.0),
    "ratio": st.floats(0.3, 5.0),
}
STABLE = {"collapse": "stable", "p_minus": "saddle", "p_plus": "stable"}


@pytest.mark.parametrize(
    "flow",
    [
        modes.FIXED_TAU,
        modes.MODES,
        modes.SCALARS,
        modes.PARABOLA,
        modes.PARABOLA_TAU,
        modes.TWO_DECAYS,
    ],
    ids=lambda flow: flow.name,
)
@FEW
@given(values=st.fixed_dictionaries(ALL))
def test_fixed_points_rest_and_their_stability_is_that_of_differences(flow, values):
    q = given_values(flow, values)
    points = flow.fixed_points(q)
    assert set(points) >= {"p_minus", "p_plus"}
    for name, y in points.items():
        assert np.abs(flow.field(y, **q)).max() < 1e-12
        J, D = flow.jacobian(y, q), numerical_jacobian(flow, y, **q)
        assert np.abs(J - D).max() < 1e-6 * max(1, np.abs(J).max())
        exact, found = (
            classify(np.linalg.eigvals(a), tol=1e-7).removesuffix(" spiral") for a in (J, D)
        )
        unstable = (
            "unstable" if flow.name.startswith("mode on the parabola") and len(y) == 1 else "saddle"
        )
        assert exact == found == (unstable if name == "p_minus" else STABLE[name])


@FEW
@given(values=st.fixed_dictionaries(ALL), y=st.tuples(start, start, start))
def test_jacobians_agree_with_differences_anywhere(values, y):
    for flow in (
        modes.FIXED_TAU,
        modes.MODES,
        modes.SCALARS,
        modes.PARABOLA,
        modes.PARABOLA_TAU,
        modes.TWO_DECAYS,
    ):
        q, here = given_values(flow, values), np.array(y[: len(flow.state)])
        np.testing.assert_allclose(
            flow.jacobian(here, q), numerical_jacobian(flow, here, **q), rtol=1e-5, atol=1e-6
        )


@FEW
@given(values=st.fixed_dictionaries(ALL), y=st.tuples(start, start, start))
def test_the_balance_of_a_mode_holds(values, y):
    times = np.linspace(0, 10, 5)
    for flow in (modes.FIXED_TAU, modes.MODES, modes.SCALARS):
        q = given_values(flow, values)
        run = flow.solve(np.array(y[: len(flow.state)]), times, **q)
        held = flow.invariants["balance"](times, run.y, q)
        scale = np.exp(2 * q["eta"] * times[-1]) * max(1.0, np.abs(run.y).max()) ** 2
        assert np.abs(held - held[0]).max() < 1e-9 * scale


@settings(max_examples=10, deadline=None, derandomize=True)
@given(
    seed=seed,
    n2=st.integers(1, 4),
    alpha_p=alpha_p,
    beta=beta,
    eta=st.floats(0, 0.3),
    variant=st.sampled_from(["ema", "simsiam"]),
)
def test_the_balance_of_a_network_holds_for_any_data(seed, n2, alpha_p, beta, eta, variant):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, 4, 4)) / 2
    flow = matrix.network_flow(a @ a.T, b @ b.T, n2, variant=variant)
    q = flow.check(
        **{"eta": eta, "alpha_p": alpha_p} | ({"beta": beta} if variant == "ema" else {})
    )
    times = np.linspace(0, 4, 5)
    run = flow.solve(
        0.5 * rng.normal(size=sum(np.prod(shape) for shape in flow.state.values())), times, **q
    )
    held = flow.invariants["balance"](times, run.y, q)
    scale = max(1.0, np.abs(run.y).max()) ** 2 * np.exp(2 * eta * 4) / min(alpha_p, 1)
    assert np.abs(held - held[0]).max() < 1e-9 * scale


@FEW
@given(
    sigma2=sigma2,
    tau=tau,
    ratio=st.floats(0.5, 1.5).filter(lambda x: abs(x - 1) > 0.02),
    alpha_p=alpha_p,
    beyond=st.floats(1.01, 3.0),
)
def test_a_mode_collapses_if_and_only_if_weight_decay_exceeds_the_threshold(
    sigma2, tau, ratio, alpha_p, beyond
):
    k = 1 + sigma2
    eta = ratio * tau**2 / (4 * k)
    p0 = beyond * tau / (2 * k)  # beyond p_minus, where there is one
    speed = np.sqrt(abs(1 - ratio)) * tau**2 / k  # of the passage where the points were
    y0 = modes.FIXED_TAU.start(p=p0, s=p0**2 / alpha_p)
    run = modes.FIXED_TAU.solve(
        y0, [0, 60 / speed + 40 / eta], sigma2=sigma2, tau=tau, eta=eta, alpha_p=alpha_p
    )
    if ratio > 1:
        assert abs(run["p"][-1]) < 1e-6 * p0
    else:
        assert run["p"][-1] == pytest.approx(modes.p_plus(eta, sigma2, tau), rel=1e-6)
        assert run["s"][-1] == pytest.approx(run["p"][-1] ** 2 / alpha_p, rel=1e-6)


@FEW
@given(
    sigma2=sigma2,
    tau=tau,
    share=share,
    where=st.floats(0.02, 2.0).filter(lambda x: abs(x - 1) > 0.02),
)
def test_on_the_parabola_the_edge_of_collapse_is_p_minus(sigma2, tau, share, where):
    eta = share * tau**2 / (4 * (1 + sigma2))
    p0 = where * float(modes.p_minus(eta, sigma2, tau))
    time = 60 / eta + 60 / (tau**2 * np.sqrt(1 - share))
    end = modes.PARABOLA.solve([p0], [0, time], sigma2=sigma2, tau=tau, eta=eta)
    assert (end["p"][-1] > 1e-3 * p0) == (where > 1)


@FEW
@given(p0=st.floats(-1.0, 1.5), s0=st.floats(0.05, 1.5), alpha_p=alpha_p, sigma2=sigma2, tau=tau)
def test_ends_without_weight_decay_are_the_closed_form(p0, s0, alpha_p, sigma2, tau):
    goal = tau / (1 + sigma2)
    edge = p0**2 if p0 < 0 else p0**2 - goal**2
    if abs(s0 - edge / alpha_p) < 0.05:
        return  # time is long near the edge
    p, s = modes.end_without_decay(p0, s0, alpha_p, sigma2, tau)
    # of the last approach
    rate = alpha_p * s * (1 + sigma2) if s > 0 else 2 * abs(p * (tau - (1 + sigma2) * p))
    end = modes.FIXED_TAU.solve(
        [p0, s0], [0, 50 / rate], eta=0.0, alpha_p=alpha_p, sigma2=sigma2, tau=tau
    ).y[-1]
    np.testing.assert_allclose(end, [p, s], atol=1e-6)


@FEW
@given(sigma2=sigma2, tau=tau, eta=st.floats(0.001, 0.5), alpha_p=alpha_p)
def test_describe_agrees_with_the_flow(sigma2, tau, eta, alpha_p):
    answer = describe(sigma2=sigma2, tau=tau, eta=eta, alpha_p=alpha_p)
    assert (answer["p_plus"] is None) == (eta > answer["eta_critical"] * (1 + 1e-9))
    q = modes.FIXED_TAU.check(sigma2=sigma2, tau=tau, eta=eta, alpha_p=alpha_p)
    for point in answer["fixed_points"]:
        J = numerical_jacobian(modes.FIXED_TAU, np.array([point["p"], point["s"]]), **q)
        values = np.sort(np.linalg.eigvals(J).real)
        np.testing.assert_allclose(values, point["eigenvalues"], atol=1e-6)
        if abs(values).min() > 1e-5:
            assert classify(values) == point["stability"]


@FEW
@given(
    F=st.integers(1, 4),
    seed=seed,
    sigma2=sigma2,
    tau=tau,
    alpha_p=alpha_p,
    eta=st.floats(0.05, 0.5),
)
def test_the_law_of_the_commutator_holds_at_any_point(F, seed, sigma2, tau, alpha_p, eta):
    a, b = np.random.default_rng(seed).normal(size=(2, F + 1, F + 1))
    q = {"sigma2": sigma2, "tau": tau, "alpha_p": alpha_p, "eta": eta}
    L, K = matrix.commutator(b @ b.T, a + a.T), matrix.K_matrix(a + a.T, b @ b.T, **q)
    rate = matrix.commutator_rate(a + a.T, b @ b.T, **q)
    assert np.abs(rate + matrix.anticommutator(L, K)).max() < 1e-12 * max(1.0, np.abs(rate).max())
