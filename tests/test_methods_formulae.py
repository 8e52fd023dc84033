"""The step of a method as the papers write it."""

import copy

import pytest
import torch
from method_nets import D, N, net, views
from torch.nn.functional import normalize

from ncssl import losses


def parts_of(model, x):
    """Projections, predictions and targets of the two views, from the modules themselves."""
    again = copy.deepcopy(model)
    z = [again.projector(again.encoder(v)) for v in x]
    t = z if again.target is None else [again.target(v) for v in x]
    return z, [again.predictor(v) for v in z], t, again.predictor


def mean_over_directions(loss):
    return lambda z, p, t, head: (loss(p[0], t[1]) + loss(p[1], t[0])) / 2


def of_projections(loss):
    return lambda z, p, t, head: loss(z[0], z[1])


def cosine_loss(p, t):
    return 2 - 2 * (normalize(p) * normalize(t)).sum(1).mean()


def swapped_codes(z, p, t, head):
    codes = [losses.sinkhorn(v) for v in p]
    terms = [-(codes[1 - i] * torch.log_softmax(p[i] / 0.1, 1)).sum(1).mean() for i in range(2)]
    return sum(terms) / 2


def momentum_contrast(z, p, t, head):
    terms = []
    for i in range(2):
        q, k = normalize(p[i]), normalize(t[1 - i])
        scores = torch.cat([(q * k).sum(1, keepdim=True), q @ head.queue[1 - i].T], 1) / 0.1
        terms.append(-torch.log_softmax(scores, 1)[:, 0].mean())
    return sum(terms) / 2


def gaussian_slices(z, p, t, head):
    """LeJEPA's loss from its definition: one direction after another, the integral by 17 trapezoids
    on each side."""
    A = torch.randn(D, 256, generator=torch.Generator().manual_seed(0))
    s = torch.linspace(-3, 3, 33)
    total = 0.0
    for v in z:
        for a in A.T:
            x = v @ (a / a.norm())
            phi = torch.exp(1j * s[:, None] * x).mean(1)
            total += N * torch.trapezoid(
                (phi - torch.exp(-(s**2) / 2)).abs() ** 2 * torch.exp(-(s**2) / 2), s
            )
    centre = (z[0] + z[1]) / 2
    agreement = sum((v - centre).square().sum() for v in z) / (2 * N * D)
    return 0.98 * agreement + 0.02 * total / (2 * 256)


def gaussian_predictions(z, p, t, head):
    """The same with predictions: what is left of the agreement is an eighth of two mean squares."""
    gap = sum((p[i] - t[1 - i]).square().sum() for i in range(2)) / (8 * N * D)
    centre = (z[0] + z[1]) / 2
    agreement = sum((v - centre).square().sum() for v in z) / (2 * N * D)
    return gaussian_slices(z, p, t, head) + 0.98 * (gap - agreement)


def constraint(z, p, t, head):
    W, total = head.matrix(), 0.0
    for i in range(2):
        C = z[i].T @ z[i] / N
        total += (p[i] - t[1 - i]).square().sum(1).mean() + (
            W.T @ W - W @ C @ W.T
        ).square().sum() / D
    return total


FORMULAE = {
    "directset": lambda *a: 2 * mean_over_directions(cosine_loss)(*a),
    "directcopy": lambda *a: 2 * mean_over_directions(cosine_loss)(*a),
    "isoloss": lambda *a: 2 * mean_over_directions(cosine_loss)(*a),
    "optimal": lambda *a: 2 * mean_over_directions(cosine_loss)(*a),
    "offdiagonal": mean_over_directions(
        lambda p, t: 2 - 2 * torch.corrcoef(torch.cat([p.T, t.T])).diagonal(D).mean()
    ),
    "invcov": constraint,
    "barlow_twins": of_projections(losses.barlow),
    "vicreg": of_projections(losses.vicreg),
    "sigreg": gaussian_slices,
    "sigreg_predicted": gaussian_predictions,
    "wmse": of_projections(lambda a, b: losses.wmse(a, b, part=N)),
    "simclr": of_projections(losses.nt_xent),
    "cpc": mean_over_directions(lambda p, t: -torch.log_softmax(p @ t.T, 1).diagonal().mean()),
    "moco": momentum_contrast,
    "swav": swapped_codes,
    "dino": mean_over_directions(
        lambda p, t: -(torch.softmax(t / 0.04, 1) * torch.log_softmax(p / 0.1, 1)).sum(1).mean()
    ),
}


@pytest.mark.parametrize("name", FORMULAE)
def test_the_step_is_the_formula(name):
    """The engine's loss at its first step is the paper's formula, from the same modules."""
    options = {
        "wmse": {"part": N},
        "moco": {"queue": 16},
        "swav": {"prototypes": 10},
        "dino": {"prototypes": 20},
    }
    model, x = net(name, options.get(name, {})), views()
    expected = FORMULAE[name](*parts_of(model, x))
    assert model(x, 0.5).item() == pytest.approx(
        expected.item(), rel=1e-3 if name == "offdiagonal" else 2e-5
    )


def test_iso_changes_the_gradient_and_not_the_loss():
    grads, values = {}, {}
    for iso in (True, False):
        model = net("isoloss", {"iso": iso, "keep": 0.0, "alpha": 1.0})
        loss = model(views())
        loss.backward()
        values[iso] = loss.item()
        grads[iso] = torch.cat([w.grad.flatten() for w in model.encoder.parameters()])
    assert values[True] == pytest.approx(values[False], rel=1e-6)
    assert (grads[True] - grads[False]).norm() > 0.1 * grads[False].norm()


@pytest.mark.parametrize("name", ["dino", "swav", "byol"])
def test_multi_crop_targets_are_the_first_two_views(name):
    """Small views are predicted from, never predicted: the mean over all pairs with a large view as
    the target."""
    options = {"dino": {"prototypes": 20}, "swav": {"prototypes": 10}, "byol": {}}[name]
    model = net(name, options)
    x = views() + [v[:, :, :5, :5] for v in views(1, 3)]
    whole = model(x, 0.5).item()
    again = net(name, options)
    z = [again.projector(again.encoder(v)) for v in x]
    p = [again.predictor(v) for v in z]
    t = z if again.target is None else [again.target(v) for v in x[:2]]
    pairs = [(p[j], i) for i in range(2) for j in range(5) if i != j]
    one = {
        "dino": lambda p, i: losses.distillation(p, t[i], torch.zeros(20)),
        "swav": lambda p_, i: losses.code_cross_entropy(p_, losses.sinkhorn(p[i].detach())),
        "byol": lambda p, i: len(pairs) * losses.normalised_mse(p, t[i]),  # BYOL's is a sum
    }[name]
    assert whole == pytest.approx(sum(one(*pair) for pair in pairs).item() / len(pairs), rel=1e-4)


def test_sigreg_without_the_parts_is_sigreg():
    """No predictor, no stop-gradient, no average: the same loss and the same gradients."""
    plain, bare = (net(*v) for v in (("sigreg", {}), ("sigreg_predicted", {"predictor": "none"})))
    bare.load_state_dict(plain.state_dict())
    found = [m(views()) for m in (plain, bare)]
    for value in found:
        value.backward()
    assert found[0].item() == pytest.approx(found[1].item(), rel=1e-6)
    for a, b in zip(plain.parameters(), bare.parameters(), strict=True):
        assert torch.allclose(a.grad, b.grad, rtol=1e-4, atol=1e-7)
