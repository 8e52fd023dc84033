"""Log-mel features, mismatched conditions and the synthetic voices, against slow obvious
computations."""

import numpy as np
import pytest
import torch
from data_files import apart  # noqa: F401

from ncssl.data import audio, conditions


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)


# ---- features


def slow_log_mel(samples: np.ndarray) -> np.ndarray:
    """One frame, one band, one bin at a time: a DFT by its sum, triangles between neighbouring
    edges."""
    edges = [
        700 * (10 ** (m / 2595) - 1)
        for m in np.linspace(2595 * np.log10(1 + 20 / 700), 2595 * np.log10(1 + 7600 / 700), 82)
    ]
    rows = []
    for start in range(0, len(samples) - 399, 160):
        frame = [samples[start + i] * (0.5 - 0.5 * np.cos(2 * np.pi * i / 400)) for i in range(400)]
        bins = [
            abs(np.dot(frame, np.exp(-2j * np.pi * k * np.arange(400) / 512))) ** 2
            for k in range(257)
        ]
        row = []
        for left, centre, right in zip(edges, edges[1:], edges[2:], strict=False):
            power = 0.0
            for k, value in enumerate(bins):
                f = k * 31.25
                up, down = (f - left) / (centre - left), (right - f) / (right - centre)
                power += value * max(0.0, min(up, down))
            row.append(np.log(max(power, 1e-8)))
        rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize("chunk", [3, 5, 4096])
def test_features_of_many_clips_are_those_of_the_slow_sum(monkeypatch, chunk):
    monkeypatch.setattr(audio, "CHUNK", chunk)
    clips = [noise(n, n) for n in (400, 559, 560, 1500)]
    mel, lengths = audio.log_mel(clips)
    assert lengths == [1, 1, 2, 7] and mel.dtype == torch.float32 and mel.shape == (11, 80)
    np.testing.assert_allclose(
        mel, np.concatenate([slow_log_mel(clip) for clip in clips]), atol=2e-4
    )


def test_librosa_computes_the_same():
    librosa = pytest.importorskip("librosa", reason="librosa is not installed")
    samples = noise(8000)
    centred = np.pad(samples, (56, 56))  # librosa lays the window in the middle of its 512 samples
    theirs = librosa.feature.melspectrogram(
        y=centred,
        sr=16_000,
        n_fft=512,
        win_length=400,
        hop_length=160,
        window="hann",
        center=False,
        power=2.0,
        n_mels=80,
        fmin=20.0,
        fmax=7600.0,
        htk=True,
        norm=None,
    )
    np.testing.assert_allclose(
        audio.log_mel([samples])[0], np.log(np.maximum(theirs.T, 1e-8)), atol=1e-3
    )


def test_features_follow_level_and_pitch_and_are_floored():
    filters = audio.mel_filters()
    assert (filters.sum(0) > 0).all() and filters.max() <= 1
    time = np.arange(4000, dtype=np.float32) / 16_000
    for frequency in (200.0, 1000.0, 6000.0):
        tone = np.sin(2 * np.pi * frequency * time)
        mel = audio.log_mel([tone])[0]
        assert (mel.argmax(1) == filters[round(frequency / 31.25)].argmax()).all()
        loud = audio.log_mel([10 * tone])[0] - mel
        torch.testing.assert_close(
            loud[mel > -6], torch.full_like(loud[mel > -6], 2 * np.log(10)), atol=1e-2, rtol=0
        )
    assert (
        audio.log_mel([np.zeros(800, np.float32)])[0] == np.float32(np.log(np.float32(1e-8)))
    ).all()
    with pytest.raises(
        ValueError, match="a clip has 399 samples; allowed: at least one window of 400"
    ):
        audio.log_mel([noise(400), noise(399)])


# ---- conditions


def decibel(ratio: float) -> float:
    return 10 * np.log10(ratio)


def test_noise_has_its_ratio_and_pink_falls_by_three_decibel_an_octave():
    samples, rng = noise(16_000), np.random.default_rng(1)
    for snr in (-5.0, 10.0):
        added = conditions.add_noise(samples, conditions.pink(16_000, rng), snr) - samples
        assert decibel(np.mean(samples**2.0) / np.mean(added**2)) == pytest.approx(snr, abs=1e-6)
    power = np.mean(
        [np.abs(np.fft.rfft(conditions.pink(16_000, rng))) ** 2 for _ in range(20)], axis=0
    )
    octaves = [power[low : 2 * low].mean() for low in (100, 200, 400, 800, 1600, 3200)]
    np.testing.assert_allclose(np.diff(decibel(np.array(octaves))), -3.01, atol=0.4)


def test_a_room_decays_by_sixty_decibel_over_its_length():
    for seed in range(5):
        response = conditions.room(np.random.default_rng(seed))
        # Schroeder's integral
        left = decibel(np.cumsum(response[:0:-1] ** 2)[::-1] / np.sum(response[1:] ** 2))
        assert 0.3 * 16_000 <= len(response) + 1 <= 0.9 * 16_000 + 1
        assert left[len(left) // 2] == pytest.approx(-30, abs=1.5)
        assert 0 <= decibel(response[0] ** 2 / np.sum(response[1:] ** 2)) <= 6
        assert np.sum(response**2) == pytest.approx(1)


def test_babble_is_a_sum_of_the_voices_at_equal_power():
    tones = [
        scale * np.sin(2 * np.pi * hz * np.arange(16_000) / 16_000)
        for hz, scale in ((500, 0.01), (1000, 1.0))
    ]
    counts = []
    for seed in range(30):
        spectrum = (
            np.abs(np.fft.rfft(conditions.babble(16_000, tones, np.random.default_rng(seed)))) ** 2
        )
        assert spectrum[[500, 1000]].sum() == pytest.approx(spectrum.sum())
        counts.append(spectrum[500] > 1e-3 * spectrum[1000])
    assert sum(counts) > 20  # the quiet voice is as loud as the other


def test_a_condition_is_drawn_by_name_and_keeps_length_and_level():
    samples, crowd = noise(12_000), [noise(5000, 1), noise(9000, 2)]
    assert conditions.corrupt(samples, "clean", "a") is samples
    for condition in ("noise", "reverb"):
        once, again, other = (conditions.corrupt(samples, condition, name, crowd) for name in "aab")
        assert once.dtype == np.float32 and once.shape == samples.shape
        assert (
            np.array_equal(once, again)
            and not np.allclose(once, other)
            and not np.allclose(once, samples)
        )
    assert np.mean(once**2) == pytest.approx(np.mean(samples**2), rel=1e-4)  # reverb
    babbles = 0
    for name in map(str, range(60)):
        first, second = (
            conditions.corrupt(samples, "noise", name, voice) for voice in (crowd, crowd[::-1])
        )
        assert decibel(np.mean(samples**2.0) / np.mean((first - samples) ** 2.0)) == pytest.approx(
            10, abs=1e-3
        )
        babbles += not np.array_equal(first, second)
    assert 10 <= babbles <= 30
