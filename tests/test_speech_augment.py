"""Random views of utterances: against slow code sample by sample, against waveforms, and the laws
of what is drawn."""

import dataclasses
import math
from typing import NamedTuple

import numpy as np
import pytest
import torch
from scipy import signal, stats

from ncssl.augment import (
    SPEECH_POLICIES,
    SpeechDraws,
    SpeechView,
    speech_apply,
    speech_augment,
    speech_draw,
    speech_policy,
)
from ncssl.augment import speech as drawing
from ncssl.augment import speech_ops as ops
from ncssl.data.audio import RATE, log_mel
from ncssl.data.voices import utterance
from ncssl.errors import UnknownName

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


@pytest.fixture(params=["picks", "computes all"])
def both_ways(request, monkeypatch):
    """The CPU's way, and the way of CUDA done on the CPU."""
    monkeypatch.setattr(ops, "picks", lambda _: request.param == "picks")


def part_of(draws: SpeechDraws, part: slice) -> SpeechDraws:
    """The draws of some samples. `field` has an entry for each sample with noise, or for all."""
    taken = {
        name: value[part]
        for name, value in draws._asdict().items()
        if value is not None and name != "field"
    }
    if draws.field is not None:
        of = torch.arange(len(draws.noise))
        of = of[draws.noise] if len(draws.field) < len(of) else of
        taken["field"] = draws.field[torch.isin(of, torch.arange(len(draws.noise))[part])]
    return SpeechDraws(**taken)


# ---- one sample at a time, in float64
def cut(c: Corpus, row: int, offset: int, frames: int) -> np.ndarray:
    own = c.mel[c.starts[row] : c.starts[row] + c.lengths[row]].double().numpy()
    return own[[(offset + t) % len(own) for t in range(frames)]]


def in_a_room(power: np.ndarray, rt60: float, drr: float) -> np.ndarray:
    falls = 10 ** (-60 / 10 * 0.01 / rt60)
    kernel = (1 - falls) * falls ** np.arange(len(power)) * 10 ** (-drr / 10)
    kernel[0] += 1
    kernel /= 1 + 10 ** (-drr / 10)
    return np.stack([np.convolve(band, kernel)[: len(power)] for band in power.T], 1)


def noise_power(field: np.ndarray, tilt: float) -> np.ndarray:
    shape, filters = (
        ops.noise_shape(BANDS, torch.device("cpu")).numpy(),
        ops.filters(BANDS, torch.device("cpu")),
    )
    density = np.maximum(np.arange(257) * 31.25, 20.0) ** -tilt
    cube = (1 - 1 / (9 * shape) + field / np.sqrt(9 * shape)).clip(0.15) ** 3
    return cube * (density @ filters.double().numpy())


def add(power: np.ndarray, noise: np.ndarray, snr: float) -> np.ndarray:
    return power + noise * power.mean() / noise.mean() / 10 ** (snr / 10)


def slowly(c: Corpus, row: int, view: SpeechView, d: SpeechDraws) -> np.ndarray:
    """A view of one utterance, its draws those of a batch of one: (bands, frames)."""
    x = cut(c, row, int(d.offsets), view.frames)
    x += (
        np.interp(np.linspace(0, view.knots - 1, BANDS), np.arange(view.knots), d.equaliser[0])
        * math.log(10)
        / 10
    )
    power = np.exp(x)
    if d.reverb[0]:
        power = in_a_room(power, float(d.rt60), float(d.drr))
    if d.noise[0]:
        power = add(power, noise_power(d.field[0].double().numpy(), float(d.tilt)), float(d.snr))
    if d.babble[0]:
        who = [(int(d.others[0, k]), int(d.places[0, k])) for k in range(int(d.talkers))]
        power = add(power, sum(np.exp(cut(c, *w, view.frames)) for w in who), float(d.snr))
    if d.recorded is not None and d.recorded[0]:
        power = add(
            power, np.exp(cut(c.noise, int(d.recording), int(d.since), view.frames)), float(d.snr)
        )
    x = np.log(power) + float(d.gain) * math.log(10) / 10
    mean = x.mean(0)
    x, mean = (x - mean, 0 * mean) if view.normalise else (x, mean)
    for first, width in d.time_masks[0].tolist():
        x[first : first + width] = mean
    for first, width in d.band_masks[0].tolist():
        x[:, first : first + width] = mean[first : first + width]
    return x.T


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize("normalise", [True, False])
def test_a_batch_is_what_slow_code_makes_of_each_sample(normalise):
    c, view = with_noise(), dataclasses.replace(RECORDED, normalise=normalise)
    d = speech_draw(c, rows(), view, generator(1))
    assert d.reverb.any() and d.noise.any() and d.babble.any() and d.recorded.any()
    assert (d.noise.int() + d.babble.int() + d.recorded.int()).max() == 1
    out = speech_apply(c, rows(), view, d)
    slow = [slowly(c, k % 7, view, part_of(d, slice(k, k + 1))) for k in range(N)]
    assert out.dtype == torch.float32 and out.shape == (N, 1, BANDS, 30) and out.is_contiguous()
    np.testing.assert_allclose(out[:, 0], np.stack(slow), atol=2e-4)


@pytest.mark.usefixtures("both_ways")
def test_samples_of_a_batch_differ_and_do_not_touch_each_other():
    c, same = corpus(), torch.zeros(N, dtype=torch.int64)
    d = speech_draw(c, same, EVERYTHING, generator())
    together = speech_apply(c, same, EVERYTHING, d)
    assert len(together.flatten(1).unique(dim=0)) == N
    for part in (slice(5, 6), slice(11, 29)):
        alone = speech_apply(c, same[part], EVERYTHING, part_of(d, part))
        torch.testing.assert_close(alone, together[part], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", SPEECH_POLICIES)
def test_every_policy_runs(name):
    c = corpus((300, 250, 40, 1000), 80)._replace(noise=corpus((400, 90), 80))
    kept = c.mel.clone()
    for view in speech_policy(name):
        x = speech_augment(c, rows(12, 4), view, generator())
        assert x.shape == (12, 1, 80, view.frames) and x.isfinite().all()
        masked = view.time_masks[0] > 0
        assert masked or x.mean(3).abs().max() < 1e-4
        assert torch.equal(x, speech_augment(c, rows(12, 4), view, generator())), (
            "same seed, another result"
        )
        assert not torch.equal(x, speech_augment(c, rows(12, 4), view, generator(1)))
    assert torch.equal(c.mel, kept), "the corpus was changed"
    assert speech_augment(c, rows(0), view, generator()).shape == (0, 1, 80, view.frames)


def test_the_policies_are_the_specified_ones():
    long, _, short, *_ = speech_policy("speech_dino")
    assert [v.frames for v in speech_policy("speech_dino")] == [200, 200, 100, 100, 100, 100]
    assert (long.reverb_p, long.noise_p, long.babble_share) == (
        0.45,
        0.7,
        0.5,
    ) and long.talkers == (3, 10)
    assert (long.noise_snr, long.babble_snr) == ((0.0, 18.0), (3.0, 18.0))
    assert dataclasses.replace(short, frames=200) == long and speech_policy("speech") == (
        long,
        long,
    )
    assert [v.frames for v in speech_policy("speech_clean_dino")] == [200, 200, 100, 100, 100, 100]
    assert set(speech_policy("speech_clean_dino")) == {
        SpeechView(frames=200),
        SpeechView(frames=100),
    }
    teacher, *_, student = speech_policy("speech_dino_separate")
    assert (teacher.reverb_p, teacher.noise_snr, teacher.babble_snr) == (
        0.3,
        (10.0, 28.0),
        (13.0, 28.0),
    )
    assert (student.reverb_p, student.time_masks, student.band_masks) == (0.45, (1, 5), (1, 8))


def test_masks_are_off_by_default_and_gain_is_lost_with_the_mean():
    c = corpus()
    plain, loud = SpeechView(frames=30), SpeechView(frames=30, gain=(20.0, 20.0))
    d = speech_draw(c, rows(), plain, generator())
    torch.testing.assert_close(
        speech_apply(c, rows(), loud, d._replace(gain=torch.full((N,), 20.0))),
        speech_apply(c, rows(), plain, d),
        atol=1e-5,
        rtol=0,
    )
    raw = speech_apply(c, rows(), dataclasses.replace(plain, normalise=False), d)
    torch.testing.assert_close(raw[0, 0].T, c.mel[d.offsets[0] : d.offsets[0] + 30])


# ---- against waveforms: what power alone leaves out
DB = 10 / math.log(10)
INSIDE = slice(6, -3)  # bands away from the edges of the waveforms' band


def inside(samples: np.ndarray) -> np.ndarray:
    """Only what the bands can hear, 20 to 7600 Hz: the SNR of a view is that of mel power."""
    spectrum, frequency = np.fft.rfft(samples), np.fft.rfftfreq(len(samples), 1 / RATE)
    return np.fft.irfft(spectrum * ((frequency > 20) & (frequency < 7600)), len(samples))


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


# ---- the laws of what is drawn
def uniform(values: torch.Tensor, low: float, high: float) -> bool:
    return stats.kstest(values.flatten().numpy(), stats.uniform(low, high - low).cdf).pvalue > LEVEL


def equally_often(values: torch.Tensor, allowed: range) -> bool:
    counts = torch.bincount(values.flatten(), minlength=allowed.stop).numpy()
    return (
        counts[: allowed.start].sum() == 0
        and len(counts) == allowed.stop
        and (stats.chisquare(counts[allowed.start :]).pvalue > LEVEL)
    )


@pytest.mark.parametrize(
    "length, places",
    [(45, range(16)), (31, range(2)), (30, range(1)), (29, range(29)), (1, range(1))],
)
def test_crops_start_anywhere_they_fit_and_short_utterances_anywhere(length, places):
    drawn = drawing.draw_places(torch.full((MANY,), length), 30, generator())
    assert equally_often(drawn, places) if len(places) > 1 else (drawn == 0).all()


def test_draws_follow_their_laws():
    view = dataclasses.replace(
        EVERYTHING, talkers=(2, 5), noise_snr=(-2.0, 8.0), babble_snr=(3.0, 18.0)
    )
    d = speech_draw(corpus(), rows(MANY), view, generator())
    flags = dict(reverb=0.5, noise=0.35, babble=0.35)
    for name, p in flags.items():
        assert stats.binomtest(int(getattr(d, name).sum()), MANY, p).pvalue > LEVEL, name
    assert stats.binomtest(int((d.reverb & d.noise).sum()), MANY, 0.175).pvalue > LEVEL
    assert uniform(d.snr[d.noise], -2, 8) and uniform(d.snr[d.babble], 3, 18)
    for name, (low, high) in dict(
        rt60=view.rt60, drr=view.drr, tilt=view.tilt, gain=(-6, 6)
    ).items():
        assert uniform(getattr(d, name), low, high), name
    assert uniform(d.equaliser, -6, 6) and d.equaliser.shape == (MANY, 4)
    assert equally_often(d.talkers, range(2, 6))
    assert stats.kstest(d.field[:500].flatten()[:MANY].numpy(), "norm").pvalue > LEVEL
    assert abs(np.corrcoef(d.field[:, 0, 0], d.field[:, 1, 0])[0, 1]) < 4 / len(d.field) ** 0.5


def test_recordings_take_the_place_of_a_share_of_made_noise():
    c = with_noise()
    d = speech_draw(c, rows(MANY), RECORDED, generator())
    plain = speech_draw(c, rows(MANY), EVERYTHING, generator())
    for name in ("noise", "recorded"):
        assert stats.binomtest(int(getattr(d, name).sum()), MANY, 0.175).pvalue > LEVEL, name
    assert uniform(d.snr[d.recorded], *RECORDED.noise_snr) and len(d.field) == int(d.noise.sum())
    assert equally_often(d.recording, range(3)) and equally_often(
        d.since[d.recording == 1], range(61)
    )
    assert plain.recorded is None and torch.equal(plain.offsets, d.offsets)


def test_babble_is_of_other_utterances():
    others = drawing.draw_others(rows(MANY), 7, 3, generator())
    assert not (others == rows(MANY).unsqueeze(1)).any()
    for row in range(7):
        drawn = others[rows(MANY) == row]
        assert equally_often(drawn - (drawn > row).long(), range(6)), row


def test_masks_follow_park2019():
    first, width = drawing.draw_masks(MANY, 2, 8, 30, generator()).unbind(2)
    assert equally_often(width, range(9))
    for w in (0, 5, 8):
        assert equally_often(first[width == w], range(30 - w + 1))
    assert not ops.spans(torch.tensor([[[3, 0]]]), 5).any()
    inside = ops.spans(torch.tensor([[[1, 2], [2, 3]]]), 6)
    assert inside.tolist() == [[False, True, True, True, True, False]]


# ---- errors
@pytest.mark.parametrize(
    "changes, error, words",
    [
        (dict(corpus=torch.zeros(3, 4)), TypeError, "corpus is Tensor; it must be a Speech"),
        (dict(corpus=corpus()._replace(mel=torch.zeros(3, 4).double())), TypeError, "float32"),
        (dict(rows=torch.zeros(3)), TypeError, "rows is.*int64"),
        (dict(rows=[0, 1]), TypeError, r"rows is \[0, 1\]"),
        (dict(view="speech"), TypeError, "'speech'.*SpeechView"),
        (dict(generator=None), TypeError, "generator is None"),
        (
            dict(rows=torch.zeros(3, dtype=torch.int64, device="meta")),
            ValueError,
            "rows is on meta.*cpu",
        ),
        (
            dict(corpus=corpus((50,)), view=SpeechView(noise_p=0.5)),
            ValueError,
            "1 utterance.*at least 2",
        ),
        (dict(view=RECORDED), ValueError, "no recordings of noise; recorded_share needs some"),
    ],
)
def test_bad_arguments_are_named(changes, error, words):
    arguments = (
        dict(corpus=corpus(), rows=rows(), view=SpeechView(), generator=generator()) | changes
    )
    with pytest.raises(error, match=words):
        speech_augment(**arguments)


def test_one_utterance_is_enough_without_babble():
    view = SpeechView(frames=20, noise_p=1.0, babble_share=0.0)
    assert speech_augment(corpus((50,)), rows(4, 1), view, generator()).isfinite().all()


@pytest.mark.parametrize(
    "options",
    [
        dict(frames=0),
        dict(frames=2.0),
        dict(knots=1),
        dict(equaliser=-1.0),
        dict(reverb_p=1.5),
        dict(noise_p=-0.1),
        dict(babble_share=2.0),
        dict(recorded_share=-1.0),
        dict(rt60=(0.0, 0.5)),
        dict(rt60=(0.5, 0.2)),
        dict(drr=3.0),
        dict(noise_snr=(18.0, 0.0)),
        dict(talkers=(0, 3)),
        dict(talkers=(5, 3)),
        dict(talkers=(3, 4.5)),
        dict(tilt=(2.0, 1.0)),
        dict(gain=(1.0,)),
        dict(time_masks=(1, 300)),
        dict(time_masks=(1,)),
        dict(band_masks=(-1, 3)),
    ],
)
def test_bad_views_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        SpeechView(**options)


def test_unknown_policy():
    with pytest.raises(UnknownName, match="speech_dyno.*did you mean 'speech_dino'"):
        speech_policy("speech_dyno")


@pytest.mark.cuda
def test_cuda_gives_the_cpus_result_without_waiting():
    c, r = corpus(), rows()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ops, "picks", lambda _: False)
        d = speech_draw(c, r, EVERYTHING, generator(1))
        on_cpu = speech_apply(c, r, EVERYTHING, d)
    there, at = Corpus(*(v.cuda() for v in c)), r.cuda()
    draws, g = SpeechDraws(*(v.cuda() for v in d)), generator(0, "cuda")
    speech_augment(there, at, EVERYTHING, g)  # sends the constants once
    torch.cuda.set_sync_debug_mode("error")
    try:
        on_cuda = speech_apply(there, at, EVERYTHING, draws)
        speech_augment(there, at, EVERYTHING, g)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    torch.testing.assert_close(on_cuda.cpu(), on_cpu, atol=1e-3, rtol=1e-4)
