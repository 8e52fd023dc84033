"""The methods besides SimSiam, BYOL and DirectPred: what is trained, exact resume, the loss as the
papers write it."""

import copy
import dataclasses
import math

import pytest
import torch
from torch.nn.functional import normalize

from ncssl import losses
from ncssl.errors import UnknownName
from ncssl.methods import METHODS, make
from ncssl.model import Siamese
from ncssl.nn import (
    Centre,
    DirectCopy,
    KeyQueue,
    OffDiagonal,
    Optimal,
    PrototypeHead,
    Prototypes,
    Slices,
    Standardise,
    backbone,
    direct_set,
)
from ncssl.nn.rules import top_eigenvalue

N, D = 12, 8
VARIANTS = [
    ("directset", {}),
    ("directset", {"alpha": 2.0, "norm": "frobenius"}),
    ("directcopy", {}),
    ("directcopy", {"norm": "none", "freq": 2, "keep": 0.0}),
    ("isoloss", {}),
    ("isoloss", {"loss": "euclidean", "alpha": 1.0, "eps": 0.25, "keep": 0.0}),
    ("isoloss", {"iso": False}),
    ("optimal", {}),
    ("optimal", {"freq": 3, "keep": 0.0}),
    ("offdiagonal", {}),
    ("offdiagonal", {"symmetric": True, "normalisation": "l2"}),
    ("offdiagonal", {"head": "identity_linear", "normalisation": "batch_detached"}),
    ("offdiagonal", {"head": "mlp", "stop_gradient": False}),
    ("offdiagonal", {"head": "none"}),
    ("invcov", {}),
    ("invcov", {"predictor": "none", "parts": 2}),
    ("invcov", {"std": False, "form": "input", "stop_gradient": True}),
    ("barlow_twins", {}),
    ("vicreg", {}),
    ("wmse", {"part": 12}),
    ("sigreg", {}),
    ("sigreg", {"weighting": "add", "weight": 0.5, "slices": 16, "points": 9, "reach": 5.0}),
    ("sigreg_predicted", {}),
    ("sigreg_predicted", {"predictor": "none", "keep": 0.9, "stop_gradient": True, "slices": 8}),
    ("simclr", {"hidden_norm": False}),
    ("cpc", {}),
    ("moco", {"queue": 16}),
    ("moco", {"queue": 32, "layers": 1, "symmetric": False, "temperature": 0.07}),
    ("swav", {"prototypes": 10}),
    ("swav", {"prototypes": 10, "queue": 24, "queue_from": 0.0}),
    ("dino", {"prototypes": 20}),
    ("dino", {"prototypes": 20, "centring": False, "warm": 0.5, "norm": True}),
    ("dino", {"prototypes": 20, "head_std": 0.2}),
]
NAMES = [f"{n}-{'-'.join(f'{k}={v}' for k, v in o.items()) or 'default'}" for n, o in VARIANTS]
variants = pytest.mark.parametrize("name, options", VARIANTS, ids=NAMES)


def net(name, options, seed=0):
    torch.manual_seed(seed)
    encoder, features = backbone("conv3", 1, 4)
    return Siamese(encoder, features, 24, D, make(name, **options))


def views(seed=0, count=2, n=N):
    g = torch.Generator().manual_seed(seed)
    return [torch.randn(n, 1, 8, 8, generator=g) for _ in range(count)]


def step(model, opt, x, progress):
    loss = model(x, progress)
    opt.zero_grad()
    loss.backward()
    opt.step()
    model.follow(progress)
    return loss.item()


def test_every_method_is_tried():
    assert {name for name, _ in VARIANTS} | {"simsiam", "byol", "directpred"} == set(METHODS)


@variants
def test_gradient_reaches_exactly_the_trainable_parameters(name, options):
    model = net(name, options)
    model(views(), progress=0.5).backward()
    reached = {
        n for n, w in model.named_parameters() if w.grad is not None and w.grad.abs().sum() > 0
    }
    expected = {n for n, w in model.named_parameters() if w.requires_grad}
    # a bias before a normalisation, or that shifts all rows alike, does nothing
    idle = {n for n in expected - reached if n.endswith("bias")}
    allowed = {"invcov", "barlow_twins", "wmse", "offdiagonal"}
    assert reached | idle == expected and (not idle or name in allowed)
    assert not any(n.startswith("target") for n in reached)
    grouped = {id(w) for g in model.groups(0.1, 1e-4) for w in g["params"]}
    assert grouped == {id(w) for w in model.parameters() if w.requires_grad}


@variants
def test_resume_is_exact(name, options):
    model = net(name, options)
    opt = torch.optim.SGD(model.groups(0.02, 1e-4), momentum=0.9)
    for i in range(4):
        step(model, opt, views(i), i / 10)
    saved = copy.deepcopy((model.state_dict(), opt.state_dict()))
    onward = [step(model, opt, views(i), i / 10) for i in range(4, 10)]
    other = net(name, options, seed=1)
    other_opt = torch.optim.SGD(other.groups(0.02, 1e-4), momentum=0.9)
    other.load_state_dict(saved[0])
    other_opt.load_state_dict(saved[1])
    assert [step(other, other_opt, views(i), i / 10) for i in range(4, 10)] == onward


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


@pytest.mark.parametrize("alpha", [0.25, 0.5, 1, 1.0, 2.0])
@pytest.mark.parametrize("norm", ["spectral", "frobenius", "none"])
def test_direct_set(alpha, norm):
    U = torch.linalg.qr(torch.randn(5, 5, dtype=torch.float64))[0]
    s = torch.tensor([4, 2, 1, 0.3, 0.1], dtype=torch.float64)
    power = s**alpha
    size = {"spectral": power.max(), "frobenius": power.norm(), "none": 1.0}[norm]
    expected = (U * (power / size + 0.2)) @ U.T
    torch.testing.assert_close(
        direct_set((U * s) @ U.T, alpha, 0.2, norm), expected, atol=1e-8, rtol=1e-6
    )


@pytest.mark.parametrize("d, decay", [(64, 0.5), (128, 0.01), (256, 0.002), (32, 0.0)])
def test_top_eigenvalue_by_power_iteration(d, decay):
    """Slowly falling spectra are the hard ones: at most the true value, short of it by a percent or
    so."""
    U = torch.linalg.qr(torch.randn(d, d, dtype=torch.float64))[0]
    C = (U * torch.exp(-decay * torch.arange(d, dtype=torch.float64))) @ U.T
    assert 0.98 <= top_eigenvalue(C).item() <= 1 + 1e-9


def test_direct_copy_uses_the_second_moment_itself():
    head = DirectCopy(4, eps=0.3)
    z = torch.randn(50, 4)
    head.observe([z[:25], z[25:]])
    head.follow()
    C = z.T @ z / 50
    expected = C / torch.linalg.eigvalsh(C)[-1] + 0.3 * torch.eye(4)
    torch.testing.assert_close(head.matrix(), expected, atol=1e-4, rtol=1e-3)


def test_optimal_predictor_solves_its_equation():
    head = Optimal(4, ridge=0.0, rho=0.5)
    z, t = [torch.randn(30, 4) for _ in range(2)], [torch.randn(30, 4) for _ in range(2)]
    head.observe(z, t)
    head.follow()
    C = (z[0].T @ z[0] + z[1].T @ z[1]) / 60
    X = (t[1].T @ z[0] + t[0].T @ z[1]) / 60
    torch.testing.assert_close(head.matrix() @ C, (X + X.T) / 2, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("make_head", [DirectCopy, Optimal])
def test_moments_keep_their_precision_under_autocast(make_head):
    """In a foreign loop observe may stand inside autocast; the running moments are in float32 all
    the same."""
    z = [torch.randn(30, 4) for _ in range(2)]
    plain, mixed = make_head(4), make_head(4)
    for _ in range(2):
        plain.observe(z, z)
        with torch.autocast("cpu", torch.bfloat16):
            mixed.observe(z, z)
    assert (plain.C == mixed.C).all() and mixed.C.dtype == torch.float32


def test_off_diagonal_keeps_its_diagonal():
    head = OffDiagonal(5)
    torch.testing.assert_close(head.matrix(), torch.eye(5))
    opt = torch.optim.SGD(head.parameters(), lr=0.5)
    head(torch.randn(9, 5)).square().sum().backward()
    opt.step()
    W = head.matrix()
    torch.testing.assert_close(W.diagonal(), torch.ones(5))
    assert (W - torch.eye(5)).abs().sum() > 0


def test_standardise_as_liu2022():
    z = Standardise()(3 + 2 * torch.randn(40, 6))
    torch.testing.assert_close(z.std(0), torch.ones(6), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    "name, options, error, words",
    [
        ("directset", {"alpha": 0}, ValueError, "alpha was 0"),
        ("directset", {"alpha": -1}, ValueError, "alpha was -1"),
        ("directcopy", {"norm": "nuclear"}, UnknownName, "frobenius"),
        ("isoloss", {"loss": "l2"}, UnknownName, "euclid"),
        ("directcopy", {"eps": -0.1}, ValueError, "eps was -0.1"),
        ("optimal", {"ridge": -1}, ValueError, "ridge was"),
        ("offdiagonal", {"head": "diag"}, UnknownName, "off_diagonal"),
        ("offdiagonal", {"head": "mlp", "symmetric": True}, ValueError, "symmetric needs a matrix"),
        ("offdiagonal", {"normalisation": "layer"}, UnknownName, "batch_detached"),
        ("invcov", {"parts": 0}, ValueError, "parts was 0"),
        ("invcov", {"form": "gram"}, UnknownName, "output"),
        ("barlow_twins", {"weight": -1}, ValueError, "weight was -1"),
        ("simclr", {"temperature": 0}, ValueError, "temp"),
        ("sigreg", {"weight": 1.5}, ValueError, r"weight was 1.5; allowed: a number in \[0, 1\]"),
        ("sigreg", {"weighting": "sum"}, UnknownName, "blend"),
        ("sigreg", {"points": 1}, ValueError, "points was 1"),
        ("sigreg_predicted", {"predictor": "deep"}, UnknownName, "linear"),
        ("sigreg_predicted", {"keep": 0.9}, ValueError, "stop_gradient=False needs keep=0"),
        ("vicreg", {"variance": "25"}, ValueError, "variance was '25'"),
        ("wmse", {"part": 1}, ValueError, "part was 1"),
        ("moco", {"queue": 0}, ValueError, "queue was 0"),
        ("moco", {"keep": 0}, ValueError, "keep was 0"),
        ("swav", {"prototypes": 0}, ValueError, "prototypes was 0"),
        ("swav", {"frozen": 2}, ValueError, "frozen was 2"),
        ("dino", {"teacher_temperature": 0}, ValueError, "teacher_temperature was 0"),
        ("dino", {"head_std": 0}, ValueError, "head_std was 0"),
        ("dino", {"separate": False}, ValueError, "separate was False; allowed: none, true"),
    ],
)
def test_options_out_of_their_domain(name, options, error, words):
    with pytest.raises(error, match=words):
        make(name, **options)


def test_a_queue_smaller_than_a_batch_and_a_batch_too_small_to_whiten():
    with pytest.raises(ValueError, match="queue was 8; allowed: at least a batch, 12"):
        net("moco", {"queue": 8})(views())
    with pytest.raises(ValueError, match="at least 9, more than its 8 channels, for whitening"):
        net("wmse", {"part": 6})(views())


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


def test_the_directions_of_sigreg_are_the_steps():
    """Others in every step, the same on every machine: nothing is drawn from the global
    generator."""
    head = Slices(D, 5)
    torch.manual_seed(3)
    first = head.directions()
    head.follow()
    second = head.directions()
    assert not (first == second).any() and (first == Slices(D, 5).directions()).all()
    again = Slices(D, 5)
    again.load_state_dict(head.state_dict())
    assert (again.directions() == second).all()
    assert torch.rand(1) == torch.rand(1, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize(
    "name, told",
    [("byol", {"predictor"}), ("swav", {"predictor"}), ("dino", {"predictor", "projector"})],
)
def test_progress_is_told_to_those_that_ask(name, told):
    """A head, and a projector whose prototypes stand still at first; a plain stack of layers gets
    no attribute."""
    options = {"swav": {"prototypes": 10}, "dino": {"prototypes": 20}}.get(name, {})
    model = net(name, options)
    model(views(), 0.25)
    parts = {"predictor": model.predictor, "projector": model.projector}
    assert {
        part for part, module in parts.items() if getattr(module, "progress", None) == 0.25
    } == told
    assert hasattr(model.projector, "progress") == ("projector" in told)
