"""Encoders of speech: shapes, sizes, any length, silence, gradients, half precision."""

import pytest
import torch
from torch.nn.functional import cosine_similarity
from torchvision import models

from ncssl.nn import backbone
from ncssl.nn.speech import CONTEXT, StatisticsPooling

ENCODERS = {"tdnn": 8, "lresnet34": 4}  # width
encoders = pytest.mark.parametrize("name", ENCODERS)


def net(name, bands=20, width=None, seed=0):
    torch.manual_seed(seed)
    return backbone(name, 1, width or ENCODERS[name], bands)


def speech(n=3, bands=20, frames=40, seed=0):
    return 2 * torch.randn(n, 1, bands, frames, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("bands, frames", [(80, 200), (40, 33), (23, 100)])
@encoders
def test_any_number_of_bands_and_frames(name, bands, frames):
    encoder, features = net(name, bands)
    assert encoder(speech(2, bands, frames)).shape == (2, features)


@pytest.mark.parametrize("width", [64, 512])
def test_size_of_the_tdnn(width):
    encoder, features = net("tdnn", 80, width)
    kernels, norms = width * (80 * 5 + width * 7 + width * 3), 2 * 7 * width
    assert features == 4 * width
    assert (
        sum(w.numel() for w in encoder.parameters()) == kernels + norms + (6 * width + 1) * features
    )


def test_size_of_the_light_resnet():
    """torchvision's ResNet-34 with a quarter of the channels behind its stem: a sixteenth of the
    kernels."""
    encoder, features = net("lresnet34", 80, 16)
    other = dict(models.resnet34().named_parameters())
    kernels = (
        sum(w.numel() for name, w in other.items() if w.ndim == 4 and name != "conv1.weight") // 16
    )
    norms = (
        sum(w.numel() for name, w in other.items() if w.ndim == 1 and not name.startswith("fc"))
        // 4
    )
    embedding = (2 * 128 * 10 + 1) * 256  # mean and deviation of 128 channels in 10 bands
    assert features == 256
    assert sum(w.numel() for w in encoder.parameters()) == 9 * 16 + kernels + norms + embedding


@encoders
def test_gradient_reaches_every_parameter(name):
    encoder, _ = net(name)
    encoder(speech()).square().sum().backward()
    assert all(w.grad is not None and w.grad.abs().sum() > 0 for w in encoder.parameters())


def test_a_constant_input_has_one_embedding_for_any_length():
    encoder, _ = net("tdnn")
    x = speech(2, frames=1)
    short, *longer = (encoder.eval()(x.expand(-1, -1, -1, frames)) for frames in (CONTEXT, 50, 400))
    for y in longer:
        torch.testing.assert_close(y, short, atol=1e-5, rtol=1e-4)
    assert (short[0] - short[1]).norm() > 0.01 * short.norm()


def test_the_padded_ends_of_a_crop_fade_with_its_length():
    """Zeros at the ends count as 1 / frames: a crop of twice the length is half as far from a very
    long one."""
    encoder, _ = net("lresnet34", 8)
    x = speech(2, 8, frames=1)
    e = {frames: encoder.eval()(x.expand(-1, -1, -1, frames)) for frames in (640, 1280, 10240)}
    off = [(e[frames] - e[10240]).norm() / e[10240].norm() for frames in (640, 1280)]
    assert off[1] < 0.65 * off[0] < 0.2


@encoders
def test_samples_of_a_batch_do_not_touch_each_other(name):
    encoder, _ = net(name)
    x = speech(4)
    y = encoder.eval()(x)
    for again, there in ((encoder(x.flip(0)), y.flip(0)), (encoder(x[1:2]), y[1:2])):
        assert (again - there).norm() < 1e-3 * there.norm(), (
            "but for rounding: kernels differ by the size of a batch"
        )
    assert (y[0] - y[1]).norm() > 1e-2 * y[0].norm()


@pytest.mark.parametrize("training", [True, False])
@encoders
def test_silence_is_finite(name, training):
    encoder, _ = net(name)
    x = torch.zeros(4, 1, 20, 30, requires_grad=True)
    y = encoder.train(training)(x)
    y.square().sum().backward()
    assert y.isfinite().all() and x.grad.isfinite().all()
    assert all(w.grad.isfinite().all() for w in encoder.parameters())


def test_statistics_pooling():
    x = torch.randn(3, 5, 2, 40, generator=torch.Generator().manual_seed(0))
    x[0, 0, 0] = 3.0
    y = StatisticsPooling(floor=1e-2)(x.bfloat16())
    rows = x.bfloat16().double().reshape(3, 10, 40)
    std = rows.std(2, correction=0).clamp_min(1e-2)
    torch.testing.assert_close(y.double(), torch.cat((rows.mean(2), std), 1), atol=1e-5, rtol=1e-5)
    assert y.dtype == torch.float32 and y[0, 10] == pytest.approx(1e-2)


@encoders
def test_bf16_agrees_with_float32(name):
    encoder, _ = net(name, 80, 16)
    x = speech(4, 80, 100)
    with torch.no_grad():
        plain = encoder(x)
        with torch.autocast("cpu", torch.bfloat16):
            half = encoder(x)
    assert half.dtype == torch.bfloat16
    assert cosine_similarity(plain, half.float()).min() > 0.998
    assert (half.float() - plain).norm() < 0.07 * plain.norm()


def test_fewer_frames_than_the_tdnn_sees():
    encoder, _ = net("tdnn")
    with pytest.raises(ValueError, match="the input has 14 frames; allowed: at least 15"):
        encoder(speech(frames=CONTEXT - 1))
