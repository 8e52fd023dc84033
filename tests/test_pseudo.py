"""Pseudo-labels, and fine-tuning on them that finds hidden speakers."""

import math
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import nn

from ncssl.evaluate.pseudo import cluster, cluster_quality, keep_sure
from ncssl.evaluate.trials import verify
from ncssl.train.finetune import STAGES, Stage, fine_tune, pseudo_rounds


def blobs(classes, each, spread, seed=0, d=16):
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(classes), each)
    return rng.normal(size=(classes, d))[y] + spread * rng.normal(size=(len(y), d)) + 3, y


@pytest.mark.parametrize("how", [{"clusters": 20}, {"similarity": 0.8}])
def test_clear_speakers_are_found(how):
    z, y = blobs(20, 15, 0.15)
    found = cluster_quality(cluster(z, **how), y)
    assert found == {"clusters": 20, "kept": 100, "purity": 100, "nmi": pytest.approx(100)}


def test_clusters_are_as_many_as_asked_and_do_not_depend_on_scale_or_place():
    z, _ = blobs(10, 12, 0.8)
    # 30 groups of four rows: for more clusters the groups are smaller
    for k in (1, 7, 30, 50, 100):
        assert len(np.unique(cluster(z, clusters=k))) == k
    assert len(np.unique(cluster(z, similarity=0.2))) < len(np.unique(cluster(z, similarity=0.7)))
    assert np.array_equal(cluster(z, clusters=10), cluster(7 * z - 100, clusters=10))


def test_average_linkage_stops_at_the_mean_cosine():
    angle = np.deg2rad([0, 40, 100, 180, 220, 280])
    # centred; merges at cos 40, then at the mean of cos 60 and cos 100
    z = np.c_[np.cos(angle), np.sin(angle)]
    merge = (np.cos(np.deg2rad(60)) + np.cos(np.deg2rad(100))) / 2
    counts = [
        len(set(cluster(z, similarity=s, group=1))) for s in (0.8, 0.7, merge + 0.01, merge - 0.01)
    ]
    assert counts == [6, 4, 4, 2]


def test_rows_that_are_the_same_make_fewer_clusters():
    assert set(cluster(np.ones((10, 3)), clusters=2)) == {0}
    z = np.repeat(np.eye(3), 20, axis=0)
    assert cluster_quality(cluster(z, similarity=0.5), np.repeat([0, 1, 2], 20))["purity"] == 100
    assert len(set(cluster(z, clusters=9))) == 3


CLUSTERS = [
    ({}, "clusters and similarity were None and None"),
    ({"clusters": 2, "similarity": 0.5}, "were 2 and 0.5"),
    ({"clusters": 41}, "clusters was 41; allowed: 1 to 40, the rows"),
    ({"similarity": 1.0}, "similarity was 1.0"),
]


@pytest.mark.parametrize("how, said", CLUSTERS)
def test_clusters_that_cannot_be(how, said):
    with pytest.raises(ValueError, match=said):
        cluster(blobs(4, 10, 1.0)[0], **how)


def test_the_filter_drops_the_farthest_and_the_small():
    angle = np.deg2rad([0, 2, 4, 60, 90, 92, 94, 96, 180, 270])
    z = np.c_[np.cos(angle), np.sin(angle)]
    z = np.vstack([z, -z])  # so that the centre of all is zero
    y = np.array([4] * 4 + [2] * 4 + [7, -1] + [-1] * 10)
    kept = keep_sure(z, y, least=3, farthest=0.25)
    # 60 degrees is the farthest of cluster 4, now 1
    assert kept[3] == -1 and kept[:3].tolist() == [1, 1, 1]
    assert (kept[4:8] == 0).sum() == 3 and (kept[8:] == -1).all()
    assert set(keep_sure(z, y, least=4, farthest=0.25)) == {-1}
    assert keep_sure(z, y, least=1, farthest=0.0)[:9].tolist() == [1, 1, 1, 1, 0, 0, 0, 0, 2]


@pytest.mark.parametrize("least, farthest", [(0, 0.1), (3, 1.0), (3, -0.1)])
def test_a_filter_that_cannot_be(least, farthest):
    with pytest.raises(ValueError, match=f"least and farthest were {least} and {farthest}"):
        keep_sure(np.eye(3), [0, 0, 1], least=least, farthest=farthest)


def test_quality_by_hand():
    found = cluster_quality([0, 0, 0, 1, 1, -1, -1, -1], ["a", "a", "b", "b", "b", "a", "c", "d"])
    assert found["clusters"] == 2 and found["kept"] == 62.5 and found["purity"] == 80
    entropy = -(0.4 * math.log(0.4) + 0.6 * math.log(0.6))  # of either labelling
    joint = -(2 * 0.4 * math.log(0.4) + 0.2 * math.log(0.2))
    assert found["nmi"] == pytest.approx(100 * (2 * entropy - joint) / entropy)
    assert cluster_quality([0, 0, 0, 0, 1], list("aabcb"))["purity"] == 60
    none = cluster_quality([-1, -1], [0, 1])
    assert none["kept"] == 0 and math.isnan(none["purity"]) and math.isnan(none["nmi"])


def test_labels_must_be_numbers():
    with pytest.raises(
        ValueError, match="y was float64 with least 0.5; allowed: whole numbers from -1 up"
    ):
        cluster_quality(np.array([0.5, 1.0]), [0, 1])


class Trials(NamedTuple):
    target: np.ndarray
    a: np.ndarray
    b: np.ndarray


class Toy:
    """Speakers in 8 directions of 32, loud noise in the others, turned; a crop has noise of its
    own."""

    def __init__(self, speakers, each, seed, loud=0.7):
        g = torch.Generator().manual_seed(seed)
        self.y = torch.arange(speakers).repeat_interleave(each)
        self.voice = torch.randn(speakers, 8, generator=g)[self.y]
        self.noise = loud * torch.randn(len(self.y), 24, generator=g)
        self.turn = torch.linalg.qr(
            torch.randn(32, 32, generator=torch.Generator().manual_seed(7))
        )[0]

    def inputs(self, rows=slice(None), voice=0.0, noise=0.0):
        return torch.cat([self.voice[rows] + voice, self.noise[rows] + noise], 1) @ self.turn

    def crops(self, rows, generator):
        voice, noise = (0.7 * torch.randn(len(rows), d, generator=generator) for d in (8, 24))
        return self.inputs(rows, voice, noise)

    def trials(self):
        a, b = np.triu_indices(len(self.y), 1)
        return Trials(self.y.numpy()[a] == self.y.numpy()[b], a, b)


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(32, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 16)
    )


SHORT = dict(stages=(Stage(4, 0.1, False), Stage(8, 0.05, True)), each=2, warmup=4)


@pytest.mark.parametrize("seed", [0, 1])
def test_rounds_find_hidden_speakers_from_weak_embeddings(seed):
    toy, new = Toy(20, 20, seed, loud=0.5), Toy(15, 8, seed + 100, loud=0.5)
    trials = new.trials()
    table = pseudo_rounds(
        network(seed),
        lambda e: e(toy.inputs()),
        toy.crops,
        16,
        clusters=20,
        truth=toy.y,
        seed=seed,
        measure=lambda e, z, y: verify(e(new.inputs()), trials),
        **SHORT,
    )
    first, *_, last = table
    assert [row["round"] for row in table] == [0, 1, 2]
    assert last["purity"] > first["purity"] + 10 and last["nmi"] > first["nmi"] + 10
    assert last["eer"] < 0.8 * first["eer"] and first["kept_purity"] > first["purity"]


def test_rounds_without_hidden_labels_say_how_many_clusters():
    toy = Toy(6, 10, 0)
    (row,) = pseudo_rounds(
        network(), lambda e: e(toy.inputs()), toy.crops, 16, rounds=0, clusters=6
    )
    assert set(row) == {"round", "clusters", "kept", "kept_clusters"} and row["clusters"] == 6


def test_rounds_on_embeddings_that_are_all_alike_train_nothing():
    toy, encoder = Toy(6, 10, 0), network()
    before = everything(encoder)
    table = pseudo_rounds(
        encoder, lambda e: np.ones((60, 16)), toy.crops, 16, rounds=2, clusters=6, truth=toy.y
    )
    assert [row["kept_clusters"] for row in table] == [1, 1, 1] and torch.equal(
        everything(encoder), before
    )


def everything(module):
    """All weights and buffers in one vector."""
    return torch.cat(
        [p.detach().flatten().double() for p in [*module.parameters(), *module.buffers()]]
    )


def tuned(seed, y=None, **options):
    toy, encoder = Toy(6, 10, 0), network()
    losses = fine_tune(
        encoder, toy.crops, toy.y if y is None else y, 16, seed=seed, batch=32, **(SHORT | options)
    )
    return losses, everything(encoder)


def test_fine_tuning_depends_on_its_seed_alone():
    losses, weights = tuned(3)
    encoder, toy = network(), Toy(6, 10, 0)
    torch.manual_seed(77)  # dropout must not draw from here
    before = torch.get_rng_state()
    again = fine_tune(encoder, toy.crops, toy.y, 16, seed=3, batch=32, **SHORT)
    assert torch.equal(torch.get_rng_state(), before) and not encoder.training
    assert (
        losses == again
        and torch.equal(weights, everything(encoder))
        and not torch.equal(tuned(4)[1], weights)
    )


def test_the_head_comes_first_and_the_encoder_then():
    start = everything(network())
    head, weights = tuned(0, stages=(Stage(5, 0.1, False),), margin=0.0)
    assert torch.equal(weights, start) and head[-1] < head[0] and len(head) == 5
    both, weights = tuned(0, stages=(Stage(5, 0.1, False), Stage(5, 0.05, True)), margin=0.0)
    assert both[:5] == head and both[-1] < head[-1] and not torch.equal(weights, start)
    assert sum(stage.epochs for stage in STAGES) == 100 and not STAGES[0].whole


def test_rows_left_out_are_never_drawn_and_classes_are_drawn_alike():
    toy, seen = Toy(3, 100, 0), []
    y = toy.y.clone()
    y[10:100], y[150:200] = -1, -1

    def crops(rows, generator):
        seen.append(rows)
        return toy.crops(rows, generator)

    fine_tune(network(), crops, y, 16, stages=(Stage(8, 0.1, False),))
    drawn = y[torch.cat(seen)]
    assert (drawn >= 0).all() and len(drawn) == 8 * (160 * 6 // 64) * 64
    assert drawn.bincount().min() > 0.3 * len(drawn)


def test_labels_that_cannot_be_trained_on():
    with pytest.raises(ValueError, match="y had 1 classes among 60 rows"):
        tuned(0, y=np.zeros(60, int))
    with pytest.raises(RuntimeError, match="the loss was nan in epoch"):
        tuned(0, stages=(Stage(3, 1e30, True),))
