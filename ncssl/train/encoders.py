"""Trained encoders as safetensors files that say themselves what they are: weights, layers, recipe,
preprocessing. Plain torch reads them; book/encoders.md shows how."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from torch import nn

from ncssl.data.files import plain
from ncssl.errors import BadFile
from ncssl.files import write_whole
from ncssl.nn.speech import Frames, StatisticsPooling
from ncssl.recipes import Recipe

FORMAT = "1"
Part = list  # [kind, its arguments or parts, parts put in place by name]
ARGUMENTS = {
    nn.Conv1d: "in_channels out_channels kernel_size stride padding dilation groups",
    nn.Conv2d: "in_channels out_channels kernel_size stride padding dilation groups",
    nn.BatchNorm1d: "num_features eps momentum affine track_running_stats",
    nn.BatchNorm2d: "num_features eps momentum affine track_running_stats",
    nn.Linear: "in_features out_features",
    nn.Flatten: "start_dim end_dim",
    nn.AdaptiveAvgPool2d: "output_size",
    nn.MaxPool2d: "kernel_size stride padding",
    nn.ReLU: "",
    nn.Identity: "",
    StatisticsPooling: "floor",
}
WITH_BIAS = (nn.Conv1d, nn.Conv2d, nn.Linear)


def described(module: nn.Module, name: str = "") -> Part:
    """A network as kinds and arguments: modules of torch.nn, torchvision's ResNet under the `name`
    of the function that makes it, its block, and our `StatisticsPooling`. Raises ValueError."""
    from torchvision.models.resnet import BasicBlock, ResNet  # see backbones.resnet

    if isinstance(module, nn.Sequential):
        return ["Sequential", [described(part) for part in module]]
    if isinstance(module, Frames):
        return ["Flatten", {"start_dim": 1, "end_dim": 2}]
    if isinstance(module, ResNet):
        swapped = {key: described(getattr(module, key)) for key in ("conv1", "maxpool", "fc")}
        return [name.removesuffix("_imagenet"), {}, swapped]
    if isinstance(module, BasicBlock):
        sizes = dict(inplanes=module.conv1.in_channels, planes=module.conv1.out_channels)
        cut = {"downsample": described(module.downsample)} if module.downsample else {}
        return ["BasicBlock", sizes | {"stride": module.stride}, cut]
    if type(module) not in ARGUMENTS:
        kinds = ", ".join(sorted(kind.__name__ for kind in ARGUMENTS))
        raise ValueError(f"a layer was {type(module).__name__}; allowed: {kinds}")
    given = {key: getattr(module, key) for key in ARGUMENTS[type(module)].split()}
    if isinstance(module, WITH_BIAS):
        given["bias"] = module.bias is not None
    return [type(module).__name__, given]


def build(kind: str, given: list | dict, swapped: dict[str, Part] | None = None) -> nn.Module:
    """The network that `described` describes, with fresh weights. Raises ValueError."""
    from torchvision.models import resnet

    make: Any = getattr(nn, kind, None) or getattr(resnet, kind, None)
    make = StatisticsPooling if kind == "StatisticsPooling" else make
    if make is None:
        raise ValueError(f"a layer was {kind!r}; allowed: those of torch.nn and torchvision")
    net = make(*[build(*part) for part in given]) if isinstance(given, list) else make(**given)
    for name, part in (swapped or {}).items():
        setattr(net, name, build(*part))
    return net


def save(
    path: str | Path, encoder: nn.Module, recipe: Recipe, preprocessing: dict, half: bool = False
) -> None:
    """Write an encoder whole or not at all, its weights as float32 or as float16. Raises ValueError
    for a layer that is not known or where safetensors is not installed, OSError."""
    writer = safetensors().torch.save
    weights = {k: v.detach().cpu().contiguous() for k, v in encoder.state_dict().items()}
    if half:
        weights = {k: v.half() if v.is_floating_point() else v for k, v in weights.items()}
    about = {
        "network": described(encoder, recipe.backbone),
        "recipe": dataclasses.asdict(recipe),
        "preprocessing": preprocessing,
    }
    told = {name: json.dumps(value) for name, value in about.items()}
    write_whole(Path(path), writer(weights, metadata={"ncssl_encoder": FORMAT} | told))


@dataclasses.dataclass
class Encoder:
    """An encoder from a file, in evaluation mode, with the recipe that trained it and what its
    input must have gone through."""

    net: nn.Module
    recipe: dict[str, Any]
    preprocessing: dict[str, Any]


def load(path: str | Path, device: str = "cpu") -> Encoder:
    """Read what `save` wrote; raises BadFile for anything else, FileNotFoundError, ValueError where
    safetensors is not installed."""
    opened = safetensors().safe_open
    if not Path(path).exists():
        raise FileNotFoundError(2, "no such file", str(path))
    plain(Path(path))
    try:
        with opened(str(path), "pt", device=device) as file:
            about = file.metadata() or {}
            if about.get("ncssl_encoder") != FORMAT:
                raise ValueError("it does not say that it is an encoder of this project")
            net = build(*json.loads(about["network"])).to(device)
            net.load_state_dict({name: file.get_tensor(name) for name in file.keys()})
            return Encoder(net.eval(), *(json.loads(about[k]) for k in ("recipe", "preprocessing")))
    except (KeyError, TypeError, ValueError, RuntimeError, safetensors().SafetensorError) as error:
        why = str(error).split("\n")[0]
        raise BadFile(path, f"not an encoder ({why})", "make one with --keep-encoder") from error


def safetensors() -> Any:
    """The package, which only encoders need. Raises ValueError where it is not there."""
    try:
        import safetensors.torch
    except ImportError as error:
        raise ValueError("encoders need safetensors: pip install safetensors") from error
    return safetensors
