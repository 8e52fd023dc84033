"""The rows of the speech parts of the benchmark."""

import json
from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner

from ncssl import bench, cli
from ncssl.bench import speech

TINY = bench.Size(warmup=1, steps=2, repetitions=2, clips=2, spoken=4, voices=8)
PLAINS = ("plain", "plain, noise alone")


def test_the_first_call_is_left_out_of_real_time(monkeypatch):
    hands, seconds, asked = [0.0], iter([100.0, 4.0]), []

    def do():
        hands[0] += next(seconds)

    monkeypatch.setattr(speech, "now", lambda: hands[0])
    monkeypatch.setattr(speech.memory, "keep_freed", lambda keep=True: asked.append(keep))
    assert speech.real_time(do, 20.0, False) == 5.0 and asked == [False, True]


def test_rows_of_features():
    made = speech.features(TINY)
    kinds = (
        "decoded before",
        *(f"{kind} decoded" for kind in speech.KINDS if speech.has_soundfile()),
    )
    rows = {row["name"]: row for row in made["rows"] if row["median"] is not None}
    assert list(rows) == [f"{who}, {how}" for how in kinds for who in ("ours", "plain")]
    assert all(
        row["unit"] == "x real time" and row.get("goal") == (200 if name[0] == "o" else None)
        for name, row in rows.items()
    )
    assert [r["name"] for r in made["ratios"]] == [f"ours, {how} / plain, {how}" for how in kinds]
    turn_by_turn(made)


@pytest.mark.parametrize("name", ["step", "augment"])
def test_rows_of_steps_and_augmentation(name, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    made = getattr(speech, name)(TINY)
    keys = {"name", "unit", "median", "low", "high", "values"}
    assert all(set(row) == keys and row["unit"] == "utterances/s" for row in made["rows"])
    assert [row["name"] for row in made["rows"]] == ["ours", *PLAINS]
    assert [r["name"] for r in made["ratios"]] == [f"ours / {name}" for name in PLAINS]
    turn_by_turn(made)
    assert made["notes"][0].startswith(
        "8 synthetic utterances, batch 4, views of 200, 200, 100, 100, 100, 100 frames"
    )
    assert any("bounded by" in note for note in made["notes"]) == (name == "step")


def turn_by_turn(made):
    """Ratios are ours over the plain recipe's, of the same round."""
    values = {row["name"]: row["values"] for row in made["rows"] if row["median"] is not None}
    for ratio in made["ratios"]:
        left, right = ratio["name"].split(" / ")
        assert ratio["values"] == [a / b for a, b in zip(values[left], values[right], strict=True)]


def test_without_soundfile_decoded_samples_are_still_measured(monkeypatch):
    monkeypatch.setattr(speech, "has_soundfile", lambda: False)
    result = bench.measure(("speech_features",), TINY)
    made = {row["name"]: row for row in result["parts"]["speech_features"]["rows"]}
    assert made["ours, decoded before"]["median"] > 0 and made["flac decoded"]["median"] is None
    assert "wav decoded: not measured (pip install 'ncssl[speech]')" in bench.text(result)


def test_the_command_prints_the_speech_rows(monkeypatch):
    small = {
        name: lambda size, part=part: part(replace(size, **vars(TINY)))
        for name, part in bench.PARTS.items()
    }
    monkeypatch.setattr(bench, "PARTS", small)
    names = [name for name in small if name.startswith("speech_")]
    assert names == ["speech_features", "speech_step", "speech_augment"]
    done = CliRunner().invoke(
        cli.main, ["bench", *(f"--only={name}" for name in names)], catch_exceptions=False
    )
    assert done.exit_code == 0
    for words in (
        "ours, decoded before",
        "x real time",
        "goal 200",
        "utterances/s",
        "ours / plain, noise alone",
    ):
        assert words in done.stdout
    done = CliRunner().invoke(
        cli.main, ["bench", "--only", names[0], "--json"], catch_exceptions=False
    )
    assert list(json.loads(done.stdout)["parts"]) == names[:1]
