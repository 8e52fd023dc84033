"""The additive angular margin against slow code, and its head."""

import math

import pytest
import torch
from torch.nn.functional import cross_entropy, normalize

from ncssl.losses.margin import angular_margin
from ncssl.nn.margin import MarginHead


def slow_margin(z, centres, y, margin, scale):
    """Deng et al. row by row, with angles."""
    total = 0.0
    for row, label in zip(z, y, strict=True):
        scores = []
        for k, several in enumerate(centres):
            cosine = max(float(row @ c / (row.norm() * c.norm())) for c in several)
            theta = math.acos(cosine)
            if k == label:
                cosine = (
                    math.cos(theta + margin)
                    if theta < math.pi - margin
                    else cosine - margin * math.sin(margin)
                )
            scores.append(scale * cosine)
        total += math.log(sum(math.exp(s) for s in scores)) - scores[label]
    return total / len(z)


def drawn(n=12, d=5, classes=4, sub=2, seed=0):
    g = torch.Generator().manual_seed(seed)
    z, centres = (
        torch.randn(n, d, generator=g).double(),
        torch.randn(classes, sub, d, generator=g).double(),
    )
    return z, centres, torch.arange(n) % classes


@pytest.mark.parametrize("sub", [1, 2, 3])
@pytest.mark.parametrize("margin, scale", [(0.0, 10.0), (0.2, 30.0), (1.2, 5.0)])
def test_margin_loss_is_the_slow_one(sub, margin, scale):
    z, centres, y = drawn(sub=sub)
    found = angular_margin(z, centres, y, margin=margin, scale=scale).item()
    assert found == pytest.approx(slow_margin(z, centres, y, margin, scale), rel=1e-9)
    assert found == pytest.approx(
        angular_margin(9 * z, 4 * centres, y, margin=margin, scale=scale).item()
    )


def test_no_margin_and_one_centre_is_softmax_of_scaled_cosines():
    z, centres, y = drawn(sub=1)
    cosines = normalize(z, dim=1) @ normalize(centres[:, 0], dim=1).T
    expected = cross_entropy(30 * cosines, y)
    assert angular_margin(z, centres, y, margin=0.0).item() == pytest.approx(
        expected.item(), rel=1e-12
    )


def test_margin_loss_rises_with_the_margin_and_with_the_angle():
    z, centres, y = drawn(sub=1)
    losses = [angular_margin(z, centres, y, margin=m).item() for m in (0, 0.1, 0.3, 0.8, 1.5)]
    assert losses == sorted(losses) and len(set(losses)) == 5
    theta = torch.linspace(0.01, math.pi - 0.01, 60, dtype=torch.float64)
    # the other class stays at a right angle
    around = torch.stack([theta.cos(), theta.sin(), 0 * theta], 1)
    pair = torch.tensor([[[1.0, 0, 0]], [[0, 0, 1.0]]]).double()
    each = [
        angular_margin(row[None], pair, torch.tensor([0]), margin=0.5, scale=3).item()
        for row in around
    ]
    assert all(a < b for a, b in zip(each[:-1], each[1:], strict=True))


@pytest.mark.parametrize("margin", [0.0, 0.4])
def test_margin_gradient_is_finite_everywhere_and_right_inside(margin):
    z, centres, y = drawn(n=4)
    assert torch.autograd.gradcheck(
        lambda a, b: angular_margin(a, b, y, margin=margin),
        (z.requires_grad_(), centres.requires_grad_()),
    )
    axes = torch.randn(200, 1, 7, generator=torch.Generator().manual_seed(0))
    # cosines of 1 and -1, some beyond in float32
    edge = torch.cat([axes[:100, 0], -axes[100:, 0]]).requires_grad_()
    loss = angular_margin(edge, axes, torch.arange(200), margin=margin)
    loss.backward()
    assert loss.isfinite() and edge.grad.isfinite().all()


@pytest.mark.parametrize(
    "change, said",
    [
        ({"margin": 1.6}, "margin was 1.6"),
        ({"scale": 0}, "scale was 0"),
        ({"y": torch.tensor([0, 4])}, "0 to 4; allowed: .* from 0 to 3"),
        ({"y": torch.tensor([0])}, r"allowed: \(2,\)"),
        ({"centres": torch.ones(4, 5)}, r"centres had shape \(4, 5\)"),
    ],
)
def test_margin_arguments_that_cannot_be(change, said):
    z, centres, _ = drawn(n=2)
    given = {"z": z, "centres": centres, "y": torch.tensor([0, 1])} | change
    with pytest.raises(ValueError, match=said):
        angular_margin(**given)


def test_the_margin_of_a_head_rises_over_the_warm_up():
    z, _, y = drawn(d=5)
    head = MarginHead(5, 4, margin=0.4, warmup=0.5).double()
    for progress, margin in ((0.0, 0.0), (0.25, 0.2), (0.5, 0.4), (1.0, 0.4)):
        head.progress = progress
        assert head(z, y).item() == pytest.approx(
            angular_margin(z, head.centres, y, margin=margin).item()
        )
    whole = MarginHead(5, 4, margin=0.4).double()
    assert whole(z, y).item() == pytest.approx(
        angular_margin(z, whole.centres, y, margin=0.4).item()
    )
    with pytest.raises(ValueError, match="k, sub, warmup were 1, 2, 0"):
        MarginHead(5, 1)
