"""Theory of wen2022: runs from many starts, integrators, events, outcomes in words."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from ncssl.theory.ode.integrate import rodas3
from ncssl.theory.wen2022 import exact, many, measure, model, runs
from ncssl.theory.wen2022.flows import population_flow


def test_starts_around_the_canonical_one_learn_both():
    b = np.array(
        [
            [[s1 * 0.2, 0.1], [s2 * b21, s3 * 0.12]]
            for b21 in (0.05, 0.06, 0.07, 0.08)
            for s1 in (1, -1)
            for s2 in (1, -1)
            for s3 in (1, -1)
        ]
    )
    run = runs.descend(runs.start(b), steps=4000, every=20)
    assert (np.abs(run.b[-1, :, 1, 1]) > 1).all() and (np.abs(run.b[-1, :, 1, 0]) < 0.12).all()
    sign = np.sign(b[:, 0, 0] * b[:, 1, 0])
    # after a rise to .175 one falls through 0 to -.201
    entry = runs.descend(runs.start(b), steps=400).E[:, :, 1, 0]
    peaks = np.abs(entry).max(0)
    assert [peaks[0], peaks[24]] == pytest.approx(
        [0.20, 0.34], abs=5e-3
    ) and 0.19 < peaks.min() < peaks.max() < 0.345
    rise = (entry * sign).max(0).reshape(4, 8)
    assert np.ptp(rise, axis=1).max() < 5e-3, (
        "signs of the start change the sign of E_21 and little else"
    )
    ratios = runs.descend(
        [np.broadcast_to(x, (3, 2, 2)) for x in runs.start(runs.CANONICAL)],
        steps=4000,
        every=20,
        eta_E=0.2 * np.array([0.3, 1, 3]),
    )
    assert (ratios.b[-1, :, 1, 1] > 0.8).all()


def test_the_head_that_comes_too_late_gets_out_late():
    run = many.far(
        [x[None] for x in map(np.array, runs.start(runs.LATE))], many.log_times(1e7), rtol=1e-6
    )
    words = dict(zip(run.times.round(2), measure.outcome(run.b, run.u)[:, 0], strict=True))
    assert words[1e7] == "both features"
    i = np.searchsorted(run.times, 800)
    assert (
        run.b[i, 0, 1, 0] > 0.65 and run.b[i, 0, 1, 1] < 0.125 and 0.26 < run.E[i, 0, 1, 0] < 0.29
    )
    flow = population_flow()
    b, u, E = runs.start(runs.LATE)
    exactly = flow.solve(flow.start(b=b, u=u, E=E), [0, run.times[i]], options={"rtol": 1e-9})
    np.testing.assert_allclose(run.b[i, 0], exactly["b"][-1], atol=1e-5)


# ---- integrators


def test_rodas3_has_order_three_and_ends_with_a_reason():
    def pendulum(t, y, q):
        return np.stack([y[..., 1], -y[..., 0] * (1 + y[..., 0] ** 2)], -1)

    exactly = solve_ivp(lambda t, y: pendulum(t, y, {}), (0, 5), [1, 0], rtol=1e-12, atol=1e-13).y[
        :, -1
    ]
    errors = [
        np.abs(
            rodas3(pendulum, [[1, 0]], np.array([0, 2.5, 5.0]), rtol=r, atol=r).y[-1, 0] - exactly
        ).max()
        for r in (1e-4, 1e-7)
    ]
    assert errors[1] < 1e-5 < errors[0] < 1e-2 and errors[0] / errors[1] > 100
    stiff = rodas3(lambda t, y, q: -1e6 * (y - 1), [[0.0], [3.0]], np.array([0, 1.0, 1e6]))
    np.testing.assert_allclose(stiff.y[1:], 1, atol=1e-6)
    blow = rodas3(
        lambda t, y, q: q["sign"][:, None] * y**3,
        [[1.0], [1.0]],
        np.array([0, 0.4, 4.0]),
        # exact: (1 - 2t)^(-1/2) and (1 + 2t)^(-1/2)
        params={"sign": np.array([1.0, -1.0])},
    )
    assert blow.reason[0] and not blow.reason[1] and np.isnan(blow.y[-1, 0])
    assert blow.end_time[0] == pytest.approx(0.5, rel=1e-3)
    assert [*blow.y[1].ravel(), blow.y[2, 1, 0]] == pytest.approx(
        [0.2**-0.5, 1.8**-0.5, 1 / 3], rel=1e-3
    )
    riccati = rodas3(lambda t, y, q: y**2, [[1.0]], np.array([0, 0.999, 1.001]))
    assert "finite range" in riccati.reason[0], (
        "this method solves y' = y^2 so well that it could pass the pole"
    )
    assert (
        rodas3(lambda t, y, q: -y, [[1.0]], np.array([0, 9.0]), max_steps=3)
        .reason[0]
        .startswith("needed more")
    )
    with pytest.raises(ValueError, match="y0 must be a finite array"):
        rodas3(lambda t, y, q: -y, [[np.nan]], np.array([0, 1.0]))
    path = rodas3(
        lambda t, y, q: -q["rate"][:, None] * y,
        np.ones((3, 1)),
        np.array([0, 9.0]),
        rtol=1e-9,
        atol=1e-12,
        params={"rate": np.array([1.0, 2.0, 0.1])},
        events={"half": (lambda t, y, q: y[:, 0] - 0.5, -1)},
    )
    assert path.events["half"] == pytest.approx(np.log(2) / np.array([1.0, 2.0, 0.1]), rel=1e-7)


def test_far_agrees_with_the_flow_and_keeps_the_balance():
    parts, times = many.starts(6), np.array([0, 1.0, 30.0])
    ratio = np.array([0.1, 0.3, 1, 1, 3, 10])
    run, flow = many.far(parts, times, rtol=1e-6, ratio=ratio), population_flow()
    y0 = flow.start(b=parts[0], u=parts[1], E=parts[2])
    other = flow.solve(y0, times, options={"rtol": 1e-8}, ratio=ratio)
    for x, name in ((run.b, "b"), (run.E, "E")):
        np.testing.assert_allclose(x, other[name], atol=2e-5)
    run = many.far(parts, many.log_times(1e5), ratio=ratio)
    balance = exact.balance(run.b, run.u, run.E, ratio)
    assert np.abs(balance / balance[0] - 1).max() < 0.02 and not run.reason.any()


def test_descent_that_blows_up_is_frozen_with_a_reason():
    start = [np.stack([x, x]) for x in map(np.array, runs.start(runs.CANONICAL))]
    run = runs.descend(
        start, eta=np.array([0.2, 1e-5]), eta_E=0.0, steps=40, options={"normalisation": "none"}
    )
    assert "finite range" in run.reason[0] and run.reason[1] == "" and np.isfinite(run.b).all()


def test_descent_keeps_unit_length_where_asked():
    options = {"normalisation": "none", "unit_norm": True}
    run = runs.descend(runs.start(runs.CANONICAL), eta=1e-4, eta_E=1e-4, steps=50, options=options)
    length = model.norms(run.b, run.u)
    assert np.abs(length - length[0]).max() < 1e-12 and np.abs(run.b[-1] - run.b[0]).max() > 1e-2


# ---- measures


def outcome_of(*rows):
    return str(measure.outcome(np.array(rows), np.full((len(rows), 2), 0.1 / np.sqrt(2))))


def test_outcomes_in_words():
    one, two, none = [1.0, 0.1], [-0.1, -1.0], [0.05, 0.05]
    cases = {
        (0, 1): "both features",
        (0, 0): "only v_1",
        (1, 1): "only v_2",
        (0, 2): "undecided",
        (0, 2, 1): "both features",
    }
    for which, word in cases.items():
        assert outcome_of(*([one, two, none][i] for i in which)) == word
    assert str(measure.outcome(np.full((2, 2), 0.01), np.zeros((2, 2)))) == "collapsed"
    assert measure.cosines(np.zeros((2, 2)), np.zeros((2, 2))).tolist() == [[0, 0], [0, 0]]


def test_collapse_without_normalisation_and_stop_gradient():
    switches = model.variant(head="none", stop_gradient="none", normalisation="none")
    run = many.far(many.starts(3), many.log_times(1e3), switches=switches)
    assert (measure.outcome(run.b[-1], run.u[-1]) == "collapsed").all()


def test_phases_of_the_mirrored_run_are_the_same():
    run = runs.canonical()
    events = measure.phases(run)
    swap = [x[None][:, ::-1] for x in map(np.array, runs.start(runs.CANONICAL)[:2])]
    mirrored = runs.descend([*swap, np.eye(2)[None]]).of(0)
    assert {**measure.phases(mirrored), "leader": 1} == pytest.approx(events) and events[
        "leader"
    ] == 1
    assert measure.phases(mirrored)["leader"] == 2
    lead = measure.substitution(run)
    i = int(round(events["substitution"] / 0.2))
    assert lead[i] > 1 >= lead[i - 1]
    A, q = measure.acceleration(run), population_flow().check()
    closed = exact.acceleration_formula(run.b[3], run.u[3], run.E[3, 1, 0], q)
    # E_12 is not quite 0
    assert A[0] == pytest.approx(0.25, rel=1e-9) and A[3] == pytest.approx(closed, rel=1e-2)


def test_the_head_never_exceeds_its_bound():
    parts, ratio = (
        [np.tile(x, (3, 1, 1)) for x in runs.start(runs.CANONICAL)],
        np.array([0.1, 1, 10]),
    )
    run = many.far(parts, many.log_times(1e5), rtol=1e-5, ratio=ratio)
    bound = exact.head_bound(model.norms(*parts[:2])[:, 1], ratio)
    peaks = np.abs(run.E[..., 1, 0]).max(0)
    assert (peaks < bound).all() and (peaks > 0.2 * bound).all()


def test_the_end_comes_after_the_peak_even_where_v2_is_known_from_the_start():
    E = np.tile(np.eye(2), (5, 1, 1))
    E[:, 1, 0] = [0, 0.01, 1, 0.5, 0.05]
    b = np.tile([[1.0, 0.1], [0.1, 1.0]], (5, 1, 1))
    q, s = population_flow().check(), model.variant()
    run = runs.ToyRun(np.arange(5.0), b, np.zeros((5, 2, 2)), E, np.array(""), q, s)
    events = measure.phases(run)
    assert (events["learned v_2"], events["peak of E"], events["end"], events["leader"]) == (
        0,
        2,
        4,
        1,
    )
