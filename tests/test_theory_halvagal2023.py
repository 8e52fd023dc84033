"""Theory of halvagal2023: every exact value against an integration, closed forms, invariants,
thresholds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from ncssl.theory.halvagal2023 import deep, describe, modes
from ncssl.theory.ode.flow import bisect, numerical_jacobian

SETTINGS = [
    {},
    {"alpha": 0.5},
    {"alpha": 2.0, "rho": 0.07},
    {"sigma2": 0.1},
    {"sigma2": 0.3, "one_sided": 1.0},
    {"rho": 0.1},
    {"rho": 0.24, "alpha": 0.7},
    {"rho": 0.4},
    {"sigma2": 0.2, "rho": 0.2, "one_sided": 0.5},
]


def solve(flow, start, times, **params):
    return flow.solve(
        np.asarray(start, float), times, options={"rtol": 1e-12, "atol": 1e-15}, **params
    ).y


def q(loss, **params):
    return modes.MODES[loss].check(**params)


# ---- one Euclidean mode: closed forms, limits, thresholds, Jacobians

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(3)
X, N1, N2 = np.meshgrid(NODES, NODES, NODES, indexing="ij")
MEAN = np.prod(np.meshgrid(WEIGHTS, WEIGHTS, WEIGHTS, indexing="ij"), axis=0) / WEIGHTS.sum() ** 3


@pytest.mark.parametrize("params", SETTINGS, ids=str)
@pytest.mark.parametrize("loss", modes.LOSSES)
def test_every_rate_is_the_gradient_of_its_loss(loss, params):
    """lam' = 2 w w' with w' by complex step of 1/2 E|s w x1 - v x2|^2, the stopped branch held;
    Gauss-Hermite mean."""
    p = q(loss, **params)
    for w in (0.3, 0.9, 1.4):
        s = 1.0 if loss == "euc_nopred" else (w**2) ** float(p["alpha"])
        x1, x2 = X + np.sqrt((1 - p["one_sided"]) * p["sigma2"]) * N1, X + np.sqrt(p["sigma2"]) * N2
        step = 1e-30j
        online = w + step * (loss != "euc_wrong_side")
        target = w + step * (loss in ("euc_nosg", "euc_wrong_side"))
        slope = (MEAN * (s * online * x1 - target * x2) ** 2).sum().imag / 2 / 1e-30
        slope = slope / s if loss == "euc_iso" else slope
        exact = -2 * w * (slope + p["rho"] * w)
        rate = modes.mode_rhs(0.0, np.array([w**2]), p, loss=loss)[0]
        assert rate == pytest.approx(float(exact), rel=1e-12, abs=1e-14)
        if loss in ("euc", "euc_iso"):
            v = 0.7
            pull = (MEAN * (s * (w + step) * x1 - v * x2) ** 2).sum().imag / 2 / 1e-30
            dw = -(pull / s if loss == "euc_iso" else pull) - p["rho"] * w
            flow = deep.EMA_ISO if loss == "euc_iso" else deep.EMA
            got = flow.field(np.array([w, v]), beta=0.4, **params)
            np.testing.assert_allclose(got, [dw, 0.4 * (w - v)], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("params", SETTINGS, ids=str)
@pytest.mark.parametrize("loss", modes.LOSSES)
def test_every_mode_keeps_its_clock_and_meets_its_closed_forms(loss, params):
    lam0 = np.array([0.07, 0.45, 0.93, 1.37])
    c, p = modes.coefficients(loss, q(loss, **params)), q(loss, **params)
    t = np.linspace(0, 0.12, 6)
    y = solve(modes.MODES[loss], lam0[:, None], t, **params)
    kept = modes.MODES[loss].invariants["clock"](t[:, None], y, p)
    assert np.abs(kept - kept[0]).max() < 1e-9 * max(1, np.abs(kept[0]).max())
    if "lam" in modes.MODES[loss].closed_forms:
        closed = modes.MODES[loss].closed_forms["lam"](t[:, None], lam0, q=p)
        np.testing.assert_allclose(y[..., 0], closed, rtol=1e-8)
    if not all(np.all(x == 0) for x in c):
        again = modes.time_between(lam0, y[-1, :, 0], loss, p)
        np.testing.assert_allclose(again, t[-1], rtol=1e-8)


@pytest.mark.parametrize(
    "loss, a, b, params",
    [
        ("euc", 0.2, 0.8, {"rho": 0.05}),
        ("euc", 0.9, 0.2, {"rho": 0.3}),
        ("euc_nosg", 0.9, 0.1, {"sigma2": 0.2}),
        ("euc_nosg", 0.9, 0.1, {}),
        ("euc", 0.1, 0.7, {"alpha": 0.5, "sigma2": 0.1}),
        ("euc_nopred", 0.9, 0.5, {"rho": 0.2}),
        ("euc_wrong_side", 1.2, 3.0, {}),
        ("euc_iso", 1.9, 1.1, {"alpha": 2.0}),
    ],
)
def test_times_agree_with_quadrature(loss, a, b, params):
    flow, p = modes.MODES[loss], q(loss, **params)
    exact = quad(
        lambda lam: 1 / flow.rhs(0.0, np.array([lam]), p)[0], a, b, epsabs=1e-13, epsrel=1e-12
    )[0]
    assert modes.time_between(a, b, loss, p) == pytest.approx(exact, rel=1e-9)


def test_times_that_never_come_are_infinite():
    p = q("euc")
    assert (
        modes.time_between(0.2, 0.1, "euc", p) == modes.time_between(0.2, 1.0, "euc", p) == np.inf
    )
    assert (
        modes.time_between(0.2, 0.2, "euc", p) == 0
        and modes.time_between(0.2, 0.3, "euc_nosg", p) == np.inf
    )
    assert modes.time_between(0.1, 0.5, "euc", q("euc", rho=0.1)) == np.inf


@pytest.mark.parametrize(
    "rho, sigma2, one_sided", [(0.05, 0, 0), (0.1, 0.5, 0), (0.1, 0.5, 1), (0.2, 0.1, 0)]
)
def test_the_edge_of_the_basin_by_bisection(rho, sigma2, one_sided):
    params = {"rho": rho, "sigma2": sigma2, "one_sided": one_sided}
    points = modes.fixed_points(q("euc", **params), loss="euc")
    minus, plus = points["minus"][0], points["plus"][0]

    def survives(lam0):
        run = modes.MODES["euc"].solve(
            lam0[..., None], [0, 300.0], options={"rtol": 1e-8}, **params
        )
        return run["lam"][-1] > (minus + plus) / 2

    assert bisect(survives, 0.3 * minus, plus, steps=26) == pytest.approx(minus, rel=1e-6)


@pytest.mark.parametrize("sigma2, one_sided", [(0.0, 0.0), (0.3, 0.0), (0.3, 1.0), (0.3, 0.5)])
def test_the_critical_weight_decay_by_bisection(sigma2, one_sided):
    exact = modes.critical_decay("euc", sigma2, one_sided)
    start = np.array([exact * 2])  # where the two fixed points meet

    def falls(rho):
        run = modes.MODES["euc"].solve(
            start, [0, 60.0], rho=rho, sigma2=sigma2, one_sided=one_sided
        )
        return run["lam"][-1] < start[0]

    assert bisect(falls, 0.2 * exact, 3 * exact, steps=32) == pytest.approx(float(exact), rel=1e-6)
    beyond = q("euc", rho=1.01 * exact, sigma2=sigma2, one_sided=one_sided)
    assert np.isnan(modes.fixed_points(beyond, loss="euc")["plus"])
    assert modes.critical_decay("euc_iso") == 1 and modes.critical_decay("euc_nosg") == 0


NUMBERS = {
    "alpha": st.floats(0.5, 2),
    "sigma2": st.floats(0, 1),
    "one_sided": st.floats(0, 1),
    # a repelling point is about rho: differences there underflow
    "rho": st.just(0.0) | st.floats(1e-12, 0.6),
}


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    loss=st.sampled_from(list(modes.LOSSES)),
    lam=st.floats(0.02, 2),
    params=st.fixed_dictionaries(NUMBERS),
)
def test_jacobians_signs_and_limits(loss, lam, params):
    flow, p = modes.MODES[loss], q(loss, **params)
    numerical = numerical_jacobian(flow, np.array([lam]), **params)
    np.testing.assert_allclose(flow.jacobian(np.array([lam]), p), numerical, atol=1e-6)
    points = flow.fixed_points(p)
    for name, sign in (("minus", 1), ("plus", -1)):
        if np.isfinite(points[name][0]):
            slope = numerical_jacobian(flow, points[name], step=1e-6 * points[name][0], **params)[
                0, 0
            ]
            assert sign * slope > -1e-3, "minus repels, plus attracts"
            assert flow.field(points[name], **params)[0] == pytest.approx(
                0, abs=1e-9 * (1 + points[name][0])
            )
    goal = modes.limit(lam, loss, p)
    run = flow.solve([lam], [0, 2.0], ended="keep", **params)
    if np.isinf(goal):
        assert run.reason[()] != "" or run["lam"][-1] > lam
    else:
        assert abs(run["lam"][-1] - goal) <= abs(lam - goal) * (1 + 1e-9), (
            "it comes nearer to its limit"
        )
        assert (run["lam"][-1] - goal) * (lam - goal) >= -1e-9, "and does not pass it"


@settings(max_examples=25, deadline=None, derandomize=True)
@given(lam=st.floats(0.05, 1.5), rho=st.floats(0.0, 0.5), sigma2=st.floats(0, 1))
def test_a_euclidean_mode_collapses_exactly_below_its_edge(lam, rho, sigma2):
    points = modes.fixed_points(q("euc", rho=rho, sigma2=sigma2), loss="euc")
    edge = np.inf if np.isnan(points["plus"][0]) else np.nan_to_num(points["minus"][0], nan=0.0)
    if (
        abs(lam - edge) < 0.02
        or abs(rho - modes.critical_decay("euc", sigma2)) < 0.01
        or rho < 1e-3
    ):
        return
    last = modes.MODES["euc"].solve(
        [lam], [0, 600.0], options={"rtol": 1e-6}, rho=rho, sigma2=sigma2
    )["lam"][-1]
    assert (last < 0.01 * lam) == (lam < edge)
    assert describe(lambda0=lam, rho=rho, sigma2=sigma2)["euclidean"]["euc"][
        "limit"
    ] == pytest.approx(last, abs=1e-3)
