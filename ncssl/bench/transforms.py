"""The views of a run as other libraries make them: transforms of single PIL images, set to what our
policy of the run says."""

import importlib
import io
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from types import ModuleType

import torch
from torchvision import transforms

from ncssl.augment import View, policy
from ncssl.bench.ours import side
from ncssl.train.run import Run

# what lightly's transform does unless told otherwise; sigma 0.1 to 2 pixels
BLUR = dict(blur_p=0.5, blur_kernel=13)
MODE = transforms.InterpolationMode


def there(name: str) -> ModuleType | None:
    """The module, where it can be imported; what it prints and warns about meanwhile is its own
    affair."""
    quiet = io.StringIO()
    with warnings.catch_warnings(action="ignore"), redirect_stdout(quiet), redirect_stderr(quiet):
        try:
            return importlib.import_module(name)
        except ImportError:
            return None


class Views:
    """One random transform a view of a PIL image."""

    def __init__(self, made: Sequence[Callable]):
        self.made = made

    def __call__(self, image) -> list[torch.Tensor]:
        return [transform(image) for transform in self.made]


def declared(run: Run, blur: bool = False) -> list[View]:
    """The views of the run's policy, with lightly's blur where it is asked for."""
    return [replace(view, **(BLUR if blur else {})) for view in policy(run.recipe.augmentation)]


def torchvisions(run: Run, blur: bool = False) -> Views:
    """In torchvision's transforms; solo-learn's recipe is these too, with a policy of its own."""
    return Views([torchvision_view(run, view) for view in declared(run, blur)])


def torchvision_view(run: Run, view: View) -> Callable:
    """One view; the order is that of lightly, solo-learn and torchvision's references."""
    steps = [
        transforms.RandomResizedCrop(
            side(run), view.crop_scale, view.crop_ratio, MODE(view.interpolation)
        ),
        transforms.RandomHorizontalFlip(view.flip_p),
        transforms.RandomApply([transforms.ColorJitter(*view.jitter)], p=view.jitter_p),
        transforms.RandomGrayscale(view.gray_p),
    ]
    if view.blur_p:
        blurring = transforms.GaussianBlur(view.blur_kernel, view.blur_sigma)
        steps.append(transforms.RandomApply([blurring], p=view.blur_p))
    if view.solarise_p:
        steps.append(
            transforms.RandomSolarize(round(255 * view.solarise_threshold), view.solarise_p)
        )
    steps += [
        transforms.ToTensor(),
        transforms.Normalize(run.data.mean.tolist(), run.data.std.tolist()),
    ]
    return transforms.Compose(steps)


def lightlys(run: Run, blur: bool = False) -> Callable:
    """lightly's SimSiamTransform, with its own strengths of jitter and grey, which are those of the
    policies that it is set beside."""
    from lightly.transforms import SimSiamTransform

    (view, _) = declared(run, blur)
    return SimSiamTransform(
        input_size=side(run), min_scale=view.crop_scale[0], gaussian_blur=view.blur_p
    )


def stable_pretrainings(run: Run) -> Views:
    """stable-pretraining's transforms of samples that are dicts; its label and numbers of the draws
    stay with the worker."""
    spt = importlib.import_module("stable_pretraining.data.transforms")
    mean, std = run.data.mean.tolist(), run.data.std.tolist()

    def one(view: View) -> Callable:
        return spt.Compose(
            spt.RandomResizedCrop(side(run), view.crop_scale, view.crop_ratio),
            spt.RandomHorizontalFlip(view.flip_p),
            spt.ColorJitter(*view.jitter, p=view.jitter_p),
            spt.RandomGrayscale(view.gray_p),
            spt.ToImage(mean=mean, std=std),
        )

    return Views([Sample(one(view)) for view in declared(run)])


class Sample:
    """A transform of a sample that is a dict, as one of an image."""

    def __init__(self, transform: Callable):
        self.transform = transform

    def __call__(self, image) -> torch.Tensor:
        return self.transform({"image": image})["image"]
