"""Many runs in one command: the missing records of the experiments, resumable at any kill, within a budget."""

import datetime
import fcntl
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, ProcessPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from ncssl import data, diagnostics, experiments
from ncssl.domains import Utterances
from ncssl.errors import BadFile, UnknownName
from ncssl.machine import THREADS, best_device, commit, computing, device_name, peak_memory, versions
from ncssl.recipes import Recipe
from ncssl.records import floors, store
from ncssl.train import checkpoint_path, fit

SHOWN = (
    "knn_accuracy", "probe_accuracy", "few_label_accuracy", "std_normalised", "effective_rank", "images_per_second",
)  # fmt: skip
EVERY_RUN = (OSError, BadFile, UnknownName, BrokenExecutor)  # errors that the next run would meet too


class OutOfTime(BaseException):
    """The budget of a campaign is spent; no error, so that nothing that handles errors takes it for one."""


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
    shown = [k for k in record.metrics if k in SHOWN or k.endswith("_eer")]
    metrics = {k: store.rounded(record.metrics[k]) for k in shown}
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


@contextmanager
def until(deadline: float | None) -> Iterator[None]:
    """Raises OutOfTime in the block when time.monotonic() has come to the deadline; None is no deadline."""
    if deadline is None:
        yield
        return

    def stop(*_):
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, max(1e-3, deadline - time.monotonic()))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def one(
    planned: experiments.Planned, root, out, device: str | None, download: bool, threads: int = THREADS,
    deadline: float | None = None,
) -> dict | None:  # fmt: skip
    """Make one record unless it is there or another process is at it; what to print of it, or None.

    None too if the deadline came first: the checkpoint stays, and the next call goes on from it.
    """
    with claimed(checkpoint_path(planned.recipe).with_suffix(".lock")) as mine:
        if not mine or store.find(planned.recipe.id, out):
            return None
        where = dict(root=root, device=device, out=out, download=download, threads=threads)
        try:
            with until(deadline):
                if planned.recipe.method in floors.METHODS:
                    record = measure_floor(planned.recipe, **where)
                else:
                    record = fit(planned.recipe, key=planned.paper, progress=False, **where)
        except OutOfTime:
            return None
        name = f"{planned.experiment}.{planned.arm}"
        return {"run": name, "seed": planned.seed, "seconds": round(record.seconds, 1)} | summary(record, out)


def measure_floor(
    r: Recipe, *, root=None, out=None, device: str | None = None, download=False, threads: int = THREADS
) -> store.Record:  # fmt: skip
    """Make a floor: the measures of frozen features, on images as vectors or on statistics of log-mel frames."""
    with computing(threads):
        record = measured_floor(r, root, device or best_device(), download)
    store.save(record, out)
    return record


def measured_floor(r: Recipe, root, device: str, download: bool) -> store.Record:
    """The record of a floor, not yet written."""
    began = time.perf_counter()
    where = dict(root=root, device=device, download=download)
    if r.method == floors.STATISTICS:
        utterances = Utterances(r, **where)
        metrics, facts = utterances.floor(), utterances.facts()
    else:
        limits = {"train": r.limit, "test": None}
        train, test = (data.load(r.dataset, s, limit=n, size=r.size, **where) for s, n in limits.items())
        metrics = diagnostics.pixels(train, test)
        facts = {"train": len(train.images), "test": len(test.images), "classes": len(train.classes)}
    return store.Record(
        recipe=r, key=floors.KEY, status="done", metrics=metrics, curves={}, seconds=time.perf_counter() - began,
        peak_memory_mb=peak_memory(device), device=device_name(device), precision="float32", versions=versions(),
        commit=commit(), created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), data=facts,
    )  # fmt: skip


def run(
    paper: str | None, scale: str, overrides: dict, *, root=None, out=None, device: str | None = None, jobs: int = 0,
    budget: float | None = None, download: bool = False, undecided: bool = False, threads: int = THREADS,
    report: Callable[[dict], object] = print,
) -> int:  # fmt: skip
    """Make the missing records of a paper (or of all) at a scale, the most important first; returns how many.

    `jobs` processes work side by side with so many `threads` each (0: as the cores allow; one on a CUDA device). A run
    starts only while its expected time fits in what is left of `budget` (seconds), and stops when that is spent.
    `undecided` then adds the seeds that the rule of the two looks gives to claims. A run that ends in an error of its
    own is named on stderr and the others are made; raises ValueError at the end.
    """
    for error in experiments.refused(out):
        print(f"ncssl: {error}", file=sys.stderr)
    jobs = jobs or side_by_side(device, threads)
    began, given = time.monotonic(), (root, out, device, download, threads)
    runs = experiments.plan(paper, scale, out, **overrides)
    runs += experiments.below(runs)
    made, broken = make(runs, given, jobs, began, budget, report)
    if undecided:
        runs = experiments.undecided(paper, scale, out, **overrides)
        more = make(runs, given, jobs, began, budget, report)
        made, broken = made + more[0], broken + more[1]
    if broken:
        raise ValueError(f"{broken} runs ended in an error, named above; {made} records were made")
    return made


def side_by_side(device: str | None = None, threads: int = THREADS) -> int:
    """How many processes work at once unless it is said: one a core for each of their threads, one where they would
    share a CUDA device."""
    return 1 if (device or best_device()).startswith("cuda") else max(1, (os.cpu_count() or 1) // threads)


def make(
    runs: list[experiments.Planned], given: tuple, jobs: int, began: float, budget: float | None, report: Callable
) -> tuple[int, int]:
    """Make those of the runs that have no record, in their order, `jobs` side by side: how many, how many errors."""
    missing = [p for p in runs if store.find(p.recipe.id, given[1]) is None]
    spans, made, broken, deadline = [], 0, 0, None if budget is None else began + 0.98 * budget
    bar = tqdm(total=len(missing), unit="run", desc=f"{len(runs) - len(missing)} of {len(runs)} records there")
    spawn = multiprocessing.get_context("spawn")
    with bar, ProcessPoolExecutor(jobs, spawn, initializer=begin_worker) as pool:
        waiting, going = iter(missing), {}
        while True:
            while len(going) < jobs and fits(budget, time.monotonic() - began, spans):
                if (p := next(waiting, None)) is None:
                    break
                going[pool.submit(one, p, *given, deadline=deadline)] = p, time.monotonic()
            if not going:
                break
            for future in wait(going, return_when=FIRST_COMPLETED).done:
                p, started = going.pop(future)
                try:
                    row = future.result()
                except EVERY_RUN:
                    raise
                except Exception as error:  # one run's own, such as options that do not fit together
                    print(f"ncssl: {p.paper} {p.experiment}.{p.arm}, seed {p.seed}: {error}", file=sys.stderr)
                    broken += 1
                else:
                    if row is not None:
                        spans.append(time.monotonic() - started)
                        made += 1
                        report(row)
                bar.update()
    if made < len(missing):
        print(f"ncssl: {made} records made, {len(missing) - made} left; the same command goes on", file=sys.stderr)
    return made, broken


def begin_worker() -> None:
    """One thread to compute with, and an end with the parent, which otherwise leaves a worker at its run if killed."""
    import sklearn.decomposition  # noqa: F401  the limit holds for libraries that are there: SciPy's BLAS too

    torch.set_num_threads(1)
    threadpool_limits(1)
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)


def fits(budget: float | None, spent: float, spans: list[float]) -> bool:
    """Whether one more run, at the longest time seen so far and a fifth, ends inside the budget."""
    return budget is None or spent + 1.2 * max(spans, default=0.0) <= budget


def obtain(
    runs: list[experiments.Planned], *, missing: str = "show", fresh: bool = False, root=None,
    device: str | None = None, download: bool = False,
) -> list[tuple[experiments.Planned, store.Record | None]]:  # fmt: skip
    """Each planned run with its record, for notebooks: stored ones are loaded.

    A missing one is trained and stored (missing="train") or given as None ("show"). fresh=True trains them all anew
    into _build/fresh and leaves what is stored alone.
    """
    if missing not in ("show", "train"):
        raise UnknownName("missing", missing, ("show", "train"))
    out = Path("_build/fresh") if fresh else None
    found = [(p, None) for p in runs] if fresh else list(experiments.records(runs))
    bar = tqdm(found, disable=not any(r is None for _, r in found) or missing == "show" and not fresh, unit="run")
    return [
        (p, fit(p.recipe, key=p.paper, root=root, device=device, out=out, download=download, progress=False))
        if record is None and (fresh or missing == "train") else (p, record) for p, record in bar
    ]  # fmt: skip
