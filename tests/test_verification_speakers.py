"""Verification of speakers: normalised scores, bootstrap over speakers, the whole of it."""

from typing import NamedTuple

import numpy as np
import pytest
import torch

from ncssl.evaluate.trials import percentiles, speaker_bootstrap, trial_scores, verify
from ncssl.evaluate.verification import (
    cohort_scores,
    cosine_scores,
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
