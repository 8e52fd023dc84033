"""What a run survives: other threads and systems, other data under one name; its curves while it
goes."""

import csv
import dataclasses
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import threadpoolctl
import torch
from click.testing import CliRunner
from PIL import Image
from tiny import TINY, numbers, own_cache, typed  # noqa: F401

from ncssl.cli import main
from ncssl.data import identity
from ncssl.data.corpus import Corpus, File
from ncssl.machine import computing, device_name
from ncssl.recipes import recipe
from ncssl.records import store
from ncssl.runs import campaign, experiments
from ncssl.train import loop


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


WITHOUT = """
import json, signal, sys
import psutil  # that of Linux has resource, that of Windows none
sys.modules["fcntl"] = sys.modules["resource"] = None
del signal.SIGALRM
from ncssl.cli import main
for words in json.loads(sys.argv[1]):
    try:
        main(words)
    except SystemExit as end:
        print(f"exit code {end.code or 0}", file=sys.stderr)
"""


@pytest.mark.slow
def test_a_system_without_locks_and_alarms_trains_and_says_what_it_cannot_do(tmp_path):
    """Windows has neither fcntl nor resource nor SIGALRM."""
    words = [[*typed(epochs=0), "--out", str(tmp_path)], ["run", "--all", "--budget", "9m"]]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, json.dumps(words)], capture_output=True, text=True
    )
    lines = done.stderr.splitlines()
    trained = lines.index("exit code 0")
    assert trained == 1 and "no file locks" in lines[0]
    assert "cannot interrupt a run: leave it out" in done.stderr and lines[-1] == "exit code 2"


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


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_a_pipe_in_a_corpus_is_as_a_missing_file_and_not_waited_for(make, tmp_path):
    path = tmp_path / "x.wav"
    missing = identity.bytes_of(path)
    make(path)
    assert identity.bytes_of(path) == missing == b""


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
