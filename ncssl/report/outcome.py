"""Verdicts as sentences, so that no text of a chapter retypes what its records say.

`judged` is a list of (claim, verdict), as `ncssl.report.select.judged` makes it.
"""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ncssl.claims.facts import UNTRAINED, Claim, Paper
from ncssl.links import ledger_link
from ncssl.report import select
from ncssl.report.frame import COLOURS, number, spread
from ncssl.report.tables import counts, decimals
from ncssl.verdicts.states import SILENT, Verdict, words

Judged = Sequence[tuple[Claim, Verdict]]
TOLD = ("reproduced", "partly", "same direction", "contradicted", "undecided")  # one by one
HEADS = {  # how a chapter ends
    "reproduced": "What held",
    "partly": "What held in part",
    "same direction": "What went the claimed way, by less than the margin",
    "contradicted": "What did not hold",
    "undecided": "What these runs leave open",
}
ACCURACIES = {  # which accuracy a claim is about
    "probe_accuracy": "linear probe",
    "knn_accuracy": "kNN",
    "early_knn_accuracy": "kNN at first",
    "late_knn_accuracy": "kNN at last",
    "few_label_accuracy": "probe of few labels",
}
NUMBERS = "no one two three four five six seven eight nine ten eleven twelve".split()


def section(paper: Paper, judged: Judged, scale: str) -> str:
    """How a section begins, as HTML: what came of its claims, those that decide something one by
    one."""
    if not judged:
        return block("<p>No claim is judged in this section.</p>")
    told = [row for status in TOLD for row in judged if row[1].status == status]
    items = "\n".join(f"<li>{line(*row)}</li>" for row in told)
    listed = f"\n<ul>\n{items}\n</ul>" if items else ""
    return block(f"<p>{first(judged, scale)} {silence(paper, judged)}</p>{listed}")


def block(inside: str) -> str:
    """The frame that the style sheet gives an outcome."""
    return f'<div class="outcome">\n{inside.replace(" </p>", "</p>")}\n</div>'


def first(judged: Judged, scale: str) -> str:
    """One sentence: how many claims, and what became of them at the scale."""
    told = {s: n for s, n in counts(judged).items() if s in TOLD and n}
    if told:
        states = joined(f"{number_of(n)} {badge(s)}" for s, n in told.items())
        who = f"Of {claims(judged)}, {states}"
        alone = f"The claim is {badge(next(iter(told)))}"
        return f"<b>Outcome.</b> {alone if len(judged) == 1 else who} at scale {scale}."
    subject = {1: "The one claim here is not", 2: "Neither of the two claims is"}.get(
        len(judged), f"None of the {claims(judged)} is"
    )
    return f"<b>Outcome.</b> {subject} decided by the runs of scale {scale}."


def silence(paper: Paper, judged: Judged) -> str:
    """Sentences on claims of which nothing can be said yet, with what held the first of them
    back."""
    parts = []
    for status in SILENT:
        rows = [row for row in judged if row[1].status == status]
        if rows and status == "not run":
            verb = "has" if len(rows) == 1 else "have"
            parts.append(f"{count(len(rows)).capitalize()} {verb} no runs yet.")
        elif rows:
            reason = why(paper, *rows[0])
            parts.append(f"{number_of(len(rows)).capitalize()} {badge(status)}: {reason}.")
    return " ".join(parts)


def line(claim: Claim, v: Verdict, *, state: bool = True) -> str:
    """A claim in one line: its verdict (unless it is said already), what it says, and the numbers.

    It links to its row of the ledger.
    """
    said = html.escape(claim.statement.removesuffix("."), quote=False)
    address = ledger_link(claim.paper, claim.id)
    mine = " (the book's own)" if claim.by == "book" else ""
    linked = f'<a href="{address}">{badge(v.status)}</a>: {said}'
    silent = f'<a href="{address}">{said}</a>'
    return f"{linked if state else silent}{mine}{measured(claim, v)}."


def measured(claim: Claim, v: Verdict) -> str:
    """The effect with its interval, unit and seeds, and the paper's own; empty without runs."""
    if v.effect is None:
        return ""
    d = decimals(claim, v)
    beside = (
        f", in the paper {number(claim.reported_effect, d)}"
        if claim.reported_effect is not None
        else ""
    )
    numbers = f"{number(v.effect, d)} {spread(v.low, v.high, d)}".strip()
    unit = html.escape(select.unit(claim, v), quote=False)
    if claim.metric in ACCURACIES:
        unit = unit.replace("accuracy", ACCURACIES[claim.metric])
    return minus(f" ({unit}: {numbers}, n = {v.n}{beside})")


def why(paper: Paper, claim: Claim, v: Verdict) -> str:
    """What holds a claim back: the first gate that it failed, arms by their labels."""
    detail = next((g.detail for g in v.gates if not g.passed), v.detail)
    return minus(html.escape(named(detail, paper, claim), quote=False))


def named(detail: str, paper: Paper, claim: Claim) -> str:
    """The detail of a gate with the labels of arms in place of their names."""
    arms = paper.experiments[claim.experiment].arms
    for name in sorted(claim.needed, key=len, reverse=True):
        label = "the untrained encoder" if name == UNTRAINED else f"“{arms[name].label}”"
        detail = re.sub(rf"(?<![\w“]){re.escape(name)}(?![\w”])", label, detail)
    return detail


def badge(status: str) -> str:
    """A verdict in bold and in its colour, as it stands in a sentence."""
    said = {"partly": "partly reproduced", "not a test": "no test"}.get(status, words(status))
    shown = said.removesuffix(" at this scale")
    return f'<b style="color:{COLOURS[status]}">{shown}</b>'


def learned(judged: Judged, scale: str) -> str:
    """How a chapter ends, as HTML: what held, what did not, what is open, what is unsaid."""
    tally, parts = counts(judged), []
    silent = sum(tally[s] for s in SILENT)
    decided = count(len(judged) - silent).capitalize() if silent < len(judged) else "None"
    which = f"{decided} of {claims(judged)} can"
    if len(judged) == 1:
        which = f"The one claim can{'not' if silent else ''}"
    parts.append(f"<p>{which} be judged by runs of scale {scale}.</p>")
    for status, head in HEADS.items():
        rows = [row for row in judged if row[1].status == status]
        items = "\n".join(f"<li>{line(*row, state=False)}</li>" for row in rows)
        parts += [f"<p><b>{head}.</b></p>\n<ul>\n{items}\n</ul>"] if rows else []
    if silent:
        states = joined(f"{number_of(tally[s])} {badge(s)}" for s in SILENT if tally[s])
        head = "<b>What was not learned.</b> Of the others nothing can be said yet:"
        parts.append(f"<p>{head} {states}.</p>")
    return block("\n".join(parts))


def summary(by_scale: Mapping[str, Judged]) -> str:
    """How a chapter begins: all of its claims counted, in one sentence a scale."""
    parts = []
    for scale, judged in by_scale.items():
        states = joined(f"{number_of(n)} {badge(s)}" for s, n in counts(judged).items() if n)
        what = f"Of {claims(judged)} on trained networks" if not parts else f"Of {claims(judged)}"
        alone = f"The one claim at scale {scale} is {badge(judged[0][1].status)}."
        parts.append(alone if len(judged) == 1 else f"{what}, {states} at scale {scale}.")
    return block(f"<p><b>In short.</b> {' '.join(parts)}</p>")


def counted(judged: Judged) -> str:
    """All claims counted by verdict, as a text."""
    states = joined(f"{count(n)} {words(s)}" for s, n in counts(judged).items() if n)
    return f"Of {count(len(judged))} claims: {states}."


def finding(data: Mapping[str, Any]) -> str:
    """What an overview shows at the end of training, in words."""
    untrained = {"arm": UNTRAINED, "label": "untrained encoder", "mean": data["floors"][1]}
    return ranking([*data["arms"], untrained], f"{data['labels'][1]} at the end")


def ranking(rows: Sequence[Mapping[str, Any]], what: str) -> str:
    """Arms from the highest mean to the lowest, in words, and the untrained encoder after them."""
    there = sorted((r for r in rows if r["mean"] is not None), key=lambda r: -r["mean"])
    parts = [f"{r['label']}: {number(r['mean'])}" for r in there if r["arm"] != UNTRAINED]
    if not parts:
        return "Not run at this scale."
    if len(parts) > 5:
        parts = [*parts[:2], "…", *parts[-2:]]
    parts += [f"{r['label']}: {number(r['mean'])}" for r in there if r["arm"] == UNTRAINED]
    return minus(f"{what[0].upper()}{what[1:]}, from high to low. {'; '.join(parts)}.")


def gaps(rows: Sequence[Mapping[str, Any]], digits: int = 1) -> str:
    """What a figure of differences shows, in words: each with its interval, and the paper's."""
    parts = []
    for r in rows:
        if r["effect"] is not None:
            here = f"{number(r['effect'], digits)} {spread(r['low'], r['high'], digits)}".strip()
            paper = "" if r["paper"] is None else f", in the paper {number(r['paper'], digits)}"
            parts.append(f"{r['label']}: {here}{paper}")
    return minus(f"{'; '.join(parts)}.") if parts else "Not run at this scale."


def ends(rows: Sequence[Mapping[str, Any]], what: str, digits: int = 1) -> str:
    """Where the curves of a figure end, in words: the mean over seeds of the last value, by arm."""
    parts = []
    for r in rows:
        last = [float(y[-1]) for _, y in r["runs"] if len(y)]
        if last:
            parts.append(f"{r['label']}: {number(sum(last) / len(last), digits)}")
    return minus(f"{what} at the end. {'; '.join(parts)}.") if parts else "Not run at this scale."


def joined(parts: Iterable[str]) -> str:
    """Parts as a list in a sentence."""
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last


def count(n: int) -> str:
    """A number of claims, in words up to twelve."""
    return NUMBERS[n] if n < len(NUMBERS) else f"{n}"


def claims(judged: Judged) -> str:
    """How many claims, with the word."""
    return f"{count(len(judged))} {'claim' if len(judged) == 1 else 'claims'}"


def number_of(n: int) -> str:
    """How many, and the verb after it."""
    return f"{count(n)} {'is' if n == 1 else 'are'}"


def minus(text: str) -> str:
    """Negative numbers with a minus sign."""
    return re.sub(r"(?<![\w.])-(?=\d)", "−", text)
