"""Checkpoints: damaged ones, those of other runs, full disks, and what killed processes leave."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time

import processes
import pytest
import torch
from tiny import TINY, numbers, own_cache  # noqa: F401

from ncssl import files
from ncssl.errors import BadFile
from ncssl.recipes import recipe
from ncssl.records import store
from ncssl.train import checkpoint, loop


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """The checkpoint of a run after two of its four epochs, and the record that the whole run
    gives, `unprobed`."""
    folder = tmp_path_factory.mktemp("stopped")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NCSSL_CACHE", str(folder / "cache"))
        patch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
        patch.setattr(loop, "measured_last", lambda run: {})
        r = recipe("simsiam", **TINY)
        whole, real = loop.fit(r, out=folder / "whole"), loop.train_epoch

        def cut(run, tick):
            if run.epoch == 2:
                raise KeyboardInterrupt
            return real(run, tick)

        patch.setattr(loop, "train_epoch", cut)
        with pytest.raises(KeyboardInterrupt):
            loop.fit(r, out=folder / "cut")
        shutil.copy(loop.checkpoint_path(r), folder)
    return folder / loop.checkpoint_path(r).name, whole


@pytest.fixture
def unprobed(monkeypatch):
    """At the end of a run nothing more is measured of its network than the curves have of it."""
    monkeypatch.setattr(loop, "measured_last", lambda run: {})


DAMAGE = {
    "a bit": lambda b: b[: len(b) // 2] + bytes([b[len(b) // 2] ^ 1]) + b[len(b) // 2 + 1 :],
    "a zeroed page": lambda b: b[:4096] + bytes(4096) + b[8192:],
    "half": lambda b: b[: len(b) // 2],
    "all but a byte": lambda b: b[:-1],
    "more": lambda b: b + b"\0",
    "empty": lambda b: b"",
    "text": lambda b: b"no",
    "its head": lambda b: b[:40],
    "no digest": lambda b: b[checkpoint.START :],
}
STATES = {
    "tensor": lambda s: torch.ones(3),
    "list": lambda s: [s],
    "none": lambda s: None,
    "empty": lambda s: {},
    "another recipe": lambda s: s | {"id": "0123456789ab"},
    "another machine": lambda s: s | {"made": s["made"] | {"device": "Z80, 1 threads"}},
    "beyond its end": lambda s: s | {"epoch": 10**9},
    "half an epoch": lambda s: s | {"epoch": 2.5},
    "another epoch": lambda s: s | {"epoch": 3},
    "no time": lambda s: s | {"seconds": float("nan")},
    "a curve too long": lambda s: s | {"curves": s["curves"] | {"knn_accuracy": [1.0] * 9}},
    "a loss too short": lambda s: s | {"curves": s["curves"] | {"loss": [1.0]}},
    "no curves": lambda s: s | {"curves": None},
    "no model": lambda s: {k: v for k, v in s.items() if k != "model"},
    "a part of the model": lambda s: s | {"model": dict(list(s["model"].items())[:-1])},
    "no optimiser": lambda s: s | {"optimiser": {}},
    "a generator": lambda s: s | {"generator": torch.zeros(3)},
}


OTHER = {"folder": os.mkdir, "pipe": os.mkfifo, "device": lambda path: path.symlink_to("/dev/zero")}


@pytest.mark.parametrize("case", [*DAMAGE, *STATES, *OTHER])
def test_a_checkpoint_that_is_not_the_runs_own_is_set_aside_and_the_run_starts_over(
    case, stopped, unprobed, tmp_path, capsys
):
    """Nothing of it is left in the run: the numbers are those of a run that was never
    interrupted."""
    source, whole = stopped
    r = recipe("simsiam", **TINY)
    path = loop.checkpoint_path(r)
    path.parent.mkdir(parents=True)
    if case in OTHER:
        OTHER[case](path)
    elif case in DAMAGE:
        path.write_bytes(DAMAGE[case](source.read_bytes()))
        with pytest.raises(BadFile, match=path.name):
            checkpoint.load(path)
    else:
        checkpoint.save(path, STATES[case](checkpoint.load(source)))
    made = loop.fit(r, out=tmp_path / "out")
    assert numbers(made) == numbers(whole)
    said = capsys.readouterr().err
    assert str(path) in said and "the run starts over" in said and len(said.splitlines()) == 1
    assert path.with_suffix(".damaged").exists() and not path.exists()


def test_a_whole_checkpoint_is_gone_on_from(stopped, unprobed, tmp_path, capsys, monkeypatch):
    source, whole = stopped
    path = loop.checkpoint_path(recipe("simsiam", **TINY))
    path.parent.mkdir(parents=True)
    shutil.copy(source, path)
    real, epochs = loop.train_epoch, []
    monkeypatch.setattr(
        loop, "train_epoch", lambda run, tick: epochs.append(run.epoch) or real(run, tick)
    )
    assert numbers(loop.fit(recipe("simsiam", **TINY), out=tmp_path)) == numbers(whole)
    assert epochs == [2, 3] and capsys.readouterr().err == ""


def test_what_was_set_aside_before_stays(tmp_path):
    for n in range(3):
        (tmp_path / "a.pt").write_text(str(n))
        files.aside(tmp_path / "a.pt")
    found = {p.name: p.read_text() for p in tmp_path.iterdir()}
    assert found == {"a.damaged": "0", "a.damaged1": "1", "a.damaged2": "2"}


def saved_in_little(path):
    """Save a checkpoint of 4 MB where no file may grow beyond 64 KiB: a real limit, of this process
    alone."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, 2**16))
    checkpoint.save(path, {"epoch": 2, "w": torch.zeros(10**6)})


def test_a_full_disk_leaves_the_last_checkpoint_whole(tmp_path):
    path = tmp_path / "c.pt"
    checkpoint.save(path, {"epoch": 1, "w": torch.ones(3)})
    done = processes.run(saved_in_little, str(path))
    assert done.returncode == 1 and "OSError" in done.stderr and "File too large" in done.stderr
    assert checkpoint.load(path)["epoch"] == 1 and [p.name for p in tmp_path.iterdir()] == ["c.pt"]


def test_a_run_whose_record_finds_no_place_is_not_trained_again(tmp_path, unprobed, monkeypatch):
    r, out = recipe("simsiam", **TINY | {"epochs": 1}), tmp_path / "out"
    out.mkdir()
    (out / "custom").touch()
    with pytest.raises(FileExistsError):
        loop.fit(r, out=out)
    (out / "custom").unlink()
    monkeypatch.setattr(loop, "train_epoch", lambda *given: pytest.fail("it trains again"))
    record = loop.fit(r, out=out)
    assert record.curves["epoch"] == [0, 1] and store.find(r.id, out)
    assert not loop.checkpoint_path(r).exists()


def test_a_wrong_clock_takes_no_file_from_another_host(tmp_path, monkeypatch):
    """What another host is writing is as young as the folder says, whatever time it is here."""
    writing = tmp_path / ".a.pt.elsewhere.1.x"
    for clock in (0.0, 4e9):
        monkeypatch.setattr(time, "time", lambda clock=clock: clock)
        writing.write_text("")
        files.sweep(tmp_path, ".pt")
        assert [path.name for path in tmp_path.iterdir()] == [writing.name]
    os.utime(writing, (files.now(tmp_path) - 2 * files.HOUR,) * 2)
    files.sweep(tmp_path, ".pt")
    assert list(tmp_path.iterdir()) == []


def test_half_written_files_of_dead_processes_are_removed_and_no_others(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    host = os.uname().nodename
    names = {
        f".a.pt.{host}.{process.pid}.x": False,
        f".a.pt.{host}.{os.getpid()}.x": True,
        f".a.pt.elsewhere.{process.pid}.x": True,
        ".a.pt.abcdef": True,
        ".b.pt.old": False,
        "a.pt": True,
        ".a.lock": True,
    }
    for name in names:
        (tmp_path / name).write_text("")
    os.utime(tmp_path / ".b.pt.old", (time.time() - 2 * files.HOUR,) * 2)
    files.sweep(tmp_path, ".pt")
    assert {p.name for p in tmp_path.iterdir()} == {name for name, stays in names.items() if stays}


def test_a_cache_that_cannot_be_written_costs_the_checkpoint_not_the_record(
    tmp_path, monkeypatch, capsys
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NCSSL_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    record = loop.fit(recipe("simsiam", **TINY), out=tmp_path / "out")
    said = capsys.readouterr().err
    assert (
        record.status == "done"
        and said.count("no checkpoint of") == 1
        and "choose another folder" in said
    )
