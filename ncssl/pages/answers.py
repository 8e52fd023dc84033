"""Verdicts as sentences: Markdown of answers, of single claims and of counts."""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ncssl.claims import papers
from ncssl.claims.facts import UNTRAINED, Arm, Claim
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
BEGUN = "Not answered yet: too few runs are made (two an arm are needed)."
COMPUTED = {  # what the verdict on the mathematics answers
    "reproduced": "Yes, in the mathematics.",
    "contradicted": "No, not in the mathematics.",
    "undecided": "Open in the mathematics: the computation gave no number.",
}
HELD = {  # what it means that a gate is not passed
    "R1": "Too little was learned",
    "R2": "There is no room for the margin",
    "R3": "Weight decay had too little time",
    "R4": "The curve has not ended",
    "R5": "It is no test",
}
SAID = {"same direction": "going the claimed way by less than the margin"}  # where verdicts count


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
    theory, scales = rows[0].claim.kind == "theory", scales_of(speaking)
    if states[0] == "not run" and len(set(states)) == 1:
        return BEGUN if any(row.verdict.begun for row in rows) else TRAINED["not run"]
    if len(set(states)) == 1:
        return (COMPUTED if theory else TRAINED)[states[0]].format(scale=scales)
    if states[0] in SILENT:
        return f"Not answered yet: {counted(states)}."
    word = "In part" if "reproduced" in states else "No clear answer"
    if theory:
        return f"{word}, in the mathematics: {counted(states)}."
    one = len({row.scale for row in speaking}) == 1
    where = f" (scale {scales})" if one else ""
    each = counted(states) if one else by_scale(speaking)
    return f"{word}, in the networks trained here{where}: {each}."


def scales_of(rows: Iterable[Judged]) -> str:
    """The scales of some verdicts as a text, in order of appearance."""
    return " and ".join(dict.fromkeys(row.scale for row in rows))


def by_scale(rows: Sequence[Judged]) -> str:
    """Like `counted`, and at which scales each verdict was found."""
    found: dict[str, list[Judged]] = {}
    for row in rows:
        found.setdefault(row.verdict.status, []).append(row)
    order = sorted(found, key=STATUSES.index)
    return ", ".join(
        f"{counted([s] * len(found[s]))} at scale {scales_of(found[s])}" for s in order
    )


def counted(states: Iterable[str]) -> str:
    """Verdicts with their numbers, in the order of `STATUSES`: "3 reproduced, 1 contradicted"."""
    states = list(states)
    said = {s: SAID.get(s, words(s)) for s in STATUSES}
    return ", ".join(f"{states.count(s)} {said[s]}" for s in STATUSES if s in states)


def badge(row: Judged, here: str) -> str:
    """The verdict as a link to the claim's row of the ledger, from the folder `here`."""
    status = row.verdict.status
    address = ledger_link(row.claim.paper, row.claim.id, here)
    scale = f" at scale {row.scale}" if row.scale and row.claim.kind == "records" else ""
    name = html.escape(f"{words(status)}{scale}: {row.claim.statement}")
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
    here = f"Here {plain(compared(claim, v))}{number(v.effect, d)} {spread(v.low, v.high, d)}"
    told = claim.reported_effect
    paper = "" if told is None else f", {select.in_paper(claim)} {number(told, d)}"
    return minus(f"{here}{paper} ({plain(select.unit(claim, v))}; {v.n} seeds).")


def compared(claim: Claim, v: Verdict) -> str:
    """What an effect is the difference or the ratio of, before its number: "A less B: "."""
    if claim.test == "ordering":
        return "the smallest step: "
    if len(claim.compared) != 2 or v.is_share:
        return ""
    arms = papers.paper(claim.paper).experiments[claim.experiment].arms
    left, right = (label(arms, name) for name in claim.compared)
    return f"{left} {'over' if claim.compare == 'ratio' else 'less'} {right}: "


def label(arms: Mapping[str, Arm], name: str) -> str:
    """The label of an arm inside a sentence."""
    return "the untrained encoder" if name == UNTRAINED else arms[name].label


def why(row: Judged) -> str:
    """What holds a claim back, a sentence for each gate that it failed, with a link; empty where it
    failed none."""
    failed = [g for g in row.verdict.gates if not g.passed]
    if not failed:
        return ""
    paper = papers.paper(row.claim.paper)
    return " ".join(
        f"{HELD[g.name]}: {minus(plain(named(g.detail, paper, row.claim)))} ({gate(g.name)})."
        for g in failed
    )


def gate(name: str) -> str:
    """A gate as a link to what it asks, from a summary page."""
    return f'<a class="reference internal" href="../verdicts.html#gates">gate {name}</a>'


def plain(text: str) -> str:
    """A text whose characters mean nothing to Markdown or HTML."""
    return marked(html.escape(text, quote=False))


def marked(text: str) -> str:
    """HTML whose characters mean nothing to Markdown."""
    return re.sub(r"([\\`*_\[\]{}$|#~])", r"\\\1", text)
