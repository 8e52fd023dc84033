"""What makes trials mismatched: noise or a room on the waveform, the same for an utterance at every
load."""

import hashlib
from collections.abc import Sequence

import numpy as np

from ncssl.data.audio import RATE

CONDITIONS = ("clean", "noise", "reverb")
SNR = 10.0  # dB, of speech to noise
DECAY = (0.3, 0.9)  # seconds in which a room's response falls by 60 dB
DIRECT = (0.0, 6.0)  # dB, energy of the direct sound over that of the decay
TALKERS = (3, 8)  # voices in a babble
KINDS = ("white", "pink", "babble")
# for keys of caches
SETTINGS = f"{SNR} dB, decay {DECAY}, direct {DIRECT}, talkers {TALKERS}, {KINDS}, 1"


def pink(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Noise whose power falls as 1 / f from 20 Hz on, variance about 1: float64 (samples,)."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    frequency = np.fft.rfftfreq(samples, 1 / RATE).clip(20)
    noise = np.fft.irfft(spectrum / np.sqrt(frequency), samples)
    return noise / noise.std()


def babble(samples: int, voices: Sequence[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Sum of 3 to 8 of the voices at equal power, each from a random place on and repeated: float64
    (samples,)."""
    total = np.zeros(samples)
    for _ in range(rng.integers(TALKERS[0], TALKERS[1] + 1)):
        voice = voices[int(rng.integers(len(voices)))]
        voice = np.resize(np.roll(voice, -int(rng.integers(len(voice)))), samples)
        total += voice / max(float(np.sqrt(np.mean(voice**2.0))), 1e-8)
    return total


def room(rng: np.random.Generator) -> np.ndarray:
    """A synthetic response: the direct sound, then Gaussian noise that decays exponentially;
    float64, energy 1."""
    decay = rng.uniform(*DECAY)
    time = np.arange(1, int(decay * RATE)) / RATE
    tail = rng.standard_normal(len(time)) * 10 ** (-3 * time / decay)
    tail *= 10 ** (-rng.uniform(*DIRECT) / 20) / np.sqrt(np.sum(tail**2))
    response = np.concatenate(([1.0], tail))
    return response / np.sqrt(np.sum(response**2))


def add_noise(samples: np.ndarray, noise: np.ndarray, snr: float = SNR) -> np.ndarray:
    """Samples plus noise (s,), scaled so that the power of the samples is `snr` dB above that of
    the noise."""
    gain = np.sqrt(np.mean(samples**2.0) / np.mean(noise**2.0) / 10 ** (snr / 10))
    return samples + gain * noise


def mixed(samples: np.ndarray, noise: np.ndarray, offset: float, snr: float) -> np.ndarray:
    """Samples float32 (s,) with a recording of noise, from a second of it on and repeated, `snr` dB
    below them.

    Where the recording is digital silence, there is nothing to add.
    """
    added = np.resize(np.roll(noise, -round(offset * RATE)), len(samples))
    if not added.any():
        return samples
    return add_noise(samples, added, snr).astype(np.float32)


def corrupt(
    samples: np.ndarray, condition: str, name: str, voices: Sequence[np.ndarray] = ()
) -> np.ndarray:
    """Samples float32 (s,) under a condition, drawn by the utterance's name alone; "clean" gives
    them as they are.

    noise: white, pink or babble of the voices, one of the three, 10 dB below the speech. reverb:
    convolved with a `room`, cut to the same length, the same power.
    """
    rng = np.random.default_rng(list(hashlib.sha256(f"{condition}|{name}".encode()).digest()[:16]))
    if condition == "clean":
        return samples
    if condition == "reverb":
        from scipy import signal  # a second to import, and images need none of it

        wet = signal.oaconvolve(samples, room(rng))[: len(samples)]
        return (wet * np.sqrt(np.mean(samples**2.0) / np.mean(wet**2))).astype(np.float32)
    kind = KINDS[rng.integers(len(KINDS))]
    if kind == "babble":
        noise = babble(len(samples), voices, rng)
    else:
        noise = pink(len(samples), rng) if kind == "pink" else rng.standard_normal(len(samples))
    return add_noise(samples, noise).astype(np.float32)
