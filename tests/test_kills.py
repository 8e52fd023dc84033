"""What a run and a campaign survive: kills, signals, one run that several want."""

import signal
import time
from pathlib import Path

import fault_table
import processes
import pytest
from click.testing import CliRunner
from processes import command, eager
from tiny import TINY, numbers, own_cache, typed  # noqa: F401

from ncssl import files
from ncssl.cli import main
from ncssl.recipes import recipe
from ncssl.records import store
from ncssl.runs import campaign, experiments, single
from ncssl.train import loop


def soon(condition, seconds=600) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return condition()


def changed(path) -> int:
    """When a file was written last; 0 where there is none."""
    return path.stat().st_mtime_ns if path.exists() else 0


@pytest.mark.parametrize("kills", [2, pytest.param(50, marks=pytest.mark.slow)])
def test_a_run_that_is_killed_again_and_again_gives_the_same_record(kills, tmp_path):
    """kill -9, each time after another checkpoint was written."""
    epochs = max(TINY["epochs"], kills + 2)
    r = recipe("simsiam", **TINY | {"epochs": epochs})
    path, args = loop.checkpoint_path(r), [*typed(epochs=epochs), "--out", str(tmp_path / "out")]
    for _ in range(kills):
        before = changed(path)
        with processes.started(eager, *args) as child:
            assert soon(lambda child=child, before=before: child.ended() or changed(path) != before)
            child.process.kill()
    assert processes.run(eager, *args).returncode == 0
    ((_, record),) = store.scan(tmp_path / "out")
    assert numbers(record) == numbers(loop.fit(r, out=tmp_path / "whole"))
    if kills == 50:
        line = "a run killed after a checkpoint goes on, and the record is the same"
        fault_table.note(line, kills, kills)
    assert [*path.parent.iterdir()] == [] and [*(tmp_path / "out" / ".locks").iterdir()] == []


ENDS = [(signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted")]


@pytest.mark.slow
@pytest.mark.parametrize("number, code, word", ENDS)
def test_a_signal_to_the_parent_alone_ends_the_campaign_and_its_workers(
    number, code, word, tmp_path
):
    """Its runs would otherwise go on for minutes, as they do under `kill` and under Slurm's end of
    a job."""
    args = [
        "run",
        "--paper",
        "tian2021",
        "--scale",
        "small",
        "--dataset",
        "digits",
        "--set",
        "augmentation=digits",
    ]
    args += ["--set", "limit=256", "--set", "epochs=100000", "--jobs", "2", "--device", "cpu"]
    locks = tmp_path / "out" / ".locks"
    with processes.started(command, *args, "--out", str(tmp_path / "out")) as parent:
        assert soon(lambda: len([*locks.glob("*.lock")]) == 2 or parent.ended())
        parent.send(number)
        assert parent.wait() == code and f"ncssl: {word}" in parent.said()
    assert soon(lambda: not any(held(path) for path in locks.glob("*.lock"))), "a worker goes on"


def held(path) -> bool:
    with files.claimed(path) as mine:
        return not mine


def test_a_worker_that_is_killed_is_an_error_that_names_its_run(
    tmp_path, monkeypatch, copied_workers
):
    monkeypatch.setattr(campaign, "run_one", processes.fatal)
    runs = [
        experiments.Planned("tian2021", "e", "a", s, recipe("simsiam", seed=s, **TINY))
        for s in (0, 1)
    ]
    said = "a process was killed, perhaps for its memory, while at tian2021 e.a, seed 0"
    with pytest.raises(ChildProcessError, match=said):
        campaign.make(runs, (None, tmp_path, "cpu", False), 1, 0.0, None, print)


def test_a_run_that_another_process_is_at_is_left_to_it(tmp_path):
    r = recipe("simsiam", **TINY)
    with files.claimed(single.lock(r, tmp_path)):
        done = CliRunner().invoke(main, [*typed(), "--out", str(tmp_path)])
        assert done.exit_code == 75 and "another process is at this run" in done.stderr
        p = experiments.Planned("tian2021", "e", "a", 0, r)
        assert single.run_one(p, None, tmp_path, "cpu", False) is None
    assert CliRunner().invoke(main, [*typed(epochs=0), "--out", str(tmp_path)]).exit_code == 0


def test_a_torn_record_is_made_again(tmp_path):
    p = experiments.Planned("tian2021", "e", "a", 0, recipe("simsiam", **TINY | {"epochs": 0}))
    assert not single.recorded(p, tmp_path)
    row = single.run_one(p, None, tmp_path, "cpu", False)
    assert single.recorded(p, tmp_path) and single.run_one(p, None, tmp_path, "cpu", False) is None
    path = Path(row["path"])
    path.write_bytes(path.read_bytes()[:200])
    assert not single.recorded(p, tmp_path)
    assert single.run_one(p, None, tmp_path, "cpu", False)["path"] == row["path"] and store.load(
        path
    )


def test_shares_are_all_of_the_runs_and_each_once():
    runs = experiments.plan("tian2021", "smoke")
    shares = [campaign.select(runs, (), (i, 3)) for i in range(3)]
    assert sorted(p.recipe.id for share in shares for p in share) == sorted(
        p.recipe.id for p in runs
    )
    some = [runs[4].recipe.id, runs[1].recipe.id]
    assert [p.recipe.id for p in campaign.select(runs, some)] == [
        runs[1].recipe.id,
        runs[4].recipe.id,
    ]


def test_work_that_is_left_is_exit_code_75(tmp_path, monkeypatch):
    for left, code in ((3, 75), (0, 0)):
        monkeypatch.setattr(campaign, "run", lambda *a, left=left, **k: campaign.Tally(1, 0, left))
        assert (
            CliRunner()
            .invoke(main, ["run", "--paper", "tian2021", "--out", str(tmp_path)])
            .exit_code
            == code
        )
