"""Flows: the integrators against scipy's DOP853, endings with a reason, domains, and what is
refused."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from small_flows import BLOW_UP

from ncssl.theory import theory
from ncssl.theory.ode import integrate
from ncssl.theory.ode.flow import (
    Flow,
    TrajectoryEnded,
    bisect,
    classify,
    dormand_prince,
    join,
    phase_grid,
    rk4,
    split,
)
from ncssl.theory.ode.params import Param
from ncssl.theory.tian2021 import matrix, modes


def oracle(flow, y0, times, **params):
    q = flow.check(**params)
    run = solve_ivp(
        lambda t, y: flow.rhs(np.asarray(t), y, q),
        (times[0], times[-1]),
        y0,
        method="DOP853",
        t_eval=times,
        rtol=1e-12,
        atol=1e-14,
    )
    return run.y.T


@pytest.mark.parametrize(
    "flow, y0, params",
    [
        (modes.FIXED_TAU, [0.3, 0.5], {"eta": 0.05, "alpha_p": 3.0}),
        (modes.MODES, [0.3, 0.5, 0.2], {"eta": 0.03, "beta": 0.4}),
        (modes.SCALARS, [0.3, 0.7, 0.0], {"ld": 0.5, "ls": 1.0, "eta": 0.05}),
        (modes.PARABOLA_TAU, [0.6, 0.0], {"eta": 0.04, "sigma2": 0.09}),
    ],
)
def test_integrators_agree_with_dop853(flow, y0, params):
    times = np.linspace(0, 20, 41)
    exact = oracle(flow, y0, times, **params)
    assert np.abs(flow.solve(y0, times, **params).y - exact).max() < 1e-9
    assert (
        np.abs(
            flow.solve(y0, times, method="rk4", options={"substeps": 50}, **params).y - exact
        ).max()
        < 1e-7
    )


def test_orders_of_convergence():
    times = np.array([0, 1.0])

    def error_of(**how):  # exact: y(1) = 0.5/(1 - 0.5) = 1
        return abs(BLOW_UP.solve([0.5], times, **how)["y"][-1] - 1)

    error = [error_of(method="rk4", options={"substeps": n}) for n in (20, 40)]
    assert 14 < error[0] / error[1] < 18
    loose, tight = (error_of(options={"rtol": r, "atol": 0}) for r in (1e-5, 1e-9))
    assert loose < 1e-4 and tight < 2e-9 and tight < loose


def test_a_batch_equals_its_members():
    p0, eta = np.linspace(0.05, 0.9, 4)[:, None], np.array([0.0, 0.1, 0.3])
    times = np.linspace(0, 30, 7)
    batch = modes.FIXED_TAU.solve(modes.FIXED_TAU.start(p=p0, s=p0**2), times, eta=eta)
    assert batch["p"].shape == (7, 4, 3)
    alone = modes.FIXED_TAU.solve([p0[2, 0], p0[2, 0] ** 2], times, eta=eta[1])
    np.testing.assert_allclose(batch["p"][:, 2, 1], alone["p"], rtol=1e-12)


def test_a_trajectory_that_blows_up_says_so():
    times = np.linspace(0, 2, 21)
    for method in ("adaptive", "rk4"):
        kept = BLOW_UP.solve(np.array([[1.0], [0.1]]), times, method=method, ended="keep")
        assert "finite range" in kept.reason[0] or "step size" in kept.reason[0]
        assert kept.reason[1] == "" and np.isfinite(kept["y"][:, 1]).all()
        assert 0.9 < kept.end_time[0] < 1.25 and np.isnan(kept["y"][-1, 0]) and kept["y"][5, 0] < 3
        with pytest.raises(TrajectoryEnded, match=r"1 of 2 .*trajectory \(0,\) at t = "):
            BLOW_UP.solve(np.array([[1.0], [0.1]]), times, method=method)
    with pytest.raises(TrajectoryEnded, match="max_steps"):
        BLOW_UP.solve([0.5], times[:5], options={"max_steps": 3})


def test_tau_that_diverges_ends_with_a_reason():
    run = modes.MODES.solve(
        [0.05, 0.0025, 1.0], np.linspace(0, 400, 11), eta=0.15, beta=0.05, ended="keep"
    )
    assert run.reason[()] != "" and run.end_time[()] < 400


# ---- blocks and threads


@pytest.mark.parametrize("method, options", [("adaptive", {}), ("rk4", {"substeps": 50})])
def test_blocks_in_threads_equal_one_block(method, options, monkeypatch):
    rng = np.random.default_rng(0)
    y0, eta = rng.uniform(0.1, 1, (5, 8, 3)), rng.uniform(0, 0.2, 8)
    events = {"half": (lambda t, y, q: y[..., 0] - 0.5 - q["eta"], 0)}

    def run(**more):
        return modes.SCALARS.solve(
            y0,
            np.linspace(0, 10, 5),
            method=method,
            eta=eta,
            alpha_p=2.0,
            events=events,
            options=options | more,
        )

    whole = run(threads=1)
    monkeypatch.setattr(integrate, "BLOCK", 20)
    for other in (run(threads=1), run(threads=3), run()):
        np.testing.assert_allclose(other.y, whole.y, rtol=1e-12)
        np.testing.assert_allclose(other.events["half"], whole.events["half"], rtol=1e-9)
        assert other.y.shape == (5, 5, 8, 3) and np.isfinite(whole.events["half"]).any()


def test_trajectories_that_have_arrived_or_ended_are_not_computed(monkeypatch):
    rows = []
    slow = Flow(
        "y' = -r y",
        "",
        {"y": ()},
        lambda t, y, q: (rows.append(len(y)), -q["r"][..., None] * y)[1],
        (Param("r", 1.0, "per time"),),
    )
    r = np.full(100, 1e-3)
    r[0] = 300.0
    slow.solve(np.ones((100, 1)), [0, 10.0], r=r)
    work, alone = sum(rows), len(rows)
    assert alone > 1000 and work < 3 * alone  # a batch in step would take 100 rows a call
    rows.clear()
    r[1:] = -100.0
    slow.solve(
        np.ones((100, 1)), [0, 10.0], method="rk4", options={"substeps": 5000}, ended="keep", r=r
    )
    assert len(rows) == 20000 and sum(rows) < 0.1 * 20000 * 100


def test_an_integrator_takes_a_function_that_holds_arrays_of_the_batch():
    rate = np.array([[0.5, -1.0, 20.0], [-30.0, 0.0, 1.0]])
    for method, options in ((dormand_prince, {}), (rk4, {"substeps": 4000})):
        run = method(
            lambda t, y: rate[..., None] * y, np.ones((2, 3, 1)), np.array([0, 1.0, 2.0]), **options
        )
        assert (
            run.reason[0, 2].startswith("left the finite range") and (run.reason != "").sum() == 1
        )
        keep = run.reason == ""
        np.testing.assert_allclose(
            run.y[-1, ..., 0][keep], np.exp(2 * rate[keep]), rtol=1e-6, atol=1e-9
        )


def test_split_and_join_undo_each_other_and_broadcast():
    y = np.random.default_rng(0).normal(size=(4, 5, 3))
    again = join(*split(y))
    assert (again == y).all() and again[..., 1].flags.c_contiguous and split(y)[1].base is not None
    assert join(np.zeros((4, 1)), 1.0, np.ones(5)).shape == (4, 5, 3) and join(
        2.0, 3.0
    ).tolist() == [2.0, 3.0]


def test_scalars_come_with_their_components_contiguous():
    seen = []

    def rhs(t, y, q):
        seen.append((t.shape, y.shape, y[..., 0].flags.c_contiguous, q["r"].shape))
        return -y

    flow = Flow("decay", "", {"a": (), "b": ()}, rhs, (Param("r", 1.0, ""),))
    run = flow.solve(np.ones((4, 5, 2)), [0, 1.0], r=np.ones(5))
    assert set(seen) == {((20,), (20, 2), True, (20,))}
    np.testing.assert_allclose(
        run["b"], np.exp(-run.times)[:, None, None] * np.ones((4, 5)), rtol=1e-9
    )
    assert flow.field(np.ones(2), r=np.ones(3)).shape == (3, 2)


@pytest.mark.parametrize(
    "values, name",
    [
        ([-1, -2], "stable"),
        ([1, 2], "unstable"),
        ([1, -2], "saddle"),
        ([0, -1], "marginal"),
        ([0, 1], "unstable"),
        ([-1 + 1j, -1 - 1j], "stable spiral"),
        ([1 + 1j, 1 - 1j], "unstable spiral"),
        ([1j, -1j], "centre"),
    ],
)
def test_classify(values, name):
    assert classify(values) == name
    with pytest.raises(ValueError, match="finite"):
        classify([np.nan, 1])


def test_bisect_refuses_a_bracket_without_a_change():
    assert bisect(lambda x: x > np.array([0.2, 0.3]), 0.0, 1.0) == pytest.approx(
        [0.2, 0.3], abs=1e-11
    )
    with pytest.raises(ValueError, match="low"):
        bisect(lambda x: x > -1, 0.0, 1.0)


def test_phase_grid_has_the_field_of_the_flow():
    grid = phase_grid(
        modes.MODES,
        ("p", np.array([0.1, 0.2, 0.3])),
        ("s", np.array([0.5, 1.0])),
        tie=lambda p, s: {"tau": 0.7},
        eta=0.1,
    )
    assert grid.dx.shape == (2, 3)
    assert grid.dx[1, 0] == pytest.approx(1.0 * (0.7 - 1.25 * 0.1) - 0.1 * 0.1)


@pytest.mark.parametrize(
    "params, message",
    [
        ({"sigma2": -1}, r"sigma2 must be in \[0, inf\), was -1"),
        ({"alpha_p": 0}, r"alpha_p must be in \(0, inf\), was 0"),
        ({"eta": np.nan}, "eta must be in .* was nan"),
        ({"tau": "x"}, "tau must be a number .* was 'x'"),
        ({"eta": [0.1, -0.2]}, "eta must be in .* was -0.2"),
        ({"etta": 0.1}, "did you mean 'eta'"),
    ],
)
def test_domains(params, message):
    with pytest.raises(ValueError, match=message):
        modes.FIXED_TAU.check(**params)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: modes.FIXED_TAU.solve([0.1, 0.1, 0.1], [0, 1]), "last axis 2"),
        (lambda: modes.FIXED_TAU.solve([np.nan, 0.1], [0, 1]), "y0 must be a finite"),
        (lambda: modes.FIXED_TAU.solve([0.1, 0.1], [1, 0]), "strictly increasing"),
        (lambda: modes.FIXED_TAU.solve([0.1, 0.1], [0, 1], method="euler"), "integration method"),
        (lambda: modes.FIXED_TAU.solve([0.1, 0.1], [0, 1], ended="ignore"), "value of `ended`"),
        (lambda: modes.FIXED_TAU.start(p=0.1), "no start value for s"),
        (lambda: modes.FIXED_TAU.start(p=0.1, q=0.1), "unknown part of the state 'q'"),
        (
            lambda: modes.FIXED_TAU.solve([0.1, 0.1], [0, 1])["tau"],
            "unknown part of the state 'tau'",
        ),
        (
            lambda: matrix.network_flow([[1, 2], [0, 1]], np.eye(2), 2),
            "X must be a finite symmetric",
        ),
        (lambda: matrix.network_flow(np.eye(3), np.eye(2), 2), "one shape"),
        (
            lambda: matrix.network_flow(np.eye(2), np.eye(2), 2, variant="none"),
            "variant of the network flow",
        ),
        (lambda: theory("tian2020"), "unknown theory 'tian2020' .did you mean 'tian2021'"),
        (lambda: modes.flow_rates(0), "lr must be in"),
    ],
)
def test_what_cannot_be_integrated_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
