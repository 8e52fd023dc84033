"""Errors that tell what was given and what is allowed."""

import difflib
import errno
from collections.abc import Iterable
from pathlib import Path

LISTED = 60  # names that a message lists; of more it has the nearest


class UnknownName(ValueError):
    """A name that is not in a table: names its kind, what was given and what exists, of many the
    nearest."""

    def __init__(self, kind: str, given: object, allowed: Iterable[str]):
        allowed = sorted(allowed)
        close = difflib.get_close_matches(str(given), allowed, n=5)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        listed = ", ".join(allowed) or "none"
        if len(allowed) > LISTED:
            nearest = close or allowed[:5]
            listed = f"{', '.join(nearest)} and {len(allowed) - len(nearest)} more"
        super().__init__(f"unknown {kind} {given!r}{hint}; allowed: {listed}")
        self.kind, self.given, self.allowed = kind, given, allowed


class BadFile(ValueError):
    """A file that cannot be used: names the file, what is wrong with it and what to do."""

    def __init__(self, path: str | Path, why: str, what_to_do: str):
        super().__init__(f"{path}: {why}; {what_to_do}")
        self.path, self.why, self.what_to_do = Path(path), why, what_to_do


class NotFinite(RuntimeError):
    """Numbers of a run left the finite range: it stops, and its record says at which step."""


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS)
TAKEN = (errno.ENOTDIR, errno.EISDIR, errno.EEXIST)


def remedy(error: OSError) -> str:
    """What to do about an error of the system, as one sentence."""
    if error.errno in FULL:
        return "Free some space and run the same again."
    if error.errno in CLOSED:
        return (
            "Choose folders that may be written: --out for records, $NCSSL_CACHE for checkpoints"
            " and decoded data."
        )
    if error.errno in TAKEN:
        return "Something else has that name: choose another folder, or move it."
    return "Run the same again; it goes on from what is whole."
