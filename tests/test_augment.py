"""The batched augmentations against torchvision's, sample by sample, and the laws of what is
drawn."""

import dataclasses

import numpy as np
import pytest
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F

from ncssl.augment import POLICIES, View, apply, augment, draw, ops, policy

N, TOLERANCE = 48, 1e-5  # values in [0, 1]; only affine needs more than 2e-6
MODES = {"bilinear": InterpolationMode.BILINEAR, "bicubic": InterpolationMode.BICUBIC}
EVERYTHING = dataclasses.replace(
    policy("symmetric")[0], solarise_p=0.3, rotate=20.0, translate=0.1, zoom=(0.8, 1.2), erase_p=0.5
)


def generator(seed: int = 0, device: str = "cpu") -> torch.Generator:
    return torch.Generator(device).manual_seed(seed)


def pictures(n: int = N, c: int = 3, h: int = 32, w: int = 32, seed: int = 0) -> torch.Tensor:
    """Smooth random images with flat grey, black, white and pure-coloured ones among them."""
    coarse = torch.rand(n, c, max(2, h // 4), max(2, w // 4), generator=generator(seed))
    x = torch.nn.functional.interpolate(coarse, (h, w), mode="bicubic").clamp_(0, 1)
    for i, level in enumerate((0.0, 0.5, 1.0)):
        x[i] = level
    for channel in range(c):
        x[3 + channel] = torch.eye(c)[channel].view(c, 1, 1)
    return (x * 255).round_().to(torch.uint8)


@pytest.fixture(params=["picks", "computes all"])
def both_ways(request, monkeypatch):
    """The CPU's way, and the way of CUDA done on the CPU."""
    monkeypatch.setattr(ops, "picks", lambda _: request.param == "picks")


def torchvision_jitter(x, factors, order):
    steps = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
    for k in order.tolist():
        x = steps[k](x, float(factors[k]))
    return x


def drawn(view: View, shape, **options):
    return draw(view, shape[0], *shape[2:], generator(1), **options)


def where(on, x, step):
    """step(image, index) for the samples where `on` is true."""
    return [step(i, k) if o else i for k, (i, o) in enumerate(zip(x, on, strict=True))]


def crop_case(interpolation, size):
    def case(x):
        d = drawn(View(crop_scale=(0.08, 1.0), flip_p=0.5), x.shape)
        ours = ops.resized_crop(x, d.boxes, size, interpolation=interpolation, flip=d.flip)
        cut = [
            F.resized_crop(i, *b.tolist(), [size, size], MODES[interpolation], True)
            for i, b in zip(x, d.boxes, strict=True)
        ]
        return ours, where(d.flip, cut, lambda i, k: F.horizontal_flip(i))

    return case


def jitter_case(x):
    d = drawn(View(jitter_p=0.8, jitter=(0.8, 0.8, 0.8, 0.5)), x.shape)
    ours = ops.color_jitter(x, d.factors, d.order, d.jitter)
    return ours, where(d.jitter, x, lambda i, k: torchvision_jitter(i, d.factors[k], d.order[k]))


def hue_case(x):
    shift = torch.linspace(-0.5, 0.5, len(x))
    return ops.adjust_hue(x, shift), [
        F.adjust_hue(i, float(s)) for i, s in zip(x, shift, strict=True)
    ]


def blur_case(kernel):
    def case(x):
        d = drawn(View(blur_p=0.5, blur_kernel=kernel), x.shape)
        ours = ops.gaussian_blur(x, d.sigma, kernel, d.blur)
        return ours, where(
            d.blur, x, lambda i, k: F.gaussian_blur(i, [kernel] * 2, [float(d.sigma[k])] * 2)
        )

    return case


def coin_case(function, theirs):
    def case(x):
        on = drawn(View(flip_p=0.5), x.shape).flip
        return function(x, on), where(on, x, lambda i, k: theirs(i))

    return case


def affine_case(x):
    d = drawn(View(rotate=40.0, translate=0.2, zoom=(0.7, 1.4)), x.shape)
    return ops.affine(x, d.angle, d.shift, d.zoom), [
        torchvision_affine(i, d, k) for k, i in enumerate(x)
    ]


def torchvision_affine(x, d, k):
    return F.affine(
        x, float(d.angle[k]), d.shift[k].tolist(), float(d.zoom[k]), [0.0, 0.0], MODES["bilinear"]
    )


def erase_case(x):
    d = drawn(View(erase_p=0.6), x.shape)
    ours = ops.erase(x, d.holes, d.erase, value=0.25)
    return ours, where(
        d.erase, x, lambda i, k: F.erase(i, *d.holes[k].tolist(), torch.full((1, 1, 1), 0.25))
    )


CASES = {
    **{f"crop {m} to {s}": crop_case(m, s) for m in MODES for s in (8, 16, 32, 40)},
    "gray": coin_case(ops.grayscale, lambda i: F.rgb_to_grayscale(i, len(i))),
    "solarise": coin_case(ops.solarise, lambda i: F.solarize(i, 128 / 255)),
    "flip": coin_case(ops.hflip, F.horizontal_flip),
    "jitter": jitter_case,
    "hue": hue_case,
    "blur 3": blur_case(3),
    "blur 13": blur_case(13),
    "affine": affine_case,
    "erase": erase_case,
}


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize("c, h, w", [(3, 32, 32), (3, 20, 28), (1, 16, 16)])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_each_operation_is_torchvisions(case, c, h, w):
    x = pictures(N, c, h, w).float() / 255
    kept = x.clone()
    ours, theirs = case(x)
    torch.testing.assert_close(ours, torch.stack(theirs), atol=TOLERANCE, rtol=0)
    assert torch.equal(x, kept), "the input was changed"


@pytest.mark.parametrize("interpolation", MODES)
def test_crop_of_whole_numbers_is_the_crop_of_floats(interpolation):
    x, boxes = pictures(), drawn(View(crop_scale=(0.08, 1.0)), (N, 3, 32, 32)).boxes
    ours, floats = (
        ops.resized_crop(i, boxes, 24, interpolation=interpolation) for i in (x, x.float() / 255)
    )
    torch.testing.assert_close(ours, floats, atol=TOLERANCE, rtol=0)
    boxes[:] = torch.tensor([0, 0, 32, 32])
    assert torch.allclose(
        ops.resized_crop(x, boxes, 32, interpolation=interpolation), x / 255, atol=1e-7
    )


@pytest.mark.usefixtures("both_ways")
def test_all_24_orders_of_the_jitter():
    x = pictures(24).float() / 255
    order = torch.tensor([p for p in np.ndindex(4, 4, 4, 4) if len(set(p)) == 4])
    factors = drawn(View(jitter_p=1.0, jitter=(0.8, 0.8, 0.8, 0.2)), x.shape).factors
    ours = ops.color_jitter(x, factors, order, torch.ones(24, dtype=torch.bool))
    theirs = torch.stack([torchvision_jitter(*a) for a in zip(x, factors, order, strict=True)])
    torch.testing.assert_close(ours, theirs, atol=TOLERANCE, rtol=0)
    assert order.unique(dim=0).shape == (24, 4)


def reference(x, view, d, k, size, mean, std):
    """One image through torchvision in the documented order, in floats."""
    x = torchvision_affine(x, d, k)
    x = F.resized_crop(
        x, *d.boxes[k].tolist(), [size, size], MODES[view.interpolation], True
    ).clamp(0, 1)
    x = torchvision_jitter(x, d.factors[k], d.order[k]) if d.jitter[k] else x
    x = F.rgb_to_grayscale(x, 3) if d.gray[k] else x
    x = F.gaussian_blur(x, [view.blur_kernel] * 2, [float(d.sigma[k])] * 2) if d.blur[k] else x
    x = F.solarize(x, view.solarise_threshold) if d.solarise[k] else x
    x = F.horizontal_flip(x) if d.flip[k] else x
    x = F.erase(x, *d.holes[k].tolist(), torch.zeros(1, 1, 1)) if d.erase[k] else x
    return F.normalize(x, mean, std)


@pytest.mark.usefixtures("both_ways")
def test_the_pipeline_is_torchvisions_in_the_documented_order():
    x, size, mean, std = pictures(), 28, [0.5, 0.4, 0.3], [0.2, 0.25, 0.3]
    d = drawn(EVERYTHING, x.shape, size=size)
    ours = apply(x, EVERYTHING, d, size=size, mean=mean, std=std)
    theirs = torch.stack(
        [reference(x[k] / 255, EVERYTHING, d, k, size, mean, std) for k in range(N)]
    )
    off = (ours - theirs).abs() > 1e-4
    # solarising jumps at the threshold, where the last bit decides
    assert off.float().mean() < 1e-4
    assert ours.dtype == torch.float32 and ours.shape == (N, 3, size, size)


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("channels, side, size", [(3, 32, 32), (3, 24, 16), (1, 16, 16)])
def test_every_policy_runs_and_stays_in_range(name, channels, side, size):
    x = pictures(N, channels, side, side)
    for view in policy(name):
        y = augment(x, view, generator(), size=size)
        assert y.shape == (N, channels, size, size) and y.dtype == torch.float32
        assert y.min() >= -1e-6 and y.max() <= 1 + 1e-6
        assert torch.equal(y, augment(x, view, generator(), size=size)), "same seed, another result"
        assert (name == "none") == torch.equal(y, augment(x, view, generator(1), size=size))


@pytest.mark.usefixtures("both_ways")
def test_samples_of_a_batch_differ_and_do_not_touch_each_other():
    x = pictures()[7:8].expand(N, -1, -1, -1)
    d = drawn(EVERYTHING, x.shape)
    together = apply(x, EVERYTHING, d)
    assert len(together.flatten(1).unique(dim=0)) == N
    for part in (slice(5, 6), slice(11, 29)):
        alone = apply(x[part], EVERYTHING, type(d)(*(p[part] for p in d)))
        torch.testing.assert_close(alone, together[part], atol=TOLERANCE, rtol=0)


def test_nothing_to_do_only_scales_and_normalises():
    x = pictures()
    y = augment(x, View(), generator(), mean=(0.5, 0.4, 0.3), std=torch.tensor([0.2, 0.25, 0.3]))
    torch.testing.assert_close(
        y, F.normalize(x / 255, [0.5, 0.4, 0.3], [0.2, 0.25, 0.3]), atol=TOLERANCE, rtol=0
    )
    assert augment(x[:0], EVERYTHING, generator()).shape == (0, 3, 32, 32)


# ---- errors
@pytest.mark.parametrize(
    "changes, error, words",
    [
        (dict(images=torch.rand(2, 3, 8, 8)), TypeError, "float32.*uint8"),
        (dict(images=np.zeros((2, 3, 8, 8), np.uint8)), TypeError, "images is ndarray"),
        (dict(images=torch.zeros(3, 8, 8, dtype=torch.uint8)), ValueError, r"\(3, 8, 8\)"),
        (dict(images=torch.zeros(2, 4, 8, 8, dtype=torch.uint8)), ValueError, "c = 1 or 3"),
        (dict(view="symmetric"), TypeError, "symmetric.*View"),
        (dict(generator=None), TypeError, "generator is None"),
        (
            dict(images=torch.zeros(2, 3, 8, 8, dtype=torch.uint8, device="meta")),
            ValueError,
            "generator is on cpu.*meta",
        ),
        (dict(size=0), ValueError, "size is 0"),
        (dict(size=(8, 8)), ValueError, "size is"),
        (dict(mean=(0.5,)), ValueError, "mean has 1 numbers.*3 channels"),
        (dict(view=View(blur_p=1.0, blur_kernel=17)), ValueError, "kernel is 17.*below 16"),
    ],
)
def test_bad_arguments_are_named(changes, error, words):
    arguments = dict(images=pictures(8, 3, 8, 8), view=View(), generator=generator()) | changes
    with pytest.raises(error, match=words):
        augment(**arguments)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_gives_the_cpus_result_without_waiting():
    x = pictures()
    d = drawn(EVERYTHING, x.shape)
    there = type(d)(*(p.cuda() for p in d))
    on_cpu = apply(x, EVERYTHING, d, mean=(0.5,) * 3, std=(0.25,) * 3)
    y = x.cuda()
    apply(y, EVERYTHING, there, mean=(0.5,) * 3, std=(0.25,) * 3)  # sends the constants once
    augment(y, EVERYTHING, generator(0, "cuda"))
    torch.cuda.set_sync_debug_mode("error")
    try:
        on_cuda = apply(y, EVERYTHING, there, mean=(0.5,) * 3, std=(0.25,) * 3)
        augment(y, EVERYTHING, generator(0, "cuda"))
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert ((on_cuda.cpu() - on_cpu).abs() > 1e-4).float().mean() < 1e-4
