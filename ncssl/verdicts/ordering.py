"""The verdict on an ordering, from the verdicts of its steps."""

import math
from dataclasses import replace

from ncssl.verdicts.states import Verdict


def ordering(steps: list[Verdict], level: float) -> Verdict:
    """Join the steps of an ordering; see the head of `judging` for what its words mean."""
    states = [step.status for step in steps]
    detail = f"{len(steps)} steps, each at {100 * level:g} %: " + "; ".join(
        f"{s.detail}, {s.status}" for s in steps
    )
    if "not run" in states:
        return Verdict("not run", n=min(s.n for s in steps), detail=detail, steps=tuple(steps))
    if "contradicted" in states:
        status = "contradicted"
    elif "undecided" in states:
        status = "partly" if "reproduced" in states else "undecided"
    else:
        status = "same direction" if "same direction" in states else "reproduced"
    least = min(steps, key=lambda s: math.inf if s.effect is None or s.is_share else s.effect)
    return replace(
        least,
        status=status,
        n=min(s.n for s in steps),
        detail=detail,
        steps=tuple(steps),
        p=p_of_steps(steps, status),
    )


def p_of_steps(steps: list[Verdict], status: str) -> float | None:
    """The largest p of the steps, all of which must hold; of a contradiction the smallest of those
    contradicted."""
    deciding = [s.p for s in steps if status != "contradicted" or s.status == status]
    known = [p for p in deciding if p is not None]
    if len(known) < len(deciding):
        return None
    return min(known) if status == "contradicted" else max(known)
