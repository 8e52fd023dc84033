"""Losses, heads, methods and the step, against closed forms and slow recomputation."""

import copy
import re

import numpy as np
import pytest
import torch
from small_siamese import net, step, views
from torch.nn.functional import normalize

from ncssl import losses
from ncssl.errors import UnknownName
from ncssl.methods import METHODS, make
from ncssl.model import Siamese
from ncssl.nn import ClosedForm, Linear, backbone, deferred, direct_pred

VARIANTS = [
    ("simsiam", {}),
    ("simsiam", {"predictor": "linear", "predictor_bias": True}),
    ("simsiam", {"predictor": "none"}),
    ("simsiam", {"stop_gradient": False}),
    ("byol", {}),
    ("byol", {"keep_schedule": "cosine", "predictor_lr": 10.0}),
    (
        "byol",
        {
            "predictor": "linear",
            "symmetric_predictor": True,
            "keep": 0.0,
            "predictor_weight_decay": 0.0,
        },
    ),
    ("directpred", {}),
    ("directpred", {"freq": 5}),
    ("directpred", {"eps_form": "paper", "shift": 0.01}),
    ("directpred", {"keep": 0.0, "stop_gradient": False}),
]


@pytest.fixture(
    params=VARIANTS,
    ids=lambda v: f"{v[0]}-{'-'.join(f'{k}={x}' for k, x in v[1].items()) or 'default'}",
)
def variant(request):
    return request.param


def test_losses_closed_forms():
    z = torch.randn(7, 5)
    assert losses.cosine(z, 3 * z).item() == pytest.approx(-1)
    assert losses.normalised_mse(z, -z).item() == pytest.approx(4)
    a, b = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 2.0]])
    assert losses.normalised_mse(a, b).item() == pytest.approx(2)
    assert losses.euclidean(a, b).item() == pytest.approx(2.5)
    p, t = torch.randn(7, 5), torch.randn(7, 5)
    assert losses.normalised_mse(p, t).item() == pytest.approx(
        (normalize(p) - normalize(t)).square().sum(-1).mean().item(), rel=1e-5
    )


def test_step_reads_as_the_papers_say(variant):
    """The engine's loss is the pairwise formula written out slowly, from the same modules."""
    name, options = variant
    model, x = net(name, **options), views()
    again = copy.deepcopy(model)
    z = [again.projector(again.encoder(v)) for v in x]
    t = z if again.target is None else [again.target(v) for v in x]
    p = [again.predictor(v) for v in z]
    cos = [(normalize(p[i]) * normalize(t[1 - i])).sum(-1).mean() for i in range(2)]
    expected = -(cos[0] + cos[1]) / 2 if name == "simsiam" else (2 - 2 * cos[0]) + (2 - 2 * cos[1])
    assert model(x).item() == pytest.approx(expected.item(), abs=2e-6)


def test_gradient_reaches_exactly_the_trainable_parameters(variant):
    name, options = variant
    model = net(name, **options)
    model(views()).backward()
    reached = {
        n for n, w in model.named_parameters() if w.grad is not None and w.grad.abs().sum() > 0
    }
    expected = {n for n, w in model.named_parameters() if w.requires_grad}
    assert reached == expected
    assert not any(n.startswith("target") for n in reached)
    grouped = {id(w) for g in model.groups(0.1, 1e-4) for w in g["params"]}
    assert grouped == {id(w) for w in model.parameters() if w.requires_grad}


def test_resume_is_exact(variant):
    name, options = variant
    model = net(name, **options)
    opt = torch.optim.SGD(model.groups(0.05, 1e-4), momentum=0.9)
    for i in range(3):
        step(model, opt, views(i))
    saved = copy.deepcopy((model.state_dict(), opt.state_dict()))
    onward = [step(model, opt, views(i)) for i in range(3, 9)]
    other = net(name, seed=1, **options)
    other_opt = torch.optim.SGD(other.groups(0.05, 1e-4), momentum=0.9)
    other.load_state_dict(saved[0])
    other_opt.load_state_dict(saved[1])
    assert [step(other, other_opt, views(i)) for i in range(3, 9)] == onward


@pytest.mark.parametrize(
    "name, options", [("directpred", {}), ("directpred", {"freq": 3}), ("isoloss", {})]
)
def test_a_rule_that_is_deferred_gives_the_same_numbers(name, options, monkeypatch):
    """What a CUDA device does, forced on the CPU: also across a copy, and a state dict taken before
    the answer came."""

    def run():
        model = net(name, **options)
        opt = torch.optim.SGD(model.groups(0.05, 0.0), momentum=0.9)
        losses = [step(model, opt, views(i)) for i in range(4)]
        saved = copy.deepcopy(model).state_dict()
        losses += [step(model, opt, views(i)) for i in range(4, 7)]
        model.load_state_dict(saved)
        return losses + [step(model, opt, views(i)) for i in range(7, 9)], model.state_dict()

    in_turn, threads = run(), []
    monkeypatch.setattr(ClosedForm, "deferring", ClosedForm.decomposes)
    real = deferred.deferred
    monkeypatch.setattr(deferred, "deferred", lambda *a: threads.append(1) or real(*a))
    losses, state = run()
    assert len(threads) == 9 // options.get("freq", 1)
    assert losses == in_turn[0] and all((state[k] == v).all() for k, v in in_turn[1].items())


def test_stop_gradient_is_the_only_difference():
    """Without it the gradient is that of the full loss; with it, that of the loss with constant
    targets."""
    x = views()
    grads = {}
    for stop in (True, False):
        model = net("simsiam", predictor="linear", stop_gradient=stop)
        model(x).backward()
        grads[stop] = torch.cat([w.grad.flatten() for w in model.encoder.parameters()])
    assert (grads[True] - grads[False]).norm() > 0.1 * grads[False].norm()
    model = net("simsiam", predictor="linear")
    fixed = [model.projector(model.encoder(v)).detach() for v in x]
    p = [model.predictor(model.projector(model.encoder(v))) for v in x]
    (losses.cosine(p[0], fixed[1]) / 2 + losses.cosine(p[1], fixed[0]) / 2).backward()
    slow = torch.cat([w.grad.flatten() for w in model.encoder.parameters()])
    torch.testing.assert_close(grads[True], slow, rtol=1e-4, atol=1e-6)


def test_target_follows_by_the_weight_of_the_past():
    model = net("byol", keep=0.9)
    with torch.no_grad():
        for w in model.encoder.parameters():
            w.add_(1.0)
    before = [w.clone() for w in model.target.parameters()]
    model.follow()
    online = [*model.encoder.parameters(), *model.projector.parameters()]
    for w, old, new in zip(model.target.parameters(), before, online, strict=True):
        torch.testing.assert_close(w, 0.9 * old + 0.1 * new)


@pytest.mark.parametrize("progress, keep", [(0.0, 0.996), (0.5, 0.998), (1.0, 1.0)])
def test_keep_schedule_of_byol(progress, keep):
    """grill2020: tau is .996, .998, 1 at the start, the middle and the end."""
    assert make("byol", keep_schedule="cosine").keep_at(progress) == pytest.approx(keep)
    assert make("byol").keep_at(progress) == 0.996


@pytest.mark.parametrize(
    "form, expected", [("paper", (1, 0.5833, 0.375, 0.2083)), ("code", (1, 0.5455, 0.3182, 0.1364))]
)
def test_direct_pred_both_places_of_eps(form, expected):
    """s = (4, 1, .25, .01), eps = .1: p / p_max of the paper's and of the code's form."""
    U = torch.linalg.qr(torch.randn(4, 4, dtype=torch.float64))[0]
    C = U @ torch.diag(torch.tensor([4, 1, 0.25, 0.01], dtype=torch.float64)) @ U.T
    W = direct_pred(C, eps=0.1, eps_form=form)
    p = torch.linalg.eigvalsh(W).flip(0)
    np.testing.assert_allclose(p / p[0], expected, atol=5e-5)
    torch.testing.assert_close(W @ C, C @ W)


def test_direct_pred_forms_agree_at_unit_spectral_norm():
    A = torch.randn(6, 6, dtype=torch.float64)
    C = A @ A.T
    C /= torch.linalg.eigvalsh(C)[-1]
    torch.testing.assert_close(
        direct_pred(C, 0.2, "code", 0.05), direct_pred(C, 0.2, "paper", 0.05)
    )


def test_closed_form_sees_the_past_and_moves_after_the_step():
    head = ClosedForm(4, direct_pred, rho=0.3, freq=2)
    z1, z2 = torch.randn(10, 4), torch.randn(10, 4)
    start = head.matrix().clone()
    head.observe([z1])
    head.follow()
    torch.testing.assert_close(head.matrix(), start)  # freq = 2: not yet
    head.observe([z2])
    torch.testing.assert_close(head.C, 0.3 * z1.T @ z1 / 10 + 0.7 * z2.T @ z2 / 10)
    head.follow()
    torch.testing.assert_close(head.matrix(), direct_pred(head.C))
    before = head.C.clone()
    head.eval()
    head.observe([z1])
    torch.testing.assert_close(head.C, before)  # evaluation leaves the statistics alone


def test_symmetric_predictor_is_symmetric():
    head = Linear(5, symmetric=True)
    torch.testing.assert_close(head.matrix(), head.matrix().T)
    z = torch.randn(3, 5)
    torch.testing.assert_close(head(z), z @ (head.layer.weight + head.layer.weight.T) / 2)


@pytest.mark.parametrize(
    "name, options, error, words",
    [
        ("simsiem", {}, UnknownName, "simsiam"),
        ("byol", {"kep": 0.9}, UnknownName, "keep"),
        ("byol", {"predictor": "liner"}, UnknownName, "linear"),
        ("byol", {"keep": 1.5}, ValueError, "keep was 1.5"),
        ("byol", {"stop_gradient": False}, ValueError, "keep=0"),
        ("byol", {"stop_gradient": 0}, ValueError, "true, false"),
        ("simsiam", {"symmetric_predictor": True}, ValueError, "predictor='linear'"),
        ("directpred", {"freq": 0}, ValueError, "freq was 0"),
        ("directpred", {"eps": -0.1}, ValueError, "eps was -0.1"),
        ("directpred", {"rho": "x"}, ValueError, "rho was 'x'"),
        ("directpred", {"eps_form": "c"}, UnknownName, "code"),
        ("byol", {"keep_schedule": "linear"}, UnknownName, "cosine"),
        ("byol", {"predictor_lr": -1}, ValueError, "predictor_lr"),
    ],
)
def test_bad_options_say_what_is_allowed(name, options, error, words):
    with pytest.raises(error, match=words):
        make(name, **options)


@pytest.mark.parametrize("shape", [(8, 4), (5,), (2, 8, 5)])
def test_a_closed_form_names_projections_of_another_width(shape):
    head = ClosedForm(5, direct_pred)
    for use in (head, lambda z: head.observe([z, z])):
        with pytest.raises(
            ValueError, match=rf"z had shape {re.escape(str(shape))}; allowed: \(n, 5\)"
        ):
            use(torch.zeros(shape))


def test_every_method_is_documented_and_resolves_its_options():
    for name in METHODS:
        m = make(name)
        assert m.name == name and m.paper and METHODS[name].__doc__
        assert make(name, **m.options).options == m.options


@pytest.mark.parametrize("d", [1, 3])
def test_simsiam_names_a_width_without_a_bottleneck(d):
    encoder, features = backbone("conv3", 1, 4)
    with pytest.raises(ValueError, match=f"d was {d}; allowed: at least 4 with predictor 'mlp'"):
        Siamese(encoder, features, 24, d, make("simsiam"))
    Siamese(encoder, features, 24, d, make("simsiam", predictor="linear"))
