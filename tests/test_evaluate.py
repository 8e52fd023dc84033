"""kNN and linear probes against brute force, scikit-learn and worked cases."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from ncssl.evaluate import few_label_accuracy, knn_accuracy, probe_accuracy
from ncssl.evaluate.probe import fit_logistic, standardise


def blobs(n: int, spread: float, seed: int, classes: int = 4, d: int = 6):
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(classes, d, generator=torch.Generator().manual_seed(99))
    y = torch.arange(n) % classes
    z = (centres[y] + spread * torch.randn(n, d, generator=generator)) * torch.arange(1, d + 1) + 3
    return z, y


def by_hand(train_z, train_y, test_z, k, temperature):
    """Votes in plain loops."""
    answers = []
    for row in test_z.double():
        s = [
            torch.dot(row, other).item() / (row.norm() * other.norm()).item()
            for other in train_z.double()
        ]
        votes = np.zeros(int(train_y.max()) + 1)
        for i in np.argsort(s)[::-1][:k]:
            votes[train_y[i]] += np.exp(s[i] / temperature)
        answers.append(votes.argmax())
    return np.array(answers)


@pytest.mark.parametrize("k, temperature", [(1, 0.1), (7, 0.07), (25, 1.0), (60, 0.2)])
def test_knn_is_the_weighted_vote(k, temperature):
    train, test = blobs(60, 1.5, 0), blobs(40, 1.5, 1)
    expected = 100 * (by_hand(*train, test[0], k, temperature) == test[1].numpy()).mean()
    assert 30 < expected < 100
    assert knn_accuracy(*train, *test, k=k, temperature=temperature) == pytest.approx(expected)
    assert knn_accuracy(*train, *test, k=k, temperature=temperature, chunk=7) == pytest.approx(
        expected
    )


def test_knn_weights_let_one_near_row_beat_two_far_ones():
    train_z, train_y = torch.tensor([[1.0, 0.0], [0.5, 0.8], [0.5, -0.8]]), torch.tensor([0, 1, 1])
    test = torch.tensor([[2.0, 0.0]]), torch.tensor([0])
    # and k is cut to the three rows there are
    assert knn_accuracy(train_z, train_y, *test, temperature=0.1) == 100
    assert knn_accuracy(train_z, train_y, *test, temperature=10.0) == 0


def test_knn_does_not_see_lengths_or_overflow():
    train, test = blobs(60, 1.5, 0), blobs(40, 1.5, 1)
    plain = knn_accuracy(*train, *test, k=5)
    lengths = torch.linspace(0.1, 9, 60)[:, None]
    assert knn_accuracy(train[0] * lengths, train[1], test[0] * 40, test[1], k=5) == plain
    nearest = knn_accuracy(*train, *test, k=1)
    assert knn_accuracy(*train, *test, k=5, temperature=1e-4) == nearest


def test_a_class_without_train_rows_is_never_right():
    train_z, train_y = blobs(60, 0.1, 0)
    test_z, test_y = blobs(40, 0.1, 1)
    for accuracy in (
        knn_accuracy(train_z, train_y, test_z, test_y + 4, k=3),
        probe_accuracy(train_z, train_y, test_z, test_y + 4),
    ):
        assert accuracy == 0


@pytest.mark.parametrize("measure", [knn_accuracy, probe_accuracy, few_label_accuracy])
def test_a_class_without_test_rows_still_takes_part(measure):
    (train_z, train_y), (test_z, test_y) = blobs(200, 0.1, 0), blobs(40, 0.1, 1)
    rows = test_y < 2
    assert measure(train_z, train_y, test_z[rows], test_y[rows]) == 100
    # rows of classes 2 and 3, called 0 and 1
    assert measure(train_z, train_y, test_z[~rows], test_y[~rows] - 2) == 0


@pytest.mark.parametrize("strength", [1.0, 0.01, 30.0])
def test_probe_agrees_with_scikit_learn(strength):
    (train_z, train_y), (test_z, test_y) = blobs(300, 2.0, 0), blobs(500, 2.0, 1)
    scaler = StandardScaler().fit(train_z.double())
    oracle = LogisticRegression(C=1 / strength, tol=1e-8, max_iter=5000)
    oracle.fit(scaler.transform(train_z.double()), train_y)
    expected = 100 * oracle.score(scaler.transform(test_z.double()), test_y)
    assert 40 < expected < 95
    assert probe_accuracy(train_z, train_y, test_z, test_y, strength=strength) == pytest.approx(
        expected, abs=0.2
    )
    z, _ = standardise(train_z, test_z)
    weight, bias = fit_logistic(z, train_y, 4, strength=strength, tolerance=1e-8)
    np.testing.assert_allclose(weight.T, oracle.coef_, atol=1e-4)
    np.testing.assert_allclose(
        bias - bias.mean(), oracle.intercept_ - oracle.intercept_.mean(), atol=1e-4
    )


def test_a_probe_that_stops_early_says_so():
    with pytest.warns(UserWarning, match="did not converge: gradient .*, steps=2"):
        probe_accuracy(*blobs(200, 2.0, 0), *blobs(200, 2.0, 1), steps=2)


def test_probe_converges_on_correlated_and_low_rank_features():
    generator = torch.Generator().manual_seed(0)
    mix = torch.randn(64, 64, generator=generator)
    (a, train_y), (b, test_y) = blobs(400, 1.0, 0, d=64), blobs(400, 1.0, 1, d=64)
    flat = torch.cat([mix[:2], torch.zeros(62, 64)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for m in (mix @ mix @ mix, flat):
            probe_accuracy(a @ m, train_y, b @ m, test_y)
            few_label_accuracy(a @ m, train_y, b @ m, test_y)


def test_round_off_of_a_constant_is_not_blown_up_into_features():
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(200) % 2
    z = 3 + 2e-7 * (2 * y[:, None] - 1) + 0 * torch.randn(200, 8, generator=generator)
    assert len(z.unique()) == 2  # the labels are there, in the last bit
    assert probe_accuracy(z, y, z, y) == few_label_accuracy(z, y, z, y) == 50
    scaled, _ = standardise(torch.tensor([[1.0, 2.0], [3.0, 2.0]]), z[:, :2])
    assert scaled.tolist() == [[-1, 0], [1, 0]]


def test_few_labels_is_the_mean_over_draws_that_only_the_seed_and_labels_choose():
    (train_z, train_y), (test_z, test_y) = blobs(400, 2.0, 0), blobs(300, 2.0, 1)

    def draw(**options):
        return few_label_accuracy(train_z, train_y, test_z, test_y, **options)

    assert draw(seed=3) == draw(seed=3) != draw(seed=4)
    assert (
        draw(labels=1) + 5
        < draw(labels=3) + 2
        < draw(labels=30)
        < probe_accuracy(train_z, train_y, test_z, test_y) + 2
    )
    singles = []
    generator = torch.Generator().manual_seed(0)
    z, test = standardise(train_z, test_z)
    for _ in range(4):
        rows = torch.cat(
            [
                (train_y == c).nonzero()[:, 0][torch.randperm(100, generator=generator)[:3]]
                for c in range(4)
            ]
        )
        oracle = LogisticRegression(tol=1e-8, max_iter=5000).fit(z[rows], train_y[rows])
        singles.append(100 * oracle.score(test, test_y))
    assert draw(repeats=4) == pytest.approx(np.mean(singles), abs=0.3)


@pytest.mark.parametrize("measure", [knn_accuracy, probe_accuracy, few_label_accuracy])
@pytest.mark.parametrize("which", [0, 2])
def test_features_that_are_not_finite_are_named(measure, which):
    data = [*blobs(40, 1.0, 0), *blobs(40, 1.0, 1)]
    data[which][3, 2] = float("nan")
    data[which][5, 1] = float("inf")
    with pytest.raises(
        ValueError, match=f"{('train_z', '', 'test_z')[which]} must be finite, has 2 values"
    ):
        measure(*data)


def test_bad_values_are_named():
    z, y = blobs(40, 1.0, 0)
    for call, message in (
        (lambda: knn_accuracy(z, y, z, y, k=0), "k must be at least 1"),
        (lambda: knn_accuracy(z, y, z, y, temperature=0), "temperature above 0"),
        (lambda: knn_accuracy(z[0], y, z, y), r"train_z must have shape \(n, d\)"),
        (
            lambda: knn_accuracy(z, y, z[:0], y[:0]),
            r"test_z must have shape \(n, d\) with n of at least 1",
        ),
        (lambda: knn_accuracy(z, y, z, y[:3]), r"test_y must have shape \(40,\)"),
        (lambda: knn_accuracy(z, y - 1, z, y), "train_y must hold class numbers"),
        (lambda: knn_accuracy(z, y, z, y.float()), "test_y must hold class numbers"),
        (lambda: knn_accuracy(z, y, z[:, :2], y), "test_z must have 6 columns"),
        (lambda: probe_accuracy(z, y, z, y, strength=0), "strength must be above 0"),
        (lambda: few_label_accuracy(z, y, z, y, labels=11), "labels must be at most 10"),
        (lambda: few_label_accuracy(z, y, z, y, repeats=0), "repeats .* must be positive"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_measures_leave_gradients_and_the_global_generator_alone():
    train, test = blobs(40, 1.0, 0), blobs(40, 1.0, 1)
    train[0].requires_grad_()
    before = torch.get_rng_state()
    with torch.no_grad():
        scores = [
            measure(*train, *test) for measure in (knn_accuracy, probe_accuracy, few_label_accuracy)
        ]
    assert all(isinstance(score, float) for score in scores)
    assert train[0].grad is None and torch.equal(before, torch.get_rng_state())


@pytest.mark.cuda
@pytest.mark.parametrize("measure", [knn_accuracy, probe_accuracy, few_label_accuracy])
def test_a_device_gives_the_answer_of_the_cpu(measure):
    given = (*blobs(400, 2.0, 0), *blobs(500, 2.0, 1))
    assert measure(*(x.cuda() for x in given)) == pytest.approx(measure(*given), abs=0.5)
    # the rest follows train_z
    assert measure(given[0].cuda(), *given[1:]) == pytest.approx(measure(*given), abs=0.5)
