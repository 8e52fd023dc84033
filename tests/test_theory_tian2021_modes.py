"""Theory of tian2021: every exact value against an integration, in one table; the checks;
describe."""

import json

import numpy as np
import pytest

from ncssl.errors import UnknownName
from ncssl.theory import THEORIES, theory
from ncssl.theory.ode.flow import numerical_jacobian
from ncssl.theory.tian2021 import CHECKS, describe, jacobians, matrix, modes, runs

# ---- tian2021: every verified value, one table. (id, what is computed, what it must be, tolerance)


def parabola(p0, eta, sigma2=0.25, tau=1.0, end=2000.0):
    return runs.parabola_end(p0, eta=eta, sigma2=sigma2, tau=tau, end=end)


def v3(sigma2, eta, tau, factor):
    edge = (
        factor * modes.p_minus(eta, sigma2, tau)
        if factor < 1.4
        else factor * modes.p_plus(eta, sigma2, tau)
    )
    return parabola(edge, eta, sigma2, tau)


def v4(p0, s0, alpha_p):
    return modes.FIXED_TAU.solve([p0, s0], [0, 4000.0], eta=0.0, alpha_p=alpha_p).y[-1]


def eigenvalues(which, alpha_p):
    q = modes.FIXED_TAU.check(eta=0.1, alpha_p=alpha_p)
    y = modes.FIXED_TAU.fixed_points(q)[which]
    closed = np.linalg.eigvals(jacobians.jacobian(y, q))
    assert np.allclose(
        jacobians.jacobian(y, q), numerical_jacobian(modes.FIXED_TAU, y, **q), atol=1e-9
    )
    return np.sort(closed.real)


def v6():
    run = modes.PARABOLA_TAU.solve([0.6, 0.0], [0, 40.0], sigma2=0.09, eta=0.04, beta=0.4)
    return run["p"][-1]


def v10(ld, ls, eta):
    return modes.SCALARS.solve([1.0, 1.0, 1.0], [0, 600.0], ld=ld, ls=ls, eta=eta)["wp"][-1]


def tied():
    return modes.SCALARS.solve([0.3, 0.3, 0.3], [0, 600.0], ld=0.5, ls=1.0, eta=0.0, beta=1.0).y[-1]


def scan(column, **settings):
    return runs.ema_scan(**settings)[:, column]


def alpha_scan(what):
    run = runs.curvature_run(None, alpha_p=np.array([1.0, 2.0, 5.0, 10.0]), end=80.0)
    return run["K"].min(0) if what == "K" else run["s"][-1]


V = [
    (
        "V3 points .25 .1 1",
        lambda: [modes.p_minus(0.1), modes.p_plus(0.1)],
        [0.117157, 0.682843],
        5e-7,
    ),
    (
        "V3 points 0 .16 1",
        lambda: [modes.p_minus(0.16, 0), modes.p_plus(0.16, 0)],
        [0.2, 0.8],
        1e-12,
    ),
    (
        "V3 points 1 .1 1",
        lambda: [modes.p_minus(0.1, 1), modes.p_plus(0.1, 1)],
        [0.138197, 0.361803],
        5e-7,
    ),
    (
        "V3 points, tau .5",
        lambda: [f(0.03, 0.25, 0.5) for f in (modes.p_minus, modes.p_plus)],
        [0.073509, 0.326491],
        5e-7,
    ),
    *[
        (f"V3 from .99 p- {s}", lambda s=s: v3(*s, 0.99), 0.0, 1e-12)
        for s in ((0.25, 0.1, 1), (0, 0.16, 1), (1, 0.1, 1))
    ],
    *[
        (f"V3 from {f} {s}", lambda s=s, f=f: v3(*s, f), modes.p_plus(s[1], s[0], s[2]), 1e-8)
        for s in ((0.25, 0.1, 1), (0, 0.16, 1), (1, 0.1, 1), (0.25, 0.03, 0.5))
        for f in (1.01, 1.5)
    ],
    ("V3 product of the points", lambda: modes.p_minus(0.1) * modes.p_plus(0.1), 0.1 / 1.25, 1e-15),
    ("V3 eta_crit", lambda: modes.eta_critical(0.25), 0.2, 1e-15),
    ("V3 just below", lambda: parabola(1.0, 0.199), 0.428284, 5e-7),
    ("V3 just above", lambda: parabola(1.0, 0.201), 0.0, 1e-10),
    *[
        (
            f"V3 jacobian p+ alpha_p {a}",
            lambda a=a: eigenvalues("p_plus", a),
            [-0.482843, -0.2],
            5e-7,
        )
        for a in (1, 5)
    ],
    *[
        (
            f"V3 jacobian p- alpha_p {a}",
            lambda a=a: eigenvalues("p_minus", a),
            [-0.2, 0.082843],
            5e-7,
        )
        for a in (1, 5)
    ],
    ("V4 grows", lambda: v4(0.1, 0.001, 1), [0.8, 0.631], 1e-8),
    ("V4 alpha_p 10 hardly grows", lambda: v4(0.1, 0.001, 10), [0.8, 0.064], 1e-8),
    ("V4 negative p survives", lambda: v4(-0.3, 0.1, 1), [0.8, 0.65], 1e-8),
    ("V4 negative p collapses", lambda: v4(-0.3, 0.08, 1), [-0.1, 0], 1e-8),
    ("V4 alpha_p escapes", lambda: v4(-0.3, 0.01, 10), [0.8, 0.065], 1e-8),
    ("V4 large p survives", lambda: v4(1.2, 0.9, 1), [0.8, 0.1], 1e-8),
    ("V4 large p collapses", lambda: v4(1.2, 0.7, 1), [0.860233, 0], 5e-7),
    ("V6 p(40)", v6, 0.87433, 5e-6),
    ("V6 p_plus", lambda: modes.p_plus(0.04, 0.09), 0.87552, 5e-6),
    ("V7 survivor", lambda: modes.p_plus(0.05, 0.2), 0.779908, 5e-7),
    ("V10 1 1.5 .1", lambda: v10(1, 1.5, 0.1), 0.544152, 5e-7),
    ("V10 .5 1 .05", lambda: v10(0.5, 1, 0.05), 0.361803, 5e-7),
    ("V10 2 2.5 .3", lambda: v10(2, 2.5, 0.3), 0.6, 1e-8),
    ("V10 tied", tied, [0.5, 0.5, 0.5], 1e-8),
    (
        "V10 eta_crit from variances",
        lambda: modes.eta_critical(ld=0.5, ls=0.5 + 0.5),
        0.5**2 / 4,
        1e-15,
    ),
    ("V16 K eta .04", lambda: scan(0), [-0.1065, -0.0761, -0.0209, 0.0111, 0.0158], 5.1e-5),
    ("V16 t90 eta .04", lambda: np.ceil(10 * scan(1)) / 10, [6.1, 8.6, 18.6, 56.9, 274.9], 1e-9),
    ("V16 K eta 0", lambda: scan(0, eta=0.0), [-0.1665, -0.1265, -0.0531, -0.0058, 0.0090], 5.1e-5),
    ("V16 K eta .1", lambda: scan(0, eta=0.1)[:4], [-0.0165, 0.0009, 0.0298, 0.0435], 5.1e-5),
    ("V16 eta .1 beta .02 collapses", lambda: scan(2, eta=0.1)[4], 0.0, 1e-8),
    ("V16 alpha_p K", lambda: alpha_scan("K"), [-0.1065, -0.0626, 0.0717, 0.2966], 5.1e-5),
    (
        "V16 alpha_p s",
        lambda: alpha_scan("s"),
        [0.9165, 0.4583, 0.1834, 0.0918],
        5.1e-5,
    ),  # at t = 80
    ("V18 limit", lambda: modes.tau_collapsed(0.4, 0.1), 4 / 3, 1e-15),
    ("V18 diverges", lambda: modes.tau_collapsed([0.1, 0.05], 0.1), [np.inf, np.inf], 0),
]


@pytest.mark.parametrize("compute, exact, tol", [row[1:] for row in V], ids=[row[0] for row in V])
def test_verified_values(compute, exact, tol):
    np.testing.assert_allclose(compute(), exact, rtol=0, atol=tol)


# check -> (lowest, highest) value accepted here; the claims of the book have their own margins
BOUNDS = {
    "balance_law": (0, 1e-9),
    "invariant_sign": (0, 1e-9),
    "invariant_printed_sign": (0.9, 0.95),
    "eta_critical": (0, 1e-6),
    "collapse_above_threshold": (0, 1e-6),
    "basin_edge": (0, 1e-6),
    "fixed_points": (0, 1e-8),
    "jacobian_eigenvalues": (0, 1e-8),
    "basins_without_decay": (0, 1e-8),
    "alpha_p_basin": (0, 1e-4),
    "alpha_p_final_s": (0, 1e-8),
    "alpha_p_stops_growth": (0.000999, 0.001001),
    "alpha_p_helps_off_parabola": (0.04, 0.05),
    "alpha_p_irrelevant_on_parabola": (0, 1e-9),
    "weight_decay_ties": (0, 1e-4),
    "weight_decay_widens_basin": (0.06, 0.07),
    "weight_decay_helps_alignment": (0.059, 0.061),
    "eigenspace_alignment": (-1, 1e-9),
    "alignment_ratio": (0, 1e-3),
    "commutator_law": (0, 1e-13),
    "commutator_can_grow": (2, 1000),
    "eq17_positivity": (0, 0),
    "no_stop_gradient_bound": (-1, 1e-9),
    "no_stop_gradient_collapse": (0, 4.5e-5),
    "no_predictor_bound": (0, 1e-10),
    "no_predictor_collapse": (4.53e-5, 4.55e-5),
    "both_survive": (0, 1e-8),
    "ema_curriculum": (0.0046, 0.0048),
    "ema_is_slow": (1.4, 1.45),
    "ema_too_slow_collapses": (0, 1e-8),
    "small_tau_traps": (0.015, 0.025),
    "tau_closed_form": (0, 1e-9),
    "tau_collapsed": (0, 1e-6),
    "predictor_fixed_point": (0, 1e-9),
    "nonisotropic_fixed_points": (0, 1e-8),
    "nonisotropic_manifold": (0, 1e-11),
    "ema_target_proportional": (0.95, 0.96),
    "commutator_never_grows": (1, 1),
    "skew_part_vanishes": (0, 1e-6),
    "symmetric_part_threshold": (0, 0),
    "symmetrised_network": (0, 1e-9),
    "nonisotropic_symmetry": (0, 1e-11),
    "nonisotropic_dimension": (0, 0),
    "scrambling_projects": (0, 1e-9),
    "additive_noise_shrinks": (0, 1e-9),
    "no_predictor_keeps_what_is_invariant": (0, 1e-9),
    "modes_decouple": (0, 1e-9),
    "network_survivors": (0, 1e-14),
    "predictor_decay_aligns": (0.0745, 0.0755),
    "sufficient_start": (1.03, 1.04),
}


def test_every_check_has_a_bound_and_a_meaning():
    assert set(BOUNDS) == set(CHECKS)
    assert all(f.__doc__ for f in CHECKS.values())


@pytest.mark.parametrize("name", CHECKS)
def test_checks(name):
    low, high = BOUNDS[name]
    value = CHECKS[name]()
    assert isinstance(value, float) and low <= value <= high, f"{name} = {value:.6g}"


def test_exact_basins_agree_with_integration_everywhere():
    rng = np.random.default_rng(0)
    p0, s0, alpha_p = (
        rng.uniform(-1, 1.5, 200),
        rng.uniform(0.01, 1.5, 200),
        rng.choice([0.5, 1, 4], 200),
    )
    run = modes.FIXED_TAU.solve(
        modes.FIXED_TAU.start(p=p0, s=s0), [0, 300.0], eta=0.0, alpha_p=alpha_p
    )
    edge = np.where(p0 < 0, p0**2, p0**2 - 0.64) / alpha_p
    clear = np.abs(s0 - edge) > 0.05
    alive = modes.survives_without_decay(p0, s0, alpha_p)
    assert clear.sum() > 100 and (~alive).sum() > 20
    assert ((run["s"][-1] > 0.02) == alive)[clear].all()


def test_the_three_ways_to_write_a_mode_agree():
    times, q = np.linspace(0, 30, 31), {"eta": 0.03, "alpha_p": 2.0, "beta": 0.3}
    a = modes.MODES.solve([0.3, 0.49, 0.5], times, **q)
    b = modes.SCALARS.solve([0.3, 0.7, 0.35], times, ls=1.25, **q)
    flow = matrix.network_flow(np.eye(1), 0.25 * np.eye(1), 1)
    c = flow.solve(flow.start(W=[[0.7]], Wp=[[0.3]], Wa=[[0.35]]), times, **q)
    for other in (
        {"p": b["wp"], "s": b["w"] ** 2, "tau": b["wa"] / b["w"]},
        {"p": c["Wp"][:, 0, 0], "s": c["W"][:, 0, 0] ** 2, "tau": (c["Wa"] / c["W"])[:, 0, 0]},
    ):
        for name in ("p", "s", "tau"):
            np.testing.assert_allclose(a[name], other[name], atol=1e-8)
    drift = modes.MODES.invariants["balance"](times, a.y, modes.MODES.check(**q))
    assert np.ptp(drift) < 1e-9


def test_the_isotropic_flow_follows_the_network_that_starts_symmetric():
    rng = np.random.default_rng(0)
    a, W0 = rng.normal(size=(2, 3, 3)) / 2
    times = np.linspace(0, 1e-3, 2)
    flow, small = (
        matrix.network_flow(np.eye(3), 0.25 * np.eye(3), 3, variant="simsiam"),
        matrix.isotropic_flow(3),
    )
    big = flow.solve(flow.start(W=W0, Wp=a + a.T), times, eta=0.1)
    iso = small.solve(small.start(Wp=a + a.T, F=W0 @ W0.T), times, eta=0.1, tau=1.0)
    F, Wp = big["W"][-1] @ big["W"][-1].T, big["Wp"][-1]
    assert np.abs((Wp + Wp.T) / 2 - iso["Wp"][-1]).max() < 1e-5
    assert np.abs(F - iso["F"][-1]).max() < 1e-5 < np.abs(F - W0 @ W0.T).max()


def test_the_frozen_predictor_is_the_network_with_everything_else_at_rest():
    W, Wp = np.random.default_rng(0).normal(size=(2, 3, 3))
    big, small = (
        matrix.network_flow(np.eye(3), 0.25 * np.eye(3), 3),
        matrix.frozen_predictor_flow(W @ W.T),
    )
    whole = big.field(big.start(W=W, Wp=Wp, Wa=0.7 * W), eta=0.1, alpha_p=2.0)[9:18]
    part = small.field(small.start(Wp=Wp), eta=0.1, alpha_p=2.0, tau=0.7, sigma2=0.25)
    np.testing.assert_allclose(whole, part, atol=1e-12)


def test_flow_rates_of_the_paper():
    rates = modes.flow_rates(0.01, keep=0.996, weight_decay=0.0004)
    assert rates["beta"] == pytest.approx(0.4) and rates["eta"] == pytest.approx(0.04)


@pytest.mark.parametrize("eta, alpha_p", [(0.1, 1.0), (0.03, 4.0)])
def test_the_separatrix_separates(eta, alpha_p):
    p, s = runs.separatrix(eta, alpha_p=alpha_p)
    assert np.hypot(np.diff(p), np.diff(s)).max() < 0.011
    keep = np.flatnonzero((p > -0.8) & (s > 1e-5) & (s < 1))[::10]
    p, s = p[keep], s[keep]
    starts = modes.FIXED_TAU.start(p=p, s=s * np.array([[0.98], [1.02]]))
    end = modes.FIXED_TAU.solve(starts, [0, 60 / eta], eta=eta, alpha_p=alpha_p)["p"][-1]
    assert len(p) > 5 and (np.abs(end[0]) < 1e-3).all() and (end[1] > 0.5).all()
    with pytest.raises(ValueError, match="eta must be in"):
        runs.separatrix(0.3)


# ---- describe


def test_describe_is_plain_and_right():
    answer = describe(sigma2=0.25, eta=0.1, alpha_p=5.0)
    assert json.loads(json.dumps(answer)) == answer
    assert answer["p_plus"] == pytest.approx(0.682843, abs=1e-6) and answer[
        "eta_critical"
    ] == pytest.approx(0.2)
    assert answer["s_plus"] == pytest.approx(0.682843**2 / 5, abs=1e-6)
    points = {point["name"]: point for point in answer["fixed_points"]}
    assert [points[n]["stability"] for n in ("collapse", "p_minus", "p_plus")] == [
        "stable",
        "saddle",
        "stable",
    ]
    assert points["p_plus"]["eigenvalues"] == pytest.approx([-0.482843, -0.2], abs=1e-6)


def test_describe_general_modes_and_regimes():
    assert describe(ld=2, ls=2.5, eta=0.3)["p_plus"] == pytest.approx(0.6)
    assert describe(ld=2, sigma2=0.5, eta=0.3)["p_plus"] == pytest.approx(0.6)
    assert describe(eta=0.3)["p_plus"] is None and describe(eta=0.3)["regime"] == "only collapse"
    assert describe(eta=0)["p_plus"] == pytest.approx(0.8) and describe(eta=0)["p_minus"] is None
    assert "threshold" in describe(eta=0.2)["regime"] and describe(tau=0)["p_plus"] is None


@pytest.mark.parametrize(
    "params, error, message",
    [
        ({"sigma": 0.1}, UnknownName, "sigma2"),
        ({"eta": -1}, ValueError, "eta must be in"),
        ({"eta": [0.1, 0.2]}, ValueError, "eta must be one number"),
        ({"sigma2": 0.2, "ls": 1.0}, ValueError, "not both"),
    ],
)
def test_describe_refuses(params, error, message):
    with pytest.raises(error, match=message):
        describe(**params)


def test_the_front_door_has_the_checks():
    assert theory("tian2021").CHECKS is CHECKS and "tian2021" in THEORIES
