"""SimSiam on scikit-learn's digits in plain PyTorch, watched."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from ncssl.watch import watch

torch.manual_seed(0)
# 1797 images of 8 x 8 pixels, flat
images = torch.tensor(load_digits().data / 16, dtype=torch.float32)
d = 32  # width of the projections


def view(x):
    """Noise on every pixel, and a third of the pixels left out."""
    return (x + 0.1 * torch.randn_like(x)) * (torch.rand_like(x) > 1 / 3)


def layers(first, hidden, last):
    """Two linear layers with batch norm and ReLU between them."""
    return nn.Sequential(
        nn.Linear(first, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, last)
    )


def distance(p, t):
    """Negative cosine similarity; no gradient goes to the target."""
    return -F.cosine_similarity(p, t.detach()).mean()


net = layers(64, 256, d)  # encoder and projector
predictor = layers(d, d // 4, d)
optimiser = torch.optim.SGD([*net.parameters(), *predictor.parameters()], lr=0.1, momentum=0.9)
watcher = watch(optimiser, projector=net, predictor=predictor, every=10)
curve = []

for epoch in range(5):
    seen = []
    for rows in torch.randperm(len(images)).split(128)[:-1]:
        z1, z2 = net(view(images[rows])), net(view(images[rows]))
        p1, p2 = predictor(z1), predictor(z2)
        loss = (distance(p1, z2) + distance(p2, z1)) / 2
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        seen.append(loss.item())
    curve.append(sum(seen) / len(seen))
    print(f"epoch {epoch}: loss {curve[-1]:.3f}")
