"""Verdicts as sentences: Markdown of answers, of single claims and of counts."""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ncssl.claims import papers
from ncssl.claims.facts import Claim
from ncssl.links import ledger_link
from ncssl.report import ledger, select
from ncssl.report.frame import number, spread
from ncssl.report.outcome import minus, named
from ncssl.report.tables import decimals
from ncssl.trace.mathematics import mathematics
from ncssl.verdicts.states import SILENT, STATUSES, Verdict, words

TRAINED = {  # what the verdict on trained networks answers, at a scale
    "reproduced": "Yes, in the networks trained here (scale {scale}).",
    "partly": "In part, in the networks trained here (scale {scale}).",
    "same direction": "A little: in the networks trained here (scale {scale}) the effect has the"
    " claimed direction and is smaller than claimed.",
    "contradicted": "No, not in the networks trained here (scale {scale}).",
    "undecided": "Open: the runs made so far (scale {scale}) do not decide it.",
    "out of reach": "Not answered yet: the networks of the runs made so far (scale {scale}) have"
    " learned too little to say.",
    "not a test": "Not answered: at scale {scale} the untrained network, or the control, passes"
    " the test too.",
    "not run": "Not answered yet: the runs are not made.",
}
COMPUTED = {  # what the verdict on the mathematics answers
    "reproduced": "Yes, in the mathematics.",
    "contradicted": "No, not in the mathematics.",
    "undecided": "Open in the mathematics: the computation gave no number.",
}
GATES = {"R1": "floor", "R2": "headroom", "R3": "exposure", "R4": "shape", "R5": "discrimination"}


class Judged(NamedTuple):
    """A claim with the verdict that is shown, and the scale it is of ("" without records)."""

    claim: Claim
    verdict: Verdict
    scale: str


def judged(claim: Claim, found: Mapping[str, Verdict]) -> Judged:
    """A claim from its verdicts by scale, the smallest first."""
    return Judged(claim, ledger.shown(found), ledger.at(found))


def lead(rows: Sequence[Judged]) -> str:
    """One sentence that answers a question from the verdicts on its claims, all of one kind.

    Verdicts that say nothing are left out where any other is there; several that differ are
    counted.
    """
    speaking = [row for row in rows if row.verdict.status not in SILENT] or list(rows)
    states = [row.verdict.status for row in speaking]
    theory, scale = rows[0].claim.kind == "theory", speaking[0].scale
    if len(set(states)) == 1:
        return (COMPUTED if theory else TRAINED)[states[0]].format(scale=scale)
    if states[0] in SILENT:
        return f"Not answered yet: {counted(states)}."
    word = "In part" if "reproduced" in states else "No clear answer"
    where = "the mathematics" if theory else f"the networks trained here (scale {scale})"
    return f"{word}, in {where}: {counted(states)}."


def counted(states: Iterable[str]) -> str:
    """Verdicts with their numbers, in the order of `STATUSES`: "3 reproduced, 1 contradicted"."""
    states = list(states)
    said = {s: words(s).replace(",", " but") for s in STATUSES}  # a comma parts them
    return ", ".join(f"{states.count(s)} {said[s]}" for s in STATUSES if s in states)


def badge(row: Judged, here: str) -> str:
    """The verdict as a link to the claim's row of the ledger, from the folder `here`."""
    status = row.verdict.status
    address = ledger_link(row.claim.paper, row.claim.id, here)
    name = html.escape(f"{words(status)}: {row.claim.statement}")
    kind = status.replace(" ", "-")
    return f'<a class="nv nv-{kind}" href="{address}" title="{name}">{status}</a>'


def line(row: Judged, here: str) -> str:
    """A claim in one item of a list: its verdict, what it says, where, and the numbers."""
    said = marked(mathematics(f"{row.claim.statement.removesuffix('.')} ({row.claim.place})."))
    return f"* {badge(row, here)} {said} {measured(row)}".rstrip()


def measured(row: Judged) -> str:
    """The effect here with its interval, the paper's, the unit, seeds and scale; empty without
    runs."""
    claim, v, scale = row
    if claim.kind == "theory" or v.effect is None:
        return ""
    d = decimals(claim, v)
    here = f"Here {number(v.effect, d)} {spread(v.low, v.high, d)}"
    paper = (
        "" if claim.reported_effect is None else f", in the paper {number(claim.reported_effect)}"
    )
    return minus(f"{here}{paper} ({plain(select.unit(claim, v))}; {v.n} seeds).")


def why(row: Judged) -> str:
    """What holds a claim back, from the gates that it failed; empty where it failed none."""
    failed = [g for g in row.verdict.gates if not g.passed]
    paper = papers.paper(row.claim.paper)
    return minus(
        plain(
            "; ".join(
                f"{g.name} ({GATES[g.name]}): {named(g.detail, paper, row.claim)}" for g in failed
            )
        )
    )


def plain(text: str) -> str:
    """A text whose characters mean nothing to Markdown or HTML."""
    return marked(html.escape(text, quote=False))


def marked(text: str) -> str:
    """HTML whose characters mean nothing to Markdown."""
    return re.sub(r"([\\`*_\[\]{}$|#~])", r"\\\1", text)
