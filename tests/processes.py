"""Processes of their own for tests: copies of one that has imported what a run needs, since a new
interpreter takes ten seconds of processor before it does anything.

What they call is a function of a module, such as `command` of this one. Their environment and
folder are those of the test, their output goes to files.
"""

import contextlib
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import pytest

from ncssl.runs import campaign

HERE = Path(__file__).resolve().parent
# elsewhere a copy of a process that has imported torch may not live
SERVER = get_context("forkserver" if sys.platform == "linux" else "spawn")
SERVER.set_forkserver_preload(
    ["processes", "torch._dynamo", "sklearn.linear_model", "ncssl.cli", "ncssl.runs.campaign"]
)


class Child(NamedTuple):
    """A process that was started, and the folder of what it printed."""

    process: object
    folder: Path

    def send(self, number: int) -> None:
        """Send a signal."""
        os.kill(self.process.pid, number)

    def ended(self) -> bool:
        """Whether it has come to its end."""
        return not self.process.is_alive()

    def wait(self) -> int:
        """Its exit code; minus the number of the signal that killed it."""
        self.process.join()
        return self.process.exitcode

    def said(self, where: str = "stderr") -> str:
        """What it has printed so far."""
        return (self.folder / where).read_text(encoding="utf-8")


def preloaded() -> None:
    """Start the process that the others are copies of, once."""
    if SERVER.get_start_method() != "forkserver":
        return
    from multiprocessing import forkserver

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join((str(HERE), str(HERE.parent))))
        forkserver.ensure_running()


@contextlib.contextmanager
def started(function: Callable, *given, **environment: str) -> Iterator[Child]:
    """A process that calls the function; it does not outlive the block."""
    preloaded()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for name in ("stdout", "stderr"):
            (Path(folder) / name).touch()
        here = dict(os.environ) | environment
        process = SERVER.Process(target=begin, args=(folder, here, os.getcwd(), function, given))
        process.start()
        try:
            yield Child(process, Path(folder))
        finally:
            process.kill()
            process.join()
            process.close()


def begin(folder: str, environment: dict, where: str, function: Callable, given: tuple) -> None:
    """Call the function in the environment and folder of the test, its output into files."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(where)
    for number, name in ((1, "stdout"), (2, "stderr")):
        file = os.open(f"{folder}/{name}", os.O_WRONLY)
        os.dup2(file, number)
    function(*given)


class Done(NamedTuple):
    """What a process left that came to its end."""

    returncode: int
    stdout: str
    stderr: str


def run(function: Callable, *given, **environment: str) -> Done:
    """Call the function in a process of its own and wait for its end."""
    with started(function, *given, **environment) as child:
        return Done(child.wait(), child.said("stdout"), child.said())


def together(function: Callable, *given, processes: int = 2, **environment: str) -> list[Done]:
    """Call the function in several processes that are told of each other as torchrun does it."""
    with contextlib.ExitStack() as stack:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        group = dict(WORLD_SIZE=str(processes), MASTER_ADDR="127.0.0.1", MASTER_PORT=port)
        children = []
        for rank in map(str, range(processes)):
            own = environment | group | {"RANK": rank, "LOCAL_RANK": rank}
            children.append(stack.enter_context(started(shared, function, given, **own)))
        return [Done(c.wait(), c.said("stdout"), c.said()) for c in children]


def shared(function: Callable, given: tuple) -> None:
    """Call a function in one of several processes, and leave their group."""
    import torch.distributed as dist

    try:
        function(*given)
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def command(*words: str) -> None:
    """The command line, `ncssl WORDS`."""
    from ncssl import cli

    sys.argv = ["ncssl", *words]
    cli.main()


def share(go, plan: list, out: Path) -> None:
    """Make the runs of a plan in turn, from the moment at which all processes are ready on, and say
    which were made here."""
    from ncssl.runs import single

    go.wait()
    for p in plan:
        if (row := single.run_one(p, None, out, "cpu", False)) is not None:
            print(row["id"], flush=True)


def eager(*words: str) -> None:
    """The same with a checkpoint after every epoch."""
    from ncssl.train import loop

    loop.CHECKPOINT_SECONDS = 0.0
    command(*words)


def fatal(*_, **__) -> None:
    """Die as if killed for its memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def copy_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the workers of campaigns copies too, in the environment and folder of the test."""
    real = campaign.workers

    def quick(jobs: int, initializer: Callable, *given):
        return real(jobs, worker, dict(os.environ), os.getcwd(), initializer, given)

    preloaded()
    monkeypatch.setattr(multiprocessing, "get_context", lambda method: SERVER)
    monkeypatch.setattr(campaign, "workers", quick)


def worker(environment: dict, where: str, initializer: Callable, given: tuple) -> None:
    """Begin a worker in the environment and folder of the test."""
    os.environ.update(environment)
    os.chdir(where)
    initializer(*given)
