"""Many runs in one command: the missing records of the experiments, resumable at any kill, within a budget."""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from ncssl import experiments
from ncssl.records import store
from ncssl.train import checkpoint_path, fit

SHOWN = (
    "knn_accuracy", "probe_accuracy", "few_label_accuracy", "std_normalised", "effective_rank", "images_per_second",
)  # fmt: skip


def seconds(budget: str | None) -> float | None:
    """Seconds of a budget such as 90s, 9m, 2h; None for none."""
    if budget is None:
        return None
    unit = {"s": 1, "m": 60, "h": 3600}.get(budget[-1:])
    try:
        return float(budget[:-1]) * unit
    except (ValueError, TypeError):
        raise ValueError(f"--budget was {budget!r}; allowed: a number and a unit, such as 90s, 9m, 2h") from None


def summary(record: store.Record, out: str | Path | None) -> dict:
    """What a command prints of a record."""
    path = Path(out or store.results_dir()) / record.key / f"{record.id}.json"
    metrics = {k: store.rounded(record.metrics.get(k)) for k in SHOWN if k in record.metrics}
    return {"path": str(path), "id": record.id, "status": record.status, "reason": record.reason, "metrics": metrics}


@contextmanager
def claimed(path: Path) -> Iterator[bool]:
    """True for the one process that holds the run; the lock goes with the process, however it ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def run(
    paper: str | None, scale: str, overrides: dict, *, root=None, out=None, device=None, budget: float | None = None,
    report: Callable[[dict], object] = print,
) -> int:  # fmt: skip
    """Make the missing records of a paper (or of all) at a scale, the most important first; returns how many.

    A run starts only while its expected time fits in what is left of `budget` (seconds).
    """
    runs = experiments.plan(paper, scale, **overrides)
    missing = [p for p in runs if store.find(p.recipe.id, out) is None]
    began, made = time.monotonic(), 0
    bar = tqdm(missing, unit="run", desc=f"{len(runs) - len(missing)} of {len(runs)} records there")
    for p in bar:
        spent = time.monotonic() - began
        if budget is not None and spent + 1.2 * (spent / made if made else 0) > budget:
            bar.write(f"budget spent: {made} runs made, {len(missing) - made} left; the same command goes on")
            break
        with claimed(checkpoint_path(p.recipe).with_suffix(".lock")) as mine:
            if not mine or store.find(p.recipe.id, out):
                continue
            bar.set_postfix_str(f"{p.experiment}.{p.arm} seed {p.seed}")
            report({"run": f"{p.experiment}.{p.arm}", "seed": p.seed} | summary(
                fit(p.recipe, key=p.paper, root=root, device=device, out=out, progress=False), out))  # fmt: skip
            made += 1
    return made
