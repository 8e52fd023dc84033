"""What computes: the device, its threads and instruction set, versions and commit, as a record says
them."""

import contextlib
import importlib.metadata
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from threadpoolctl import threadpool_limits

from ncssl import memory
from ncssl.checks import whole

# of the CPU, unless it is said: the order of sums, and so the numbers, depends on how many there
# are
THREADS = 1


def best_device() -> str:
    """cuda where there is one, else cpu."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def devices() -> list[str]:
    """Names of what there is to compute on: cpu, and cuda, cuda:0 ... with a GPU."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return ["cpu", *["cuda"][:count], *(f"cuda:{n}" for n in range(count))]


def chosen(device: str | None = None) -> str:
    """The device to compute on: cpu, cuda or cuda:N; none stands for the best. Raises ValueError
    for one that this machine has not."""
    here = devices()
    if device is not None and device not in here:
        raise ValueError(f"device was {device!r}; allowed on this machine: {', '.join(here)}")
    return device or best_device()


@contextlib.contextmanager
def computing(threads: int = THREADS) -> Iterator[None]:
    """Compute with so many threads of the CPU, BLAS and OpenMP too, and float32 as float32 (no
    TF32) on CUDA.

    What is smaller than the smallest normal number is zero, where the processor can: a network
    whose weights have decayed to 1e-20 otherwise takes many times as long a step. What was set
    before comes back at the end. Raises ValueError for a number of threads below 1.
    """
    # the limit holds for libraries that are there: SciPy's BLAS too
    import sklearn.decomposition  # noqa: F401

    whole("threads", threads)
    before = torch.get_num_threads()
    kinds: tuple[Any, ...] = torch.backends.cuda.matmul, torch.backends.cudnn
    allowed, flushed = [kind.allow_tf32 for kind in kinds], flushes()
    try:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(True)
        for kind in kinds:
            kind.allow_tf32 = False
        # threads that wait for a core spin: they slow an SVD more than they help
        with threadpool_limits(threads):
            yield
    finally:
        torch.set_num_threads(before)
        torch.set_flush_denormal(flushed)
        for kind, was in zip(kinds, allowed, strict=True):
            kind.allow_tf32 = was


def flushes() -> bool:
    """Whether this thread takes what is smaller than the smallest normal number as zero."""
    return float(torch.tensor(1e-20) * torch.tensor(1e-20)) == 0


def device_name(device: str, threads: int | None = None) -> str:
    """Name of the processor; of a CPU with its threads (those in use, if not said) and the
    instruction set in use."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    names = [s.split(":")[1].strip() for s in cpuinfo() if s.startswith("model name")]
    instructions = torch.backends.cpu.get_cpu_capability()
    return (
        f"{names[0] if names else 'CPU'}, {threads or torch.get_num_threads()} threads,"
        f" {instructions}"
    )


def cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def peak_memory(device: str) -> float:
    """Peak memory in MiB: of the device for CUDA, of the process for the CPU."""
    return (
        torch.cuda.max_memory_allocated() / 2**20 if device.startswith("cuda") else memory.peak_mb()
    )


def versions() -> dict[str, str]:
    """Versions that decide numbers."""
    packages = {
        name: importlib.metadata.version(name) for name in ("torch", "torchvision", "numpy")
    }
    return {"python": ".".join(map(str, sys.version_info[:3]))} | packages


def commit() -> str:
    """Commit of the checkout, "unknown" outside one."""
    here = Path(__file__).resolve().parent
    try:
        out = subprocess.run(
            ["git", "-C", here, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True
        )
    except OSError:  # no git here
        return "unknown"
    return out.stdout.strip() or "unknown"
