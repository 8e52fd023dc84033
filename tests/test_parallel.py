"""Two processes with half a batch each give what one gives with the whole: by gloo, on the CPU."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import processes
import pytest
import shared_runs
import torch
from torch import nn

from ncssl import parallel
from ncssl.augment import augment, policy
from ncssl.records import store
from ncssl.runs import campaign, experiments
from ncssl.train import fit

EXACT = dict(rel=1e-9, abs=1e-12)  # in float64


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """The folder in which two processes did what `shared_runs` says, and went on from one's
    checkpoint."""
    folder = tmp_path_factory.mktemp("together")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NCSSL_CACHE", str(folder / "cache"))
        shared_runs.begun(shared_runs.tiny("byol", seed=1), 1)
        for done in processes.together(shared_runs.all_of_it, folder):
            assert done.returncode == 0, done.stderr[-3000:]
        yield folder


@pytest.mark.slow
@pytest.mark.parametrize("method", shared_runs.METHODS)
def test_two_processes_take_the_steps_of_one(method, together):
    theirs = json.loads((together / "steps.json").read_text())[method]
    ours = shared_runs.steps(method)
    assert theirs["losses"] == pytest.approx(ours["losses"], **EXACT)
    assert theirs["lengths"] == pytest.approx(ours["lengths"], **EXACT)


def record(folder, r) -> store.Record:
    """The one record of a recipe under a folder."""
    (path,) = folder.rglob(f"{r.id}.json")
    return store.load(path)


@pytest.mark.slow
@pytest.mark.parametrize("r", [shared_runs.probed(), shared_runs.spoken()])
def test_a_record_made_by_two_is_that_of_one_but_for_rounding(r, together, tmp_path):
    theirs, ours = record(together, r), fit(r, out=tmp_path)
    assert theirs.device == f"{ours.device}, 2 processes"
    assert theirs.curves["loss"] == pytest.approx(ours.curves["loss"], rel=1e-3)
    for name, value in ours.metrics.items():
        if name.endswith(("_accuracy", "_eer")) and value is not None:
            assert theirs.metrics[name] == pytest.approx(value, abs=2.0), name


@pytest.mark.slow
def test_a_checkpoint_does_not_know_how_many_wrote_it(together, tmp_path):
    """Begun by one and ended by two (seed 1), begun by two and ended by one (seed 2)."""
    with pytest.MonkeyPatch.context() as patch:  # nothing that another began
        patch.setenv("NCSSL_CACHE", str(tmp_path / "cache"))
        whole = [fit(shared_runs.tiny("byol", seed=s), out=tmp_path / "one") for s in (1, 2)]
    by_two = record(together, shared_runs.tiny("byol", seed=1))
    assert by_two.curves["loss"][0] == pytest.approx(
        whole[0].curves["loss"][0], rel=1e-5
    )  # the epoch of one process
    left = together / "cache" / "checkpoints" / f"{shared_runs.tiny('byol', seed=2).id}.pt"
    assert left.exists()
    by_one = fit(shared_runs.tiny("byol", seed=2), out=tmp_path / "two")
    assert not left.exists() and by_one.device.endswith("2 processes")
    for made, alone in zip((by_two, by_one), whole, strict=True):
        assert made.curves["loss"] == pytest.approx(alone.curves["loss"], rel=1e-3)


@pytest.mark.slow
def test_the_command_runs_under_torchrun_and_writes_one_record(tmp_path):
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    run += [
        "-m",
        "ncssl",
        "run",
        "--method",
        "directpred",
        "--out",
        str(tmp_path),
        "--device",
        "cpu",
    ]
    for name, value in (shared_runs.TINY | {"epochs": 1}).items():
        run += ["--set", f"{name}={value}"]
    env = os.environ | {"OMP_NUM_THREADS": "1", "NCSSL_CACHE": str(tmp_path / "cache")}
    done = subprocess.run([*run, "--json"], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (
        len(done.stdout.strip().splitlines()) == 1 and json.loads(done.stdout)["status"] == "done"
    )
    (path,) = tmp_path.glob("custom/*.json")
    assert store.load(path).device.endswith("2 processes")


@pytest.mark.slow
def test_the_runs_of_a_paper_come_one_after_another_each_over_all_processes(tmp_path):
    few = {"epochs": 1, "knn_every": 1, "limit": 200, "width": 4, "hidden": 16, "d": 8}
    plan = experiments.plan("tian2021", "smoke", tmp_path, **few)
    runs = [p for p in plan if p.recipe.epochs][:2]
    run = ["run", "--paper", "tian2021", "--device", "cpu", "--out", str(tmp_path)]
    run += [part for name, value in few.items() for part in ("--set", f"{name}={value}")]
    run += [part for p in runs for part in ("--only", p.recipe.id)]
    cache = {"NCSSL_CACHE": str(tmp_path / "cache")}
    first, second = processes.together(processes.command, *run, "--json", **cache)
    assert first.returncode == second.returncode == 0, first.stderr[-3000:] + second.stderr[-3000:]
    made = {json.loads(line)["id"] for line in first.stdout.strip().splitlines()}
    assert second.stdout == ""
    assert made == {p.recipe.id for p in runs}
    assert all(record(tmp_path, p.recipe).device.endswith("2 processes") for p in runs)


def test_a_batch_that_cannot_be_shared_is_refused(monkeypatch):
    monkeypatch.setattr(parallel, "count", lambda: 3)
    with pytest.raises(ValueError, match="batch was 64; allowed: a multiple of the 3 processes"):
        parallel.share(64)


def test_a_share_of_the_views_is_that_of_the_whole_batch():
    images = torch.randint(0, 256, (8, 3, 16, 16), dtype=torch.uint8)
    for view in {v for name in ("symmetric", "asymmetric", "digits") for v in policy(name)}:
        whole, part = (
            augment(images[rows], view, torch.Generator().manual_seed(3), part=rows, whole=8)
            for rows in (slice(None), slice(4, 8))
        )
        assert torch.equal(whole[4:], part)


def test_alone_nothing_is_shared():
    x, net = torch.randn(6, 4), nn.Sequential(nn.BatchNorm1d(4))
    assert parallel.gather(x) is x and parallel.share(6) == slice(None) and parallel.agreed(5) == 5
    expected = net(x)
    parallel.share_norms(net)
    assert isinstance(net[0], parallel.SharedBatchNorm)
    net[0].reset_running_stats()
    assert torch.equal(net(x), expected)


def test_each_gpu_of_a_machine_has_one_run_at_a_time(monkeypatch, tmp_path):
    """A campaign hands a device to the next run when the last one on it is done."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    busy, seen = set(), []

    def one(planned, root, out, device, download, deadline=None):
        assert device not in busy
        busy.add(device)
        time.sleep(0.02)
        busy.remove(device)
        seen.append(device)
        return {"id": planned.recipe.id}

    monkeypatch.setattr(campaign, "run_one", one)
    monkeypatch.setattr(campaign, "workers", lambda jobs, begin: ThreadPoolExecutor(jobs))
    runs, rows = experiments.plan("tian2021", "smoke", tmp_path)[:7], []
    given = (None, tmp_path, "cuda", False)
    tally = campaign.make(runs, given, campaign.gpus("cuda"), 0.0, None, rows.append)
    assert tally == (7, 0, 0) and set(seen) == {"cuda:0", "cuda:1"}
    assert {row["id"] for row in rows} == {p.recipe.id for p in runs}


@pytest.mark.parametrize(
    "device, jobs, expected",
    [
        ("cuda", 3, ["cuda:0", "cuda:1", "cuda:0"]),
        ("cuda:1", 2, ["cuda:1", "cuda:1"]),
        ("cpu", 2, ["cpu", "cpu"]),
    ],
)
def test_runs_are_spread_over_the_gpus(monkeypatch, device, jobs, expected):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert campaign.places(device, jobs) == expected


def test_what_processes_would_not_do_at_one_moment_is_refused(monkeypatch, tmp_path):
    for name, value in dict(RANK="0", WORLD_SIZE="2", MASTER_ADDR="x", MASTER_PORT="1").items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match="--jobs and --budget given under torchrun; leave that"):
        campaign.run("tian2021", "smoke", {}, out=tmp_path, jobs=2, budget=60.0)
