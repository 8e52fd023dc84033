"""Many runs in one command: the missing records of the experiments, resumable at any kill, within a
budget."""

import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, wait
from pathlib import Path
from typing import NamedTuple

import torch
from tqdm import tqdm

from ncssl import parallel
from ncssl.errors import BadFile, UnknownName
from ncssl.machine import THREADS, best_device, chosen
from ncssl.runs import experiments
from ncssl.runs.budget import fits
from ncssl.runs.owned import identify
from ncssl.runs.single import kind_here, label, recorded, run_one
from ncssl.train.resume import sweep_finished
from ncssl.workers import begin_worker, workers

EVERY_RUN = (OSError, BadFile, UnknownName)  # errors that the next run would meet too


class Tally(NamedTuple):
    """What became of planned runs: how many were made, ended in an error, and are left to do."""

    made: int
    broken: int
    left: int


def run(
    paper: str | None,
    scale: str,
    overrides: dict,
    *,
    root: str | Path | None = None,
    out: str | Path | None = None,
    device: str | None = None,
    jobs: int = 0,
    budget: float | None = None,
    download: bool = False,
    undecided: bool = False,
    threads: int = THREADS,
    only: Sequence[str] = (),
    shard: tuple[int, int] = (0, 1),
    keep: str | Path | None = None,
    report: Callable[[dict], object] = print,
) -> Tally:
    """Make the missing records of a paper (or of all) at a scale, the most important first; how
    many.

    `jobs` processes work side by side with so many `threads` each (0: as the cores allow; one on a
    CUDA device). A run starts only while its expected time fits in what is left of `budget`
    (seconds), and stops when that is spent. `undecided` then adds the seeds that the rule of the
    two looks gives to claims, and makes runs again whose record is of another precision than those
    it is compared with, where this machine computes in theirs. `only`: the runs with these ids.
    `shard` (i, n): every n-th run from the i-th on, of n calls that share the work. `keep`: a
    folder for the encoders of the runs that are made, in half precision. A run that ends
    in an error of its own is named on stderr and the others are made; raises ValueError at the end.
    Several GPUs take one run each; under torchrun the runs come one after another, each over all
    processes.
    """
    if parallel.started():
        jobs = one_at_a_time(jobs, budget, undecided)
    for error in experiments.refused(out):
        print(f"ncssl: {error}", file=sys.stderr)
    device = chosen(device)
    jobs = jobs or gpus(device) or side_by_side(device, threads)
    began, given = time.monotonic(), (root, out, device, download, threads, keep)

    def added() -> list[experiments.Planned]:
        runs = experiments.undecided(paper, scale, out, **overrides)
        return identify([p for p in runs if p.again in (None, kind_here(p.recipe, device))], root)

    runs = experiments.sound(experiments.plan(paper, scale, out, **overrides))
    # no claim passes its gates without the floors
    runs = identify(experiments.baselines_of(runs) + runs, root)
    known(only, runs + (added() if only and undecided else []))
    tally = make(select(runs, only, shard), given, jobs, began, budget, report)
    if undecided:
        more = make(select(added(), only, shard), given, jobs, began, budget, report)
        tally = Tally(*map(sum, zip(tally, more, strict=True)))
    if tally.broken:
        raise ValueError(
            f"{tally.broken} runs ended in an error, named above; {tally.made} records were made"
        )
    return tally


def one_at_a_time(jobs: int, budget: float | None, undecided: bool) -> int:
    """1, the jobs of a campaign whose runs torchrun's processes share. Raises ValueError for what
    they would not do at the same moment."""
    given = {"--jobs": jobs > 1, "--budget": budget is not None, "--undecided": undecided}
    if refused := [name for name, wanted in given.items() if wanted]:
        raise ValueError(f"{' and '.join(refused)} given under torchrun; leave that out")
    return 1


def known(only: Sequence[str], runs: list[experiments.Planned]) -> None:
    """Raise ValueError for an id of no run."""
    ids = {p.recipe.id for p in runs}
    if strange := next((id for id in only if id not in ids), None):
        raise ValueError(f"--only was {strange!r}; allowed: the id of one of the {len(ids)} runs")


def select(
    runs: list[experiments.Planned], only: Sequence[str] = (), shard: tuple[int, int] = (0, 1)
) -> list[experiments.Planned]:
    """The runs with these ids, of them every n-th from the i-th on."""
    i, n = shard
    return [p for p in runs if not only or p.recipe.id in only][i::n]


def side_by_side(device: str | None = None, threads: int = THREADS) -> int:
    """How many processes work at once unless it is said: one a core for each of their threads, one
    where they would share a CUDA device."""
    return (
        1
        if (device or best_device()).startswith("cuda")
        else max(1, (os.cpu_count() or 1) // threads)
    )


def gpus(device: str) -> int:
    """How many GPUs a campaign shares: with "cuda" all of this machine, with "cuda:N" that one; 0
    on a CPU."""
    if parallel.started() or not device.startswith("cuda"):
        return 0
    return torch.cuda.device_count() if device == "cuda" else 1


def places(device: str | None, jobs: int) -> list[str | None]:
    """The device of each of the runs that go side by side, spread over the GPUs of this machine."""
    if device != "cuda" or gpus(device) < 2:
        return [device] * jobs
    return [f"cuda:{i % gpus(device)}" for i in range(jobs)]


def without_record(
    runs: list[experiments.Planned], out: str | Path | None
) -> list[experiments.Planned]:
    """Those of the runs that have no record; under torchrun all, whose processes agree on it run by
    run. Checkpoints that kills left behind a record are removed."""
    if parallel.rank() == 0:
        sweep_finished(out)
    return [p for p in runs if parallel.started() or not recorded(p, out)]


def make(
    runs: list[experiments.Planned],
    given: tuple,
    jobs: int,
    began: float,
    budget: float | None,
    report: Callable,
) -> Tally:
    """Make those of the runs that have no record, in their order, `jobs` side by side: how many,
    how many errors."""
    missing = without_record(runs, given[1])
    spans, made, broken, deadline = [], 0, 0, None if budget is None else began + 0.98 * budget
    bar = tqdm(
        total=len(missing),
        unit="run",
        desc=f"{len(runs) - len(missing)} of {len(runs)} records there",
        disable=parallel.rank() > 0,
    )
    with bar, workers(jobs, begin_worker) as pool:
        waiting, going, free = iter(missing), {}, places(given[2], jobs)
        while True:
            while len(going) < jobs and fits(budget, time.monotonic() - began, spans):
                if (p := next(waiting, None)) is None:
                    break
                at = given[:2] + (free.pop(0),) + given[3:]
                going[pool.submit(run_one, p, *at, deadline=deadline)] = p, time.monotonic(), at[2]
            if not going:
                break
            for future in wait(going, return_when=FIRST_COMPLETED).done:
                p, started, place = going[future]
                try:
                    row = future.result()
                except BrokenExecutor:
                    names = ", ".join(sorted(label(p) for p, *_ in going.values()))
                    raise ChildProcessError(
                        f"a process was killed, perhaps for its memory, while at {names}"
                    ) from None
                except EVERY_RUN:
                    raise
                # one run's own, such as options that do not fit together
                except Exception as error:
                    print(f"ncssl: {label(p)}: {error}", file=sys.stderr)
                    broken += 1
                else:
                    if row is not None:
                        spans.append(time.monotonic() - started)
                        made += 1
                        if row:  # {} in the other processes of a run
                            report(row)
                del going[future]
                free.append(place)
                bar.update()
    left = len(missing) - made - broken
    if parallel.started():  # what had a record was not made, and the first alone knows
        left = sum(not recorded(p, given[1]) for p in missing) - broken
        left = 0 if parallel.rank() else left
    if left:
        print(f"ncssl: {made} records made, {left} left; the same command goes on", file=sys.stderr)
    return Tally(made, broken, left)
