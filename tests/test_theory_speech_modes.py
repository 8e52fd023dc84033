"""Directions of utterances: variances that are known, and levels that other chapters' formulas
give."""

import numpy as np
import pytest

from ncssl.theory.companion import modes as one
from ncssl.theory.companion import speech as sm
from ncssl.theory.wang2021 import modes as wang

# variances of three sources
SPEAKER, WORDS, NOISE = (np.array(v, float) for v in ((4, 1, 0), (1, 3, 2), (2, 4, 9)))


def population(people=1500, each=6, seed=0):
    """Two views of utterances of Gaussian speakers, words and noise, each source along its own
    feature."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(people), each)
    utterance = (
        rng.normal(size=(people, 3))[who] * SPEAKER**0.5
        + rng.normal(size=(len(who), 3)) * WORDS**0.5
    )
    return *(utterance + rng.normal(size=utterance.shape) * NOISE**0.5 for _ in range(2)), who


def test_variances_of_independent_sources_are_found():
    first, second, who = population()
    found = sm.modes(first, second, who)
    assert np.allclose(found.b, SPEAKER + WORDS, rtol=0.1) and np.allclose(
        found.sigma2, NOISE, rtol=0.05
    )
    assert np.allclose(found.speaker, SPEAKER / (SPEAKER + WORDS), atol=0.06)
    assert np.allclose(found.kept, [5 / 7, 4 / 8, 2 / 11], atol=0.04) and found.lasting is None


def test_numbers_by_hand():
    first, second = (
        np.array([[3.0], [1.0], [-1.0], [-3.0]]),
        np.array([[2.0], [2.0], [-2.0], [-2.0]]),
    )
    found = sm.modes(first, second, [0, 0, 1, 1], halves=(first, second[::-1]))
    # (6 + 2 + 2 + 6) / 4; half of the mean of 1, 1, 1, 1
    assert found.b == 4 and found.sigma2 == 0.5
    assert found.speaker == 2.5 * 1.5 / 4 and found.lasting == -1  # means of the views 2.5, 1.5


def test_directions_are_those_of_the_sources_however_they_are_mixed():
    first, second, who = population()
    mixed = np.random.default_rng(1).normal(size=(3, 3)) @ np.diag([1, 10, 0.1])
    at = sm.directions(first @ mixed, second @ mixed, 3)
    B, K = sm.moments(first @ mixed, second @ mixed)
    assert np.allclose(at.T @ K @ at, np.eye(3)) and np.allclose(
        B @ at, K @ at * (at.T @ B @ at).diagonal()
    )
    found = sm.modes(first @ mixed, second @ mixed, who, at)
    assert np.allclose(found.kept, [5 / 7, 4 / 8, 2 / 11], atol=0.04)
    assert np.allclose(found.b + found.sigma2, 1) and np.allclose(
        found.speaker, [0.8, 0.25, 0], atol=0.06
    )
    weights = np.abs(mixed @ at)  # of the sources in each direction
    assert (weights.argmax(axis=0) == np.arange(3)).all()


def test_a_gradient_of_zero_is_where_the_docstring_says():
    first, second, _ = population()
    B, K = sm.moments(first, second)
    at = sm.directions(first, second, 3)
    W, P = at.T, np.diag((at.T @ B @ at).diagonal())
    assert np.allclose(P @ W @ K, W @ B)


@pytest.mark.parametrize("alpha", [0.5, 1.0])
def test_levels_are_those_of_the_common_picture(alpha):
    b, eta = np.linspace(0.2, 1, 9), 0.03
    expected = one.level("set", b=b, sigma2=1 - b, eta=eta, alpha=alpha)
    assert np.allclose(sm.level(b, 1 - b, eta=eta, alpha=alpha), np.nan_to_num(expected))
    edge = one.edge("set", b=0.7, sigma2=0.3, eta=eta, alpha=alpha)
    for start, alive in ((0.99 * edge, False), (1.01 * edge, True)):
        assert (sm.level(0.7, 0.3, eta=eta, alpha=alpha, w0=start) > 0) == alive


@pytest.mark.parametrize("eps", [0.1, 0.3])
def test_levels_with_eps_are_those_of_wang(eps):
    sigma2 = np.array([0.0, 0.5, 1.0])
    expected = wang.limit(0.05, sigma2, 1.0, eps) ** 2
    assert np.allclose(sm.level(1.0, sigma2, eta=0.05, alpha=1.0, eps=eps), expected)
    assert sm.level(0.9 * eps, 1 - 0.9 * eps, eta=0, alpha=1.0, eps=eps) == 0, (
        "a direction with rho < eps dies"
    )


def test_eps_saves_a_mode_that_starts_under_the_edge():
    start = dict(eta=0.03, alpha=0.5, w0=0.05)
    assert sm.level(0.6, 0.4, **start) == 0 and sm.level(0.6, 0.4, eps=0.1, **start) > 0
    assert sm.level(0.34, 0.66, eps=0.5, **start) == 0, "beyond the threshold nothing is saved"


def test_effective_rank():
    assert (
        sm.effective_rank(np.array([2.0, 2, 0, 2])) == pytest.approx(3)
        and sm.effective_rank(np.zeros(3)) == 0
    )


def test_what_cannot_be_told_is_an_error():
    with pytest.raises(ValueError, match="keep was 4; allowed: 1 to 3"):
        sm.directions(np.eye(5)[:, :3], np.eye(5)[:, :3], 4)
    with pytest.raises(ValueError, match="one utterance each"):
        sm.within(np.eye(3), [0, 1, 2])
