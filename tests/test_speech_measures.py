"""What is measured of speech beside error rates: means over lists, the floor, rounds of
pseudo-labels."""

import dataclasses
from functools import partial

import numpy as np
import pytest
import torch

from ncssl.claims.papers import paper
from ncssl.evaluate import eer, frame_statistics, whiten
from ncssl.measure import speakers
from ncssl.recipes import recipe
from ncssl.records import baseline, store
from ncssl.report import select
from ncssl.runs import experiments, single
from ncssl.train import loop, pseudo_labels
from ncssl.verdicts import gates

TINY = dict(dataset="voices", limit=64, width=4, hidden=16, d=8, batch=32, epochs=2, knn_every=1)
SMALL = TINY | dict(limit=160, epochs=1)


@pytest.fixture(autouse=True)
def own_checkpoints(tmp_path, monkeypatch):
    """A folder of their own; and intervals of few draws, since no test here is about them."""
    monkeypatch.setattr(loop, "checkpoint_path", lambda r: tmp_path / "checkpoints" / f"{r.id}.pt")
    monkeypatch.setattr(speakers, "verify", partial(speakers.verify, resamples=50))


@pytest.fixture(scope="module")
def run():
    return loop.start(recipe("simclr", **SMALL), device="cpu")


def test_means_over_lists_by_hand():
    rates = {
        "a_eer": 10.0,
        "b_eer": 20.0,
        "a_noise_eer": 30.0,
        "a_reverb_eer": 40.0,
        "b_noise_eer": 50.0,
    }
    assert speakers.means(rates) == {"mean_eer": 15, "mean_mismatched_eer": 40}
    assert speakers.means({"noise_eer": 7.0, "x_eer": 9.0}) == {"mean_eer": 8}, (
        "a list may be called noise"
    )


def test_leads_are_points_better_than_without_learning():
    own = {"a_eer": 10.0, "mean_eer": 12.0, "emotion_micro_f1": 50.0, "emotion_majority": 20.0}
    floor = {"a_eer": 15.0, "mean_eer": 11.0, "emotion_micro_f1": 55.0}
    assert speakers.leads(own, floor) == {
        "a_lead": 5,
        "mean_lead": -1,
        "emotion_lead": -5,
        "emotion_lift": 30,
    }
    assert speakers.leads({"a_eer": 1.0}, {"a_eer": 1.0}) == {"a_lead": 0}
    assert (
        speakers.leads({"whitened_mean_eer": 4.0, "mean_eer": 6.0}, {"mean_eer": 5.0})[
            "whitened_lead"
        ]
        == 1
    )


def test_an_f1_of_nothing_is_an_f1_and_no_errors_are_no_error():
    assert speakers.leads(
        {"emotion_micro_f1": 0.0, "emotion_majority": 20.0}, {"emotion_micro_f1": 5.0}
    ) == {"emotion_lead": -5, "emotion_lift": -20}
    found = pseudo_labels.gains(
        [dict(mean_eer=e, plda_mean_eer=0.0, nmi=50.0) for e in (4.0, 0.0, 0.0)]
    )
    assert (
        found["pseudo_gain"] == np.inf
        and np.isnan(found["pseudo_gain_lead"])
        and found["pseudo_nmi_rise"] == 0
    )


def test_the_floor_is_deviations_of_the_bands_whitened_on_the_training_utterances(run, tmp_path):
    """Against the same from its parts, trial by trial; and as a record of the campaign."""
    d, r = run.data, baseline.floor(run.recipe)
    assert (
        r.method == "statistics"
        and r.limit == 160
        and r == baseline.floor(dataclasses.replace(run.recipe, seed=3))
    )
    record = store.load(
        single.run_one(
            experiments.baselines_of([planned(run.recipe)])[0], None, tmp_path, "cpu", False
        )["path"]
    )
    assert (
        record.recipe == r
        and record.data == d.facts()
        and record.metrics == store.rounded(d.floor())
    )

    def moments(corpus):
        return frame_statistics(
            corpus.mel[a : a + n] for a, n in zip(corpus.starts, corpus.lengths, strict=True)
        )

    bank, z = moments(d.train), moments(d.tests["clean"])
    center = whiten(bank, bank, components=40).mean(0)
    z = whiten(bank, z, components=40) - center
    trials = d.trials["voices"]
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    scores = [z[a] @ z[b] for a, b in zip(trials.a, trials.b, strict=True)]
    assert record.metrics["voices_eer"] == pytest.approx(eer(trials.target, scores), abs=1e-3)
    assert record.metrics["mean_eer"] == record.metrics["voices_eer"] < 40
    assert record.metrics["voices_noise_eer"] != record.metrics["voices_eer"]
    assert record.metrics["emotion_micro_f1"] > record.metrics["emotion_majority"] + 20
    assert baseline.of([(planned(run.recipe), None)], tmp_path).metrics == record.metrics


def planned(r):
    return experiments.Planned("cho2022", "methods", "simclr", r.seed, r)


def test_a_run_says_how_far_it_is_ahead_of_the_floor(run):
    found, floor = run.data.final(run.model), run.data.floor()
    for name in ("voices", "mean", "mean_mismatched"):
        assert found[f"{name}_lead"] == pytest.approx(floor[f"{name}_eer"] - found[f"{name}_eer"])
    white = speakers.embed(run.model, run.data.train)[0]
    z = whiten(white, speakers.embed(run.model, run.data.tests["clean"])[0], components=16)
    z, t = z - whiten(white, white, components=16).mean(0), run.data.trials["voices"]
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    scores = np.einsum("md,md->m", z[t.a], z[t.b])
    assert found["whitened_voices_eer"] == pytest.approx(eer(t.target, scores), abs=0.05)
    assert found["whitened_lead"] == pytest.approx(floor["mean_eer"] - found["whitened_mean_eer"])
    assert found["emotion_lead"] == pytest.approx(
        found["emotion_micro_f1"] - floor["emotion_micro_f1"]
    )


def test_rounds_of_pseudo_labels_are_in_the_record(tmp_path):
    r = recipe("simclr", **SMALL, pseudo_rounds=2, pseudo_clusters=20)
    record = loop.fit(r, out=tmp_path)
    m = record.metrics
    assert record.status == "done" and m["round0_clusters"] == 20 >= m["round2_clusters"]
    assert m["round0_mean_eer"] == pytest.approx(m["mean_eer"], abs=1), (
        "before any round it is the run's own"
    )
    # so small a network hardly learns; that rounds help is tested in test_pseudo.py
    for i in range(3):
        eer, plda = m[f"round{i}_voices_eer"], m[f"round{i}_plda_voices_eer"]
        assert 0 < eer < 70 and (np.isnan(plda) or 0 < plda < 70), (
            "PLDA has none where embeddings hardly vary"
        )
        assert (
            0 <= m[f"round{i}_nmi"] <= 100
            and 0 < m[f"round{i}_purity"] <= 100
            and m[f"round{i}_kept"] <= 100
        )
    assert m["pseudo_gain"] == pytest.approx(m["round0_mean_eer"] / m["round1_mean_eer"], rel=1e-4)
    plain = loop.fit(recipe("simclr", **SMALL), out=tmp_path).metrics
    assert {k: v for k, v in plain.items() if k != "images_per_second"}.items() <= m.items(), (
        "nothing else moved"
    )


def test_rounds_leave_out_speakers_heard_too_rarely_and_other_corpora(run, monkeypatch):
    d, seen = run.data, {}
    few = d.train.labels.clone()
    few[:3] = 40  # a 41st speaker of three utterances
    train_set = d.train._replace(labels=few, classes=(*d.train.classes, "rare"))
    other = d.tests["clean"]._replace(
        paths=tuple(p.replace("voices/", "x/") for p in d.tests["clean"].paths)
    )
    lists = {"voices": d.trials["voices"]}

    def rounds(encoder, embed, crops, width, **how):
        seen.update(how, width=width, n=len(embed(encoder)))
        return [dict(round=i, mean_eer=4.0 - i, plda_mean_eer=2.0, nmi=10.0 * i) for i in range(3)]

    monkeypatch.setattr(pseudo_labels, "pseudo_rounds", rounds)
    how = dict(rounds=2, clusters=8, epochs=8, seed=5)
    out = pseudo_labels.relabelled(
        run.model, train_set, d.tests["clean"], lists, d.policy[0], **how
    )
    assert seen["n"] == 157 - 1 == len(seen["truth"]) and seen["width"] == 16 and seen["seed"] == 5
    assert [(s.epochs, s.whole) for s in seen["stages"]] == [(2, False), (4, True)]
    assert (
        out["pseudo_gain"] == 4 / 3
        and out["pseudo_gain_lead"] == 4 / 3 - 3 / 2
        and out["pseudo_nmi_rise"] == 20
    )
    assert out["pseudo_plda_lead"] == 2 - 1 and out["round1_mean_eer"] == 3
    with pytest.raises(ValueError, match="no trial list"):
        pseudo_labels.relabelled(run.model, train_set, other, lists, d.policy[0], **how)


@pytest.mark.parametrize(
    "values, words",
    [
        (
            dict(pseudo_rounds=2),
            "pseudo_rounds and pseudo_clusters were 2 and None; allowed: both, or none",
        ),
        (
            dict(pseudo_rounds=0, pseudo_clusters=4),
            "pseudo_rounds was 0; allowed: none, or an integer >= 1",
        ),
        (dict(pseudo_rounds=1, pseudo_clusters=True), "pseudo_clusters was True"),
    ],
)
def test_rounds_that_cannot_be(values, words):
    with pytest.raises(ValueError, match=words):
        recipe("simclr", dataset="voices", **values)


def test_rounds_are_for_speech():
    with pytest.raises(ValueError, match="pseudo_rounds was 1; allowed: for speech only"):
        loop.start(recipe("simclr", pseudo_rounds=1, pseudo_clusters=4), device="cpu")


def test_more_clusters_than_utterances_are_refused_before_any_training():
    with pytest.raises(
        ValueError, match="pseudo_clusters was 161; allowed: 1 to 160, the utterances of speakers"
    ):
        loop.start(
            recipe("dino", **SMALL | dict(pseudo_rounds=1, pseudo_clusters=161)), device="cpu"
        )


def test_a_list_that_a_corpus_does_not_have_is_no_failed_run(tmp_path):
    """A claim on the LibriSpeech list is not run on the voices, and a run that failed stays one."""
    record = loop.fit(
        recipe("dino", options={"prototypes": 16}, evaluated="target", **TINY), out=tmp_path
    )
    failed = dataclasses.replace(record, status="failed", reason="x", metrics={})
    runs = [
        (planned(record.recipe)._replace(arm="dino", seed=s), r)
        for s, r in enumerate([record, record, failed])
    ]
    assert set(select.metric(runs, "voices_eer")["dino"]) == {0, 1, 2}
    assert select.metric(runs, "libri_eer") == {"dino": {2: None}}
    claim = paper("cho2022").claims["better_than_no_learning_libri"]
    verdict = gates.of_runs(claim, runs)
    assert verdict.status == "not run" and "dino has 0" in verdict.detail


def test_every_embedding_comes_once_and_in_order(run):
    corpus = run.data.tests["clean"]
    run.model.eval()
    h = speakers.outputs(lambda x: torch.stack([x.mean((1, 2, 3)), x.std((1, 2, 3))], 1), corpus)
    assert len(h) == len(corpus.paths)
    for i in (0, 5, len(h) - 1):
        n = int(corpus.lengths[i])
        size = min(-(-n // speakers.STEP) * speakers.STEP, speakers.LONGEST)
        x = speakers.whole(corpus, torch.tensor([i]), size)
        torch.testing.assert_close(h[i], torch.stack([x.mean(), x.std()]), rtol=1e-3, atol=1e-4)
