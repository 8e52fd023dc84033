"""Policies of views of images: what is drawn for each view, by the paper that says so."""

from dataclasses import dataclass, replace

from ncssl.augment import ops
from ncssl.errors import UnknownName


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
            must(
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
                must(fine, name, pair, "a pair (low, high) with 0 < low <= high")
        must(
            self.crop_scale is None or self.crop_scale[1] <= 1,
            "crop_scale",
            self.crop_scale,
            "at most 1",
        )
        must(
            len(self.jitter) == 4 and min(self.jitter) >= 0 and self.jitter[3] <= 0.5,
            "jitter",
            self.jitter,
            "four strengths >= 0, the hue's at most 0.5",
        )
        must(
            self.interpolation in ops.INTERPOLATIONS,
            "interpolation",
            self.interpolation,
            " or ".join(ops.INTERPOLATIONS),
        )
        must(
            self.blur_kernel > 0 and self.blur_kernel % 2 == 1,
            "blur_kernel",
            self.blur_kernel,
            "odd",
        )
        must(0 < self.share <= 1, "share", self.share, "in (0, 1]")
        must(
            self.rotate >= 0 and self.translate >= 0,
            "rotate, translate",
            (self.rotate, self.translate),
            ">= 0",
        )

    @property
    def moves(self) -> bool:
        """Whether the view turns, moves or enlarges."""
        return self.rotate > 0 or self.translate > 0 or self.zoom != (1.0, 1.0)


def must(fine: bool, name: str, given: object, allowed: str) -> None:
    """Raise ValueError unless it is fine."""
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
