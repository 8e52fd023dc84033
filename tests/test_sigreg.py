"""SIGReg's statistic against its definition by adaptive integration, and against closed forms."""

import math

import pytest
import torch
from scipy.integrate import quad

from ncssl import losses

N, D = 16, 6
# as good as all of the line: what is left is of the size of exp(-40)
FINE = dict(points=257, reach=9.0)
ROOT = math.sqrt(math.pi)


def sample(n=N, m=3, seed=0):
    return torch.randn(n, m, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def integrand(t, x):
    """The definition, at one t and for one sample (n,)."""
    phi = torch.exp(1j * t * x).mean()
    return len(x) * abs(complex(phi) - math.exp(-(t**2) / 2)) ** 2 * math.exp(-(t**2) / 2)


@pytest.mark.parametrize("reach", [1.0, 3.0, 5.0])
def test_the_statistic_is_the_integral(reach):
    x = 2 * sample() - 0.3
    expected = [quad(integrand, -reach, reach, args=(column,))[0] for column in x.T]
    assert losses.epps_pulley(x, points=1025, reach=reach).tolist() == pytest.approx(
        expected, rel=1e-5
    )
    coarse = losses.epps_pulley(x, points=17, reach=reach).tolist()
    assert coarse == pytest.approx(expected, rel=2e-2)


def closed_form(x):
    """The integral over all t, from the integrals of exp(i t a) under each Gaussian window."""
    apart = (x[:, None] - x[None, :]).square()
    pairs = math.sqrt(2) * ROOT * torch.exp(-apart / 2).sum() / len(x)
    return pairs - 2 * ROOT * torch.exp(-x.square() / 4).sum() + len(x) * ROOT * math.sqrt(2 / 3)


def test_the_statistic_over_all_of_the_line_in_closed_form():
    x = 1.5 * sample() + 0.2
    expected = [closed_form(column).item() for column in x.T]
    assert losses.epps_pulley(x, **FINE).tolist() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("c", [0.0, 1.0, -3.0])
def test_of_a_constant(c):
    """Collapsed outputs: n (sqrt(2 pi) - 2 sqrt(pi) exp(-c^2 / 4) + sqrt(2 pi / 3))."""
    got = losses.epps_pulley(torch.full((N, 1), c, dtype=torch.float64), **FINE).item()
    expected = N * ROOT * (math.sqrt(2) - 2 * math.exp(-(c**2) / 4) + math.sqrt(2 / 3))
    assert got == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("points, reach, mean", [(17, 3.0, 1.0525), (33, 6.0, 1.0594)])
@pytest.mark.parametrize("n", [8, 200])
def test_its_mean_over_standard_normal_samples_knows_no_n(points, reach, mean, n):
    """sqrt(2 pi) - sqrt(2 pi / 3) over all of the line; 0 is not what a healthy run comes to."""
    got = losses.epps_pulley(sample(n, 2000), points=points, reach=reach).mean().item()
    assert got == pytest.approx(mean, rel=0.07)


@pytest.mark.parametrize("s", [0.5, 2.0])
def test_its_mean_over_normal_samples_of_another_width(s):
    """n int w |exp(-s^2 t^2 / 2) - exp(-t^2 / 2)|^2 + int w (1 - exp(-s^2 t^2)), each a Gaussian
    integral."""
    n, area = 64, lambda a: ROOT * math.sqrt(2 / a)  # of exp(-a t^2 / 2)
    apart = area(1 + 2 * s**2) - 2 * area(2 + s**2) + area(3)
    expected = n * apart + area(1) - area(1 + 2 * s**2)
    got = losses.epps_pulley(s * sample(n, 1000), points=33, reach=6.0).mean().item()
    assert got == pytest.approx(expected, rel=0.03)


def test_sigreg_is_the_mean_over_the_directions_whatever_their_length():
    z, A = sample(N, D), sample(D, 7, 1)
    expected = torch.stack(
        [losses.epps_pulley((z @ (a / a.norm()))[:, None])[0] for a in A.T]
    ).mean()
    assert losses.sigreg(z, A).item() == pytest.approx(expected.item(), rel=1e-12)
    assert losses.sigreg(z, 1e3 * A).item() == pytest.approx(expected.item(), rel=1e-12)


def test_the_gradients_are_those_of_finite_differences():
    z, other, A = (sample(N, D, seed).requires_grad_(seed < 2) for seed in range(3))
    assert torch.autograd.gradcheck(lambda z: losses.sigreg(z, A.T[:, :5]), z)
    assert torch.autograd.gradcheck(lambda a, b: losses.spread(a, b), (z, other))


def test_spread_is_about_the_mean_of_the_first_views():
    views = [sample(N, D, seed) for seed in range(4)]
    centre = (views[0] + views[1]) / 2
    expected = sum(((v - centre) ** 2).mean() for v in views) / 4
    assert losses.spread(*views).item() == pytest.approx(expected.item(), rel=1e-12)
    everyone = sum(((v - sum(views) / 4) ** 2).mean() for v in views) / 4
    assert losses.spread(*views, centres=4).item() == pytest.approx(everyone.item(), rel=1e-12)


def test_descent_makes_rows_standard_normal():
    """From one point and a little noise, fresh directions a step: mean 0, covariance I, no fourth
    moment but 3."""
    z = (0.1 * sample(256, 4) + 1).float().requires_grad_()
    opt, drawn = torch.optim.Adam([z], lr=0.05), torch.Generator().manual_seed(0)
    for _ in range(200):
        opt.zero_grad()
        losses.sigreg(z, torch.randn(4, 16, generator=drawn)).backward()
        opt.step()
    z = z.detach()
    assert z.mean(0).abs().max() < 0.1 and (z.T.cov() - torch.eye(4)).abs().max() < 0.15
    assert losses.sigreg(z, torch.randn(4, 256, generator=drawn)) < 1.06


WRONG = {
    "shape": (lambda z: losses.sigreg(z, z), r"directions had shape \(16, 6\); allowed: \(6, m\)"),
    "points": (lambda z: losses.epps_pulley(z, points=1), "points was 1; allowed: at least 2"),
    "reach": (lambda z: losses.epps_pulley(z, reach=0), "reach was 0"),
    "views": (lambda z: losses.spread(z, z[1:]), r"views\[1\] had shape \(15, 6\)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_named(name):
    call, words = WRONG[name]
    with pytest.raises(ValueError, match=words):
        call(sample(N, D))
