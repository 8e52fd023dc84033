"""Corpora with recordings of noise: the table that says which, and runs that use them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from data_files import apart, write_tar, write_tree  # noqa: F401
from test_speech_corpus import AUDIO, corpus_of, heard, samples, sound, utterance

from ncssl import data
from ncssl.data import audio, speech
from ncssl.errors import BadFile, UnknownName
from ncssl.recipes import recipe
from ncssl.train.tasks import Utterances

soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed")


# ---- noise of the corpus's own

NOISES = {
    f"{name}.ogg": sound(samples(i, 20_000), "OGG", subtype="OPUS")
    for i, name in ((90, "tap"), (91, "dishes"))
}
TABLE = "path,noise,offset_s,snr_db\n" + "".join(
    f"./a/{name},noise/{'tap' if i % 2 else 'dishes'}.ogg,{0.25 * i},{5 * (i % 3)}\n"
    for i, name in enumerate(AUDIO)
)


def noisy_corpus(root: Path, table=TABLE) -> Path:
    corpus_of(root)
    write_tar(root / "noise.tar", {f"noise/{name}": content for name, content in NOISES.items()})
    text = "path,speaker,licence\n" + "".join(f"{name},,CC-BY-4.0\n" for name in NOISES)
    return write_tree(root, {"noise.manifest.csv": text.encode(), "noise_eval.csv": table.encode()})


def test_a_table_of_noise_is_a_condition_and_the_recordings_can_be_loaded(tmp_path):
    root = noisy_corpus(tmp_path / "c")
    assert speech.conditions("speech", root=root) == ("clean", "noise", "reverb", "eval")
    clean, noisy = (
        speech.load("speech", "test", root=root, condition=c) for c in ("clean", "eval")
    )
    assert clean.paths == noisy.paths and clean.classes == noisy.classes == ("s2", "s3")
    for i, name in enumerate(AUDIO):
        if f"a/{name}" in noisy.paths:
            speaking, noise = (
                heard(AUDIO[name]).astype(float),
                heard(NOISES[("dishes", "tap")[i % 2] + ".ogg"]),
            )
            added = np.array([noise[(4000 * i + k) % len(noise)] for k in range(len(speaking))])
            added *= np.sqrt((speaking**2).mean() / (added**2).mean()) * 10 ** (-5 * (i % 3) / 20)
            expected = audio.log_mel([(speaking + added).astype(np.float32)])[0]
            torch.testing.assert_close(utterance(noisy, f"a/{name}"), expected, atol=1e-3, rtol=0)
    recordings = speech.noises("speech", root=root)
    assert recordings.paths == ("noise/tap.ogg", "noise/dishes.ogg") == recordings.classes[::-1]
    assert torch.equal(
        utterance(recordings, "noise/tap.ogg"), audio.log_mel([heard(NOISES["tap.ogg"])])[0]
    )


def test_a_changed_table_is_another_condition(tmp_path):
    root = noisy_corpus(tmp_path / "c")
    first = speech.load("speech", "test", root=root, condition="eval")
    (root / "noise_eval.csv").write_text(TABLE.replace("dishes", "tap"))
    other = speech.load("speech", "test", root=root, condition="eval")
    assert not torch.equal(first.mel, other.mel) and first.digest != other.digest


@pytest.mark.parametrize(
    "old, new, message",
    [
        (
            "noise/tap",
            "noise/none",
            "noise_eval.csv: line 3 names 'noise/none.ogg', which is nowhere",
        ),
        (",0.5,", ",now,", "noise_eval.csv: line 4: offset_s is 'now'"),
        (",0.5,", ",-1,", "line 4: offset_s is -1"),
        ("a/s3/1.flac", "a/s9/1.flac", "noise_eval.csv: has no line for 'a/s3/1.flac'"),
    ],
)
def test_mistakes_in_a_table_of_noise_are_named(tmp_path, old, new, message):
    assert old in TABLE
    with pytest.raises(BadFile, match=message):
        speech.load(
            "speech",
            "test",
            root=noisy_corpus(tmp_path / "c", TABLE.replace(old, new)),
            condition="eval",
        )


def test_noise_that_is_not_there_and_names_that_are_taken_are_errors(tmp_path):
    with pytest.raises(BadFile, match="has no recordings of noise"):
        speech.noises("speech", root=corpus_of(tmp_path / "a"))
    root = noisy_corpus(tmp_path / "b")
    with pytest.raises(
        UnknownName, match="unknown condition 'other'; allowed: clean, eval, noise, reverb"
    ):
        speech.load("speech", "test", root=root, condition="other")
    (root / "noise_eval.csv").rename(root / "noise_reverb.csv")
    with pytest.raises(BadFile, match="'reverb' is a condition of our own"):
        speech.load("speech", root=root)


def test_a_corpus_that_fixes_its_noise_is_tested_under_that_alone(tmp_path):
    root = noisy_corpus(tmp_path / "c")
    assert speech.tested("speech", root=root) == {"clean": "clean", "noise": "eval"}
    first = speech.identified("speech", root=root)
    (root / "noise_eval.csv").write_text(TABLE.replace("dishes", "tap"))
    assert speech.identified("speech", root=root) != first
    (root / "noise_other.csv").write_text(TABLE)
    both = {"clean": "clean", "eval_noise": "eval", "other_noise": "other"}
    assert speech.tested("speech", root=root) == both
    plain = {"clean": "clean", "noise": "noise", "reverb": "reverb"}
    assert speech.tested("voices") == plain


def test_a_corpus_of_a_name_is_told_by_its_manifest(tmp_path):
    noisy_corpus(tmp_path / "speechocean")
    with pytest.raises(data.MissingData, match="no speechocean762.manifest.csv"):
        speech.load("speechocean", root=tmp_path)


def test_a_run_is_mixed_with_recordings_of_the_corpus(tmp_path):
    r = recipe("simsiam", dataset="speech", augmentation="speech_recorded", batch=2, limit=None)
    root = noisy_corpus(tmp_path / "c")
    assert Utterances(r, root=root).train.noise.paths == ("noise/tap.ogg", "noise/dishes.ogg")
    with pytest.raises(BadFile, match="has no recordings of noise"):
        Utterances(r, root=corpus_of(tmp_path / "quiet"))
