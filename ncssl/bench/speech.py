"""The parts about speech: features, training steps of DINO and augmentation, ours beside the plain
recipe, by turns."""

import tempfile
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from ncssl import memory
from ncssl.bench import ours, plain, theirs
from ncssl.bench.images import MEMORY
from ncssl.bench.timing import Size, missing, now, on_devices, part, ratio, row, turns
from ncssl.data import voices
from ncssl.data.audio import RATE, log_mel
from ncssl.data.corpus import Corpus, File, utterances
from ncssl.data.extract import build
from ncssl.recipes import recipe
from ncssl.train import loop
from ncssl.train.run import Run

AIM = 200  # seconds of audio turned to features in a second, on two cores
KINDS = ("wav", "flac")
INSTALL = "not measured (pip install 'ncssl[speech]')"
POLICY = "speech_dino"
PLAIN = "plain: waveforms, noises and rooms lie ready in memory; workers of its DataLoader: {}"
LESS = "noise alone: the plain recipe without rooms, so less than ours does"


def has_soundfile() -> bool:
    """Whether audio files can be read and written here."""
    try:
        import soundfile  # noqa: F401
    except (ImportError, OSError):
        return False
    return True


def written(folder: Path, waves: Sequence[np.ndarray], kind: str) -> Corpus:
    """The waveforms as files of 16 bits in a folder."""
    import soundfile

    names = [f"{i}.{kind}" for i in range(len(waves))]
    for name, wave in zip(names, waves, strict=True):
        soundfile.write(folder / name, wave, RATE, subtype="PCM_16")
    return Corpus(
        folder, tuple(File(name, folder, name, "voice", "", "train") for name in names), {}
    )


def ours_of_files(corpus: Corpus) -> np.ndarray:
    """Log-mel frames (all, bands) of the files, as a corpus is read."""
    return build("speech", corpus, utterances(corpus, "train"), "clean")["mel"]


def plain_of_files(corpus: Corpus) -> np.ndarray:
    """The same, file by file."""
    import soundfile

    read = (soundfile.read(file.source / file.member, dtype="float32")[0] for file in corpus.files)
    return plain_of_samples(read)


def plain_of_samples(waves: Iterable[np.ndarray]) -> np.ndarray:
    """Log-mel frames (all, bands) of waveforms, one by one."""
    return torch.cat([plain.log_mel(torch.from_numpy(wave)).T for wave in waves]).numpy()


def real_time(do: Callable, seconds: float, keep: bool) -> float:
    """Seconds of audio a second, the first call left out; freed memory is kept meanwhile, or given
    back as usual."""
    memory.keep_freed(keep)
    do()
    began = now()
    do()
    took = now() - began
    memory.keep_freed()
    return seconds / took


def features(size: Size) -> dict[str, Any]:
    """Log-mel of synthetic voices, from samples and from files: seconds of audio a second of the
    clock."""
    names = [f"voices/{who:02}/{i:02}" for who, i, _, _ in voices.plan("train")[: size.clips]]
    waves = [wave.numpy() for wave in plain.generated(names)]
    seconds, kinds = sum(map(len, waves)) / RATE, KINDS if has_soundfile() else ()
    work = {"decoded before": (partial(log_mel, waves), partial(plain_of_samples, waves))}
    with tempfile.TemporaryDirectory() as folder:
        for kind in kinds:
            corpus = written(Path(folder), waves, kind)
            work[f"{kind} decoded"] = (
                partial(ours_of_files, corpus),
                partial(plain_of_files, corpus),
            )
        contenders = {
            f"{who}, {how}": partial(real_time, do, seconds, who == "ours")
            for how, pair in work.items()
            for who, do in zip(("ours", "plain"), pair, strict=True)
        }
        values = turns(contenders, size.repetitions, "features of speech")
    goals = {name: {"goal": AIM} for name in values if name.startswith("ours")}
    rows = [row(name, "x real time", v) | goals.get(name, {}) for name, v in values.items()]
    rows += [missing(f"{kind} decoded", INSTALL) for kind in KINDS if kind not in kinds]
    ratios = [
        ratio(f"ours, {how} / plain, {how}", values[f"ours, {how}"], values[f"plain, {how}"])
        for how in work
    ]
    note = (
        f"{seconds:.0f} s of synthetic voices in {len(waves)} clips; plain: torch.stft clip by"
        f" clip; {MEMORY}"
    )
    return part("Features of speech: seconds of audio to log-mel in a second", rows, ratios, [note])


def start(size: Size, device: str) -> tuple[Run, dict[str, plain.Views], str]:
    """DINO at laptop scale on synthetic voices, at its first step, in float32; the plain recipes on
    the same waveforms; and what is compared."""
    values = dict(
        dataset="voices", limit=size.voices, augmentation=POLICY, batch=size.spoken, warmup_epochs=0
    )
    run = loop.start(recipe("dino", "laptop", precision="float32", **values), device=device)
    waves = plain.generated(run.data.train.paths)
    plains = {
        "plain": plain.Views(waves, run.data.policy),
        "plain, noise alone": plain.Views(waves, run.data.policy, rooms=False),
    }
    frames = ", ".join(str(view.frames) for view in run.data.policy)
    about = (
        f"{len(waves)} synthetic utterances, batch {run.recipe.batch}, views of {frames} frames;"
        f" float32; {MEMORY}"
    )
    return run, plains, about


def compared(title: str, values: dict[str, list[float]], notes: Sequence[str]) -> dict[str, Any]:
    """The rows of ours and of the plain recipes, and ours over each of these."""
    rows = [row(name, "utterances/s", v) for name, v in values.items()]
    ratios = [
        ratio(f"ours / {name}", values["ours"], v) for name, v in values.items() if name != "ours"
    ]
    return part(title, rows, ratios, [*notes, PLAIN.format(plain.workers()), LESS])


def step(size: Size) -> dict[str, Any]:
    """Training of DINO, augmentation included, against the plain recipe's data path with the same
    network and loss."""
    return on_devices(partial(steps, size))


def steps(size: Size, device: str) -> dict[str, Any]:
    """As `step` on one device."""
    run, plains, about = start(size, device)
    shape, waits = (size.warmup, size.steps), {name: [] for name in plains}
    contenders = {"ours": partial(ours.speed, run, *shape)}
    contenders |= {
        name: partial(plain.speed, run, views, waits[name], *shape)
        for name, views in plains.items()
    }
    values = turns(contenders, size.repetitions, f"dino, tdnn, {device}")
    waited = "waiting for the DataLoader: " + ", ".join(
        f"{n} {100 * median(w):.0f} %" for n, w in waits.items()
    )
    bound = f"ours: {ours.bound(ours.parts(run, size.steps))}"
    return compared(
        "Training step of DINO on speech against the plain recipe", values, [about, waited, bound]
    )


def augment(size: Size) -> dict[str, Any]:
    """All views of a step: our batched augmentation of features against waveforms one by one with
    two workers."""
    return on_devices(partial(augmentations, size))


def augmentations(size: Size, device: str) -> dict[str, Any]:
    """As `augment` on one device (the plain recipe's runs on the CPU)."""
    run, plains, about = start(size, device)
    shape = (size.warmup, size.steps)
    contenders = {"ours": partial(ours_alone, run, *shape)}
    for name, views in plains.items():
        contenders[name] = partial(theirs.augment_only, run, views, *shape, batches=plain.batches)
    values = turns(contenders, size.repetitions, f"augmentation of speech, {device}")
    return compared("Augmentation of speech alone, six views an utterance", values, [about])


def ours_alone(run: Run, warmup: int, steps: int) -> float:
    """Utterances a second that become all views of the policy."""
    for i in range(warmup + steps):
        if i == warmup:
            began = now(run.device)
        run.data.views(ours.drawn(run), run.generator)
    return steps * run.recipe.batch / (now(run.device) - began)
