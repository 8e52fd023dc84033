"""SimSiam with the parts of lightly, on scikit-learn's digits."""

import torch
from lightly.loss import NegativeCosineSimilarity
from lightly.models.modules import SimSiamPredictionHead, SimSiamProjectionHead
from lightly.transforms import SimSiamTransform
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, default_collate


class SimSiam(nn.Module):
    """A small convolutional encoder with SimSiam's two heads."""

    def __init__(self):
        super().__init__()
        convolutions = [
            nn.Conv2d(3, 32, 3, 2, 1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3, 2, 1),
        ]
        self.backbone = nn.Sequential(
            *convolutions, nn.BatchNorm2d(64), nn.ReLU(), nn.AdaptiveAvgPool2d(2)
        )
        self.projection_head = SimSiamProjectionHead(256, 256, 32)
        self.prediction_head = SimSiamPredictionHead(32, 8, 32)

    def forward(self, x):
        z = self.projection_head(self.backbone(x).flatten(start_dim=1))
        p = self.prediction_head(z)
        return z.detach(), p


def two_views(batch):
    """Two random views of every picture, each a tensor (n, 3, 16, 16)."""
    return default_collate([transform(picture) for picture in batch])


torch.manual_seed(0)
pictures = [
    Image.fromarray((x * 15).astype("uint8")).convert("RGB") for x in load_digits().images[:512]
]
transform = SimSiamTransform(
    input_size=16, cj_strength=0.5, gaussian_blur=0.0, hf_prob=0.0, min_scale=0.5
)
loader = DataLoader(pictures, batch_size=64, shuffle=True, drop_last=True, collate_fn=two_views)
model = SimSiam()
criterion = NegativeCosineSimilarity()
optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
curve = []

for epoch in range(5):
    seen = []
    for x0, x1 in loader:
        (z0, p0), (z1, p1) = model(x0), model(x1)
        loss = 0.5 * (criterion(z0, p1) + criterion(z1, p0))
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        seen.append(loss.item())
    curve.append(sum(seen) / len(seen))
    print(f"epoch {epoch}: loss {curve[-1]:.3f}")
