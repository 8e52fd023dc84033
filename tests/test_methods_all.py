"""The methods besides SimSiam, BYOL and DirectPred: what is trained, exact resume, the loss as the
papers write it."""

import copy

import pytest
import torch
from method_nets import net, views

from ncssl.errors import UnknownName
from ncssl.methods import METHODS, make

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
