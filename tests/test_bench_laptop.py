"""The part of the benchmark at the laptop scale's recipe: seconds to an accuracy, memory, who is
missing."""

from types import SimpleNamespace

import pytest
from test_bench import TINY

from ncssl import bench
from ncssl.bench import head_to_head, transforms


def test_seconds_to_an_accuracy_are_those_of_the_records_steps(monkeypatch):
    """Passed half way between epochs 3 and 6 by one seed and at 3 by another: 3.75 epochs of 49,920
    images."""
    curves = [{"epoch": [0, 3, 6], "knn_accuracy": k} for k in ([30, 38, 42], [30, 40, 44])]
    records = [(None, SimpleNamespace(curves=c)) for c in curves]
    monkeypatch.setattr(head_to_head.experiments, "records", lambda runs: [*records, (None, None)])
    assert head_to_head.images_to(40) == pytest.approx(3.75 * 49_920)
    assert head_to_head.images_to(50) is None
    values = {name: [100.0] for name in head_to_head.CONTENDERS}
    told = head_to_head.to_accuracy(values)
    assert set(told) == {"ours, float32", "torchvision loop", "lightly", "stable-pretraining"}
    assert told["lightly"] == [pytest.approx(1872)]


def test_who_is_not_installed_is_said(monkeypatch):
    monkeypatch.setattr(transforms, "there", lambda name: None)
    made = bench.measure(("laptop",), TINY)["parts"]["laptop"]
    rows = {row["name"]: row for row in made["rows"]}
    assert rows["stable-pretraining"]["why"] == "not measured (pip install stable-pretraining)"
    assert rows["torchvision loop"]["median"] > 0 and rows["lightly"]["median"] is None


def test_memory_is_seen_however_short_the_steps_are(monkeypatch):
    monkeypatch.setattr(head_to_head, "start", lambda *given: (None, ""))
    monkeypatch.setattr(head_to_head, "pace", lambda *given: 1.0)
    assert all(head_to_head.most("ours, float32", TINY, "cpu") > 100 for _ in range(3))


@pytest.mark.slow
def test_memory_is_that_of_the_process_and_its_workers():
    alone, loading = (
        head_to_head.held(n, TINY, "cpu") for n in ("ours, float32", "torchvision loop")
    )
    assert 100 < alone < loading
