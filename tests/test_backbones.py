"""Backbones: the shapes they promise, the stems they are named for, the width they can have."""

import pytest
import torch
from torch import nn

from ncssl.errors import UnknownName
from ncssl.nn import BACKBONES, backbone


@pytest.mark.parametrize("channels, side", [(1, 16), (3, 32), (3, 48)])
@pytest.mark.parametrize("name", BACKBONES)
def test_features_have_the_promised_width(name, channels, side):
    net, features = backbone(name, channels, 64 if "resnet" in name else 8, side)
    assert net.eval()(torch.randn(2, channels, side, side)).shape == (2, features)


@pytest.mark.parametrize(
    "name, kernel, pooled, features",
    [
        ("resnet18", 3, False, 512),
        ("resnet18_imagenet", 7, True, 512),
        ("resnet50", 3, False, 2048),
        ("resnet50_imagenet", 7, True, 2048),
    ],
)
def test_stems(name, kernel, pooled, features):
    net, width = backbone(name, 3, 64)
    assert (
        net.conv1.kernel_size == (kernel, kernel)
        and isinstance(net.maxpool, nn.MaxPool2d) == pooled
    )
    assert width == features


def test_multiply_adds_of_the_cifar_resnet():
    """0.5554 GMAC an image forward: the convolutions at 32 x 32, counted through hooks."""
    net, _ = backbone("resnet18", 3, 64)
    total = []

    def count(module, given, out):
        total.append(out.shape[2] * out.shape[3] * module.weight.numel())

    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(count)
    net.eval()(torch.zeros(1, 3, 32, 32))
    assert sum(total) / 1e9 == pytest.approx(0.5554, abs=1e-4)


def test_linear_is_linear():
    net, _ = backbone("linear", 3, 5, 4)
    a, b = torch.randn(2, 3, 3, 4, 4)
    torch.testing.assert_close(net(2 * a + b), 2 * net(a) + net(b), atol=1e-5, rtol=1e-5)


def test_wrong_names_and_widths():
    with pytest.raises(UnknownName, match="resnet18_imagenet"):
        backbone("resnet101")
    with pytest.raises(ValueError, match="width of a resnet was 32; allowed: 64"):
        backbone("resnet50", 3, 32)
