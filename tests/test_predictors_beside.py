"""Rules that are worked out beside a device: of moments averaged over processes, and on a device
that is not the one that is set."""

import contextlib

import pytest
import torch
from fake_cuda import Valued, move, there
from test_fake_cuda import InTurn

from ncssl.nn import DirectPred, Optimal, deferred
from ncssl.nn.rules import direct_pred

D = 8
OTHERS = torch.diag(torch.arange(1.0, D + 1))  # the moment of the other process


@pytest.fixture
def two_processes(monkeypatch):
    """This one, and another whose moment is OTHERS."""
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda x: x.add_(OTHERS.to(x.device)))
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)


@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize("on_device", [False, True])
def test_the_rule_is_of_the_averaged_moment(on_device, by_hand, two_processes, monkeypatch):
    monkeypatch.setattr(deferred, "_worker", InTurn())
    z = torch.randn(32, D, generator=torch.Generator().manual_seed(0))
    predictor = DirectPred(D)
    mode = Valued() if on_device else contextlib.nullcontext()
    if on_device:
        monkeypatch.setitem(globals(), "OTHERS", there(mode, OTHERS))
        predictor, z = move(mode, predictor), there(mode, z)
    with mode:
        predictor.observe([z])
        if by_hand:
            torch.distributed.all_reduce(predictor.C)
            predictor.C /= torch.distributed.get_world_size()
        else:
            predictor.average()
        predictor.follow()
        W, C = predictor.matrix(), predictor.C
    if on_device:
        W, C = W.value, C.value
    torch.testing.assert_close(W, direct_pred(C, eps=0.1, eps_form="code", shift=0.0))


def test_both_moments_of_the_optimal_predictor_are_averaged(two_processes):
    predictor, z = Optimal(D), list(torch.randn(2, 32, D))
    predictor.observe(z, z)
    before = [m.clone() for m in predictor.moments()]
    predictor.average()
    for was, now in zip(before, predictor.moments(), strict=True):
        torch.testing.assert_close(now, (was + OTHERS) / 2)


def test_the_optimal_predictor_asks_for_another_views_target():
    z = list(torch.randn(2, 32, D))
    for views, targets in (([z[0]], []), ([z[0]], [z[0]]), (z, [])):
        with pytest.raises(ValueError, match="allowed: two or more views"):
            Optimal(D).observe(views, targets)


def test_the_event_is_of_the_device_of_the_tensors(monkeypatch):
    set_, recorded = [0], []

    @contextlib.contextmanager
    def device(which):
        set_.append(which.index)
        yield
        set_.pop()

    class Event:
        def record(self):
            recorded.append(set_[-1])

        def synchronize(self):
            pass

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device", device)
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(deferred, "_worker", InTurn())
    with Valued():
        x = torch.ones(3, device="cuda:1")
        assert deferred.deferred(lambda given: given.sum().item(), x).result() == 3.0
    assert recorded == [1]
