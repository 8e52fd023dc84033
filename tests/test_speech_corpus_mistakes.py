"""Corpora of speech that cannot be used: what is skipped and counted, and what is an error."""

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from data_files import apart, cut, write_tree  # noqa: F401
from small_corpus import AUDIO, MANIFEST, SPLIT, TRIALS, corpus_of, heard, samples, sound, utterance

from ncssl import data
from ncssl.cli import main
from ncssl.data import audio, speech
from ncssl.errors import BadFile, UnknownName

# ---- what is skipped, and counted

ZEROS, NAN = np.zeros(4800, np.float32), np.full(4800, np.nan, np.float32)
UNUSABLE = {
    "missing": (None, "missing"),
    "text": (b"hello", "corrupt"),
    "empty": (b"", "corrupt"),
    "cut flac": (AUDIO["s3/0.flac"][:-100], "corrupt"),
    "cut wav": (sound(samples(1), "WAV")[:-100], r"corrupt \(cut after"),
    "no number": (sound(NAN, "WAV", subtype="FLOAT"), "corrupt"),
    "silent": (sound(ZEROS), "silent"),
    "rounding noise": (sound(samples(1) * 1e-4), "silent"),
    "short": (sound(samples(1, 399)), r"shorter than one window \(399 samples\)"),
}


@pytest.mark.parametrize("tar", ["", ".tar"])
@pytest.mark.parametrize("kind", UNUSABLE)
def test_what_cannot_be_used_is_skipped_and_counted_and_nothing_else_is_lost(tmp_path, kind, tar):
    content, reason = UNUSABLE[kind]
    files = {
        name: data for name, data in (AUDIO | {"s3/0.flac": content}).items() if data is not None
    }
    root = corpus_of(tmp_path / "c", files, tar=tar)
    lists = root / "trials_x.txt"
    lists.write_text(TRIALS + "0 a/s2/0.flac a/s3/1.flac\n")
    word = reason.split(r" \(")[0]
    said = (
        rf"skipped 1 of 4 utterances \(1 {word}\), 1 trials name them and are left out:"
        rf" a/s3/0.flac: {reason}"
    )
    for _ in range(2):  # from the cache too
        with pytest.warns(UserWarning, match=said):
            test = speech.load("speech", "test", root=root)
    assert test.paths == ("a/s2/0.flac", "a/s2/1.flac", "a/s3/1.flac") and test.labels.tolist() == [
        0,
        0,
        1,
    ]
    for name in test.paths:
        assert torch.equal(utterance(test, name), audio.log_mel([heard(AUDIO[name[2:]])])[0])
    found = speech.trials("speech", test, root=root)["x"]
    assert found.b.tolist() == [1, 2] and found.target.tolist() == [True, False]


def test_a_silent_third_is_skipped_alone(tmp_path):
    content = sound(
        np.concatenate([samples(1, 1600), np.zeros(1600, np.float32), samples(2, 1600)])
    )
    lists = {"trials_seg.txt": "1 a/s2/0.flac#0 a/s2/0.flac#2\n0 a/s2/0.flac#1 a/s3/0.flac\n"}
    root = corpus_of(tmp_path / "c", AUDIO | {"s2/0.flac": content}, lists=lists)
    with pytest.warns(
        UserWarning, match=r"skipped 1 of 6 .*\(1 silent\), 1 trials .*: a/s2/0.flac#1: silent"
    ):
        assert len(speech.load("speech", "test", root=root).paths) == 5


# ---- what is an error


def edited(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


ERRORS = {
    "rate": (
        dict(files=AUDIO | {"s3/0.flac": sound(samples(1), rate=8000)}),
        r"s3/0.flac: has 8000 samples a second",
    ),
    "stereo": (
        dict(files=AUDIO | {"s3/0.flac": sound(samples(1).reshape(-1, 2))}),
        "s3/0.flac: has 2 channels",
    ),
    "column": (
        dict(manifest=edited(MANIFEST, "speaker", "name")),
        r"a.manifest.csv: has no column 'speaker' \(it has: path, name, emotion\)",
    ),
    "no manifest text": (
        dict(manifest=""),
        r"a.manifest.csv: has no column 'path' \(it has: nothing\)",
    ),
    "no rows": (dict(manifest="path,speaker\n"), "names no audio"),
    "no speaker": (
        dict(manifest=edited(MANIFEST, ",s1,", ",,")),
        "a.manifest.csv: line 4: speaker is empty",
    ),
    "cut line": (
        dict(manifest=MANIFEST + "s9/0.flac"),
        "a.manifest.csv: line 10: speaker is empty",
    ),
    "twice": (dict(manifest=MANIFEST + "s0/0.flac,s0,\n"), "'a/s0/0.flac' is there twice"),
    "split": (
        dict(split=edited(SPLIT, "eval", "valid")),
        "split.csv: line 6: split 'valid'; allowed: train, test",
    ),
    "no split": (
        dict(split=edited(SPLIT, "a,s0/0.flac,train\n", "")),
        "split.csv: has no line for 'a/s0/0.flac'",
    ),
    "no split column": (
        dict(split=edited(SPLIT, "split", "part")),
        "split.csv: has no column 'split'",
    ),
    "both": (
        dict(split=edited(SPLIT, "s2/0.flac,eval", "s2/0.flac,train")),
        "speaker 's2' is in both splits",
    ),
    "one speaker": (
        dict(manifest="path,speaker\ns0/0.flac,s0\n", split=None, lists={"notes.txt": ""}),
        "has one speaker only, 's0'; give it at least two",
    ),
    "fourth third": (
        dict(lists={"trials_x.txt": TRIALS + "1 a/s2/0.flac a/s2/0.flac#3\n"}),
        "line 3 names 'a/s2/0.flac#3'",
    ),
    "training": (
        dict(lists={"trials_x.txt": TRIALS + "0 a/s2/0.flac a/s0/0.flac\n"}),
        "line 3 names 'a/s0/0.flac', which is for training",
    ),
    "label": (
        dict(lists={"trials_x.txt": TRIALS + "yes a/s2/0.flac a/s2/1.flac\n"}),
        "line 3: 'yes a/s2/0.flac",
    ),
    "wrong label": (
        dict(lists={"trials_x.txt": TRIALS + "1 a/s2/0.flac a/s3/1.flac\n"}),
        "line 3: label 1 for",
    ),
    "one kind": (
        dict(lists={"trials_x.txt": TRIALS.splitlines()[0]}),
        "trials_x.txt: has no trials of both kinds",
    ),
    "all silent": (
        dict(files=dict.fromkeys(AUDIO, sound(ZEROS))),
        r"no utterance can be used \(a/s2/0.flac: silent",
    ),
}


@pytest.mark.parametrize("kind", ERRORS)
def test_mistakes_in_rates_manifests_and_lists_are_errors_that_name_the_place(tmp_path, kind):
    changes, message = ERRORS[kind]
    root = corpus_of(tmp_path / "c", **changes)
    with pytest.raises(BadFile, match=message):
        speech.load("speech", "test", root=root)


ROOTS = {  # what lies in it, and what is given as the root
    "something else": ("notes.txt", ""),
    "CN-Celeb": ("data/id00001/singing-01-001.flac", ""),
    "what was inside wav": ("id10001/x/00001.wav", ""),
    "aac": ("aac/id10001/x/00001.m4a", ""),
    "a manifest": ("manifest.csv", "manifest.csv"),
}


@pytest.mark.parametrize("kind", ROOTS)
def test_a_root_that_is_no_corpus_is_an_error_and_nothing_else_is_trained_on(tmp_path, kind):
    file, given = ROOTS[kind]
    root = write_tree(tmp_path / "root", {file: b""}) / given
    words = ["run", "--method", "simclr", "--dataset", "speech", "--data-root", str(root)]
    done = CliRunner().invoke(main, [*words, "--out", str(tmp_path / "out")])
    assert done.exit_code == 2 and str(root) in done.stderr and done.stderr.count("\n") == 1
    assert list((tmp_path / "out").rglob("*.json")) == []


def test_a_damaged_tar_and_a_manifest_without_audio_are_errors(tmp_path):
    root = corpus_of(tmp_path / "c", tar=".tar.gz")
    cut(root / "a.tar.gz")
    with pytest.raises(BadFile, match="a.tar.gz: not a whole tar archive"):
        speech.load("speech", root=root)
    (root / "a.tar.gz").unlink()
    with pytest.raises(
        BadFile, match="a.manifest.csv: there is no a.tar and no folder a beside it"
    ):
        speech.load("speech", root=root)


def test_wrong_arguments_are_named(tmp_path):
    root = corpus_of(tmp_path / "c")
    train, test = (speech.load("speech", split, root=root) for split in ("train", "test"))
    for call, kind, message in (
        (
            lambda: speech.load("voice"),
            UnknownName,
            "unknown speech dataset 'voice' .*'voices'.*; allowed: speech",
        ),
        (
            lambda: speech.load("voices", "eval"),
            UnknownName,
            "unknown split 'eval'; allowed: test, train",
        ),
        (
            lambda: speech.load("voices", "test", condition="wind"),
            UnknownName,
            "unknown condition 'wind'; allowed:",
        ),
        (
            lambda: speech.load("voices", condition="noise"),
            ValueError,
            "condition must be 'clean' for training",
        ),
        (
            lambda: speech.load("voices", limit=0),
            ValueError,
            "limit must be a whole number .* was 0",
        ),
        (
            lambda: speech.load("speech", root="nowhere"),
            data.MissingData,
            "root 'nowhere' does not exist",
        ),
        (
            lambda: speech.load("speech", root=tmp_path),
            data.MissingData,
            "no manifest and no wav/id",
        ),
        (lambda: speech.load("speech"), data.MissingData, r"roots: root=, \$NCSSL_DATA, ./data"),
        (
            lambda: speech.trials("speech", train, root=root),
            ValueError,
            "'a/s0/0.flac', no test utterance of 'speech'",
        ),
        (lambda: speech.trials("voices", test), ValueError, "no test utterance of 'voices'"),
        (
            lambda: speech.trials(
                "speech", speech.load("speech", "test", root=root, limit=1), root=root
            ),
            ValueError,
            "no trials of both kinds among the 1 utterances: raise the limit",
        ),
    ):
        with pytest.raises(kind, match=message):
            call()
