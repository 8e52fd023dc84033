"""Checkpoints: written whole or not at all, read as plain weights only, and only as they were
written."""

import hashlib
import io
import pickle
from pathlib import Path

import torch

from ncssl.errors import BadFile
from ncssl.files import write_whole

# then the SHA-256 of the rest in hex, a line feed, and what torch.save writes
MAGIC = b"ncssl checkpoint 1\n"
START = len(MAGIC) + 65
REDO = "delete it; the run then starts over"


def save(path: str | Path, state: dict) -> None:
    """Write tensors and plain values to `path` atomically: a full disk or an interrupt leaves the
    old file whole.

    Raises OSError, also for a full disk: torch.save itself writes to memory, and so never meets
    one.
    """
    body = io.BytesIO()
    torch.save(state, body)
    content = body.getbuffer()
    write_whole(Path(path), MAGIC + hashlib.sha256(content).hexdigest().encode() + b"\n", content)


def load(path: str | Path, device: str = "cpu") -> dict:
    """Read what `save` wrote; raises BadFile, naming the file, for any other content and for a
    changed bit."""
    if not Path(path).is_file():  # a pipe would be waited for
        raise BadFile(path, "not a plain file", REDO)
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise BadFile(
            path, f"not a checkpoint that can be read ({error.strerror})", REDO
        ) from error
    digest = content[len(MAGIC) : START].rstrip(b"\n").decode(errors="replace")
    if not content.startswith(MAGIC) or hashlib.sha256(content[START:]).hexdigest() != digest:
        raise BadFile(path, "not a whole checkpoint (its content does not match its digest)", REDO)
    try:
        state = torch.load(io.BytesIO(content[START:]), map_location=device, weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError, OSError) as error:
        raise BadFile(path, f"not a checkpoint ({error})", REDO) from error
    if not isinstance(state, dict):
        raise BadFile(path, f"a checkpoint of a {type(state).__name__}, not of a run", REDO)
    return state
