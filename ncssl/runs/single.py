"""One run of a campaign: locked, made unless it has a record, and what a command prints of it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ncssl import parallel
from ncssl.files import claimed
from ncssl.machine import THREADS, best_device
from ncssl.metrics import metric
from ncssl.recipes import Recipe
from ncssl.records import baseline, store
from ncssl.records.numbers import kind
from ncssl.runs import experiments
from ncssl.runs.budget import OutOfTime, until
from ncssl.runs.floors import measure_floor
from ncssl.train.loop import fit
from ncssl.train.run import precision


def summary(record: store.Record, out: str | Path | None) -> dict:
    """What a command prints of a record."""
    path = Path(out or store.results_dir()) / record.key / f"{record.id}.json"
    shown = [k for k in record.metrics if metric(k).shown]
    metrics = {k: store.rounded(record.metrics[k]) for k in shown}
    return {
        "path": str(path),
        "id": record.id,
        "status": record.status,
        "reason": record.reason,
        "metrics": metrics,
    }


def run_one(
    planned: experiments.Planned,
    root: str | Path | None,
    out: str | Path | None,
    device: str | None,
    download: bool,
    threads: int = THREADS,
    keep: str | Path | None = None,
    deadline: float | None = None,
) -> dict | None:
    """Make one record unless it is there or another process is at it; what to print of it, or None.

    `keep`: a folder for its encoder in half precision, under the id of the run.
    None too if the deadline came first: the checkpoint stays, and the next call goes on from it.
    Of several processes that torchrun started the first has what to print, the others {}.
    """
    parallel.join()
    with taken(planned.recipe, out) as mine:
        if not mine or parallel.agreed(recorded(planned, out)):
            return None
        where = dict(root=root, device=device, out=out, download=download, threads=threads)
        try:
            with until(deadline):
                if planned.recipe.method in baseline.METHODS:
                    first = parallel.rank() == 0
                    record = measure_floor(planned.recipe, **where) if first else None
                else:
                    if keep is not None:
                        where |= dict(keep=encoder_file(planned.recipe, keep), half=True)
                    record = fit(planned.recipe, key=planned.paper, progress=False, **where)
        except OutOfTime:
            return None
        if record is None:  # the first process of the run has it
            return {}
        # whoever waits for it finds the record first
        lock(planned.recipe, out).unlink(missing_ok=True)
        name = f"{planned.experiment}.{planned.arm}"
        return {"run": name, "seed": planned.seed, "seconds": round(record.seconds, 1)} | summary(
            record, out
        )


def encoder_file(r: Recipe, folder: str | Path) -> Path:
    """Where a campaign keeps the encoder of a run."""
    return Path(folder) / f"{r.id}.safetensors"


@contextlib.contextmanager
def taken(r: Recipe, out: str | Path | None = None) -> Iterator[bool]:
    """True where this call holds the lock of a run, in each of its processes. Raises ValueError
    where these are at different runs."""
    if parallel.agreed(int(r.id, 16)) != int(r.id, 16):
        raise ValueError(f"process {parallel.rank()} is at {r.id}, the first at another run")
    if parallel.rank() > 0:
        yield bool(parallel.agreed(0))
        return
    with claimed(lock(r, out)) as mine:
        yield bool(parallel.agreed(mine))


def lock(r: Recipe, out: str | Path | None = None) -> Path:
    """The lock of a run, beside the records, which hosts may share while their caches are their
    own."""
    return Path(out or store.results_dir()) / ".locks" / f"{r.id}.lock"


def recorded(planned: experiments.Planned, out: str | Path | None = None) -> bool:
    """Whether a run has a record, and where it is made `again` one of the kind that it is to have;
    one that is torn is made again."""
    path = store.find(planned.recipe.id, out)
    if path is None or store.torn(path):
        return False
    return planned.again is None or kind(store.load(path)) == planned.again


def stored(r: Recipe, out: str | Path | None = None) -> store.Record | None:
    """The record of a recipe, or None where there is none that can be used."""
    path = store.find(r.id, out)
    return store.load(path) if path and store.usable(path) else None


def kind_here(recipe: Recipe, device: str | None) -> tuple[str, str]:
    """Precision and kind of device that a recipe is computed in on this machine."""
    device = device or best_device()
    return precision(recipe, device), "cuda" if device.startswith("cuda") else "cpu"


def label(p: experiments.Planned) -> str:
    """A run in messages."""
    return f"{p.paper} {p.experiment}.{p.arm}, seed {p.seed}"
