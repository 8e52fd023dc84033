"""A state as one flat vector, and as its parts: numbers, vectors and matrices by their shapes."""

from collections.abc import Mapping

import numpy as np

State = Mapping[str, tuple[int, ...]]  # component name -> shape, () for a scalar


def sizes(state: State) -> list[int]:
    """Number of components of each part of the state."""
    return [int(np.prod(shape)) for shape in state.values()]


def unpack(y: np.ndarray, state: State) -> list[np.ndarray]:
    """Split y (..., d) into its parts, each (..., *shape)."""
    parts = np.split(y, np.cumsum(sizes(state))[:-1], axis=-1)
    return [
        part.reshape(*y.shape[:-1], *shape)
        for part, shape in zip(parts, state.values(), strict=True)
    ]


def pack(parts: list[np.ndarray], state: State) -> np.ndarray:
    """Inverse of unpack: join parts (..., *shape) into (..., d), broadcasting the batch axes."""
    arrays = [np.asarray(part, float) for part in parts]
    shapes = list(state.values())
    batch = np.broadcast_shapes(
        *(a.shape[: a.ndim - len(s)] for a, s in zip(arrays, shapes, strict=True))
    )
    flat = [
        np.broadcast_to(a, batch + s).reshape(*batch, -1)
        for a, s in zip(arrays, shapes, strict=True)
    ]
    return np.concatenate(flat, axis=-1)


def split(y: np.ndarray) -> tuple[np.ndarray, ...]:
    """The d components of a state y (..., d) of scalars, each (...): views, to read or to write."""
    return tuple(y[..., i] for i in range(y.shape[-1]))


def join(*parts: np.ndarray) -> np.ndarray:
    """Inverse of split: scalars (...) of shapes that broadcast, into (..., d), each component
    contiguous in memory."""
    apart = np.empty((len(parts), *np.broadcast(*parts).shape))
    for i, part in enumerate(parts):
        apart[i] = part
    return apart.transpose(*range(1, apart.ndim), 0)
