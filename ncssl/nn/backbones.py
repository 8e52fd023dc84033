"""Backbones: an image batch (n, c, h, w) in, features (n, features) out."""

from collections.abc import Callable

import torchvision
from torch import nn

from ncssl.errors import UnknownName


def convnet(depth: int, channels: int, width: int) -> tuple[nn.Module, int]:
    """Plain ConvNet of `depth` 3x3 layers, width doubling and resolution halving after the first; global mean pool."""
    widths = [channels, *(width * 2**i for i in range(depth))]
    layers = []
    for i, (a, b) in enumerate(zip(widths[:-1], widths[1:], strict=True)):
        layers += [nn.Conv2d(a, b, 3, stride=1 if i == 0 else 2, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()), widths[-1]


def resnet18(channels: int, width: int) -> tuple[nn.Module, int]:
    """torchvision's ResNet-18 with the CIFAR stem: 3x3 convolution of stride 1, no max-pool; features: 8 * width."""
    net = torchvision.models.ResNet(torchvision.models.resnet.BasicBlock, [2, 2, 2, 2])
    net.conv1, net.maxpool, net.fc = nn.Conv2d(channels, 64, 3, padding=1, bias=False), nn.Identity(), nn.Identity()
    if width != 64:
        raise ValueError(f"width of resnet18 was {width}; allowed: 64")
    return net, 512


BACKBONES: dict[str, Callable[[int, int], tuple[nn.Module, int]]] = {
    "conv3": lambda channels, width: convnet(3, channels, width),
    "conv4": lambda channels, width: convnet(4, channels, width),
    "resnet18": resnet18,
}


def backbone(name: str, channels: int = 3, width: int = 32) -> tuple[nn.Module, int]:
    """Encoder and the number of its features; raises UnknownName for a name not in BACKBONES."""
    if name not in BACKBONES:
        raise UnknownName("backbone", name, BACKBONES)
    return BACKBONES[name](channels, width)
