"""Audio, manifests and trial lists as people have them: streams, cut files, endings, names, lists
that do not fit."""

import os
import struct
import unicodedata
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from data_files import apart, write_tar, write_tree  # noqa: F401
from test_data_cases import write_zip
from test_speech_corpus import (
    AUDIO,
    MANIFEST,
    SPLIT,
    TRIALS,
    corpus_of,
    heard,
    samples,
    sound,
    utterance,
)

from ncssl import data
from ncssl.data import audio, speech
from ncssl.errors import BadFile, UnknownName
from ncssl.recipes import recipe
from ncssl.train.tasks import Utterances

soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed")

# ---- lengths in headers

WAV, FLAC = sound(samples(1), "WAV"), sound(samples(1))


def sizes(riff: int, chunk: int, content: bytes = WAV) -> bytes:
    return (
        content[:4]
        + struct.pack("<I", riff)
        + content[8:40]
        + struct.pack("<I", chunk)
        + content[44:]
    )


def flac(count: int) -> bytes:
    """The FLAC file with another number of samples in its header: 36 bits."""
    return (
        FLAC[:21]
        + bytes([FLAC[21] & 0xF0 | count >> 32])
        + (count & 2**32 - 1).to_bytes(4, "big")
        + FLAC[26:]
    )


STREAMS = {  # what writers leave in a header that they cannot go back to
    "ffmpeg": sizes(2**32 - 1, 2**32 - 1),
    "sox": sizes(0x7FFFF024, 0x7FFFF000),
    "sox of old": sizes(2**31 - 1, 2**31 - 37),
    "zeros": sizes(0, 0),
    "no data yet": sizes(36, 0),
    "size of data alone": sizes(0, len(WAV) - 44),
    "flac": flac(0),
    "au": sound(samples(1), "AU")[:8] + b"\xff" * 4 + sound(samples(1), "AU")[12:],
}


@pytest.mark.parametrize("kind", STREAMS)
def test_streams_whose_header_has_no_length_give_the_samples_that_are_there(kind):
    np.testing.assert_array_equal(
        audio.decode(STREAMS[kind], "a"), heard(FLAC if kind == "flac" else WAV)
    )


def test_a_wav_file_without_samples_is_not_taken_for_a_stream():
    empty = sizes(len(WAV) - 8, 0)
    assert (
        len(audio.decode(empty[:44] + b"LIST" + struct.pack("<I", len(WAV) - 52) + WAV[52:], "a"))
        == 0
    )


LONG = samples(1, 48000)
KINDS = {"wav": WAV, "flac": FLAC, "aiff": sound(samples(1), "AIFF"), "au": sound(samples(1), "AU"),
         "rf64": sound(samples(1), "RF64"), "sphere": sound(samples(1), "NIST"),
         "mp3": sound(LONG, "MP3", subtype=None),
         "vorbis": sound(LONG, "OGG", subtype="VORBIS"), "opus": sound(LONG, "OGG", subtype="OPUS"),
         "stream of flac": flac(0), "huge flac": flac(2**36 - 1) + bytes(600)}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_file_is_refused_in_every_format(kind):
    if not kind.startswith("huge"):
        assert len(audio.decode(KINDS[kind], "a")) > 4000
    with pytest.raises(audio.Unusable, match="corrupt"):
        audio.decode(KINDS[kind][:-600], "a")


def test_a_cut_between_pages_of_ogg_is_found_and_a_missing_end_too():
    content = KINDS["vorbis"]
    last = content.rfind(b"OggS")
    with pytest.raises(audio.Unusable, match="corrupt"):
        audio.decode(content[:last], "a")


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
