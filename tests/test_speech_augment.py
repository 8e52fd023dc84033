"""Random views of utterances: against slow code sample by sample, against waveforms, and the laws
of what is drawn."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from batches_of_speech import (
    BANDS,
    EVERYTHING,
    RECORDED,
    Corpus,
    N,
    corpus,
    generator,
    rows,
    with_noise,
)

from ncssl.augment import (
    SPEECH_POLICIES,
    SpeechDraws,
    SpeechView,
    speech_apply,
    speech_augment,
    speech_draw,
    speech_policy,
)
from ncssl.augment import speech_ops as ops


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
