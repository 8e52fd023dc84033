"""Files written whole or not at all, the half-written ones that killed processes leave, and
locks."""

import contextlib
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

HOUR = 3600.0  # seconds: nothing of ours is half written for longer


def write_whole(path: Path, *parts: bytes | memoryview) -> None:
    """Write the parts to `path` atomically: a full disk, an interrupt or a kill leaves the old file
    whole.

    Raises OSError. The unfinished file beside it is `.NAME.HOST.PID.RANDOM`, which `sweep` knows.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{path.name}.{socket.gethostname()}.{os.getpid()}."
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=prefix)
    try:
        with os.fdopen(handle, "wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


@contextlib.contextmanager
def claimed(path: Path, wait: bool = False) -> Iterator[bool]:
    """True for the one process that holds the lock at `path`, on every host that shares the folder;
    the lock goes with the process, however it ends. With `wait` for its turn. Raises OSError where
    the folder cannot be written."""
    if fcntl is None:
        print("ncssl: this system has no file locks: start one at a time", file=sys.stderr)
        yield True
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True


def sweep(folder: Path, ending: str) -> None:
    """Remove half-written files of names that end so (".pt") from a folder: those whose process is
    dead, and those older than an hour by the folder's own clock, which may be another host's."""
    for left in folder.glob(f".*{ending}.*"):
        with contextlib.suppress(OSError):
            if dead(left.name) or now(folder) - left.stat().st_mtime > HOUR:
                left.unlink()


def now(folder: Path) -> float:
    """The time (seconds) by which the file system of a folder dates its files; raises OSError."""
    with tempfile.TemporaryFile(dir=folder) as file:
        return os.fstat(file.fileno()).st_mtime


def dead(name: str) -> bool:
    """Whether the process of this host that was writing a file is no more; False where another host
    was."""
    *start, pid, _ = name.split(".")
    if not ".".join(start).endswith(f".{socket.gethostname()}") or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False


def aside(path: Path) -> Path:
    """Move whatever lies at `path`, a folder too, to a free name beside it; the new path."""
    names = (path.with_suffix(f".damaged{n or ''}") for n in range(10**6))
    free = next(name for name in names if not os.path.lexists(name))
    os.replace(path, free)
    return free
