"""Theory of tian2021: every exact value against an integration, in one table; the checks;
describe."""

import json

import numpy as np
import pytest

from ncssl.errors import UnknownName
from ncssl.theory import THEORIES, kept, theory
from ncssl.theory.tian2021 import CHECKS, describe, matrix, modes, runs

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
    value = kept.value("tian2021", name)  # computed anew where the code has changed
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
