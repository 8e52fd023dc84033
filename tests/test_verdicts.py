"""Verdicts on simulated runs whose truth is known, and at the margins."""

import math
import sys
from dataclasses import asdict
from types import ModuleType

import numpy as np
import pytest
from contrasted import around, claim, runs
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ncssl.errors import UnknownName
from ncssl.theory import THEORIES
from ncssl.verdicts.judging import judge, judge_theory
from ncssl.verdicts.states import STATUSES

# ---- verdicts
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("test", "margin", "a", "status"),
    [
        ("greater", 10, 12, "reproduced"),
        ("greater", 10, 8, "same direction"),
        ("greater", 10, 0.2, "contradicted"),  # wholly below the margin, and not wholly above 0
        ("greater", 10, -8, "contradicted"),
        ("greater", 10, 10.1, "undecided"),
        ("greater", 10, 9.9, "undecided"),
        ("greater", -3, -1, "reproduced"),
        ("greater", -3, -5, "contradicted"),
        ("greater", 0, -2, "contradicted"),
        ("sign", 0, 2, "reproduced"),
        ("sign", 0, -2, "contradicted"),
        ("sign", 0, 0.2, "undecided"),
        ("within", 3, 1, "reproduced"),
        ("within", 3, -1, "reproduced"),
        ("within", 3, 5, "contradicted"),
        ("within", 3, -5, "contradicted"),
        ("within", 3, 2.9, "undecided"),
        ("within", 3, -3.1, "undecided"),
        ("above", 10, 12, "reproduced"),
        ("above", 10, 8, "contradicted"),
        ("above", 10, 10.1, "undecided"),
        ("below", 10, 8, "reproduced"),
        ("below", 10, 12, "contradicted"),
        ("below", 10, 9.9, "undecided"),
    ],
)
def test_statuses_on_both_sides_of_the_margin(test, margin, a, status):
    values = dict(a=around(a, 0.5), b=runs(*[0.0] * 5))
    verdict = judge(claim(test, margin), values)
    assert verdict.status == status
    assert verdict.effect == pytest.approx(a) and verdict.low < a < verdict.high
    assert (verdict.n, verdict.margin, verdict.claim) == (5, margin, "c")


@pytest.mark.parametrize("test, status", [("greater", "same direction"), ("below", "contradicted")])
def test_exactly_at_the_margin_nothing_is_reproduced(test, status):
    assert judge(claim(test, 1.0), dict(a=runs(1, 1, 1), b=runs(0, 0, 0))).status == status
    assert (
        judge(claim("within", 1.0), dict(a=runs(1, 1, 1), b=runs(0, 0, 0))).status == "reproduced"
    )


def test_at_the_margin_a_wrong_verdict_is_rare():
    """Truth exactly at the margin: each decided verdict comes up about 2.5 times in 100."""
    rng = np.random.default_rng(7)
    found = [
        judge(
            claim("greater", 2), dict(a=runs(*rng.normal(72, 1, 4)), b=runs(*rng.normal(70, 1, 4)))
        ).status
        for _ in range(1200)
    ]
    assert 0.93 < found.count("undecided") / 1200 < 0.97
    assert found.count("reproduced") / 1200 < 0.04


@pytest.mark.parametrize(
    ("hits", "status"), [(10, "reproduced"), (5, "undecided"), (0, "contradicted")]
)
def test_a_rate_counts_seeds(hits, status):
    left = {seed: 20.0 if seed < hits else 5.0 for seed in range(10)}
    verdict = judge(claim("rate", 10.0, rate=0.5), dict(a=left, b=runs(*[0.0] * 10)))
    assert (verdict.status, verdict.effect, verdict.n) == (status, hits / 10, 10)


def test_a_rate_takes_only_seeds_of_both_arms():
    verdict = judge(claim("rate", 1.0, rate=0.5), dict(a={0: 3.0, 1: 3.0}, b={2: 0.0, 3: 0.0}))
    assert verdict.status == "not run" and "both arms" in verdict.detail


def test_ratios_are_compared_as_ratios():
    values = dict(a=runs(1.4, 1.41, 1.42), b=runs(0.2, 0.21, 0.22))
    verdict = judge(claim("greater", 3.0, compare="ratio"), values)
    oracle = stats.ttest_rel(
        np.log([1.4, 1.41, 1.42]), np.log([0.2, 0.21, 0.22])
    ).confidence_interval(0.95)
    assert verdict.status == "reproduced" and (verdict.low, verdict.high) == pytest.approx(
        np.exp(tuple(oracle))
    )
    assert judge(claim("greater", 8.0, compare="ratio"), values).status == "same direction"
    turned = dict(a=values["b"], b=values["a"])
    assert judge(claim("greater", 8.0, compare="ratio"), turned).status == "contradicted"
    assert judge(claim("greater", 0.5, compare="ratio"), turned).status == "contradicted", (
        "below 1 there is none"
    )
    assert judge(claim("within", 8.0, compare="ratio"), turned).status == "reproduced"
    tenth = dict(a=runs(0.1, 0.1, 0.1), b=runs(1.0, 1.0, 1.0))
    assert judge(claim("within", 8.0, compare="ratio"), tenth).status == "contradicted"
    zero = judge(claim("greater", 3.0, compare="ratio"), values | dict(b=runs(0.2, 0.0, 0.1)))
    assert zero.status == "undecided" and "b has a value <= 0" in zero.detail


def test_units_of_one_over_the_root_of_the_width():
    collapsed = claim("below", 0.1, per="sqrt_dim", metric="std_normalised")
    values = dict(a=runs(0.009, 0.010, 0.011))
    assert judge(collapsed, values, dim=64).status == "reproduced"
    assert judge(collapsed, values, dim=400).status == "contradicted"
    with pytest.raises(ValueError, match="dim was None"):
        judge(collapsed, values)


def test_a_verdict_is_plain_data():
    plain = asdict(judge(claim("ordering"), {arm: around(3 - i) for i, arm in enumerate("abc")}))
    assert plain["status"] == "reproduced" and plain["steps"][0]["claim"] == "c"


samples = st.lists(st.floats(-100, 100).map(lambda x: round(x, 3)), min_size=2, max_size=6)


@settings(max_examples=150, deadline=None)
@given(samples, samples, st.floats(-20, 20), st.floats(-50, 50))
def test_greater_depends_on_the_difference_alone(a, b, margin, move):
    made = claim("greater", margin, metric="effective_rank")  # whose seeds do not split
    one = judge(made, dict(a=runs(*a), b=runs(*b)))
    moved = judge(made, dict(a=runs(*(x + move for x in a)), b=runs(*(x + move for x in b))))
    swapped = judge(made, dict(a=runs(*b), b=runs(*a)))
    assert one.status in STATUSES and one.low <= one.effect <= one.high
    assert (moved.low, moved.high) == pytest.approx((one.low, one.high), abs=1e-6)
    assert (-swapped.high, -swapped.low) == pytest.approx((one.low, one.high), abs=1e-6)
    assert (one.status == "reproduced") == (one.low > margin)
    assert (one.status in ("contradicted", "same direction")) == (one.high <= margin)
    assert (one.status == "same direction") == (0 < one.low and one.high <= margin)


@settings(max_examples=100, deadline=None)
@given(samples, samples, st.floats(0, 20), st.floats(0, 20))
def test_a_smaller_margin_never_hurts(a, b, margin, less):
    values = dict(a=runs(*a), b=runs(*b))
    rank = {"contradicted": 0, "same direction": 0, "undecided": 1, "reproduced": 2}
    rule = dict(metric="effective_rank")
    harder, easier = (
        judge(claim("greater", m, **rule), values).status for m in (margin, margin - less)
    )
    assert rank[easier] >= rank[harder]


# ---- theory
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "test", "status"),
    [
        (0.5, "below", "reproduced"),
        (2.0, "below", "contradicted"),
        (1.0, "below", "contradicted"),
        (2.0, "above", "reproduced"),
        (0.5, "above", "contradicted"),
        (math.nan, "below", "undecided"),
    ],
)
def test_theory_compares_what_the_check_returns(monkeypatch, value, test, status):
    module = ModuleType("theory_of_x")
    module.CHECKS = {"law": lambda: value}
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(THEORIES, "x", module.__name__)
    made = claim(test, 1.0, kind="theory", check="law", left=None)
    verdict = judge(made, {})
    assert verdict.status == status and verdict.interval == "exact"
    with pytest.raises(UnknownName, match="did you mean 'law'"):
        judge_theory(claim(test, 1.0, kind="theory", check="lwa", left=None))
