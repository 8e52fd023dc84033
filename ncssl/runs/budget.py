"""The time that a campaign may take: read, kept to, and a clean stop at its end."""

import contextlib
import math
import signal
import time
from collections.abc import Iterator


class OutOfTime(BaseException):
    """The budget of a campaign is spent; no error, so that nothing that handles errors takes it for
    one."""


def seconds(budget: str | None) -> float | None:
    """Seconds of a budget such as 90s, 9m, 2h; None for none."""
    if budget is None:
        return None
    unit, found = {"s": 1, "m": 60, "h": 3600}.get(budget[-1:]), math.nan
    with contextlib.suppress(ValueError, TypeError):
        found = float(budget[:-1]) * unit
    if not 0 <= found < math.inf:
        raise ValueError(
            f"--budget was {budget!r}; allowed: a number and a unit, such as 90s, 9m, 2h"
        )
    if not hasattr(signal, "SIGALRM"):
        raise ValueError("--budget was given; this system cannot interrupt a run: leave it out")
    return found


@contextlib.contextmanager
def until(deadline: float | None) -> Iterator[None]:
    """Raises OutOfTime in the block when time.monotonic() has come to the deadline; None is no
    deadline."""
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


def fits(budget: float | None, spent: float, spans: list[float]) -> bool:
    """Whether one more run, at the longest time seen so far and a fifth, ends inside the budget."""
    return budget is None or spent + 1.2 * max(spans, default=0.0) <= budget
