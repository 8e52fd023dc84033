"""Error rates of verification against closed forms, scikit-learn's ROC and loops; intervals against
truth."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import norm
from sklearn.metrics import roc_curve

from ncssl.evaluate.trials import percentiles, speaker_bootstrap, trial_scores, verify
from ncssl.evaluate.verification import (
    cohort_scores,
    cosine_scores,
    det,
    eer,
    measures,
    min_dcf,
    rates,
    score_norm,
)


class Trials(NamedTuple):
    target: np.ndarray
    a: np.ndarray
    b: np.ndarray


def all_pairs(speakers):
    a, b = np.triu_indices(len(speakers), 1)
    return Trials(speakers[a] == speakers[b], a, b)


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


def slow_norm(score, own_a, own_b, kind, top):
    a, b = (sorted(own, reverse=True)[:top] for own in (own_a, own_b))
    z, t = (score - np.mean(a)) / np.std(a), (score - np.mean(b)) / np.std(b)
    return {"z": z, "t": t, "s": (z + t) / 2}[kind]


@pytest.mark.parametrize("kind", ["z", "t", "s"])
@pytest.mark.parametrize("top", [None, 3])
def test_score_normalisation_by_hand(kind, top):
    rng = np.random.default_rng(0)
    trials, cohort, other = (
        all_pairs(np.array([0, 0, 1, 1])),
        rng.normal(size=(4, 7)),
        rng.normal(size=(4, 7)),
    )
    scores = rng.normal(size=6)
    found = score_norm(scores, trials, cohort, other, kind=kind, top=top)
    pairs = zip(scores, trials.a, trials.b, strict=True)
    assert np.allclose(found, [slow_norm(s, cohort[i], other[j], kind, top) for s, i, j in pairs])
    if kind == "s":
        assert np.allclose(
            score_norm(5 * scores + 2, trials, 5 * cohort + 2, 5 * other + 2, top=top), found
        )


NORMS = [({"kind": "a"}, "allowed: s, t, z"), ({"top": 1}, "top was 1"), ({}, "constant")]


@pytest.mark.parametrize("options, said", NORMS)
def test_score_normalisation_that_cannot_be(options, said):
    trials, cohort = (
        all_pairs(np.array([0, 0, 1])),
        np.ones((3, 4)) if not options else np.eye(3, 4),
    )
    with pytest.raises(ValueError, match=said):
        score_norm([1.0, 2.0, 3.0], trials, cohort, **options)


def voices(speakers, each, seed, d=8):
    """Embeddings of speakers with spreads of their own, and their numbers."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(speakers), each)
    spread = 0.8 * np.exp(0.4 * rng.normal(size=speakers))
    return rng.normal(size=(speakers, d))[who] + spread[who, None] * rng.normal(
        size=(len(who), d)
    ), who


def test_bootstrap_is_that_of_a_list_with_speakers_repeated():
    z, who = voices(6, 4, 0)
    trials = all_pairs(who)
    scores = trial_scores(z, trials)
    draws = speaker_bootstrap(
        trials.target, scores, who[trials.a], who[trials.b], resamples=30, seed=3
    )
    counts = np.random.default_rng(3).multinomial(6, np.full(6, 1 / 6), size=30)
    for i in (0, 11, 29):
        # each copy is a speaker of its own
        copies = [(s, k) for s in range(6) for k in range(counts[i, s])]
        rows = [
            (y, x)
            for y, x, s, t in zip(trials.target, scores, who[trials.a], who[trials.b], strict=True)
            for p in copies
            for q in copies
            if (p[0], q[0]) == (s, t) and (p == q if y else p != q)
        ]
        target, repeated = np.array(rows).T
        assert draws["eer"][i] == pytest.approx(eer(target, repeated))
        assert draws["min_dcf_01"][i] == pytest.approx(min_dcf(target, repeated))


def test_bootstrap_over_speakers_covers_where_one_over_trials_does_not():
    truth = np.mean([eer(*scored_voices(80, 4, seed)[:2]) for seed in range(900, 906)])
    speakers = trials = 0
    for seed in range(24):
        target, scores, a, b = scored_voices(10, 8, seed)
        low, high = percentiles(
            speaker_bootstrap(target, scores, a, b, resamples=60, seed=seed)["eer"]
        )
        speakers += low <= truth <= high
        drawn = np.random.default_rng(seed).integers(len(scores), size=(60, len(scores)))
        weights = np.stack([np.bincount(rows, minlength=len(scores)) for rows in drawn])
        low, high = percentiles(measures(*rates(target, scores, weights))["eer"])
        trials += low <= truth <= high
    assert speakers >= 20 and trials <= 15


def scored_voices(speakers, each, seed):
    z, who = voices(speakers, each, seed)
    trials = all_pairs(who)
    return trials.target, trial_scores(z, trials), who[trials.a], who[trials.b]


def test_bootstrap_does_not_depend_on_chunks_and_pairs_two_systems(monkeypatch):
    target, scores, a, b = scored_voices(8, 4, 0)
    whole = speaker_bootstrap(target, scores, a, b, resamples=49)
    monkeypatch.setattr("ncssl.evaluate.trials.CELLS", 3 * len(scores))
    assert all(
        np.array_equal(whole[k], v)
        for k, v in speaker_bootstrap(target, scores, a, b, resamples=49).items()
    )
    same_order = speaker_bootstrap(target, np.exp(scores), a, b, resamples=49)
    assert np.array_equal(same_order["eer"], whole["eer"])


def test_a_draw_without_two_speakers_is_left_out():
    draws = speaker_bootstrap([1, 1, 0], [2.0, 1.0, 0.0], [0, 1, 0], [0, 1, 1], resamples=40)["eer"]
    assert 10 < np.isnan(draws).sum() < 30 and percentiles(draws) == (0.0, 0.0)


def test_speakers_must_agree_with_the_trials():
    with pytest.raises(ValueError, match="1 trials disagreed"):
        speaker_bootstrap([1, 0], [1.0, 0.0], [0, 1], [0, 1])


def test_verify_takes_a_second_condition_a_cohort_and_a_score():
    z, who = voices(12, 6, 0)
    noisy = z + np.random.default_rng(1).normal(size=z.shape)
    trials = all_pairs(who)
    matched, crossed = (
        verify(z, trials, speakers=who, resamples=100),
        verify(z, trials, other=noisy),
    )
    assert matched["eer"] == eer(trials.target, cosine_scores(z[trials.a], z[trials.b]))
    assert matched["min_dcf_05"] == min_dcf(
        trials.target, cosine_scores(z[trials.a], z[trials.b]), p=0.05
    )
    assert matched["eer_low"] < matched["eer"] < matched["eer_high"]
    assert set(crossed) == {"eer", "min_dcf_01", "min_dcf_05"}
    assert (
        crossed["eer"]
        == eer(trials.target, cosine_scores(z[trials.a], noisy[trials.b]))
        > matched["eer"]
    )
    cohort = voices(9, 1, 5)[0]
    sides = [cohort_scores(x, cohort) for x in (z, noisy)]
    normed = score_norm(trial_scores(z, trials, other=noisy), trials, *sides, top=4)
    assert verify(z, trials, other=noisy, cohort=cohort, top=4)["eer"] == eer(trials.target, normed)
    away = verify(z, trials, score=lambda a, b: -np.abs(a - b).sum(axis=1))
    assert away["eer"] == eer(
        trials.target, [-np.abs(z[i] - z[j]).sum() for i, j in zip(*trials[1:], strict=True)]
    )


def test_matrices_that_do_not_fit():
    with pytest.raises(ValueError, match="z_b had 4 columns; allowed: 3, those of z_a"):
        cosine_scores(np.ones((2, 3)), np.ones((2, 4)))


def test_verify_takes_tensors():
    z, who = voices(6, 4, 0)
    trials = all_pairs(who)
    tensors = [torch.as_tensor(x) for x in (z.astype(np.float32), *trials, who)]
    found = verify(
        tensors[0].requires_grad_(),
        Trials(*tensors[1:4]),
        speakers=tensors[4],
        cohort=tensors[0][:5],
    )
    assert found == verify(
        z.astype(np.float32), trials, speakers=who, cohort=z.astype(np.float32)[:5]
    )


def test_verify_scores_in_parts(monkeypatch):
    z, who = voices(5, 4, 0)
    whole = trial_scores(z, all_pairs(who))
    monkeypatch.setattr("ncssl.evaluate.trials.CHUNK", 7)
    assert np.array_equal(trial_scores(z, all_pairs(who)), whole)


ROWS = [([0, 9], "rows 0 to 9; allowed: rows 0 to 3"), ([-1, 0], "rows -1 to 0"), ([], "no rows")]


@pytest.mark.parametrize("rows, said", ROWS)
def test_trials_of_rows_that_are_not_there(rows, said):
    with pytest.raises(ValueError, match=said):
        trial_scores(
            np.eye(4), Trials(np.array([1, 0]), np.array(rows), np.array([0, 1])[: len(rows)])
        )


def test_collapsed_embeddings_score_by_chance():
    who = np.repeat(np.arange(4), 3)
    assert verify(np.zeros((12, 5)), all_pairs(who))["eer"] == 50
    with pytest.raises(ValueError, match="z had 5 values that are NaN"):
        verify(
            np.full((1, 5), np.nan), Trials(np.array([1, 0]), np.array([0, 0]), np.array([0, 0]))
        )
