"""The ledger as a page: a table with a row a claim, which reads without a script and is filtered,
sorted and searched with one (`book/static/ledger.js`)."""

import html
import math
from collections.abc import Iterable, Mapping, Sequence

from ncssl.links import anchor
from ncssl.report.frame import number
from ncssl.report.ledger import runs as seeds
from ncssl.report.select import band
from ncssl.report.tables.arms import DATA
from ncssl.trace.evidence import Site, effect, evidence, plain
from ncssl.trace.mathematics import mathematics
from ncssl.trace.rows import Row
from ncssl.verdicts.states import EXACT, STATUSES, words

NAMES = {
    "tian2021": "Tian 2021",
    "wang2021": "Wang 2021",
    "wen2022": "Wen 2022",
    "liu2022": "Liu 2022",
    "halvagal2023": "Halvagal 2023",
    "cho2022": "Cho 2022",
    "companion": "across papers",
    "balestriero2025": "Balestriero 2025",
}
WHOSE = {
    "paper": "the paper's own",
    "later": "a later paper's own",
    "book": "ours",
    "erratum": "a misprint",
}
ABOUT = {"records": "training runs", "theory": "theory"}
HEADS = ("verdict", "claim", "found here", "paper", "seeds", "scale")
MARKS = dict(zip(STATUSES, "●◐▸✕?○∅–", strict=True))
CLASSES = (  # rows of the table of counts: words, whose, about
    ("claims of the papers about training runs", "paper", "records"),
    ("claims of the papers about theory", "paper", "theory"),
    ("claims of a later paper about training runs", "later", "records"),
    ("claims of a later paper about theory", "later", "theory"),
    ("our own claims about training runs", "book", "records"),
    ("our own claims about theory", "book", "theory"),
    ("misprints, tested", "erratum", "theory"),
)
WIDTH, HEIGHT = 120, 18  # of the picture of an interval, px


def page(rows: Sequence[Row], site: Site) -> str:
    """The counts, the controls, and the table of all claims."""
    return f'<div class="ncssl-ledger">{counts(rows)}{controls(rows)}{table(rows, site)}</div>\n'


def badge(status: str) -> str:
    """A verdict in its colour, with a sign that does not need the colour."""
    name = status.replace(" ", "-")
    mark = f'<span aria-hidden="true">{MARKS[status]}</span>'
    return f'<b class="ncssl-badge v-{name}">{mark} {words(status)}</b>'


def counts(rows: Sequence[Row]) -> str:
    """How many claims have each verdict, by whose claims they are; every number is a filter."""
    shown = [status for status in STATUSES if any(r.verdict.status == status for r in rows)]
    body = []
    for title, whose, about in CLASSES:
        of = [r.verdict.status for r in rows if (r.whose, r.claim.kind) == (whose, about)]
        if of:
            address = f"#whose={whose}&amp;about={about}"
            cells = "".join(
                f"<td>{counted(of.count(status), f'{address}&amp;verdict={status}', about, status)}"
                "</td>"
                for status in shown
            )
            body.append(f'<tr><th scope="row"><a href="{address}">{title}</a></th>{cells}</tr>')
    heads = "".join(f'<th scope="col">{badge(status)}</th>' for status in shown)
    return (
        '<div class="ncssl-scroll" role="region" tabindex="0" aria-label="Number of claims by'
        f' verdict"><table class="ncssl-counts"><thead><tr><td></td>{heads}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def counted(count: int, address: str, about: str, status: str) -> str:
    """A number that filters the table; nothing where theory cannot have the verdict."""
    if not count:
        return "" if about == "theory" and status not in EXACT else "0"
    return f'<a href="{address.replace(" ", "%20")}">{count}</a>'


def controls(rows: Sequence[Row]) -> str:
    """Filters, search and order, hidden until the script finds them."""
    seen = {
        "paper": {k: NAMES.get(k, k) for k in dict.fromkeys(r.claim.paper for r in rows)},
        "verdict": {s: words(s) for s in STATUSES if any(r.verdict.status == s for r in rows)},
        "whose": {k: v for k, v in WHOSE.items() if any(r.whose == k for r in rows)},
        "about": {k: v for k, v in ABOUT.items() if any(r.claim.kind == k for r in rows)},
        "scale": {s: s for s in dict.fromkeys(s for r in rows for s in scales(r))},
    }
    selects = "".join(select(name, options) for name, options in seen.items())
    heads = (*HEADS, *others(rows).values())
    orders = {"": "as in the papers"} | {h: h for h in heads} | {"margin": "distance from margin"}
    return (
        '<form class="ncssl-controls" hidden><label class="wide">search<input type="search"'
        ' name="q" placeholder="EMA, eps, IsoLoss, Table 3, predictor" autocomplete="off"></label>'
        f"{selects}{select('sort', orders, None)}"
        '<label class="box"><input type="checkbox" name="headline"> headline claims only</label>'
        '<button type="reset">show all</button><output role="status"></output></form>'
    )


def select(name: str, options: Mapping[str, str], every: str | None = "all") -> str:
    """A choice with its label; `every` is the word for no choice, None where `options` has it."""
    first = f'<option value="">{every}</option>' if every else ""
    items = "".join(f'<option value="{k}">{html.escape(v)}</option>' for k, v in options.items())
    return f'<label>{name}<select name="{name}">{first}{items}</select></label>'


def scales(row: Row) -> list[str]:
    """The scales at which a claim about runs has a verdict; none for theory."""
    return [s for s, v in row.verdicts.items() if s != "theory" and v.status != "not run"]


def others(rows: Iterable[Row]) -> dict[str, str]:
    """Data set other than the scales' own that claims were judged on -> the head of its column."""
    have = dict.fromkeys(name for row in rows for name in row.elsewhere)
    return {name: f"on {DATA[name]}" for name in have}


def table(rows: Sequence[Row], site: Site) -> str:
    """All claims: a body of two rows each, what is said of it and what it opens to."""
    more = others(rows)
    heads = (*HEADS, *more.values())
    line = "".join(f'<th scope="col" data-sort="{h}">{h}</th>' for h in heads)
    bodies = "\n".join(body(row, i, site, more) for i, row in enumerate(rows))
    return (
        '<table class="ncssl-claims"><caption>All claims, with verdict, effect and evidence'
        f"</caption><thead><tr>{line}</tr></thead>\n{bodies}</table>"
    )


def body(row: Row, place: int, site: Site, more: Mapping[str, str]) -> str:
    """One claim; `more` are the columns after those that are always there."""
    claim, v = row.claim, row.verdict
    name = anchor(claim.paper, claim.id)
    marks = "".join(
        f" <small>{word}</small>"
        for word in (WHOSE[row.whose] if row.whose != "paper" else "", headline(row))
        if word
    )
    says = (
        f'<a class="permalink" href="#{name}">{plain(name)}</a> {marks}<br>'
        f"{mathematics(claim.statement)} <small>({plain(claim.place)})</small>"
    )
    paper = number(claim.reported_effect, 2).replace("-", "−") if claim.kind == "records" else ""
    shown = "" if row.scale == "theory" or v.status == "not run" else row.scale
    runs = seeds(claim, v, shown) if claim.kind == "records" and shown else ""
    cells = (
        badge(v.status),
        says,
        f"{effect(claim, v)}{picture(row)}",
        paper,
        runs,
        row.scale if row.scale == "theory" else shown,
        *(elsewhere(row, dataset) for dataset in more),
    )
    line = "".join(
        f'<td data-head="{head}">{cell}</td>'
        for head, cell in zip((*HEADS, *more.values()), cells, strict=True)
    )
    opens = f"<details><summary>evidence</summary>{evidence(row, site)}</details>"
    return (
        f'<tbody id="{name}"{data(row, place)}><tr>{line}</tr>'
        f'<tr class="more"><td colspan="{len(cells)}">{opens}</td></tr></tbody>'
    )


def elsewhere(row: Row, dataset: str) -> str:
    """Verdict and effect on another data set, with the scale where it is another one."""
    other = row.elsewhere.get(dataset)
    if other is None:
        return ""
    scale = "" if other.scale == row.scale else f" <small>{other.scale}</small>"
    return f"{badge(other.verdict.status)} {effect(row.claim, other.verdict)}{scale}"


def headline(row: Row) -> str:
    """The word for a claim whose arms are run first."""
    return "headline" if row.claim.headline else ""


def data(row: Row, place: int) -> str:
    """Attributes that filters and orders read."""
    claim, v = row.claim, row.verdict
    given = {
        "paper": claim.paper,
        "verdict": v.status,
        "whose": row.whose,
        "about": claim.kind,
        "scale": " ".join(scales(row)),
        "headline": "1" if claim.headline else "",
        "place": place,
        "effect": "" if claim.kind == "theory" else number(v.effect, 4),
        "reported": number(claim.reported_effect, 4),
        "seeds": v.n if claim.kind == "records" else "",
        "margin": number(distance(row), 3),
    } | {name: number(other.verdict.effect, 4) for name, other in row.elsewhere.items()}
    return "".join(f' data-{k}="{html.escape(str(x))}"' for k, x in given.items() if x != "")


def distance(row: Row) -> float | None:
    """How far the effect lies from the nearer margin, in half widths of its interval; None for
    theory, and where there is no interval."""
    v, claim = row.verdict, row.claim
    if claim.kind == "theory" or None in (v.effect, v.low, v.high) or v.high <= v.low:
        return None
    edges = [edge for edge in band(claim, v) if edge is not None]
    reach = [(v.effect - edge) / ((v.high - v.low) / 2) for edge in edges]
    return min(reach, key=abs, default=None)


def picture(row: Row) -> str:
    """The interval over its margin as a small drawing: shaded where the claim would hold."""
    claim, v = row.claim, row.verdict
    if claim.kind == "theory" or None in (v.effect, v.low, v.high):
        return ""
    low, high = band(claim, v)
    marks = [x for x in (v.low, v.high, low, high) if x is not None and math.isfinite(x)]
    span = (max(marks) - min(marks)) or 1.0
    start, whole = min(marks) - 0.15 * span, 1.3 * span

    def x(value: float) -> float:
        return round(WIDTH * (value - start) / whole, 1)

    left = x(low) if low is not None else 0
    right = x(high) if high is not None else WIDTH
    holds = low is not None or high is not None
    edges = "".join(f"M{x(e)} 1V{HEIGHT - 1}" for e in (low, high) if e is not None)
    zone = (
        f'<rect class="holds" x="{left}" y="1" width="{round(right - left, 1)}"'
        f' height="{HEIGHT - 2}"/><path class="edge" d="{edges}"/>'
    )
    y = HEIGHT / 2
    return (
        f'<svg class="interval" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' aria-hidden="true">{zone if holds else ""}<path class="bar"'
        f' d="M{x(v.low)} {y:g}H{x(v.high)}"/><circle cx="{x(v.effect)}" cy="{y:g}" r="3.5"/></svg>'
    )
