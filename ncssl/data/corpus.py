"""Manifests, splits and trial lists of speech corpora: who says what in which file, and what is
compared with what.

Three layouts, recognised by what lies in a folder:

* `<corpus>.manifest.csv` beside `<corpus>.tar` (any compression), `<corpus>.zip` or a folder
  `<corpus>/`, as many as
  there are; an utterance is called `<corpus>/<path>`. An archive alone is read with the manifest
  beside it.
* `manifest.csv` in a folder of audio; an utterance is called by its `path`.
* VoxCeleb's own, without a manifest: `wav/id10001/<video>/00001.wav` (one or two folders higher is
  as good, such as
  `voxceleb1/dev/wav/`); an utterance is called `id10001/<video>/00001.wav`. Lists may name files by
  another ending.

A manifest has the columns path, speaker, and if wanted emotion and split. `split.csv` (corpus,
path, split) stands for that last one. Splits are train, test, eval, eval_seg (thirds); without any,
speakers that trial lists name are for the test, and without lists every fifth speaker, at least
two. Trial lists are trials*.txt, veri_test*.txt, list_test*.txt: `label a b` a line, label 1 for
the same speaker; `a#k` is the k-th third of a file, k 0 to 2 (`ncssl.data.lists`).

A manifest whose speakers are all empty is one of noise. A table noise_<name>.csv (path, noise,
offset_s, snr_db) fixes the noise of each test utterance: the condition <name>.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ncssl.data.audio import AUDIO, UNREAD
from ncssl.data.conditions import CONDITIONS
from ncssl.data.files import composed, tree
from ncssl.data.lists import Trial, bare, checked, read_trials, whole
from ncssl.data.tables import File, Mix, inside, read_mixes, table
from ncssl.errors import BadFile

TARS = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".zip")
LISTS = ("trials*.txt", "veri_test*.txt", "list_test*.txt")
SPLITS = {"train": "train", "test": "test", "eval": "test", "eval_seg": "test"}
WAVS = tuple(f"{above}{name}" for name in ("wav", "aac") for above in ("", "*/", "*/*/"))


class Corpus(NamedTuple):
    """Files of one folder or tar, and its trial lists: name -> (target, a, b) a trial.

    `noises` are recordings of noise, of no speaker and no split; `mixes` say under a name which of
    them is added to each utterance of the test.
    """

    where: Path
    files: tuple[File, ...]
    lists: dict[str, list[Trial]]
    noises: tuple[File, ...] = ()
    mixes: dict[str, dict[str, Mix]] = {}


class Utterance(NamedTuple):
    """A file or one third of it (0, 1, 2) under the name that trial lists use."""

    name: str
    file: File
    third: int | None = None


def is_corpus(where: Path) -> bool:
    """Whether a path is a tar with a manifest beside it, or a folder in one of the layouts."""
    if where.is_file():
        return _beside(where).is_file()
    return any(_manifests(where)) or any(_wavs(where))


def read_corpus(where: Path) -> Corpus:
    """Manifests, splits and lists of a folder or tar, checked. Raises BadFile that names the file
    and the line."""
    manifests = [_beside(where)] if where.is_file() else _manifests(where)
    folder = where.parent if where.is_file() else where
    files = (
        [file for path in manifests for file in _read_manifest(path)]
        if manifests
        else list(_voxceleb(folder))
    )
    noises = tuple(file for file in files if not file.speaker)
    files = [file for file in files if file.speaker]
    _once(where, files)
    files = _given_splits(folder / "split.csv", files) if manifests else files
    found = {
        path: read_trials(path)
        for path in sorted({p for pattern in LISTS for p in folder.glob(pattern)})
    }
    if where.is_file():  # lists of its neighbours are left alone
        top = f"{_stem(where)}/"
        found = {
            path: rows
            for path, rows in found.items()
            if any(row[2].startswith(top) for row in rows)
        }
    named = {whole(name) for rows in found.values() for _, _, *pair in rows for name in pair}
    files = _other_splits(files, named)
    _disjoint(where, files)
    known = {file.name: file for file in files}
    lists = {
        path.stem.removeprefix("trials_"): checked(path, rows, known)
        for path, rows in found.items()
    }
    tables = sorted(folder.glob("noise_*.csv")) if noises else []
    names = {file.name for file in noises}
    mixes = {path.stem.removeprefix("noise_"): read_mixes(path, names) for path in tables}
    taken = next((name for name in mixes if name in CONDITIONS), None)
    if taken:
        raise BadFile(
            folder / f"noise_{taken}.csv",
            f"{taken!r} is a condition of our own",
            "call it otherwise",
        )
    return Corpus(where, tuple(files), lists, noises, mixes)


def utterances(corpus: Corpus, split: str) -> list[Utterance]:
    """Utterances of a split; a test file comes as the thirds that lists name, and whole if named so
    or not at all."""
    files = [file for file in corpus.files if file.split == split]
    if split == "train":
        return [Utterance(file.name, file) for file in files]
    named = {name for rows in corpus.lists.values() for _, *pair in rows for name in pair}
    found = []
    for file in files:
        thirds = [
            Utterance(f"{file.name}#{k}", file, k) for k in range(3) if f"{file.name}#{k}" in named
        ]
        found += [Utterance(file.name, file)] if file.name in named or not thirds else []
        found += thirds
    return found


def _stem(path: Path) -> str:
    return next(
        (
            path.name.removesuffix(end)
            for end in sorted(TARS, key=len)[::-1]
            if path.name.endswith(end)
        ),
        "",
    )


def _beside(tar: Path) -> Path:
    return tar.with_name(f"{_stem(tar)}.manifest.csv")


def _manifests(folder: Path) -> list[Path]:
    alone = folder / "manifest.csv"
    return [alone] if alone.is_file() else sorted(folder.glob("*.manifest.csv"))


def _wavs(folder: Path) -> list[Path]:
    return sorted(
        path for pattern in WAVS for path in folder.glob(pattern) if any(path.glob("id*/"))
    )


def _split(path: Path, line: int, given: str) -> str:
    if given not in SPLITS:
        raise BadFile(path, f"line {line}: split {given!r}", f"allowed: {', '.join(SPLITS)}")
    return SPLITS[given]


def _read_manifest(path: Path) -> Iterator[File]:
    name = path.name.removesuffix("manifest.csv").removesuffix(".")
    source = path.parent
    if name:
        places = [path.with_name(name + end) for end in (*TARS, "")]
        found = next((place for place in places if place.exists()), None)
        if found is None:
            raise BadFile(
                path,
                f"there is no {name}.tar and no folder {name} beside it",
                "put the audio there",
            )
        source = found
    rows = list(table(path, ("path", "speaker"), may_be_empty=("speaker",)))
    noise = not any(row["speaker"] for _, row in rows)
    for line, row in rows:
        if not row["speaker"] and not noise:
            raise BadFile(path, f"line {line}: speaker is empty", "fill it in or delete the line")
        member = inside(path, line, row["path"])
        split = _split(path, line, row["split"]) if row.get("split") else ""
        speaker, emotion = composed(row["speaker"] or ""), row.get("emotion") or ""
        yield File(
            f"{composed(name)}/{member}" if name else member,
            source,
            member,
            speaker,
            emotion,
            split,
        )


def _voxceleb(folder: Path) -> Iterator[File]:
    other = set()
    for wav in _wavs(folder):
        for path in (path for who in sorted(wav.glob("id*/")) for path in tree(who)):
            ending = path.suffix.lower()
            other |= {ending} & UNREAD
            if ending in AUDIO and len(path.relative_to(wav).parts) == 3:
                name = path.relative_to(wav).as_posix()
                yield File(name, wav, name, path.relative_to(wav).parts[0], "", "")
    if other:
        todo = "convert it: ffmpeg -i a.m4a -ar 16000 -ac 1 a.wav, for each file, in a folder wav/"
        raise BadFile(
            folder, f"holds {', '.join(sorted(other))}, which libsndfile does not read", todo
        )


def _once(where: Path, files: list[File]) -> None:
    if not files:
        raise BadFile(
            where,
            "names no audio",
            "a manifest needs one line a file; VoxCeleb lies in wav/<id>/<video>/",
        )
    seen = set()
    for file in files:
        if file.name in seen:
            raise BadFile(where, f"{file.name!r} is there twice", "delete one of the two")
        seen.add(file.name)


def _given_splits(path: Path, files: list[File]) -> list[File]:
    """Files with the splits of split.csv, where there is one."""
    if not path.is_file():
        return files
    given = {}
    for line, row in table(path, ("path", "split")):
        member = inside(path, line, row["path"])
        name = f"{composed(row['corpus'])}/{member}" if row.get("corpus") else member
        given[name] = _split(path, line, row["split"])
    lost = next((file.name for file in files if file.name not in given), None)
    if lost:
        raise BadFile(path, f"has no line for {lost!r}", "give every file of the manifests a split")
    return [file._replace(split=given[file.name]) for file in files]


def _other_splits(files: list[File], named: set[str]) -> list[File]:
    """Splits where none are given: speakers of the files that trials name for the test, or every
    fifth, at least two; then all or none must have one."""
    without = [file.name for file in files if not file.split]
    if not without:
        return files
    if len(without) < len(files):
        raise BadFile(
            files[0].source,
            f"{without[0]!r} has no split and others have",
            "give every file one, or none",
        )
    named = named | {bare(name) for name in named}
    everyone = sorted({file.speaker for file in files})
    fifth = everyone[4::5] if len(everyone) > 9 else everyone[-2:] if len(everyone) > 3 else []
    test = {file.speaker for file in files if {file.name, bare(file.name)} & named} or set(fifth)
    return [file._replace(split="test" if file.speaker in test else "train") for file in files]


def _disjoint(where: Path, files: list[File]) -> None:
    people = {
        split: {file.speaker for file in files if file.split == split}
        for split in ("train", "test")
    }
    both = sorted(people["train"] & people["test"])
    if both:
        raise BadFile(
            where, f"speaker {both[0]!r} is in both splits", "verification needs other speakers"
        )
    if len(people["train"] | people["test"]) < 2:
        raise BadFile(where, f"has one speaker only, {files[0].speaker!r}", "give it at least two")
