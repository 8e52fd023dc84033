"""Corpora of speech by name: where each lies, what it is tested under, and which content its name
stands for."""

import hashlib
from pathlib import Path

from ncssl.data import MissingData, search_path, voices
from ncssl.data.conditions import CONDITIONS
from ncssl.data.corpus import Corpus, File, is_corpus, read_corpus
from ncssl.data.identity import DIGITS, of_corpus
from ncssl.datasets import DatasetInfo
from ncssl.datasets.provenance import SOURCES
from ncssl.errors import UnknownName

DATASETS = {
    info.name: info
    for info in (
        DatasetInfo(
            "voices",
            SOURCES["voices"].title,
            "generated",
            how=SOURCES["voices"].how,
            train=voices.TRAIN[0] * voices.TRAIN[1],
            test=voices.TEST[0] * voices.TEST[1],
        ),
        DatasetInfo("speech", SOURCES["speech"].title, "corpus", how=SOURCES["speech"].how),
        DatasetInfo(
            "speechocean", SOURCES["speechocean"].title, "corpus", how=SOURCES["speechocean"].how
        ),
    )
}
# the file by which a corpus of a name is told from others
MANIFEST = {"speechocean": "speechocean762.manifest.csv"}


def where(name: str, root: str | Path | None) -> Path:
    """The corpus of that name at or below a root; without a root, the first on the search path."""
    roots = search_path(root)[: None if root is None else 1]
    found = next(
        (
            at
            for place in roots
            for at in (place, place / name)
            if at.exists() and is_corpus(at) and _called(name, at)
        ),
        None,
    )
    if found is None:
        looked, how = ", ".join(str(place) for place in roots), DATASETS[name].how
        wanted = MANIFEST.get(name, "manifest and no wav/id*/")
        raise MissingData(f"dataset {name!r}: no {wanted} in {looked} or {name}/ there; {how}")
    return found


def _called(name: str, at: Path) -> bool:
    """Whether a corpus goes by that name: any is "speech"."""
    return name not in MANIFEST or (at / MANIFEST[name]).is_file()


def _voices() -> Corpus:
    """The plan of the synthetic voices in the form of a corpus."""
    files = []
    for split in ("train", "test"):
        for who, i, emotion, _ in voices.plan(split):
            files.append(
                File(
                    f"voices/{who:02}/{i:02}", Path("voices"), "", f"voice-{who:02}", emotion, split
                )
            )
    return Corpus(Path(voices.__file__), tuple(files), {})


def corpus(name: str, root: str | Path | None) -> Corpus:
    """The files and lists of a corpus. Raises UnknownName, MissingData, BadFile."""
    if name not in DATASETS:
        raise UnknownName("speech dataset", name, DATASETS)
    return _voices() if name == "voices" else read_corpus(where(name, root))


def conditions(name: str, *, root: str | Path | None = None) -> tuple[str, ...]:
    """Names of the conditions that a corpus has: clean, noise, reverb, and its own tables of
    noise."""
    return (*CONDITIONS, *corpus(name, root).mixes)


def identified(*names: str, root: str | Path | None = None) -> str | None:
    """Digest of the corpora that are found by these names; None where the names say all."""
    found = {name: of_corpus(name, corpus(name, root)) for name in names if name != "voices"}
    digests = [digest for digest in found.values() if digest]
    if len(digests) < 2:
        return next(iter(digests), None)
    return hashlib.sha256(repr(found).encode()).hexdigest()[:DIGITS]


def tested(name: str, *, root: str | Path | None = None) -> dict[str, str]:
    """The conditions that runs are tested under, each by the mark of its metrics: clean, and on
    side b of a trial noise and reverb of ours; in a corpus that fixes the noise of its test, that
    alone."""
    own = [c for c in conditions(name, root=root) if c not in CONDITIONS]
    if not own:
        return {c: c for c in CONDITIONS}
    return {"clean": "clean"} | {"noise" if len(own) == 1 else f"{c}_noise": c for c in own}
