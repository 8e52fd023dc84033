"""Verdicts on orderings, and on seeds that split or are too few."""

import math

import numpy as np
import pytest
from contrasted import around, claim, runs
from scipy import stats

from ncssl.verdicts.intervals import seeds_for_within
from ncssl.verdicts.judging import judge

ORDERINGS = {
    "reproduced": (4, 2, 0),
    "partly": (4, 2, 1.95),
    "undecided": (2, 1.95, 1.9),
    "contradicted": (4, 0, 2),
}


@pytest.mark.parametrize("status", ORDERINGS)
def test_an_ordering_joins_its_steps(status):
    values = {
        arm: around(mean, 0.5 * sign)
        for arm, mean, sign in zip("abc", ORDERINGS[status], (1, -1, 1), strict=True)
    }
    verdict = judge(claim("ordering"), values)
    assert verdict.status == status and len(verdict.steps) == 2
    assert verdict.effect == pytest.approx(min(step.effect for step in verdict.steps))
    assert "2 steps, each at 95 %" in verdict.detail


def test_an_ordering_with_one_contradicted_step_is_not_partly():
    verdict = judge(claim("ordering"), dict(a=around(4), b=around(0), c=around(2)))
    assert [step.status for step in verdict.steps] == ["reproduced", "contradicted"]
    assert verdict.status == "contradicted"


@pytest.mark.parametrize(
    ("a", "words"),
    [
        ({}, "a has 0"),
        (runs(1.0), "a has 1"),
        (runs(1.0, None, math.nan), "2 of 3 runs of a failed"),
    ],
)
@pytest.mark.parametrize("test", ["greater", "within", "above", "ordering", "rate"])
def test_too_few_runs_are_not_run(test, a, words):
    more = dict(rate=0.5) if test == "rate" else {}
    verdict = judge(claim(test, 1.0, **more), dict(a=a, b=around(0), c=around(0)))
    assert verdict.status == "not run" and words in verdict.detail and verdict.low is None
    assert judge(claim(test, 1.0, **more), {}).status == "not run"


def test_failed_runs_are_left_out_and_counted():
    verdict = judge(
        claim("greater", 1.0), dict(a=runs(5.0, math.nan, 5.2, 5.1), b=runs(1.0, 1.1, 1.0, 1.2))
    )
    assert verdict.status == "reproduced" and verdict.n == 3 and verdict.interval == "paired t"
    assert verdict.effect == pytest.approx(np.mean([4.0, 4.2, 3.9]))
    assert "1 of 4 runs of a failed" in verdict.detail


def test_failures_that_leave_no_pairs_fall_back_on_welch():
    nan = math.nan
    verdict = judge(
        claim("greater", 1.0), dict(a=runs(5.0, 5.1, nan, nan), b=runs(nan, nan, 1.0, 1.1))
    )
    assert verdict.interval == "Welch t" and verdict.status == "reproduced"


def test_steps_of_an_ordering_that_go_far_enough_only_in_part_are_the_same_direction():
    values = dict(a=around(9), b=around(4, -0.1), c=around(2))
    verdict = judge(claim("ordering", 3.0), values)
    assert [step.status for step in verdict.steps] == ["reproduced", "same direction"]
    assert verdict.status == "same direction" and verdict.p == max(step.p for step in verdict.steps)
    open_step = judge(claim("ordering", 3.0), values | dict(c=around(1.1, 0.5)))
    assert [step.status for step in open_step.steps] == [
        "reproduced",
        "undecided",
    ] and open_step.status == "partly"
    against = judge(claim("ordering"), dict(a=around(4), b=around(0, -0.1), c=around(2)))
    assert against.p == against.steps[1].p
    twice = judge(claim("ordering"), dict(a=around(0), b=around(1, -0.4), c=around(4)))
    assert [step.status for step in twice.steps] == ["contradicted", "contradicted"]
    assert twice.p == min(step.p for step in twice.steps) < max(step.p for step in twice.steps)


# ---- seeds that split, test images, power
# ----------------------------------------------------------------------------


def test_seeds_that_split_are_counted_and_not_averaged():
    values = dict(a=runs(50, 51, 10, 50.5, 11), b=runs(20, 21, 20.5, 20, 21))
    verdict = judge(claim("greater", 2.0), values)
    oracle = stats.beta.ppf(0.025, 2, 4), stats.beta.ppf(0.975, 3, 3)
    assert (verdict.status, verdict.effect, verdict.n, verdict.is_share, verdict.p) == (
        "undecided",
        0.4,
        5,
        True,
        None,
    )
    assert (verdict.low, verdict.high) == pytest.approx(oracle)
    assert verdict.detail == "seeds split: 2 of 5 collapse in a"
    assert not judge(claim("greater", 2.0, metric="effective_rank"), values).is_share, (
        "of accuracies alone"
    )
    rate = judge(claim("rate", 2.0, rate=0.5), values)
    assert rate.effect == 0.6 and "split" not in rate.detail, "which a rate is asked about"
    step = judge(claim("ordering"), values | dict(c=around(10)))
    assert step.status == "partly" and step.effect == pytest.approx(10.5, abs=0.1), (
        "the step that has an effect"
    )


def test_image_noise_decides_what_seeds_alone_would_not():
    values = dict(a=runs(51.3, 51.2, 51.4), b=runs(50.0, 50.1, 49.9))
    alone, noisy = (judge(claim("greater", 0.5), values, images=images) for images in (None, 4000))
    assert (alone.status, noisy.status) == (
        "reproduced",
        "undecided",
    ) and alone.effect == noisy.effect
    half = math.hypot(
        alone.high - alone.effect, 1.959964 * 100 * math.sqrt((0.513 * 0.487 + 0.25) / 4000)
    )
    assert noisy.high - noisy.effect == pytest.approx(half, rel=1e-3) and noisy.p > 0.05 > alone.p
    rank = claim("greater", 0.5, metric="effective_rank")
    assert judge(rank, values, images=4000).low == judge(rank, values).low, "of accuracies alone"


def test_a_within_says_how_many_seeds_it_asks_for():
    values = dict(a=around(50), b=around(50.1))
    words = f"at a standard deviation of 0.7 points {seeds_for_within(1.0)} seeds are needed"
    assert words in judge(claim("within", 1.0), values).detail
    noisy = judge(claim("within", 1.0), values, images=10_000)
    assert (
        "image noise of 0.7 no number of seeds is enough" in noisy.detail
        and noisy.status == "undecided"
    )
    assert "needed" not in judge(claim("within", 1.0, metric="effective_rank"), values).detail
    assert judge(claim("within", 1.0), values).p == pytest.approx(
        judge(claim("greater", -1.0), values).p
    )
