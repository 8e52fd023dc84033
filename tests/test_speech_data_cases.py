"""Audio, manifests and trial lists as people have them: streams, cut files, endings, names, lists
that do not fit."""

import os
import unicodedata
import warnings
from pathlib import Path

import pytest
import torch
from data_files import apart, write_tar, write_tree, write_zip  # noqa: F401
from small_corpus import AUDIO, MANIFEST, SPLIT, TRIALS, corpus_of, heard, samples, sound, utterance

from ncssl import data
from ncssl.data import audio, speech
from ncssl.errors import BadFile

soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed")

# ---- lengths in headers

WAV, FLAC = sound(samples(1), "WAV"), sound(samples(1))


def test_an_utterance_without_end_is_left_out(monkeypatch):
    monkeypatch.setattr(audio, "LONGEST", 4000)
    with pytest.raises(audio.Unusable, match="longer than 4000 samples"):
        audio.decode(FLAC, "a")


# ---- names and places of files


@pytest.mark.parametrize("tar", ["", ".tar", ".zip"])
def test_names_with_dots_or_accents_in_another_form_are_found(tmp_path, tar):
    forms = [unicodedata.normalize(form, "é") for form in ("NFC", "NFD")]
    other = {name.replace("s3", forms[1] + "3"): content for name, content in AUDIO.items()}
    root = tmp_path / "c"
    stored = {f"./{name}" if tar else name: content for name, content in other.items()}
    root.mkdir()
    {"": write_tree, ".tar": write_tar, ".zip": write_zip}[tar](root / f"a{tar}", stored)
    text = "".join(f"./{name.replace('s3', forms[0] + '3')},{name[:2]}\n" for name in AUDIO)
    lists = TRIALS.replace("a/s2/0", "a/./s2/0").replace("s3/0", f"{forms[1]}3/0")
    split = SPLIT.replace("a,", "a,./").replace("s3", f"{forms[0]}3")
    write_tree(
        root,
        {
            "a.manifest.csv": f"path,speaker\n{text}".encode(),
            "split.csv": split.encode(),
            "trials_x.txt": lists.encode(),
        },
    )
    test = speech.load("speech", "test", root=root)
    assert test.paths[2] == f"a/{forms[0]}3/0.flac"
    assert torch.equal(
        utterance(test, test.paths[2]), audio.log_mel([heard(AUDIO["s3/0.flac"])])[0]
    )
    assert speech.trials("speech", test, root=root)["x"].b.tolist() == [1, 2]


@pytest.mark.parametrize("path", ["../outside.flac", "/etc/outside.flac", "s0/../../outside.flac"])
@pytest.mark.parametrize("where", ["manifest", "split"])
def test_paths_that_lead_out_are_named(tmp_path, path, where):
    text = {"manifest": MANIFEST, "split": SPLIT}
    text[where] = text[where].replace("s0/0.flac", path)
    root = corpus_of(tmp_path / "c", **text)
    with pytest.raises(BadFile, match=r"csv: line 2: .*outside.flac' (leads out|is absolute)"):
        speech.load("speech", root=root)


def voxceleb(root: Path, ending: str, kind: str, top="wav") -> Path:
    people = [f"id1000{i}" for i in range(4)]
    contents = {
        f"{top}/{who}/x/0000{j}{ending}": sound(samples(10 * i + j), kind, subtype=None)
        for i, who in enumerate(people)
        for j in (1, 2)
    }
    lists = "1 id10002/x/00001.wav id10002/x/00002.wav\n0 id10002/x/00001.wav id10003/x/00001.wav\n"
    return write_tree(root, contents | {"veri_test2.txt": lists.encode()})


@pytest.mark.parametrize("ending, kind", [(".mp3", "MP3"), (".flac", "FLAC"), (".opus", "OGG")])
def test_voxcelebs_layout_in_another_format_fits_its_lists(tmp_path, ending, kind):
    root = voxceleb(tmp_path / "vox", ending, kind)
    test = speech.load("speech", "test", root=root)
    assert test.classes == ("id10002", "id10003") and test.paths[0] == f"id10002/x/00001{ending}"
    assert speech.trials("speech", test, root=root)["veri_test2"].b.tolist() == [1, 2]


@pytest.mark.parametrize("top", ["wav", "aac", "dev/aac"])
def test_what_libsndfile_does_not_read_is_named(tmp_path, top):
    root = voxceleb(tmp_path / "vox", ".m4a", "WAV", top)
    with pytest.raises(
        BadFile, match="holds .m4a, which libsndfile does not read; convert it: ffmpeg"
    ):
        speech.load("speech", root=root)


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
@pytest.mark.parametrize("name", ["trials_x.txt", "a.manifest.csv"])
def test_pipes_and_devices_are_not_read(tmp_path, make, name):
    root = corpus_of(tmp_path / "c", tar="")
    (root / "a/s0/0.flac").unlink()
    make(root / "a/s0/0.flac")
    with pytest.warns(UserWarning, match=r"skipped 1 of 4 utterances \(1 missing\)"):
        assert len(speech.load("speech", root=root).paths) == 3
    (root / name).unlink()
    make(root / name)
    with pytest.raises(BadFile, match=f"{name}: is a pipe, a device"):
        speech.load("speech", root=root)


def test_of_two_members_with_one_name_the_second_stands(tmp_path):
    root = corpus_of(tmp_path / "c")
    doubled = {f"a/{name}": content for name, content in AUDIO.items()}
    # written in reverse order
    write_tar(root / "a.tar", {"a/./s2/0.flac": doubled["a/s2/1.flac"]} | doubled)
    test = speech.load("speech", "test", root=root)
    assert torch.equal(utterance(test, "a/s2/0.flac"), utterance(test, "a/s2/1.flac"))


# ---- trial lists


BLANK = [
    "\ufeff" + TRIALS,
    TRIALS + "\n",
    TRIALS.replace("\n", "\r\n") + "  \r\n\r\n",
    "\n" + TRIALS,
]


@pytest.mark.parametrize("text", BLANK)
def test_a_mark_of_byte_order_and_blank_lines_are_no_trials(tmp_path, text):
    root = corpus_of(tmp_path / "c")
    (root / "trials_x.txt").write_bytes(text.encode())
    found = speech.trials("speech", speech.load("speech", "test", root=root), root=root)["x"]
    assert found.target.tolist() == [True, False]


LEFT = {
    "nowhere": ("0 a/s2/0.flac a/s9/0.flac\n", "1 of files that are nowhere.* a/s9/0.flac"),
    "itself": ("1 a/s2/1.flac a/s2/1.flac\n", "1 of a file with itself.* a/s2/1.flac"),
    "its third": ("1 a/s2/1.flac#0 a/s2/1.flac\n", "1 of a file with itself"),
    "twice": ("1 a/s2/0.flac a/s2/1.flac\n", "1 repeated.* a/s2/0.flac"),
    "turned": ("1 a/s2/1.flac a/s2/0.flac\n", "1 repeated"),
}


@pytest.mark.parametrize("kind", LEFT)
def test_trials_that_are_none_are_left_out_and_counted(tmp_path, kind):
    line, message = LEFT[kind]
    root = corpus_of(tmp_path / "c", lists={"trials_x.txt": TRIALS + line})
    with pytest.warns(UserWarning, match=f"trials_x.txt: left out 1 of 3 trials .{message}"):
        test = speech.load("speech", "test", root=root)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = speech.trials("speech", test, root=root)["x"]
    assert found.target.tolist() == [True, False]


def test_a_list_of_another_corpus_is_an_error(tmp_path):
    root = corpus_of(
        tmp_path / "c", lists={"trials_x.txt": TRIALS, "trials_y.txt": TRIALS.replace(" a/", " b/")}
    )
    with (
        pytest.warns(UserWarning, match="left out 2"),
        pytest.raises(BadFile, match="y.txt: none of its 2 trials"),
    ):
        speech.load("speech", root=root)


@pytest.mark.parametrize("speakers", [4, 5, 6, 9, 10])
def test_few_speakers_without_splits_give_two_to_the_test(tmp_path, speakers):
    names = [f"{who}{i}.wav" for who in "abcdefghij"[:speakers] for i in range(2)]
    text = "path,speaker\n" + "".join(f"{name},{name[0]}\n" for name in names)
    contents = {name: sound(samples(i), "WAV") for i, name in enumerate(names)}
    root = write_tree(tmp_path / "mine", contents | {"manifest.csv": text.encode()})
    test = speech.load("speech", "test", root=root)
    assert len(test.classes) == 2 and len(speech.load("speech", root=root).classes) == speakers - 2
    assert speech.trials("speech", test, root=root)["all"].target.sum() == 2


def test_too_few_speakers_and_one_utterance_each_say_what_is_needed(tmp_path):
    contents = {f"{who}.wav": sound(samples(ord(who)), "WAV") for who in "abcde"}
    text = "path,speaker\n" + "".join(f"{who}.wav,{who}\n" for who in "abc")
    root = write_tree(tmp_path / "few", contents | {"manifest.csv": text.encode()})
    with pytest.raises(
        BadFile, match="has no test utterances; give splits .* four speakers and more, it has 3"
    ):
        speech.load("speech", "test", root=root)
    text = "path,speaker\n" + "".join(f"{who}.wav,{who}\n" for who in "abcde")
    root = write_tree(tmp_path / "five", contents | {"manifest.csv": text.encode()})
    test = speech.load("speech", "test", root=root)
    with pytest.raises(
        ValueError,
        match="no trials of both kinds among the 2 utterances: give two speakers or more",
    ):
        speech.trials("speech", test, root=root)


# ---- what stands for the content


def test_a_digest_stands_for_frames_speakers_emotions_and_trials(tmp_path):
    base = corpus_of(tmp_path / "a")
    others = {
        "tar": corpus_of(tmp_path / "b", tar=".tar.gz"),
        "audio": corpus_of(
            tmp_path / "c",
            AUDIO | {"s0/0.flac": sound(samples(99)), "s2/0.flac": sound(samples(98))},
        ),
        "emotion": corpus_of(tmp_path / "d", manifest=MANIFEST.replace("calm", "sad")),
        "trials": corpus_of(
            tmp_path / "e", lists={"trials_x.txt": TRIALS + "0 a/s2/1.flac a/s3/0.flac\n"}
        ),
    }
    for split in ("train", "test"):
        first = speech.load("speech", split, root=base).digest
        same = {
            name: speech.load("speech", split, root=root).digest == first
            for name, root in others.items()
        }
        assert (
            same == {"tar": True, "audio": False, "emotion": False, "trials": split == "train"}
            and len(first) == 16
        )
    assert speech.load("voices", limit=2).digest == ""
    assert data.load("digits", limit=10).digest == ""
