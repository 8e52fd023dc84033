"""Encoders of speech: log-mel (n, channels, bands, frames) of any number of frames in, embeddings
(n, features) out."""

import torch
from torch import Tensor, nn

Made = tuple[nn.Module, int]  # the network and the number of its features
CONTEXT = 15  # frames that one frame of the TDNN sees


class StatisticsPooling(nn.Module):
    """(n, ..., frames) -> (n, 2 c): mean and standard deviation (biased) over time of all c
    channels, in float32.

    A deviation is at least `floor`: silence, the same in all frames, has finite gradients
    (snyder2018, section 2.1)."""

    def __init__(self, floor: float = 1e-3):
        super().__init__()
        self.floor = floor

    def forward(self, x: Tensor) -> Tensor:
        """Means, then deviations, (n, 2 c)."""
        var, mean = torch.var_mean(x.flatten(1, -2).float(), dim=-1, correction=0)
        return torch.cat((mean, var.clamp_min(self.floor**2).sqrt()), 1)


class Frames(nn.Module):
    """(n, channels, bands, frames) -> (n, channels bands, frames); raises ValueError for fewer
    frames than `least`."""

    def __init__(self, least: int):
        super().__init__()
        self.least = least

    def forward(self, x: Tensor) -> Tensor:
        """x with channels and bands as one axis. Raises ValueError."""
        if x.shape[-1] < self.least:
            raise ValueError(f"the input has {x.shape[-1]} frames; allowed: at least {self.least}")
        return x.flatten(1, 2)


def tdnn(channels: int, width: int, side: int) -> Made:
    """A small x-vector network (snyder2018, Table 1: 512 wide): layers over 15 frames, statistics
    pooling, embedding.

    `width` channels, three times as many before the pooling, 4 width features; no padding."""
    layers: list[nn.Module] = [Frames(CONTEXT)]
    wiring = (
        (channels * side, width, 5, 1),
        (width, width, 3, 2),
        (width, width, 3, 3),
        (width, width, 1, 1),
        (width, 3 * width, 1, 1),
    )
    for a, b, kernel, dilation in wiring:
        layers += [
            nn.Conv1d(a, b, kernel, dilation=dilation, bias=False),
            nn.BatchNorm1d(b),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers, StatisticsPooling(), nn.Linear(6 * width, 4 * width)), 4 * width


def lresnet34(channels: int, width: int, side: int) -> Made:
    """The light ResNet-34 of hyperion: 3x3 stem of stride 1, no max-pool, `width` channels at first
    (16 there), mean and deviation over time, an embedding layer of 16 width (256). Zeros are
    padded, so the ends of a crop count."""
    layers: list[nn.Module] = [
        nn.Conv2d(channels, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
    ]
    a, bands = width, side
    for stage, count in enumerate((3, 4, 6, 3)):
        b, stride = width * 2**stage, 1 if stage == 0 else 2
        for i in range(count):
            layers.append(block(a, b, stride if i == 0 else 1))
            a = b
        bands = -(-bands // stride)
    net = nn.Sequential(*layers, StatisticsPooling(), nn.Linear(2 * a * bands, 16 * width))
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return net, 16 * width


def block(a: int, b: int, stride: int) -> nn.Module:
    """torchvision's basic block, with its 1x1 shortcut where the shape changes."""
    from torchvision.models.resnet import BasicBlock  # see backbones.resnet

    same = a == b and stride == 1
    shortcut = (
        None if same else nn.Sequential(nn.Conv2d(a, b, 1, stride, bias=False), nn.BatchNorm2d(b))
    )
    return BasicBlock(a, b, stride, shortcut)
