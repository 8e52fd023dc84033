"""Error rates of verification against closed forms, scikit-learn's ROC and loops; intervals against
truth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import norm
from sklearn.metrics import roc_curve

from ncssl.evaluate.verification import (
    cohort_scores,
    cosine_scores,
    det,
    eer,
    measures,
    min_dcf,
    rates,
)


def draw(m, decimals, seed=0, shift=1.5):
    rng = np.random.default_rng(seed)
    target = rng.random(m) < 0.3
    return target, np.round(rng.normal(size=m) + shift * target, decimals)


BY_HAND = {  # target scores, non-target scores, EER in percent, minDCF at p = 0.01
    "perfect": ([3, 4], [1, 2], 0, 0),
    "inverted": ([1, 2], [3, 4], 100, 1),
    "constant": ([5, 5, 5], [5], 50, 1),
    # miss steps past 25 % where false alarms are 25 %
    "one of two and of four": ([1, 5], [0, 0.5, 2, 0.1], 25, 0.5),
    # from (0, 1/2) to (1/2, 0): a straight line
    "a tie across the sides": ([1, 2], [0, 1], 25, 0.5),
    # false alarms go from 3/4 to 0 at miss 1/3
    "a miss of three": ([1, 8, 9], [0, 2, 3, 4], 100 / 3, 1 / 3),
}


@pytest.mark.parametrize("case", BY_HAND)
def test_small_sets_by_hand(case):
    targets, others, rate, cost = BY_HAND[case]
    target, scores = np.r_[np.ones(len(targets)), np.zeros(len(others))], np.r_[targets, others]
    assert eer(target, scores) == pytest.approx(rate, abs=1e-12)
    assert min_dcf(target, scores) == pytest.approx(cost, abs=1e-12)


@pytest.mark.parametrize("d", [0.5, 1.0, 2.0, 3.0])
def test_two_gaussians_have_the_closed_form(d):
    m = 20_001
    x = norm.ppf((np.arange(m) + 0.5) / m)  # quantiles, no chance
    target, scores = np.r_[np.ones(m), np.zeros(m)], np.r_[x + d, x]
    assert eer(target, scores) == pytest.approx(100 * norm.cdf(-d / 2), abs=0.01)
    cut = (np.log(0.95 / 0.05) + d * d / 2) / d  # where the densities weigh the same
    cost = (0.05 * norm.cdf(cut - d) + 0.95 * norm.sf(cut)) / 0.05
    assert min_dcf(target, scores, p=0.05) == pytest.approx(cost, abs=2e-3)


@pytest.mark.parametrize("m, decimals", [(25, 0), (25, 6), (800, 1), (800, 6)])
def test_det_and_eer_are_those_of_scikit_learns_roc(m, decimals):
    target, scores = draw(m, decimals)
    fpr, tpr, _ = roc_curve(target, scores, drop_intermediate=False)
    miss, false_alarm = det(target, scores)
    assert np.allclose(miss, 1 - tpr[::-1]) and np.allclose(false_alarm, fpr[::-1])
    crossing = brentq(lambda x: 1 - x - np.interp(x, fpr, tpr), 0, 1, xtol=1e-14)
    assert eer(target, scores) == pytest.approx(100 * crossing, abs=1e-6)


def slow_rates(target, scores, weights):
    """Miss and false alarm at every threshold, by counting."""
    for t in [*np.unique(scores), np.inf]:
        misses = sum(w for y, s, w in zip(target, scores, weights, strict=True) if y and s < t)
        alarms = sum(w for y, s, w in zip(target, scores, weights, strict=True) if not y and s >= t)
        yield t, misses / weights[target].sum(), alarms / weights[~target].sum()


@pytest.mark.parametrize("decimals, p, c_miss", [(0, 0.02, 10.0), (1, 0.7, 1.0), (6, 0.3, 2.0)])
def test_weighted_rates_and_cost_are_those_of_a_loop(decimals, p, c_miss):
    target, scores = draw(60, decimals)
    weights = np.random.default_rng(1).integers(0, 4, 60).astype(float)
    _, miss, alarm = zip(*slow_rates(target, scores, weights), strict=True)
    found = rates(target, scores, weights)
    assert np.allclose(found[0], miss) and np.allclose(found[1], alarm)
    trivial = min(p * c_miss, 1 - p)
    cost = min(p * c_miss * m + (1 - p) * f for m, f in zip(miss, alarm, strict=True)) / trivial
    repeated = np.repeat(np.arange(60), weights.astype(int))
    assert min_dcf(target[repeated], scores[repeated], p=p, c_miss=c_miss) == pytest.approx(cost)
    assert measures(*found)["eer"] == pytest.approx(eer(target[repeated], scores[repeated]))


lists = st.lists(st.tuples(st.booleans(), st.integers(-20, 20)), min_size=2, max_size=40)
lists = lists.filter(lambda x: {y for y, _ in x} == {True, False})


@settings(max_examples=150, deadline=None)
@given(lists, st.floats(0.01, 0.99))
def test_rates_depend_on_the_order_alone_and_mirror(trials, p):
    target, scores = np.array([y for y, _ in trials]), np.array([s for _, s in trials], float)
    rate, cost = eer(target, scores), min_dcf(target, scores, p=p)
    assert 0 <= rate <= 100 and 0 <= cost <= 1
    assert eer(target, np.arctan(scores) * 7 - 3) == pytest.approx(rate, abs=1e-9)
    assert min_dcf(target, scores**3, p=p) == pytest.approx(cost, abs=1e-9)
    assert eer(~target, -scores) == pytest.approx(rate, abs=1e-9)
    assert eer(target, -scores) == pytest.approx(100 - rate, abs=1e-9)


BAD = {
    "shapes": (([1, 0], [1.0]), r"shapes \(2,\) and \(1,\)"),
    "not finite": (([1, 0], [1.0, np.nan]), "1 values that are NaN"),
    "one kind": (([1, 1], [1.0, 2.0]), "2 of 2 trials true"),
    "labels": (([1, -1], [1.0, 2.0]), "-1"),
}


@pytest.mark.parametrize("case", BAD)
def test_trials_that_cannot_be_used(case):
    given, said = BAD[case]
    with pytest.raises(ValueError, match=said):
        eer(*given)


def test_a_prior_outside_its_range():
    with pytest.raises(ValueError, match="p, c_miss, c_fa were 1.5"):
        min_dcf([1, 0], [1, 0], p=1.5)


def test_cosine_and_cohort_scores():
    z = np.array([[3.0, 4.0], [1.0, 0.0], [0.0, 0.0], [-2.0, 0.0]])
    assert np.allclose(cosine_scores(z, z[[1, 1, 1, 1]]), [0.6, 1, 0, -1])
    assert np.allclose(cohort_scores(z, z[:2]), [[1, 0.6], [0.6, 1], [0, 0], [-0.6, -1]])
