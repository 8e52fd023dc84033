"""PLDA against joint Gaussians computed in full, and on speakers whose covariances are known."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import multivariate_normal as gaussian

from ncssl.evaluate.plda import PldaBackend, TwoCovariance, fit_two_covariance
from ncssl.evaluate.trials import verify

MEAN = np.array([1.0, -2.0, 0.5])
BETWEEN = np.array([[2.0, 0.8, 0.0], [0.8, 1.0, -0.3], [0.0, -0.3, 0.5]])
WITHIN = np.array([[0.6, -0.2, 0.1], [-0.2, 0.9, 0.2], [0.1, 0.2, 0.4]])
TRUE = TwoCovariance(MEAN, BETWEEN, WITHIN)


def speakers(count, seed, most=6):
    """Rows of the model with 1 to `most` rows a speaker, and their speakers."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(count), rng.integers(1, most + 1, count))
    centres = rng.multivariate_normal(MEAN, BETWEEN, count)
    return centres[y] + rng.multivariate_normal(np.zeros(3), WITHIN, len(y)), y


def log_likelihood(model, x, y):
    """Of all rows: those of a speaker are one Gaussian vector."""
    total = 0.0
    for speaker in np.unique(y):
        rows = x[y == speaker]
        n = len(rows)
        joint = np.kron(np.ones((n, n)), model.between) + np.kron(np.eye(n), model.within)
        total += gaussian(np.tile(model.mean, n), joint).logpdf(rows.ravel())
    return total


def test_scores_are_ratios_of_joint_gaussians():
    a, b = np.random.default_rng(0).normal(size=(2, 9, 3)) * 3
    one = gaussian(MEAN, BETWEEN + WITHIN)
    both = gaussian(
        np.r_[MEAN, MEAN], np.block([[BETWEEN + WITHIN, BETWEEN], [BETWEEN, BETWEEN + WITHIN]])
    )
    exact = both.logpdf(np.hstack([a, b])) - one.logpdf(a) - one.logpdf(b)
    assert exact.min() < -1 and np.allclose(TRUE.scores(a, b), exact)
    assert np.allclose(TRUE.scores(b, a), exact)


def test_a_model_without_speakers_knows_nothing():
    x = np.random.default_rng(0).normal(size=(4, 3))
    assert np.allclose(TwoCovariance(MEAN, np.zeros((3, 3)), WITHIN).scores(x, x), 0)


def test_em_raises_the_likelihood_at_every_step_to_a_maximum():
    x, y = speakers(60, 0)
    steps = [
        log_likelihood(fit_two_covariance(x, y, iterations=i), x, y)
        for i in (0, 1, 2, 3, 5, 10, 200, 400)
    ]
    assert all(a < b for a, b in pairwise(steps[:-1])) and steps[-1] == pytest.approx(
        steps[-2], abs=1e-6
    )
    best = fit_two_covariance(x, y, iterations=400)
    for change in (
        best._replace(mean=best.mean + 0.01),
        best._replace(between=best.between * 1.02),
        best._replace(within=best.within * 0.99),
    ):
        assert log_likelihood(change, x, y) < steps[-1]


def test_known_covariances_are_found_again():
    x, y = speakers(4000, 1)
    found = fit_two_covariance(x, y, iterations=30)
    assert np.allclose(found.between, BETWEEN, atol=0.1) and np.allclose(
        found.within, WITHIN, atol=0.03
    )
    assert np.allclose(found.mean, MEAN, atol=0.06)


@pytest.mark.parametrize(
    "x, y, said",
    [
        (np.eye(4), [0, 0, 0, 0], "1 speakers, at most 4"),
        (np.eye(4), [0, 1, 2, 3], "4 speakers, at most 1"),
        (np.eye(4), [0, 0, 1, 1], "fewer than 4 dimensions"),
        (np.eye(4), [0, 0, 1], r"y had shape \(3,\)"),
    ],
)
def test_rows_that_carry_no_model(x, y, said):
    with pytest.raises(ValueError, match=said):
        fit_two_covariance(x, y)


def embeddings(count, seed, each=8, d=12):
    """Speakers in 6 of 12 directions, with loud variation within speakers in the other 6."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(count), each)
    loud = np.r_[np.full(6, 0.4), np.full(6, 4.0)]
    centres = np.hstack([rng.normal(size=(count, 6)), np.zeros((count, 6))])
    turn = np.linalg.qr(np.random.default_rng(99).normal(size=(d, d)))[0]
    return (centres[y] + loud * rng.normal(size=(len(y), d))) @ turn + 5, y


class Trials:
    def __init__(self, y):
        self.a, self.b = np.triu_indices(len(y), 1)
        self.target = y[self.a] == y[self.b]


@pytest.mark.parametrize("lda", [None, 6])
def test_backend_finds_the_speakers_that_cosine_does_not(lda):
    (train, train_y), (test, y) = embeddings(80, 0), embeddings(15, 1)
    backend = PldaBackend(train, train_y, lda=lda, components=lda or 12)
    assert backend.transform(test).shape == (120, lda or 12)
    assert np.allclose(np.linalg.norm(backend.transform(test), axis=1) ** 2, lda or 12)
    white = backend.pca.transform(train if lda is None else backend.lda.transform(train))
    assert np.allclose(np.cov(white.T), np.eye(lda or 12))
    plain, plda = (
        verify(test, Trials(y))["eer"],
        verify(test, Trials(y), score=backend.scores)["eer"],
    )
    assert plain > 40 and plda < 15


def test_backend_moves_with_its_input():
    (train, y), (test, _) = embeddings(30, 0), embeddings(5, 1)
    shifted = PldaBackend(3 * train - 7, y).scores(3 * test[:9] - 7, 3 * test[9:18] - 7)
    assert np.allclose(PldaBackend(train, y).scores(test[:9], test[9:18]), shifted)


@pytest.mark.parametrize("lda", [0, 12, 30])
def test_more_directions_than_speakers_allow(lda):
    train, y = embeddings(9, 0)
    with pytest.raises(ValueError, match=f"lda was {lda}; allowed: 1 to 8"):
        PldaBackend(train, y, lda=lda)
