"""SimSiam of stable-pretraining, watched, on scikit-learn's digits."""

import torch
from sklearn.datasets import load_digits
from stable_pretraining.methods.simsiam import SimSiam
from torch import nn

from ncssl.watch import watch


def view(x):
    """A random view: moved, brighter or darker, noisy."""
    x = torch.roll(x, tuple(torch.randint(-1, 2, (2,)).tolist()), (2, 3))
    return x * (0.6 + 0.8 * torch.rand(len(x), 1, 1, 1)) + 0.1 * torch.randn_like(x)


torch.manual_seed(0)
images = torch.tensor(load_digits().images).float().div(16)[:, None].repeat(1, 3, 1, 1)
layers = [nn.Conv2d(3, 32, 3, 2, 1), nn.BatchNorm2d(32), nn.ReLU(), nn.Conv2d(32, 64, 3, 2, 1)]
layers += [nn.BatchNorm2d(64), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten()]
model = SimSiam(nn.Sequential(*layers), projector_dim=32, predictor_hidden_dim=8).train()
optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
watcher = watch(optimiser, model, every=20, html="watch.html")

for _ in range(161):
    x = images[torch.randint(len(images), (64,))]
    optimiser.zero_grad()
    model(view(x), view(x)).loss.backward()
    optimiser.step()
