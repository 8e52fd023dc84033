"""Image operations on whole batches, every sample with its own parameters.

Images are float32 in [0, 1], shape (n, c, h, w), c = 1 or 3; `resized_crop` also takes uint8. Each
function takes the parameters as tensors with one entry a sample and agrees with
`torchvision.transforms.v2.functional` called on the float images one by one. Nothing here draws
random numbers. With `inplace=True` a function may overwrite `images`; use what it returns. On CUDA
no function waits for the device: there, samples left out are computed and thrown away; on the CPU
they are not computed. Crop and blur are float32 matrix products, so allowing TF32 costs them about
three digits.
"""

import functools
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)  # as in torchvision's ColorJitter
GRAY = (0.2989, 0.587, 0.114)  # torchvision's weights of red, green, blue


def triangle(t: Tensor) -> Tensor:
    """The linear interpolation kernel at distances t >= 0, which may be overwritten."""
    return t.neg_().add_(1).clamp_(min=0)


def cubic(t: Tensor) -> Tensor:
    """The cubic interpolation kernel with a = -1/2 at distances t >= 0."""
    u, v = (1 - t).clamp_(min=0), (2 - t).clamp_(min=0)
    return v * v * (v - 1) * 0.5 + u * u * (1 - 2 * u)


INTERPOLATIONS = {"bilinear": triangle, "bicubic": cubic}


@functools.lru_cache(maxsize=64)
def constant(values: tuple, device: torch.device, dtype: torch.dtype = torch.float32) -> Tensor:
    """A small tensor of fixed values, sent to a device once (building it anew would wait for the
    device)."""
    with torch.inference_mode(False):
        return torch.tensor(values, dtype=dtype, device=device)


def picks(images: Tensor) -> bool:
    """Whether to pick out the samples that a step is for. On CUDA that would wait for the device:
    all are computed."""
    return not images.is_cuda


def resized_crop(
    images: Tensor,
    boxes: Tensor,
    size: int | tuple[int, int],
    *,
    interpolation: str = "bilinear",
    flip: Tensor | None = None,
) -> Tensor:
    """Cut boxes (n, 4: top, left, height, width; inside the image), resize them to `size` with
    antialiasing, and mirror left to right where `flip` (n,) is true. Bicubic may leave [0, 1], as
    torchvision's does on floats."""
    if interpolation not in INTERPOLATIONS:
        raise ValueError(
            f"interpolation is {interpolation!r}; allowed: {', '.join(INTERPOLATIONS)}"
        )
    n, c, h, w = images.shape
    out_h, out_w = (size, size) if isinstance(size, int) else size
    top, left, height, width = boxes.unbind(1)
    rows = _resize_matrix(top, height, h, out_h, interpolation)
    columns = _resize_matrix(left, width, w, out_w, interpolation, flip)
    if images.dtype == torch.uint8:
        rows = rows.mul_(1 / 255)
    x = images.to(torch.float32)
    x = torch.bmm(x.reshape(n, c * h, w), columns.transpose(1, 2)).view(n, c, h, out_w)
    return torch.matmul(rows.unsqueeze(1), x)


def _resize_matrix(
    start: Tensor,
    length: Tensor,
    n_in: int,
    n_out: int,
    interpolation: str,
    flip: Tensor | None = None,
) -> Tensor:
    """(n, n_out, n_in): row i holds the weights that make output pixel i out of input [start, start
    + length)."""
    scale = length.to(torch.float32).div(n_out)[:, None]
    position = torch.arange(n_out, device=start.device)
    if flip is not None:
        position = torch.where(flip[:, None], n_out - 1 - position, position)
    stretch = scale.clamp(min=1)
    centre = (scale * (position + 0.5)).add_(start[:, None] - 0.5).div_(stretch)
    pixel = torch.arange(n_in, device=start.device)
    inside = (pixel >= start[:, None]) & (pixel < (start + length)[:, None])
    distance = ((pixel / stretch).unsqueeze(1) - centre.unsqueeze(2)).abs_()
    weights = INTERPOLATIONS[interpolation](distance).mul_(inside.unsqueeze(1))
    return weights.div_(weights.sum(-1, keepdim=True))


def hflip(images: Tensor, flip: Tensor) -> Tensor:
    """Mirror left to right the samples where `flip` (n,) bool is true."""
    return torch.where(flip[:, None, None, None], images.flip(-1), images)


def color_jitter(
    images: Tensor, factors: Tensor, order: Tensor, apply: Tensor, *, inplace: bool = False
) -> Tensor:
    """Brightness, contrast, saturation and hue by factors (n, 4; in that order, hue as a share of
    the turn in [-1/2, 1/2]), done in each sample's own order (n, 4; a permutation of 0..3), where
    `apply` (n,) bool is true.

    Everything but hue is linear up to a clamp, so hue, the dear one, is done once for all samples:
    up to three linear steps before it, up to three after it. One-channel images get brightness and
    contrast only."""
    hue_at = torch.where(apply, (order == HUE).int().argmax(1), 4)
    steps = _linear_steps(factors, order, apply)
    n, hue = len(images), factors[:, HUE]
    if not picks(images):
        back, x, ends = None, images.clone(), None
    else:  # by place of hue, so that each step works on a slice
        there = hue_at.argsort(stable=True)
        back, x = there.argsort(), images.index_select(0, there)
        hue_at, hue, steps = hue_at[there], hue[there], steps[there]
        ends = torch.bincount(hue_at, minlength=5).cumsum(0).tolist()
    for j in range(3):
        active = slice(ends[j], ends[3]) if ends else slice(0, n)
        _linear_(x[active], _identity_unless(steps[active, j], hue_at[active] > j))
    done = slice(0, ends[3] if ends else n)
    if images.shape[1] == 3:
        _shift_hue_(x[done], hue[done])
    for j in range(3):
        active = slice(0, ends[j] if ends else n)
        _linear_(x[active], _identity_unless(steps[active, j + 1], hue_at[active] <= j))
    if back is None:
        return torch.where(apply[:, None, None, None], x, images)
    return torch.index_select(x, 0, back, out=images if inplace else None)


def _linear_steps(factors: Tensor, order: Tensor, apply: Tensor) -> Tensor:
    """(n, 4 positions, 3): weights of the image, of its grey version and of the mean grey; (1, 0,
    0) does nothing."""
    factor = torch.where(apply[:, None] & (order != HUE), factors.gather(1, order), 1)
    rest = 1 - factor
    return torch.stack((factor, rest * (order == SATURATION), rest * (order == CONTRAST)), -1)


def _identity_unless(weights: Tensor, active: Tensor) -> Tensor:
    if picks(weights):  # the slice holds active samples only
        return weights
    return torch.where(active[:, None], weights, constant((1.0, 0.0, 0.0), weights.device))


def _linear_(x: Tensor, weights: Tensor) -> None:
    """x <- clamp(a x + b grey(x) + c mean(grey(x))), the three weights (n, 3) a sample."""
    if not len(x):
        return
    own, gray_weight, mean_weight = weights[:, :, None, None, None].unbind(1)
    gray = _gray(x)
    mean = gray.mean((2, 3), keepdim=True) * mean_weight
    offset = (gray * gray_weight if gray is x else gray.mul_(gray_weight)).add_(mean)
    torch.addcmul(offset, x, own, out=x).clamp_(0, 1)


def _gray(x: Tensor) -> Tensor:
    """(n, 1, h, w): the luminance as torchvision weighs it; a one-channel image is its own."""
    if x.shape[1] == 1:
        return x
    red, green, blue = x.split(1, 1)
    return red.mul(GRAY[0]).add_(green, alpha=GRAY[1]).add_(blue, alpha=GRAY[2])


def adjust_hue(images: Tensor, shift: Tensor) -> Tensor:
    """Turn the hue by shift (n,), a share of the full turn in [-1/2, 1/2]; exact, as through
    HSV."""
    x = images.clone()
    if x.shape[1] == 3:
        _shift_hue_(x, shift)
    return x


def _shift_hue_(x: Tensor, shift: Tensor) -> None:
    """In place and without branches. In sixths of a turn from red, a colour's angle is 1 + (g + b -
    r - min) / span with the sign of g - b; a channel is full within 1 of its own angle and at the
    minimum from 2 on."""
    red, green, blue = x.split(1, 1)
    low, high = torch.minimum(red, green), torch.maximum(red, green)
    low, high = torch.minimum(low, blue, out=low), torch.maximum(high, blue, out=high)
    span = high - low
    angle = (
        (green + blue)
        .sub_(red)
        .sub_(low)
        .div_(span.clamp(min=1e-12))
        .add_(1)
        .copysign_(green - blue)
    )
    angle.add_(shift.mul(6)[:, None, None, None])
    angle.sub_(angle.div(6).round_(), alpha=6)
    # 3 - distance
    away = (angle - constant((0.0, 2.0, -2.0), x.device).view(1, 3, 1, 1)).abs_().sub_(3).abs_()
    torch.addcmul(high.sub_(span, alpha=2), away.clamp_(1, 2), span, out=x)


def grayscale(images: Tensor, apply: Tensor, *, inplace: bool = False) -> Tensor:
    """Grey in all channels where `apply` (n,) bool is true; one-channel images stay as they are."""
    return (
        images
        if images.shape[1] == 1
        else _where(apply, lambda x: _gray(x).expand_as(x), images, inplace=inplace)
    )


def solarise(
    images: Tensor, apply: Tensor, *, threshold: float = 128 / 255, inplace: bool = False
) -> Tensor:
    """Invert the values at or above the threshold where `apply` (n,) bool is true. Pillow's default
    is 128 of 255."""
    return _where(apply, lambda x: torch.where(x >= threshold, 1 - x, x), images, inplace=inplace)


def gaussian_blur(
    images: Tensor, sigma: Tensor, kernel: int, apply: Tensor, *, inplace: bool = False
) -> Tensor:
    """Gaussian of sigma (n,) pixels cut to `kernel` (odd) taps, edges reflected, where `apply` (n,)
    bool is true. Raises ValueError when the kernel does not fit the image."""
    h, w = images.shape[2:]
    if kernel % 2 == 0 or not 0 < kernel < 2 * min(h, w):
        raise ValueError(
            f"kernel is {kernel}; it must be odd and, for images of {h} x {w}, below"
            f" {2 * min(h, w)}"
        )
    return _where(apply, lambda x, s: _blur(x, s, kernel), images, sigma, inplace=inplace)


def _blur(x: Tensor, sigma: Tensor, kernel: int) -> Tensor:
    n, c, h, w = x.shape
    offset = torch.arange(kernel, device=x.device) - kernel // 2
    weights = torch.softmax(offset.square() / (-2 * sigma.square()[:, None]), 1)
    columns = (weights @ _reflections(w, kernel, x.device)).view(n, w, w)
    rows = columns if h == w else (weights @ _reflections(h, kernel, x.device)).view(n, h, h)
    x = torch.bmm(x.reshape(n, c * h, w), columns.transpose(1, 2)).view(n, c, h, w)
    return torch.matmul(rows.unsqueeze(1), x)


@functools.lru_cache(maxsize=16)
def _reflections(size: int, kernel: int, device: torch.device) -> Tensor:
    """(kernel, size * size): for each tap, which pixel it reads for which output, reflected at the
    edges."""
    with torch.inference_mode(False):
        place = torch.arange(size)[:, None] + torch.arange(kernel) - kernel // 2
        place = size - 1 - (place.abs() - (size - 1)).abs()
        return F.one_hot(place, size).permute(1, 0, 2).reshape(kernel, -1).to(device, torch.float32)


def affine(images: Tensor, angle: Tensor, shift: Tensor, zoom: Tensor) -> Tensor:
    """Turn clockwise by angle (n,) degrees and enlarge by zoom (n,) about the centre, then move by
    shift (n, 2: right, down) in pixels; bilinear, zeros from outside."""
    n, _, h, w = images.shape
    turn = torch.deg2rad(angle)
    cosine, sine = torch.cos(turn) / zoom, torch.sin(turn) / zoom
    x = torch.arange(w, device=images.device) - (w - 1) / 2 - shift[:, :1]
    y = torch.arange(h, device=images.device) - (h - 1) / 2 - shift[:, 1:]
    x, y = x[:, None, :], y[:, :, None]
    cosine, sine = cosine[:, None, None], sine[:, None, None]
    grid = torch.stack(((cosine * x + sine * y) * (2 / w), (cosine * y - sine * x) * (2 / h)), -1)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def erase(
    images: Tensor, boxes: Tensor, apply: Tensor, *, value: float = 0.0, inplace: bool = False
) -> Tensor:
    """Set the boxes (n, 4: top, left, height, width) to one value where `apply` (n,) bool is
    true."""
    top, left, height, width = boxes.unbind(1)
    row, column = (torch.arange(s, device=images.device) for s in images.shape[2:])
    rows = (row >= top[:, None]) & (row < (top + height)[:, None])
    columns = (column >= left[:, None]) & (column < (left + width)[:, None])
    inside = rows[:, :, None] & columns[:, None, :] & apply[:, None, None]
    return (images if inplace else images.clone()).masked_fill_(inside[:, None], value)


def _where(
    apply: Tensor,
    function: Callable[..., Tensor],
    images: Tensor,
    *parameters: Tensor,
    inplace: bool,
) -> Tensor:
    """function(images, ...) for the chosen samples, the others unchanged."""
    if not picks(images):
        return torch.where(apply[:, None, None, None], function(images, *parameters), images)
    chosen = apply.nonzero().squeeze(1)
    changed = function(
        images.index_select(0, chosen), *(p.index_select(0, chosen) for p in parameters)
    )
    return (images if inplace else images.clone()).index_copy_(0, chosen, changed)
