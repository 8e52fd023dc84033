"""What a row of the ledger opens to, as HTML: test, gates, arms and records, the paper's numbers,
where it stands."""

import html
import math
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ncssl.claims import papers
from ncssl.claims.facts import UNTRAINED, Claim
from ncssl.links import code_link, record_link, relative, source_link
from ncssl.records.store import Record
from ncssl.report.frame import number, spread
from ncssl.report.ledger import size
from ncssl.report.select import reported
from ncssl.report.tables import decimals, test_words
from ncssl.report.tables.arms import DATA
from ncssl.trace import places
from ncssl.trace.mathematics import mathematics
from ncssl.trace.rows import Pair, Row
from ncssl.verdicts.states import Verdict, words

GATES = {
    "R1": "the base has learned",
    "R2": "there is room for the margin",
    "R3": "weight decay had time to act",
    "R4": "the curve has ended",
    "R5": "an untrained network, or the control, fails",
}


class Site(NamedTuple):
    """Where a page of the build stands: its folder `here`, the folder of the notebooks, and the
    address of the sources on the web, "" where there is none."""

    here: str
    notebooks: Path
    repository: str = ""

    def line(self, path: str, number: int) -> str:
        """Address of a line of a file of the package, on the web or in the copy of the build."""
        if self.repository:
            return f"{self.repository}/ncssl/{path}#L{number}"
        folder, _, name = path.partition("/")
        if folder == "papers":
            return source_link(name.removesuffix(".toml"), number, self.here)
        return code_link(path, number, self.here)


def evidence(row: Row, site: Site) -> str:
    """All parts of what a row opens to, those that it has, as a list of terms."""
    claim, v = row.claim, row.verdict
    parts = {
        "Test": f"{formula(test(claim, v))}, margin set by {whose_margin(claim)}",
        "Found": found(row),
        "Gates": gates(v),
        "Other scales": others(row),
        "The paper": paper_says(claim),
        "Arms": arms(row, site),
        **{f"On {DATA[name]}": on(other, site) for name, other in row.elsewhere.items()},
        "Note": mathematics(claim.note),
        "Where": where(row, site),
    }
    return (
        f"<dl>{''.join(f'<dt>{k}</dt><dd>{text}</dd>' for k, text in parts.items() if text)}</dl>"
    )


def plain(text: str) -> str:
    """Text that may break after an underscore."""
    return html.escape(text, quote=False).replace("_", "_<wbr>")


def formula(text: str) -> str:
    """A test with its signs set in type; names may break after an underscore."""
    return mathematics(text).replace("_", "_<wbr>")


def test(claim: Claim, v: Verdict) -> str:
    """The test in a formula; of theory over the value of its check."""
    if claim.kind == "theory":
        return f"{claim.check} {'>' if claim.test == 'above' else '<'} {claim.margin:g}"
    return test_words(claim, v)


def whose_margin(claim: Claim) -> str:
    """Who set the margin."""
    return "the paper" if claim.margin_by == "paper" else "us"


def effect(claim: Claim, v: Verdict) -> str:
    """The effect with its interval, as HTML; empty where there is none."""
    if claim.kind == "theory":
        return mathematics(size(v.effect)).replace("-", "−")
    d = decimals(claim, v)
    interval = spread(v.low, v.high, d).replace(" ", "&nbsp;")
    return f"{number(v.effect, d)} {interval}".strip().replace("-", "−")


def found(row: Row) -> str:
    """Effect, interval, number of runs, Cohen's d, p, and what the verdict says of itself."""
    claim, v = row.claim, row.verdict
    if claim.kind == "theory":
        return f"{effect(claim, v) or 'no number'}, {plain(v.detail)}"
    parts = [
        f"{effect(claim, v)} ({v.interval}, 95 %)" if v.effect is not None else "",
        f"{v.n} runs in the smaller arm" if v.n else "",
        f"{v.looks} looks" if v.looks > 1 else "",
        f"Cohen's <i>d</i> {number(v.standardised, 2)}" if v.standardised is not None else "",
        f"<i>p</i> against the margin {v.p:.2g}" if v.p is not None else "",
    ]
    said = ", ".join(part for part in parts if part)
    return "<br>".join(part for part in (said, plain(v.detail)) if part)


def on(row: Row, site: Site) -> str:
    """A claim on other data: verdict, effect, gates, arms with their records."""
    return f"{words(row.verdict.status)}: {found(row)}{gates(row.verdict)}{arms(row, site)}"


def gates(v: Verdict) -> str:
    """Each gate with its meaning, its outcome and its numbers."""
    outcome = {True: "passed", False: "not passed"}
    items = (
        f"<li><b>{g.name}</b> {GATES[g.name]}: {outcome[g.passed] if g.known else 'not known'}"
        f" <small>({plain(g.detail)})</small></li>"
        for g in v.gates
    )
    return f"<ul>{''.join(items)}</ul>" if v.gates else ""


def others(row: Row) -> str:
    """The verdicts at scales other than the one shown, with their effects."""
    said = (
        f"{scale}: {words(v.status)} {effect(row.claim, v)}".strip()
        for scale, v in row.verdicts.items()
        if scale != row.scale and v.status != "not run"
    )
    return "; ".join(said)


def paper_says(claim: Claim) -> str:
    """The cells that a claim cites, with their place, and the effect that follows from them."""
    paper = papers.paper(claim.paper)
    cells = [paper.reported(reference) for reference in claim.reported]
    items = [
        f"{plain(c.place)}, {plain(c.row)}, {plain(c.column)}: {reported(c)}"
        f" <small>({plain(about(c))})</small>"
        for c in cells
    ]
    if claim.reported_effect is not None and len(cells) > 1:
        d = 3 if claim.compare == "ratio" else 2
        items.append(f"effect: {number(claim.reported_effect, d).replace('-', '−')}")
    return f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>" if items else ""


def about(cell: papers.Cell) -> str:
    """Metric, data, network and epochs of a number of a paper, those that it says."""
    epochs = f"{cell.epochs} epochs" if cell.epochs else None
    return ", ".join(filter(None, (cell.metric, cell.dataset, cell.backbone, epochs)))


def arms(row: Row, site: Site) -> str:
    """One row an arm: its part in the test, and its values by seed, each a link to its record."""
    claim = row.claim
    if claim.kind == "theory":
        return ""
    labels = papers.paper(claim.paper).experiments[claim.experiment].arms
    body = "".join(
        f"<tr><td>{plain(labels[arm].label)} <code>{plain(arm)}</code></td>"
        f"<td>{', '.join(parts(claim, arm))}</td>"
        f"<td>{values(claim, [pair for pair in row.runs if pair[0].arm == arm], site)}</td></tr>"
        for arm in claim.needed
    )
    head = f"<th>arm</th><th>its part</th><th>{plain(claim.metric)} by seed, each a record</th>"
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def parts(claim: Claim, arm: str) -> list[str]:
    """What an arm is to a claim."""
    roles = {
        "compared": arm in claim.compared,
        "base": arm in claim.base,
        "untrained floor": arm == UNTRAINED and bool(claim.base),
        "control": arm == claim.stand_in,
    }
    return [role for role, applies in roles.items() if applies]


def values(claim: Claim, pairs: Iterable[Pair], site: Site) -> str:
    """Values of a claim's metric by seed, with links to the records."""
    said = []
    for p, record in pairs:
        if record is None:
            said.append(f"{p.seed}: no record")
            continue
        link = record_link(record.key, record.id, site.here)
        said.append(f'{p.seed}: <a href="{link}">{value(claim, record)}</a>')
    return ", ".join(said) or "no run planned"


def value(claim: Claim, record: Record) -> str:
    """A record's metric in the claim's unit, or why there is none."""
    x = record.value(claim.metric) if record.status == "done" else None
    if x is None:
        return "failed" if record.status == "failed" else "not measured"
    unit = math.sqrt(record.recipe.d) if claim.per else 1.0
    points = decimals(claim) == 1 or claim.metric.endswith(("_accuracy", "_eer"))
    return number(x * unit, 1 if points else 3).replace("-", "−")


def where(row: Row, site: Site) -> str:
    """Links to the section of the chapter, the line of the TOML, and the code of a check."""
    claim = row.claim
    toml = f"papers/{claim.paper}.toml"
    line = places.lines(claim.paper)[claim.id]
    links = [f'<a href="{site.line(toml, line)}">{toml}, line {line}</a>']
    if section := places.section(claim, site.notebooks):
        title = mathematics(section.title.replace("$", "").replace("\\", ""))
        page = relative(section.page, site.here)
        links.insert(0, f'<a href="{page}#{section.label}">{title}</a>')
    if claim.kind == "theory":
        path, line = places.functions(claim.paper)[claim.check]
        links.append(f'<a href="{site.line(path, line)}">{plain(path)}, line {line}</a>')
    return ", ".join(links)
