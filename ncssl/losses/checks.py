"""What a loss accepts: matrices of one shape, kind and device."""

import functools
from collections.abc import Callable

import torch
from torch import Tensor


def exact(loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The same loss with autocast off inside it: value and gradient are those of the precision of
    its tensors."""

    @functools.wraps(loss)
    def outside_autocast(*args, **kwargs) -> Tensor:
        given = next((x for x in (*args, *kwargs.values()) if isinstance(x, Tensor)), None)
        with torch.autocast(given.device.type if given is not None else "cpu", enabled=False):
            return loss(*args, **kwargs)

    return outside_autocast


def matrices(**given: Tensor) -> list[Tensor]:
    """The tensors, each (n, d) and alike, in float32 (float64 stays). Raises TypeError or
    ValueError naming the one that does not fit."""
    (first, x), *_ = given.items()
    for name, z in given.items():
        if not isinstance(z, Tensor) or not z.is_floating_point():
            kind = z.dtype if isinstance(z, Tensor) else type(z).__name__
            raise TypeError(
                f"{name} was {kind}; allowed: a tensor of floating-point numbers (n, d)"
            )
        if z.ndim != 2 or z.shape != x.shape:
            raise ValueError(
                f"{name} had shape {tuple(z.shape)}; allowed: (n, d), the shape of {first}"
            )
        if z.device != x.device:
            raise ValueError(f"{name} was on {z.device}; allowed: {x.device}, where {first} is")
    return [z if z.dtype == torch.float64 else z.float() for z in given.values()]


def at_least(name: str, z: Tensor, rows: int, why: str) -> None:
    """Raise ValueError when z has fewer rows than needed."""
    if len(z) < rows:
        raise ValueError(f"{name} had {len(z)} rows; allowed: at least {rows}, {why}")
