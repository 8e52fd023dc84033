"""Losses of what is given to them: what does not fit, autocast, and the same from lightly."""

import pytest
import torch

from ncssl import losses

N, D = 16, 6


def draw(n=N, d=D, seed=0):
    g = torch.Generator().manual_seed(seed)
    return [torch.randn(n, d, generator=g, dtype=torch.float64) for _ in range(2)]


WRONG = {
    "shape": (lambda a, b: losses.barlow(a, b[:, :3]), ValueError, r"z2 had shape \(16, 3\)"),
    "dtype": (lambda a, b: losses.cosine(a, b.long()), TypeError, "t was torch.int64"),
    "not a tensor": (lambda a, b: losses.vicreg(a.numpy(), b), TypeError, "z1 was ndarray"),
    "one row": (lambda a, b: losses.nt_xent(a[:1], b[:1]), ValueError, "z1 had 1 rows"),
    "whitening": (
        lambda a, b: losses.wmse(a, b, part=4),
        ValueError,
        "z had 4 rows; allowed: at least 7",
    ),
    "part": (
        lambda a, b: losses.wmse(a, b, part=32),
        ValueError,
        "z1 had 16 rows; allowed: at least 32",
    ),
    "temperature": (
        lambda a, b: losses.info_nce(a, b, temperature=0),
        ValueError,
        "temperature was 0",
    ),
    "queue": (
        lambda a, b: losses.info_nce(a, b, torch.ones(4, 3)),
        ValueError,
        r"negatives had shape \(4, 3\)",
    ),
    "parts": (lambda a, b: losses.gram(torch.eye(D), a, parts=17), ValueError, "z had 16 rows"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_named(name):
    call, error, words = WRONG[name]
    with pytest.raises(error, match=words):
        call(*draw())


def lightlys():
    pytest.importorskip("lightly", reason="lightly is not installed (pip install 'ncssl[bench]')")
    import warnings

    with warnings.catch_warnings(action="ignore"):
        from lightly import loss
    return loss


LIGHTLY = {
    "NegativeCosineSimilarity": (lambda x: x(), losses.cosine),
    "BarlowTwinsLoss": (lambda x: x(lambda_param=5e-3), losses.barlow),
    "VICRegLoss": (lambda x: x(), losses.vicreg),
    "NTXentLoss": (lambda x: x(temperature=0.5), losses.nt_xent),
}


@pytest.mark.parametrize("name", LIGHTLY)
@pytest.mark.filterwarnings("ignore")
def test_against_lightly(name):
    theirs = LIGHTLY[name][0](getattr(lightlys(), name))
    a, b = (z.float() for z in draw(64, 16))
    assert LIGHTLY[name][1](a, b).item() == pytest.approx(theirs(a, b).item(), rel=2e-4)


def one_each(a, b):
    """Every loss once, of two (n, d) in any precision."""
    centres = torch.linspace(-1, 1, 4 * 2 * D).view(4, 2, D).sin()
    return {
        "angular_margin": losses.angular_margin(a, centres, torch.arange(N) % 4),
        "barlow": losses.barlow(a, b),
        "code_cross_entropy": losses.code_cross_entropy(a, b.detach().softmax(1)),
        "cosine": losses.cosine(a, b),
        "cpc": losses.cpc(a, b),
        "decorrelated": losses.decorrelated(a, b),
        "distillation": losses.distillation(a, b, torch.zeros(D)),
        "epps_pulley": losses.epps_pulley(a),
        "euclidean": losses.euclidean(a, b),
        "gram": losses.gram(torch.linspace(-1, 1, D * D).view(D, D).sin(), a, parts=2),
        "info_nce": losses.info_nce(a, b, centres[:, 0]),
        "invariance": losses.invariance(a, b),
        "iso": losses.iso(a, b),
        "normalised_mse": losses.normalised_mse(a, b),
        "nt_xent": losses.nt_xent(a, b),
        "sharpened": losses.sharpened(a, torch.zeros(D)),
        "sigreg": losses.sigreg(a, centres[:, 0].T),
        "sinkhorn": losses.sinkhorn(a),
        "spread": losses.spread(a, b),
        "vicreg": losses.vicreg(a, b),
        "wmse": losses.wmse(a, b, part=8),
    }


def value_and_slope(name, mixed):
    a, b = (z.float().requires_grad_() for z in draw())
    with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
        value = one_each(a, b)[name]
    slope = torch.autograd.grad(value.sum(), a)[0] if value.requires_grad else None
    return value, slope


@pytest.mark.parametrize("name", losses.__all__)
def test_autocast_changes_neither_value_nor_slope(name):
    (plain, slope), (mixed, mixed_slope) = (value_and_slope(name, on) for on in (False, True))
    assert mixed.dtype == torch.float32 and (mixed == plain).all()
    assert slope is None or (mixed_slope == slope).all()
