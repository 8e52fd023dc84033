"""The path of a CUDA device on any machine: nothing is made on another device, and no step reads a
value back.

The tensors are fake (tests/fake_cuda.py); tests/test_cuda.py compares numbers where there is a
device.
"""

import copy
from concurrent.futures import Executor, Future

import pytest
import torch
from fake_cuda import Generator, Unhurried, Valued, move, no_slope, there
from torch._subclasses import FakeTensorMode
from torch._subclasses.fake_tensor import FakeTensorDeviceMismatchError

from ncssl import augment, losses
from ncssl.augment import ops, speech_ops
from ncssl.data import Images, audio, speech
from ncssl.evaluate import OnlineProbe, few_label_accuracy, knn_accuracy, probe_accuracy
from ncssl.measure import diagnostics
from ncssl.methods import METHODS, make
from ncssl.model import Siamese
from ncssl.nn import MarginHead, backbone, deferred

N, D = 12, 8
SMALL = {
    "wmse": {"part": N},
    "moco": {"queue": 16},
    "swav": {"prototypes": 10},
    "dino": {"prototypes": 16},
}
VARIANTS = [(name, SMALL.get(name, {})) for name in METHODS] + [
    ("directpred", {"freq": 2}),
    ("directpred", {"eps_form": "paper", "shift": 0.1}),
    ("directset", {"norm": "frobenius"}),
    ("directcopy", {"norm": "none"}),
    ("isoloss", {"loss": "euclidean"}),
    ("optimal", {"freq": 2}),
    ("offdiagonal", {"symmetric": True, "normalisation": "l2"}),
    ("offdiagonal", {"head": "mlp", "normalisation": "batch_detached"}),
    ("invcov", {"predictor": "none"}),
    ("invcov", {"parts": 2, "form": "input"}),
    ("swav", {"prototypes": 10, "queue": 12, "queue_from": 0.0}),
    ("dino", {"prototypes": 16, "centring": False, "norm": True, "warm": 0.5}),
    ("dino", {"prototypes": 16}),
]


class InTurn(Executor):
    """The thread's place: fake tensors are for one thread."""

    def submit(self, work, *given):
        done = Future()
        done.set_result(work(*given))
        return done


@pytest.fixture
def mode(monkeypatch):
    monkeypatch.setattr(deferred, "_worker", InTurn())
    # no fake tensor is on a real one
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    return Unhurried()


@pytest.fixture
def fresh():
    """Nothing is kept from one device to the other."""
    kept = (
        ops.constant,
        ops._reflections,
        speech_ops.filters,
        speech_ops.noise_shape,
        audio.mel_filters,
    )
    for of in kept:
        of.cache_clear()
    yield
    for of in kept:
        of.cache_clear()


def model(name, options, encoder="linear"):
    torch.manual_seed(0)
    encoder, features = backbone(encoder, 1, 4, 8)
    return Siamese(encoder, features, 24, D, make(name, **options))


def views(count=2):
    return [torch.empty(N, 1, 8, 8, device="cuda") for _ in range(count)]


@pytest.mark.parametrize("name, options", VARIANTS)
def test_a_method_stays_on_the_device_and_never_waits(name, options, mode):
    """Forward, observe, loss and follow, twice: the closed form and the queues come to their
    turn."""
    net = move(mode, model(name, options))
    with mode:
        for _ in range(2):
            assert net(views(4 if name in ("dino", "swav") else 2), 0.5).is_cuda
            net.follow(0.5)
    assert all(w.is_cuda for w in (*net.parameters(), *net.buffers()))


def test_tensors_on_two_devices_are_refused(mode):
    with mode, pytest.raises(FakeTensorDeviceMismatchError):
        torch.empty(N, device="cuda") + torch.empty(N)
    with mode, pytest.raises(ValueError, match="t was on cpu; allowed: cuda:0, where p is"):
        losses.cosine(torch.empty(N, D, device="cuda"), torch.empty(N, D))


def distinct(policies):
    """Each view once, under the first policy that has it."""
    seen = {}
    for name, views_ in policies.items():
        for view in views_:
            seen.setdefault(view, name)
    return [pytest.param(view, id=f"{name}-{i}") for i, (view, name) in enumerate(seen.items())]


@pytest.mark.parametrize("view", distinct(augment.POLICIES))
def test_a_view_of_images_stays_on_the_device_and_reads_nothing(view, fresh):
    mode = FakeTensorMode()  # constants are sent to the device once
    with mode:
        images = torch.empty(4, 3, 16, 20, dtype=torch.uint8, device="cuda")
        out = augment.augment(
            images, view, Generator(), size=16, mean=[0.5] * 3, std=torch.full((3,), 0.5)
        )
    assert out.is_cuda and out.shape == (4, 3, 16, 16)


def test_a_view_of_grey_images_stays_on_the_device(fresh):
    with FakeTensorMode():
        images = torch.empty(4, 1, 16, 16, dtype=torch.uint8, device="cuda")
        assert augment.augment(
            images, augment.POLICIES["asymmetric"][1], Generator(), mean=[0.5]
        ).is_cuda


@pytest.mark.parametrize("view", distinct(augment.SPEECH_POLICIES))
def test_a_view_of_utterances_stays_on_the_device_and_reads_nothing(view, fresh):
    mode = FakeTensorMode()
    corpus = speech.load("voices", limit=4)
    on = [there(mode, field) if isinstance(field, torch.Tensor) else field for field in corpus]
    moved = type(corpus)(*on)
    with mode:
        rows = torch.empty(3, dtype=torch.int64, device="cuda")
        out = augment.speech_augment(moved._replace(noise=moved), rows, view, Generator())
    assert out.is_cuda and out.shape == (3, 1, corpus.mel.shape[1], view.frames)


def batch(n=48, classes=4):
    """Features with classes in them, and their labels."""
    g = torch.Generator().manual_seed(0)
    y = torch.arange(n) % classes
    return torch.randn(n, D, generator=g) + 2 * torch.eye(D)[y], y


def split(z, y):
    return z[:32], y[:32], z[32:], y[32:]


def test_knn_is_the_cpus():
    valued, (z, y) = Valued(), batch()
    with valued:
        got = knn_accuracy(*split(there(valued, z), there(valued, y)), k=5)
    assert got == knn_accuracy(*split(z, y), k=5) > 50


@pytest.mark.parametrize("measure", [probe_accuracy, lambda *a: few_label_accuracy(*a, repeats=2)])
def test_a_probe_stays_on_the_device(measure, monkeypatch):
    """Up to what its solver does with a gradient of zero: every row is of the first class."""
    monkeypatch.setattr(torch.Tensor, "backward", no_slope)
    valued, (z, y) = Valued(), batch()
    with valued:
        assert measure(*split(there(valued, z), there(valued, y))) == 25


def test_an_online_probe_stays_on_the_device(monkeypatch):
    monkeypatch.setattr(torch.Tensor, "backward", no_slope)
    valued, (z, y) = Valued(), batch()
    probe = move(valued, OnlineProbe(D, 4))
    probe.optimiser = torch.optim.Adam(probe.parameters())
    with valued:
        here = there(valued, z), there(valued, y)
        assert probe.learn(*here).is_cuda and probe.accuracy(*here) == 25


def test_a_classifier_on_the_sphere_is_the_cpus():
    valued, (z, y), head = Valued(), batch(), MarginHead(D, 4, warmup=0.5)
    head.progress = 0.3
    expected = head(z, y).item()
    with valued:
        loss = move(valued, head)(there(valued, z), there(valued, y))
        assert loss.is_cuda and loss.item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", ["directpred", "invcov", "dino"])
def test_a_row_of_the_curves_is_the_cpus(name):
    """kNN, spectra, what tells of collapse, and a linear predictor against the second moment."""
    net, g = model(name, SMALL.get(name, {}), "conv3"), torch.Generator().manual_seed(0)
    pixels, y = (
        torch.randint(0, 256, (40, 1, 8, 8), generator=g, dtype=torch.uint8),
        torch.arange(40) % 4,
    )
    half = torch.full((1,), 0.5)
    images = Images(pixels, y, ("a", "b", "c", "d"))

    def row(net, images, half):
        given = diagnostics.embedded(net, images, images, half, half)
        return diagnostics.row(net, given, images, images)

    expected = row(copy.deepcopy(net), images, half)
    valued = Valued()
    move(valued, net)
    # its operations have no values on a CPU
    with valued, torch.backends.cudnn.flags(enabled=False):
        on = Images(there(valued, pixels), there(valued, y), images.classes)
        got = row(net, on, there(valued, half))
    assert got.keys() == expected.keys()
    for measure, value in expected.items():
        assert got[measure] == pytest.approx(value, rel=1e-2, abs=1e-3), measure


def test_every_measure_of_tensors_is_tried(root):
    """The others turn what they are given into arrays first."""
    files = (root / "ncssl" / "evaluate").glob("*.py")
    assert {f.stem for f in files if "import torch" in f.read_text()} == {"knn", "online", "probe"}
