"""Verdicts on simulated runs whose truth is known, against scipy's own intervals, and at the margins."""

import math
import sys
from dataclasses import asdict
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ncssl.errors import UnknownName
from ncssl.records.facts import Claim
from ncssl.records.intervals import difference_interval, mean_interval, rate_interval
from ncssl.records.verdicts import STATUSES, judge, judge_theory
from ncssl.theory import THEORIES


def claim(test="greater", margin=0.0, **more):
    sides = {"ordering": dict(arms=("a", "b", "c")), "above": dict(left="a"), "below": dict(left="a")}
    side = sides.get(test, dict(left="a", right="b"))
    fixed = dict(paper="x", id="c", place="Table 1", statement="s", kind="records", margin_by="ours")
    return Claim(**fixed | dict(test=test, margin=margin, metric="probe_accuracy") | side | more)


def runs(*values):
    return dict(enumerate(values))


def around(mean, width=0.1):
    """Five runs with that mean; half their t interval is 0.98 for width 0.5."""
    return runs(*(mean + width * x for x in (-1.5, -0.7, 0.2, 0.7, 1.3)))


# ---- intervals against scipy ---------------------------------------------------------------------------------------


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
    assert found.kind == "paired t" and (found.low, found.high) == pytest.approx(tuple(oracle), rel=1e-12)


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


def test_the_bootstrap_is_scipys_and_repeats_itself():
    rng = np.random.default_rng(3)
    a, b = rng.normal(1, 1, 30), rng.normal(0, 2, 30)
    oracle = stats.bootstrap((a - b,), np.mean, method="percentile", n_resamples=20_000, rng=1).confidence_interval
    found = difference_interval(runs(*a), runs(*b), kind="bootstrap")
    assert found.kind == "paired bootstrap" and not found.caution
    assert (found.low, found.high) == pytest.approx(tuple(oracle), abs=0.03)
    assert found == difference_interval(runs(*a), runs(*b), kind="bootstrap")
    apart = difference_interval(runs(*a), runs(*b[:29]), kind="bootstrap")
    oracle = stats.bootstrap(
        (a, b[:29]), lambda x, y, axis: x.mean(axis) - y.mean(axis), method="percentile", n_resamples=20_000, rng=1
    ).confidence_interval
    assert (apart.low, apart.high) == pytest.approx(tuple(oracle), abs=0.03)
    assert "too narrow" in mean_interval([1.0, 2.0, 3.0], kind="bootstrap").caution


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


def test_a_bootstrap_over_three_seeds_is_too_narrow():
    """Why t is the default."""
    rng = np.random.default_rng(0)
    found = [mean_interval(rng.normal(0, 1, 3), kind="bootstrap") for _ in range(300)]
    assert np.mean([f.low <= 0 <= f.high for f in found]) < 0.85


@pytest.mark.parametrize("kind", ["t", "bootstrap"])
@pytest.mark.parametrize("sample", [[], [1.0], [1.0, math.nan], [1.0, math.inf]])
def test_too_few_or_broken_numbers_are_refused(sample, kind):
    with pytest.raises(ValueError, match="at least 2 finite numbers"):
        mean_interval(sample, kind=kind)


def test_an_unknown_interval_is_refused():
    with pytest.raises(UnknownName, match="did you mean 'bootstrap'"):
        mean_interval([1.0, 2.0], kind="bootstrp")


# ---- verdicts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("test", "margin", "a", "status"),
    [
        ("greater", 10, 12, "reproduced"),
        ("greater", 10, 8, "not reproduced"),
        ("greater", 10, 10.1, "undecided"),
        ("greater", 10, 9.9, "undecided"),
        ("greater", -3, -1, "reproduced"),
        ("greater", -3, -5, "not reproduced"),
        ("sign", 0, 2, "reproduced"),
        ("sign", 0, -2, "not reproduced"),
        ("sign", 0, 0.2, "undecided"),
        ("within", 3, 1, "reproduced"),
        ("within", 3, -1, "reproduced"),
        ("within", 3, 5, "not reproduced"),
        ("within", 3, -5, "not reproduced"),
        ("within", 3, 2.9, "undecided"),
        ("within", 3, -3.1, "undecided"),
        ("above", 10, 12, "reproduced"),
        ("above", 10, 8, "not reproduced"),
        ("above", 10, 10.1, "undecided"),
        ("below", 10, 8, "reproduced"),
        ("below", 10, 12, "not reproduced"),
        ("below", 10, 9.9, "undecided"),
    ],
)
def test_statuses_on_both_sides_of_the_margin(test, margin, a, status):
    values = dict(a=around(a, 0.5), b=runs(*[0.0] * 5))
    verdict = judge(claim(test, margin), values)
    assert verdict.status == status
    assert verdict.effect == pytest.approx(a) and verdict.low < a < verdict.high
    assert (verdict.n, verdict.margin, verdict.claim) == (5, margin, "c")


@pytest.mark.parametrize("test", ["greater", "below"])
def test_exactly_at_the_margin_nothing_is_reproduced(test):
    assert judge(claim(test, 1.0), dict(a=runs(1, 1, 1), b=runs(0, 0, 0))).status == "not reproduced"
    assert judge(claim("within", 1.0), dict(a=runs(1, 1, 1), b=runs(0, 0, 0))).status == "reproduced"


def test_at_the_margin_a_wrong_verdict_is_rare():
    """Truth exactly at the margin: each decided verdict comes up about 2.5 times in 100."""
    rng = np.random.default_rng(7)
    found = [
        judge(claim("greater", 2), dict(a=runs(*rng.normal(72, 1, 4)), b=runs(*rng.normal(70, 1, 4)))).status
        for _ in range(1200)
    ]
    assert 0.93 < found.count("undecided") / 1200 < 0.97
    assert found.count("reproduced") / 1200 < 0.04


ORDERINGS = {
    "reproduced": (4, 2, 0),
    "partly": (4, 2, 1.95),
    "undecided": (2, 1.95, 1.9),
    "not reproduced": (4, 0, 2),
}


@pytest.mark.parametrize("status", ORDERINGS)
def test_an_ordering_joins_its_steps(status):
    values = {
        arm: around(mean, 0.5 * sign) for arm, mean, sign in zip("abc", ORDERINGS[status], (1, -1, 1), strict=True)
    }
    verdict = judge(claim("ordering"), values)
    assert verdict.status == status and len(verdict.steps) == 2
    assert verdict.effect == pytest.approx(min(step.effect for step in verdict.steps))
    assert "2 steps, each at 95 %" in verdict.detail


def test_an_ordering_with_one_contradicted_step_is_not_partly():
    verdict = judge(claim("ordering"), dict(a=around(4), b=around(0), c=around(2)))
    assert [step.status for step in verdict.steps] == ["reproduced", "not reproduced"]
    assert verdict.status == "not reproduced"


@pytest.mark.parametrize(("hits", "status"), [(10, "reproduced"), (5, "undecided"), (0, "not reproduced")])
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
    oracle = stats.ttest_rel(np.log([1.4, 1.41, 1.42]), np.log([0.2, 0.21, 0.22])).confidence_interval(0.95)
    assert verdict.status == "reproduced" and (verdict.low, verdict.high) == pytest.approx(np.exp(tuple(oracle)))
    assert judge(claim("greater", 8.0, compare="ratio"), values).status == "not reproduced"
    assert judge(claim("within", 8.0, compare="ratio"), dict(a=values["b"], b=values["a"])).status == "reproduced"
    tenth = dict(a=runs(0.1, 0.1, 0.1), b=runs(1.0, 1.0, 1.0))
    assert judge(claim("within", 8.0, compare="ratio"), tenth).status == "not reproduced"
    zero = judge(claim("greater", 3.0, compare="ratio"), values | dict(b=runs(0.2, 0.0, 0.1)))
    assert zero.status == "undecided" and "b has a value <= 0" in zero.detail


def test_units_of_one_over_the_root_of_the_width():
    collapsed = claim("below", 0.1, per="sqrt_dim", metric="std_normalised")
    values = dict(a=runs(0.009, 0.010, 0.011))
    assert judge(collapsed, values, dim=64).status == "reproduced"
    assert judge(collapsed, values, dim=400).status == "not reproduced"
    with pytest.raises(ValueError, match="dim was None"):
        judge(collapsed, values)


@pytest.mark.parametrize(
    ("a", "words"),
    [({}, "a has 0"), (runs(1.0), "a has 1"), (runs(1.0, None, math.nan), "2 of 3 runs of a failed")],
)
@pytest.mark.parametrize("test", ["greater", "within", "above", "ordering", "rate"])
def test_too_few_runs_are_not_run(test, a, words):
    more = dict(rate=0.5) if test == "rate" else {}
    verdict = judge(claim(test, 1.0, **more), dict(a=a, b=around(0), c=around(0)))
    assert verdict.status == "not run" and words in verdict.detail and verdict.low is None
    assert judge(claim(test, 1.0, **more), {}).status == "not run"


def test_failed_runs_are_left_out_and_counted():
    verdict = judge(claim("greater", 1.0), dict(a=runs(5.0, math.nan, 5.2, 5.1), b=runs(1.0, 1.1, 1.0, 1.2)))
    assert verdict.status == "reproduced" and verdict.n == 3 and verdict.interval == "paired t"
    assert verdict.effect == pytest.approx(np.mean([4.0, 4.2, 3.9]))
    assert "1 of 4 runs of a failed" in verdict.detail


def test_failures_that_leave_no_pairs_fall_back_on_welch():
    nan = math.nan
    verdict = judge(claim("greater", 1.0), dict(a=runs(5.0, 5.1, nan, nan), b=runs(nan, nan, 1.0, 1.1)))
    assert verdict.interval == "Welch t" and verdict.status == "reproduced"


def test_a_claim_can_ask_for_the_bootstrap():
    verdict = judge(claim("greater", 1.0, interval="bootstrap"), dict(a=around(3), b=around(0)))
    assert verdict.interval == "paired bootstrap" and "too narrow" in verdict.detail


def test_a_verdict_is_plain_data():
    plain = asdict(judge(claim("ordering"), {arm: around(3 - i) for i, arm in enumerate("abc")}))
    assert plain["status"] == "reproduced" and plain["steps"][0]["claim"] == "c"


samples = st.lists(st.floats(-100, 100).map(lambda x: round(x, 3)), min_size=2, max_size=6)


@settings(max_examples=150, deadline=None)
@given(samples, samples, st.floats(-20, 20), st.floats(-50, 50))
def test_greater_depends_on_the_difference_alone(a, b, margin, move):
    one = judge(claim("greater", margin), dict(a=runs(*a), b=runs(*b)))
    moved = judge(claim("greater", margin), dict(a=runs(*(x + move for x in a)), b=runs(*(x + move for x in b))))
    swapped = judge(claim("greater", margin), dict(a=runs(*b), b=runs(*a)))
    assert one.status in STATUSES and one.low <= one.effect <= one.high
    assert (moved.low, moved.high) == pytest.approx((one.low, one.high), abs=1e-6)
    assert (-swapped.high, -swapped.low) == pytest.approx((one.low, one.high), abs=1e-6)
    assert (one.status == "reproduced") == (one.low > margin)
    assert (one.status == "not reproduced") == (one.high <= margin)


@settings(max_examples=100, deadline=None)
@given(samples, samples, st.floats(0, 20), st.floats(0, 20))
def test_a_smaller_margin_never_hurts(a, b, margin, less):
    values = dict(a=runs(*a), b=runs(*b))
    rank = {"not reproduced": 0, "undecided": 1, "reproduced": 2}
    harder, easier = (judge(claim("greater", m), values).status for m in (margin, margin - less))
    assert rank[easier] >= rank[harder]


# ---- theory --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "test", "status"),
    [
        (0.5, "below", "reproduced"), (2.0, "below", "not reproduced"), (1.0, "below", "not reproduced"),
        (2.0, "above", "reproduced"), (0.5, "above", "not reproduced"), (math.nan, "below", "undecided"),
    ],
)  # fmt: skip
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
