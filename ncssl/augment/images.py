"""Random views of a batch of images: drawing and applying; what a view is: `policies`.

Drawing (`draw`) is apart from applying (`apply`): the first makes tensors of parameters from an
explicit generator, the second is deterministic. `augment` does both. All runs on the device of the
images, in float32, without Python loops over samples. Mirroring is folded into the crop: it
commutes with all later steps but erasing, which is random anyway.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from ncssl.augment import ops
from ncssl.augment.policies import View
from ncssl.checks import MaybeNone, is_whole

Levels = Sequence[float] | Tensor | None  # a number a channel
ATTEMPTS = 10  # torchvision's number of tries for a box


class Draws(NamedTuple):
    """The random parameters of a batch, one entry a sample; None for a step that the view does not
    have. What is drawn together is there together."""

    boxes: Tensor | None = None  # (n, 4) int64: top, left, height, width
    flip: Tensor | None = None  # (n,) bool
    jitter: Tensor | None = None  # (n,) bool
    factors: Tensor | MaybeNone = None  # (n, 4) brightness, contrast, saturation, hue
    order: Tensor | MaybeNone = None  # (n, 4) int64, a permutation of 0..3
    gray: Tensor | None = None  # (n,) bool
    blur: Tensor | None = None  # (n,) bool
    sigma: Tensor | MaybeNone = None  # (n,) pixels
    solarise: Tensor | None = None  # (n,) bool
    angle: Tensor | None = None  # (n,) degrees
    shift: Tensor | MaybeNone = None  # (n, 2) pixels: right, down
    zoom: Tensor | MaybeNone = None  # (n,)
    erase: Tensor | None = None  # (n,) bool
    holes: Tensor | MaybeNone = None  # (n, 4) int64, in pixels of the result


def draw_uniform(shape: Sequence[int], low: float, high: float, generator: Generator) -> Tensor:
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
    a, b = (x.gather(1, at).squeeze(1).long() for x in (a, b))
    return a, b, fits.any(1)


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
    images: Tensor,
    view: View,
    draws: Draws,
    *,
    size: int | None = None,
    mean: Levels = None,
    std: Levels = None,
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
    mean: Levels = None,
    std: Levels = None,
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
    if size is not None and (not is_whole(size) or size < 1):
        raise ValueError(f"size is {size!r}; it must be a whole number above 0, or None")
