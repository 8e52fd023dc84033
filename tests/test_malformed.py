"""Three hundred malformed inputs: none is accepted silently, and every error says what is wrong."""

import json
import re

import fault_table
import pytest

from ncssl.claims import papers
from ncssl.errors import BadFile
from ncssl.recipes import FIELDS, recipe
from ncssl.records import store
from ncssl.records.reading import FORMAT


def tally(line, tried, refused):
    """Keep the line of the table, and name what was accepted."""
    fault_table.note(line, len(tried), len(refused))
    assert [name for name in tried if name not in refused] == []


def body():
    """A record that is good, as JSON values."""
    made = recipe("simsiam")
    values = {name: getattr(made, name) for name in FIELDS}
    return dict(
        format=FORMAT,
        id=made.id,
        recipe=values,
        key="k",
        status="done",
        metrics={"probe_accuracy": 50.0, "knn_accuracy": 38.0},
        curves={"epoch": [0]},
        seconds=1.0,
        peak_memory_mb=1.0,
        device="CPU",
        precision="float32",
        versions={},
        commit="c",
        created="2026-01-01T00:00:00+00:00",
        data={},
        reason="",
    )


def torn_records():
    """Name -> text of a record's file: values of another kind, what is missing, twice, or cut
    off."""
    good = body()
    whole = json.dumps(good)
    other = {"none": None, "a list": [1], "true": True, "no number": float("nan")}
    for key in good:
        for kind, value in other.items():
            yield f"{key}: {kind}", json.dumps(good | {key: value})
        yield f"{key}: missing", json.dumps({k: v for k, v in good.items() if k != key})
        yield f"{key}: twice", whole[:-1] + f', "{key}": {json.dumps(good[key])}}}'
    for i in range(40):
        yield f"cut off after {i} of 40", whole[: len(whole) * i // 40]


def test_malformed_records(tmp_path):
    path = tmp_path / "k" / f"{body()['id']}.json"
    path.parent.mkdir()
    path.write_text(json.dumps(body()))
    assert store.load(path).key == "k", "the one that is changed is good"
    tried, refused = dict(torn_records()), []
    for name, text in tried.items():
        path.write_text(text)
        try:
            store.load(path)
        except BadFile as error:
            assert path.name in str(error)
            refused.append(name)
    tally("a malformed record is refused, by file and what to do", tried, refused)


WHOLE = ("batch", "epochs", "width", "hidden", "d", "knn_every", "seed")
REAL = ("lr", "momentum", "weight_decay", "warmup_epochs")
STRANGE = {"negative": -1, "text": "x", "none": None, "true": True, "no number": float("nan")}


def wrong_recipes():
    """Name -> recipe values that mean nothing."""
    for name in (*WHOLE, *REAL):
        for kind, value in STRANGE.items():
            yield f"{name}: {kind}", {name: value}
    for name in FIELDS[:24]:
        yield f"{name}x", {f"{name}x": 1}


def test_malformed_recipes():
    tried, refused = dict(wrong_recipes()), []
    for name, values in tried.items():
        try:
            recipe("simsiam", **values)
        except ValueError as error:
            assert "allowed" in str(error) and next(iter(values)) in str(error)
            refused.append(name)
    tally("a malformed recipe is refused, by name and what is allowed", tried, refused)


def test_malformed_papers(tmp_path):
    """A key of a claim that is misspelt, in the first 85 lines that are one."""
    text = (papers.FOLDER / "tian2021.toml").read_text(encoding="utf-8")
    start = text.index("[[claims]]")
    places = [m for m in re.finditer(r"^(\w+) = ", text, re.M) if m.start() > start][:85]
    path, refused = tmp_path / "tian2021.toml", []
    path.write_text(text, encoding="utf-8")
    assert papers.read(path).key == "tian2021", "the one that is changed is good"
    for m in places:
        path.write_text(f"{text[: m.end(1)]}x{text[m.end(1) :]}", encoding="utf-8")
        with pytest.raises(BadFile, match=f"{m[1]}x"):
            papers.read(path)
        refused.append(m.start())
    tally(
        "a malformed paper is refused, by file, table and key", [m.start() for m in places], refused
    )
