"""fit: exact resume, failure with a reason, whole checkpoints, and what collapse looks like in a
record."""

import json
import os
import platform
import subprocess
import sys

import pytest
import torch

from ncssl import data, machine
from ncssl.errors import BadFile
from ncssl.recipes import recipe
from ncssl.records import store
from ncssl.runs import campaign, experiments
from ncssl.train import loop
from ncssl.train.run import precision

TINY = dict(epochs=4, limit=400, width=4, hidden=16, d=8, batch=64, knn_every=2)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Checkpoints of these tests stay apart, so that no run goes on from another's."""
    monkeypatch.setattr(loop, "checkpoint_path", lambda r: tmp_path / "checkpoints" / f"{r.id}.pt")


def same(a: store.Record, b: store.Record) -> None:
    """Equal in everything but time."""
    timed = "images_per_second"
    assert {k: v for k, v in a.metrics.items() if k != timed} == {
        k: v for k, v in b.metrics.items() if k != timed
    }
    assert a.curves == b.curves


def test_the_same_recipe_gives_the_same_numbers_and_another_seed_others(tmp_path):
    r = recipe("directpred", **TINY)
    one, two = loop.fit(r, out=tmp_path / "a"), loop.fit(r, out=tmp_path / "b")
    same(one, two)
    other = loop.fit(recipe("directpred", seed=1, **TINY), out=tmp_path / "a")
    assert other.curves["loss"] != one.curves["loss"]


def test_tiny_numbers_are_zero_while_a_run_computes_and_the_record_is_the_same(
    tmp_path, monkeypatch
):
    """Else each step of a network whose weights decay to nothing takes many times as long."""
    assert not machine.flushes()
    with machine.computing():
        assert machine.flushes() or platform.machine() not in ("x86_64", "aarch64")
    assert not machine.flushes()
    r = recipe("simsiam", **TINY)
    flushed = loop.fit(r, out=tmp_path / "a")
    monkeypatch.setattr(torch, "set_flush_denormal", lambda wanted: False)
    same(loop.fit(r, out=tmp_path / "b"), flushed)


@pytest.mark.slow
def test_a_compiled_encoder_gives_the_same_numbers(tmp_path, monkeypatch):
    """The captured graphs are run as they are: the code made of them differs between machines and
    takes a minute."""
    compile = torch.nn.Module.compile
    graphs = []
    monkeypatch.setattr(
        torch.nn.Module, "compile", lambda m: graphs.append(m) or compile(m, backend="aot_eager")
    )
    r = recipe("byol", **TINY | {"precision": "float32"})
    eager, captured = (
        loop.fit(r, out=tmp_path / "a"),
        loop.fit(r, out=tmp_path / "b", compiled=True),
    )
    assert len(graphs) == 2 and captured.device == f"{eager.device}, compiled"
    assert captured.curves["loss"] == pytest.approx(eager.curves["loss"], rel=1e-4)
    assert captured.metrics["knn_accuracy"] == pytest.approx(eager.metrics["knn_accuracy"], abs=1)


@pytest.mark.slow
def test_a_probe_that_learns_beside_changes_nothing(tmp_path):
    longer = TINY | {"epochs": 12, "limit": None, "knn_every": 12}
    alone = loop.fit(recipe("byol", **longer), out=tmp_path / "a")
    beside = loop.fit(recipe("byol", online_probe=True, **longer), out=tmp_path / "b")
    accuracy = beside.curves.pop("online_accuracy")
    assert (
        accuracy[0] == 10
        and accuracy[-1] > 15
        and beside.metrics.pop("online_accuracy") == accuracy[-1]
    )
    same(alone, beside)
    with pytest.raises(ValueError, match="online_probe was 'yes'; allowed: true, false"):
        recipe("byol", online_probe="yes")


CUT = [
    ("byol", {}, {}),
    ("directpred", {"freq": 3}, {}),
    ("simsiam", {"keep": 0.0}, {"online_probe": True}),
]


@pytest.mark.parametrize("method, options, values", CUT)
def test_an_interrupted_run_goes_on_exactly(method, options, values, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    r = recipe(method, options=options, **TINY | values)
    whole = loop.fit(r, out=tmp_path / "whole")
    real, calls = loop.train_epoch, []

    def cut(run, tick):
        calls.append(run.epoch)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(run, tick)

    monkeypatch.setattr(loop, "train_epoch", cut)
    with pytest.raises(KeyboardInterrupt):
        loop.fit(r, out=tmp_path / "cut")
    assert loop.checkpoint_path(r).exists() and store.find(r.id, tmp_path / "cut") is None
    resumed = loop.fit(r, out=tmp_path / "cut")
    assert calls == [0, 1, 2, 2, 3]  # the third epoch was done again, the first two were not
    same(whole, resumed)
    assert not loop.checkpoint_path(r).exists()


def test_a_nan_stops_the_run_and_its_record_says_where(tmp_path, monkeypatch):
    real = loop.train_step
    monkeypatch.setattr(
        loop, "train_step", lambda run, x, i: real(run, x, i) * (float("nan") if i >= 8 else 1.0)
    )
    r = recipe("simsiam", **TINY)
    record = loop.fit(r, out=tmp_path)
    assert record.status == "failed" and "step 8" in record.reason and "nan" in record.reason
    again = store.load(store.find(r.id, tmp_path))
    assert again.status == "failed" and again.reason == record.reason
    assert again.curves["loss"] == pytest.approx(record.curves["loss"], rel=1e-5)


def test_a_learning_rate_that_explodes_is_a_failed_record_not_a_crash(tmp_path):
    record = loop.fit(recipe("byol", lr=1e30, **TINY), out=tmp_path)
    assert record.status == "failed" and "step" in record.reason


def test_epochs_zero_is_the_random_encoder(tmp_path):
    record = loop.fit(
        recipe("byol", options={"predictor": "linear"}, **TINY | {"epochs": 0}), out=tmp_path
    )
    assert record.status == "done" and record.curves["epoch"] == [0]
    assert {"probe_accuracy", "alignment", "asymmetry", "std_normalised"} <= set(record.metrics)


def test_records_survive_the_file_and_bad_ones_are_named(tmp_path):
    record = loop.fit(recipe("byol", **TINY | {"epochs": 1}), key="tian2021", out=tmp_path)
    path = tmp_path / "tian2021" / f"{record.id}.json"
    good = path.read_text()
    assert store.load(path).recipe == record.recipe
    body = json.loads(good)
    cases = {
        "truncated": good[: len(good) // 2],
        "other": "[]",
        "field": json.dumps(body | {"extra": 1}),
        "hash": json.dumps(body | {"recipe": body["recipe"] | {"seed": 99}}),
        "value": json.dumps(body | {"metrics": body["metrics"] | {"knn_accuracy": 101.0}}),
        "missing": json.dumps(body | {"metrics": {}}),
        "format": json.dumps(body | {"format": 0}),
        "recipe": json.dumps(
            body | {"recipe": {k: v for k, v in body["recipe"].items() if k != "lr"}}
        ),
        "status": json.dumps(body | {"status": "nearly"}),
    }
    for name, text in cases.items():
        (tmp_path / "bad").mkdir(exist_ok=True)
        bad = tmp_path / "bad" / f"{record.id}.json"
        bad.write_text(text)
        with pytest.raises(BadFile, match="bad/"):
            store.load(bad)
        found = dict(store.scan(tmp_path))
        assert isinstance(found[bad], BadFile), name
        assert isinstance(found[path], store.Record), name


def test_campaign_makes_what_is_missing_once_and_keeps_to_its_budget(
    tmp_path, monkeypatch, copied_workers
):
    runs = [
        experiments.Planned(
            "tian2021", "e", f"arm{i}", 0, recipe("simsiam", seed=i, **TINY | {"epochs": 1})
        )
        for i in range(3)
    ]
    monkeypatch.setattr(experiments, "plan", lambda *a, **k: runs)
    rows = []
    tally = campaign.run(
        "tian2021", "smoke", {}, out=tmp_path, jobs=1, budget=0.0, report=rows.append
    )
    assert tally.made <= 1 and tally.made + tally.left == 4, (
        "three runs and the floor of their images"
    )
    made = campaign.run("tian2021", "smoke", {}, out=tmp_path, jobs=2, report=rows.append).made
    assert made >= 2 and sorted(r["run"] for r in rows if r["run"].startswith("e.")) == [
        "e.arm0",
        "e.arm1",
        "e.arm2",
    ]
    assert campaign.run("tian2021", "smoke", {}, out=tmp_path, jobs=2, report=rows.append) == (
        0,
        0,
        0,
    )
    assert (
        sum(isinstance(r, store.Record) and r.key == "tian2021" for _, r in store.scan(tmp_path))
        == 3
    )
    loop.fit(runs[2].recipe, out=tmp_path / "alone")
    same(
        *(store.load(store.find(runs[2].recipe.id, out)) for out in (tmp_path, tmp_path / "alone"))
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_learning_and_collapse_are_ten_points_apart_on_other_seeds(seed, tmp_path):
    """The runs of the first notebook, which itself has seed 0, on the embedded data: probe on three
    labels a class."""
    variants = {
        "learns": {},
        "no stop-gradient": {"stop_gradient": False},
        "no predictor": {"predictor": "none"},
    }
    score = {}
    for name, options in variants.items():
        wanted = recipe(
            "simsiam", options={"output_norm": False} | options, seed=seed, epochs=60, knn_every=60
        )
        score[name] = loop.fit(wanted, out=tmp_path).metrics["few_label_accuracy"]
    assert score.pop("learns") >= 10 + max(score.values())


def test_the_records_of_the_embedded_data_tell_three_encoders_apart():
    """Collapsed, untrained and trained differ by ten points each in kNN accuracy on every seed
    (digits, defaults)."""
    score = {}
    for _, r in store.scan():
        if (
            isinstance(r, store.Record)
            and r.key == "embedded_choice"
            and r.recipe.options["output_norm"]
        ):
            trained = "trained" if r.recipe.options["stop_gradient"] else "collapsed"
            kind = trained if r.recipe.epochs else "untrained"
            score.setdefault(r.recipe.seed, {})[kind] = r.metrics["knn_accuracy"]
    assert len(score) >= 3
    for s in score.values():
        assert s["trained"] >= s["untrained"] + 10 and s["untrained"] >= s["collapsed"] + 10


@pytest.mark.cuda
def test_a_cuda_run_is_done_in_the_precision_of_the_device(tmp_path):
    r = recipe("directpred", dataset="digits", **TINY)
    a = loop.fit(r, out=tmp_path / "a", device="cuda")
    assert a.status == "done" and a.precision == precision(r, "cuda") and a.peak_memory_mb > 0


def test_command_line_runs_and_prints_json(tmp_path):
    args = (
        "run --method simsiam --seed 3 --set epochs=1 --set limit=256 --set stop_gradient=false"
        " --json".split()
    )
    env = os.environ | {"NCSSL_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-m", "ncssl", *args, "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        env=env,
    )
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)
    record = store.load(row["path"])
    assert record.recipe.seed == 3 and record.recipe.options["stop_gradient"] is False
    assert {"knn_accuracy", "probe_accuracy", "std_normalised", "effective_rank"} <= set(
        row["metrics"]
    )


def test_images_are_kept_as_uint8_on_the_device():
    run = loop.start(recipe("simsiam", **TINY))
    assert (
        run.data.train.images.dtype == torch.uint8
        and run.data.train.images.device.type == run.device
    )
    assert isinstance(run.data.train, data.Images)
