"""The benchmark runs, measures what it says and cleans up after itself. Nothing here asserts on
speed."""

import json
import multiprocessing
import os
from types import SimpleNamespace

import numpy as np
import pytest

from ncssl import bench
from ncssl.bench import ours, theirs, timing, transforms
from ncssl.errors import UnknownName

TINY = bench.Size(
    batch=8,
    width=4,
    hidden=16,
    d=8,
    warmup=1,
    steps=2,
    repetitions=2,
    images="random",
    predictors=(8,),
    trajectories=20,
    loop=2,
    sample=2,
    million=50,
    clips=2,
    spoken=4,
    voices=8,
    changed=(("batch", 8), ("width", 4), ("hidden", 16), ("d", 8)),
    memory=False,
)


SLOW = ("speech_step",)  # synthetic voices, and workers of a DataLoader


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n in SLOW)) for n in bench.PARTS]
)
def test_every_part_measures(name):
    result = bench.measure((name,), TINY)
    assert list(result["parts"]) == [name] and result["machine"]["cores"] >= 1
    made = json.loads(json.dumps(result))["parts"][name]
    measured = [row for row in made["rows"] if row["median"] is not None]
    # the step is compared with lightly alone, watching with nothing
    assert measured and (made["ratios"] or name == "watch" or not theirs.has_lightly())
    for row in [*measured, *made["ratios"]]:
        assert 0 < row["low"] <= row["median"] <= row["high"] < np.inf
    assert all(
        row["why"].startswith("not measured") for row in made["rows"] if row["median"] is None
    )
    assert all(
        name in bench.text(result) for name in [made["title"], *(r["name"] for r in made["ratios"])]
    )
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("name", ["laptop", "torchvision", "augment", "theory"])
def test_ratios_are_ours_over_theirs_turn_by_turn(name):
    made = bench.measure((name,), TINY)["parts"][name]
    values = {
        row["name"]: row["values"]
        for row in made["rows"]
        if row["unit"] in ("images/s", "trajectories/s")
    }
    for ratio in made["ratios"]:
        left, right = ratio["name"].split(" / ")
        assert left.startswith("ours") and not right.startswith("ours")
        assert ratio["values"] == [a / b for a, b in zip(values[left], values[right], strict=True)]


def test_an_unknown_part_is_refused_before_anything_runs(monkeypatch):
    monkeypatch.setitem(bench.PARTS, "theory", lambda size: pytest.fail("ran"))
    with pytest.raises(
        UnknownName, match="unknown part of the benchmark 'thoery'.*did you mean 'theory'"
    ):
        bench.measure(("theory", "thoery"))


def test_without_lightly_the_others_are_still_measured(monkeypatch):
    monkeypatch.setattr(theirs, "has_lightly", lambda: False)
    for name, rows in (("step", ["ours, float32"]), ("augment", ["ours", "torchvision"])):
        result = bench.measure((name,), TINY)
        made = {row["name"]: row for row in result["parts"][name]["rows"]}
        assert made["lightly"]["median"] is None and all(made[row]["median"] > 0 for row in rows)
        assert "lightly: not measured (pip install 'ncssl[bench]')" in bench.text(result)


def test_main_prints_one_json_object_or_text(monkeypatch, capsys):
    made = timing.part(
        "Parts",
        [timing.row("ours", "images/s", [3.0, 1.0, 2.0])],
        [timing.ratio("r", [3.0], [2.0], 2)],
    )
    monkeypatch.setattr(
        bench, "PARTS", {"one": lambda size: made, "two": lambda size: pytest.fail("not asked for")}
    )
    bench.main(("one",), as_json=True)
    printed = json.loads(capsys.readouterr().out)
    assert printed["parts"]["one"]["rows"][0] | {"unit": ""} == {
        "name": "ours",
        "unit": "",
        "median": 2.0,
        "low": 1.0,
        "high": 3.0,
        "values": [3.0, 1.0, 2.0],
    }
    bench.main(("one",))
    out = capsys.readouterr().out
    assert "2 images/s  (1 to 3)" in out and "1.5 x  (1.5 to 1.5)  goal 2" in out


def test_contenders_take_turns():
    order = []
    values = timing.turns(
        {name: lambda name=name: order.append(name) or len(order) for name in "ab"}, 3, ""
    )
    assert order == list("ababab") and values == {"a": [1, 3, 5], "b": [2, 4, 6]}


def clock(monkeypatch, module):
    """A clock that only moves by hand: a list of one number."""
    hands = [0.0]
    monkeypatch.setattr(module, "now", lambda device="cpu": hands[0])
    return hands


def test_warm_up_is_left_out_of_our_loop(monkeypatch):
    hands = clock(monkeypatch, ours)
    seconds = [100.0, 50.0, 2.0, 1.0, 1.0]  # of the steps

    def epoch(run, tick):
        for s in seconds:
            hands[0] += s
            tick()

    monkeypatch.setattr(ours.loop, "train_epoch", epoch)
    run = SimpleNamespace(device="cpu", recipe=SimpleNamespace(batch=8))
    assert ours.speed(run, 2, 3) == 3 * 8 / 4.0


@pytest.fixture(scope="module")
def run():
    return ours.start(TINY, ("float32",), "cpu")[0]["float32"]


def test_warm_up_is_left_out_of_their_loop_and_waiting_is_counted(monkeypatch, run):
    hands = clock(monkeypatch, theirs)
    seconds = iter([100.0, 2.0, 4.0])  # to load each batch

    class Slow:
        def __init__(self, iterator):
            self.iterator = iterator

        def __next__(self):
            hands[0] += next(seconds)
            return next(self.iterator)

        def _shutdown_workers(self):
            self.iterator._shutdown_workers()

    loss = theirs.torch_loss

    def slow_loss(p, z):
        hands[0] += 1.0  # twice a step
        return loss(p, z)

    monkeypatch.setattr(theirs, "iter", lambda loader: Slow(loader.__iter__()), raising=False)
    waits = []
    rate = theirs.speed(run, transforms.torchvisions(run), slow_loss, waits, 1, 2)
    assert rate == 2 * 8 / 10.0 and waits == [0.6]


def test_both_sides_have_the_same_images_network_and_step(run, monkeypatch):
    """With the same views their loss and parameters after a step are ours, up to rounding."""
    import torch

    from ncssl.train import loop, tasks

    fixed = [torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(i)) for i in range(2)]
    them = []

    class Once:
        def __next__(self):
            return fixed, None

        def _shutdown_workers(self):
            pass

    monkeypatch.setattr(theirs, "iter", lambda loader: Once(), raising=False)
    mine = ours.start(TINY, ("float32",), "cpu")[0]["float32"]
    network = theirs.network
    monkeypatch.setattr(theirs, "network", lambda run: them.append(network(run)) or them[0])
    theirs.speed(mine, transforms.torchvisions(mine), theirs.torch_loss, [], 0, 1)
    views = iter(fixed)
    monkeypatch.setattr(tasks, "augment", lambda *args, **kwargs: next(views))
    mine.model.train()
    loop.train_step(mine, torch.arange(8), 0)
    for a, b in zip(mine.model.parameters(), them[0].parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)
    assert all(p.is_contiguous() for p in them[0].parameters())


def test_random_images_leave_nothing_behind(monkeypatch):
    monkeypatch.setenv("NCSSL_CACHE", "as it was")
    with ours.random_folder(6) as folder:
        assert (
            len(list(folder.rglob("train/*/*.png"))) == 6
            and os.environ["NCSSL_CACHE"] != "as it was"
        )
    assert not folder.exists() and os.environ["NCSSL_CACHE"] == "as it was"


def test_workers_stop_with_the_block(run):
    """Even while somebody still holds the iterator: they must not take time from whoever is
    measured next."""
    with theirs.batches(run, transforms.torchvisions(run), 2) as loader:
        (x0, x1), _ = next(loader)
        assert len(multiprocessing.active_children()) == theirs.WORKERS
    assert multiprocessing.active_children() == [] and loader is not None
    assert x0.shape == x1.shape == (8, 3, 32, 32) and not (x0 == x1).all()


def test_their_pictures_are_the_images_of_the_run(run):
    arrays = run.data.train.images.permute(0, 2, 3, 1).numpy()
    pictures = theirs.Pictures(arrays, 1000, np.asarray)
    assert len(pictures) == 1000 and (pictures[len(arrays) + 3][0] == arrays[3]).all()


def test_what_bounds_a_step_is_the_larger_share():
    seconds = {
        "augmentation": 0.01,
        "network forward": 0.04,
        "network backward": 0.05,
        "optimiser": 0.0,
    }
    assert ours.bound(seconds).endswith("bounded by the network")
    assert "augmentation 10 ms (10 %)" in ours.bound(seconds)
    assert ours.bound(seconds | {"augmentation": 1.0}).endswith("bounded by the augmentation")


def test_cuda_is_measured_only_where_it_is(monkeypatch):
    asked = []

    def measure(device):
        asked.append(device)
        return timing.part("t", [timing.row("ours", "images/s", [1.0])], [], ["note"])

    monkeypatch.setattr(timing.torch.cuda, "is_available", lambda: False)
    assert timing.on_devices(measure)["notes"] == ["note", timing.NO_CUDA] and asked == ["cpu"]
    monkeypatch.setattr(timing.torch.cuda, "is_available", lambda: True)
    assert [r["name"] for r in timing.on_devices(measure)["rows"]] == ["ours", "CUDA: ours"]
    assert asked[1:] == ["cpu", "cuda"]


def test_what_the_encoder_multiplies(run):
    """conv4 of width 4 at 32 x 32: 3 x 3 kernels, widths 4 to 32, sides 32, 16, 8, 4."""
    sides, widths = [32, 16, 8, 4], [3, 4, 8, 16, 32]
    by_hand = sum(
        9 * a * b * side**2 for a, b, side in zip(widths, widths[1:], sides, strict=False)
    )
    assert ours.multiply_adds(run) == by_hand


def test_the_share_of_the_matmul_rate(run, monkeypatch):
    """Two views forward and backward are six forwards; a target adds two."""
    monkeypatch.setattr(ours, "multiply_adds", lambda run: 1e6)
    monkeypatch.setattr(ours, "matmul_rate", lambda device, precision: 1e9)
    assert ours.reached(run, 100.0).startswith("60 % of a plain matmul's rate (2 GFLOP/s)")
    byol = ours.start(TINY, ("float32",), "cpu", "byol")[0]["float32"]
    assert ours.reached(byol, 100.0).startswith("80 %")


def test_their_momentum_network_follows_and_ours_is_not_touched(monkeypatch):
    import torch

    byol, them = ours.start(TINY, ("float32",), "cpu", "byol")[0]["float32"], []
    network = theirs.network
    monkeypatch.setattr(theirs, "network", lambda run: them.append(network(run)) or them[0])
    before = [w.clone() for w in byol.model.target.parameters()]
    theirs.speed(byol, transforms.torchvisions(byol), theirs.torch_loss, [], 0, 1)
    online = [*them[0].encoder.parameters(), *them[0].projector.parameters()]
    for old, new, target in zip(before, online, them[0].target.parameters(), strict=True):
        torch.testing.assert_close(target, 0.996 * old + 0.004 * new)
    assert all((a == b).all() for a, b in zip(before, byol.model.target.parameters(), strict=True))
