"""Random views of a batch of images: what a view is, the policies of the literature, drawing and
applying.

Drawing (`draw`) is apart from applying (`apply`): the first makes tensors of parameters from an
explicit generator, the second is deterministic. `augment` does both. All runs on the device of the
images, in float32, without Python loops over samples. Mirroring is folded into the crop: it
commutes with all later steps but erasing, which is random anyway.
"""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from ncssl.augment import ops
from ncssl.errors import UnknownName

ATTEMPTS = 10  # torchvision's number of tries for a box


@dataclass(frozen=True)
class View:
    """How one random view is made; the order is affine, crop, jitter, grey, blur, solarise, erase,
    normalise. The defaults change nothing. Ranges are (low, high) of a uniform law, `_p` the share
    of samples; jitter strengths are torchvision's. Raises ValueError for values out of range.
    One-channel images get no saturation, hue and grey."""

    crop_scale: tuple[float, float] | None = None  # share of the area; None keeps the whole image
    # side of the view as a share of the image's, where no size is given (multi-crop's small views)
    share: float = 1.0
    crop_ratio: tuple[float, float] = (3 / 4, 4 / 3)  # width to height, uniform in the logarithm
    interpolation: str = "bilinear"
    flip_p: float = 0.0
    jitter_p: float = 0.0
    # brightness, contrast, saturation, hue
    jitter: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    gray_p: float = 0.0
    blur_p: float = 0.0
    blur_kernel: int = 9
    blur_sigma: tuple[float, float] = (0.1, 2.0)  # pixels
    solarise_p: float = 0.0
    solarise_threshold: float = 128 / 255
    rotate: float = 0.0  # degrees, to either side
    translate: float = 0.0  # share of the side, to either side
    zoom: tuple[float, float] = (1.0, 1.0)
    erase_p: float = 0.0
    erase_scale: tuple[float, float] = (0.02, 0.1)
    erase_ratio: tuple[float, float] = (0.3, 3.3)  # height to width, uniform in the logarithm

    def __post_init__(self):
        for name in ("flip_p", "jitter_p", "gray_p", "blur_p", "solarise_p", "erase_p"):
            _check(
                0 <= getattr(self, name) <= 1, name, getattr(self, name), "a probability in [0, 1]"
            )
        for name in (
            "crop_scale",
            "crop_ratio",
            "blur_sigma",
            "zoom",
            "erase_scale",
            "erase_ratio",
        ):
            pair = getattr(self, name)
            if pair is not None or name != "crop_scale":
                fine = isinstance(pair, tuple) and len(pair) == 2 and 0 < pair[0] <= pair[1]
                _check(fine, name, pair, "a pair (low, high) with 0 < low <= high")
        _check(
            self.crop_scale is None or self.crop_scale[1] <= 1,
            "crop_scale",
            self.crop_scale,
            "at most 1",
        )
        _check(
            len(self.jitter) == 4 and min(self.jitter) >= 0 and self.jitter[3] <= 0.5,
            "jitter",
            self.jitter,
            "four strengths >= 0, the hue's at most 0.5",
        )
        _check(
            self.interpolation in ops.INTERPOLATIONS,
            "interpolation",
            self.interpolation,
            " or ".join(ops.INTERPOLATIONS),
        )
        _check(
            self.blur_kernel > 0 and self.blur_kernel % 2 == 1,
            "blur_kernel",
            self.blur_kernel,
            "odd",
        )
        _check(0 < self.share <= 1, "share", self.share, "in (0, 1]")
        _check(
            self.rotate >= 0 and self.translate >= 0,
            "rotate, translate",
            (self.rotate, self.translate),
            ">= 0",
        )

    @property
    def moves(self) -> bool:
        """Whether the view turns, moves or enlarges."""
        return self.rotate > 0 or self.translate > 0 or self.zoom != (1.0, 1.0)


def _check(fine: bool, name: str, given: object, allowed: str) -> None:
    if not fine:
        raise ValueError(f"{name} is {given!r}; it must be {allowed}")


# solo-learn, scripts/pretrain/cifar: bicubic crops. Its blur is Pillow's approximation of a
# Gaussian of sigma 0.1 to 2 without a kernel size; here the Gaussian itself, cut at three sigma (13
# taps).
_SOLO = View(
    crop_scale=(0.08, 1.0),
    interpolation="bicubic",
    flip_p=0.5,
    jitter_p=0.8,
    gray_p=0.2,
    blur_kernel=13,
)
_SYMMETRIC = replace(_SOLO, jitter=(0.8, 0.8, 0.8, 0.2), blur_p=0.5)
_WEAK = replace(_SOLO, jitter=(0.4, 0.4, 0.4, 0.1), blur_p=0.5)
_ASYMMETRIC = replace(_SOLO, jitter=(0.4, 0.4, 0.2, 0.1))
_VICREG = replace(_ASYMMETRIC, crop_scale=(0.2, 1.0), solarise_p=0.1)
_WMSE = replace(_SYMMETRIC, crop_scale=(0.2, 1.0), blur_p=0.0)
# lightly, cifar10_benchmark.py: bilinear crops, no blur
_SIMCLR = View(
    crop_scale=(0.08, 1.0), flip_p=0.5, jitter_p=0.8, jitter=(0.4, 0.4, 0.4, 0.1), gray_p=0.2
)
_SIMSIAM = replace(_SIMCLR, crop_scale=(0.2, 1.0))
_BYOL = replace(_SIMCLR, jitter=(0.4, 0.4, 0.2, 0.1))
# luckmatters (the code of tian2021): CIFAR as _SIMCLR; STL-10 with twice the jitter and always
# blurred
_STL10 = replace(_SIMCLR, jitter=(0.8, 0.8, 0.8, 0.2), blur_p=1.0, blur_kernel=9)
# ours, for 16 x 16 digits: no mirroring
_DIGITS = View(
    crop_scale=(0.6, 1.0),
    crop_ratio=(0.8, 1.25),
    jitter_p=0.8,
    jitter=(0.4, 0.4, 0.0, 0.0),
    rotate=15.0,
    translate=0.1,
    zoom=(0.85, 1.15),
    erase_p=0.25,
    erase_ratio=(0.5, 2.0),
)

# caron2021's multi-crop: two large views and small ones of half the side; the colours of
# _ASYMMETRIC
_LARGE = replace(_ASYMMETRIC, crop_scale=(0.4, 1.0))
_SMALL = replace(_ASYMMETRIC, crop_scale=(0.05, 0.4), share=0.5)
_DIGITS_SMALL = replace(_DIGITS, crop_scale=(0.2, 0.6), share=0.5)

POLICIES: dict[str, tuple[View, ...]] = {
    "none": (View(), View()),
    "symmetric": (_SYMMETRIC, _SYMMETRIC),
    "symmetric_weak": (_WEAK, _WEAK),
    "asymmetric": (_ASYMMETRIC, replace(_ASYMMETRIC, solarise_p=0.2)),
    "vicreg": (_VICREG, _VICREG),
    "wmse": (_WMSE, _WMSE),
    "simclr_lightly": (_SIMCLR, _SIMCLR),
    "simsiam_lightly": (_SIMSIAM, _SIMSIAM),
    "byol_lightly": (_BYOL, replace(_BYOL, solarise_p=0.2)),
    "multicrop": (_LARGE, replace(_LARGE, solarise_p=0.2), *[_SMALL] * 4),
    "tian2021_cifar": (_SIMCLR, _SIMCLR),
    "tian2021_stl10": (_STL10, _STL10),
    "digits": (_DIGITS, _DIGITS),
    "digits_multicrop": (_DIGITS, _DIGITS, *[_DIGITS_SMALL] * 2),
}


def policy(name: str) -> tuple[View, ...]:
    """The views of a named policy: two, or two and the small ones of multi-crop. Raises
    UnknownName."""
    if name not in POLICIES:
        raise UnknownName("augmentation", name, POLICIES)
    return POLICIES[name]


class Draws(NamedTuple):
    """The random parameters of a batch, one entry a sample; None for a step that the view does not
    have."""

    boxes: Tensor | None = None  # (n, 4) int64: top, left, height, width
    flip: Tensor | None = None  # (n,) bool
    jitter: Tensor | None = None  # (n,) bool
    factors: Tensor | None = None  # (n, 4) brightness, contrast, saturation, hue
    order: Tensor | None = None  # (n, 4) int64, a permutation of 0..3
    gray: Tensor | None = None  # (n,) bool
    blur: Tensor | None = None  # (n,) bool
    sigma: Tensor | None = None  # (n,) pixels
    solarise: Tensor | None = None  # (n,) bool
    angle: Tensor | None = None  # (n,) degrees
    shift: Tensor | None = None  # (n, 2) pixels: right, down
    zoom: Tensor | None = None  # (n,)
    erase: Tensor | None = None  # (n,) bool
    holes: Tensor | None = None  # (n, 4) int64, in pixels of the result


def draw_uniform(shape: tuple[int, ...], low: float, high: float, generator: Generator) -> Tensor:
    """Uniform in [low, high), float32, on the generator's device."""
    return (
        torch.rand(shape, generator=generator, device=generator.device).mul_(high - low).add_(low)
    )


def draw_coin(n: int, p: float, generator: Generator) -> Tensor:
    """(n,) bool, true with probability p."""
    return torch.rand(n, generator=generator, device=generator.device) < p


def draw_boxes(
    n: int,
    height: int,
    width: int,
    scale: tuple[float, float],
    ratio: tuple[float, float],
    generator: Generator,
) -> Tensor:
    """(n, 4) crop boxes by torchvision's law: area uniform, width to height uniform in the
    logarithm, the first of ten tries that fits, else the largest central box within `ratio`."""
    w, h = _sides(n, height * width, scale, ratio, generator)
    w, h, found = _first(w, h, (w > 0) & (w <= width) & (h > 0) & (h <= height))
    central_w = min(width, round(height * ratio[1]))
    central_h = min(height, round(width / ratio[0]))
    w, h = torch.where(found, w, central_w), torch.where(found, h, central_h)
    top = torch.where(found, _place(h, height, generator), (height - central_h) // 2)
    left = torch.where(found, _place(w, width, generator), (width - central_w) // 2)
    return torch.stack((top, left, h, w), 1)


def draw_holes(
    n: int,
    height: int,
    width: int,
    scale: tuple[float, float],
    ratio: tuple[float, float],
    generator: Generator,
) -> Tensor:
    """(n, 4) boxes to erase by torchvision's law: as crops, but `ratio` is height to width, a box
    is smaller than the image, and when none of ten tries fits it is empty."""
    h, w = _sides(n, height * width, scale, ratio, generator)
    h, w, found = _first(h, w, (h < height) & (w < width))
    h, w = h * found, w * found
    return torch.stack((_place(h, height, generator), _place(w, width, generator), h, w), 1)


def _sides(n, area, scale, ratio, generator) -> tuple[Tensor, Tensor]:
    """Sides (n, ATTEMPTS), first to second in the drawn ratio, rounded to whole pixels (still
    float32)."""
    areas = draw_uniform((n, ATTEMPTS), area * scale[0], area * scale[1], generator)
    ratios = draw_uniform((n, ATTEMPTS), math.log(ratio[0]), math.log(ratio[1]), generator).exp_()
    return (areas * ratios).sqrt_().round_(), (areas / ratios).sqrt_().round_()


def _first(a: Tensor, b: Tensor, fits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The first of the tries that fits, as int64, and whether there is one."""
    at = fits.int().argmax(1, keepdim=True)
    return *(x.gather(1, at).squeeze(1).long() for x in (a, b)), fits.any(1)


def _place(length: Tensor, full: int, generator: Generator) -> Tensor:
    """A start, uniform over the whole numbers 0 .. full - length."""
    room = full - length
    return torch.minimum((draw_uniform(length.shape, 0, 1, generator) * (room + 1)).long(), room)


def draw_jitter(n: int, strength: tuple[float, ...], generator: Generator) -> tuple[Tensor, Tensor]:
    """Factors (n, 4), uniform in [max(0, 1 - s), 1 + s] and [-s, s] for the hue, and orders (n, 4),
    uniform."""
    ranges = [(max(0.0, 1 - s), 1 + s) for s in strength[:3]] + [(-strength[3], strength[3])]
    factors = torch.stack([draw_uniform((n,), *r, generator) for r in ranges], 1)
    return factors, draw_uniform((n, 4), 0, 1, generator).argsort(1)


def draw(
    view: View, n: int, height: int, width: int, generator: Generator, *, size: int | None = None
) -> Draws:
    """The parameters of n samples of height x width that become `size` x `size`, on the generator's
    device."""
    made = {}
    if view.moves:
        made["angle"] = draw_uniform((n,), -view.rotate, view.rotate, generator)
        made["shift"] = draw_uniform((n, 2), -view.translate, view.translate, generator)
        made["shift"] = made["shift"] * ops.constant(
            (float(width), float(height)), generator.device
        )
        made["zoom"] = draw_uniform((n,), *view.zoom, generator)
    if view.crop_scale is not None:
        made["boxes"] = draw_boxes(n, height, width, view.crop_scale, view.crop_ratio, generator)
    if view.flip_p > 0:
        made["flip"] = draw_coin(n, view.flip_p, generator)
    if view.jitter_p > 0:
        made["jitter"] = draw_coin(n, view.jitter_p, generator)
        made["factors"], made["order"] = draw_jitter(n, view.jitter, generator)
    if view.gray_p > 0:
        made["gray"] = draw_coin(n, view.gray_p, generator)
    if view.blur_p > 0:
        made["blur"] = draw_coin(n, view.blur_p, generator)
        made["sigma"] = draw_uniform((n,), *view.blur_sigma, generator)
    if view.solarise_p > 0:
        made["solarise"] = draw_coin(n, view.solarise_p, generator)
    if view.erase_p > 0:
        made["erase"] = draw_coin(n, view.erase_p, generator)
        sides = (height, width) if size is None else (size, size)
        made["holes"] = draw_holes(n, *sides, view.erase_scale, view.erase_ratio, generator)
    return Draws(**made)


@torch.no_grad()
def apply(
    images: Tensor, view: View, draws: Draws, *, size: int | None = None, mean=None, std=None
) -> Tensor:
    """uint8 (n, c, h, w) -> float32 (n, c, size, size) with the drawn parameters; then (x - mean) /
    std a channel. Bicubic results are clamped to [0, 1], as they are in an image of whole numbers.
    """
    x = _geometry(images, view, draws, size)
    if draws.jitter is not None:
        x = ops.color_jitter(x, draws.factors, draws.order, draws.jitter, inplace=True)
    if draws.gray is not None:
        x = ops.grayscale(x, draws.gray, inplace=True)
    if draws.blur is not None:
        x = ops.gaussian_blur(x, draws.sigma, view.blur_kernel, draws.blur, inplace=True)
    if draws.solarise is not None:
        x = ops.solarise(x, draws.solarise, threshold=view.solarise_threshold, inplace=True)
    if draws.erase is not None:
        x = ops.erase(x, draws.holes, draws.erase, inplace=True)
    if mean is not None:
        x.sub_(_channels("mean", mean, x))
    return x.div_(_channels("std", std, x)) if std is not None else x


def augment(
    images: Tensor,
    view: View,
    generator: Generator,
    *,
    size: int | None = None,
    mean=None,
    std=None,
    part: slice = slice(None),
    whole: int | None = None,
) -> Tensor:
    """A random view of every image: uint8 (n, c, h, w) -> float32 (n, c, size, size), size None
    keeps h x w, less the view's share. Values in [0, 1], or (x - mean) / std with c numbers each.
    `part`: the images are these rows of a batch of `whole`, and their views as they would be among
    all. Raises TypeError or ValueError for arguments of another kind."""
    _check_images(images, view, generator, size)
    _, _, height, width = images.shape
    n = len(images) if whole is None else whole
    if size is None and view.share < 1:
        size = max(1, round(min(height, width) * view.share))
    draws = draw(view, n, height, width, generator, size=size)
    mine = Draws(*(None if drawn is None else drawn[part] for drawn in draws))
    return apply(images, view, mine, size=size, mean=mean, std=std)


def _geometry(images: Tensor, view: View, draws: Draws, size: int | None) -> Tensor:
    n, _, h, w = images.shape
    target = (h, w) if size is None else (size, size)
    if draws.angle is not None:
        images = ops.affine(
            images.to(torch.float32).div_(255), draws.angle, draws.shift, draws.zoom
        )
    boxes = draws.boxes
    if boxes is None:
        if target == (h, w):
            images = images if images.is_floating_point() else images.to(torch.float32).div_(255)
            return images if draws.flip is None else ops.hflip(images, draws.flip)
        boxes = ops.constant((0, 0, h, w), images.device, torch.int64).expand(n, 4)
    x = ops.resized_crop(images, boxes, target, interpolation=view.interpolation, flip=draws.flip)
    return x.clamp_(0, 1) if view.interpolation == "bicubic" else x


def _channels(name: str, values, x: Tensor) -> Tensor:
    """(1, c, 1, 1) from c numbers."""
    if isinstance(values, Tensor):
        values = values.to(x.device, x.dtype).reshape(-1)
    else:
        values = ops.constant(tuple(float(v) for v in values), x.device)
    if len(values) != x.shape[1]:
        raise ValueError(f"{name} has {len(values)} numbers; the images have {x.shape[1]} channels")
    return values.view(1, -1, 1, 1)


def _check_images(images: Tensor, view: View, generator: Generator, size: int | None) -> None:
    if not isinstance(images, Tensor) or images.dtype != torch.uint8:
        kind = images.dtype if isinstance(images, Tensor) else type(images).__name__
        raise TypeError(f"images is {kind}; it must be a uint8 tensor")
    if images.ndim != 4 or images.shape[1] not in (1, 3) or 0 in images.shape[2:]:
        raise ValueError(
            f"images has shape {tuple(images.shape)}; it must be (n, c, h, w) with c = 1 or 3"
        )
    if not isinstance(view, View):
        raise TypeError(
            f"view is {view!r}; it must be a View (one of the two that policy(name) returns)"
        )
    if not isinstance(generator, Generator):
        raise TypeError(f"generator is {generator!r}; it must be a torch.Generator")
    if generator.device.type != images.device.type:
        raise ValueError(
            f"generator is on {generator.device}; it must be on the images' device, {images.device}"
        )
    if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 1):
        raise ValueError(f"size is {size!r}; it must be a whole number above 0, or None")
