"""Values of a record beyond its final metrics."""

import pytest

from ncssl.recipes import recipe
from ncssl.records import store

CURVES = {
    "epoch": [0, 1, 2, 3], "knn_accuracy": [30.0, 40.0, 35.0, 38.0], "off_diagonal": [0.0, 2.0, None, 0.5],
    "flat": [0, 0],
}  # fmt: skip


@pytest.fixture
def record():
    made = recipe("simsiam")
    return store.Record(made, "k", "done", {"probe_accuracy": 50.0, "odd_peak": 7.0}, CURVES, 1.0, 1.0, "CPU",
                        "float32", {}, "c", "now")  # fmt: skip


@pytest.mark.parametrize(
    "name, value",
    [
        ("probe_accuracy", 50.0), ("early_knn_accuracy", 40.0), ("knn_accuracy_peak", 40.0), ("odd_peak", 7.0),
        ("knn_accuracy_fall", 0.95), ("off_diagonal_peak", 2.0), ("off_diagonal_fall", 0.25), ("flat_fall", None),
        ("early_nothing", None), ("nothing_peak", None), ("nothing", None),
    ],
)  # fmt: skip
def test_values_of_curves(record, name, value):
    """The first after the start, the largest, the last over the largest; a final metric of that name goes first."""
    assert record.value(name) == value
