"""What a run survives: other numbers of threads, damaged checkpoints, kills, full disks."""

import os
import shutil
import subprocess
import sys
import time

import pytest
import torch
from click.testing import CliRunner

from ncssl import checkpoint, files, train
from ncssl.cli import main
from ncssl.errors import BadFile
from ncssl.machine import computing
from ncssl.recipes import recipe
from ncssl.records import store

TINY = dict(epochs=4, limit=256, width=4, hidden=16, d=8, batch=64, knn_every=2)
SET = [word for name, value in TINY.items() for word in ("--set", f"{name}={value}")]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Checkpoints and locks of these tests stay apart."""
    monkeypatch.setenv("NCSSL_CACHE", str(tmp_path / "cache"))


def numbers(record: store.Record):
    """What of a record must come again: every number but the time."""
    metrics = {name: value for name, value in record.metrics.items() if name != "images_per_second"}
    return store.rounded(metrics), store.rounded(record.curves)


def run_in(folder, *more, **environment):
    """`ncssl run` of the tiny recipe in a process of its own, its records in `folder`."""
    command = [sys.executable, "-m", "ncssl", "run", "--method", "simsiam", "--device", "cpu", "--out", str(folder)]
    given = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")} | environment
    return subprocess.Popen([*command, *SET, *more], env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


# ---- threads ---------------------------------------------------------------------------------------------------------


def test_the_numbers_do_not_depend_on_the_threads_that_a_caller_has(tmp_path):
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 4):
            torch.set_num_threads(threads)
            found.append(train.fit(recipe("simsiam", **TINY), out=tmp_path / str(threads)))
            assert torch.get_num_threads() == threads, "what the caller had comes back"
    finally:
        torch.set_num_threads(before)
    assert numbers(found[0]) == numbers(found[1]) == numbers(found[2])
    assert {r.device for r in found} == {train.device_name("cpu", 1)}
    assert ", 1 threads, " in found[0].device and found[0].device.endswith(torch.backends.cpu.get_cpu_capability())


def test_more_threads_are_said_in_the_record(tmp_path):
    words = ["run", "--method", "simsiam", *SET[2:], "--set", "epochs=0", "--threads", "2"]
    done = CliRunner().invoke(main, [*words, "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    ((_, record),) = store.scan(tmp_path)
    assert ", 2 threads, " in record.device
    for wrong in (0, 1.5, True):
        with pytest.raises(ValueError, match=f"threads was {wrong}; allowed: an integer >= 1"):
            train.fit(recipe("simsiam", **TINY), out=tmp_path, threads=wrong)


def test_every_library_computes_with_the_threads_that_are_said_and_float32_is_no_tf32():
    import threadpoolctl

    kinds = torch.backends.cuda.matmul, torch.backends.cudnn
    torch.backends.cudnn.allow_tf32, before = True, torch.backends.cudnn.allow_tf32
    with computing(1):
        assert {library["num_threads"] for library in threadpoolctl.threadpool_info()} == {1}
        assert torch.get_num_threads() == 1 and not any(kind.allow_tf32 for kind in kinds)
    assert torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = before


# ---- checkpoints -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """The checkpoint of a run after two of its four epochs, and the record that the whole run gives."""
    folder = tmp_path_factory.mktemp("stopped")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NCSSL_CACHE", str(folder / "cache"))
        patch.setattr(train, "CHECKPOINT_SECONDS", 0.0)
        r = recipe("simsiam", **TINY)
        whole, real = train.fit(r, out=folder / "whole"), train.train_epoch

        def cut(run, tick):
            if run.epoch == 2:
                raise KeyboardInterrupt
            return real(run, tick)

        patch.setattr(train, "train_epoch", cut)
        with pytest.raises(KeyboardInterrupt):
            train.fit(r, out=folder / "cut")
        shutil.copy(train.checkpoint_path(r), folder)
    return folder / train.checkpoint_path(r).name, whole


DAMAGE = {
    "a bit": lambda b: b[: len(b) // 2] + bytes([b[len(b) // 2] ^ 1]) + b[len(b) // 2 + 1 :],
    "a zeroed page": lambda b: b[:4096] + bytes(4096) + b[8192:], "half": lambda b: b[: len(b) // 2],
    "all but a byte": lambda b: b[:-1], "more": lambda b: b + b"\0", "empty": lambda b: b"", "text": lambda b: b"no",
    "its head": lambda b: b[:40], "no digest": lambda b: b[checkpoint.START :],
}  # fmt: skip
STATES = {
    "tensor": lambda s: torch.ones(3), "list": lambda s: [s], "none": lambda s: None, "empty": lambda s: {},
    "another recipe": lambda s: s | {"id": "0123456789ab"},
    "another machine": lambda s: s | {"made": s["made"] | {"device": "Z80, 1 threads"}},
    "beyond its end": lambda s: s | {"epoch": 10**9}, "half an epoch": lambda s: s | {"epoch": 2.5},
    "another epoch": lambda s: s | {"epoch": 3}, "no time": lambda s: s | {"seconds": float("nan")},
    "a curve too long": lambda s: s | {"curves": s["curves"] | {"knn_accuracy": [1.0] * 9}},
    "a loss too short": lambda s: s | {"curves": s["curves"] | {"loss": [1.0]}},
    "no curves": lambda s: s | {"curves": None}, "no model": lambda s: {k: v for k, v in s.items() if k != "model"},
    "a part of the model": lambda s: s | {"model": dict(list(s["model"].items())[:-1])},
    "no optimiser": lambda s: s | {"optimiser": {}}, "a generator": lambda s: s | {"generator": torch.zeros(3)},
}  # fmt: skip


@pytest.mark.parametrize("case", [*DAMAGE, *STATES, "folder"])
def test_a_checkpoint_that_is_not_the_runs_own_is_set_aside_and_the_run_starts_over(case, stopped, tmp_path, capsys):
    """Nothing of it is left in the run: the numbers are those of a run that was never interrupted."""
    source, whole = stopped
    r = recipe("simsiam", **TINY)
    path = train.checkpoint_path(r)
    path.parent.mkdir(parents=True)
    if case == "folder":
        path.mkdir()
    elif case in DAMAGE:
        path.write_bytes(DAMAGE[case](source.read_bytes()))
        with pytest.raises(BadFile, match=path.name):
            checkpoint.load(path)
    else:
        checkpoint.save(path, STATES[case](checkpoint.load(source)))
    made = train.fit(r, out=tmp_path / "out")
    assert numbers(made) == numbers(whole)
    said = capsys.readouterr().err
    assert str(path) in said and "the run starts over" in said and len(said.splitlines()) == 1
    assert path.with_suffix(".damaged").exists() and not path.exists()


def test_a_whole_checkpoint_is_gone_on_from(stopped, tmp_path, capsys, monkeypatch):
    source, whole = stopped
    path = train.checkpoint_path(recipe("simsiam", **TINY))
    path.parent.mkdir(parents=True)
    shutil.copy(source, path)
    real, epochs = train.train_epoch, []
    monkeypatch.setattr(train, "train_epoch", lambda run, tick: epochs.append(run.epoch) or real(run, tick))
    assert numbers(train.fit(recipe("simsiam", **TINY), out=tmp_path)) == numbers(whole)
    assert epochs == [2, 3] and capsys.readouterr().err == ""


def test_what_was_set_aside_before_stays(tmp_path):
    for n in range(3):
        (tmp_path / "a.pt").write_text(str(n))
        files.aside(tmp_path / "a.pt")
    found = {p.name: p.read_text() for p in tmp_path.iterdir()}
    assert found == {"a.damaged": "0", "a.damaged1": "1", "a.damaged2": "2"}


def test_a_full_disk_leaves_the_last_checkpoint_whole(tmp_path):
    """A real limit: no file of the process may grow beyond 64 KiB."""
    path = tmp_path / "c.pt"
    checkpoint.save(path, {"epoch": 1, "w": torch.ones(3)})
    script = (
        "import resource, signal, sys, torch; from ncssl import checkpoint; "
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, 2**16)); "
        "checkpoint.save(sys.argv[1], {'epoch': 2, 'w': torch.zeros(10**6)})"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True)
    assert done.returncode == 1 and "OSError" in done.stderr and "File too large" in done.stderr
    assert checkpoint.load(path)["epoch"] == 1 and [p.name for p in tmp_path.iterdir()] == ["c.pt"]


def test_half_written_files_of_dead_processes_are_removed_and_no_others(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    host = os.uname().nodename
    names = {
        f".a.pt.{host}.{process.pid}.x": False, f".a.pt.{host}.{os.getpid()}.x": True,
        f".a.pt.elsewhere.{process.pid}.x": True,
        ".a.pt.abcdef": True, ".b.pt.old": False, "a.pt": True, ".a.lock": True,
    }  # fmt: skip
    for name in names:
        (tmp_path / name).write_text("")
    os.utime(tmp_path / ".b.pt.old", (time.time() - 2 * files.HOUR,) * 2)
    files.sweep(tmp_path, ".pt")
    assert {p.name for p in tmp_path.iterdir()} == {name for name, stays in names.items() if stays}
