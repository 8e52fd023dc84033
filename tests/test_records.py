"""Records: values beyond the final metrics, files that are refused by name, and records that have
become stale."""

import dataclasses
import json
import math
import re

import pytest
from click.testing import CliRunner

from ncssl.cli import main
from ncssl.errors import BadFile
from ncssl.recipes import LATER, Recipe, recipe
from ncssl.records import stale, store
from ncssl.runs import audits, experiments
from ncssl.verdicts import judging, states

CURVES = {
    "epoch": [0, 1, 2, 3],
    "knn_accuracy": [30.0, 40.0, 35.0, 38.0],
    "off_diagonal": [0.0, 2.0, None, 0.5],
    "flat": [0, 0],
}
MADE = "2026-01-01T00:00:00+00:00"


@pytest.fixture
def record():
    made = recipe("simsiam")
    metrics = {"probe_accuracy": 50.0, "knn_accuracy": 38.0, "odd_peak": 7.0}
    return store.Record(
        made, "k", "done", metrics, CURVES, 1.0, 1.0, "CPU", "float32", {}, "c", MADE
    )


@pytest.mark.parametrize(
    "name, value",
    [
        ("probe_accuracy", 50.0),
        ("early_knn_accuracy", 40.0),
        ("knn_accuracy_peak", 40.0),
        ("odd_peak", 7.0),
        ("knn_accuracy_fall", 0.95),
        ("off_diagonal_peak", 2.0),
        ("off_diagonal_fall", 0.25),
        ("flat_fall", None),
        ("late_knn_accuracy", 113 / 3),
        ("late_off_diagonal", None),
        ("late_flat", 0),
        ("late_nothing", None),
        ("early_nothing", None),
        ("nothing_peak", None),
        ("nothing", None),
    ],
)
def test_values_of_curves(record, name, value):
    """The first after the start, the last three, the largest, the last over it; a final metric's
    name goes first."""
    assert record.value(name) == value


def test_the_variance_of_projections_sees_a_constant_that_stays(record):
    """Where all outputs become one point, not zero, the second moment stays and its part about the
    mean falls."""
    curves = {
        "eigenvalues": [[2.0, 2.0], [7.0, 1.0], [8.0, 0.0]],
        "projection_mean_share": [0.25, 0.5, 0.95],
    }
    to_a_point = dataclasses.replace(record, curves=curves)
    assert to_a_point.value("projection_variance_fall") == pytest.approx(0.1)
    assert record.value("projection_variance_fall") is None
    for broken in (
        {"projection_mean_share": [0.25, 0.5]},
        {"eigenvalues": [[2.0, None], [7.0, 1.0], [8.0, 0.0]]},
    ):
        assert (
            dataclasses.replace(record, curves=curves | broken).value("projection_variance_fall")
            is None
        )


# ---- refused files
# ------------------------------------------------------------------------------------------------

BAD = {  # what is wrong -> the change of the file's body, and the words of the error
    "no object": (lambda b: [], "not a record of format 1"),
    "format": (lambda b: b | {"format": 0}, "of format 1"),
    "unknown field": (lambda b: b | {"extra": 1}, r"unknown \['extra'\]"),
    "missing field": (
        lambda b: {k: v for k, v in b.items() if k != "seconds"},
        r"missing \['seconds'\]",
    ),
    "unknown recipe value": (
        lambda b: b | {"recipe": b["recipe"] | {"colour": 1}},
        r"recipe values \['colour'\]",
    ),
    "missing recipe value": (lambda b: b | {"recipe": {"method": "byol"}}, "missing recipe values"),
    "impossible recipe": (lambda b: b | {"recipe": b["recipe"] | {"epochs": -1}}, "epochs was -1"),
    "another recipe": (lambda b: b | {"recipe": b["recipe"] | {"seed": 99}}, "its recipe has id"),
    "another id": (lambda b: b | {"id": "0123456789ab"}, "the file says 0123456789ab"),
    "status": (lambda b: b | {"status": "nearly"}, "status was 'nearly'"),
    "no metric": (
        lambda b: b | {"metrics": {"knn_accuracy": 1.0}},
        r"metrics \['probe_accuracy'\] are missing",
    ),
    "over 100 percent": (lambda b: metric(b, knn_accuracy=101.0), "metric knn_accuracy was 101.0"),
    "below 0 percent": (
        lambda b: metric(b, few_label_accuracy=-1),
        "metric few_label_accuracy was -1",
    ),
    "error rate": (lambda b: metric(b, libri_eer=101.0), "metric libri_eer was 101.0"),
    "not finite": (lambda b: metric(b, loss=math.inf), "metric loss was inf"),
    "no number": (lambda b: metric(b, loss="low"), "metric loss was 'low'"),
    "a truth value": (lambda b: metric(b, loss=True), "metric loss was True"),
    "negative rank": (lambda b: metric(b, effective_rank=-2.0), "metric effective_rank was -2.0"),
    "alignment": (lambda b: metric(b, alignment=1.5), "metric alignment was 1.5"),
    "negative time": (lambda b: b | {"seconds": -1.0}, "seconds was -1.0"),
    "no curves": (lambda b: b | {"curves": {"loss": 3}}, "curves held something else"),
    "a curve of text": (lambda b: b | {"curves": {"loss": ["low"]}}, "curves held something else"),
    "a curve with NaN": (lambda b: b | {"curves": {"loss": [math.nan]}}, "curves held"),
    "a curve of objects": (lambda b: b | {"curves": {"loss": [{}]}}, "curves held something else"),
    "precision": (lambda b: b | {"precision": "float16"}, "precision was 'float16'"),
    "a version": (lambda b: b | {"versions": {"torch": 2}}, "versions held something else"),
    "a fact": (lambda b: b | {"data": {"train": [1]}}, "data held something else"),
    "no zone": (lambda b: b | {"created": MADE[:19]}, "created was .*a time with its zone"),
    "another paper's": (lambda b: b, "its key is 'k', its folder 'bad'"),
}


def metric(body, **more):
    return body | {"metrics": body["metrics"] | more}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_refused_by_name_and_the_others_load(record, tmp_path, case):
    change, words = BAD[case]
    good = store.save(record, tmp_path)
    bad = tmp_path / "bad" / good.name
    store.write_atomic(bad, json.dumps(change(json.loads(good.read_text()))))
    with pytest.raises(BadFile, match=f"bad/{good.name}: .*{words}.*; delete it"):
        store.load(bad)
    assert [error.path for error in experiments.refused(tmp_path)] == [bad]
    assert dict(store.scan(tmp_path))[good] == store.load(good) == record
    assert [(row["file"], row["state"]) for row in audits.audit(tmp_path)] == [
        (f"bad/{good.name}", "rejected")
    ]


def test_a_file_under_the_name_of_another_record_is_refused(record, tmp_path):
    path = store.save(record, tmp_path)
    other = path.rename(path.with_name("0123456789ab.json"))
    with pytest.raises(BadFile, match=f"has id {path.stem}, which its name does not say; give it"):
        store.load(other)


def test_half_a_file_is_refused(record, tmp_path):
    path = store.save(record, tmp_path)
    path.write_text(path.read_text()[:100])
    with pytest.raises(BadFile, match="not readable JSON"):
        store.load(path)


def test_any_digit_that_is_flipped_is_seen(record, tmp_path):
    path = store.save(record, tmp_path)
    text = path.read_text()
    for found in re.finditer(r"\d", text):
        other = str((int(found[0]) + 1) % 10)
        store.write_atomic(path, text[: found.start()] + other + text[found.end() :])
        with pytest.raises(BadFile):
            store.load(path)


def test_the_digest_is_of_what_a_file_holds_however_it_is_laid_out(record, tmp_path):
    path = store.save(record, tmp_path)
    body = json.loads(path.read_text())
    store.write_atomic(path, json.dumps(dict(sorted(body.items())), indent=1))
    assert store.load(path) == record
    store.write_atomic(path, json.dumps(body | {"seconds": 2.0}))
    with pytest.raises(BadFile, match="changed since it was written.*delete it and run"):
        store.load(path)
    del body["digest"]  # as the first records had none
    store.write_atomic(path, json.dumps(body))
    assert store.load(path) == record


def test_speech_has_error_rates_instead_of_accuracies(record, tmp_path):
    spoken = dataclasses.replace(record, metrics={"libri_eer": 12.0})
    assert store.load(store.save(spoken, tmp_path)) == spoken


# ---- stale and unplanned
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change, is_stale",
    [
        (dict(), True),
        (dict(recipe={"augmentation": "digits"}), True),
        (dict(recipe={"augmentation": "no"}), False),
        (dict(options={"stop_gradient": True}), True),
        (dict(options={"stop_gradient": False}), False),
        (dict(since="2025-12-31T23:00:00+00:00"), False),
    ],
)
def test_a_record_from_before_its_recipe_changed_its_meaning_is_stale(
    record, tmp_path, monkeypatch, change, is_stale
):
    given = dict(since="2026-01-02T00:00:00+00:00", why="the crops were too small") | change
    monkeypatch.setattr(stale, "CHANGES", (stale.Change(**given),))
    path = store.save(record, tmp_path)
    if not is_stale:
        assert store.load(path) == record and audits.audit(tmp_path) == []
        return
    with pytest.raises(
        stale.Stale, match="before 2026-01-02.*the crops were too small; delete it and run"
    ):
        store.load(path)
    assert [row["state"] for row in audits.audit(tmp_path)] == ["stale"]
    planned = experiments.Planned("k", "e", "a", 0, record.recipe)
    assert list(experiments.records([planned], tmp_path)) == [(planned, None)], "it decides nothing"


@pytest.mark.parametrize(
    "changes, words",
    [
        (dict(method="simsiem"), "simsiem"),
        (dict(options={"stop_gradeint": True}), "stop_gradeint"),
        (dict(options={}), "made before simsiam had .*stop_gradient=True"),
    ],
)
def test_a_record_whose_method_has_changed_its_options_is_stale(record, tmp_path, changes, words):
    old = dataclasses.replace(record, recipe=dataclasses.replace(record.recipe, **changes))
    store.save(old, tmp_path)
    (row,) = audits.audit(tmp_path)
    assert row["state"] == "stale" and re.search(words, row["why"])


def test_a_record_of_a_paper_that_no_arm_asks_for_is_named(record, tmp_path):
    arm = experiments.scheduled("tian2021", "predictor", "small")[0].recipe
    for made in (arm, dataclasses.replace(arm, seed=17), dataclasses.replace(arm, lr=0.5)):
        path = store.save(dataclasses.replace(record, key="tian2021", recipe=made), tmp_path)
    rows = audits.audit(tmp_path)
    assert [(row["file"], row["state"]) for row in rows] == [(f"tian2021/{path.name}", "unplanned")]


def test_what_is_committed_is_whole():
    assert [row for row in audits.audit() if row["state"] != "unplanned"] == []


def test_the_command_line_names_refused_files(record, tmp_path, monkeypatch):
    # slow, tested elsewhere
    monkeypatch.setattr(judging, "judge_theory", lambda claim: states.Verdict("not run"))
    monkeypatch.setenv("NCSSL_RESULTS", str(tmp_path))
    bad = store.save(record, tmp_path)
    bad.write_text("{}")
    done = CliRunner().invoke(main, ["claims", "--paper", "companion", "--scale", "gpu", "--json"])
    assert done.exit_code == 0 and f"{bad}: not a record of format 1" in done.stderr
    assert {row["status"] for row in json.loads(done.stdout) if row["kind"] == "records"} == {
        "not run"
    }


def test_ids_of_all_committed_records_are_those_of_their_recipes(root):
    """Whatever is changed in recipes: the id of no record made before moves. Truth values that a
    recipe did not have, or had as none, are at their defaults. Each says its digest, so that none
    of its digits can change unseen."""
    paths = sorted((root / "results").glob("*/*.json"))
    assert len(paths) > 700
    for path in paths:
        body = json.loads(path.read_text(encoding="utf-8"))
        said = body["recipe"]
        assert "digest" in body, path
        given = {k: v for k, v in said.items() if k not in LATER or v is not None}
        assert Recipe(**given).id == path.stem
    assert recipe("simsiam", online_probe=False, decay_vectors=True).id == recipe("simsiam").id
    assert len({recipe("simsiam", **{k: not v}).id for k, v in LATER.items()}) == 2
