"""Synthetic voices by a source and a filter: no person's speech, no download, the same samples for
the same seeds.

A glottal pulse train and breath excite a cascade of resonators (Klatt 1980, doi 10.1121/1.383940)
whose frequencies move between the vowels of Peterson and Barney (1952); fricatives are shaped
noise. A speaker is a pitch, a vocal-tract length, small shifts of the formants, and a way of
phonating; an utterance has a channel and a noise floor of its own.
"""

from typing import NamedTuple

import numpy as np

from ncssl.data.audio import RATE
from ncssl.errors import UnknownName

# samples: 10 ms between frames of parameters, and the transform of a frame of 20 ms
HOP, FFT = 160, 512
VOWELS = np.array(  # F1, F2, F3 in Hz: i I E ae a O U u V er, averages over men
    [
        (270, 2290, 3010),
        (390, 1990, 2550),
        (530, 1840, 2480),
        (660, 1720, 2410),
        (730, 1090, 2440),
        (570, 840, 2410),
        (440, 1020, 2240),
        (300, 870, 2240),
        (640, 1190, 2390),
        (490, 1350, 1690),
    ],
    float,
)
BANDWIDTHS = np.array([60.0, 90.0, 150.0, 200.0, 250.0])  # Hz
FRICATIVES = np.array([1800.0, 2800.0, 4500.0, 6000.0])  # Hz, centre of the noise: h, sh, s, f
TRAIN, TEST = (40, 12), (20, 8)  # speakers, utterances of each


class Style(NamedTuple):
    """How an emotion changes a voice."""

    pitch: float = 0.0  # semitones
    span: float = 1.0  # factor of the intonation
    level: float = 0.0  # dB, of the speech but not of the noise
    rate: float = 1.0  # factor
    tilt: float = 0.0  # dB an octave


EMOTIONS = {
    "neutral": Style(),
    "happy": Style(3.0, 1.7, 3.0, 1.1, 1.0),
    "sad": Style(-2.0, 0.5, -6.0, 0.75, -2.0),
    "angry": Style(2.0, 1.3, 6.0, 1.2, 2.5),
}


class Speaker(NamedTuple):
    """A synthetic voice."""

    pitch: float  # Hz
    span: float  # semitones, standard deviation of the intonation
    jitter: float  # relative, of a period
    shimmer: float  # relative, of a pulse
    # (5,) factors of the frequencies: length of the vocal tract, and shifts of each
    formants: np.ndarray
    bandwidth: float  # factor
    tilt: float  # dB an octave of the source, radiation included
    breath: float  # breath over pulses
    rate: float  # syllables a second


def voice(number: int) -> Speaker:
    """The synthetic speaker of that number: pitch 85 to 240 Hz, tract shorter where pitch is higher
    on average."""
    rng = np.random.default_rng([number, 1])
    height = rng.uniform()  # 0 low voice, 1 high voice
    length = 0.95 + 0.16 * height + rng.normal(0, 0.045)
    return Speaker(
        pitch=85 * (240 / 85) ** np.clip(height + rng.normal(0, 0.08), 0, 1),
        span=rng.uniform(1.0, 3.0),
        jitter=rng.uniform(0.003, 0.02),
        shimmer=rng.uniform(0.02, 0.12),
        formants=length * np.exp(rng.normal(0, 0.06, 5)),
        bandwidth=rng.uniform(0.7, 2.0),
        tilt=rng.uniform(-9.0, -3.0),
        breath=10 ** rng.uniform(-2.2, -0.8),
        rate=rng.uniform(3.5, 6.0),
    )


def _smooth(track: np.ndarray, frames: int) -> np.ndarray:
    """Each row averaged under a Hann window of so many frames, ends held."""
    window = np.hanning(frames + 2)[1:-1]
    padded = np.pad(track, ((0, 0), (frames // 2, frames - 1 - frames // 2)), mode="edge")
    return np.stack([np.convolve(row, window / window.sum(), "valid") for row in padded])


def _script(frames: int, rate: float, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Tracks of random syllables: formants (3, n), voicing, frication and its centre (n,), accents
    (n,)."""
    rows, length = [], 0
    while length < frames:
        syllable = 100 / rate * rng.uniform(0.7, 1.4)
        vowel, accent = VOWELS[rng.integers(len(VOWELS))], rng.normal()
        kind = rng.choice(
            ["fricative", "nasal", "stop", "pause", "none"], p=[0.3, 0.2, 0.25, 0.08, 0.17]
        )
        centre = FRICATIVES[rng.integers(len(FRICATIVES))]
        kinds: dict[str, list[tuple[float, np.ndarray, float, float]]] = {
            "fricative": [(0.35, vowel, 0.15 * rng.integers(2), 1.0)],
            "nasal": [(0.3, np.array([270.0, 1100.0, 2200.0]), 0.35, 0.0)],
            "stop": [(0.2, vowel, 0.0, 0.0), (0.06, vowel, 0.0, 1.5)],
            "pause": [(0.8, vowel, 0.0, 0.0)],
            "none": [],
        }
        parts = kinds[kind] + [(0.65, vowel, rng.uniform(0.7, 1.0), 0.0)]
        for share, formants, voice, noise in parts:
            count = max(1, round(share * syllable))
            rows.append(np.tile([*formants, voice, noise, centre, accent], (count, 1)))
            length += count
    track = np.concatenate(rows)[:frames].T
    return _smooth(track[:3], 7), *_smooth(track[3:5], 3), track[5], _smooth(track[6:], 25)[0]


def _white(samples: int, rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal(samples, dtype=np.float32)


def _pulses(pitch: np.ndarray, who: Speaker, rng: np.random.Generator) -> np.ndarray:
    """Pulse train (samples,) of a pitch (samples,) in Hz, with jitter and shimmer; a pulse lies on
    two samples."""
    phase = np.cumsum(pitch) / RATE
    marks = np.arange(1, int(phase[-1])) + rng.normal(0, who.jitter, max(0, int(phase[-1]) - 1))
    place = np.interp(marks, phase, np.arange(len(pitch))).clip(0, len(pitch) - 2)
    whole = place.astype(int)
    height = (1 + who.shimmer * rng.standard_normal(len(place))) * np.sqrt(RATE / pitch[whole])
    train = np.bincount(whole, height * (1 - place + whole), len(pitch))
    return train + np.bincount(whole + 1, height * (place - whole), len(pitch))


def _resonance(frequency: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Cascade of resonators of gain 1 at 0 Hz: frequencies (k, n), widths (k,) in Hz -> complex (n,
    FFT // 2 + 1)."""
    delay = np.exp(-2j * np.pi * np.arange(FFT // 2 + 1) / FFT).astype(np.complex64)
    radius = np.exp(-np.pi * width / RATE).astype(np.float32)
    first = (-2 * radius[:, None] * np.cos(2 * np.pi * frequency / RATE)).astype(np.float32)
    gain, response = np.ones((), np.float32), np.ones((), np.complex64)
    for a, b in zip(first, radius**2, strict=True):
        gain = gain * (1 + a + b)
        response = response * (a[:, None] * delay + (1 + b * delay**2))
    return gain[:, None] / response


def _frames(samples: np.ndarray, count: int) -> np.ndarray:
    """Spectra (count, FFT // 2 + 1) of frames of 20 ms under a Hann window, 10 ms apart."""
    window = (np.sin(np.pi * np.arange(2 * HOP) / (2 * HOP)) ** 2).astype(np.float32)
    padded = np.concatenate([samples, np.zeros(2 * HOP)], dtype=np.float32)
    return np.fft.rfft(
        np.lib.stride_tricks.sliding_window_view(padded, 2 * HOP)[::HOP][:count] * window, FFT
    )


def _overlap_add(spectra: np.ndarray) -> np.ndarray:
    pieces = np.fft.irfft(spectra, FFT)
    out = np.zeros((len(spectra) + FFT // HOP + 1, HOP), pieces.dtype)
    for block, start in enumerate(range(0, FFT, HOP)):
        part = pieces[:, start : start + HOP]
        out[block : block + len(spectra), : part.shape[1]] += part
    return out.ravel()


def _channel(samples: np.ndarray, level: float, rng: np.random.Generator) -> np.ndarray:
    """A recording's own tilt and broad resonances, then coloured noise 25 to 45 dB below speech of
    level 0 dB."""
    frequency = np.fft.rfftfreq(len(samples), 1 / RATE).astype(np.float32)
    octaves = np.log2(frequency.clip(50) / 1000)

    def curve(tilt, bumps):
        centres, heights = rng.uniform(-3, 3, bumps), rng.normal(0, 4, bumps)
        shape = sum(
            h * np.exp(-((octaves - c) ** 2)) for c, h in zip(centres, heights, strict=True)
        )
        return 10 ** ((rng.normal(0, tilt) * octaves + shape) / 20)

    heard = np.fft.irfft(np.fft.rfft(samples) * curve(2.0, 3), len(samples))
    noise = np.fft.irfft(np.fft.rfft(_white(len(samples), rng)) * curve(3.0, 1), len(samples))
    return heard + noise * (heard.std() / noise.std() * 10 ** (-(level + rng.uniform(25, 45)) / 20))


def _spoken(who: Speaker, style: Style, frames: int, rng: np.random.Generator) -> np.ndarray:
    """Samples (frames * HOP,) of random syllables, before any recording."""
    formants, voicing, frication, centre, accent = _script(frames, who.rate * style.rate, rng)
    contour = (
        style.pitch
        + who.span * style.span * accent
        + np.linspace(1, -2, frames)
        + rng.normal(0, 0.5)
    )
    loud = np.repeat(voicing, HOP)
    source = _pulses(
        np.repeat(who.pitch * 2 ** (contour / 12), HOP), who, rng
    ) + who.breath * _white(len(loud), rng)
    width = BANDWIDTHS * who.bandwidth
    tract = _resonance(formants * who.formants[:3, None], width[:3])
    tract = tract * _resonance(who.formants[3:, None] * [[3500.0], [4500.0]], width[3:])
    frequency = np.arange(FFT // 2 + 1, dtype=np.float32) * (RATE / FFT)
    tract *= 10 ** ((who.tilt + style.tilt) * np.log2(frequency.clip(100) / 100) / 20)
    # pulses are all positive, lips radiate no steady pressure
    tract *= frequency / np.hypot(frequency, 60)
    spread = np.log2(frequency.clip(50)) - np.log2(centre * who.formants[3])[:, None]
    hiss = 0.04 * frication[:, None] * np.exp(-2 * spread**2)
    spectra = (
        _frames(source * loud, frames) * tract + _frames(_white(len(source), rng), frames) * hiss
    )
    return _overlap_add(spectra)[: frames * HOP]


def utterance(
    speaker: int, seed: int, *, seconds: float = 3.0, emotion: str = "neutral", channel: bool = True
) -> np.ndarray:
    """Samples float32 (16,000 a second, in -0.5 to 0.5) of a synthetic speaker, by number, saying
    random syllables.

    `seed` draws what is said and the recording; channel=False leaves out the recording's tilt and
    noise. Raises UnknownName for the emotion, ValueError for less than half a second or more than a
    minute.
    """
    if emotion not in EMOTIONS:
        raise UnknownName("emotion", emotion, EMOTIONS)
    if not 0.5 <= seconds <= 60:
        raise ValueError(f"seconds must be between 0.5 and 60, was {seconds!r}")
    who, style = voice(speaker), EMOTIONS[emotion]
    rng = np.random.default_rng([speaker, seed, 2])
    samples = _spoken(who, style, int(seconds * RATE) // HOP, rng)
    samples = _channel(samples, style.level, rng) if channel else samples
    return (samples * (0.25 * 10 ** (style.level / 20) / np.abs(samples).max())).astype(np.float32)


def plan(split: str) -> list[tuple[int, int, str, float]]:
    """(speaker, utterance, emotion, seconds) of every utterance of a split; emotions balanced
    within a speaker."""
    people, each = TRAIN if split == "train" else TEST
    first = 0 if split == "train" else TRAIN[0]
    names = tuple(EMOTIONS)
    rng = np.random.default_rng(first)
    return [
        (who, i, names[i % len(names)], round(rng.uniform(2, 4), 2))
        for who in range(first, first + people)
        for i in range(each)
    ]
