"""Manifests, splits and trial lists of speech corpora: who says what in which file, and what is compared with what.

Three layouts, recognised by what lies in a folder:

* `<corpus>.manifest.csv` beside `<corpus>.tar` (any compression) or a folder `<corpus>/`, as many as there are;
  an utterance is called `<corpus>/<path>`. A tar alone is read with the manifest beside it.
* `manifest.csv` in a folder of audio; an utterance is called by its `path`.
* VoxCeleb's own, without a manifest: `wav/id10001/<video>/00001.wav` (one or two folders higher is as good, such as
  `voxceleb1/dev/wav/`); an utterance is called `id10001/<video>/00001.wav`.

A manifest has the columns path, speaker, and if wanted emotion and split. `split.csv` (corpus, path, split) stands for
that last one. Splits are train, test, eval, eval_seg (thirds); without any, speakers that trial lists name are for the
test, and without lists every fifth speaker. Trial lists are trials*.txt, veri_test*.txt, list_test*.txt: `label a b` a
line, label 1 for the same speaker; `a#k` is the k-th third of a file, k 0 to 2.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ncssl.data.audio import AUDIO
from ncssl.errors import BadFile

TARS = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
LISTS = ("trials*.txt", "veri_test*.txt", "list_test*.txt")
SPLITS = {"train": "train", "test": "test", "eval": "test", "eval_seg": "test"}
WAVS = ("wav", "*/wav", "*/*/wav")


class File(NamedTuple):
    """One audio file: its name in trial lists, where it lies, what is known of it."""

    name: str
    source: Path  # a tar or a folder
    member: str  # path inside
    speaker: str
    emotion: str  # "" where none is known
    split: str  # train, test, or "" where none is given


class Corpus(NamedTuple):
    """Files of one folder or tar, and its trial lists: name -> (target, a, b) a trial."""

    where: Path
    files: tuple[File, ...]
    lists: dict[str, list[tuple[bool, str, str]]]


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
    """Manifests, splits and lists of a folder or tar, checked. Raises BadFile that names the file and the line."""
    manifests = [_beside(where)] if where.is_file() else _manifests(where)
    folder = where.parent if where.is_file() else where
    files = [file for path in manifests for file in _read_manifest(path)] if manifests else list(_voxceleb(folder))
    _once(where, files)
    files = _given_splits(folder / "split.csv", files) if manifests else files
    found = sorted({path for pattern in LISTS for path in folder.glob(pattern)})
    lists = {path.stem.removeprefix("trials_"): _read_trials(path) for path in found}
    if where.is_file():  # lists of its neighbours are left alone
        top = f"{_stem(where)}/"
        lists = {name: rows for name, rows in lists.items() if any(row[1].startswith(top) for row in rows)}
    files = _other_splits(files, lists)
    corpus = Corpus(where, tuple(files), lists)
    _disjoint(corpus)
    for path in found:
        _known(corpus, path, lists.get(path.stem.removeprefix("trials_"), ()))
    return corpus


def utterances(corpus: Corpus, split: str) -> list[Utterance]:
    """Utterances of a split; a test file comes as the thirds that lists name, and whole if named so or not at all."""
    files = [file for file in corpus.files if file.split == split]
    if split == "train":
        return [Utterance(file.name, file) for file in files]
    named = {name for rows in corpus.lists.values() for _, *pair in rows for name in pair}
    found = []
    for file in files:
        thirds = [Utterance(f"{file.name}#{k}", file, k) for k in range(3) if f"{file.name}#{k}" in named]
        found += [Utterance(file.name, file)] if file.name in named or not thirds else []
        found += thirds
    return found


def _stem(path: Path) -> str:
    return next((path.name.removesuffix(end) for end in sorted(TARS, key=len)[::-1] if path.name.endswith(end)), "")


def _beside(tar: Path) -> Path:
    return tar.with_name(f"{_stem(tar)}.manifest.csv")


def _manifests(folder: Path) -> list[Path]:
    alone = folder / "manifest.csv"
    return [alone] if alone.is_file() else sorted(folder.glob("*.manifest.csv"))


def _wavs(folder: Path) -> list[Path]:
    return sorted(path for pattern in WAVS for path in folder.glob(pattern) if any(path.glob("id*/")))


def _table(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, row) of a CSV file that has these columns. Raises BadFile."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            have = reader.fieldnames or []
            missing = [column for column in columns if column not in have]
            if missing:
                why = f"has no column {missing[0]!r} (it has: {', '.join(have) or 'nothing'})"
                raise BadFile(path, why, f"give it the columns {', '.join(columns)}")
            for row in reader:
                empty = next((column for column in columns if not row[column]), None)
                if empty:
                    raise BadFile(path, f"line {reader.line_num}: {empty} is empty", "fill it in or delete the line")
                yield reader.line_num, row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadFile(path, f"cannot be read as CSV ({error})", "save it as UTF-8 text with commas") from error


def _split(path: Path, line: int, given: str) -> str:
    if given not in SPLITS:
        raise BadFile(path, f"line {line}: split {given!r}", f"allowed: {', '.join(SPLITS)}")
    return SPLITS[given]


def _read_manifest(path: Path) -> Iterator[File]:
    name = path.name.removesuffix("manifest.csv").removesuffix(".")
    source = path.parent
    if name:
        places = [path.with_name(name + end) for end in (*TARS, "")]
        source = next((place for place in places if place.exists()), None)
        if source is None:
            raise BadFile(path, f"there is no {name}.tar and no folder {name} beside it", "put the audio there")
    for line, row in _table(path, ("path", "speaker")):
        called = f"{name}/{row['path']}" if name else row["path"]
        split = _split(path, line, row["split"]) if row.get("split") else ""
        yield File(called, source, row["path"], row["speaker"], row.get("emotion") or "", split)


def _voxceleb(folder: Path) -> Iterator[File]:
    for wav in _wavs(folder):
        for path in sorted(wav.glob("id*/*/*")):
            if path.suffix.lower() in AUDIO:
                name = path.relative_to(wav).as_posix()
                yield File(name, wav, name, path.relative_to(wav).parts[0], "", "")


def _once(where: Path, files: list[File]) -> None:
    if not files:
        raise BadFile(where, "names no audio", "a manifest needs one line a file; VoxCeleb lies in wav/<id>/<video>/")
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
    for line, row in _table(path, ("path", "split")):
        name = f"{row['corpus']}/{row['path']}" if row.get("corpus") else row["path"]
        given[name] = _split(path, line, row["split"])
    lost = next((file.name for file in files if file.name not in given), None)
    if lost:
        raise BadFile(path, f"has no line for {lost!r}", "give every file of the manifests a split")
    return [file._replace(split=given[file.name]) for file in files]


def _other_splits(files: list[File], lists: dict) -> list[File]:
    """Splits where none are given: speakers of trials for the test, or every fifth; then all or none must have one."""
    without = [file.name for file in files if not file.split]
    if not without:
        return files
    if len(without) < len(files):
        raise BadFile(files[0].source, f"{without[0]!r} has no split and others have", "give every file one, or none")
    named = {_whole(name) for rows in lists.values() for _, *pair in rows for name in pair}
    test = {file.speaker for file in files if file.name in named} or set(sorted({f.speaker for f in files})[4::5])
    return [file._replace(split="test" if file.speaker in test else "train") for file in files]


def _disjoint(corpus: Corpus) -> None:
    people = {split: {file.speaker for file in corpus.files if file.split == split} for split in ("train", "test")}
    both = sorted(people["train"] & people["test"])
    if both:
        raise BadFile(corpus.where, f"speaker {both[0]!r} is in both splits", "verification needs other speakers")
    if len(people["train"] | people["test"]) < 2:
        raise BadFile(corpus.where, f"has one speaker only, {corpus.files[0].speaker!r}", "give it at least two")


def _whole(name: str) -> str:
    """The file of a name: without #0, #1, #2 at its end."""
    return name[:-2] if name[-2:] in ("#0", "#1", "#2") else name


def _read_trials(path: Path) -> list[tuple[bool, str, str]]:
    rows = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(path, f"cannot be read ({error})", "save it as UTF-8 text") from error
    for number, line in enumerate(lines, 1):
        parts = line.split()
        if len(parts) != 3 or parts[0] not in ("0", "1"):
            raise BadFile(path, f"line {number}: {line!r}", "write a trial as `label a b`, label 0 or 1")
        rows.append((parts[0] == "1", parts[1], parts[2]))
    if len({target for target, _, _ in rows}) < 2:
        raise BadFile(path, "has no trials of both kinds", "give it at least one of the same speaker and one of two")
    return rows


def _known(corpus: Corpus, path: Path, rows) -> None:
    """Raises BadFile for a trial of a file that is not in the corpus or not for the test, or with the wrong label."""
    files = {file.name: file for file in corpus.files}
    for line, (target, *pair) in enumerate(rows, 1):
        found = [files.get(name) or files.get(_whole(name)) for name in pair]
        for name, file in zip(pair, found, strict=True):
            if file is None:
                raise BadFile(path, f"line {line} names {name!r}, which is nowhere", "correct or delete the line")
            if file.split != "test":
                raise BadFile(path, f"line {line} names {name!r}, which is for training", "correct split or line")
        if target != (found[0].speaker == found[1].speaker):
            raise BadFile(path, f"line {line}: label {target:d} for {pair[0]!r}, {pair[1]!r}", "correct the label")
