"""Intervals against scipy's own and against their promise; seeds that split, image noise, p values,
power."""

import math

import numpy as np
import pytest
from scipy import stats

from ncssl.verdicts import intervals
from ncssl.verdicts.intervals import difference_interval, mean_interval, rate_interval


def runs(*values):
    return dict(enumerate(values))


def test_a_mean_has_scipys_t_interval():
    x = [71.2, 70.1, 72.9, 71.0]
    low, high = stats.t.interval(0.95, 3, np.mean(x), stats.sem(x))
    found = mean_interval(x)
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-12) and found.n == 4


def test_arms_on_the_same_seeds_are_paired():
    a, b = [71.2, 70.1, 72.9], [70.0, 69.5, 71.0]
    oracle = stats.ttest_rel(a, b).confidence_interval(0.95)
    shuffled = {2: b[2], 0: b[0], 1: b[1]}
    found = difference_interval(runs(*a), shuffled)
    assert found.kind == "paired t" and (found.low, found.high) == pytest.approx(
        tuple(oracle), rel=1e-12
    )


def test_arms_on_other_seeds_get_welchs_interval():
    a, b = [71.2, 70.1, 72.9], [70.0, 69.5, 71.0, 64.0]
    oracle = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    found = difference_interval(runs(*a), runs(*b))
    assert found.kind == "Welch t" and found.n == 3
    assert (found.low, found.high) == pytest.approx(tuple(oracle), rel=1e-12)


def test_cohens_d_by_hand():
    found = difference_interval(runs(1.0, 2.0, 3.0), runs(0.0, 1.0, 2.0, 3.0, 4.0))
    assert found.standardised == pytest.approx(0.0)
    found = difference_interval(runs(3.0, 5.0), runs(0.0, 2.0))
    assert found.standardised == pytest.approx(3.0 / math.sqrt(2.0))
    assert difference_interval(runs(3.0, 3.0), runs(0.0, 0.0)).standardised is None


def test_a_share_of_seeds_has_the_exact_binomial_interval():
    found = rate_interval(runs(5, 5, 5, 5, 1), runs(1, 1, 1, 1, 1), 2)
    oracle = stats.beta.ppf(0.025, 4, 2), stats.beta.ppf(0.975, 5, 1)
    assert found.effect == 0.8 and (found.low, found.high) == pytest.approx(oracle, rel=1e-9)


@pytest.mark.parametrize("n", [3, 5])
@pytest.mark.parametrize("paired", [True, False])
def test_t_intervals_hold_the_truth_95_times_in_100(n, paired):
    rng = np.random.default_rng(n)
    truth, hits, times = 1.5, 0, 1500
    for _ in range(times):
        shared = rng.normal(0, 2, n) if paired else 0.0
        a, b = rng.normal(70 + truth, 1, n) + shared, rng.normal(70, 1 if paired else 3, n) + shared
        found = difference_interval(runs(*a), {s + (not paired): v for s, v in enumerate(b)})
        assert found.kind == ("paired t" if paired else "Welch t")
        hits += found.low <= truth <= found.high
    assert 0.93 < hits / times < 0.975  # Welch's is a little wide at 3 against 3


@pytest.mark.parametrize("sample", [[], [1.0], [1.0, math.nan], [1.0, math.inf]])
def test_too_few_or_broken_numbers_are_refused(sample):
    with pytest.raises(ValueError, match="at least 2 finite numbers"):
        mean_interval(sample)


# ---- the noise of the test images
# ------------------------------------------------------------------------------------


def test_image_noise_is_the_binomials_and_adds_up_over_arms():
    one = intervals.image_noise([40.0], 10_000)
    assert one == pytest.approx(100 * stats.binom.std(10_000, 0.4) / 10_000)
    assert intervals.image_noise([40.0, 40.0], 10_000) == pytest.approx(one * math.sqrt(2))
    assert (
        intervals.image_noise([40.0], None) == 0 and intervals.image_noise([0.0, 100.0], 500) == 0
    )
    assert intervals.image_noise([40.0], 10_000, ratio=True) == pytest.approx(one / 40)


def test_image_noise_widens_in_squares_and_seeds_do_not_shrink_it():
    values = runs(2.0, 3.0, 4.0), runs(1.0, 1.0, 1.0)
    plain, wide = (difference_interval(*values, noise=noise) for noise in (0.0, 0.5))
    assert wide.high - wide.effect == pytest.approx(
        math.hypot(plain.high - plain.effect, 1.959964 * 0.5), rel=1e-6
    )
    many = mean_interval([3.0] * 100, noise=0.5)
    assert (
        many.high - 3 == pytest.approx(1.959964 * 0.5, rel=1e-6)
        and mean_interval([3.0] * 5).high == 3
    )


def test_an_interval_with_image_noise_holds_the_truth_where_seeds_alone_do_not():
    """Two networks tested on 400 images: the interval over seeds misses what the draw of the images
    moves."""
    rng, times = np.random.default_rng(2), 600
    p, q, n = 0.55, 0.5, 400
    hits = {0: 0, 1: 0}
    for _ in range(times):
        # the arms err independently: the sum of both variances is exact
        images = rng.random((2, n))
        scores = [100 * (row < share).mean() for row, share in zip(images, (p, q), strict=True)]
        a, b = (runs(*(score + rng.normal(0, 0.3, 5))) for score in scores)
        for wide in (0, 1):
            noise = intervals.image_noise([100 * p, 100 * q], n) * wide
            found = difference_interval(a, b, noise=noise)
            hits[wide] += found.low <= 100 * (p - q) <= found.high
    assert hits[0] / times < 0.3 and 0.93 < hits[1] / times < 0.985


# ---- p values and Holm
# -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bound", [-1.0, 0.0, 0.7, 1.1, 3.0])
def test_p_is_that_of_scipys_t_test(bound):
    a, b = [71.2, 70.1, 72.9], [70.0, 69.5, 71.0]
    paired = difference_interval(runs(*a), runs(*b)).p_value(bound)
    assert paired == pytest.approx(stats.ttest_rel(np.array(a) - bound, b).pvalue, rel=1e-9)
    welch = difference_interval(runs(*a), runs(*b, 64.0)).p_value(bound)
    assert welch == pytest.approx(
        stats.ttest_ind(np.array(a) - bound, [*b, 64.0], equal_var=False).pvalue, rel=1e-9
    )


def test_p_with_image_noise_is_one_less_the_level_that_ends_at_the_bound():
    found = mean_interval([1.0, 2.0, 3.5, 2.2], noise=0.4)
    for bound in (-1.0, found.low, 1.9):
        p = found.p_value(bound)
        assert mean_interval([1.0, 2.0, 3.5, 2.2], noise=0.4, level=1 - p).low == pytest.approx(
            bound
        )
    assert found.p_value(found.low) == pytest.approx(0.05) and found.p_value(-1e9) == pytest.approx(
        0, abs=1e-9
    )
    assert (
        mean_interval([1.0, 1.0]).p_value(1.0) == 1 and mean_interval([1.0, 1.0]).p_value(0.9) == 0
    )
    assert intervals.share_interval(3, 5).p_value(0.5) is None


def test_holm_by_hand():
    """0.011 < 0.05 / 4 stands, 0.02 > 0.05 / 3 does not, and what comes after a fall falls."""
    assert intervals.holm([0.04, 0.011, 0.02, 0.045]) == [False, True, False, False]
    assert (
        intervals.holm([0.04, 0.001, 0.02, 0.012]) == [True, True, True, True]
        and intervals.holm([]) == []
    )


# ---- seeds that split
# ------------------------------------------------------------------------------------------------

SPLITS = {
    "two of five collapse": ([50, 51, 10.0, 50.5, 11], 2), "one of three": ([50, 51, 20], 1),
    "a gap of 10 is no split": ([50, 40], 0), "a gap of 10.1 is": ([50, 39.9], 1),
    "wide groups": ([50, 45, 30, 25], 0), "narrow groups": ([50, 49, 30, 29], 2),
    "one value": ([50.0], 0), "no spread": ([50, 50, 50], 0),
}  # fmt: skip


@pytest.mark.parametrize("case", SPLITS)
def test_seeds_split_where_the_gap_is_wide_beside_the_groups(case):
    """45 and 50 have a standard deviation of 3.5: five of them are more than the gap of 15."""
    sample, low = SPLITS[case]
    assert intervals.split(sample) == low


# ---- how many seeds a "within" asks for
# ------------------------------------------------------------------------------


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_the_power_of_within_is_that_of_simulated_runs(noise):
    rng, n, times = np.random.default_rng(0), 6, 4000
    inside = 0
    for _ in range(times):
        sample = rng.normal(rng.normal(0, noise), intervals.SPREAD, n)
        found = mean_interval(sample, noise=noise)
        inside += -1 <= found.low and found.high <= 1
    assert intervals.within_power(1.0, n, noise) == pytest.approx(inside / times, abs=0.03)


def test_seeds_for_within_have_the_power_and_one_fewer_has_not():
    n = intervals.seeds_for_within(1.0)
    assert intervals.within_power(1.0, n) >= 0.8 > intervals.within_power(1.0, n - 1)
    assert intervals.seeds_for_within(2.0) < n and intervals.seeds_for_within(1.0, 0.7) is None
