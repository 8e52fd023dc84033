"""What is measured of a model in evaluation mode: accuracy of the features, spectra of the
projections."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ncssl.data import Images
from ncssl.errors import NotFinite
from ncssl.evaluate import OnlineProbe, few_label_accuracy, knn_accuracy, probe_accuracy
from ncssl.measure import collapse, spectral
from ncssl.measure.spectral.predictors import VISIBLE
from ncssl.model import Siamese

CHUNK = 1024
SPECTRUM = 64  # eigenvalues kept in a record, the largest first
# numbers of projections z (n, d) at every measurement, by name: see "Add a diagnostic" of
# CONTRIBUTING.md
MEASURES: dict[str, Callable[[Tensor], float]] = {"std_normalised": spectral.std_normalised}


@torch.no_grad()
def embed(model: Siamese, images: Tensor, mean: Tensor, std: Tensor) -> tuple[Tensor, Tensor]:
    """Features (n, features) and projections (n, d) of uint8 images, not augmented, model in
    evaluation mode."""
    training = model.training
    model.eval()
    h, z = [], []
    for chunk in images.split(CHUNK):
        x = (chunk.float().div(255) - mean[:, None, None]) / std[:, None, None]
        h.append(model.encode(x.contiguous(memory_format=torch.channels_last), model.used[0]))
        z.append(model.used[1](h[-1]))
    model.train(training)
    return torch.cat(h), torch.cat(z)


def neighbours(bank: Tensor) -> int:
    """k of the kNN classifier: 200 as usual for CIFAR, one in fifty of a smaller bank (a class
    holds one in ten)."""
    return max(1, min(200, len(bank) // 50))


class Embedded(NamedTuple):
    """Features of the training images (m, features) and of the test images (n, features),
    projections of those."""

    bank: Tensor
    h: Tensor
    z: Tensor


def embedded(model: Siamese, train: Images, test: Images, mean: Tensor, std: Tensor) -> Embedded:
    """Both sets through the model. Raises NotFinite for features that cannot be measured."""
    bank = embed(model, train.images, mean, std)[0]
    h, z = embed(model, test.images, mean, std)
    return Embedded(finite(bank), finite(h), z)


def finite(h: Tensor) -> Tensor:
    """Features, if all of them are finite; raises NotFinite."""
    if not h.isfinite().all():
        raise NotFinite("the features were not finite")
    return h


def row(
    model: Siamese, given: Embedded, train: Images, test: Images, probe: OnlineProbe | None = None
) -> dict:
    """One row of the curves: kNN accuracy (percent) of the features, spectra of the test set's
    projections, what tells of collapse in both, and the accuracy of a probe that learned beside."""
    bank, h, z = given
    accuracy = knn_accuracy(bank, train.labels, h, test.labels, k=neighbours(bank))
    beside = {"online_accuracy": probe.accuracy(h, test.labels)} if probe else {}
    return {"knn_accuracy": accuracy} | beside | spectra(model, z) | numbers("feature_", h)


def numbers(prefix: str, z: Tensor) -> dict:
    """What `ncssl.measure.collapse` judges embeddings z (n, d) by, the names with a prefix; nothing
    if z is not finite."""
    measured = collapse.numbers(z) if z.isfinite().all() else {}
    return {prefix + name: value for name, value in measured.items()}


def spectra(model: Siamese, z: Tensor) -> dict:
    """Diagnostics of projections z (n, d) and of a linear predictor against their second moment F =
    E[z z^T]."""
    if not z.isfinite().all():
        return {}
    z = z.float()
    s = spectral.moment_eigenvalues(z)
    out = {name: measure(z) for name, measure in MEASURES.items()} | {
        "effective_rank": spectral.effective_rank(s),
        "participation_ratio": spectral.participation_ratio(s),
        "eigenvalues": s[:SPECTRUM].tolist(),
    }
    out |= numbers("projection_", z)
    out |= {name: value for name, value in model.predictor.numbers().items() if value is not None}
    W = model.predictor.matrix()
    if W is not None:
        W, F = W.detach().float(), spectral.second_moment(z)
        out["alignment"] = spectral.alignment(W, F, floor=VISIBLE)
        out["asymmetry"] = spectral.asymmetry(W)
        out["gram_cosine"] = spectral.gram_cosine(W, F)
        out["off_diagonal"] = (W - W.diagonal().diag()).norm().item()
        out["predictor_eigenvalues"] = (
            torch.linalg.eigvalsh((W + W.T) / 2).flip(0)[:SPECTRUM].tolist()
        )
    return out


def pixels(train: Images, test: Images, *, seed: int = 0) -> dict:
    """The same accuracies (percent) with the images themselves as features: vectors, standardised
    by channel."""
    x, y = (i.images.float().div(255) for i in (train, test))
    mean, std = x.mean((0, 2, 3), keepdim=True), x.std((0, 2, 3), keepdim=True).clamp_min(1e-3)
    bank, h = (((images - mean) / std).flatten(1) for images in (x, y))
    return accuracies(bank, train.labels, h, test.labels, seed=seed)


def accuracies(
    bank: Tensor, labels: Tensor, h: Tensor, test_labels: Tensor, *, seed: int = 0
) -> dict:
    """kNN, linear probe and probe on three labels a class, in percent, of features bank and h (n,
    features); the last only where every class has three."""
    given = (bank, labels, h, test_labels)
    few = labels.unique(return_counts=True)[1].min() >= 3
    return {
        "knn_accuracy": knn_accuracy(*given, k=neighbours(bank)),
        "probe_accuracy": probe_accuracy(*given),
    } | ({"few_label_accuracy": few_label_accuracy(*given, seed=seed)} if few else {})
