"""What a run survives: other threads, damaged checkpoints, kills, signals, closed folders; and
which data it had."""

import contextlib
import csv
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import fault_table
import numpy as np
import pytest
import threadpoolctl
import torch
from click.testing import CliRunner
from PIL import Image

from ncssl import files
from ncssl.cli import main
from ncssl.data import identity
from ncssl.data.corpus import Corpus, File
from ncssl.errors import BadFile
from ncssl.machine import computing, device_name
from ncssl.recipes import recipe
from ncssl.records import store
from ncssl.runs import campaign, experiments, single
from ncssl.train import checkpoint, loop

TINY = dict(epochs=4, limit=256, width=4, hidden=16, d=8, batch=64, knn_every=2)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Checkpoints and locks of these tests stay apart."""
    monkeypatch.setenv("NCSSL_CACHE", str(tmp_path / "cache"))


def numbers(record: store.Record):
    """What of a record must come again: every number but the time."""
    metrics = {name: value for name, value in record.metrics.items() if name != "images_per_second"}
    return store.rounded(metrics), store.rounded(record.curves)


# ---- threads
# ------------------------------------------------------------------------------------------------


def test_the_numbers_do_not_depend_on_the_threads_that_a_caller_has(tmp_path):
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 4):
            torch.set_num_threads(threads)
            found.append(loop.fit(recipe("simsiam", **TINY), out=tmp_path / str(threads)))
            assert torch.get_num_threads() == threads, "what the caller had comes back"
    finally:
        torch.set_num_threads(before)
    assert numbers(found[0]) == numbers(found[1]) == numbers(found[2])
    assert {r.device for r in found} == {device_name("cpu", 1)}
    assert ", 1 threads, " in found[0].device and found[0].device.endswith(
        torch.backends.cpu.get_cpu_capability()
    )


def test_more_threads_are_said_in_the_record(tmp_path):
    done = CliRunner().invoke(main, [*typed(epochs=0), "--threads", "2", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    ((_, record),) = store.scan(tmp_path)
    assert ", 2 threads, " in record.device
    for wrong in (0, 1.5, True):
        with pytest.raises(ValueError, match=f"threads was {wrong}; allowed: an integer >= 1"):
            loop.fit(recipe("simsiam", **TINY), out=tmp_path, threads=wrong)


@pytest.fixture
def other_settings():
    """Two threads everywhere, and TF32 allowed."""
    import sklearn.decomposition  # noqa: F401  brings a BLAS of its own

    kinds = torch.backends.cuda.matmul, torch.backends.cudnn
    before = torch.get_num_threads(), [kind.allow_tf32 for kind in kinds]
    torch.set_num_threads(2)
    for kind in kinds:
        kind.allow_tf32 = True
    with threadpoolctl.threadpool_limits(2):
        yield lambda: (found_threads(), [kind.allow_tf32 for kind in kinds])
    torch.set_num_threads(before[0])
    for kind, was in zip(kinds, before[1], strict=True):
        kind.allow_tf32 = was


def found_threads() -> set[int]:
    """Of torch, and of every library of BLAS and OpenMP."""
    return {
        torch.get_num_threads(),
        *(library["num_threads"] for library in threadpoolctl.threadpool_info()),
    }


def test_every_library_computes_with_the_threads_that_are_said_and_float32_is_no_tf32(
    other_settings,
):
    before = other_settings()
    assert before == ({2}, [True, True])
    with computing(1):
        assert other_settings() == ({1}, [False, False])
    assert other_settings() == before


# ---- checkpoints
# ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """The checkpoint of a run after two of its four epochs, and the record that the whole run
    gives."""
    folder = tmp_path_factory.mktemp("stopped")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NCSSL_CACHE", str(folder / "cache"))
        patch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
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


@pytest.mark.parametrize("case", [*DAMAGE, *STATES, "folder"])
def test_a_checkpoint_that_is_not_the_runs_own_is_set_aside_and_the_run_starts_over(
    case, stopped, tmp_path, capsys
):
    """Nothing of it is left in the run: the numbers are those of a run that was never
    interrupted."""
    source, whole = stopped
    r = recipe("simsiam", **TINY)
    path = loop.checkpoint_path(r)
    path.parent.mkdir(parents=True)
    if case == "folder":
        path.mkdir()
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


def test_a_whole_checkpoint_is_gone_on_from(stopped, tmp_path, capsys, monkeypatch):
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


def test_a_full_disk_leaves_the_last_checkpoint_whole(tmp_path):
    """A real limit: no file of the process may grow beyond 64 KiB."""
    path = tmp_path / "c.pt"
    checkpoint.save(path, {"epoch": 1, "w": torch.ones(3)})
    script = (
        "import resource, signal, sys, torch; from ncssl.train import checkpoint;"
        " signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE,"
        " (2**16, 2**16)); checkpoint.save(sys.argv[1], {'epoch': 2, 'w': torch.zeros(10**6)})"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True)
    assert done.returncode == 1 and "OSError" in done.stderr and "File too large" in done.stderr
    assert checkpoint.load(path)["epoch"] == 1 and [p.name for p in tmp_path.iterdir()] == ["c.pt"]


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


# ---- kills and signals
# -----------------------------------------------------------------------------------------------

# a checkpoint after every epoch
EAGER = (
    "from ncssl import cli; from ncssl.train import loop; loop.CHECKPOINT_SECONDS = 0.0; cli.main()"
)


def typed(**changes) -> list[str]:
    """The words of `ncssl run` for the tiny recipe with changes."""
    pairs = [
        word for name, value in (TINY | changes).items() for word in ("--set", f"{name}={value}")
    ]
    return ["run", "--method", "simsiam", "--device", "cpu", *pairs]


@contextlib.contextmanager
def started(*args):
    """Python in a process of its own, which does not outlive the test."""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", *args], stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


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
        with started("-c", EAGER, *args) as process:
            assert soon(
                lambda process=process, before=before: (
                    process.poll() is not None or changed(path) != before
                )
            )
            process.kill()
    with started("-c", EAGER, *args) as process:
        assert process.wait() == 0
    ((_, record),) = store.scan(tmp_path / "out")
    assert numbers(record) == numbers(loop.fit(r, out=tmp_path / "whole"))
    if kills == 50:
        line = "a run killed after a checkpoint goes on, and the record is the same"
        fault_table.note(line, kills, kills)
    assert [*path.parent.iterdir()] == [] and [*(tmp_path / "out" / ".locks").iterdir()] == []


ENDS = [
    (signal.SIGTERM, 143, "terminated"),
    pytest.param(signal.SIGINT, 130, "interrupted", marks=pytest.mark.slow),
]


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
    script = tmp_path / "campaign.py"
    script.write_text("from ncssl.cli import main\nif __name__ == '__main__':\n    main()\n")
    locks = tmp_path / "out" / ".locks"
    with started(str(script), *args, "--out", str(tmp_path / "out")) as parent:
        assert soon(lambda: len([*locks.glob("*.lock")]) == 2 or parent.poll() is not None)
        parent.send_signal(number)
        assert f"ncssl: {word}" in parent.stderr.read()
        assert parent.wait() == code
    assert soon(lambda: not any(held(path) for path in locks.glob("*.lock"))), "a worker goes on"


def held(path) -> bool:
    with files.claimed(path) as mine:
        return not mine


KILLED = """
import os, signal, sys, time
from ncssl.runs import campaign, experiments
from ncssl.recipes import recipe

def one(p, *given, deadline=None):
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    campaign.run_one = one
    runs = [experiments.Planned("tian2021", "e", "a", s, recipe("simsiam", seed=s, epochs=1))
            for s in (0, 1)]
    campaign.make(runs, (None, sys.argv[1], "cpu", False), 1, 0.0, None, print)
"""


def test_a_worker_that_is_killed_is_an_error_that_names_its_run(tmp_path):
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    done = subprocess.run(
        [sys.executable, script, tmp_path / "out"], capture_output=True, text=True
    )
    last = (
        "ChildProcessError: a process was killed, perhaps for its memory, while at tian2021 e.a,"
        " seed 0"
    )
    assert done.stderr.splitlines()[-1] == last and done.returncode == 1


# ---- one run, several who want it
# ------------------------------------------------------------------------------------


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


# ---- places that cannot be written
# -----------------------------------------------------------------------------------


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


WITHOUT = """
import signal, sys
sys.modules["fcntl"] = sys.modules["resource"] = None
del signal.SIGALRM
from ncssl.cli import main
main()
"""


def test_a_system_without_locks_and_alarms_trains_and_says_what_it_cannot_do(tmp_path):
    """Windows has neither fcntl nor resource nor SIGALRM."""
    args = [*typed(epochs=0), "--out", str(tmp_path)]
    done = subprocess.run([sys.executable, "-c", WITHOUT, *args], capture_output=True, text=True)
    assert (
        done.returncode == 0
        and "no file locks" in done.stderr
        and len(done.stderr.splitlines()) == 1
    )
    args = ["run", "--all", "--budget", "9m"]
    done = subprocess.run([sys.executable, "-c", WITHOUT, *args], capture_output=True, text=True)
    assert done.returncode == 2 and "cannot interrupt a run: leave it out" in done.stderr


# ---- which data
# ------------------------------------------------------------------------------------------------


def images(folder, seed, side=(16, 16), n=40, test=10):
    """A folder of noise: two classes, `n` images each to train on, `test` each to test on."""
    rng = np.random.default_rng(seed)
    for split, count in (("train", n), ("test", test)):
        for name in ("a", "b"):
            (folder / split / name).mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 256, (*side, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / split / name / f"{i}.png")
    return folder


OWN = TINY | dict(dataset="folder", augmentation="digits", limit=64, batch=32)


def test_two_folders_are_two_records_and_two_checkpoints(tmp_path):
    a, b, again = (
        images(tmp_path / "a", 0),
        images(tmp_path / "b", 1),
        images(tmp_path / "again", 0),
    )
    r = recipe("simsiam", **OWN | {"epochs": 1})
    found = [loop.fit(r, root=root, out=tmp_path / "out") for root in (a, b, again)]
    assert found[0].id == found[2].id != found[1].id != r.id and numbers(found[0]) == numbers(
        found[2]
    )
    assert len(list(store.scan(tmp_path / "out"))) == 2
    assert loop.checkpoint_path(found[0].recipe) != loop.checkpoint_path(found[1].recipe)
    with pytest.raises(
        ValueError, match=f"data was '{found[0].recipe.data}', but the data here are"
    ):
        loop.start(found[0].recipe, root=b)
    p = experiments.Planned("tian2021", "e", "a", 0, r)
    assert [p.recipe for p in campaign.identify([p, p], b)] == [found[1].recipe] * 2


def test_data_that_a_name_says_have_no_digest_and_their_ids_stay():
    r = recipe("simsiam", **TINY)
    assert loop.start(r).recipe == r and r.id == "deae273d3247"
    with pytest.raises(ValueError, match="digits is known by its name"):
        loop.start(dataclasses.replace(r, data="0123456789abcdef"))
    with pytest.raises(ValueError, match="data was 'mine'"):
        recipe("simsiam", data="mine")


def test_a_corpus_is_known_by_its_content(tmp_path):
    found = []
    for name, sound, target in (
        ("a", b"1", True),
        ("b", b"1", True),
        ("c", b"2", True),
        ("d", b"1", False),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.wav").write_bytes(sound)
        file = File("x.wav", tmp_path / name, "x.wav", "s", "", "test")
        found.append(
            identity.of_corpus(
                "speech", Corpus(tmp_path / name, (file,), {"l": [(target, "x.wav", "x.wav")]})
            )
        )
    assert found[0] == found[1] and len(set(found)) == 3


def test_small_classes_give_a_record_without_the_few_labels(tmp_path):
    r = recipe("simsiam", **OWN | dict(epochs=1, limit=None, batch=2, hidden=8))
    record = loop.fit(r, root=images(tmp_path / "few", 0, n=2), out=tmp_path / "out")
    assert (
        record.status == "done"
        and "probe_accuracy" in record.metrics
        and "few_label_accuracy" not in record.metrics
    )
    with pytest.raises(ValueError, match="1 test image; allowed: 2 or more"):
        lone = images(tmp_path / "one", 0, test=1)
        shutil.rmtree(lone / "test" / "b")
        loop.start(r, root=lone)


@pytest.mark.parametrize("backbone", ["mlp", "linear"])
def test_a_backbone_of_vectors_refuses_what_is_not_square(backbone, tmp_path):
    root = images(tmp_path / "wide", 0, side=(12, 20), n=4)
    with pytest.raises(ValueError, match=f"backbone was '{backbone}', given images of 12x20"):
        loop.start(
            recipe("simsiam", **OWN | dict(backbone=backbone, limit=None, batch=4)), root=root
        )


# ---- curves while a run goes
# -----------------------------------------------------------------------------------------


def test_curves_are_written_while_the_run_goes(tmp_path, monkeypatch):
    seen, real = [], loop.train_epoch
    log = tmp_path / "a.csv"
    monkeypatch.setattr(
        loop, "train_epoch", lambda *a: seen.append(log.read_text().count("\n")) or real(*a)
    )
    record = loop.fit(recipe("simsiam", **TINY), out=tmp_path, log=log)
    assert seen == [2, 2, 3, 3], "the line of names, and one more at every measurement"
    with open(log, newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["epoch"] for row in table] == ["0", "2", "4"] and table[0]["loss"] == ""
    assert [float(row["loss"]) for row in table[1:]] == record.curves["loss"][1::2]
    assert [float(row["knn_accuracy"]) for row in table] == record.curves["knn_accuracy"]
    loop.fit(recipe("simsiam", **TINY), out=tmp_path, log=tmp_path / "a.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [row["eigenvalues"] for row in lines] == record.curves["eigenvalues"]
