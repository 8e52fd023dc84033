"""Spectral diagnostics against closed forms and simulated limits."""

import math

import pytest
import torch

from ncssl import losses
from ncssl.measure import spectral

# singular values of the worked example
S = torch.tensor([1.0, 0.5, 0.25, 0.125], dtype=torch.float64)


def gaussian(n: int, d: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def rotation(d: int, seed: int = 0) -> torch.Tensor:
    return torch.linalg.qr(gaussian(d, d, seed)).Q


def with_singular_values(s: torch.Tensor, n: int = 40) -> torch.Tensor:
    d = len(s)
    return torch.linalg.qr(gaussian(n, d, 1)).Q @ torch.diag(s) @ rotation(d, 2).T


@pytest.mark.parametrize("d, value", [(64, 0.125), (2048, 0.02210)])
def test_std_of_isotropic_features_is_one_over_root_d(d, value):
    assert spectral.std_normalised(gaussian(4000, d) * 7) == pytest.approx(value, abs=1e-4)
    assert value == pytest.approx(d**-0.5, abs=1e-5)


@pytest.mark.parametrize("n, d", [(9, 9), (40, 7), (7, 40)])
def test_moment_eigenvalues_are_those_of_the_second_moment(n, d):
    z = gaussian(n, d, 3)
    expected = spectral.eigenvalues(spectral.second_moment(z))
    torch.testing.assert_close(spectral.moment_eigenvalues(z), expected, rtol=1e-9, atol=1e-12)
    assert n >= d or not spectral.moment_eigenvalues(z)[n:].any()


def test_std_of_collapsed_features_is_zero_whatever_their_length():
    z = torch.linspace(1, 5, 100)[:, None] * gaussian(1, 16).float()
    assert spectral.std_normalised(z) < 1e-6
    # two opposite ways: not collapsed
    assert spectral.std_normalised(z * torch.sign(gaussian(100, 1)).float()) > 0.1


RANKS = [
    (
        "rankme of orthonormal columns",
        lambda: spectral.rankme(torch.linalg.qr(gaussian(200, 32)).Q),
        32.00,
        1e-2,
    ),
    ("rankme", lambda: spectral.rankme(with_singular_values(S)), 3.1171, 1e-4),
    ("rankme is not centred", lambda: spectral.rankme(torch.ones(50, 4)), 1.0, 1e-4),
    ("rankme of rank 1", lambda: spectral.rankme(torch.ones(50, 32)), 1.00005, 1e-5),
    (
        "rankme of rank 1, eps 1e-5",
        lambda: spectral.rankme(torch.ones(50, 32), eps=1e-5),
        1.0036,
        1e-4,
    ),
    ("rankme of zeros", lambda: spectral.rankme(torch.zeros(50, 4)), 0.0, 0),
    ("effective rank of s^2", lambda: spectral.effective_rank(S**2), 2.0629, 1e-4),
    ("effective rank of s", lambda: spectral.effective_rank(S), 3.1171, 1e-4),
    ("effective rank, equal", lambda: spectral.effective_rank(torch.full((12,), 3.0)), 12.0, 1e-9),
    ("effective rank of zeros", lambda: spectral.effective_rank(torch.zeros(12)), 0.0, 0),
    ("participation ratio", lambda: spectral.participation_ratio(S**2), 1.6537, 1e-4),
    (
        "participation ratio of 1/j",
        lambda: spectral.participation_ratio(1 / torch.arange(1, 513)),
        28.2808,
        1e-4,
    ),
    (
        "participation ratio, equal",
        lambda: spectral.participation_ratio(torch.full((9,), 1e-200, dtype=torch.float64)),
        9.0,
        1e-9,
    ),
    ("participation ratio of zeros", lambda: spectral.participation_ratio(torch.zeros(9)), 0.0, 0),
    ("decay of 1/j", lambda: spectral.alpha_req(1 / torch.arange(1, 513).double()), 1.0, 1e-12),
    (
        "decay of j^-1.7",
        lambda: spectral.alpha_req(torch.arange(1, 99).double() ** -1.7, 3, 90, True),
        1.7,
        1e-12,
    ),
]


@pytest.mark.parametrize(
    "call, value, near", [row[1:] for row in RANKS], ids=[row[0] for row in RANKS]
)
def test_ranks(call, value, near):
    assert call() == pytest.approx(value, abs=near)


def test_weighting_changes_the_decay_of_a_bent_spectrum():
    eigs = torch.cat(
        [torch.arange(1, 20).double() ** -1.0, torch.full((40,), 1 / 20, dtype=torch.float64)]
    )
    assert spectral.alpha_req(eigs, 1, 50, weighted=True) > spectral.alpha_req(eigs, 1, 50) + 0.05


def test_moments_are_those_of_the_rows():
    z = gaussian(50, 3).float() * torch.tensor([1.0, 2.0, 3.0]) + torch.tensor([5.0, 0.0, -1.0])
    covariance = torch.cov(z.double().T, correction=0)
    mean = z.double().mean(dim=0)
    torch.testing.assert_close(spectral.covariance(z), covariance)
    torch.testing.assert_close(spectral.second_moment(z), covariance + torch.outer(mean, mean))
    torch.testing.assert_close(spectral.correlation(z), torch.corrcoef(z.double().T))


def test_eigenvalues_are_real_and_descending():
    U, s = rotation(4), torch.tensor([0.5, 3.0, -1.0, 2.0], dtype=torch.float64)
    C = U @ torch.diag(s) @ U.T
    expected = s.sort(descending=True).values
    torch.testing.assert_close(spectral.eigenvalues(C), expected)
    skew = gaussian(4, 4)
    # of the symmetric part
    torch.testing.assert_close(spectral.eigenvalues(C + skew - skew.T), expected)


def test_independent_channels_keep_the_null_floor_of_correlation():
    d, n = 32, 500
    energies = [spectral.decorrelation(gaussian(n, d, seed)).energy for seed in range(20)]
    assert d * (d - 1) / (n - 1) == pytest.approx(1.988, abs=1e-3)
    assert sum(energies) / 20 == pytest.approx(1.988, abs=0.05)


def test_constant_channels_are_left_out_of_the_correlation_and_counted():
    z = gaussian(100, 4)
    z[:, 1] = 3.0
    z[:, 3] = -2 * z[:, 0]
    measured = spectral.decorrelation(z)
    assert measured.dead == 1 and spectral.correlation(z).shape == (3, 3)
    assert spectral.correlation(z)[0, 2] == pytest.approx(-1.0)
    assert measured.energy > 2 and 1 / 3 < measured.mean_absolute < 0.5


@pytest.mark.parametrize(
    "d, value", [(2, -1.57503), (3, -2.07978), (16, -3.51304), (128, -3.93753)]
)
def test_uniformity_on_the_sphere(d, value):
    z = gaussian(3000, d)
    align, uniform = spectral.alignment_uniformity(z, 5 * z)
    assert align == pytest.approx(0, abs=1e-12) and uniform == pytest.approx(
        value, abs=1e-2 if d < 4 else 2e-3
    )


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


BAD = [
    (lambda: spectral.rankme(torch.tensor([[1.0, float("nan")]])), "z must be finite, has 1"),
    (lambda: spectral.second_moment(torch.full((4, 2), float("inf"))), "z must be finite, has 8"),
    (lambda: spectral.second_moment(torch.ones(3)), r"z must be a matrix .* \(3,\)"),
    (lambda: spectral.moment_eigenvalues(torch.ones(3)), r"z must be a matrix .* \(3,\)"),
    (lambda: spectral.std_normalised(torch.ones(0, 3)), "at least one row"),
    (lambda: spectral.eigenvalues(torch.ones(2, 3)), "C must be a square matrix"),
    (lambda: spectral.asymmetry(torch.ones(2, 3)), "W must be a square matrix"),
    (lambda: spectral.alignment(torch.eye(2), torch.eye(3)), "W and C must share a shape"),
    (lambda: spectral.alignment(torch.eye(2), torch.eye(2), floor=1.0), "floor must be"),
    (
        lambda: spectral.effective_rank(torch.tensor([1.0, -0.1])),
        "eigs must not be negative .* -0.1",
    ),
    (lambda: spectral.alpha_req(torch.ones(20)), r"window must lie in 1\.\.20"),
    (lambda: spectral.alpha_req(torch.zeros(20), 1, 20), "eigs must be above 0"),
    (
        lambda: spectral.cross_correlation(torch.ones(4, 2), torch.ones(3, 2)),
        "z1 and z2 must share",
    ),
    (lambda: spectral.linear_cka(torch.ones(4, 2), torch.ones(3, 2)), "y must have 4 rows"),
    (lambda: spectral.lidar(torch.ones(4, 2)), r"views must be \(n, q, d\)"),
    (lambda: spectral.lidar(torch.ones(4, 1, 2)), "q at least 2"),
    (lambda: spectral.lidar(torch.ones(4, 2, 2), delta=0.0), "delta > 0"),
    (lambda: spectral.lidar(torch.full((4, 2, 2), torch.nan)), "views must be finite, has 16"),
    (lambda: spectral.gram_cosine(torch.eye(2), torch.eye(3)), "W and C must share"),
]


@pytest.mark.parametrize("call, message", BAD)
def test_bad_values_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_features_of_every_float_type_are_taken_and_keep_no_graph():
    z = gaussian(64, 8)
    for kind in (torch.float32, torch.bfloat16):
        narrow = z.to(kind).requires_grad_()
        assert not spectral.second_moment(narrow).requires_grad
        assert spectral.rankme(narrow) == pytest.approx(spectral.rankme(z), rel=1e-2)


@pytest.mark.cuda
def test_a_device_gives_the_answers_of_the_cpu():
    z, W = gaussian(300, 16) @ gaussian(16, 16, 1), gaussian(16, 16, 2)
    for measure in (
        spectral.rankme,
        spectral.std_normalised,
        lambda z: spectral.decorrelation(z).energy,
    ):
        assert measure(z.cuda()) == pytest.approx(measure(z))
    C = spectral.second_moment(z)
    assert spectral.alignment(W.cuda(), C.cuda(), weighted=True, floor=1e-2) == pytest.approx(
        spectral.alignment(W, C, weighted=True, floor=1e-2)
    )
    assert spectral.alignment_uniformity(z.cuda(), z.cuda()) == pytest.approx(
        spectral.alignment_uniformity(z, z)
    )
    assert spectral.linear_fit(z.cuda(), z.cuda() @ W.cuda())[1] == pytest.approx(1)
