"""The declared search: its stages in their order, and what each prints."""

import pytest

from ncssl.errors import UnknownName
from ncssl.records import store
from ncssl.runs import search


def test_a_stage_waits_for_what_the_one_before_it_chooses():
    assert not search.CHOSEN or list(search.CHOSEN) == list(search.STAGES)[: len(search.CHOSEN)]
    missing = [stage for stage in search.STAGES if stage not in search.CHOSEN]
    for stage in missing[1:]:
        with pytest.raises(ValueError, match=f"stage was '{stage}'; allowed: {missing[0]}"):
            search.planned(stage)
    with pytest.raises(UnknownName, match="methods"):
        search.planned("nets")


def test_the_last_stage_is_reported_by_its_tries(tmp_path):
    p = search.tries()[0]
    metrics = {"probe_accuracy": 51.0, "knn_accuracy": 45.0}
    made = "CPU", "float32", {}, "c", "2026-01-01T00:00:00+00:00"
    store.save(store.Record(p.recipe, "search", "done", metrics, {}, 1.0, 1.0, *made), tmp_path)
    assert search.report("methods", out=tmp_path) == [
        {"name": p.arm, "lr": p.recipe.lr, "probe": 51.0}
    ]
