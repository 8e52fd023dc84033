"""A small network with any method, and views for it."""

import torch

from ncssl.methods import make
from ncssl.model import Siamese
from ncssl.nn import backbone

N, D = 12, 8


def net(name, options, seed=0):
    torch.manual_seed(seed)
    encoder, features = backbone("conv3", 1, 4)
    return Siamese(encoder, features, 24, D, make(name, **options))


def views(seed=0, count=2, n=N):
    g = torch.Generator().manual_seed(seed)
    return [torch.randn(n, 1, 8, 8, generator=g) for _ in range(count)]
