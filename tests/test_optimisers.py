"""Optimisers: groups with their rates and decay, LARS, the schedule."""

import pytest
import torch
from small_siamese import net, step, views

from ncssl.errors import UnknownName
from ncssl.recipes import recipe
from ncssl.train.optim import LARS, lr_factor, optimiser


def test_vectors_may_go_without_weight_decay():
    model = net(
        "byol",
        predictor="linear",
        predictor_bias=True,
        predictor_lr=10.0,
        predictor_weight_decay=0.3,
    )
    groups = model.groups(0.1, 0.2, decay_vectors=False)
    seen = {(g["lr"], g["weight_decay"], w.ndim > 1) for g in groups for w in g["params"]}
    assert seen == {(0.1, 0.2, True), (1.0, 0.3, True), (0.1, 0.0, False), (1.0, 0.0, False)}
    every = [id(w) for g in groups for w in g["params"]]
    assert sorted(every) == sorted(id(w) for g in model.groups(0.1, 0.2) for w in g["params"])


def test_predictor_has_its_own_rate_and_decay():
    groups = {
        g["name"]: g
        for g in net("byol", predictor_lr=10.0, predictor_weight_decay=0.0).groups(0.1, 1e-3)
    }
    assert groups["trunk"]["lr"] == 0.1 and groups["predictor"]["lr"] == pytest.approx(1.0)
    assert groups["trunk"]["weight_decay"] == 1e-3 and groups["predictor"]["weight_decay"] == 0.0


def test_lars_scales_matrices_by_their_trust_ratio():
    w, b = torch.nn.Parameter(torch.full((2, 2), 2.0)), torch.nn.Parameter(torch.ones(2))
    w.grad, b.grad = torch.full((2, 2), 0.5), torch.full((2,), 0.5)
    LARS(
        [{"params": [w, b], "weight_decay": 0.1}],
        lr=1.0,
        momentum=0.0,
        weight_decay=0.0,
        trust=0.01,
    ).step()
    g = 0.5 + 0.1 * 2.0
    torch.testing.assert_close(w.detach(), torch.full((2, 2), 2.0 - 0.01 * (4.0 / (2 * g)) * g))
    torch.testing.assert_close(b.detach(), torch.full((2,), 0.5))


def test_lars_scales_the_gradients_of_a_closure_too():
    found = []
    for closed in (False, True):
        w = torch.nn.Parameter(torch.full((2, 2), 3.0))
        opt = LARS(
            [{"params": [w], "weight_decay": 0.1}],
            lr=1.0,
            momentum=0.0,
            weight_decay=0.0,
            trust=0.01,
        )

        def closure(w=w, opt=opt):
            opt.zero_grad()
            loss = w.square().sum()
            loss.backward()
            return loss

        assert closed or closure() == 36.0
        assert opt.step(closure if closed else None) == (36.0 if closed else None)
        found.append(w.detach())
    assert found[0].equal(found[1])


def test_hooks_of_a_step_run_once_and_see_the_gradients_of_the_loss():
    torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)  # puts torch's hooks on its step
    w = torch.nn.Parameter(torch.full((2, 2), 3.0))
    opt, seen = LARS([w], lr=1.0, momentum=0.9, weight_decay=0.1), []
    opt.register_step_post_hook(lambda *_: seen.append(w.grad.clone()))
    for _ in range(2):
        opt.zero_grad()
        w.sum().backward()
        opt.step()
    assert len(seen) == 2 and all(g.equal(torch.ones(2, 2)) for g in seen)


@pytest.mark.parametrize("name", ["adam", "amsgrad"])
def test_a_momentum_that_would_be_ignored_is_refused(name):
    assert recipe("byol", optimiser=name).momentum == 0.9
    with pytest.raises(ValueError, match=f"momentum was 0.5; allowed: 0.9, since {name} has none"):
        recipe("byol", optimiser=name, momentum=0.5)


@pytest.mark.parametrize("name", ["sgd", "lars", "adam"])
def test_optimisers_keep_the_groups_rates(name):
    model = net("byol", predictor_lr=2.0)
    opt = optimiser(name, model.groups(0.1, 1e-3), momentum=0.9)
    assert [g["lr"] for g in opt.param_groups] == [0.1, 0.2]
    step(model, opt, views())
    assert [g["weight_decay"] for g in opt.param_groups] == [1e-3, 1e-3]
    with pytest.raises(UnknownName, match="sgd"):
        optimiser("sdg", model.groups(0.1, 0.0), momentum=0.9)


def test_rate_warms_up_then_falls_to_zero():
    assert [lr_factor(i, 10, 4, "constant") for i in (0, 3, 4, 9)] == [0.25, 1.0, 1.0, 1.0]
    assert lr_factor(4, 10, 4, "cosine") == 1.0 and lr_factor(7, 10, 4, "cosine") == pytest.approx(
        0.5
    )
    assert lr_factor(10, 10, 4, "cosine") == pytest.approx(0.0)
