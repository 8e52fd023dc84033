"""Theory of wen2022: gradients, conservation laws and closed forms of the toy against finite
differences and runs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ncssl.theory.ode.flow import bisect
from ncssl.theory.wen2022 import exact, model, runs
from ncssl.theory.wen2022.flows import population_flow

Q = population_flow().check()


def weights(seed, k=2, size=0.5, n=()):
    rng = np.random.default_rng(seed)
    E = np.eye(k) + 0.4 * rng.normal(size=(*n, k, k)) * (1 - np.eye(k))
    return size * rng.normal(size=(*n, k, 2)), rng.normal(size=(*n, k, k)), E


def entries(parts):
    return np.concatenate([x.ravel() for x in parts])


def differences(objective, parts, step=1e-6):
    """Central differences of objective(parts) with respect to every entry of every part."""
    y, shapes = entries(parts), [x.shape for x in parts]

    def at(v):
        pieces = np.split(v, np.cumsum([np.prod(s) for s in shapes])[:-1])
        return objective([p.reshape(s) for p, s in zip(pieces, shapes, strict=True)])

    return np.array([(at(y + e) - at(y - e)) / (2 * step) for e in step * np.eye(len(y))])


def halves(online, target, q):
    """Statistics with the online weights of one part and the target weights of another, neuron by
    neuron."""
    (b, u, E), (bt, ut, _) = online, target
    c, k = {name: np.squeeze(v) for name, v in model.constants(q).items()}, len(b)
    f, g = (c["alpha"] * b) ** 3, (c["alpha"] * bt) ** 3

    def noise(u):
        d = u @ u.T
        return c["noise"] * np.array(
            [
                [9 * d[i, i] * d[r, r] * d[i, r] + 6 * d[i, r] ** 3 for r in range(k)]
                for i in range(k)
            ]
        )

    F = E @ f
    cov = [c["C0"] * sum(c["p"] * F[j] * g[j]) for j in range(k)]
    V = [c["C1"] * sum(c["p"] * F[j] ** 2) + E[j] @ noise(u) @ E[j] for j in range(k)]
    T = [c["C1"] * sum(c["p"] * g[j] ** 2) + noise(ut)[j, j] for j in range(k)]
    return np.array(cov), np.array(V), np.array(T)


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("normalisation", model.NORMALISATIONS)
@pytest.mark.parametrize("stop", model.STOPS)
def test_gradients_agree_with_differences(k, stop, normalisation):
    """Every stop-gradient and every normalisation, data with p1 and m of no special value; E_jj
    stays."""
    q = population_flow(k).check(p1=0.3, m=3.0, P=7.0, sigma=0.8, alpha1=2.0, alpha2=1.5)
    y = weights(k, k, 0.8)
    _, V0, T0 = halves(y, y, q)

    def objective(online, target):
        cov, V, T = halves(online, target, q)
        if normalisation == "none":
            return -0.5 * (V + T - 2 * cov).sum()
        return (cov / np.sqrt(V0 * T0 if normalisation == "detached" else V * T)).sum()

    online = differences(lambda z: objective(z, y), y)
    target = differences(lambda z: objective(y, z), y)
    nb = 2 * k + k * k
    weight_part = {"target": online, "none": online + target, "online": target}[stop][:nb]
    goal = np.concatenate([weight_part, online[nb:] * (1 - np.eye(k)).ravel()])
    s = model.variant(stop_gradient=stop, normalisation=normalisation)
    got = entries(model.velocity(*y, model.constants(q), s))
    np.testing.assert_allclose(got, goal, atol=1e-7 * max(1, np.abs(goal).max()))


def test_heads_and_learning_rates():
    y, c = weights(4), model.constants(population_flow().check(ratio=0.25))
    plain = model.velocity(*y, c, model.variant())
    for head in ("identity", "none"):
        db, du, dE = model.velocity(*y, c, model.variant(head=head))
        assert (dE == 0).all() and (db == plain[0]).all() and (du == plain[1]).all()
    dE = model.velocity(*y, c, model.variant(head="symmetric"))[2]
    np.testing.assert_allclose(dE, (plain[2] + plain[2].T) / 2, rtol=1e-14)
    fast = model.velocity(*y, model.constants(Q), model.variant())
    np.testing.assert_allclose(plain[2], 0.25 * fast[2], rtol=1e-14)
    kept = model.velocity(*y, c, model.variant(normalisation="none", unit_norm=True))
    assert (
        np.abs((kept[0] * y[0]).sum(-1) + (kept[1] * y[1]).sum(-1)).max()
        < 1e-9 * np.abs(kept[0]).max()
    )


def test_a_batch_of_weights_parameters_and_switches_equals_its_members():
    y, ratio = weights(5, n=(4,)), np.array([0.1, 1.0, 1.0, 3.0])
    names = [{}, {"stop_gradient": "none"}, {"normalisation": "detached"}, {"head": "symmetric"}]
    one = [model.variant(**o) for o in names]
    s = {name: np.array([v[name] for v in one]) for name in one[0]}
    q = Q | {"ratio": ratio, "sigma": np.array([1.0, 0.5, 0.7, 1.0])}
    batch = model.velocity(*y, model.constants(q), s)
    for i in range(4):
        alone = model.velocity(
            *(x[i] for x in y),
            model.constants(Q | {"ratio": ratio[i], "sigma": q["sigma"][i]}),
            one[i],
        )
        for a, b in zip(batch, alone, strict=True):
            np.testing.assert_allclose(a[i], b, rtol=1e-12, atol=1e-12)


# ---- conservation laws

LAWS = [  # options, invariants that must be there
    ({}, {"balance", "total length"}),
    ({"stop_gradient": "none"}, {"balance", "total length"}),
    ({"head": "symmetric"}, {"total length"}),
    ({"head": "none"}, {"lengths", "rivalry"}),
    ({"stop_gradient": "online"}, {"lengths"}),
    ({"normalisation": "detached"}, set()),
    ({"normalisation": "none"}, set()),
    ({"normalisation": "none", "unit_norm": True}, {"lengths"}),
]


@pytest.mark.parametrize("options, names", LAWS, ids=[str(o) for o, _ in LAWS])
@pytest.mark.parametrize("k", [2, 3])
def test_invariants(k, options, names):
    flow = population_flow(k, **options)
    assert set(flow.invariants) == names
    b, u, _ = weights(10 + k, k, 0.3)
    q = {"ratio": 0.6, "alpha1": 2.0, "alpha2": 1.5, "m": 3, "P": 7, "p1": 0.4, "sigma": 0.8}
    run = flow.solve(flow.start(b=b, u=0.5 * u, E=np.eye(k)), np.linspace(0, 5, 11), **q)
    assert np.abs(run["b"][-1] - run["b"][0]).max() > 1e-3
    for name in names:
        value = flow.invariants[name](run.times, run.y, flow.check(**q))
        assert np.abs(value / value[0] - 1).max() < 1e-9, name


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10_000), st.sampled_from([1, 2, 3, 4]), st.floats(0.1, 3), st.floats(0.1, 0.9)
)
def test_balance_does_not_move_at_any_weights(seed, k, ratio, p1):
    """d/dt of |w_r|^2 + (3/ratio)(row - column) along the field is 0, whatever the data, also
    without stop-gradient."""
    y, q = weights(seed, k), Q | {"ratio": np.array(ratio), "p1": np.array(p1)}
    for stop in ("target", "none"):
        db, du, dE = model.velocity(*y, model.constants(q), model.variant(stop_gradient=stop))
        off = 2 * y[2] * dE * (1 - np.eye(k))
        own = 2 * ((y[0] * db).sum(-1) + (y[1] * du).sum(-1))
        drift = own + 3 / ratio * (off.sum(1) - off.sum(0))
        assert np.abs(drift).max() < 1e-9 * (1 + np.abs(own).max() + 3 / ratio * np.abs(off).max())


# ---- closed forms


def test_correlation_is_the_same_for_every_noise_free_weight():
    for m, value in ((4, 0.6), (2, 1 / 3), (9, 0.8)):
        for b in ([[1, 0], [1, 0]], [[1, 0], [0, 1]], [[0.3, -0.8], [0.5, 0.6]]):
            a = model.statistics(
                np.array(b, float), np.zeros((2, 2)), np.eye(2), Q | {"m": m, "P": 12.0}
            )
            np.testing.assert_allclose(a["corr"], value, rtol=1e-13)
            np.testing.assert_allclose(a["loss"], exact.lowest_loss(m), rtol=1e-12)
    assert exact.lowest_loss(4) == pytest.approx(0.8) and exact.max_correlation(4) == pytest.approx(
        0.6
    )


TABLE = {  # spec 6.3, as printed: E_21 -> speed of b_21 and of b_22 over that at 0, A, dE_21/dt
    0.0: "1 1 .0324 1.69",
    0.05: ".061 .387 .205 1.0e-1",
    0.1: ".010 .210 .714 1.6e-2",
    0.2: ".001 .108 2.70 2.1e-3",
    0.3: "4e-4 .073 5.83 6.3e-4",
    1.0: "2e-5 .022 37.4 1.6e-5",
}


def halfway(E21, **options):
    flow = population_flow(**options)
    b, u, _ = runs.start(runs.HALFWAY)
    y = flow.field(flow.start(b=b, u=u, E=[[1, 0], [E21, 1]]))
    return y[2], y[3], y[3] / 0.12 / (y[2] / 0.1), y[10], y[9]


@pytest.mark.parametrize("E21", TABLE)
def test_acceleration_table(E21):
    one, two, A, rise, other = halfway(E21)
    first = halfway(0.0)
    for value, printed in zip(
        (one / first[0], two / first[1], A, rise), TABLE[E21].split(), strict=True
    ):
        digits, _, power = printed.partition("e")
        last = 10.0 ** (int(power or 0) - len(digits.partition(".")[2]))
        assert abs(value - float(printed)) <= 0.55 * last, printed
    assert other == pytest.approx(4.0e-7, rel=0.01)


def test_acceleration_of_the_variants():
    b, u, _ = runs.start(runs.HALFWAY)
    assert exact.acceleration_at_zero(0.1, 0.12) == pytest.approx(0.0324, rel=1e-12)
    crossing = bisect(lambda E: exact.acceleration_formula(b, u, E, Q) > 1, 0.1, 0.2)
    assert halfway(float(crossing))[2] == pytest.approx(1, abs=1e-6)
    for E21 in (0.0, 0.1, 0.3, 1.0):
        assert halfway(E21, normalisation="detached")[2] == pytest.approx(0.0324, rel=1e-12)
    assert halfway(0.1, stop_gradient="none")[2] == pytest.approx(7.7e-4, rel=0.01)
    assert halfway(0.3, stop_gradient="none")[2] == pytest.approx(2.0e-4, rel=0.03)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.floats(-1.5, 1.5), st.floats(0.1, 0.9))
def test_rate_formulae(seed, E21, p1):
    """The Delta formula at E_12 = 0: ratio of the two rates, and the sign of each, at random
    weights."""
    b, u, _ = weights(seed)
    q = Q | {"p1": np.array(p1)}
    db = model.velocity(b, u, np.array([[1, 0], [E21, 1]]), model.constants(q), model.variant())[0][
        1
    ]
    one, two = exact.rate_formulae(b, u, np.array(E21), q)
    left = p1 * 6**3 * b[1, 0] ** 2 * one * db[1]
    right = (1 - p1) * 3**3 * b[1, 1] ** 2 * two * db[0]
    assert abs(left - right) <= 1e-7 * max(abs(left), abs(right), 1e-200)
    assert np.sign(one) == np.sign(db[0]) or abs(one) < 1e-9
