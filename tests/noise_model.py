"""What the tests of watching train."""

from torch import nn


class Model(nn.Module):
    """An encoder of noise in 16 channels, a projector and a linear predictor."""

    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(16, 64), nn.BatchNorm1d(64), nn.ReLU())
        self.projector = nn.Linear(64, 16)
        self.predictor = nn.Linear(16, 16)
