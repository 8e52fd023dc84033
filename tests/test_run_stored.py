"""`ncssl run` and records that are there; ids of runs as commands type them; data of one's own."""

import dataclasses
import json
import shlex

import pytest
import torch
from click.testing import CliRunner

from ncssl import data
from ncssl.claims import papers
from ncssl.cli import main, training
from ncssl.cli.group import typed
from ncssl.data import Images
from ncssl.recipes import SCALES, recipe
from ncssl.records import store
from ncssl.report import select
from ncssl.runs import campaign, experiments, owned
from ncssl.train import loop, tasks

WANTED = recipe("simsiam", "smoke")
TYPED = ["run", "--method", "simsiam", "--device", "cpu", "--out"]


def record(r, key="tian2021", acc=45.0):
    metrics, when = {"knn_accuracy": acc, "probe_accuracy": acc}, "2026-01-01T00:00:00+00:00"
    return store.Record(r, key, "done", metrics, {}, 1.0, 1.0, "CPU", "float32", {}, "c", when)


@pytest.fixture
def asked(monkeypatch):
    """What is trained, in a moment; records go to `custom`."""
    made = []

    def pretend(wanted, *, out, **how):
        made.append(wanted.id)
        store.save(mine := record(wanted, store.CUSTOM, 1.0), out)
        return mine

    monkeypatch.setattr(loop, "fit", pretend)
    return made


def test_a_run_that_is_stored_is_not_made_twice(asked, tmp_path):
    path = store.save(record(WANTED), tmp_path)
    done = CliRunner().invoke(main, [*TYPED, str(tmp_path), "--json"])
    assert done.exit_code == 0 and asked == [] and "--fresh" in done.stderr
    assert json.loads(done.stdout)["path"] == str(path)
    for option in (["--fresh"], ["--log", "c.csv"], ["--keep-encoder", "e.safetensors"]):
        done = CliRunner().invoke(main, [*TYPED, str(tmp_path), *option])
        assert done.exit_code == 0 and asked.pop() == WANTED.id and "custom" in done.stdout
    assert store.find(WANTED.id, tmp_path) == path, (
        "the paper's own record stays the one that counts"
    )
    done = CliRunner().invoke(main, ["run", "--all", "--fresh"])
    assert done.exit_code == 2 and "--fresh given with --paper or --all" in done.stderr


def test_what_cannot_be_used_is_made_again(asked, tmp_path):
    path = store.save(record(WANTED), tmp_path)
    path.write_text(path.read_text()[:-40])
    assert CliRunner().invoke(main, [*TYPED, str(tmp_path)]).exit_code == 0
    assert asked == [WANTED.id]


def test_the_commands_of_all_plans_make_their_recipes(monkeypatch):
    """One seed of every arm at every scale: what pages print is read back to the same id."""
    seen = []
    monkeypatch.setattr(
        training, "run_one", lambda wanted, as_json, **more: seen.append(wanted) or 0
    )
    # without a corpus of speech another set would be taken, which is said
    monkeypatch.setattr(training, "resolve_dataset", lambda dataset, root: dataset)
    keys = [(key, name) for key in papers.papers() for name in papers.paper(key).experiments]
    runs = [p for key, name in keys for s in SCALES for p in experiments.scheduled(key, name, s)]
    unique = {p.recipe.id: p for p in runs if p.seed == 0}
    for p in unique.values():
        done = CliRunner().invoke(main, shlex.split(select.command(p))[1:])
        assert done.exit_code == 0, (select.command(p), done.output)
    assert [r.id for r in seen] == list(unique)
    assert any("crop=none" in select.command(p) for p in unique.values())


def test_none_is_none_only_where_it_can_be():
    values, options = typed(("crop=none", "augmentation=none", "predictor=none"))
    assert values == {"crop": None, "augmentation": "none"} and options == {"predictor": "none"}


def test_ids_of_two_lists_are_looked_up_in_both(monkeypatch, tmp_path):
    """--only with --undecided: a run of the plan, one of the seeds that are added, and neither."""
    plan = experiments.scheduled("tian2021", "shift", "smoke")[:3]
    more = [experiments.with_seed(p, 9, extra=True) for p in plan]
    made = []
    monkeypatch.setattr(experiments, "plan", lambda *a, **k: plan)
    monkeypatch.setattr(experiments, "undecided", lambda *a, **k: more)
    monkeypatch.setattr(
        campaign, "make", lambda runs, *a: made.extend(runs) or campaign.Tally(len(runs), 0, 0)
    )
    for p in (plan[1], more[1]):
        made.clear()
        how = dict(device="cpu", jobs=1, undecided=True, out=tmp_path)
        assert campaign.run(None, "smoke", {}, only=[p.recipe.id], **how).made == 1
        assert made == [p]
    with pytest.raises(ValueError, match="--only was 'strange'"):
        campaign.run(None, "smoke", {}, only=["strange"], **how)
    with pytest.raises(ValueError, match="--only was"):
        campaign.run(None, "smoke", {}, only=[more[1].recipe.id], **how | {"undecided": False})


def test_a_plan_has_the_ids_of_data_of_ones_own(monkeypatch, tmp_path):
    def folder(r, root):
        digest = "0123456789abcdef" if root == tmp_path else None
        return dataclasses.replace(r, data=digest if r.dataset == "folder" else None)

    monkeypatch.setattr(owned, "with_identity", folder)
    typed = ["run", "--paper", "tian2021", "--plan", "--json", "--dataset", "folder"]
    typed += ["--out", str(tmp_path), "--data-root"]
    rows = json.loads(CliRunner().invoke(main, [*typed, str(tmp_path)]).stdout)["rows"]
    wanted = [
        dataclasses.replace(p.recipe, data="0123456789abcdef").id
        for p in experiments.plan("tian2021", "smoke", tmp_path, dataset="folder")
    ]
    assert len(wanted) > 10 and set(wanted) < {row["id"] for row in rows}


def test_claims_are_not_judged_on_a_folder_without_a_name():
    done = CliRunner().invoke(main, ["claims", "--dataset", "folder"])
    assert done.exit_code == 2 and "known by its name" in done.stderr


@pytest.mark.parametrize("digest", ["", "0123456789abcdef"])
def test_a_copy_that_was_made_here_is_told_apart(digest, monkeypatch):
    """And the records' own copy is what its name says."""
    pixels = torch.randint(0, 255, (64, 3, 8, 8), dtype=torch.uint8)
    images = Images(pixels, torch.arange(64) % 4, ("a", "b", "c", "d"), digest=digest)
    monkeypatch.setattr(data, "load", lambda name, split, **how: images)
    monkeypatch.setattr(data, "too_large", lambda *a, **k: False)
    r = recipe("simsiam", "laptop", batch=32)
    assert r.dataset == "cifar10_jpeg"
    same = dataclasses.replace(r, data=digest or None)
    assert tasks.with_identity(r, None) == same
    assert tasks.identified(r, tasks.Pictures(r).identity()) == same
    (p,) = owned.identify([experiments.Planned("k", "e", "a", 0, r)], None)
    assert p.recipe == same and (p.recipe.id == r.id) == (digest == "")
