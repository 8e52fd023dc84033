"""Batches of speech, with noise and without."""

import dataclasses
from typing import NamedTuple

import numpy as np
import torch

from ncssl.augment import SpeechView
from ncssl.data.audio import RATE

N, BANDS = 40, 24
EVERYTHING = SpeechView(
    frames=30,
    equaliser=6.0,
    reverb_p=0.5,
    noise_p=0.7,
    gain=(-6.0, 6.0),
    time_masks=(2, 8),
    band_masks=(2, 5),
    normalise=False,
)
RECORDED = dataclasses.replace(EVERYTHING, recorded_share=0.5)
LEVEL, MANY = 1e-3, 20_000  # of the tests of laws; seeds are fixed, so these pass or fail for good


class Corpus(NamedTuple):
    mel: torch.Tensor
    starts: torch.Tensor
    lengths: torch.Tensor
    noise: "Corpus | None" = None


def generator(seed: int = 0, device: str = "cpu") -> torch.Generator:
    return torch.Generator(device).manual_seed(seed)


def corpus(lengths=(100, 31, 30, 29, 7, 1, 64), bands=BANDS) -> Corpus:
    n = torch.tensor(lengths)
    mel = torch.randn(int(n.sum()), bands, generator=generator(9)) * 2 - 6
    return Corpus(mel, n.cumsum(0) - n, n)


def with_noise(bands=BANDS) -> Corpus:
    """A corpus with three recordings of noise, one shorter than a view."""
    return corpus(bands=bands)._replace(noise=corpus((400, 90, 20), bands))


def rows(n: int = N, size: int = 7) -> torch.Tensor:
    return torch.arange(n) % size


def inside(samples: np.ndarray) -> np.ndarray:
    """Only what the bands can hear, 20 to 7600 Hz: the SNR of a view is that of mel power."""
    spectrum, frequency = np.fft.rfft(samples), np.fft.rfftfreq(len(samples), 1 / RATE)
    return np.fft.irfft(spectrum * ((frequency > 20) & (frequency < 7600)), len(samples))
