"""A linear classifier that learns beside the encoder and never touches it."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class OnlineProbe(nn.Module):
    """Linear classifier of features (n, features) trained by Adam on each batch as it passes, as
    solo-learn and lightly do; batch norm without weights before it, so that one rate suits features
    of any size.

    `learn` takes detached features and labels (n,); `accuracy` is in percent, by the norm's running
    statistics.
    """

    def __init__(self, features: int, classes: int, lr: float = 1e-2):
        super().__init__()
        self.norm = nn.BatchNorm1d(features, affine=False)
        # nothing is drawn: the run stays what it was
        self.weight = nn.Parameter(torch.zeros(classes, features))
        self.bias = nn.Parameter(torch.zeros(classes))
        self.optimiser = torch.optim.Adam(self.parameters(), lr=lr)

    def forward(self, h: Tensor) -> Tensor:
        """Scores (n, classes)."""
        return functional.linear(self.norm(h.float()), self.weight, self.bias)

    def learn(self, h: Tensor, y: Tensor) -> Tensor:
        """One step on a batch; the cross-entropy before it, detached."""
        self.train()
        with torch.enable_grad():
            loss = functional.cross_entropy(self(h.detach()), y)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        return loss.detach()

    @torch.no_grad()
    def accuracy(self, h: Tensor, y: Tensor) -> float:
        self.eval()
        return 100.0 * (self(h).argmax(1) == y).double().mean().item()

    def get_extra_state(self) -> dict:
        return self.optimiser.state_dict()

    def set_extra_state(self, state: dict) -> None:
        self.optimiser.load_state_dict(state)
