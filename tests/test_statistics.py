"""The no-learning baseline: moments of log-mel frames, whitened on train."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.decomposition import PCA

from ncssl.evaluate.statistics import frame_statistics, statistics_baseline, whiten
from ncssl.evaluate.trials import verify


def utterances(who, seed, channel=0.0):
    """Log-mel utterances whose bands have a mean by session and a deviation by speaker."""
    rng = np.random.default_rng(seed)
    spread = np.exp(0.3 * np.random.default_rng(9).normal(size=(who.max() + 1, 12)))
    return [
        channel * rng.normal(size=12) + spread[w] * rng.normal(size=(int(rng.integers(60, 90)), 12))
        for w in who
    ]


def test_statistics_are_moments_over_time():
    mels = utterances(np.arange(3), 0, channel=1.0)
    both, std = frame_statistics(mels, mean=True), frame_statistics(mels)
    assert both.shape == (3, 24) and std.shape == (3, 12)
    assert np.allclose(both[1, :12], mels[1].mean(0)) and np.allclose(both[:, 12:], std)
    assert np.allclose(std[2], np.sqrt(((mels[2] - mels[2].mean(0)) ** 2).mean(0)))
    assert np.allclose(frame_statistics([m - m.mean(0) for m in mels]), std)


def test_whitening_goes_by_train_alone():
    rng = np.random.default_rng(0)
    train, z = rng.normal(size=(40, 6)) * np.arange(1, 7) + 3, rng.normal(size=(9, 6))
    theirs = PCA(4, whiten=True).fit(train)
    assert np.allclose(whiten(train, z, components=4), theirs.transform(z))
    assert whiten(train[:5], z, components=None).shape == (9, 4)  # the rank of five rows


def test_statistics_baseline_whitens_on_train_and_knows_speakers():
    who, train_who = np.repeat(np.arange(10), 5), np.repeat(np.arange(10, 30), 5)
    train, test = utterances(train_who, 1), utterances(who, 2)
    a, b = np.triu_indices(len(who), 1)
    pairs = SimpleNamespace(target=who[a] == who[b], a=a, b=b)
    white = statistics_baseline(train, train, components=None)
    assert white.shape == (100, 12) and np.allclose(np.cov(white.T), np.eye(12), atol=1e-6)
    assert statistics_baseline(train, test, components=5).shape == (50, 5)
    assert verify(statistics_baseline(train, test), pairs)["eer"] < 20


@pytest.mark.parametrize(
    "mels, said", [([], "mels had"), ([np.ones((5, 3)), np.ones((5, 4))], r"\[3, 4\] bands")]
)
def test_statistics_of_mels_that_do_not_fit(mels, said):
    with pytest.raises(ValueError, match=said):
        frame_statistics(mels)
