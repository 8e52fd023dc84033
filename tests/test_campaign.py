"""Many runs in one command: their order, many processes at once, the end of a budget, floors, and
runs made again."""

import contextlib
import dataclasses
import os
import shlex
import signal
import subprocess
import sys
import time

import processes
import pytest
from click.testing import CliRunner
from tiny import numbers, own_cache  # noqa: F401

from ncssl.cli import main
from ncssl.machine import device_name, versions
from ncssl.recipes import recipe
from ncssl.records import baseline, store
from ncssl.report import select
from ncssl.runs import campaign, experiments, single
from ncssl.train import loop
from ncssl.train.run import precision

TINY = dict(epochs=1, limit=256, width=4, hidden=16, d=8, batch=64)


def tiny(seed=0, **more):
    return experiments.Planned(
        "tian2021", "e", "a", seed, recipe("simsiam", seed=seed, **TINY | more)
    )


# ---- order
# ------------------------------------------------------------------------------------------------


def test_a_recipe_that_two_experiments_share_is_run_at_its_first_place():
    a, b = tiny(0), tiny(1)
    again = b._replace(paper="tian2021", experiment="predictor", arm="sgd_ema")
    assert experiments.ordered([a, b, again]) == [again, a]


# ---- many processes
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_processes_on_one_plan_lose_nothing_and_make_nothing_twice(count, tmp_path):
    """Each with a cache of its own, as processes of several hosts have."""
    out, plan = tmp_path / "results", [tiny(seed) for seed in range(count + 2)]
    go = processes.SERVER.Barrier(count)
    with contextlib.ExitStack() as all_of_them:
        children = [
            all_of_them.enter_context(
                processes.started(processes.share, go, plan, out, NCSSL_CACHE=f"{tmp_path}/{i}")
            )
            for i in range(count)
        ]
        assert not any([child.wait() for child in children]), [child.said() for child in children]
        made = [id for child in children for id in child.said("stdout").split()]
    found = {path.stem: record for path, record in store.scan(out)}
    assert sorted(made) == sorted(found) == sorted(p.recipe.id for p in plan)
    assert all(isinstance(record, store.Record) for record in found.values())
    assert [path.name for path in out.rglob(".*")] == [".locks"], "no half-written file is left"


def test_a_process_that_dies_leaves_its_run_to_the_next(tmp_path):
    p = tiny()
    lock = single.lock(p.recipe, tmp_path / "out")
    lock.parent.mkdir(parents=True)
    hold = (
        "import fcntl, sys, time; file = open(sys.argv[1], 'w'); fcntl.flock(file, fcntl.LOCK_EX);"
        " print(1, flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", f"{hold}; time.sleep(600)", str(lock)], stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout.readline() == b"1\n"
        assert single.run_one(p, None, tmp_path / "out", "cpu", False) is None
        holder.kill()
    assert single.run_one(p, None, tmp_path / "out", "cpu", False)["status"] == "done"


def test_a_checkpoint_that_a_kill_left_behind_its_record_goes_with_the_next_campaign(tmp_path):
    """One that is newer is of a run that is being made anew, and one without a record is needed."""
    done, anew, going = (tiny(seed) for seed in range(3))
    given = (None, tmp_path / "out", "cpu", False)
    for p in (done, anew):
        single.run_one(p, *given)
    paths = [loop.checkpoint_path(p.recipe) for p in (done, anew, going)]
    for path, seconds in zip(paths, (-60, 60, 0), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (time.time() + seconds,) * 2)
    campaign.make([done], given, 1, time.monotonic(), None, print)
    assert [path.exists() for path in paths] == [False, True, True]


# ---- budget and rule
# -------------------------------------------------------------------------------------------------


def test_a_run_stops_when_the_budget_is_spent_and_leaves_no_record(tmp_path):
    endless = tiny(epochs=10**6)
    before = signal.getsignal(signal.SIGALRM)
    assert (
        single.run_one(endless, None, tmp_path, "cpu", False, deadline=time.monotonic() + 0.5)
        is None
    )
    assert list(store.scan(tmp_path)) == []
    assert (
        single.run_one(tiny(), None, tmp_path, "cpu", False, deadline=time.monotonic() + 3600)[
            "status"
        ]
        == "done"
    )
    assert signal.getsignal(signal.SIGALRM) is before and signal.getitimer(signal.ITIMER_REAL) == (
        0.0,
        0.0,
    )


def test_added_seeds_are_made_after_the_others_and_only_when_asked(
    tmp_path, monkeypatch, capsys, copied_workers
):
    (tmp_path / "out" / "tian2021").mkdir(parents=True)
    (tmp_path / "out" / "tian2021" / "0123456789ab.json").write_text("{}")
    monkeypatch.setattr(experiments, "plan", lambda *a, **k: [tiny(0)])
    monkeypatch.setattr(experiments, "baselines_of", lambda runs: [])
    monkeypatch.setattr(experiments, "undecided", lambda *a, **k: [tiny(3), tiny(0)])
    rows: list[dict] = []
    given = dict(out=tmp_path / "out", jobs=1, device="cpu", report=rows.append)
    assert campaign.run("tian2021", "smoke", {}, undecided=True, **given) == (2, 0, 0)
    assert [row["seed"] for row in rows] == [0, 3]
    assert "0123456789ab.json: not a record of format 1" in capsys.readouterr().err, (
        "refused files are named"
    )
    done = CliRunner().invoke(main, ["run", "--method", "byol", "--undecided"])
    assert done.exit_code == 2 and "--undecided given without --paper or --all" in done.stderr


def test_an_error_of_one_run_is_named_and_the_others_are_made(
    tmp_path, monkeypatch, capfd, copied_workers
):
    monkeypatch.setattr(
        experiments, "plan", lambda *a, **k: [tiny(0, pseudo_rounds=1, pseudo_clusters=4), tiny(1)]
    )
    monkeypatch.setattr(experiments, "baselines_of", lambda runs: [])
    rows: list[dict] = []
    with pytest.raises(
        ValueError, match="1 runs ended in an error, named above; 1 records were made"
    ):
        campaign.run(
            "tian2021", "smoke", {}, out=tmp_path / "out", jobs=1, device="cpu", report=rows.append
        )
    assert [row["seed"] for row in rows] == [1]
    assert (
        "tian2021 e.a, seed 0: pseudo_rounds was 1; allowed: for speech only"
        in capfd.readouterr().err
    )


def test_missing_data_stops_a_campaign_at_once(tmp_path, monkeypatch, copied_workers):
    monkeypatch.setattr(
        experiments, "plan", lambda *a, **k: [tiny(s, dataset="cifar10") for s in range(99)]
    )
    monkeypatch.setattr(experiments, "baselines_of", lambda runs: [])
    with pytest.raises(FileNotFoundError, match="cifar10"):
        campaign.run(
            "tian2021", "smoke", {}, root=tmp_path, out=tmp_path / "out", jobs=1, device="cpu"
        )


def test_a_record_of_another_precision_is_made_again_where_this_machine_has_the_right_one(
    tmp_path, monkeypatch, copied_workers
):
    here = single.kind_here(tiny().recipe, "cpu")
    record = loop.fit(tiny().recipe, key="tian2021", device="cpu", out=tmp_path, progress=False)
    other = "float32" if here[0] == "bf16" else "bf16"
    store.save(dataclasses.replace(record, precision=other, seconds=0.0), tmp_path)
    again = tiny()._replace(again=here)
    assert single.recorded(tiny(), tmp_path) and not single.recorded(again, tmp_path)
    monkeypatch.setattr(experiments, "plan", lambda *args, **more: [])
    monkeypatch.setattr(
        experiments,
        "undecided",
        lambda *args, **more: [again, tiny(1)._replace(again=(other, "cpu"))],
    )
    given = dict(out=tmp_path, device="cpu", jobs=1, undecided=True)
    made = campaign.run("tian2021", "small", {}, **given, report=lambda row: row)
    assert made == (1, 0, 0) and store.load(store.find(record.id, tmp_path)).precision == here[0]
    assert single.recorded(again, tmp_path) and store.find(tiny(1).recipe.id, tmp_path) is None


# ---- floors
# ------------------------------------------------------------------------------------------------


def test_raw_pixels_are_a_record_one_for_each_set_of_images(tmp_path):
    runs = [tiny(0), tiny(1), tiny(0, limit=None)]
    plan = experiments.baselines_of(runs)
    assert [p.recipe.limit for p in plan] == [256, None] and plan[0].recipe == baseline.floor(
        runs[1].recipe
    )
    row = single.run_one(plan[0], None, tmp_path, "cpu", False)
    record = baseline.of([(runs[0], None), (runs[1], None)], tmp_path)
    assert record.key == "floors" and row["path"].endswith(f"floors/{record.id}.json")
    assert 60 < record.metrics["probe_accuracy"] < 98 and 60 < record.metrics["knn_accuracy"] < 98
    assert record.data == {"train": 256, "test": 500, "classes": 10}
    assert baseline.of([(runs[2], None)], tmp_path) is None, "not measured"
    store.save(dataclasses.replace(record, recipe=plan[1].recipe), tmp_path)
    assert baseline.of([(runs[0], None), (runs[2], None)], tmp_path) is None, (
        "runs on different images"
    )


def test_the_plan_measures_the_pixels_of_every_set_of_images_it_uses():
    for scale in ("smoke", "small", "gpu"):
        runs = experiments.plan(None, scale)
        covered = {p.recipe.id for p in experiments.baselines_of(runs)}
        assert covered == {baseline.floor(p.recipe).id for p in runs}


# ---- made again
# ------------------------------------------------------------------------------------------------


SHORT = dict(epochs=1, knn_every=1, limit=256, width=4, hidden=16, d=8)


@pytest.mark.parametrize(
    "key, experiment, arm", [("halvagal2023", "methods", "pred_iso"), ("wen2022", "heads", "mlp")]
)
def test_a_deleted_record_comes_again_with_the_same_numbers(key, experiment, arm, tmp_path):
    """At smoke scale, shortened, through the campaign and through the command that a chapter
    prints."""
    runs = experiments.scheduled(key, experiment, "smoke", **SHORT)
    p = next(p for p in runs if p.arm == arm)
    path = single.run_one(p, None, tmp_path, "cpu", False)["path"]
    first = store.load(path)
    os.unlink(path)
    assert store.find(p.recipe.id, tmp_path) is None
    assert single.run_one(p, None, tmp_path, "cpu", False)["path"] == path
    assert numbers(store.load(path)) == numbers(first)
    typed = shlex.split(select.command(p))[1:]
    done = CliRunner().invoke(main, [*typed, "--device", "cpu", "--out", str(tmp_path / "typed")])
    assert done.exit_code == 0, done.output
    assert numbers(store.load(store.find(p.recipe.id, tmp_path / "typed"))) == numbers(first)


@pytest.mark.parametrize("arm", ["random", "barlow_weight_10"])
def test_a_committed_record_comes_again_on_the_same_machine_type(arm, tmp_path):
    p = next(p for p in experiments.scheduled("companion", "atlas", "smoke") if p.arm == arm)
    stored = store.load(store.find(p.recipe.id))
    here, old = ((precision(p.recipe, "cpu"), versions()), (stored.precision, stored.versions))
    # older ones name no instruction set
    if here != old or not device_name("cpu", 1).startswith(stored.device):
        pytest.skip(
            f"the record was made on {stored.device}, {stored.precision}, torch"
            f" {stored.versions['torch']}"
        )
    made = store.load(single.run_one(p, None, tmp_path, "cpu", False)["path"])
    assert store.rounded(made.metrics["knn_accuracy"], 3) == store.rounded(
        stored.metrics["knn_accuracy"], 3
    )
    assert numbers(made) == numbers(stored)
