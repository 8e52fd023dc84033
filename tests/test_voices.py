"""Generated voices: the same for the same seeds, and neither trivial nor impossible."""

import numpy as np
import pytest
import torch
from data_files import apart  # noqa: F401

from ncssl.data import audio, conditions, speech, voices
from ncssl.errors import UnknownName

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
