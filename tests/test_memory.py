"""Freed memory stays with the process while a loop wants it, and goes back when it does not."""

import ctypes
import subprocess
import sys

import pytest

from ncssl import memory

SCRIPT = """
import resource, sys
from ncssl import memory
assert memory.keep_freed(sys.argv[1] == "keep")
def round():
    block = b"1" * (48 * 2**20)  # every page is written
    del block
round()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    round()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how):
    """Pages that the system hands out anew while a block of 48 MiB is taken and freed five
    times."""
    out = subprocess.run(
        [sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True
    )
    return int(out.stdout)


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library has no mallopt"
)
def test_kept_memory_needs_no_new_pages():
    assert faults("keep") < 100
    assert faults("usual") > 10_000


def test_a_c_library_without_mallopt_is_left_alone(monkeypatch):
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: object())
    assert memory.keep_freed() is False


PEAK = """
from ncssl import memory
block = b"1" * (200 * 2**20)
first = memory.peak_mb()
del block
memory.reset_peak()
small = memory.peak_mb()
block = b"1" * (100 * 2**20)
print(first, small, memory.peak_mb())
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the peak can be counted anew on Linux only"
)
def test_the_peak_is_counted_anew():
    out = subprocess.run(
        [sys.executable, "-c", PEAK], capture_output=True, text=True, check=True
    ).stdout
    first, small, again = map(float, out.split())
    assert first > 200 and small < first - 150 and 95 < again - small < 110


CHILD = "block = b'1' * (200 * 2**20); print('there', flush=True); input()"
HELD = f"""
import subprocess, sys, psutil
from ncssl import memory
if sys.argv[1] == "silent":
    psutil.Process.memory_full_info = psutil.Process.memory_info
before = memory.held_mb()
command = [sys.executable, "-c", {CHILD!r}]
with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
    child.stdout.readline()
    during = memory.held_mb()
    child.communicate(b"1")
print(before, during, memory.held_mb())
"""


@pytest.mark.parametrize("system", ["says", "silent"])
def test_what_is_held_counts_what_was_started(system):
    """Where the system says who shares pages, and where it does not; in a process of its own, as
    others that a test has started grow meanwhile."""
    command = [sys.executable, "-c", HELD, system]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    before, during, after = map(float, out.split())
    assert before > 5 and 200 < during - before < 240 and after < before + 30
