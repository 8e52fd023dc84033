"""The plain recipe for speech: waveforms in memory, a Dataset that cuts and corrupts them one by
one, a DataLoader."""

import multiprocessing
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from scipy import signal
from torch import Tensor
from torch.nn.functional import pad
from torch.utils.data import Dataset

from ncssl.augment import SpeechView
from ncssl.bench import theirs
from ncssl.bench.timing import now
from ncssl.data import voices
from ncssl.data.audio import FFT, FLOOR, HOP, RATE, WINDOW, mel_filters
from ncssl.data.conditions import pink, room
from ncssl.train.optim import optimiser
from ncssl.train.run import Run

NOISES, ROOMS = 8, 32  # that lie ready in memory, as from a collection of recordings
NOISE = 10 * RATE  # samples of each noise


def generated(names: Sequence[str]) -> list[Tensor]:
    """Waveforms (s,) of synthetic training utterances, by the names that `ncssl.data.speech` gives
    them."""
    plan = {
        f"voices/{who:02}/{i:02}": (who, i, emotion, s)
        for who, i, emotion, s in voices.plan("train")
    }
    drawn = (plan[name] for name in names)
    return [
        torch.from_numpy(voices.utterance(who, i, seconds=s, emotion=e)) for who, i, e, s in drawn
    ]


def log_mel(wave: Tensor) -> Tensor:
    """Log-mel (bands, frames) of one waveform (s,): torch.stft and a mel filter bank, the frames
    that ours has."""
    edge = (FFT - WINDOW) // 2  # torch.stft puts the window in the middle of the transform
    window = torch.hann_window(WINDOW)
    spectrum = torch.stft(
        pad(wave, (edge, edge)), FFT, HOP, WINDOW, window, center=False, return_complex=True
    )
    return (mel_filters().T @ spectrum.abs().square()).clamp_min(FLOOR).log()


def whole(low: int, high: int) -> int:
    """A random whole number from low to high."""
    return int(torch.randint(low, high + 1, ()))


def uniform(low: float, high: float) -> float:
    """A random number between low and high."""
    return float(torch.empty(()).uniform_(low, high))


def cut(wave: Tensor, samples: int) -> Tensor:
    """A random crop (samples,) of a waveform, which is repeated where it is shorter."""
    wave = wave.repeat(-(-samples // len(wave)))
    start = whole(0, len(wave) - samples)
    return wave[start : start + samples]


def reverberated(wave: Tensor, response: Tensor) -> Tensor:
    """A waveform (s,) as heard in a room, by overlap-add."""
    return torch.from_numpy(signal.oaconvolve(wave.numpy(), response.numpy())[: len(wave)])


def add(wave: Tensor, noise: Tensor, snr: float) -> Tensor:
    """A waveform (s,) with noise (s,) `snr` dB below it."""
    return wave + noise * (wave.square().mean() / noise.square().mean() / 10 ** (snr / 10)).sqrt()


class Views:
    """A waveform to the views of a policy, one after the other, each (1, bands, frames).

    `rooms=False` leaves reverberation out: less than the policy asks for. Masks, equaliser and gain
    are not here.
    """

    def __init__(self, waves: Sequence[Tensor], policy: Sequence[SpeechView], rooms: bool = True):
        rng = np.random.default_rng(0)
        self.waves, self.policy = waves, policy
        self.noises = [torch.from_numpy(pink(NOISE, rng)).float() for _ in range(NOISES)]
        self.rooms = [torch.from_numpy(room(rng)).float() for _ in range(ROOMS * rooms)]

    def __call__(self, wave: Tensor) -> list[Tensor]:
        return [self.view(wave, view) for view in self.policy]

    def view(self, wave: Tensor, view: SpeechView) -> Tensor:
        """Cut, a room, noise or babble, log-mel, each band's mean taken off."""
        x = cut(wave, WINDOW + HOP * (view.frames - 1))
        if self.rooms and uniform(0, 1) < view.reverb_p:
            x = reverberated(x, self.rooms[whole(0, len(self.rooms) - 1)])
        if uniform(0, 1) < view.noise_p:
            x = self.noisy(x, view)
        mel = log_mel(x)
        return (mel - mel.mean(1, keepdim=True)).unsqueeze(0)

    def noisy(self, x: Tensor, view: SpeechView) -> Tensor:
        """With babble of other utterances, or with one of the noises."""
        if uniform(0, 1) < view.babble_share:
            talkers = (
                self.waves[whole(0, len(self.waves) - 1)] for _ in range(whole(*view.talkers))
            )
            return add(x, sum(cut(wave, len(x)) for wave in talkers), uniform(*view.babble_snr))
        return add(x, cut(self.noises[whole(0, NOISES - 1)], len(x)), uniform(*view.noise_snr))


class Waves(Dataset):
    """The views of waveforms in memory; `n` items, going round."""

    def __init__(self, n: int, views: Views):
        self.n, self.views = n, views

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int) -> tuple[list[Tensor], int]:
        return self.views(self.views.waves[i % len(self.views.waves)]), 0


def workers() -> int:
    """The workers that a DataLoader gets: none where processes cannot share a queue."""
    try:
        multiprocessing.Queue().close()
    except (ImportError, OSError):
        return 0
    return theirs.WORKERS


@contextmanager
def batches(run: Run, views: Views, n: int) -> Iterator[Iterator]:
    """`n` batches of all views from a DataLoader, as `theirs.batches` gives them of images."""
    with theirs.loading(
        Waves((n + theirs.AHEAD) * run.recipe.batch, views), run.recipe.batch, workers()
    ) as iterator:
        yield iterator


def speed(run: Run, views: Views, waits: list[float], warmup: int, steps: int) -> float:
    """Utterances a second of the usual loop with a copy of the network of `run` and its own loss
    and optimiser.

    Appends to `waits` the share of the time that was spent waiting for the loader.
    """
    r, model, waited = run.recipe, theirs.network(run), 0.0
    opt = optimiser(
        r.optimiser, model.groups(r.lr, r.weight_decay, r.decay_vectors), momentum=r.momentum
    )
    with batches(run, views, warmup + steps) as loader:
        for i in range(warmup + steps):
            if i == warmup:
                began, waited = now(run.device), 0.0
            asked = now()
            x, _ = next(loader)
            waited += now() - asked
            progress = i / (run.steps * r.epochs)
            model([view.to(run.device) for view in x], progress).backward()
            opt.step()
            opt.zero_grad()
            model.follow(progress)
        took = now(run.device) - began
    waits.append(waited / took)
    return steps * r.batch / took
