"""Speech through the engine of the images: a run prints error rates, and is resumed, measured and
refused alike."""

import copy
import json
from functools import partial

import pytest
import torch
from click.testing import CliRunner

from ncssl.cli import main, training
from ncssl.errors import UnknownName
from ncssl.measure import speakers
from ncssl.recipes import recipe
from ncssl.train import loop
from ncssl.train.tasks import Pictures, Utterances, domain

TINY = dict(dataset="voices", limit=64, width=4, hidden=16, d=8, batch=32, epochs=2, knn_every=1)


@pytest.fixture(autouse=True)
def own_checkpoints(tmp_path, monkeypatch):
    """A folder of their own; and intervals of few draws, since no test here is about them."""
    monkeypatch.setattr(loop, "checkpoint_path", lambda r: tmp_path / "checkpoints" / f"{r.id}.pt")
    monkeypatch.setattr(speakers, "verify", partial(speakers.verify, resamples=50))


def started(method="byol", **values):
    return loop.start(recipe(method, **TINY | values), device="cpu")


def test_a_run_measures_every_list_in_every_condition(tmp_path):
    record = loop.fit(
        recipe("dino", options={"prototypes": 32}, evaluated="target", **TINY), out=tmp_path
    )
    assert record.status == "done" and record.data["classes"] == 40 and record.data["trials"] > 1000
    for mark in ("voices", "voices_noise", "voices_reverb"):
        low, rate, high = (record.metrics[f"{mark}_eer{end}"] for end in ("_low", "", "_high"))
        assert 0 < low < rate < high < 70 and 0 < record.metrics[f"{mark}_min_dcf_01"] <= 1
    assert record.metrics["emotion_majority"] < record.metrics["emotion_micro_f1"] <= 100
    assert len(record.curves["voices_eer"]) == 3 and len(record.curves["teacher_entropy"]) == 2


def test_an_interrupted_run_goes_on_exactly(monkeypatch):
    run = started("directpred")
    loop.measure(run)
    run.curves["loss"] = [loop.train_epoch(run, lambda: None)]
    run.epoch += 1
    loop.measure(run)
    saved = copy.deepcopy(run.state())
    onward = loop.train_epoch(run, lambda: None)
    other = started("directpred")
    other.restore(saved)
    assert loop.train_epoch(other, lambda: None) == onward


def test_utterances_are_embedded_as_one_by_one():
    """Many of one length at once, in any order; those of other lengths are repeated to a multiple
    of half a second."""
    run = started()
    test = run.data.tests["clean"]
    h, z = speakers.embed(run.model, test)
    run.model.eval()
    for i in (0, 7, len(h) - 1):
        frames = test.mel[test.starts[i] :][: test.lengths[i]]
        frames = torch.cat([frames] * 20)[: -(-len(frames) // 50) * 50]
        x = (frames - frames.mean(0)).T[None, None]
        expected = run.model.encode(x)
        torch.testing.assert_close(h[i : i + 1], expected, rtol=2e-2, atol=2e-2)
        torch.testing.assert_close(
            z[i : i + 1], run.model.projector(expected), rtol=5e-2, atol=5e-2
        )


def test_the_network_that_is_measured_is_the_one_asked_for():
    """After a step the online network has moved and the target hardly has."""
    numbers = {}
    for which in ("online", "target"):
        run = started("byol", evaluated=which, precision="float32")
        before = speakers.embed(run.model, run.data.tests["clean"])[0]
        run.model.train()
        loop.train_step(run, torch.arange(32), 0)
        run.model.load_state_dict({k: v for k, v in run.model.state_dict().items()})
        for net in run.model.used[0].modules():  # batch norm's running statistics move in both
            if isinstance(net, torch.nn.BatchNorm1d):
                net.reset_running_stats()
        numbers[which] = (
            (speakers.embed(run.model, run.data.tests["clean"])[0] - before).norm().item()
        )
    assert numbers["target"] < 0.2 * numbers["online"]


def test_a_corpus_of_speech_is_another_domain_than_images():
    assert domain("digits") is Pictures and domain("voices") is Utterances
    with pytest.raises(UnknownName, match="voices"):
        domain("voice")


@pytest.mark.parametrize(
    "values, error, words",
    [
        (dict(batch=65), ValueError, "limit was 64"),
        (
            dict(limit=None, batch=512),
            ValueError,
            "batch was 512; allowed: at most the 480 training utterances",
        ),
        (dict(size=32), ValueError, "size was 32; allowed: for images only"),
        (dict(online_probe=True), ValueError, "online_probe was True"),
        (dict(augmentation="symmetric"), UnknownName, "speech_clean"),
        (dict(backbone="tdn"), UnknownName, "tdnn"),
        (dict(evaluated="teacher"), UnknownName, "target"),
    ],
)
def test_what_does_not_fit_speech_is_named(values, error, words):
    with pytest.raises(error, match=words):
        started(**values)


def test_a_target_is_measured_only_where_there_is_one():
    with pytest.raises(ValueError, match="evaluated was 'target'; allowed: with keep above 0"):
        started("simsiam", evaluated="target")


def test_the_command_prints_error_rates(tmp_path):
    sets = [part for k, v in TINY.items() if k != "dataset" for part in ("--set", f"{k}={v}")]
    words = ["run", "--method", "simclr", "--dataset", "voices", "--out", str(tmp_path)]
    done = CliRunner().invoke(main, [*words, *sets, "--json"])
    assert done.exit_code == 0, done.output
    assert 0 < json.loads(done.stdout)["metrics"]["voices_eer"] < 100


@pytest.mark.parametrize("place, dataset", [("empty", "voices"), ("corpus", "speech")])
def test_speech_is_a_corpus_where_there_is_one_and_else_said_to_be_generated(
    place, dataset, tmp_path, capsys, monkeypatch
):
    (tmp_path / "empty").mkdir()
    (tmp_path / "corpus" / "wav" / "id1" / "a").mkdir(parents=True)
    monkeypatch.setenv("NCSSL_DATA", str(tmp_path / place))
    monkeypatch.chdir(tmp_path)
    assert (
        training.resolve_dataset("speech", None) == dataset
        and training.resolve_dataset("digits", None) == "digits"
    )
    assert ("generated" in capsys.readouterr().err) == (dataset == "voices")
    assert training.resolve_dataset("speech", tmp_path / "empty") == "speech", (
        "a root that was given is read, or said to be wrong"
    )


def test_emotions_are_probed_on_another_corpus(tmp_path):
    tiny = TINY | dict(epochs=0)
    plain = loop.fit(recipe("simsiam", **tiny), out=tmp_path)
    other = loop.fit(recipe("simsiam", emotions="voices", **tiny), out=tmp_path)
    # all utterances of the other corpus, where the run's own are limited
    assert other.metrics["emotion_micro_f1"] != plain.metrics["emotion_micro_f1"]
    assert other.metrics["mean_eer"] == plain.metrics["mean_eer"]
    with pytest.raises(ValueError, match="emotions was 'voices'; allowed: for speech only"):
        loop.start(recipe("simsiam", emotions="voices"))
    with pytest.raises(UnknownName, match="digits"):
        recipe("simsiam", emotions="digits", **tiny)
