"""Folders and tars of speech: every layout, trial lists, and what happens with damaged files and
lists."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from data_files import apart, cut, write_tar, write_tree  # noqa: F401

from ncssl import data
from ncssl.data import audio, speech
from ncssl.data.conditions import corrupt
from ncssl.errors import BadFile, UnknownName

soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed")


def samples(seed: int, count: int = 4800) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, count).astype(np.float32)


def sound(values: np.ndarray, kind="FLAC", rate=16_000, subtype="PCM_16") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, values, rate, format=kind, subtype=subtype)
    return file.getvalue()


def heard(content: bytes) -> np.ndarray:
    return soundfile.read(io.BytesIO(content), dtype="float32")[0]


def utterance(corpus: speech.Speech, name: str) -> torch.Tensor:
    i = corpus.paths.index(name)
    return corpus.mel[corpus.starts[i] : corpus.starts[i] + corpus.lengths[i]]


AUDIO = {f"s{who}/{i}.flac": sound(samples(10 * who + i)) for who in range(4) for i in range(2)}
MANIFEST = "path,speaker,emotion\n" + "".join(
    f"{name},{name[:2]},{'calm' if i % 2 else 'happy'}\n" for i, name in enumerate(AUDIO)
)
SPLIT = "corpus,path,split\n" + "".join(
    f"a,{name},{'train' if name < 's2' else 'eval'}\n" for name in AUDIO
)
TRIALS = "1 a/s2/0.flac a/s2/1.flac\n0 a/s2/0.flac a/s3/0.flac\n"


def corpus_of(
    root: Path, files=AUDIO, manifest=MANIFEST, split=SPLIT, lists=None, tar=".tar"
) -> Path:
    """A manifest beside a tar or a folder of audio, splits and trial lists."""
    root.mkdir(exist_ok=True)
    (write_tar if tar else write_tree)(
        root / f"a{tar}", {f"a/{k}" if tar else k: v for k, v in files.items()}
    )
    texts = {"a.manifest.csv": manifest, "split.csv": split} | (lists or {"trials_x.txt": TRIALS})
    return write_tree(
        root, {name: text.encode() for name, text in texts.items() if text is not None}
    )


@pytest.mark.parametrize("tar", ["", ".tar", ".tar.gz", ".tar.xz"])
def test_a_tar_or_folder_beside_its_manifest_gives_the_decoded_utterances(
    tmp_path, monkeypatch, tar
):
    root = corpus_of(tmp_path / "speech", tar=tar)
    monkeypatch.setenv("NCSSL_DATA", str(tmp_path))  # found in its folder speech/
    train, test = speech.load("speech"), speech.load("speech", "test", root=root)
    assert train.classes == ("s0", "s1") and test.classes == ("s2", "s3")
    assert test.paths == ("a/s2/0.flac", "a/s2/1.flac", "a/s3/0.flac", "a/s3/1.flac")
    assert test.labels.tolist() == [0, 0, 1, 1] and test.emotions.tolist() == [1, 0, 1, 0]
    assert train.emotion_names == test.emotion_names == ("calm", "happy")
    for corpus in (train, test):
        for name in corpus.paths:
            assert torch.equal(utterance(corpus, name), audio.log_mel([heard(AUDIO[name[2:]])])[0])
    found = speech.trials("speech", test)
    assert list(found) == ["x"]
    assert [column.tolist() for column in found["x"]] == [[True, False], [0, 0], [1, 2]]
    assert found["x"].target.dtype == torch.bool and found["x"].a.dtype == torch.int64


def test_a_tar_as_the_root_leaves_its_neighbours_alone(tmp_path):
    root = corpus_of(
        tmp_path / "c", lists={"trials_x.txt": TRIALS, "trials_b.txt": "1 b/0 b/1\n0 b/0 b/2\n"}
    )
    (root / "b.manifest.csv").write_text("damaged")
    assert list(
        speech.trials(
            "speech", speech.load("speech", "test", root=root / "a.tar"), root=root / "a.tar"
        )
    ) == ["x"]


def test_thirds_that_lists_name_are_cut_from_their_file(tmp_path):
    lists = {
        "trials_seg.txt": (
            "1 a/s2/0.flac#0 a/s2/0.flac#2\n0 a/s2/0.flac#1 a/s3/0.flac#0\n0 a/s2/1.flac"
            " a/s3/0.flac\n"
        )
    }
    test = speech.load("speech", "test", root=corpus_of(tmp_path / "c", lists=lists))
    thirds = [f"a/s2/0.flac#{k}" for k in range(3)]
    assert test.paths == (*thirds, "a/s2/1.flac", "a/s3/0.flac", "a/s3/0.flac#0", "a/s3/1.flac")
    whole = heard(AUDIO["s2/0.flac"])
    for k, name in enumerate(thirds):
        assert torch.equal(
            utterance(test, name), audio.log_mel([whole[1600 * k : 1600 * (k + 1)]])[0]
        )


def test_a_folder_with_one_manifest_needs_no_splits_and_no_lists(tmp_path):
    files = {
        f"{who}{i}.wav": sound(samples(ord(who) + i), "WAV")
        for who in "abcdefghij"
        for i in range(2)
    }
    manifest = "speaker,path\n" + "".join(f"{name[0]},{name}\n" for name in files)
    root = write_tree(tmp_path / "mine", files | {"manifest.csv": manifest.encode()})
    train, test = (speech.load("speech", split, root=root) for split in ("train", "test"))
    assert test.classes == ("e", "j") and len(train.classes) == 8  # every fifth speaker
    assert test.paths == ("e0.wav", "e1.wav", "j0.wav", "j1.wav")
    assert test.emotions.tolist() == [-1] * 4 and test.emotion_names == ()
    found = speech.trials("speech", test, root=root)["all"]
    assert found.target.tolist() == [True, False, False, False, False, True]
    (root / "trials_y.txt").write_text("1 a0.wav a1.wav\n0 b0.wav a1.wav\n")  # now the list decides
    assert speech.load("speech", "test", root=root).classes == ("a", "b")


@pytest.mark.parametrize("tops", [("", ""), ("voxceleb1/", "voxceleb2/dev/")])
def test_voxcelebs_own_layout(tmp_path, tops):
    people = {"id10270": tops[0], "id10271": tops[0], "id00012": tops[1], "id00013": tops[1]}
    files = {
        f"{top}wav/{who}/x{i}/0000{j}.wav": sound(samples(int(who[2:]) + 10 * i + j), "WAV")
        for who, top in people.items()
        for i in range(2)
        for j in (1, 2)
    }
    trials = (
        "1 id10270/x0/00001.wav id10270/x1/00001.wav\n0 id10270/x0/00001.wav id10271/x1/00002.wav\n"
    )
    root = write_tree(
        tmp_path / "vox", files | {"veri_test2.txt": trials.encode(), "wav.txt": b"a note"}
    )
    train, test = (speech.load("speech", split, root=root) for split in ("train", "test"))
    assert train.classes == ("id00012", "id00013") and test.classes == ("id10270", "id10271")
    assert len(train.paths) == len(test.paths) == 8 and test.emotion_names == ()
    found = speech.trials("speech", test, root=root)["veri_test2"]
    assert [test.paths[i] for i in found.b.tolist()] == [
        "id10270/x1/00001.wav",
        "id10271/x1/00002.wav",
    ]
    name = "id10271/x1/00002.wav"
    assert torch.equal(
        utterance(test, name), audio.log_mel([heard(files[f"{tops[0]}wav/{name}"])])[0]
    )


def test_features_are_computed_once_and_again_when_the_source_changes(tmp_path, monkeypatch):
    root, decode = corpus_of(tmp_path / "c"), audio.decode
    first = speech.load("speech", "test", root=root)
    monkeypatch.setattr(audio, "decode", None)
    assert torch.equal(speech.load("speech", "test", root=root).mel, first.mel)
    monkeypatch.setattr(audio, "decode", decode)
    corpus_of(root, AUDIO | {"s3/1.flac": sound(samples(99))})
    assert not torch.equal(speech.load("speech", "test", root=root).mel, first.mel)


def test_conditions_corrupt_the_waveform_by_name_and_babble_is_of_training_speakers(tmp_path):
    root = corpus_of(tmp_path / "c")
    clean, noisy, reverb = (
        speech.load("speech", "test", root=root, condition=c) for c in ("clean", "noise", "reverb")
    )
    assert noisy.paths == reverb.paths == clean.paths and torch.equal(noisy.lengths, clean.lengths)
    crowd = [heard(content) for name, content in AUDIO.items() if name < "s2"]
    for corpus, condition in ((noisy, "noise"), (reverb, "reverb")):
        for name in clean.paths:
            wanted = corrupt(heard(AUDIO[name[2:]]), condition, name, crowd)
            assert torch.equal(utterance(corpus, name), audio.log_mel([wanted])[0])


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


def test_a_root_without_a_corpus_is_not_replaced_by_another(tmp_path, monkeypatch):
    monkeypatch.setenv("NCSSL_DATA", str(corpus_of(tmp_path / "c")))
    (tmp_path / "empty").mkdir()
    assert len(speech.load("speech").paths) == 4
    with pytest.raises(data.MissingData, match="no manifest and no wav/id.* in .*empty"):
        speech.load("speech", root=tmp_path / "empty")


def test_without_soundfile_the_error_says_what_to_install(tmp_path, monkeypatch):
    root = corpus_of(tmp_path / "c")
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(ImportError, match="pip install soundfile"):
        speech.load("speech", root=root)


def test_present_says_where_a_corpus_is(tmp_path, monkeypatch):
    rows = {row["name"]: row for row in speech.present()}
    assert (
        rows["voices"]["present"]
        and not rows["speech"]["present"]
        and rows["voices"]["train"] == 480
    )
    root = corpus_of(tmp_path / "speech")
    monkeypatch.setenv("NCSSL_DATA", str(tmp_path))
    row = {row["name"]: row for row in speech.present()}["speech"]
    assert row["present"] and row["where"] == str(root) and row["bytes"] > 1000
    assert set(row) - {"corpora"} == set(data.present()[0]) and "librispeech" in row["corpora"]
