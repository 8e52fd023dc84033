"""Someone with CIFAR-10 in torchvision's own files and not our JPEG copy: runs are made on it, and
judged."""

import hashlib
import json
import pickle

import numpy as np
import pytest
from click.testing import CliRunner
from torchvision import datasets

from ncssl.claims import papers
from ncssl.cli import main
from ncssl.errors import UnknownName
from ncssl.recipes import SCALES
from ncssl.runs import experiments, single


@pytest.fixture
def cifar10(tmp_path, monkeypatch):
    """A root with cifar-10-batches-py: torchvision's files and names, 52 images each, ten classes
    that differ in brightness."""
    folder = tmp_path / "data" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
    contents = {name: pickle.dumps(batch(i)) for i, name in enumerate(names)}
    contents["batches.meta"] = pickle.dumps({"label_names": [f"class {i}" for i in range(10)]})
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    sums = {name: hashlib.md5(content).hexdigest() for name, content in contents.items()}
    known = {"train_list": names[:5], "test_list": names[5:]}
    for attribute, files in known.items():
        monkeypatch.setattr(datasets.CIFAR10, attribute, [[f, sums[f]] for f in files])
    meta = datasets.CIFAR10.meta | {"md5": sums["batches.meta"]}
    monkeypatch.setattr(datasets.CIFAR10, "meta", meta)
    return folder.parent


def batch(i: int) -> dict:
    """One file of torchvision's: 52 images as rows of 3072 bytes, and their labels."""
    rng, labels = np.random.default_rng(i), [j % 10 for j in range(52)]
    noise = rng.integers(0, 40, (52, 3072))
    return {"data": (noise + 20 * np.array(labels)[:, None]).astype(np.uint8), "labels": labels}


# of a run at a scale whose own set is the JPEG copy: a second
TINY = dict(epochs=1, limit=200, width=4, hidden=16, d=8, batch=64, knn_every=1, warmup_epochs=0)


@pytest.mark.slow
def test_a_stranger_makes_records_and_sees_them_judged(cifar10, tmp_path, plain_shift, monkeypatch):
    monkeypatch.setitem(SCALES, "laptop", SCALES["laptop"] | TINY)
    out = tmp_path / "results"
    runs = experiments.scheduled("tian2021", "shift", "laptop", dataset="cifar10")
    for p in runs:
        made = single.run_one(p, cifar10, out, "cpu", False)
        assert made["status"] == "done", made
    monkeypatch.setenv("NCSSL_RESULTS", str(out))
    asked = ["claims", "--paper", "tian2021", "--json"]
    on_it = rows(*asked, "--dataset", "cifar10")
    assert {r["scale"] for r in on_it} == {"laptop"}
    assert all(r["status"] != "not run" and r["effect"] is not None for r in on_it)
    # without asking for it nothing is judged, since the scale's own set has no records
    assert {r["status"] for r in rows(*asked)} == {"not run"}
    assert rows(*asked, "--dataset", "cifar100") != on_it


def rows(*command: str) -> list[dict]:
    """What a command prints as JSON."""
    done = CliRunner().invoke(main, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.mark.slow
def test_beside_the_scales_own_set_the_ledger_has_the_one_that_stands_in(
    cifar10, tmp_path, plain_shift, monkeypatch
):
    """`on` of a row: what was found on cifar10 at a scale of the JPEG copy."""
    monkeypatch.setitem(SCALES, "laptop", SCALES["laptop"] | TINY)
    out = tmp_path / "results"
    for p in experiments.scheduled("tian2021", "shift", "laptop", dataset="cifar10"):
        single.run_one(p, cifar10, out, "cpu", False)
    for row in experiments.ledger("tian2021", results=out):
        assert row["status"] == "not run" and list(row["on"]) == ["cifar10"]
        found = row["on"]["cifar10"]
        assert found["scale"] == "laptop" and found["status"] != "not run" and found["n"] > 1


@pytest.mark.parametrize("dataset", ["cifar10", "cifar100", "voices"])
def test_a_set_that_is_asked_for_is_the_only_one_of_a_plan(dataset):
    """Images take the place of images, speech that of speech; runs on others are left out."""
    # the speech of the papers has no laptop scale yet
    for scale in ("smoke", "small", "laptop")[: 2 if dataset == "voices" else 3]:
        runs = experiments.plan(None, scale, dataset=dataset)
        assert runs and {p.recipe.dataset for p in runs} == {dataset}
        assert ({p.paper for p in runs} == {"cho2022"}) == (dataset == "voices")


def test_larger_images_stay_what_an_experiment_names():
    runs = experiments.scheduled("tian2021", "larger_images", "small", dataset="cifar10")
    assert {p.recipe.dataset for p in runs} == {"imagenette96"}
    own = experiments.scheduled("tian2021", "larger_images", "small")
    assert [p.recipe.id for p in runs] == [p.recipe.id for p in own]


def test_without_records_the_claims_say_where_they_are(tmp_path, monkeypatch):
    """As from the wheel, which has none."""
    monkeypatch.setenv("NCSSL_RESULTS", str(tmp_path / "results"))
    done = CliRunner().invoke(main, ["claims", "--paper", "wen2022", "--scale", "smoke"])
    assert done.exit_code == 0 and f"no records in {tmp_path}/results" in done.stderr
    assert "set NCSSL_RESULTS" in done.stderr and "not run" in done.stdout


def test_a_set_that_nobody_knows_is_refused():
    with pytest.raises(UnknownName, match="cifar10"):
        experiments.plan("tian2021", "laptop", dataset="cifra10")
    done = CliRunner().invoke(main, ["claims", "--paper", "tian2021", "--dataset", "cifra10"])
    assert done.exit_code == 2 and "cifra10" in done.output


def test_claims_of_theory_and_of_speech_are_not_judged_on_images():
    kinds = {c.id for c in papers.paper("cho2022").claims.values()}
    assert kinds and experiments.ledger("cho2022", dataset="cifar10") == []
