"""Log-mel features, mismatched conditions and the synthetic voices, against slow obvious
computations."""

import numpy as np
import pytest
import torch
from data_files import apart  # noqa: F401

from ncssl.data import audio, conditions, speech, voices
from ncssl.errors import UnknownName


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


# ---- synthetic voices


def pitch(samples: np.ndarray) -> float:
    """Median over frames of the frequency at which the autocorrelation is largest, 60 to 400 Hz."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, 1024)[::400]
    frames = frames[frames.std(1) > 0.5 * frames.std(1).max()]
    correlation = np.fft.irfft(np.abs(np.fft.rfft(frames, 2048)) ** 2)[:, 40:267]
    return float(np.median(16_000 / (40 + correlation.argmax(1))))


def test_an_utterance_is_the_same_for_the_same_seeds_only():
    one = voices.utterance(3, 5, seconds=1.0)
    assert (
        one.shape == (16_000,)
        and one.dtype == np.float32
        and np.abs(one).max() == pytest.approx(0.25)
    )
    assert np.array_equal(one, voices.utterance(3, 5, seconds=1.0))
    for other in (
        dict(speaker=4, seed=5),
        dict(speaker=3, seed=6),
        dict(speaker=3, seed=5, emotion="sad"),
    ):
        assert not np.allclose(one, voices.utterance(**other, seconds=1.0))
    with pytest.raises(
        UnknownName, match="unknown emotion 'hapy' .*'happy'.*; allowed: angry, happy, neutral, sad"
    ):
        voices.utterance(0, 0, emotion="hapy")
    for seconds in (0.4, 61, float("nan")):
        with pytest.raises(ValueError, match="seconds must be between 0.5 and 60, was"):
            voices.utterance(0, 0, seconds=seconds)


def test_a_speaker_has_a_pitch_and_an_emotion_moves_it():
    for number in (0, 1, 2, 3):
        wanted = voices.voice(number).pitch
        heard = [pitch(voices.utterance(number, seed, channel=False)) for seed in range(3)]
        assert np.median(heard) == pytest.approx(wanted, rel=0.12)
    happy, sad = (
        np.median([pitch(voices.utterance(1, seed, emotion=e)) for seed in range(3)])
        for e in ("happy", "sad")
    )
    assert 3 < 12 * np.log2(happy / sad) < 7  # five semitones by the table


def test_a_recording_has_a_channel_of_its_own():
    def spread(channel):
        means = [
            audio.log_mel([voices.utterance(0, seed, channel=channel)])[0].mean(0)
            for seed in range(6)
        ]
        curves = torch.stack(means)[:, 10:60]
        return (curves - curves.mean(1, keepdim=True)).std(0).mean()

    assert spread(True) > 1.5 * spread(False)


def test_the_plan_keeps_speakers_apart_and_emotions_balanced():
    train, test = (voices.plan(split) for split in ("train", "test"))
    assert (len(train), len(test)) == (480, 160) and not {row[0] for row in train} & {
        row[0] for row in test
    }
    for plan, each in ((train, 3), (test, 2)):
        counts = {
            (who, emotion): sum(row[0] == who and row[2] == emotion for row in plan)
            for who, _, emotion, _ in plan
        }
        assert set(counts.values()) == {each} and all(2 <= row[3] <= 4 for row in plan)


def utterance_rows(corpus: speech.Speech, i: int) -> torch.Tensor:
    return corpus.mel[corpus.starts[i] : corpus.starts[i] + corpus.lengths[i]]


def test_voices_have_no_energy_that_nobody_hears():
    """Else the SNR of a waveform would be one of its offset."""
    for number in range(3):
        power = np.abs(np.fft.rfft(voices.utterance(number, 0, channel=False).astype(float))) ** 2
        assert power[: len(power) // 400].sum() < 0.01 * power.sum()  # below 20 Hz


def test_voices_load_as_features_of_their_utterances_and_once(monkeypatch):
    corpus = speech.load("voices", "test", limit=8)
    assert len(corpus.classes) == 20 and corpus.emotion_names == (
        "angry",
        "happy",
        "neutral",
        "sad",
    )
    assert corpus.labels.bincount().tolist().count(4) == 2  # two speakers of four utterances
    for row, path in enumerate(corpus.paths):
        who, i = map(int, path.split("/")[1:])
        seconds, emotion = next((s, e) for w, j, e, s in voices.plan("test") if (w, j) == (who, i))
        samples = voices.utterance(who, i, seconds=seconds, emotion=emotion)
        assert torch.equal(utterance_rows(corpus, row), audio.log_mel([samples])[0])
        assert corpus.classes[corpus.labels[row]] == f"voice-{who:02}"
        assert corpus.emotion_names[corpus.emotions[row]] == emotion
    monkeypatch.setattr(voices, "utterance", None)
    again = speech.load("voices", "test", limit=8)
    assert torch.equal(again.mel, corpus.mel) and again.paths == corpus.paths


def test_limits_are_balanced_and_nested():
    few, more = (speech.load("voices", limit=limit) for limit in (5, 12))
    assert set(few.paths) < set(more.paths) and more.labels.bincount().max() == 1
    assert (few.starts == few.lengths.cumsum(0) - few.lengths).all() and few.lengths.sum() == len(
        few.mel
    )


def test_conditions_of_voices_have_the_same_rows_and_other_frames():
    clean, noisy, reverb = (
        speech.load("voices", "test", limit=8, condition=c) for c in conditions.CONDITIONS
    )
    for other in (noisy, reverb):
        assert other.paths == clean.paths and torch.equal(other.lengths, clean.lengths)
        assert not torch.allclose(other.mel, clean.mel, atol=0.5)
    assert (noisy.mel - clean.mel).mean() > 0.3


def test_voices_are_neither_trivial_nor_impossible_without_learning():
    corpus = speech.load("voices", "test", limit=64)
    found = speech.trials("voices", corpus)["voices"]
    assert len(found.target) == 64 * 63 // 2 and found.target.sum() == 16 * 6
    assert torch.equal(found.target, corpus.labels[found.a] == corpus.labels[found.b])
    x = torch.stack([utterance_rows(corpus, i).std(0) for i in range(64)])
    # whitened
    x = torch.nn.functional.normalize(
        torch.linalg.svd(x - x.mean(0), full_matrices=False)[0][:, :15]
    )
    scores = (x[found.a] * x[found.b]).sum(1)
    same, different = scores[found.target], scores[~found.target]
    auc = (same[:, None] > different).float().mean()
    assert 0.65 < auc < 0.9
