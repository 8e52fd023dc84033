"""Two sets of features or a predictor compared: alignment, correlation, CKA, LiDAR."""

import math

import pytest
import torch

from ncssl import losses
from ncssl.measure import spectral


def gaussian(n: int, d: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def rotation(d: int, seed: int = 0) -> torch.Tensor:
    return torch.linalg.qr(gaussian(d, d, seed)).Q


def test_alignment_of_pairs_is_two_minus_two_cosines_and_a_constant_is_least_uniform():
    z1, z2 = gaussian(50, 6), gaussian(50, 6, 1)
    expected = 2 - 2 * torch.nn.functional.cosine_similarity(z1, z2).mean().item()
    assert spectral.alignment_uniformity(z1, z2)[0] == pytest.approx(expected)
    assert spectral.alignment_uniformity(torch.ones(9, 4), torch.ones(9, 4)) == pytest.approx(
        (0, 0), abs=1e-12
    )


def test_a_polynomial_of_c_is_aligned_and_commutes():
    C = spectral.second_moment(gaussian(300, 20))
    W = 0.3 * C @ C - 2 * C + torch.eye(20)
    assert spectral.alignment(W, C) == pytest.approx(1.0, abs=1e-9)
    assert spectral.commutator(W, C) == pytest.approx(0.0, abs=1e-12)
    assert spectral.asymmetry(W) == pytest.approx(0.0, abs=1e-12)


def test_a_random_predictor_is_aligned_by_chance_only():
    C = spectral.second_moment(gaussian(300, 20))
    mean = sum(spectral.alignment(gaussian(20, 20, seed), C) for seed in range(100)) / 100
    assert mean == pytest.approx(math.sqrt(2 / (math.pi * 20)), abs=0.01)


def test_alignment_weights_and_floor_choose_the_modes():
    U = rotation(4)
    s = torch.tensor([1.0, 0.5, 0.1, 1e-3], dtype=torch.float64)
    turned = torch.eye(4, dtype=torch.float64)
    # the two weak modes are turned by a cosine of .6
    turned[2:, 2:] = torch.tensor([[0.6, -0.8], [0.8, 0.6]])
    C, W = U @ torch.diag(s) @ U.T, U @ turned @ U.T
    eigs, modes = spectral.alignment_modes(W, C)
    torch.testing.assert_close(eigs, s)
    torch.testing.assert_close(modes, torch.tensor([1, 1, 0.6, 0.6], dtype=torch.float64))
    assert spectral.alignment(W, C) == pytest.approx(0.8)
    assert spectral.alignment(W, C, floor=1e-2) == pytest.approx(2.6 / 3)
    assert spectral.alignment(W, C, weighted=True) == pytest.approx((1.5 + 0.6 * 0.101) / 1.601)


def test_a_mode_that_the_predictor_maps_to_zero_counts_as_aligned():
    U = rotation(3)
    C = U @ torch.diag(torch.tensor([3.0, 2.0, 1.0], dtype=torch.float64)) @ U.T
    W = U @ torch.diag(torch.tensor([1.0, 0.0, 0.5], dtype=torch.float64)) @ U.T
    assert spectral.alignment(W, C) == pytest.approx(1.0)


def test_commutator_and_asymmetry_against_worked_matrices():
    W, C = torch.tensor([[0.0, 1.0], [-1.0, 0.0]]), torch.diag(torch.tensor([2.0, 1.0]))
    assert spectral.asymmetry(W) == pytest.approx(2.0)
    assert spectral.commutator(W, C) == pytest.approx(math.sqrt(2) / math.sqrt(10))
    assert spectral.asymmetry(torch.zeros(2, 2)) == spectral.commutator(torch.zeros(2, 2), C) == 0


def test_linear_fit_recovers_a_linear_predictor_and_says_when_there_is_none():
    f, W = gaussian(400, 5), gaussian(5, 5, 1)
    fitted, share = spectral.linear_fit(f, f @ W.T)
    torch.testing.assert_close(fitted, W)
    assert share == pytest.approx(1.0)
    assert spectral.linear_fit(f, gaussian(400, 5, 2))[1] < 0.1


def related(n: int = 400, d: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """Two views whose channel j correlates by (.9, .5, -.2)[j] across the views in the mean, and
    whitened exactly."""
    x = torch.linalg.qr(gaussian(n, 2 * d) - gaussian(n, 2 * d).mean(dim=0)).Q * n**0.5
    rho = torch.tensor([0.9, 0.5, -0.2], dtype=torch.float64)
    return x[:, :d], rho * x[:, :d] + (1 - rho**2).sqrt() * x[:, d:]


def test_cross_correlation_of_two_views_against_given_correlations():
    z1, z2 = related()
    shift = torch.tensor([3.0, -1.0, 0.0])
    cross = spectral.cross_correlation(5 * z1 + shift, z2 * torch.tensor([1.0, 7.0, 0.1]) - 2)
    assert cross.diagonal == pytest.approx(0.4, abs=1e-9) and cross.off_square == pytest.approx(
        0, abs=1e-12
    )
    # what was on the diagonal is off it now
    swapped = spectral.cross_correlation(z1, z2[:, [1, 2, 0]])
    assert swapped.diagonal == pytest.approx(0, abs=1e-9)
    assert swapped.off_square == pytest.approx((0.81 + 0.25 + 0.04) / 6, abs=1e-9)


def test_cross_correlation_is_what_barlow_twins_penalises():
    z1, z2 = gaussian(200, 6), gaussian(200, 6, 1) + 0.5 * gaussian(200, 6)
    cross, R = spectral.cross_correlation(z1, z2), torch.corrcoef(torch.cat([z1, z2], 1).T)[:6, 6:]
    assert cross.diagonal == pytest.approx(R.diagonal().mean().item())
    on, both = (losses.barlow(z1, z2, weight=weight, eps=0.0) for weight in (0.0, 1.0))
    # the losses compute in float32
    assert cross.off_square == pytest.approx((both - on).item() / 30, rel=1e-4)


def test_cross_correlation_of_unrelated_views_and_dead_channels():
    z1, z2 = gaussian(500, 40), gaussian(500, 40, 1)
    z1[:, 7], z2[:, 9] = 2.0, -1.0
    cross = spectral.cross_correlation(z1, z2)
    assert cross.dead == 2 and abs(cross.diagonal) < 0.03
    assert cross.off_square == pytest.approx(1 / 499, rel=0.1)
    assert spectral.cross_correlation(torch.ones(9, 4), gaussian(9, 4)) == (0.0, 0.0, 4)


def test_cka_is_one_up_to_rotation_scale_and_mean_and_biased_for_unrelated_features():
    x = gaussian(500, 20)
    assert spectral.linear_cka(x, 3 * x @ rotation(20) + 5) == pytest.approx(1.0, abs=1e-12)
    # no other map
    assert spectral.linear_cka(x, x @ torch.diag(torch.linspace(0.1, 3, 20).double())) < 0.95
    unrelated = [
        spectral.linear_cka(gaussian(500, 20, i), gaussian(500, 20, 99 + i)) for i in range(10)
    ]
    assert sum(unrelated) / 10 == pytest.approx(0.040, abs=2e-3)
    assert (
        spectral.linear_cka(x, gaussian(500, 3, 1)) > 0
        and spectral.linear_cka(x, torch.ones(500, 3)) == 0
    )


def test_lidar_against_a_spectrum_given_exactly():
    """Means and deviations built orthogonal: Sb = diag(b), Sw = diag(w), so the eigenvalues are b /
    (w + delta)."""
    n, d, delta = 60, 4, 0.5
    b, w = torch.tensor([4.0, 2.0, 1.0, 0.25]).double(), torch.tensor([0.5, 1.5, 0.0, 2.0]).double()
    means = torch.linalg.qr(gaussian(n, d) - gaussian(n, d).mean(dim=0)).Q * (n * b) ** 0.5
    away = torch.stack(
        [torch.cat([torch.eye(4).double(), -torch.eye(4).double()]) * (4 * w).sqrt()] * n
    )
    views = means[:, None] + away
    p = (b / (w + delta)) / (b / (w + delta)).sum()
    expected = torch.exp(-(p * p.log()).sum()).item()
    assert spectral.lidar(views, delta) == pytest.approx(expected, abs=1e-9)
    turned = (views.reshape(-1, d) @ rotation(d)).view_as(views)
    assert spectral.lidar(turned + 3, delta) == pytest.approx(expected, abs=1e-9)


def test_lidar_counts_the_dimensions_that_tell_images_apart():
    """Eight signal dimensions of 32, 500 images in ten views each."""
    signal = torch.zeros(500, 1, 32, dtype=torch.float64)
    signal[:, 0, :8] = gaussian(500, 8)
    views = signal + 0.02 * gaussian(5000, 32, 1).view(500, 10, 32)
    assert spectral.lidar(views) == pytest.approx(7.91, abs=0.1)
    assert spectral.rankme(views.reshape(5000, 32)) > 9  # which counts the noise as well
    assert (
        spectral.lidar(gaussian(5000, 32).view(500, 10, 32)) > 30
        and spectral.lidar(torch.ones(5, 2, 3)) == 0
    )


def test_gram_cosine_is_one_for_a_balanced_predictor_of_any_scale():
    W = gaussian(12, 12)
    assert spectral.gram_cosine(W, 7 * W.T @ W) == pytest.approx(1.0)
    assert spectral.gram_cosine(W, W @ W.T) < 0.9  # the order matters
    W, C = torch.tensor([[1.0, 1.0], [0.0, 0.0]]), torch.diag(torch.tensor([1.0, 0.0]))
    assert spectral.gram_cosine(W, C) == pytest.approx(0.5)  # <[[1,1],[1,1]], diag(1,0)> / (2 * 1)
    assert spectral.gram_cosine(torch.zeros(2, 2), C) == 0
