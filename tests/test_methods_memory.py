"""Heads that remember: queues, prototypes, the centre of DINO and its numbers."""

import dataclasses
import math

import pytest
import torch
from method_nets import net, views
from torch.nn.functional import normalize

from ncssl import losses
from ncssl.nn import Centre, KeyQueue, PrototypeHead, Prototypes


def test_queue_is_first_in_first_out():
    head, keys = KeyQueue(4, size=5), [torch.randn(2, 4) for _ in range(8)]
    for a, b in zip(keys[::2], keys[1::2], strict=True):
        head.observe([], [a, b])
        head.follow()
    for view in range(2):
        last = normalize(torch.cat(keys[view::2])[-5:])
        assert sorted(head.queue[view].tolist()) == sorted(last.tolist())
    with pytest.raises(ValueError, match="queue was 5; allowed: at least a batch, 6"):
        head.observe([], [torch.randn(6, 4)] * 2)


def test_prototypes_stay_on_the_sphere_and_stand_still_at_first():
    head = Prototypes(4, 6, frozen=0.5)
    with torch.no_grad():
        head.weight.mul_(3)
    head.follow()
    torch.testing.assert_close(head.weight.norm(dim=1), torch.ones(6))
    for progress, moves in ((0.4, False), (0.6, True)):
        head.progress = progress
        z = torch.randn(3, 4, requires_grad=True)
        head(z).square().sum().backward()
        assert (head.weight.grad is not None) == moves and z.grad.abs().sum() > 0
        assert head(z).detach().abs().max() <= 1 + 1e-6


def test_prototype_queue_joins_when_it_is_full():
    head = Prototypes(4, 6, queue=4, queue_from=0.3)
    first = [torch.randn(2, 4), torch.randn(2, 4)]
    for progress, rows in ((0.0, 0), (0.3, 0), (0.4, 4)):
        head.progress = progress
        head.observe(first)
        head.follow()
        assert len(head.remembered(0)) == rows
    torch.testing.assert_close(head.remembered(1)[:2], head(first[1]).detach())


def test_prototype_head_of_dino():
    head = PrototypeHead(5, 7, 4, 9, frozen=0.2)
    assert head(torch.randn(3, 5)).abs().max() <= 1 + 1e-6  # cosines with prototypes of length one
    head(torch.randn(3, 5)).square().sum().backward()
    assert head.prototypes.grad is None
    head.progress = 0.3
    head(torch.randn(3, 5)).square().sum().backward()
    assert head.prototypes.grad.abs().sum() > 0


def test_centre_follows_the_teacher():
    head, t = Centre(3, keep=0.9), [torch.full((2, 3), 1.0), torch.full((2, 3), 3.0)]
    head.observe([], t)
    assert head.centre.abs().sum() == 0  # the loss of this step sees the old one
    head.follow()
    torch.testing.assert_close(head.centre, torch.full((3,), 0.2))
    head.eval().observe([], t)
    head.follow()
    torch.testing.assert_close(head.centre, torch.full((3,), 0.2))


def dino_net(k=20, **options):
    return net("dino", {"prototypes": k, **options})


def test_separate_views_of_teacher_and_student():
    """The student's views are only those the teacher does not see: the mean over 2 x 3 pairs."""
    model, x = dino_net(separate=True), views() + [v[:, :, :5, :5] for v in views(1, 3)]
    again = dino_net()
    t = [again.target(v) for v in x[:2]]
    pairs = [
        losses.distillation(again.projector(again.encoder(v)), u, torch.zeros(20))
        for v in x[2:]
        for u in t
    ]
    assert model(x, 0.5).item() == pytest.approx(sum(pairs).item() / 6, rel=1e-4)
    with pytest.raises(
        ValueError, match="separate was True; allowed: with more than 2 views, not 2"
    ):
        model(x[:2], 0.5)


def test_first_weights_of_the_head():
    torch.manual_seed(0)
    head = PrototypeHead(64, 128, 32, 9, std=0.02)
    for layer in (m for m in head.net if isinstance(m, torch.nn.Linear)):
        assert layer.weight.std().item() == pytest.approx(0.02, rel=0.05) and not layer.bias.any()
    torch.testing.assert_close(head.prototypes.norm(dim=1), torch.ones(9))


def test_numbers_that_tell_collapse_are_means_over_the_steps():
    model, slow = dino_net(), []
    assert set(model.predictor.numbers().values()) == {None}
    for i in range(3):
        x = views(i)
        with torch.no_grad():
            p = [model.projector(model.encoder(v)).div(0.1).log_softmax(1) for v in x]
            t = [model.target(v).sub(model.predictor.centre).div(0.04).softmax(1) for v in x]
        entropy = -sum((v * v.log()).sum(1).mean() for v in t) / 2
        divergence = sum((t[i] * (t[i].log() - p[1 - i])).sum(1).mean() for i in range(2)) / 2
        slow.append((entropy.item(), divergence.item(), (t[0].mean(0) + t[1].mean(0)) / 2))
        model(x, 0.5).backward()
        model.follow(0.5)
    mean = sum(s[2] for s in slow) / 3
    expected = {
        "teacher_entropy": sum(s[0] for s in slow) / 3,
        "teacher_mean_entropy": -(mean * mean.log()).sum().item(),
        "teacher_student_kl": sum(s[1] for s in slow) / 3,
    }
    assert model.state_dict()["predictor.sums"][0] == 3  # in the checkpoint, so resuming loses none
    assert model.predictor.numbers() == pytest.approx(expected, rel=1e-3)
    assert set(model.predictor.numbers().values()) == {None}, (
        "asked for once, the count starts over"
    )
    model.eval()(views(), 0.5)
    assert set(model.predictor.numbers().values()) == {None}, "only training counts"


@pytest.mark.parametrize("output, entropies", [("sharp", 0.0), ("uniform", math.log(20))])
def test_numbers_of_the_two_collapses(output, entropies):
    head, same = Centre(20), torch.full((6, 20), 1 / 20)
    if output == "sharp":
        same = torch.eye(20)[3].expand(6, -1)
    head.note([same, same], torch.special.entr(same).sum(1).mean())
    numbers = head.numbers()
    assert numbers["teacher_student_kl"] == pytest.approx(0, abs=1e-6)
    assert [numbers[f"teacher_{n}"] for n in ("entropy", "mean_entropy")] == pytest.approx(
        [entropies] * 2, abs=1e-5
    )
    distinct = torch.eye(20)[:6]
    head.note([distinct], torch.tensor(1.0))
    assert head.numbers() == pytest.approx(
        {"teacher_entropy": 0.0, "teacher_mean_entropy": math.log(6), "teacher_student_kl": 1.0},
        abs=1e-5,
    )


def test_younger_options_of_dino_change_no_id():
    from ncssl.recipes import recipe

    now = recipe("dino")
    options = {k: v for k, v in now.options.items() if k not in ("head_std", "separate")}
    assert dataclasses.replace(now, options=options).id == now.id
    assert recipe("dino", options={"separate": True}).id != now.id
