"""Plans: what comes first, what is there, what the rest will cost, and what the command line prints
of it."""

import dataclasses
import json

import pytest
from click.testing import CliRunner

from ncssl.claims import papers
from ncssl.cli import main
from ncssl.records import baseline, store
from ncssl.runs import experiments, plans
from ncssl.runs.experiments import planning

KEY, EXPERIMENT = "tian2021", "shift"


def write(recipe, seconds, out, device="EPYC, 2 threads", key=KEY):
    metrics = {"probe_accuracy": 50.0, "knn_accuracy": 45.0}
    when = "2026-01-01T00:00:00+00:00"
    record = store.Record(
        recipe, key, "done", metrics, {}, seconds, 1.0, device, "float32", {}, "c", when
    )
    store.save(record, out)


@pytest.fixture
def heads(monkeypatch):
    """The papers with one headline claim each of two, and no other: it needs its arms, its base and
    its control."""
    plain = {key: papers.paper(key) for key in papers.papers()}

    def marked(paper):
        claims = {
            c.id: dataclasses.replace(c, headline=c.id in HEADS) for c in paper.claims.values()
        }
        for name in HEADS & claims.keys():
            claims[name] = dataclasses.replace(claims[name], **HEADLINE[name])
        return dataclasses.replace(paper, claims=claims)

    changed = {key: marked(paper) for key, paper in plain.items()}
    monkeypatch.setattr(papers, "paper", changed.__getitem__)
    return changed


HEADLINE = {
    "positive_shift_hurts": dict(experiment="shift", left="none", right="plus", base=("none",)),
    "head_beats_none": dict(experiment="heads"),
}
HEADS = set(HEADLINE)


@pytest.mark.parametrize("scale", ["small", "gpu"])
def test_headline_arms_come_first_with_their_base_and_the_untrained_encoder(heads, scale):
    runs = experiments.plan(None, scale)
    assert len({p.recipe.id for p in runs}) == len(runs)
    first = [(p.paper, p.experiment, p.arm, p.seed) for p in runs[:9]]
    assert first == [
        (KEY, EXPERIMENT, arm, seed) for seed in range(3) for arm in ("none", "plus", "random")
    ]
    wen = heads["wen2022"].claims["head_beats_none"]
    after = [p for p in runs[9:] if p.paper == "wen2022"][: 3 * len(wen.needed)]
    at = runs.index(after[0])
    assert (
        at == 9
        and runs[at : at + len(after)] == after
        and {p.arm for p in after} == set(wen.needed)
    )
    block = [p for p in runs if p.seed < planning.BLOCK]
    assert runs[: len(block)] == block, "three seeds of everything before a fourth of anything"
    papers_then = list(dict.fromkeys(p.paper for p in block[9 + len(after) :]))
    assert papers_then == [key for key in planning.ORDER if key in papers_then], "then by paper"


def test_a_listing_tells_what_is_there_and_expects_the_rest_from_like_runs(tmp_path):
    runs = experiments.scheduled(KEY, EXPERIMENT, "small")
    none, plus = ([p for p in runs if p.arm == arm] for arm in ("none", "plus"))
    for p, seconds in zip(none, (100.0, 300.0, 200.0), strict=True):
        write(p.recipe, seconds, tmp_path)
    found = plans.listing(KEY, "small", tmp_path)
    assert (
        len(found["rows"]) == found["runs"] == found["there"] + found["missing"]
        and found["there"] == 3
    )
    there = [r for r in found["rows"] if r["state"] == "there"]
    assert sorted(r["seconds"] for r in there) == [100, 200, 300] and {
        r["cores"] for r in there
    } == {2}
    alike = next(r for r in found["rows"] if r["id"] == plus[0].recipe.id)
    assert (alike["state"], alike["seconds"], alike["cores"]) == ("missing", 200, 2)
    assert (
        found["core_hours_done"] == pytest.approx(600 * 2 / 3600, abs=0.01)
        and found["unknown"] == 0
    )
    write(dataclasses.replace(plus[0].recipe, epochs=99), 9000.0, tmp_path)
    again = next(
        r for r in plans.listing(KEY, "small", tmp_path)["rows"] if r["id"] == plus[1].recipe.id
    )
    assert again["seconds"] == 200, "a longer run is no like run"


def test_what_no_record_tells_is_expected_from_the_scales_median_or_unknown(tmp_path):
    nothing = plans.listing(KEY, "small", tmp_path)
    assert (
        nothing["unknown"] == nothing["missing"] == nothing["runs"]
        and nothing["core_hours_left"] == 0
    )
    assert "runs of unknown length" in plans.text(nothing)
    lines = plans.text(nothing).splitlines()[1:-1]
    assert [line.split()[0] for line in lines] == [r["id"] for r in nothing["rows"]], "for --only"
    other = experiments.scheduled("wen2022", "heads", "small")[0]
    write(other.recipe, 50.0, tmp_path, key="wen2022")
    likes = plans.Likes("small", tmp_path)
    assert likes.expected(experiments.scheduled(KEY, EXPERIMENT, "small")[0].recipe) == (50.0, 2)
    assert plans.Likes("gpu", tmp_path).expected(other.recipe) == (None, 1)


def test_floors_are_listed_first(tmp_path):
    rows = plans.listing(KEY, "small", tmp_path)["rows"]
    assert [r["paper"] == baseline.KEY for r in rows[:3]] == [True, True, False]


def test_the_command_prints_a_plan_and_trains_nothing(tmp_path, monkeypatch):
    from ncssl.runs import campaign

    monkeypatch.setattr(campaign, "run", lambda *args, **kwargs: pytest.fail("a plan trained"))

    def said(*args):
        done = CliRunner().invoke(
            main, ["run", "--scale", "smoke", "--out", str(tmp_path), "--plan", *args]
        )
        assert done.exit_code == 0, done.output
        return done.stdout

    found = json.loads(said("--paper", KEY, "--json"))
    assert found["runs"] == len(found["rows"]) > 0 and found["scale"] == "smoke"
    lines = said("--paper", KEY).splitlines()
    assert len(lines) == found["runs"] + 2 and lines[-1].startswith(
        f"{found['runs']} runs at scale smoke: 0 there"
    )
    assert json.loads(said("--all", "--json"))["runs"] > found["runs"]
    alone = CliRunner().invoke(main, ["run", "--method", "byol", "--plan"])
    assert alone.exit_code == 2 and "--plan given without --paper or --all" in alone.stderr
