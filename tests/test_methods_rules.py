"""Closed forms of predictors, and the heads that use them."""

import pytest
import torch
from method_nets import D

from ncssl.nn import DirectCopy, OffDiagonal, Optimal, Slices, Standardise, direct_set
from ncssl.nn.rules import top_eigenvalue


@pytest.mark.parametrize("alpha", [0.25, 0.5, 1, 1.0, 2.0])
@pytest.mark.parametrize("norm", ["spectral", "frobenius", "none"])
def test_direct_set(alpha, norm):
    U = torch.linalg.qr(torch.randn(5, 5, dtype=torch.float64))[0]
    s = torch.tensor([4, 2, 1, 0.3, 0.1], dtype=torch.float64)
    power = s**alpha
    size = {"spectral": power.max(), "frobenius": power.norm(), "none": 1.0}[norm]
    expected = (U * (power / size + 0.2)) @ U.T
    torch.testing.assert_close(
        direct_set((U * s) @ U.T, alpha, 0.2, norm), expected, atol=1e-8, rtol=1e-6
    )


@pytest.mark.parametrize("d, decay", [(64, 0.5), (128, 0.01), (256, 0.002), (32, 0.0)])
def test_top_eigenvalue_by_power_iteration(d, decay):
    """Slowly falling spectra are the hard ones: at most the true value, short of it by a percent or
    so."""
    U = torch.linalg.qr(torch.randn(d, d, dtype=torch.float64))[0]
    C = (U * torch.exp(-decay * torch.arange(d, dtype=torch.float64))) @ U.T
    assert 0.98 <= top_eigenvalue(C).item() <= 1 + 1e-9


def test_direct_copy_uses_the_second_moment_itself():
    head = DirectCopy(4, eps=0.3)
    z = torch.randn(50, 4)
    head.observe([z[:25], z[25:]])
    head.follow()
    C = z.T @ z / 50
    expected = C / torch.linalg.eigvalsh(C)[-1] + 0.3 * torch.eye(4)
    torch.testing.assert_close(head.matrix(), expected, atol=1e-4, rtol=1e-3)


def test_optimal_predictor_solves_its_equation():
    head = Optimal(4, ridge=0.0, rho=0.5)
    z, t = [torch.randn(30, 4) for _ in range(2)], [torch.randn(30, 4) for _ in range(2)]
    head.observe(z, t)
    head.follow()
    C = (z[0].T @ z[0] + z[1].T @ z[1]) / 60
    X = (t[1].T @ z[0] + t[0].T @ z[1]) / 60
    torch.testing.assert_close(head.matrix() @ C, (X + X.T) / 2, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("make_head", [DirectCopy, Optimal])
def test_moments_keep_their_precision_under_autocast(make_head):
    """In a foreign loop observe may stand inside autocast; the running moments are in float32 all
    the same."""
    z = [torch.randn(30, 4) for _ in range(2)]
    plain, mixed = make_head(4), make_head(4)
    for _ in range(2):
        plain.observe(z, z)
        with torch.autocast("cpu", torch.bfloat16):
            mixed.observe(z, z)
    assert (plain.C == mixed.C).all() and mixed.C.dtype == torch.float32


def test_off_diagonal_keeps_its_diagonal():
    head = OffDiagonal(5)
    torch.testing.assert_close(head.matrix(), torch.eye(5))
    opt = torch.optim.SGD(head.parameters(), lr=0.5)
    head(torch.randn(9, 5)).square().sum().backward()
    opt.step()
    W = head.matrix()
    torch.testing.assert_close(W.diagonal(), torch.ones(5))
    assert (W - torch.eye(5)).abs().sum() > 0


def test_standardise_as_liu2022():
    z = Standardise()(3 + 2 * torch.randn(40, 6))
    torch.testing.assert_close(z.std(0), torch.ones(6), atol=1e-4, rtol=1e-4)


def test_the_directions_of_sigreg_are_the_steps():
    """Others in every step, the same on every machine: nothing is drawn from the global
    generator."""
    head = Slices(D, 5)
    torch.manual_seed(3)
    first = head.directions()
    head.follow()
    second = head.directions()
    assert not (first == second).any() and (first == Slices(D, 5).directions()).all()
    again = Slices(D, 5)
    again.load_state_dict(head.state_dict())
    assert (again.directions() == second).all()
    assert torch.rand(1) == torch.rand(1, generator=torch.Generator().manual_seed(3))
