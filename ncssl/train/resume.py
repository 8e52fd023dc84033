"""The checkpoint of a run: where it lies, how a run goes on from it, and what if it cannot."""

import contextlib
import datetime
import os
import sys
from pathlib import Path

import torch

from ncssl import parallel
from ncssl.data import cache_dir
from ncssl.errors import BadFile, remedy
from ncssl.files import aside, sweep
from ncssl.recipes import Recipe
from ncssl.records import store
from ncssl.train import checkpoint
from ncssl.train.run import Run


def checkpoint_path(recipe: Recipe) -> Path:
    """Where the run of a recipe keeps its state while it goes."""
    return checkpoint_folder() / f"{recipe.id}.pt"


def checkpoint_folder() -> Path:
    """The folder of the checkpoints, in the cache."""
    base = cache_dir() if os.environ.get("NCSSL_CACHE") else cache_dir().parent
    return base / "checkpoints"


def sweep_finished(results: str | Path | None = None) -> None:
    """Remove the checkpoints older than a record of their run, which a kill between the writing of
    the one and the removal of the other leaves; a newer one is of a run that is being made anew.
    The record's own date counts: its file is new in every clone."""
    for path in checkpoint_folder().glob("*.pt"):
        with contextlib.suppress(OSError, BadFile):
            if record := store.find(path.stem, results):
                made = datetime.datetime.fromisoformat(store.load(record).created)
                if int(path.stat().st_mtime) <= made.timestamp():
                    path.unlink()


def resume(run: Run, path: Path) -> bool:
    """Go on from the checkpoint at `path` if there is one. One that is damaged, or not of this run,
    is named on stderr and set aside; False then: parts of it may be in the run, which is to be
    started anew."""
    if parallel.rank() == 0:
        sweep(path.parent, path.suffix)
    if not os.path.lexists(path):
        return True
    try:
        run.restore(checkpoint.load(path, run.device))
    except (MemoryError, torch.OutOfMemoryError):
        raise
    # torch's, of its parts
    except (ValueError, LookupError, TypeError, AttributeError, RuntimeError) as error:
        why = str(error) if isinstance(error, BadFile) else f"{path}: {error!r}"
        print(
            f"ncssl: {' '.join(why.split())}. {put_away(path)}; the run starts over.",
            file=sys.stderr,
        )
        return False
    return True


def resume_together(run: Run, path: Path) -> bool:
    """`resume` in every process of a run, the first before the others; its answer. Raises
    ValueError where the others do not see the same checkpoint."""
    with parallel.first_then_others():
        fine = resume(run, path)
    fine, epoch = bool(parallel.agreed(fine)), parallel.agreed(run.epoch)
    if fine and epoch != run.epoch:
        raise ValueError(
            f"process {parallel.rank()} is at epoch {run.epoch}, the first at {epoch}; set"
            " NCSSL_CACHE to a folder that all processes see"
        )
    return fine


def put_away(path: Path) -> str:
    """Set a checkpoint aside; what to say of it."""
    try:
        return f"Set aside as {aside(path)}"
    except OSError as error:
        return f"It could not be set aside ({error.strerror})"


def saved(run: Run, path: Path) -> bool:
    """Write the checkpoint; False, and a line on stderr, where there is no place for it: the run
    goes on without."""
    try:
        checkpoint.save(path, run.state())
    except OSError as error:
        print(f"ncssl: no checkpoint of {run.recipe.id}: {error}. {remedy(error)}", file=sys.stderr)
        return False
    return True
