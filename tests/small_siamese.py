"""A small network of a method, two views of noise for it, and one step of training."""

import torch

from ncssl.methods import make
from ncssl.model import Siamese
from ncssl.nn import backbone


def net(method, seed=0, **options):
    torch.manual_seed(seed)
    m = make(method, **options)
    encoder, features = backbone("conv3", 1, 4)
    return Siamese(encoder, features, 24, 8, m)


def views(seed=0, n=12):
    g = torch.Generator().manual_seed(seed)
    return [torch.randn(n, 1, 8, 8, generator=g) for _ in range(2)]


def step(model, opt, x, progress=0.5):
    loss = model(x)
    opt.zero_grad()
    loss.backward()
    opt.step()
    model.follow(progress)
    return loss.item()
