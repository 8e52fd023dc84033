"""The declared search: what each stage takes from those before it, and what it prints."""

import pytest

from ncssl.errors import UnknownName
from ncssl.records import store
from ncssl.runs import experiments, search
from ncssl.runs.searches import SPEECH, WITHOUT_EMA


def made(p, folder, status="done", **metrics):
    """A record of a planned run with these metrics."""
    metrics = {"probe_accuracy": 40.0, "knn_accuracy": 35.0} | metrics
    where = "CPU", "float32", {}, "c", "2026-01-01T00:00:00+00:00"
    reason = "the loss was nan" if status == "failed" else ""
    store.save(
        store.Record(p.recipe, "search", status, metrics, {}, 60.0, 1.0, *where, reason=reason),
        folder,
    )


def stage(name, folder, arm, probe=50.0):
    """The records that a stage lacks: 40 by linear probe, and that of one arm."""
    for p in search.planned(name, folder):
        if store.find(p.recipe.id, folder) is None:
            made(p, folder, probe_accuracy=probe if p.arm == arm else 40.0)


def test_a_stage_waits_for_what_the_one_before_it_chooses(tmp_path):
    with pytest.raises(ValueError, match="stage was 'rate'; allowed: network"):
        search.planned("rate", tmp_path)
    with pytest.raises(UnknownName, match="methods"):
        search.planned("nets", tmp_path)
    stage("network", tmp_path, "wide.simclr")
    assert {p.recipe.width for p in search.planned("rate", tmp_path)} == {32}
    rows = {row["name"]: row for row in search.report("network", tmp_path)}
    assert rows["wide"]["lead"] == 5 and rows["start"]["lead"] == 0
    with pytest.raises(ValueError, match="stage was 'methods'; allowed: rate"):
        search.planned("methods", tmp_path)


def test_the_last_stage_takes_what_the_others_chose_and_is_reported_by_its_tries(tmp_path):
    stage("network", tmp_path, "start.simclr")
    stage("rate", tmp_path, "slow.simclr", 60.0)
    stage("average", tmp_path, "long.byol")
    tries = search.tries(tmp_path)
    linear = [p.recipe for p in tries if p.recipe.method == "byol"]
    assert {r.options["keep"] for r in linear} == {0.99}
    assert [r.lr for r in linear] == [0.05, 0.1, 0.2] and {r.epochs for r in linear} == {6}
    made(tries[0], tmp_path, probe_accuracy=51.0)
    row = {"name": tries[0].arm, "lr": tries[0].recipe.lr, "value": 51.0}
    assert search.report("methods", tmp_path) == [row | {"status": "done"}]
    made(tries[1], tmp_path, "failed", probe_accuracy=99.0)
    failed = {"name": tries[1].arm, "lr": tries[1].recipe.lr, "value": None, "status": "failed"}
    assert search.report("methods", tmp_path)[1] == failed


@pytest.mark.parametrize("method", ["simclr", "untrained"])
def test_a_setting_with_a_failed_run_is_shown_and_never_chosen(method, tmp_path):
    """Whatever it measured last."""
    runs = search.planned("network", tmp_path)
    best = next(p for p in runs if p.arm == f"wide.{method}")
    made(best, tmp_path, "failed", probe_accuracy=99.0)
    stage("network", tmp_path, "small.simclr")
    rows = {row["name"]: row for row in search.report("network", tmp_path)}
    assert rows["wide"]["status"] == "failed" and rows["wide"]["lead"] is None
    assert rows["start"]["status"] == "done"
    assert {p.recipe.width for p in search.planned("rate", tmp_path)} == {16}
    for p in runs:
        made(p, tmp_path, "failed")
    with pytest.raises(ValueError, match="a run of each failed"):
        search.planned("rate", tmp_path)


def speech_stage(name, folder, arm, error):
    """The records that a stage of the search on speech lacks: 40 % errors, and those of one arm."""
    runs = search.planned(name, folder, SPEECH)
    for p in experiments.baselines_of(runs[:1]) + runs:
        if store.find(p.recipe.id, folder) is None:
            made(p, folder, mean_mismatched_eer=error if p.arm == arm else 40.0)


def test_on_speech_the_lead_is_over_statistics_too_and_fewer_errors_are_more(tmp_path):
    speech_stage("network", tmp_path, "wide.moco", 30.0)
    rows = {row["name"]: row for row in search.report("network", tmp_path, SPEECH)}
    assert rows["wide"]["lead"] == 5 and rows["wide"]["value"] == 35 and rows["start"]["lead"] == 0
    views = {p.recipe.augmentation for p in search.planned("views", tmp_path, SPEECH)}
    assert views == {"speech", "speech_short", "speech_channel", "speech_short_channel"}
    (floor,) = experiments.baselines_of(search.planned("network", tmp_path, SPEECH)[:1])
    made(floor, tmp_path, mean_mismatched_eer=33.0)
    assert {row["lead"] for row in search.report("network", tmp_path, SPEECH)} == {-2, -7}


def test_a_search_on_speech_tries_dino_on_its_own_crops(tmp_path):
    speech_stage("network", tmp_path, "start.simclr", 20.0)
    speech_stage("views", tmp_path, "both.simclr", 10.0)
    speech_stage("rate", tmp_path, "start.simclr", 20.0)
    speech_stage("average", tmp_path, "longer.moco", 10.0)
    tries = {p.arm: p.recipe for p in search.tries(tmp_path, SPEECH)}
    dino, simclr = tries["dino.one"], tries["simclr.one"]
    assert (dino.augmentation, dino.evaluated) == ("speech_short_channel_dino", "target")
    assert (simclr.augmentation, simclr.evaluated) == ("speech_short_channel", None)
    assert dino.options["keep"] == tries["moco.half"].options["keep"] == 0.996
    assert {p.recipe.dataset for p in search.tries(tmp_path, SPEECH)} == {"speechocean"}


def test_without_ema_a_lead_is_over_raw_pixels_and_there_is_no_last_stage(tmp_path):
    assert search.stages(WITHOUT_EMA) == ("rate",)
    runs = search.planned("rate", tmp_path, WITHOUT_EMA)
    assert {p.recipe.options.get("keep") for p in runs} == {0.0}
    (pixels,) = experiments.baselines_of(runs[:1])
    made(pixels, tmp_path, knn_accuracy=41.0)
    for p in runs:
        made(p, tmp_path, knn_accuracy=46.0 if p.arm == "both.byol" else 40.0)
    rows = {row["name"]: row for row in search.report("rate", tmp_path, WITHOUT_EMA)}
    assert rows["both"]["value"] == 42 and rows["both"]["lead"] == 1 and rows["slow"]["lead"] == -1
