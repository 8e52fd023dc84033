"""Speech by name, as log-mel frames of a whole corpus on a device: `load`, `trials`, `DATASETS`,
what is `present`.

An hour of speech is 115 MB of frames. What lies where, and which file is for what:
`ncssl.data.corpus`.
"""

import hashlib
from functools import partial
from pathlib import Path

import numpy as np
import torch

from ncssl.checks import is_whole
from ncssl.data import MissingData, _bytes
from ncssl.data.audio import AUDIO, FEATURES
from ncssl.data.cache import cached, content
from ncssl.data.conditions import CONDITIONS, SETTINGS
from ncssl.data.corpora import DATASETS, conditions, identified, tested, where
from ncssl.data.corpora import corpus as corpus_of
from ncssl.data.corpus import Corpus, Utterance, utterances
from ncssl.data.extract import build, pool, report, subset
from ncssl.data.files import plain, tree
from ncssl.data.tables import File
from ncssl.data.utterances import Speech, Trials
from ncssl.datasets.provenance import CORPORA, SOURCES
from ncssl.errors import BadFile, UnknownName

__all__ = [
    "DATASETS",
    "Speech",
    "Trials",
    "conditions",
    "folder",
    "identified",
    "load",
    "noises",
    "present",
    "tested",
    "trials",
]

PAIRS = 1000  # utterances that are compared all with all where there is no trial list


def load(
    name: str,
    split: str = "train",
    *,
    root: str | Path | None = None,
    device: str | torch.device = "cpu",
    limit: int | None = None,
    condition: str = "clean",
) -> Speech:
    """Log-mel frames of a split (train, or test with the thirds that trial lists name), computed
    once and cached.

    `condition` of the test split is clean, noise or reverb (`corrupt`), or one of the corpus's own
    (`conditions`). `limit` keeps at most that many, always the same ones: speakers balanced for
    training, four utterances a speaker for the test. Files that are missing, corrupt, silent or
    shorter than 25 ms are skipped, with a warning that counts them. Raises UnknownName,
    MissingData, BadFile (which file, which line), ValueError.
    """
    if split not in ("train", "test"):
        raise UnknownName("split", split, ("train", "test"))
    if limit is not None and (not is_whole(limit) or limit < 1):
        raise ValueError(f"limit must be a whole number of at least 1 or None, was {limit!r}")
    if split == "train" and condition != "clean":
        raise ValueError(
            "condition must be 'clean' for training, where augmentation corrupts; it was"
            f" {condition!r}"
        )
    corpus = corpus_of(name, root)
    if condition not in (*CONDITIONS, *corpus.mixes):
        raise UnknownName("condition", condition, (*CONDITIONS, *corpus.mixes))
    whole = utterances(corpus, split)
    if not whole:
        people = len({file.speaker for file in corpus.files})
        todo = (
            "give splits (split.csv, or the column split), or four speakers and more, it has"
            f" {people}"
        )
        raise BadFile(corpus.where, f"has no {split} utterances", todo)
    found = whole if limit is None else subset(whole, limit, 1 if split == "train" else 4)
    crowd = pool(corpus) if condition == "noise" else []
    mixes = _mixes(corpus, found, condition)
    drawn = hashlib.sha256(
        "\n".join([item.name for item in (*found, *crowd)] + mixes).encode()
    ).hexdigest()
    settings = f"speech|{FEATURES}|{condition}|{SETTINGS if condition != 'clean' else ''}|{drawn}"
    wanted = ("mel", "lengths", "why", "digest")
    arrays = cached(corpus.where, settings, lambda: build(name, corpus, found, condition), wanted)
    report(corpus, found, arrays["why"])
    kept = [item for item, length in zip(found, arrays["lengths"], strict=True) if length]
    held = "" if name == "voices" else _identity(corpus, split, kept, arrays["digest"])
    return _speech(corpus, whole, kept, arrays, device)._replace(digest=held)


def _mixes(corpus: Corpus, found: list[Utterance], condition: str) -> list[str]:
    """The fixed noise of each utterance, for the key of the cache. Raises BadFile where one has
    none."""
    fixed = corpus.mixes.get(condition)
    if fixed is None:
        return []
    bare = next((item.name for item in found if item.file.name not in fixed), None)
    if bare:
        raise BadFile(
            corpus.where / f"noise_{condition}.csv",
            f"has no line for {bare!r}",
            "give every test file one",
        )
    return [str(fixed[item.file.name]) for item in found]


def noises(
    name: str, *, root: str | Path | None = None, device: str | torch.device = "cpu"
) -> Speech:
    """Log-mel frames of a corpus's recordings of noise, in the form of speech whose speakers are
    the recordings.

    Raises BadFile for a corpus without any, for a recording that cannot be used a warning; else as
    `load` does.
    """
    corpus = corpus_of(name, root)
    if not corpus.noises:
        raise BadFile(
            corpus.where, "has no recordings of noise", "add a manifest whose speakers are empty"
        )
    found = [Utterance(file.name, file._replace(speaker=file.name)) for file in corpus.noises]
    drawn = "\n".join(item.name for item in found)
    wanted = ("mel", "lengths", "why", "digest")
    arrays = cached(
        corpus.where,
        f"noise|{FEATURES}|{drawn}",
        lambda: build(name, corpus, found, "clean"),
        wanted,
    )
    report(corpus, found, arrays["why"])
    kept = [item for item, length in zip(found, arrays["lengths"], strict=True) if length]
    held = _identity(corpus, "train", kept, arrays["digest"])
    return _speech(corpus, found, kept, arrays, device)._replace(digest=held)


def folder(where: str | Path, *, device: str | torch.device = "cpu") -> Speech:
    """Log-mel frames of every audio file under a folder that says nothing of speakers, in the order
    of their paths; each is a speaker of its own.

    Raises BadFile for a folder without audio; for a file that cannot be used a warning.
    """
    top = plain(Path(where))
    names = [path.relative_to(top).as_posix() for path in tree(top) if path.suffix.lower() in AUDIO]
    if not names:
        allowed = ", ".join(sorted(AUDIO))
        raise BadFile(top, "holds no audio files", f"allowed endings: {allowed}")
    found = [Utterance(name, File(name, top, name, name, "", "")) for name in names]
    corpus = Corpus(top, tuple(item.file for item in found), {})
    drawn = hashlib.sha256("\n".join(names).encode()).hexdigest()
    wanted = ("mel", "lengths", "why", "digest")
    make = partial(build, "speech", corpus, found, "clean")
    arrays = cached(top, f"folder|{FEATURES}|{drawn}", make, wanted)
    report(corpus, found, arrays["why"])
    kept = [item for item, length in zip(found, arrays["lengths"], strict=True) if length]
    return _speech(corpus, found, kept, arrays, device)


def _identity(corpus: Corpus, split: str, kept: list[Utterance], frames: np.ndarray) -> str:
    """Digest of the frames' own digest with what manifests and lists say of them."""
    said = [f"{item.name}|{item.file.speaker}|{item.file.emotion}" for item in kept]
    if split == "test":
        said += [
            f"{name}|{target:d}|{a}|{b}"
            for name, rows in sorted(corpus.lists.items())
            for target, a, b in rows
        ]
    return content({"frames": frames, "said": np.frombuffer("\n".join(said).encode(), np.uint8)})


def _speech(
    corpus: Corpus, whole: list[Utterance], kept: list[Utterance], arrays, device
) -> Speech:
    classes = tuple(sorted({item.file.speaker for item in whole}))
    feelings = tuple(sorted({file.emotion for file in corpus.files} - {""}))
    number = {name: i for i, name in enumerate(classes)}
    emotion_of = {name: i for i, name in enumerate(feelings)} | {"": -1}
    lengths = torch.from_numpy(arrays["lengths"][arrays["lengths"] > 0].astype(np.int64))
    labels = torch.tensor([number[item.file.speaker] for item in kept])
    emotions = torch.tensor([emotion_of[item.file.emotion] for item in kept])
    paths = tuple(item.name for item in kept)
    mel, starts = torch.from_numpy(arrays["mel"]), lengths.cumsum(0) - lengths
    mel, starts, lengths, labels, emotions = (
        x.to(device) for x in (mel, starts, lengths, labels, emotions)
    )
    return Speech(mel, starts, lengths, labels, classes, emotions, feelings, paths)


def _all_pairs(corpus: Speech) -> Trials:
    """Every test utterance with every other."""
    if len(corpus.paths) > PAIRS:
        raise ValueError(
            f"{len(corpus.paths)} utterances are too many to compare all with all: give a trial"
            " list"
        )
    a, b = torch.triu_indices(len(corpus.paths), len(corpus.paths), 1, device=corpus.labels.device)
    return Trials(corpus.labels[a] == corpus.labels[b], a, b)


def trials(name: str, corpus: Speech, *, root: str | Path | None = None) -> dict[str, Trials]:
    """Trial lists by name, as rows of `corpus`, a test split that `load` gave; without a list,
    "all" pairs.

    Trials of utterances that `corpus` lacks (skipped, or beyond its limit) are left out, and so is
    a list without trials of both kinds. Raises ValueError where none remains or `corpus` is not of
    the test; BadFile as `load` does.
    """
    given = corpus_of(name, root)
    known = {item.name for item in utterances(given, "test")}
    other = next((path for path in corpus.paths if path not in known), None)
    if other is not None:
        raise ValueError(
            f"corpus holds {other!r}, no test utterance of {name!r}: give it load({name!r}, 'test')"
        )
    device = corpus.labels.device
    if given.lists:
        row = {path: i for i, path in enumerate(corpus.paths)}
        found = {}
        for called, rows in given.lists.items():
            kept = [(target, row[a], row[b]) for target, a, b in rows if a in row and b in row]
            target, a, b = (
                torch.tensor(kept, dtype=torch.int64, device=device).reshape(-1, 3).unbind(1)
            )
            found[called] = Trials(target.bool(), a.contiguous(), b.contiguous())
    else:
        found = {"voices" if name == "voices" else "all": _all_pairs(corpus)}
    found = {
        called: each
        for called, each in found.items()
        if each.target.any() and not each.target.all()
    }
    if not found:
        fewer = len(corpus.paths) < len(known)
        todo = (
            "raise the limit"
            if fewer
            else "give two speakers or more to the test, one with two utterances or more"
        )
        raise ValueError(
            f"no trials of both kinds among the {len(corpus.paths)} utterances: {todo}"
        )
    return found


def present(root: str | Path | None = None) -> list[dict]:
    """Rows like those of `ncssl.data.present`: is there a corpus, and where. Looks only at
    names."""
    rows = []
    for info in DATASETS.values():
        there = info.kind == "generated"
        try:
            found = "ncssl.data.voices" if there else str(where(info.name, root))
        except MissingData:
            found = ""
        row = {
            "name": info.name,
            "title": info.title,
            "present": bool(found),
            "where": found,
            "train": info.train,
        }
        size = _bytes(Path(found)) if found and not there else 0
        rows.append(
            row | {"test": info.test, "bytes": size, "sha256": ""} | SOURCES[info.name]._asdict()
        )
    rows[list(DATASETS).index("speech")]["corpora"] = {
        name: corpus._asdict() for name, corpus in CORPORA.items()
    }
    return rows
