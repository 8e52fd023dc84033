"""Checkpoints: written whole or not at all, read as plain weights only."""

import os
import pickle
import tempfile
from pathlib import Path

import torch

from ncssl.errors import BadFile


def save(path: str | Path, state: dict) -> None:
    """Write tensors and plain values to `path` atomically: a full disk or an interrupt leaves the old file whole."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def load(path: str | Path, device: str = "cpu") -> dict:
    """Read what `save` wrote; a corrupt or truncated file raises BadFile naming it."""
    try:
        return torch.load(path, map_location=device, weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError) as error:
        raise BadFile(path, f"not a whole checkpoint ({error})", "delete it; the run then starts over") from error
