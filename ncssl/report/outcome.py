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
ACCURACIES = {  # which accuracy a claim is about
    "probe_accuracy": "linear probe",
    "knn_accuracy": "kNN",
    "early_knn_accuracy": "kNN at first",
    "late_knn_accuracy": "kNN at last",
    "few_label_accuracy": "probe of few labels",
}
NUMBERS = "no one two three four five six seven eight nine ten eleven twelve".split()


def section(paper: Paper, judged: Judged, scale: str, at: Mapping[str, str] | None = None) -> str:
    """How a section begins, as HTML: what came of its claims, those that decide something one by
    one. `at`: claim's id -> the scale of its verdict, where that is not the section's `scale`."""
    if not judged:
        return block("<p>No claim is judged in this section.</p>")
    at = at or {}
    told = [row for status in TOLD for row in judged if row[1].status == status]
    items = "\n".join(f"<li>{line(*row, where=at.get(row[0].id, ''))}</li>" for row in told)
    listed = f"\n<ul>\n{items}\n</ul>" if items else ""
    return block(f"<p>{first(judged, scale, at)} {silence(paper, judged, at)}</p>{listed}")


def block(inside: str) -> str:
    """The frame that the style sheet gives an outcome."""
    return f'<div class="outcome">\n{inside.replace(" </p>", "</p>")}\n</div>'


def by_scale(judged: Judged, scale: str, at: Mapping[str, str]) -> dict[str, Judged]:
    """The claims by the scale of their verdict, the section's own first."""
    out: dict[str, list] = {scale: []}
    for row in judged:
        out.setdefault(at.get(row[0].id, scale), []).append(row)
    return {s: rows for s, rows in out.items() if rows}


def first(judged: Judged, scale: str, at: Mapping[str, str]) -> str:
    """One sentence: how many claims, and what became of them at which scale."""
    groups, found = by_scale(judged, scale, at), {v.status for _, v in judged}
    if len(groups) == len(found) == 1 < len(judged) and found <= set(TOLD):
        who = "Both" if len(judged) == 2 else f"All {count(len(judged))}"
        told = states(judged, TOLD).removeprefix(count(len(judged)))
        return f"<b>Outcome.</b> {who} claims{told} at scale {next(iter(groups))}."
    said = [f"{told} at scale {s}" for s, rows in groups.items() if (told := states(rows, TOLD))]
    if said:
        who = f"The claim {said[0].removeprefix('one ')}" if len(judged) == 1 else ""
        return f"<b>Outcome.</b> {who or f'Of {claims(judged)}, ' + '; '.join(said)}."
    subject = {1: "The one claim here is not", 2: "Neither of the two claims is"}.get(
        len(judged), f"None of the {claims(judged)} is"
    )
    return f"<b>Outcome.</b> {subject} decided by the runs of scale {' or '.join(groups)}."


def states(judged: Judged, of: Iterable[str]) -> str:
    """How many claims have which verdict, of these: "one is reproduced and two are undecided"."""
    tally = counts(judged)
    return joined(state(tally[s], s) for s in of if tally[s])


def state(n: int, status: str) -> str:
    """How many claims have a verdict, as a part of a sentence."""
    if status != "same direction":
        return f"{number_of(n)} {badge(status)}"
    verb = "goes" if n == 1 else "go"
    said = f"{verb} the claimed way by less than the margin"
    return f'{count(n)} <b style="color:{COLOURS[status]}">{said}</b>'


def silence(paper: Paper, judged: Judged, at: Mapping[str, str]) -> str:
    """Sentences on claims of which nothing can be said yet, with what held the first of them
    back."""
    parts = []
    for status in SILENT[:-1]:
        held = [row for row in judged if row[1].status == status]
        for scale, rows in by_scale(held, "", at).items():
            beside = f" at scale {scale}" if scale else ""
            said = f"{state(len(rows), status)}{beside}: {why(paper, *rows[0])}."
            parts.append(f"{said[0].upper()}{said[1:]}")
    parts += unmade([v for _, v in judged if v.status == "not run"])
    return " ".join(p.replace("One ", "It ", 1) if len(judged) == 1 else p for p in parts)


def unmade(verdicts: Sequence[Verdict]) -> list[str]:
    """Sentences on claims that have too few runs, and on those that have none."""
    few, none = sum(v.begun for v in verdicts), sum(not v.begun for v in verdicts)
    said = ((few, "too few runs yet (two an arm are needed)"), (none, "no runs yet"))
    return [
        f"{count(n).capitalize()} {'has' if n == 1 else 'have'} {what}." for n, what in said if n
    ]


def line(claim: Claim, v: Verdict, *, state: bool = True, where: str = "") -> str:
    """A claim in one line: its verdict (unless it is said already), what it says, and the numbers;
    `where` is its scale, where that has to be said.

    It links to its row of the ledger.
    """
    said = html.escape(claim.statement.removesuffix("."), quote=False)
    address = ledger_link(claim.paper, claim.id)
    mine = " (the book's own)" if claim.by == "book" else ""
    if not state:
        return f'<a href="{address}">{said}</a>{mine}{measured(claim, v, where)}.'
    scale = f" at scale {where}" if where else ""
    return f'<a href="{address}">{badge(v.status)}</a>{scale}: {said}{mine}{measured(claim, v)}.'


def measured(claim: Claim, v: Verdict, where: str = "") -> str:
    """The effect with its interval, unit, seeds and scale, and the paper's own; without runs the
    scale alone."""
    at = f"at scale {where}" if where else ""
    if v.effect is None:
        return f" ({at})" if at else ""
    d = decimals(claim, v)
    beside = (
        f", {select.in_paper(claim)} {number(claim.reported_effect, d)}"
        if claim.reported_effect is not None
        else ""
    )
    numbers = f"{number(v.effect, d)} {spread(v.low, v.high, d)}".strip()
    unit = html.escape(select.unit(claim, v), quote=False)
    if claim.metric in ACCURACIES:
        unit = unit.replace("accuracy", ACCURACIES[claim.metric])
    return minus(f" ({unit}: {numbers}, n = {v.n}{beside}{at and f', {at}'})")


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


def finding(data: Mapping[str, Any]) -> str:
    """What an overview shows at the end of training, in words."""
    untrained = {"arm": UNTRAINED, "label": "untrained encoder", "mean": data["floors"][1]}
    return ranking([*data["arms"], untrained], f"{data['labels'][1]} at the end")


def ranking(rows: Sequence[Mapping[str, Any]], what: str) -> str:
    """Arms from the highest mean to the lowest, in words, and the untrained encoder after them; how
    many are above it first."""
    there = sorted((r for r in rows if r["mean"] is not None), key=lambda r: -r["mean"])
    arms = [r for r in there if r["arm"] != UNTRAINED]
    floor = next((r for r in there if r["arm"] == UNTRAINED), None)
    if not arms:
        return "Not run at this scale."
    parts = [f"{r['label']}: {number(r['mean'])}" for r in arms]
    if len(parts) > 5:
        parts = [*parts[:2], "…", *parts[-2:]]
    parts += [f"{floor['label']}: {number(floor['mean'])}"] if floor else []
    said = f"{what[0].upper()}{what[1:]}, from high to low. {'; '.join(parts)}."
    return minus(f"{over(arms, floor['mean'])} {said}" if floor else said)


def over(arms: Sequence[Mapping[str, Any]], floor: float) -> str:
    """How many arms have a mean above that of the untrained encoder, in a sentence."""
    n = sum(r["mean"] > floor for r in arms)
    if len(arms) == 1:
        return f"{arms[0]['label']} is {'' if n else 'not '}above the untrained encoder."
    many = {len(arms): "All", 0: "None"}.get(n, count(n).capitalize())
    verb = "is" if n == 1 else "are"
    return f"{many} of {count(len(arms))} arms {verb} above the untrained encoder."


def gaps(rows: Sequence[Mapping[str, Any]], digits: int = 1) -> str:
    """What a figure of differences shows, in words: how many intervals leave 0 out, then each with
    its interval, and the paper's; last what was computed otherwise and is not compared."""
    parts = []
    for r in rows:
        if r["effect"] is not None:
            here = f"{number(r['effect'], digits)} {spread(r['low'], r['high'], digits)}".strip()
            whence = r.get("whence", "in the paper")
            paper = "" if r["paper"] is None else f", {whence} {number(r['paper'], digits)}"
            parts.append(f"{r['label']}: {here}{paper}")
    apart = joined(r["label"] for r in rows if r.get("apart"))
    other = "in another precision or on another kind of device, so there is no difference to give"
    note = f"{apart}: computed {other}." if apart else ""
    if not parts:
        return note or "Not run at this scale."
    return minus(f"{signs(rows)} {'; '.join(parts)}. {note}".strip())


def signs(rows: Sequence[Mapping[str, Any]]) -> str:
    """How many intervals of differences lie wholly on one side of 0, in a sentence; empty without
    an interval."""
    known = [r for r in rows if r["low"] is not None and r["high"] is not None]
    above, below = sum(r["low"] > 0 for r in known), sum(r["high"] < 0 for r in known)
    if not known:
        return ""
    if len(known) == 1:
        where = "above 0" if above else "below 0" if below else ""
        said = f"lies wholly {where}" if where else "contains 0"
        return f"The interval of the difference {said}."
    every = {above: "lie wholly above 0", below: "lie wholly below 0"}.get(len(known))
    if every or not above + below:
        which = "Both" if len(known) == 2 else f"All {count(len(known))}"
        return f"{which} intervals {every or 'contain 0'}."
    said = joined(f"{count(n)} wholly {w} 0" for n, w in ((above, "above"), (below, "below")) if n)
    lie = "lies" if (above or below) == 1 else "lie"
    return f"Of {count(len(known))} intervals, {said.replace(' wholly', f' {lie} wholly', 1)}."


def ends(rows: Sequence[Mapping[str, Any]], what: str, digits: int = 1) -> str:
    """Where the curves of a figure end, in words: which is highest and lowest, then the mean over
    seeds of the last value, by arm."""
    last = {}
    for r in rows:
        values = [float(y[-1]) for _, y in r["runs"] if len(y)]
        if values:
            last[r["label"]] = sum(values) / len(values)
    if not last:
        return "Not run at this scale."
    parts = [f"{label}: {number(value, digits)}" for label, value in last.items()]
    high, low = max(last, key=last.__getitem__), min(last, key=last.__getitem__)
    apart = number(last[high], digits) != number(last[low], digits)
    order = f"{high} ends highest, {low} lowest. " if apart else ""
    return minus(f"{order}{what} at the end. {'; '.join(parts)}.")


def joined(parts: Iterable[str]) -> str:
    """Parts as a list in a sentence."""
    *most, last = list(parts) or [""]
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
