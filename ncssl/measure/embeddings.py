"""Embeddings and labels from files of any library: arrays, tensors, batches of them, sparse ones,
either byte order."""

import codecs
import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy._core import multiarray
from torch import Tensor

from ncssl.data.files import plain
from ncssl.errors import BadFile

ENDINGS = {".npy": "numpy", ".npz": "numpy", ".pt": "torch", ".pth": "torch"}
NAMES = ("z", "z2", "y")
# what an array of numbers inside a .pt is made of; none of it executes anything
NUMPY = [
    multiarray._reconstruct,
    multiarray.scalar,
    np.ndarray,
    np.dtype,
    codecs.encode,
    *(getattr(np.dtypes, name) for name in np.dtypes.__all__),
]


def read_embeddings(path: str | Path) -> dict[str, Tensor]:
    """z, and z2 and y where they are there, from a .npy, .npz, .pt or .pth file; a lone array is z,
    a list holds batches of it, or of (z, y) or (z, z2, y).

    Raises BadFile for what cannot be read or has no z, FileNotFoundError. Nothing in a file is
    executed.
    """
    held = arrays(path)
    if "z" not in held and len(held) == 1:
        held = {"z": next(iter(held.values()))}
    if "z" not in held:
        names = ", ".join(map(str, held)) or "nothing"
        raise BadFile(path, f"holds {names}", "name the embeddings z, a second view z2, labels y")
    return {name: of_file(path, name, held[name]) for name in NAMES if name in held}


def read_array(path: str | Path, name: str) -> Tensor:
    """The array of that name in a file, or the only one in it; raises BadFile,
    FileNotFoundError."""
    held = arrays(path)
    if name not in held and len(held) != 1:
        raise BadFile(
            path,
            f"holds {', '.join(map(str, held)) or 'nothing'}",
            f"give one array, or name it {name}",
        )
    return of_file(path, name, held.get(name, next(iter(held.values()))))


def arrays(path: str | Path) -> dict:
    """What a file holds, by name; a lone array has the name ''. Raises BadFile,
    FileNotFoundError."""
    path = Path(path)
    if path.suffix not in ENDINGS:
        raise BadFile(
            path, f"the ending {path.suffix!r} is not known", f"save as {', '.join(ENDINGS)}"
        )
    plain(path)  # a pipe would be waited for
    try:
        held = of_torch(path) if ENDINGS[path.suffix] == "torch" else of_numpy(path)
    except FileNotFoundError:
        raise
    except (
        pickle.UnpicklingError,
        RuntimeError,
        ValueError,
        EOFError,
        KeyError,
        OSError,
        zipfile.BadZipFile,
    ) as error:
        why = str(error).split("\n")[0]
        raise BadFile(
            path, f"cannot be read ({why})", "save plain arrays or tensors of numbers"
        ) from error
    except MemoryError as error:  # a damaged header may ask for any number of bytes
        raise BadFile(
            path, f"asks for more memory than there is ({error})", "see whether it is whole"
        ) from error
    return held if isinstance(held, dict) else named(held)


def of_numpy(path: Path) -> Any:
    """What a .npy or .npz holds."""
    held = np.load(path, allow_pickle=False)
    return {name: held[name] for name in held.files} if hasattr(held, "files") else held


def of_torch(path: Path) -> Any:
    """What a .pt holds: tensors, arrays of numbers, plain values and collections of them."""
    with torch.serialization.safe_globals(NUMPY), warnings.catch_warnings(action="ignore"):
        return torch.load(path, map_location="cpu", weights_only=True)


def named(held: Any) -> dict:
    """A lone array under the name ''; batches that are pairs or triples of arrays by the names of
    these, whose labels are the last whole numbers."""
    if not isinstance(held, list | tuple) or not all(isinstance(b, list | tuple) for b in held):
        return {"": held}
    columns = list(zip(*held, strict=False))
    whole = all(len(batch) == len(columns) for batch in held)
    if not 2 <= len(columns) <= 3 or not whole or any(np.ndim(part[0]) == 0 for part in columns):
        return {"": held}
    last = np.asarray(columns[-1][0])
    names = NAMES[: len(columns)] if last.dtype.kind == "f" else ("z", "y")
    return dict(zip(names if len(columns) == 2 else NAMES, map(list, columns), strict=True))


def of_file(path: str | Path, name: str, value: Any) -> Tensor:
    """`tensor` of one value of a file, a list of batches or of rows put together; raises
    BadFile."""
    try:
        if isinstance(value, list | tuple) and value and isinstance(value[0], Tensor | np.ndarray):
            rows = name != "y" and value[0].ndim == 1
            return (torch.stack if rows else torch.cat)([tensor(name, each) for each in value])
        return tensor(name, value)
    except (ValueError, RuntimeError, TypeError) as error:
        why = str(error).split("\n")[0]
        raise BadFile(path, why, "save plain arrays or tensors of numbers") from error


def tensor(name: str, value: object) -> Tensor:
    """A dense tensor of a tensor or array, on its device, without its graph, in this machine's byte
    order, in float64 where it has more, in float32 where it has eight bits; raises ValueError
    naming it."""
    if isinstance(value, Tensor):
        if value.is_meta:
            raise ValueError(f"{name} must hold numbers, had a shape alone (a meta tensor)")
        dense = value.detach().to_dense()
        return dense.float() if dense.is_floating_point() and dense.itemsize == 1 else dense
    array = np.array(value)
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    try:
        return torch.from_numpy(array.astype(array.dtype.newbyteorder("="), copy=False))
    except TypeError as error:
        raise ValueError(f"{name} must hold numbers, had {array.dtype}") from error
