"""Folders and tars of speech: every layout, trial lists, and what happens with damaged files and
lists."""

import sys

import pytest
import torch
from data_files import apart, write_tree  # noqa: F401
from small_corpus import AUDIO, TRIALS, corpus_of, heard, samples, sound, utterance

from ncssl import data
from ncssl.data import audio, speech
from ncssl.data.conditions import corrupt


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
