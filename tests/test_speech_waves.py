"""Noise and rooms, which are applied to log-mel frames, against the same on waveforms."""

import math

import numpy as np
import pytest
import torch
from batches_of_speech import LEVEL, generator, inside
from scipy import signal, stats

from ncssl.augment import speech_ops as ops
from ncssl.data.audio import RATE, log_mel
from ncssl.data.voices import utterance

# ---- against waveforms: what power alone leaves out
DB = 10 / math.log(10)
INSIDE = slice(6, -3)  # bands away from the edges of the waveforms' band


def mel_of(samples: np.ndarray) -> torch.Tensor:
    return log_mel([samples.astype(np.float32)])[0]


@pytest.fixture(scope="module")
def voices() -> list[np.ndarray]:
    return [inside(utterance(k, 0, seconds=2.0)) for k in range(2)]


def coloured(samples: int, tilt: float, rng: np.random.Generator) -> np.ndarray:
    frequency = np.fft.rfftfreq(samples, 1 / RATE).clip(20)
    return inside(
        np.fft.irfft(np.fft.rfft(rng.standard_normal(samples)) * frequency ** (-tilt / 2), samples)
    )


@pytest.mark.parametrize("snr", [0.0, 10.0])
@pytest.mark.parametrize("tilt", [0.0, 1.0, 2.0])
def test_noise_added_to_power_and_to_the_waveform(voices, tilt, snr):
    """The cross term alone: 0.35 dB on average, 2 dB in one cell. With noise of the drawn law: 0.6
    dB on average."""
    rng, cross, law, heard = np.random.default_rng(0), [], [], []
    for x in voices:
        noise, power = coloured(len(x), tilt, rng), mel_of(x).exp().unsqueeze(0)
        noise *= np.sqrt(np.mean(x**2) / np.mean(noise**2) / 10 ** (snr / 10))
        heard.append((power.mean() / mel_of(noise).exp().mean()).log() * DB)
        true = mel_of(x + noise)
        cross.append(true - torch.logaddexp(mel_of(x), mel_of(noise)))
        drawn = ops.stationary(
            torch.randn(power.shape, generator=generator(len(law))), torch.tensor([tilt])
        )
        law.append(true - ops.at_snr(power, drawn, heard[-1].unsqueeze(0))[0].log())
    cross, law = torch.stack(cross) * DB, torch.stack(law)[..., INSIDE] * DB
    assert abs(cross.mean()) < 0.35 and 0.5 < cross.std() < 2.0
    assert abs(law.mean()) < 0.6 and law.mean((0, 1)).square().mean().sqrt() < 0.8
    # the SNR of mel power is the waveform's; brown noise lies low, where windows of 25 ms hear
    # little
    assert abs(torch.stack(heard).mean() - snr) < {0.0: 0.2, 1.0: 0.6, 2.0: 2.0}[tilt]


@pytest.mark.parametrize("tilt", [0.0, 1.0, 2.0])
def test_noise_alone_has_the_mean_and_the_fluctuation_of_waveform_noise(tilt):
    theirs = mel_of(coloured(RATE * 40, tilt, np.random.default_rng(0)))[:, INSIDE].double().exp()
    ours = ops.stationary(torch.randn(1, 4000, 80, generator=generator()), torch.tensor([tilt]))[
        0, :, INSIDE
    ].double()
    level = (theirs.mean(0) / ours.mean(0)).log() * DB
    assert (level - level.mean()).abs().max() < 0.5
    relative = [(p.std(0) / p.mean(0)).log() * DB for p in (theirs, ours)]
    assert (relative[0] - relative[1]).abs().mean() < 0.15
    assert stats.kstest(ours[:, 40] / ours[:, 40].mean(), stats.gamma(*fit(40)).cdf).pvalue > LEVEL


def fit(band: int) -> tuple[float, float, float]:
    """Shape, place and scale of the gamma law of a band, mean 1."""
    shape = ops.noise_shape(80, torch.device("cpu"))[band + INSIDE.start].item()
    return shape, 0.0, 1 / shape


@pytest.mark.parametrize("rt60, drr", [(0.2, -3.0), (0.4, 3.0), (0.8, 9.0)])
def test_a_room_spreads_power_as_it_spreads_the_waveform(voices, rt60, drr):
    """The mean of a dozen rooms of one decay: 0.3 dB on average, 2 dB in one cell (rms; 1 dB
    because a dozen are few), where a room changes cells by more than 3 dB. One room alone: 4 dB,
    once each band's mean is off."""
    rng, time = np.random.default_rng(0), np.arange(1, int(1.5 * rt60 * RATE)) / RATE
    off, changed, single = [], [], []
    for x in voices:
        true = []
        for _ in range(12):
            tail = rng.standard_normal(len(time)) * 10 ** (-3 * time / rt60)
            tail *= 10 ** (-drr / 20) / np.sqrt(np.sum(tail**2))
            response = np.concatenate(([1.0], tail)) / math.sqrt(1 + 10 ** (-drr / 10))
            true.append(mel_of(signal.oaconvolve(x, response)[: len(x)])[:, INSIDE].exp())
        dry = mel_of(x)
        ours = ops.reverberate(dry.exp().unsqueeze(0), torch.tensor([rt60]), torch.tensor([drr]))[
            0
        ].log()[:, INSIDE]
        off.append(torch.stack(true).mean(0).log() - ours)
        changed.append(ours - dry[:, INSIDE])
        one = true[0].log() - ours
        single.append(one - one.mean(0))
    off, changed, single = (torch.stack(v) * DB for v in (off, changed, single))
    assert abs(off.mean()) < 0.3 and off.square().mean().sqrt() < 2
    assert changed.square().mean().sqrt() > 3 and single.square().mean().sqrt() < 4


def test_a_room_keeps_the_energy_and_falls_by_60_db_in_rt60():
    power = torch.zeros(1, 400, 1)
    power[0, 100] = 1.0
    out = ops.reverberate(power.clone(), torch.tensor([0.5]), torch.tensor([0.0]))[0, :, 0]
    assert out[:100].abs().max() == 0 and out.sum().item() == pytest.approx(1, abs=1e-5)
    assert out[101] / out[151] == pytest.approx(1e6, rel=1e-3)
    # as much energy in the tail as direct
    assert out[101:].sum() + out[100] - 0.5 == pytest.approx(0.5, abs=1e-5)
