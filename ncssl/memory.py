"""Memory of the process: what the C library keeps of it, and how much was held at most.

A training loop on the CPU asks for the same large blocks at every step. glibc gives large freed
blocks back to the system, which then has to clear each page anew. Kept instead, a step takes less
time and the process more memory.
"""

import contextlib
import ctypes
import sys
from pathlib import Path

import psutil

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # parameters of glibc's mallopt
MIB = 2**20


def keep_freed(keep: bool = True) -> bool:
    """Keep freed memory for the next request, or give it back as glibc does by itself (with the
    largest thresholds that its own adjustment reaches). For the whole process; False where the C
    library has no mallopt (not glibc)."""
    mallopt = None if sys.platform == "win32" else getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    mmap, trim = (1024 * MIB, 2047 * MIB) if keep else (32 * MIB, 64 * MIB)
    return bool(mallopt(MMAP_THRESHOLD, mmap) and mallopt(TRIM_THRESHOLD, trim))


def reset_peak() -> None:
    """Give freed memory back and start the count of `peak_mb` anew, where the system can
    (Linux)."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")


def free(device: str) -> int:
    """Bytes free on a device: of a CUDA device's own memory, else of the machine's."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.mem_get_info(device)[0]
    return psutil.virtual_memory().available


def held_mb() -> float:
    """MiB that this process and those it has started hold now, pages that they share divided among
    those that do (where the system does not say who shares: counted in each)."""
    this, held = psutil.Process(), 0.0
    for process in [this, *this.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):  # it may have ended meanwhile
            info = process.memory_full_info()
            held += getattr(info, "pss", 0) or info.rss
    return held / MIB


def peak_mb() -> float:
    """Largest resident size in MiB since `reset_peak`; elsewhere than on Linux since the process
    began (Windows: 0)."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    try:
        import resource
    except ImportError:
        return 0.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
