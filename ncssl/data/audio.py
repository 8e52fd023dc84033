"""Audio to features: clips read with soundfile, log-mel power of many clips at a time."""

import contextlib
import io
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Literal
from unicodedata import normalize

import numpy as np
import torch
from torch import Tensor

from ncssl.data.archives import members
from ncssl.data.files import Parts, composed, parts_of, read_bytes
from ncssl.data.lengths import closed, cut
from ncssl.errors import BadFile

RATE = 16_000  # samples a second
# samples: 25 ms, 10 ms, and the transform the window is filled up to
WINDOW, HOP, FFT = 400, 160, 512
BANDS, LOW, HIGH = 80, 20.0, 7600.0  # mel bands from LOW to HIGH Hz
FLOOR = 1e-8  # power: what the rounding of 16 bits leaves in one bin
# for keys of caches
FEATURES = f"{BANDS} log-mel, {LOW:g} to {HIGH:g} Hz, {WINDOW}/{HOP}/{FFT}, floor {FLOOR}, 1"
SILENT = 1e-4  # a clip whose largest sample is below this is silence: three steps of 16 bits
CHUNK = 1024  # frames transformed at a time: their spectra stay in the cache
BLOCK = 2**20  # samples read at a time
LONGEST = 2**28  # samples of an utterance: 4.6 hours
FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")  # Unicode's composed and decomposed names
ENDLESS = 2**62  # samples; libsndfile says as many where a stream does not tell its length
AUDIO = frozenset({".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif"})
UNREAD = frozenset({".m4a", ".mp4", ".aac", ".wma", ".webm"})  # audio that libsndfile does not read


class Unusable(Exception):
    """A clip that is skipped and counted: missing, corrupt, silent or too short; its text says
    which."""


@cache
def mel_filters(bands: int = BANDS, low: float = LOW, high: float = HIGH) -> Tensor:
    """Triangles on the mel scale m = 2595 log10(1 + f / 700), peak 1, linear in Hz: float32 (FFT //
    2 + 1, bands)."""
    ends = 2595 * np.log10(1 + np.array([low, high]) / 700)
    mel = np.linspace(ends[0], ends[1], bands + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)
    bins = np.arange(FFT // 2 + 1)[:, None] * (RATE / FFT)
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return torch.from_numpy(np.minimum(rising, falling).clip(0)).float()


def log_mel(clips: Sequence[np.ndarray]) -> tuple[Tensor, list[int]]:
    """Natural log of mel power of clips (samples at 16 kHz, in -1 to 1): float32 (all frames, 80),
    frames a clip.

    A frame is 25 ms under a Hann window, a hop 10 ms, no padding: a clip of s samples has 1 + (s -
    400) // 160. Power is floored at FLOOR; no mean is removed. Raises ValueError for a clip shorter
    than one window.
    """
    short = next((clip for clip in clips if len(clip) < WINDOW), None)
    if short is not None:
        raise ValueError(
            f"a clip has {len(short)} samples; allowed: at least one window of {WINDOW}"
        )
    views = [torch.as_tensor(clip).unfold(0, WINDOW, HOP) for clip in clips]
    window, filters = torch.hann_window(WINDOW), mel_filters()
    mel = torch.empty(sum(map(len, views)), BANDS)
    for start, frames in zip(range(0, len(mel), CHUNK), _chunks(views), strict=True):
        power = torch.fft.rfft(frames * window, n=FFT).abs().square_()
        mel[start : start + len(power)] = (power @ filters).clamp_min_(FLOOR).log_()
    return mel, [len(view) for view in views]


def _chunks(views: Iterable[Tensor]) -> Iterator[Tensor]:
    """The same frames, CHUNK at a time."""
    held, count = [], 0
    for view in views:
        for part in view.split(CHUNK):
            held.append(part)
            count += len(part)
            if count >= CHUNK:
                whole = torch.cat(held)
                yield whole[:CHUNK]
                held, count = [whole[CHUNK:]], count - CHUNK
    if count:
        yield torch.cat(held)


def decode(data: bytes, name: str) -> np.ndarray:
    """Samples float32 (s,) of one audio file's bytes, any format of soundfile.

    Raises Unusable for what cannot be decoded whole, BadFile for another rate than 16 kHz or
    several channels.
    """
    soundfile = _soundfile()
    promised = cut(data)
    if promised:
        raise Unusable(f"corrupt (cut after {len(data)} of {promised} bytes)")
    try:
        with soundfile.SoundFile(io.BytesIO(closed(data))) as file:
            rate, channels = file.samplerate, file.channels
            samples = _samples(file)
    except soundfile.LibsndfileError as error:
        raise Unusable(f"corrupt ({error.error_string.strip('. ')})") from error
    if rate != RATE:
        raise BadFile(
            name,
            f"has {rate} samples a second, {RATE} are needed",
            f"convert it: ffmpeg -ar {RATE}",
        )
    if channels != 1:
        raise BadFile(name, f"has {channels} channels, one is needed", "convert it: ffmpeg -ac 1")
    if not np.isfinite(samples).all():
        raise Unusable("corrupt (a sample is not a number)")
    return samples


def _samples(file) -> np.ndarray:
    """Samples (s,) or (s, channels) of an open file, block by block: a header may promise more than
    memory holds."""
    # soundfile would seek after each block, which fails in FLAC without a length
    file.seekable = lambda: False
    blocks, count = [], 0
    while len(block := file.read(min(BLOCK, file.frames + 1), dtype="float32")):
        blocks.append(block)
        count += len(block)
        if count > LONGEST:
            raise Unusable(f"longer than {LONGEST} samples")
    if count < file.frames < ENDLESS:
        raise Unusable(f"corrupt (cut after {count} of {file.frames} samples)")
    return np.concatenate(blocks or [np.zeros(0, np.float32)])


def _soundfile():
    try:
        import soundfile
    except ImportError as error:
        raise ImportError(
            "reading audio needs soundfile: pip install soundfile, or pip install '.[speech]'"
        ) from error
    return soundfile


def audible(samples: np.ndarray) -> np.ndarray:
    """The samples themselves. Raises Unusable for a clip shorter than one window, and for
    silence."""
    if len(samples) < WINDOW:
        raise Unusable(f"shorter than one window ({len(samples)} samples)")
    if np.abs(samples).max() < SILENT:
        raise Unusable("silent")
    return samples


def clips(source: Path, wanted: set[str]) -> Iterator[tuple[str, np.ndarray | Unusable]]:
    """(path, samples) of the wanted files of a folder, tar or zip; what cannot be used comes as
    Unusable in its place.

    Paths in an archive may start with its own name. Raises BadFile for a damaged one and for what
    `decode` does.
    """
    missing = set(wanted)
    for name, data in (_from_folder if source.is_dir() else _from_archive)(source, wanted):
        missing.discard(name)
        try:
            samples: np.ndarray | Unusable = decode(data, f"{source}/{name}")
        except Unusable as why:
            samples = why
        yield name, samples
    for name in sorted(missing):
        yield name, Unusable("missing")


def _from_folder(folder: Path, wanted: set[str]) -> Iterator[tuple[str, bytes]]:
    """Files under their names; one that is not there may lie there in Unicode's other form."""
    for name in sorted(wanted):
        path = next((p for form in FORMS if (p := folder / normalize(form, name)).exists()), None)
        if path is not None:
            with contextlib.suppress(BadFile):  # a folder, a pipe, no right to read: missing
                yield name, read_bytes(path)


def _from_archive(path: Path, wanted: set[str]) -> Iterator[tuple[str, bytes]]:
    """Wanted members of a tar or zip, of two with one name the second; each once, as many as are in
    the archive."""
    top = path.name.split(".")[0]
    names = {parts_of(composed(name)): name for name in wanted}

    def name_of(parts: Parts) -> str | None:
        parts = tuple(map(composed, parts))
        return names.get(parts) or (names.get(parts[1:]) if parts[:1] == (top,) else None)

    for parts, data in members(path, lambda parts: name_of(parts) is not None):
        if (name := name_of(parts)) is not None:
            yield name, data
