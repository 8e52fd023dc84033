"""Utterances of a corpus to features: generated or read, cut, corrupted, counted where they cannot
be used."""

import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from ncssl.data import voices
from ncssl.data.audio import BANDS, Unusable, audible, clips, log_mel
from ncssl.data.conditions import corrupt, mixed
from ncssl.data.corpus import Corpus, Utterance, utterances
from ncssl.data.files import progress
from ncssl.data.lists import whole
from ncssl.errors import BadFile

POOL = 64  # training utterances that babble is made of
BATCH = 1_000_000  # samples turned to features at a time
Clip = tuple[int, np.ndarray | Unusable]


def subset(found: list[Utterance], limit: int, block: int) -> list[Utterance]:
    """At most `limit`, speakers in a fixed random order that give `block` utterances each in turn,
    drawn at random: the files in their order may be one emotion after the other."""
    rng = np.random.default_rng(0)
    order = rng.permutation(len({item.file.speaker for item in found}))
    turn = dict(zip(sorted({item.file.speaker for item in found}), order, strict=True))
    seen: Counter[str] = Counter()
    keys = [(0, 0)] * len(found)
    for i in rng.permutation(len(found)).tolist():
        speaker = found[i].file.speaker
        keys[i] = (seen[speaker] // block, turn[speaker])
        seen[speaker] += 1
    kept = sorted(range(len(found)), key=keys.__getitem__)[:limit]
    return [found[i] for i in sorted(kept)]


def _generate(found: list[Utterance]) -> Iterator[Clip]:
    """(row, samples) of synthetic utterances."""
    plans = {
        f"voices/{who:02}/{i:02}": (who, i, e, s)
        for p in ("train", "test")
        for who, i, e, s in voices.plan(p)
    }
    for row, item in enumerate(found):
        who, i, emotion, seconds = plans[item.name]
        yield row, voices.utterance(who, i, seconds=seconds, emotion=emotion)


def _read(found: list[Utterance]) -> Iterator[Clip]:
    """(row, samples) of utterances of files, each file read once; what cannot be used as Unusable
    in its place."""
    rows: dict[Path, dict[str, list[int]]] = {}
    for row, item in enumerate(found):
        rows.setdefault(item.file.source, {}).setdefault(item.file.member, []).append(row)
    for source, members in rows.items():
        for member, samples in clips(source, set(members)):
            for row in members[member]:
                third = found[row].third
                try:
                    if isinstance(samples, Unusable):
                        raise samples
                    edges = (
                        (0, len(samples))
                        if third is None
                        else (len(samples) * np.array([third, third + 1]) // 3)
                    )
                    yield row, audible(samples[slice(*edges)])
                except Unusable as why:
                    yield row, why


def pool(corpus: Corpus) -> list[Utterance]:
    """Training utterances for babble, always the same ones."""
    train = utterances(corpus, "train")
    drawn = np.random.default_rng(0).permutation(len(train))[:POOL]
    return [train[i] for i in sorted(drawn)]


def _features(items: Iterable[Clip], count: int) -> dict[str, np.ndarray]:
    """What `build` gives, of clips in any order."""
    mel, why = [np.empty((0, BANDS), np.float32)] * count, [""] * count
    batch: dict[int, np.ndarray] = {}

    def turn():
        frames, lengths = log_mel(list(batch.values()))
        for row, part in zip(batch, frames.split(lengths), strict=True):
            mel[row] = part.numpy()
        batch.clear()

    for row, samples in items:  # a row that comes again replaces the first
        why[row], mel[row] = "", np.empty((0, BANDS), np.float32)
        batch.pop(row, None)
        if isinstance(samples, Unusable):
            why[row] = str(samples)
            continue
        batch[row] = samples
        if sum(map(len, batch.values())) > BATCH:
            turn()
    if batch:
        turn()
    return {
        "mel": np.concatenate(mel),
        "lengths": np.array([len(part) for part in mel]),
        "why": np.array(why),
    }


def recordings(corpus: Corpus) -> dict[str, np.ndarray]:
    """Samples of the corpus's noises by name. Raises BadFile for one that cannot be used."""
    found = [Utterance(file.name, file) for file in corpus.noises]
    samples = {found[row].name: clip for row, clip in _read(found)}
    good = {name: clip for name, clip in samples.items() if not isinstance(clip, Unusable)}
    bad = next((name for name in samples if name not in good), None)
    if bad:
        raise BadFile(
            corpus.where, f"the noise {bad!r} cannot be used: {samples[bad]}", "see to that file"
        )
    return good


def _worsen(name: str, corpus: Corpus, condition: str) -> Callable[[np.ndarray, str], np.ndarray]:
    """What a condition does to the samples of a named utterance."""
    if condition in corpus.mixes:
        noises, mixes = recordings(corpus), corpus.mixes[condition]

        def mix(samples, name):
            noise, offset, snr = mixes[whole(name)]
            return mixed(samples, noises[noise], offset, snr)

        return mix
    crowd: list[np.ndarray] = []
    if condition == "noise":
        drawn = dict((_generate if name == "voices" else _read)(pool(corpus)))
        # in no order of a tar
        in_order = [drawn[row] for row in sorted(drawn)]
        crowd = [clip for clip in in_order if not isinstance(clip, Unusable)]
        if not crowd:
            raise BadFile(
                corpus.where,
                "has no training utterances to make babble of",
                "add some, or take 'reverb'",
            )
    return lambda samples, name: corrupt(samples, condition, name, crowd)


def build(
    name: str, corpus: Corpus, found: list[Utterance], condition: str
) -> dict[str, np.ndarray]:
    """mel (frames, bands), lengths (n,), why (n,): reasons of what is skipped, whose length is
    0."""
    worsen = _worsen(name, corpus, condition)

    def items():
        with progress(f"{corpus.where.stem} {condition}", len(found), " utterances") as bar:
            for row, samples in (_generate if name == "voices" else _read)(found):
                yield (
                    row,
                    samples if isinstance(samples, Unusable) else worsen(samples, found[row].name),
                )
                bar.update()

    return _features(items(), len(found))


def report(corpus: Corpus, found: list[Utterance], why: np.ndarray) -> None:
    """Warns of what was skipped: how many and why, the first names, the trials that are left
    out."""
    lost = [(item.name, reason) for item, reason in zip(found, why, strict=True) if reason]
    if len(lost) == len(found):
        raise BadFile(
            corpus.where,
            f"no utterance can be used ({lost[0][0]}: {lost[0][1]})",
            "see to the audio",
        )
    if lost:
        names = {name for name, _ in lost}
        left = sum(bool({a, b} & names) for rows in corpus.lists.values() for _, a, b in rows)
        kinds = Counter(reason.split(" (")[0] for _, reason in lost)
        counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        first = "; ".join(f"{name}: {reason}" for name, reason in lost[:3])
        more = "; ..." if len(lost) > 3 else ""
        warnings.warn(
            f"{corpus.where}: skipped {len(lost)} of {len(found)} utterances ({counts}), "
            f"{left} trials name them and are left out: {first}{more}",
            stacklevel=3,
        )
