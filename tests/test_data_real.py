"""Real data where a root holds them: $NCSSL_DATA, or the folder shared/data beside the checkout.
Else skipped."""

import os
from pathlib import Path

import pytest
import torch

from ncssl import data

GIVEN_ROOTS = os.environ.get(
    "NCSSL_DATA", str(Path(__file__).resolve().parents[2] / "shared" / "data")
)


@pytest.fixture
def real(monkeypatch):
    """Skips unless the named data set is in a root; decoded images stay in the user's own cache."""
    monkeypatch.setenv("NCSSL_DATA", GIVEN_ROOTS)

    def need(name: str) -> None:
        if not {row["name"]: row for row in data.present()}[name]["present"]:
            pytest.skip(f"{data.DATASETS[name].title} is not in {GIVEN_ROOTS} or {data.DEBIAN}")

    return need


@pytest.mark.data
@pytest.mark.slow
def test_the_jpeg_copy_of_cifar10_has_its_statistics(real):
    real("cifar10_jpeg")
    train, test = data.load("cifar10_jpeg"), data.load("cifar10_jpeg", "test")
    assert train.images.shape == (50_000, 3, 32, 32) and test.images.shape == (10_000, 3, 32, 32)
    assert (
        train.labels.bincount().tolist() == [5000] * 10
        and test.labels.bincount().tolist() == [1000] * 10
    )
    assert train.classes[:3] == ("airplane", "automobile", "bird")
    x = train.images.float().div_(255)
    torch.testing.assert_close(
        x.mean((0, 2, 3)), torch.tensor([0.49125, 0.48209, 0.44652]), atol=1e-5, rtol=0
    )
    torch.testing.assert_close(
        x.std((0, 2, 3)), torch.tensor([0.24523, 0.24278, 0.26063]), atol=1e-5, rtol=0
    )


@pytest.mark.data
@pytest.mark.slow
def test_imagenette_is_read_with_val_as_test(real):
    real("imagenette96")
    train, test = data.load("imagenette96"), data.load("imagenette96", "test")
    assert train.images.shape == (9469, 3, 96, 96) and test.images.shape == (3925, 3, 96, 96)
    assert train.classes == test.classes and len(test.classes) == 10


@pytest.mark.data
def test_debians_fashion_mnist(real):
    real("fashion_mnist")
    train, test = data.load("fashion_mnist"), data.load("fashion_mnist", "test")
    assert (
        train.images.shape == (60_000, 1, 28, 28) and test.labels.bincount().tolist() == [1000] * 10
    )
    assert train.images.float().div(255).mean().item() == pytest.approx(0.2860, abs=1e-4)
