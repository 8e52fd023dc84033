"""Theory of wen2022: runs against the numbers seen before, integrators, sampling, events."""

import functools

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from ncssl.theory.ode.integrate import rodas3
from ncssl.theory.wen2022 import exact, many, measure, model, runs
from ncssl.theory.wen2022 import samples as sampled
from ncssl.theory.wen2022.flows import population_flow

# ---- the canonical run, and every number of it that was seen before (spec 6.1), as printed there

STATES = {  # step -> b_11, b_12, b_21, b_22, E_12, E_21
    0: (0.200, 0.100, 0.060, 0.120, 0, 0),
    5: (0.525, 0.100, 0.066, 0.123, 0.001, 0.056),
    20: (0.618, 0.101, 0.075, 0.129, 0.001, 0.155),
    60: (0.694, 0.102, 0.078, 0.143, 0.001, 0.204),
    120: (0.738, 0.105, 0.079, 0.173, 0.001, 0.227),
    150: (0.747, 0.107, 0.079, 0.207, 0.001, 0.228),
    200: (0.515, 0.115, 0.061, 0.903, 0, 0),
    800: (0.686, 0.115, 0.061, 1.056, 0, 0),
}


@functools.cache
def last(variant=None, steps=10_000, eta=0.2, eta_E=None, overlap=0.0):
    eta_E = eta if eta_E is None else eta_E
    return runs.descend(
        runs.start(runs.CANONICAL, overlap),
        steps=steps,
        eta=eta,
        eta_E=eta_E,
        every=max(1, steps // 1000),
        options=LONG.get(variant),
    )


def peak(run):
    return run.E[:, 1, 0].max()


def at_peak(eta):
    run = runs.canonical(eta=eta, steps=int(36 / eta))
    i = run.E[:, 1, 0].argmax()
    return [run.E[i, 1, 0], run.times[i]]


@pytest.mark.parametrize("step", STATES)
def test_canonical_states(step):
    run = runs.canonical()
    got = [*run.b[step].ravel(), run.E[step, 0, 1], run.E[step, 1, 0]]
    np.testing.assert_allclose(got, STATES[step], atol=5.5e-4)


LONG = {
    "no head": {"head": "none"},
    "no stop-gradient": {"stop_gradient": "none"},
    "detached": {"normalisation": "detached"},
}
SEEN = [  # id, what is computed, what was seen, tolerance
    ("peak of E_21", lambda: peak(runs.canonical()), 0.229, 5e-4),
    ("peak of E_12", lambda: np.abs(runs.canonical().E[:, 0, 1]).max(), 6e-4, 5e-5),
    (
        "time of the peak, counted from the first step",
        lambda: runs.canonical().E[:, 1, 0].argmax() + 1,
        140,
        0,
    ),
    ("no head", lambda: last("no head").b[-1].ravel(), [0.913, 0.100, 0.909, 0.131], 5.5e-4),
    ("no stop-gradient", lambda: last("no stop-gradient").b[-1, 1], [0.947, 0.123], 5.5e-4),
    ("no stop-gradient, head", lambda: last("no stop-gradient").E[-1, 1, 0], 0.165, 5.5e-4),
    (
        "detached",
        lambda: [
            *last("detached").b[-1, 1],
            last("detached").E[-1, 1, 0],
            last("detached").b[-1, 0, 0] / 1000,
        ],
        [0.063, 0.121, 6.13, 0.0855],
        5.5e-3,
    ),
    *[
        (f"eta {eta}", lambda eta=eta: at_peak(eta), [value, time], (5.5e-4, 0.25))
        for eta, value, time in (
            (0.2, 0.229, 28.0),
            (0.1, 0.243, 27.0),
            (0.05, 0.245, 26.8),
            (0.02, 0.246, 26.7),
        )
    ],
    (
        "eta 0.4 is unstable",
        lambda: np.abs(last(steps=800, eta=0.4).E[:, 0, 1]).max(),
        0.545,
        5.5e-4,
    ),
    *[
        (f"overlap {c}", lambda c=c: peak(last(steps=800, overlap=c)), value, 5.5e-4)
        for c, value in ((0.2, 0.230), (-0.3, 0.227), (0.6, 0.233))
    ],
    (
        "slow head .1",
        lambda: [*last(steps=4000, eta_E=0.02).b[-1, 1, 1:], peak(last(steps=4000, eta_E=0.02))],
        [0.157, 0.13],
        5.5e-3,
    ),
    (
        "slow head .01",
        lambda: [*last(steps=4000, eta_E=0.002).b[-1, 1, 1:], peak(last(steps=4000, eta_E=0.002))],
        [0.131, 0.013],
        5.5e-4,
    ),
]


@pytest.mark.parametrize(
    "compute, seen, tol", [row[1:] for row in SEEN], ids=[row[0] for row in SEEN]
)
def test_numbers_seen_before(compute, seen, tol):
    assert (np.abs(np.asarray(compute()) - seen) <= tol).all()


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


@pytest.mark.slow
def test_clipped_steps_find_what_was_seen_before():
    """The draw of spec 6.2: 78 of 128 starts biased; 82.1 % of these, 88.3 % of all learn both. A
    lucky draw."""
    parts = runs.reduced(np.random.default_rng(0).normal(size=(128, 2, 100)) / 10)
    biased = runs.regime(parts[0])
    run = runs.clipped(parts, steps=20_000, clip=0.005, every=2000)
    words = measure.outcome(run.b[-1], run.u[-1])
    assert biased.sum() == 78
    for which, name, seen in (
        (biased, "both features", 82.1),
        (biased, "only v_1", 6.4),
        (biased, "undecided", 11.5),
        (..., "both features", 88.3),
        (..., "only v_1", 3.9),
    ):
        # one start is 1.3 %
        assert 100 * (words[which] == name).mean() == pytest.approx(seen, abs=1.3)


def test_random_starts_are_reproducible_and_reduced_without_loss():
    b, u, _ = runs.random_start(5, d=30, k=3, first=7)
    again = runs.random_start(3, d=30, k=3, first=9)
    w = np.random.default_rng(9).normal(size=(3, 30)) / np.sqrt(30)
    np.testing.assert_array_equal(b[2], again[0][0])
    np.testing.assert_allclose(u[2] @ u[2].T, w[:, 2:] @ w[:, 2:].T, atol=1e-14)
    assert runs.regime(np.array([[[0.1, 0.2], [0.1, 0.2]], [[0.1, 0.2], [0.1, 0.3]]])).tolist() == [
        True,
        False,
    ]


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


# ---- sampling


def test_population_statistics_agree_with_sampling():
    rng = np.random.default_rng(0)
    for seed, (m, P, p1, sigma) in enumerate([(4, 8, 0.5, 1.0), (3, 8, 0.3, 0.8)]):
        b, u = 0.5 * rng.normal(size=(2, 2)), rng.normal(size=(2, 8)) / np.sqrt(8)
        E = np.array([[1, 0.3], [-0.4, 1.0]])
        q = population_flow().check(m=m, P=P, p1=p1, sigma=sigma, alpha1=3.0, alpha2=2.0)
        batch = sampled.draw(
            np.random.default_rng(seed),
            (200_000,),
            10,
            alpha=(3.0, 2.0),
            m=m,
            P=P,
            p1=p1,
            sigma=sigma,
        )
        a = model.statistics(b, u, E, q)
        np.testing.assert_allclose(sampled.correlations(b, u, E, batch), a["corr"], atol=0.01)
        f = sampled.encode(b, u, batch)[0]
        np.testing.assert_allclose((f[..., 0] @ E.T).var(0), a["var_online"], rtol=0.05)
        np.testing.assert_allclose(f[..., 1].var(0), a["var_target"], rtol=0.05)


@pytest.mark.parametrize("normalisation", ["batch", "detached"])
def test_sampled_gradients_agree_with_differences(normalisation):
    rng = np.random.default_rng(1)
    b, u, E = (
        0.5 * rng.normal(size=(2, 2)),
        0.3 * rng.normal(size=(2, 4)),
        np.array([[1, 0.3], [-0.4, 1.0]]),
    )
    batch = sampled.draw(rng, (24,), 6)

    def objective(online, target, stats=None):
        f, g = sampled.encode(*online[:2], batch)[0], sampled.encode(*target[:2], batch)[0]
        F, G = f[..., 0] @ online[2].T, g[..., 1]
        mF, sF, mG, sG = stats or (F.mean(0), F.std(0), G.mean(0), G.std(0))
        return (((F - mF) / sF) * ((G - mG) / sG)).mean(0).sum()

    y = (b, u, E)
    f = sampled.encode(b, u, batch)[0]
    F, G = f[..., 0] @ E.T, f[..., 1]
    stats = (F.mean(0), F.std(0), G.mean(0), G.std(0)) if normalisation == "detached" else None
    for stop in model.STOPS:
        got = sampled.gradient(
            b, u, E, batch, model.variant(stop_gradient=stop, normalisation=normalisation)
        )
        for part in range(3):
            for index in np.ndindex(*y[part].shape):
                move = [np.zeros_like(x) for x in y]
                move[part][index] = 1e-6
                up, down = ([x + s * d for x, d in zip(y, move, strict=True)] for s in (1, -1))
                online = (objective(up, y, stats) - objective(down, y, stats)) / 2e-6
                target = (objective(y, up, stats) - objective(y, down, stats)) / 2e-6
                goal = (
                    online
                    if part == 2
                    else {"target": online, "none": online + target, "online": target}[stop]
                )
                goal = 0.0 if part == 2 and index[0] == index[1] else goal
                assert got[part][index] == pytest.approx(goal, abs=1e-7)


def test_sampled_training_learns_both_only_with_the_head():
    parts = sampled.sampled_start(3)
    ends = {
        head: sampled.train(parts, options={"head": head}, steps=2500, seed=3)
        for head in ("off-diagonal", "none")
    }
    b = {head: np.abs(run.b[-1, :, 1]) for head, run in ends.items()}
    assert (
        (b["off-diagonal"][:, 1] > 0.8).sum() >= 2
        and (b["none"][:, 0] > 0.5).all()
        and (b["none"][:, 1] < 0.3).all()
    )
    grown = np.abs(ends["off-diagonal"].E[:, :, 1, 0]).max(0)
    assert (grown > 0.03).all() and ends["none"].E[-1].tolist() == np.tile(
        np.eye(2), (3, 1, 1)
    ).tolist()
