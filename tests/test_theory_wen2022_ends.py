"""Theory of wen2022: who wins, and where runs end, with a head and without."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ncssl.theory.ode.flow import bisect, numerical_jacobian
from ncssl.theory.wen2022 import exact
from ncssl.theory.wen2022.flows import population_flow


def weights(seed, k=2, size=0.5, n=()):
    rng = np.random.default_rng(seed)
    E = np.eye(k) + 0.4 * rng.normal(size=(*n, k, k)) * (1 - np.eye(k))
    return size * rng.normal(size=(*n, k, 2)), rng.normal(size=(*n, k, k)), E


def test_who_wins_without_a_head_is_decided_by_the_edge():
    flow = population_flow(1, head="none")
    q = {"p1": 0.3, "alpha1": 4.0, "alpha2": 2.5}
    start = np.array([0.1, 0.2])

    def second_gains(b2):
        y0 = flow.start(b=np.stack([start, b2], -1)[:, None], u=[[1.0]], E=[[1.0]])
        end = flow.solve(y0, [0, 1.0], method="rk4", options={"substeps": 100}, **q)["b"][-1, :, 0]
        return end[:, 1] / end[:, 0] > b2 / start

    found = bisect(second_gains, 0.5 * start, 5 * start, steps=26)
    np.testing.assert_allclose(found, exact.edge_of_v1(start, 4.0, 2.5, 0.3), rtol=1e-6)
    np.testing.assert_allclose(
        exact.acceleration_at_zero(start, found, 4.0, 2.5, 0.3), 1, rtol=5e-6
    )


@settings(max_examples=8, deadline=None)
@given(st.floats(0.05, 0.4), st.floats(0.05, 0.4), st.floats(0.3, 0.7))
def test_end_without_head(b1, b2, p1):
    """A long run of one neuron lies on its exact end once the noise that is left is taken off the
    length."""
    flow = population_flow(1, head="none")
    run = flow.solve(
        flow.start(b=[[b1, b2]], u=[[1.0]], E=[[1.0]]), [0, 100.0], options={"rtol": 1e-10}, p1=p1
    )
    left = np.sqrt(1 - run["u"][-1, 0, 0] ** 2)
    end = exact.end_without_head([b1, b2], [left], flow.check(p1=p1))
    np.testing.assert_allclose(run["b"][-1, 0], end, rtol=1e-7)
    assert (end[0] > end[1]) == (
        exact.rivalry(np.array([end]), flow.check(p1=0.5, alpha2=6.0))[0] < 0
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([2, 3]), st.floats(0.2, 3))
def test_noise_free_points_are_at_rest_and_no_entry_of_the_head_grows(seed, k, ratio):
    flow = population_flow(k)
    b = np.random.default_rng(seed).uniform(0.3, 1, size=(k, 2))
    y = flow.start(b=b, u=np.zeros((k, k)), E=np.eye(k))
    assert np.abs(flow.field(y, ratio=ratio)).max() < 1e-9
    J = flow.closed_forms["jacobian at noise-free points"](b, flow.check(ratio=ratio))
    full = numerical_jacobian(flow, y, step=1e-7, ratio=ratio)[-k * k :, -k * k :].reshape(
        k, k, k, k
    )
    for j in range(k):
        mine = J[j] * np.outer(np.arange(k) != j, np.arange(k) != j)
        found = full[j, :, j, :] * (np.arange(k) != j)
        np.testing.assert_allclose(mine, found, atol=1e-5 * (1 + np.abs(found).max()))
        assert np.linalg.eigvalsh(mine).max() <= 1e-9 * (1 + np.abs(mine).max())


def test_the_head_decays_at_its_exact_rate():
    flow = population_flow()
    points = flow.fixed_points(flow.check())
    assert set(points) == {"both features", "only v_1"}
    for y in points.values():
        assert np.abs(flow.field(y)).max() < 1e-12
    b = np.array([[0.7, 0.0], [0.0, 1.1]])
    J = exact.noise_free_jacobian(b, flow.check(ratio=0.5))
    fast, slow = -J[1, 0, 0], -J[0, 1, 1]
    assert fast == pytest.approx(0.5 * 0.6 * ((4.2 / 3.3) ** 3) ** 2)
    run = flow.solve(
        flow.start(b=b, u=np.zeros((2, 2)), E=[[1, 1e-6], [1e-6, 1]]), [0, 0.7], ratio=0.5
    )
    assert run["E"][-1, 1, 0] / 1e-6 == pytest.approx(np.exp(-0.7 * fast), rel=1e-6)
    assert run["E"][-1, 0, 1] / 1e-6 == pytest.approx(np.exp(-0.7 * slow), rel=1e-6)
    only = np.array([[1.0, 0], [1.0, 0]])
    # two copies of v_1: nothing pulls the head back
    assert not exact.noise_free_jacobian(only, flow.check()).any()


def test_neurons_without_a_head_do_not_see_each_other():
    b, u, E = weights(7, 3)
    three, one = population_flow(3, head="none"), population_flow(1, head="none")
    run = three.solve(three.start(b=b, u=u, E=np.eye(3)), [0, 2.0])
    for j in range(3):
        alone = one.solve(one.start(b=b[j][None], u=[[np.linalg.norm(u[j])]], E=[[1.0]]), [0, 2.0])
        np.testing.assert_allclose(run["b"][-1, j], alone["b"][-1, 0], rtol=1e-8)
