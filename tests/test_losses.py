"""Losses against closed forms, slow recomputation, finite differences and, where it is installed,
lightly's."""

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from ncssl import losses
from ncssl.losses import decorrelation
from ncssl.losses.pairs import standardise

N, D = 16, 6


def draw(n=N, d=D, seed=0):
    g = torch.Generator().manual_seed(seed)
    return [torch.randn(n, d, generator=g, dtype=torch.float64) for _ in range(2)]


def constant(n=N, d=D):
    return torch.ones(n, d, dtype=torch.float64), torch.ones(n, d, dtype=torch.float64)


def uniform(n, k):
    return torch.full((n, k), 1 / k, dtype=torch.float64)


COLLAPSED = {  # loss of outputs that are all the same, in closed form
    "nt_xent": (lambda a, b: losses.nt_xent(a, b), math.log(2 * N - 1)),
    "info_nce, queue": (lambda a, b: losses.info_nce(a, b, torch.ones(4096, D)), math.log(4097)),
    "info_nce, batch": (lambda a, b: losses.info_nce(a, b), math.log(N)),
    "cpc": (losses.cpc, math.log(N)),
    "swav": (lambda a, b: losses.code_cross_entropy(a, uniform(N, D)), math.log(D)),
    "dino": (lambda a, b: losses.distillation(a, b, torch.zeros(D)), math.log(D)),
    "cosine": (losses.cosine, -1.0),
    "normalised_mse": (losses.normalised_mse, 0.0),
    "barlow": (losses.barlow, float(D)),
    "vicreg": (losses.vicreg, 25 * 0.99),
    "decorrelated": (losses.decorrelated, 2.0),
}


@pytest.mark.parametrize("name", COLLAPSED)
def test_collapsed_outputs(name):
    loss, value = COLLAPSED[name]
    assert loss(*constant()).item() == pytest.approx(value, abs=1e-9)


def test_two_values_of_the_specification():
    assert losses.nt_xent(*constant()).item() == pytest.approx(3.4339872, abs=1e-7)  # ln 31
    assert losses.info_nce(*constant(), torch.ones(65536, D)).item() == pytest.approx(
        11.0903701, abs=1e-7
    )


def slow_nt_xent(z1, z2, temperature=0.5):
    z = normalize(torch.cat([z1, z2]), dim=1)
    terms = []
    for i in range(2 * N):
        others = [torch.exp(z[i] @ z[k] / temperature) for k in range(2 * N) if k != i]
        terms.append(-torch.log(torch.exp(z[i] @ z[(i + N) % (2 * N)] / temperature) / sum(others)))
    return sum(terms) / (2 * N)


def slow_barlow(z1, z2, weight=5e-3):
    a, b = ((z - z.mean(0)) / (z.var(0, correction=0) + 1e-5).sqrt() for z in (z1, z2))
    total = 0.0
    for i in range(D):
        for j in range(D):
            c = (a[:, i] * b[:, j]).mean()
            total = total + ((1 - c) ** 2 if i == j else weight * c**2)
    return total


def slow_vicreg(z1, z2):
    v = [
        sum(max(0.0, 1 - math.sqrt(z[:, j].var().item() + 1e-4)) for j in range(D)) / D
        for z in (z1, z2)
    ]
    c = []
    for z in (z1, z2):
        cov = np.cov(z.T.numpy())
        c.append((np.sum(cov**2) - np.sum(np.diag(cov) ** 2)) / D)
    return 25 * ((z1 - z2) ** 2).mean() + 25 * (v[0] + v[1]) / 2 + c[0] + c[1]


def slow_wmse(z1, z2, part=8):
    terms = []
    for k in range(0, N, part):
        white = []
        for z in (z1[k : k + part], z2[k : k + part]):
            C = torch.from_numpy(np.cov(z.T.numpy()))
            C = C * (1 - 1e-3) + 1e-3 * C.trace() / D * torch.eye(D, dtype=z.dtype)
            white.append((z - z.mean(0)) @ torch.linalg.inv(torch.linalg.cholesky(C)).T)
        terms.append((normalize(white[0]) - normalize(white[1])).square().sum(1).mean())
    return sum(terms) / len(terms)


def slow_decorrelated(p, t):
    a, b = p - p.mean(0), t - t.mean(0)
    corr = (a * b).mean(0) / ((a.square().mean(0) + 1e-5) * (b.square().mean(0) + 1e-5)).sqrt()
    return 2 - 2 * corr.mean()


SLOW = {
    "nt_xent": (losses.nt_xent, slow_nt_xent),
    "barlow": (losses.barlow, slow_barlow),
    "vicreg": (losses.vicreg, slow_vicreg),
    "wmse": (lambda a, b: losses.wmse(a, b, part=8, eps=1e-3), slow_wmse),
    "decorrelated": (losses.decorrelated, slow_decorrelated),
    "info_nce": (
        lambda a, b: losses.info_nce(a, b, temperature=0.2),
        lambda a, b: -torch.log_softmax(normalize(a) @ normalize(b).T / 0.2, 1).diagonal().mean(),
    ),
    "distillation": (
        lambda a, b: losses.distillation(a, b, torch.arange(D) / 10),
        lambda a, b: (
            -(
                torch.softmax((b - torch.arange(D) / 10) / 0.04, 1) * torch.log_softmax(a / 0.1, 1)
            ).sum()
            / N
        ),
    ),
    "code_cross_entropy": (
        lambda a, b: losses.code_cross_entropy(a, b.softmax(1)),
        lambda a, b: -(b.softmax(1) * torch.log_softmax(a / 0.1, 1)).sum() / N,
    ),
    "invariance": (
        losses.invariance,
        lambda a, b: sum(((a[i] - b[i]) ** 2).sum() for i in range(N)) / N,
    ),
}


@pytest.mark.parametrize("name", SLOW)
def test_slow_recomputation(name):
    loss, slow = SLOW[name]
    assert loss(*draw()).item() == pytest.approx(float(slow(*draw())), rel=1e-9)


@pytest.mark.parametrize("name", SLOW)
def test_gradient_is_that_of_finite_differences(name):
    loss = SLOW[name][0]
    a, b = draw()
    both = name not in ("distillation", "code_cross_entropy")
    a.requires_grad_()
    b.requires_grad_(both)
    assert torch.autograd.gradcheck(loss, (a, b))


def test_the_teacher_gets_no_gradient():
    a, b = (z.requires_grad_() for z in draw())
    losses.distillation(a, b, torch.zeros(D)).backward()
    assert b.grad is None and a.grad.abs().sum() > 0


def test_whitened_covariance_is_the_identity():
    z = draw(100, 8)[0] @ torch.randn(8, 8, dtype=torch.float64)
    white = decorrelation.whiten(z)
    assert (torch.from_numpy(np.cov(white.T.numpy())) - torch.eye(8)).abs().max() < 1e-10


def test_whitening_does_not_care_about_scale():
    a, b = draw(32, 8)
    small = losses.wmse(1e-3 * a + 5, 1e-3 * b - 2, part=16).item()
    assert small == pytest.approx(losses.wmse(a, b, part=16).item(), rel=1e-6)


def test_barlow_of_white_views_is_noise():
    """z1 = z2 white Gaussian, d 64, n 256: about weight d (d - 1) / (n - 1) = .0791."""
    values = []
    for seed in range(5):
        z = draw(256, 64, seed)[0]
        values.append(losses.barlow(z, z).item())
    assert np.mean(values) == pytest.approx(0.0791, rel=0.05)


@pytest.mark.parametrize("iterations", [1, 3, 50])
def test_sinkhorn_balances(iterations):
    scores = draw(64, 16)[0]
    Q = losses.sinkhorn(scores / 10, iterations=iterations)
    assert (Q.sum(1) - 1).abs().max() < 1e-12
    even = losses.sinkhorn(scores / 10, iterations=500).sum(0)
    assert (even - 4).abs().max() < 1e-3


@pytest.mark.parametrize("form", ["output", "input"])
def test_gram_in_parts(form):
    """The constraint summed over parts, written out; zero for white projections and an orthogonal
    predictor."""
    z, W = draw(12, D)[0], draw(D, D, 1)[0]
    slow = 0.0
    for part in (z[:4], z[4:8], z[8:]):
        C = sum(torch.outer(row, row) for row in part) / 4
        slow += (W.T @ W - (W @ C @ W.T if form == "output" else C)).square().sum() / D
    assert losses.gram(W, z, parts=3, form=form).item() == pytest.approx(slow.item())
    white = torch.linalg.qr(draw(N, D)[0])[0] * N**0.5
    Q = torch.linalg.qr(W)[0]
    assert losses.gram(Q, white, form=form).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("name", ["cosine", "euclidean"])
def test_iso_gradient_skips_the_predictor(name):
    """grad_z L = grad_z L_iso W for a symmetric W, and the released forms of halvagal2023 give the
    same gradient."""
    z, t = draw()
    A = draw(D, D, 3)[0]
    W, root = A @ A.T, None
    s, U = torch.linalg.eigh(W)
    root = (U * s.sqrt()) @ U.T
    z.requires_grad_()
    loss = losses.normalised_mse if name == "cosine" else losses.euclidean
    (base,) = torch.autograd.grad(loss(z @ W, t), z)
    (ours,) = torch.autograd.grad(loss(losses.iso(z, z @ W), t), z)
    # the value is the base loss's
    assert loss(losses.iso(z, z @ W), t).item() == pytest.approx(loss(z @ W, t).item())
    assert (base - ours @ W).abs().max() < 1e-12
    p = z @ W
    if name == "euclidean":  # mean |z - SG(t + z - p)|^2, twice ours
        released = 0.5 * (z - (t + z - p).detach()).square().sum(1).mean()
    else:
        size, other = p.norm(dim=1).detach(), t.norm(dim=1)
        first = (z * t).sum(1) / (size * other)
        second = 0.5 * ((p * t).sum(1) / (size**3 * other)).detach() * (z @ root).square().sum(1)
        released = -2 * (first - second).mean()
    (theirs,) = torch.autograd.grad(released, z)
    assert (theirs - ours).abs().max() < 1e-12


def test_normalisation_detached_stops_only_its_gradient():
    p, t = draw()
    p.requires_grad_()
    on, off = (losses.decorrelated(p, t, through=through) for through in (True, False))
    assert on.item() == off.item()
    g_on, g_off = (torch.autograd.grad(loss, p)[0] for loss in (on, off))
    assert (g_on - g_off).abs().max() > 1e-3
    # scale-free only when the gradient goes through
    assert (g_on * (p - p.mean(0))).sum().abs() < 1e-5


def test_standardise_with_either_variance():
    z = draw()[0]
    assert (standardise(z, 0.0).square().mean(0) - 1).abs().max() < 1e-12
    # liu2022, eq. 18
    assert (standardise(z, 0.0, correction=1).square().mean(0) - (N - 1) / N).abs().max() < 1e-12


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("size", [1.0, 0.1, 1e-3, 1e-8])
def test_iso_has_the_value_of_the_prediction(dtype, size):
    """To the last bit, also where the prediction is small beside the projection."""
    z, p = (x.to(dtype) for x in draw())
    p = p * size
    assert (losses.iso(1e4 * z, p) == p).all()


@pytest.mark.parametrize("eps", [0.05, 0.01, 1e-3, 1e-6])
def test_sinkhorn_of_any_sharpness(eps):
    """Rows sum to 1, where the exponentials of the scores would all vanish too."""
    assert losses.sinkhorn(torch.tensor([[1.0], [-1.0]]), eps=eps).tolist() == [[1.0], [1.0]]
    Q = losses.sinkhorn(draw(64, 16)[0].float(), eps=eps)
    torch.testing.assert_close(Q.sum(1), torch.ones(64))


def test_sinkhorn_is_that_of_the_exponentials():
    """caron2020's three lines, on scores where they have no trouble."""
    scores = draw(64, 16)[0] / 10
    Q = (scores / 0.05).exp()
    for _ in range(3):
        Q = Q / Q.sum(0) * (64 / 16)
        Q = Q / Q.sum(1, keepdim=True)
    torch.testing.assert_close(losses.sinkhorn(scores), Q)
