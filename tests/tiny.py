"""A run of a second, for tests of what happens to runs: its numbers, and the words that ask for
it."""

import pytest

from ncssl.records import store

TINY = dict(epochs=4, limit=256, width=4, hidden=16, d=8, batch=64, knn_every=2)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Checkpoints and locks of these tests stay apart."""
    monkeypatch.setenv("NCSSL_CACHE", str(tmp_path / "cache"))


def numbers(record: store.Record):
    """What of a record must come again: every number but the time."""
    metrics = {name: value for name, value in record.metrics.items() if name != "images_per_second"}
    return store.rounded(metrics), store.rounded(record.curves)


def typed(**changes) -> list[str]:
    """The words of `ncssl run` for the tiny recipe with changes."""
    pairs = [
        word for name, value in (TINY | changes).items() for word in ("--set", f"{name}={value}")
    ]
    return ["run", "--method", "simsiam", "--device", "cpu", *pairs]
