"""Operations on batches of mel power (n, frames, bands), every sample with its own parameters, none
of them random.

Mel power adds up: what is added to a waveform adds to the power of a band, but for the cross term
of the two; a room spreads the power of a band in time. `tests/test_speech_waves.py` measures both
against waveforms.
"""

import functools
import math
from collections.abc import Callable

import torch
from torch import Tensor

from ncssl.augment.ops import picks
from ncssl.data.audio import FFT, HOP, LOW, RATE, WINDOW, mel_filters

FRAMES = RATE / HOP  # a second
TINY = torch.finfo(torch.float32).tiny
LEAST = 0.15  # of the cube root: power of noise in a cell is at least 0.003 of its mean


def only(on: Tensor, power: Tensor, step: Callable[[Tensor, Tensor | slice], Tensor]) -> Tensor:
    """power (n, ...) with step(power[at], at) in place of the samples where `on` (n,) is true; may
    overwrite it.

    On CUDA all samples are computed, for picking them would wait for the device."""
    if not picks(power):
        return torch.where(on.view(-1, 1, 1), step(power, slice(None)), power)
    at = on.nonzero().squeeze(1)
    return power.index_copy_(0, at, step(power[at], at)) if len(at) else power


def take(mel: Tensor, starts: Tensor, lengths: Tensor, offsets: Tensor, frames: int) -> Tensor:
    """Crops (n, frames, bands) of utterances with these starts and lengths (n,), from `offsets`
    (n,) on; an utterance that ends before the crop does goes on from its beginning. Rows of `mel`
    (all frames, bands)."""
    at = (offsets.unsqueeze(1) + torch.arange(frames, device=mel.device)).remainder_(
        lengths.unsqueeze(1)
    )
    at = at.add_(starts.unsqueeze(1))
    return mel.index_select(0, at.flatten()).view(*at.shape, mel.shape[1])


def decay(rt60: Tensor) -> Tensor:
    """What is left of the power after one frame, in a room where it falls by 60 dB in rt60
    seconds."""
    return torch.exp(-6 * math.log(10) / FRAMES / rt60)


def reverberate(power: Tensor, rt60: Tensor, drr: Tensor) -> Tensor:
    """Each band's power convolved in time with a direct path and an exponential tail, (n,) each:
    rt60 in seconds, direct over reverberant energy in dB. Together they have energy one; before the
    crop there was silence."""
    frames, falls = power.shape[1], decay(rt60).view(-1, 1, 1)
    direct = torch.sigmoid(drr * (math.log(10) / 10)).view(-1, 1, 1)
    tail, other, lag, factor = (
        power * ((1 - direct) * (1 - falls)),
        torch.empty_like(power),
        1,
        falls,
    )
    while lag < frames:  # sums over windows of 1, 2, 4 ... frames
        other[:, :lag] = tail[:, :lag]
        torch.addcmul(tail[:, lag:], tail[:, :-lag], factor, out=other[:, lag:])
        tail, other, lag, factor = other, tail, 2 * lag, factor * factor
    return tail.addcmul_(power, direct)


def at_snr(power: Tensor, noise: Tensor, snr: Tensor) -> Tensor:
    """power + g noise with g such that the mean powers of the two over the crop are snr (n,) dB
    apart."""
    level = power.mean((1, 2)) / noise.mean((1, 2)).clamp_min(TINY)
    return torch.addcmul(power, noise, (level * 10 ** (snr / -10)).view(-1, 1, 1))


def babble(
    mel: Tensor, starts: Tensor, lengths: Tensor, offsets: Tensor, talkers: Tensor, frames: int
) -> Tensor:
    """Sum of the power of crops of the first `talkers` (n,) utterances; starts, lengths, offsets
    are (n, most)."""
    n, most = starts.shape
    heard = torch.arange(most, device=mel.device) < talkers.unsqueeze(1)
    if not picks(mel):
        crops = take(mel, starts.flatten(), lengths.flatten(), offsets.flatten(), frames).exp_()
        return (crops.view(n, most, *crops.shape[1:]) * heard.view(n, most, 1, 1)).sum(1)
    crops = take(mel, starts[heard], lengths[heard], offsets[heard], frames).exp_()
    out = torch.zeros(n, *crops.shape[1:])
    return out.index_add_(0, heard.nonzero()[:, 0], crops)


@functools.lru_cache(maxsize=8)
def filters(bands: int, device: torch.device) -> Tensor:
    """The mel filters (FFT // 2 + 1, bands) on a device."""
    return mel_filters(bands).to(device)


@functools.lru_cache(maxsize=8)
def noise_shape(bands: int, device: torch.device) -> Tensor:
    """(bands,): half the degrees of freedom of a band's power in one frame of white Gaussian noise.

    One over the relative variance of sum_f w_f |X_f|^2, with the correlation of the bins that the
    window makes; 1, an exponential law, for a band as narrow as the window's own resolution."""
    weights = mel_filters(bands).double()
    square = torch.hann_window(WINDOW, dtype=torch.float64).square()
    rho = torch.fft.fft(square, FFT).abs().div(square.sum()).square()
    bins = torch.arange(len(weights))
    spread = weights.T @ rho[(bins[:, None] - bins).abs()] @ weights
    shape = weights.sum(0).square() / spread.diagonal().clamp_min(TINY)
    return shape.where(weights.sum(0) > 0, 1.0).float().to(device)


def noise_spectrum(tilt: Tensor, bands: int) -> Tensor:
    """(n, bands): mean power of noise with density 1 / f^tilt, tilt (n,): 0 white, 1 pink, 2
    brown."""
    frequency = torch.arange(FFT // 2 + 1, device=tilt.device) * (RATE / FFT)
    octaves = frequency.clamp_min(LOW).div(1000).log()
    return torch.exp(-tilt.unsqueeze(1) * octaves) @ filters(bands, tilt.device)


def stationary(field: Tensor, tilt: Tensor) -> Tensor:
    """Power (n, frames, bands) of coloured Gaussian noise, tilts (n,), from standard normal numbers
    of that shape.

    In a frame the power of a band is a gamma variable, made by the cube of Wilson and Hilferty
    (1931); frames and bands are independent, where windows and filters that overlap make neighbours
    alike."""
    third = 1 / (9 * noise_shape(field.shape[2], field.device))
    cube = torch.addcmul(1 - third, field, third.sqrt()).clamp_min_(LEAST).pow_(3)
    return cube.mul_(noise_spectrum(tilt, field.shape[2]).unsqueeze(1))


def spans(bounds: Tensor, size: int) -> Tensor:
    """(n, size) bool, true inside any of the spans (n, count, 2: first, width)."""
    at = torch.arange(size, device=bounds.device)
    first, width = bounds.unsqueeze(-1).unbind(2)
    return ((at >= first) & (at < first + width)).any(1)


def hats(bands: int, knots: int, device: torch.device) -> Tensor:
    """(knots, bands): weights of evenly spaced knots in the straight lines between them."""
    at = torch.linspace(0, knots - 1, bands, device=device)
    return (1 - (at - torch.arange(knots, device=device).unsqueeze(1)).abs()).clamp_min_(0)
