"""Backbones: images (n, c, side, side), or speech (n, c, side, frames), in, features (n, features)
out."""

from collections.abc import Callable
from functools import partial

from torch import nn

from ncssl.errors import UnknownName
from ncssl.nn.speech import lresnet34, tdnn

Made = tuple[nn.Module, int]  # the network and the number of its features


def convnet(depth: int, channels: int, width: int, side: int) -> Made:
    """Plain ConvNet of `depth` 3x3 layers, width doubling and resolution halving after the first;
    global mean pool."""
    return convolutions([width * 2**i for i in range(depth)], [1] + [2] * (depth - 1), channels)


def pairs_of_layers(channels: int, width: int, side: int) -> Made:
    """Plain ConvNet of three pairs of 3x3 layers: the first of a pair halves the resolution, each
    pair after the first doubles the width; global mean pool. Half the side at once keeps a step on
    a processor short."""
    return convolutions([width * 2 ** (i // 2) for i in range(6)], [2, 1] * 3, channels)


def convolutions(widths: list[int], strides: list[int], channels: int) -> Made:
    """3x3 convolutions with batch norm and ReLU, then the global mean: as many features as the last
    width."""
    layers = []
    for a, b, stride in zip([channels, *widths], widths, strides, strict=False):
        layers += [nn.Conv2d(a, b, 3, stride, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()), widths[-1]


def resnet(name: str, stem: str, channels: int, width: int, side: int) -> Made:
    """torchvision's ResNet of that name without its classifier. stem "cifar": 3x3 convolution of
    stride 1, no max-pool (for sides of 32 or so); "imagenet": 7x7 of stride 2, max-pool. Its width
    is fixed: 64."""
    from torchvision import models  # twice as slow to import as torch itself: only where it is used

    if width != 64:
        raise ValueError(f"width of a resnet was {width}; allowed: 64")
    net = getattr(models, name)(weights=None)
    if stem == "cifar":
        net.conv1, net.maxpool = nn.Conv2d(channels, 64, 3, padding=1, bias=False), nn.Identity()
    elif channels != 3:
        net.conv1 = nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
    features, net.fc = net.fc.in_features, nn.Identity()
    return net, features


def linear(channels: int, width: int, side: int) -> Made:
    """One matrix on the pixels, without bias: the encoder W of the theory, `width` features."""
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * side**2, width, bias=False)), width


def dense(channels: int, width: int, side: int) -> Made:
    """Pixels -> 4 width -> 2 width, batch norm and ReLU after each."""
    sizes, layers = [channels * side**2, 4 * width, 2 * width], []
    for a, b in zip(sizes[:-1], sizes[1:], strict=True):
        layers += [nn.Linear(a, b, bias=False), nn.BatchNorm1d(b), nn.ReLU()]
    return nn.Sequential(nn.Flatten(), *layers), 2 * width


BACKBONES: dict[str, Callable[[int, int, int], Made]] = {
    "linear": linear,
    "mlp": dense,
    "conv3": partial(convnet, 3),
    "conv4": partial(convnet, 4),
    "conv6": pairs_of_layers,
    "resnet18": partial(resnet, "resnet18", "cifar"),
    "resnet18_imagenet": partial(resnet, "resnet18", "imagenet"),
    "resnet50": partial(resnet, "resnet50", "cifar"),
    "resnet50_imagenet": partial(resnet, "resnet50", "imagenet"),
    "tdnn": tdnn,  # of speech: any number of frames, side bands
    "lresnet34": lresnet34,
}


def backbone(name: str, channels: int = 3, width: int = 32, side: int = 32) -> Made:
    """Encoder and the number of its features for images (channels, side, side); raises UnknownName
    for a name not in BACKBONES, ValueError for a width that it cannot have."""
    if name not in BACKBONES:
        raise UnknownName("backbone", name, BACKBONES)
    return BACKBONES[name](channels, width, side)
