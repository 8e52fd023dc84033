"""Spectral diagnostics against closed forms and simulated limits."""

import pytest
import torch

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
