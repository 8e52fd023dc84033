"""The speech parts of the benchmark: both sides see the same, and the rows say what they say. No
speed is asserted."""

import multiprocessing
from types import SimpleNamespace

import pytest
import torch

from ncssl import bench
from ncssl.augment import SpeechView, speech_policy
from ncssl.bench import ours, plain, speech, theirs
from ncssl.data import voices
from ncssl.data.audio import BANDS, HOP, RATE, WINDOW, log_mel
from ncssl.train import loop, tasks

TINY = bench.Size(warmup=1, steps=2, repetitions=2, clips=2, spoken=4, voices=8)
CLOSE = dict(rtol=0, atol=0.0023)  # a hundredth of a dB
PLAINS = ("plain", "plain, noise alone")


@pytest.fixture(scope="module")
def started():
    return speech.start(TINY, "cpu")


@pytest.fixture(scope="module")
def run(started):
    return started[0]


@pytest.fixture(scope="module")
def waves(run):
    return plain.generated(run.data.train.paths)


@pytest.fixture
def no_workers(monkeypatch):
    def refused():
        raise OSError("no semaphores here")

    monkeypatch.setattr(plain.multiprocessing, "Queue", refused)


def test_plain_log_mel_is_ours_on_the_same_waveform(waves):
    for wave in (
        *waves[:3],
        waves[0][:WINDOW],
        waves[0][: WINDOW + 3 * HOP - 1],
        torch.zeros(RATE),
    ):
        torch.testing.assert_close(plain.log_mel(wave).T, log_mel([wave.numpy()])[0], **CLOSE)


def test_both_sides_have_the_same_utterances(run, waves):
    corpus = run.data.train
    assert len(waves) == len(corpus.paths) == TINY.voices
    for wave, first, length in zip(waves, corpus.starts, corpus.lengths, strict=True):
        assert (log_mel([wave.numpy()])[0] == corpus.mel[first : first + length]).all()
    who, i, emotion, seconds = voices.plan("train")[14]
    assert emotion == "sad" and (who, i) == (1, 2)
    expected = voices.utterance(who, i, seconds=seconds, emotion=emotion)
    assert (plain.generated(["voices/01/02"])[0].numpy() == expected).all()


@pytest.mark.parametrize("name", PLAINS)
def test_both_sides_see_the_same_shapes(started, name, no_workers):
    run, plains, _ = started
    mine = run.data.views(ours.drawn(run), run.generator)
    with plain.batches(run, plains[name], 1) as loader:
        them, _ = next(loader)
    frames = [view.frames for view in speech_policy("speech_dino")]
    for a, b, n in zip(mine, them, frames, strict=True):
        assert (
            a.shape == b.shape == (TINY.spoken, 1, BANDS, n) and a.dtype == b.dtype == torch.float32
        )
        assert a.isfinite().all() and b.isfinite().all()
        for x in (a, b):
            torch.testing.assert_close(
                x.mean(3), torch.zeros(TINY.spoken, 1, BANDS), rtol=0, atol=1e-4
            )


def test_a_plain_view_without_noise_is_the_log_mel_of_a_crop(waves):
    wave = waves[0][: WINDOW + 50 * HOP]
    made = plain.Views(waves, (SpeechView(frames=51),))(wave)
    mel = log_mel([wave.numpy()])[0]
    assert len(made) == 1
    torch.testing.assert_close(made[0], (mel - mel.mean(0)).T[None], **CLOSE)


@pytest.mark.parametrize("share, low, high", [(0.0, 2.0, 5.0), (1.0, 11.0, 14.0)])
def test_plain_noise_and_babble_have_the_snr_of_the_policy(waves, share, low, high):
    view = SpeechView(
        noise_p=1.0, babble_share=share, noise_snr=(2.0, 5.0), babble_snr=(11.0, 14.0)
    )
    views, x = plain.Views(waves, (view,)), waves[0][:RATE]
    found = [
        10 * torch.log10(x.square().mean() / (views.noisy(x, view) - x).square().mean())
        for _ in range(20)
    ]
    assert low - 0.01 < min(found) < max(found) < high + 0.01 and max(found) - min(found) > 0.5


def test_a_plain_room_spreads_a_click_forward_only(waves):
    views = plain.Views(waves, ())
    click = torch.zeros(RATE).index_fill_(0, torch.tensor(800), 1.0)
    heard = plain.reverberated(click, views.rooms[0])
    assert heard.shape == click.shape and heard.dtype == torch.float32
    torch.testing.assert_close(heard[:800], torch.zeros(800), rtol=0, atol=1e-5)
    torch.testing.assert_close(heard[800:5000], views.rooms[0][:4200], rtol=0, atol=1e-5)


def test_the_plain_recipe_corrupts_the_share_that_the_policy_says(started, waves, monkeypatch):
    """And noise alone has no rooms."""
    views = {
        name: plain.Views(waves, [SpeechView(frames=2, reverb_p=0.45, noise_p=0.7)] * 500, r)
        for name, r in zip(PLAINS, (True, False), strict=True)
    }
    seen = []
    monkeypatch.setattr(plain, "reverberated", lambda x, room: seen.append("room") or x)
    monkeypatch.setattr(plain.Views, "noisy", lambda self, x, view: seen.append("noise") or x)
    for name, rooms in zip(PLAINS, (225, 0), strict=True):
        assert bool(started[1][name].rooms) == bool(rooms)
        seen.clear()
        torch.manual_seed(0)
        views[name](waves[0])
        assert (
            abs(seen.count("room") - rooms) < 60 * bool(rooms) + 1
            and abs(seen.count("noise") - 350) < 60
        )


def test_cuts_lie_anywhere_and_a_short_waveform_is_repeated():
    wave = torch.arange(10.0)
    firsts = {int(plain.cut(wave, 8)[0]) for _ in range(100)}
    assert firsts == {0, 1, 2} and (plain.cut(wave, 10) == wave).all()
    long = plain.cut(wave, 25)
    assert len(long) == 25 and (long == (long[0] + torch.arange(25)) % 10).all()


def test_both_sides_have_the_same_network_and_step(run, waves, monkeypatch):
    """With the same views their parameters, buffers and teacher after a step are ours."""
    fixed = [
        torch.randn(4, 1, BANDS, n, generator=torch.Generator().manual_seed(n + i))
        for i, n in enumerate((200, 200, 100, 100, 100, 100))
    ]
    them, network = [], theirs.network
    monkeypatch.setattr(theirs, "network", lambda run: them.append(network(run)) or them[0])
    monkeypatch.setattr(plain, "workers", lambda: 0)
    monkeypatch.setattr(theirs, "iter", lambda loader: iter([(fixed, None)]), raising=False)
    mine = speech.start(TINY, "cpu")[0]
    before = {name: w.clone() for name, w in mine.model.state_dict().items()}
    plain.speed(mine, plain.Views(waves, ()), [], 0, 1)
    assert all((w == before[name]).all() for name, w in mine.model.state_dict().items())
    views = iter(fixed)
    monkeypatch.setattr(tasks, "speech_augment", lambda *args, **shares: next(views))
    mine.model.train()
    loop.train_step(mine, torch.arange(4), 0)
    moved = 0
    for (name, a), b in zip(
        mine.model.state_dict().items(), them[0].state_dict().values(), strict=True
    ):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6, msg=name)
        moved += not torch.equal(a, before[name])
    assert moved > 20


def test_warm_up_is_left_out_of_the_plain_loop_and_waiting_is_counted(run, waves, monkeypatch):
    hands, seconds = [0.0], iter([100.0, 2.0, 4.0])  # to load each batch
    fixed = [torch.zeros(4, 1, BANDS, n) for n in (20, 20)]
    monkeypatch.setattr(plain, "now", lambda device="cpu": hands[0])
    monkeypatch.setattr(plain, "workers", lambda: 0)
    follow = run.model.__class__.follow

    class Slow:
        def __next__(self):
            hands[0] += next(seconds)
            return fixed, None

    def slow_follow(model, progress):
        hands[0] += 2.0
        follow(model, progress)

    monkeypatch.setattr(theirs, "iter", lambda loader: Slow(), raising=False)
    monkeypatch.setattr(run.model.__class__, "follow", slow_follow)
    waits = []
    assert plain.speed(run, plain.Views(waves, ()), waits, 1, 2) == 2 * 4 / 10.0 and waits == [0.6]


def test_our_loop_goes_round_until_it_has_its_steps(monkeypatch):
    hands, passes = [0.0], []

    def epoch(run, tick):
        passes.append(1)
        for _ in range(2):
            hands[0] += 1.0
            tick()

    monkeypatch.setattr(ours, "now", lambda device="cpu": hands[0])
    monkeypatch.setattr(ours.loop, "train_epoch", epoch)
    run = SimpleNamespace(device="cpu", recipe=SimpleNamespace(batch=8))
    assert ours.speed(run, 2, 3) == 3 * 8 / 3.0 and len(passes) == 3


def test_workers_where_processes_can_be_had(run, waves):
    with plain.batches(run, plain.Views(waves, run.data.policy), 1) as loader:
        next(loader)
        assert len(multiprocessing.active_children()) == plain.workers() == theirs.WORKERS
    assert multiprocessing.active_children() == []


def test_no_workers_where_they_cannot(run, waves, no_workers):
    with plain.batches(run, plain.Views(waves, run.data.policy), 1) as loader:
        next(loader)
        assert plain.workers() == 0 and multiprocessing.active_children() == []
    assert speech.compared("", {"ours": [1.0], "plain": [2.0]}, ["note"])["notes"][1].endswith(
        "DataLoader: 0"
    )


@pytest.mark.parametrize("kind", speech.KINDS)
def test_files_have_the_features_of_their_samples(kind, waves, tmp_path):
    pytest.importorskip("soundfile", reason="soundfile is not installed")
    arrays = [wave.numpy() for wave in waves[:2]]
    corpus = speech.written(tmp_path, arrays, kind)
    mine, them = (
        torch.from_numpy(f(corpus)) for f in (speech.ours_of_files, speech.plain_of_files)
    )
    torch.testing.assert_close(mine, them, **CLOSE)
    assert (mine - log_mel(arrays)[0]).abs().median() < 0.01  # rounded to 16 bits
    assert {path.read_bytes()[:4] for path in tmp_path.iterdir()} == {
        dict(wav=b"RIFF", flac=b"fLaC")[kind]
    }
