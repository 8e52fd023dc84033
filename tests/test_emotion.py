"""The emotion probe against scikit-learn's scores, with speakers disjoint and drawn whole."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.preprocessing import StandardScaler

from ncssl.evaluate.emotion import confusion, emotion_probe, f1_scores

NAMES = np.array(["angry", "calm", "happy", "sad"])


def recordings(speakers, first, seed, apart=1.2):
    """Embeddings, emotions (angry the commonest) and speakers with an offset each."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(first, first + speakers), 20)
    y = rng.choice(4, len(who), p=[0.4, 0.2, 0.2, 0.2])
    offset = rng.normal(size=(speakers, 10))[who - first]
    z = (
        apart * np.random.default_rng(9).normal(size=(4, 10))[y]
        + offset
        + rng.normal(size=(len(who), 10))
    )
    return z * np.arange(1, 11) + 4, NAMES[y], np.array([f"actor-{w}" for w in who])


def test_scores_are_scikit_learns_and_stand_in_their_intervals():
    train, test = recordings(12, 0, 0), recordings(6, 50, 1)
    found = emotion_probe(*train, *test, resamples=300, strength=2.0)
    scale = StandardScaler().fit(train[0])
    said = LogisticRegression(C=0.5, max_iter=1000).fit(scale.transform(train[0]), train[1])
    said = said.predict(scale.transform(test[0]))
    assert found["micro_f1"] == pytest.approx(100 * accuracy_score(test[1], said))
    assert found["micro_f1"] == pytest.approx(100 * f1_score(test[1], said, average="micro"))
    assert found["macro_f1"] == pytest.approx(100 * f1_score(test[1], said, average="macro"))
    assert found["majority"] == pytest.approx(100 * (test[1] == "angry").mean())
    assert found["micro_f1"] > found["majority"] + 15
    for name in ("micro_f1", "macro_f1"):
        assert found[f"{name}_low"] < found[name] < found[f"{name}_high"]


def test_counts_by_speaker_give_the_scores_of_a_list_of_whole_speakers():
    rng = np.random.default_rng(0)
    y, said, who = (
        NAMES[rng.integers(3, size=60)],
        NAMES[rng.integers(4, size=60)],
        rng.integers(5, size=60),
    )
    table = confusion(y, said, who)
    assert (
        table.shape == (5, 4, 4)
        and table[3, 1, 2] == ((who == 3) & (y == NAMES[1]) & (said == NAMES[2])).sum() > 0
    )
    times = np.array([2, 0, 1, 0, 3])
    rows = np.concatenate([np.flatnonzero(who == s) for s in range(5) for _ in range(times[s])])
    scores = f1_scores(np.einsum("s,sij->ij", times, table))
    assert scores["macro_f1"] == pytest.approx(100 * f1_score(y[rows], said[rows], average="macro"))
    assert scores["micro_f1"] == pytest.approx(100 * accuracy_score(y[rows], said[rows]))


def test_a_label_that_is_nowhere_in_a_draw_is_not_counted():
    assert f1_scores(np.diag([3.0, 2.0, 0.0])) == {"micro_f1": 100, "macro_f1": 100}
    table = np.array([[2.0, 0, 1], [0, 1, 0], [0, 0, 0]])  # F1 of the labels: 0.8, 1 and 0
    assert f1_scores(table)["macro_f1"] == pytest.approx(60)


def test_intervals_are_wide_where_speakers_differ():
    """All of a speaker right or all wrong: speakers are the units, whatever the number of rows."""
    z = np.r_[np.full(100, -1.0), np.full(100, 1.0)][:, None]
    train = z, np.repeat(["a", "b"], 100), np.repeat([0, 1], 100)
    right = np.repeat([True, False, True, True], 100)
    test = np.where(right, 1.0, -1.0)[:, None], np.full(400, "b"), np.repeat([5, 6, 7, 8], 100)
    found = emotion_probe(*train, *test, resamples=2000)
    assert found["micro_f1"] == 75 and (found["micro_f1_low"], found["micro_f1_high"]) == (25, 100)


def test_speakers_in_both_parts_and_labels_that_do_not_fit():
    train, test = recordings(4, 0, 0), recordings(3, 2, 1)
    with pytest.raises(ValueError, match="test_speakers had 2 of train, such as 'actor-2'"):
        emotion_probe(*train, *test)
    with pytest.raises(ValueError, match="train_y had 1 labels"):
        emotion_probe(train[0], np.full(80, "calm"), train[2], *recordings(3, 50, 1))
    with pytest.raises(ValueError, match=r"test_y had shape \(59,\); allowed: \(60,\)"):
        emotion_probe(*train, test[0], test[1][1:], test[2])
