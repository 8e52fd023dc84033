"""A record as a page: what was run, what it gave, where, and which claims rest on it."""

import dataclasses
import html
import math
from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace

from ncssl.claims import papers
from ncssl.links import ledger_link, record_link, relative
from ncssl.recipes import SCALES
from ncssl.records.store import Record
from ncssl.report import select
from ncssl.runs.experiments import Planned
from ncssl.trace import places
from ncssl.trace.evidence import Site, plain
from ncssl.trace.ledger import badge
from ncssl.trace.mathematics import mathematics
from ncssl.trace.plain_page import plain_page
from ncssl.trace.rows import Row

WIDTH, HEIGHT = 160, 60  # of a curve, px
LINES = 8  # of a curve that has several values at each point
PROBE, KNN, EER = "probe_accuracy", "knn_accuracy", "mean_eer"


def record_page(record: Record, used: Sequence[Planned], rows: Iterable[Row], site: Site) -> str:
    """The page of one record; `used` are the arms it is a run of, `rows` the claims on it."""
    content = "".join(
        [
            f"<p>{what(record, site)}</p>",
            part("What rests on it", rests(used, rows, site)),
            part("Recipe", pairs(recipe(record))),
            part("Metrics", pairs(metrics(record))),
            part("Curves", curves(record), "over epochs"),
            part("Where and with what", pairs(made(record))),
            part("Again", again(record)),
            f'<p><a href="{record.id}.json">The record as JSON</a></p>',
        ]
    )
    return plain_page(f"Record {record.id}", content, site.here)


def part(title: str, content: str, more: str = "") -> str:
    """A section with its heading; nothing where there is no content."""
    return f"<h2>{title}</h2>{f'<p>{more}</p>' if more else ''}{content}" if content else ""


def what(record: Record, site: Site) -> str:
    """One sentence on the run; its method leads to its declaration."""
    r = record.recipe
    said = (
        f"<b>{method(r.method, site)}</b> on {plain(r.dataset)}, {plain(r.backbone)},"
        f" {r.epochs} epochs, seed {r.seed}, scale {plain(r.scale)}"
    )
    if record.status == "failed":
        return f"{said}. <b>The run failed</b>: {plain(record.reason)}"
    return f"{said}. {outcome(record)}"


def method(name: str, site: Site) -> str:
    """A method's name, with a link to its code where it is a network's (a floor has none)."""
    if name not in (known := places.decorated("methods")):
        return plain(name)
    return f'<a href="{site.line(*known[name])}">{plain(name)}</a>'


def outcome(record: Record) -> str:
    """The measures that most claims read, as text."""
    named = {PROBE: "linear probe {:.1f} %", KNN: "kNN {:.1f} %", EER: "equal error rate {:.1f} %"}
    have = {k: record.metrics.get(k) for k in named}
    return ", ".join(named[k].format(x) for k, x in have.items() if x is not None)


def rests(used: Sequence[Planned], rows: Iterable[Row], site: Site) -> str:
    """The arms that the record is a run of, and the claims, each with its verdict and its line."""
    if not used:
        return "<p>No claim: a run of a search for settings, or a floor.</p>"
    arms = dict.fromkeys((p.paper, p.experiment, p.arm) for p in used)
    said = "".join(f"<li>{arm_words(*arm)}</li>" for arm in arms)
    claims = "".join(f"<li>{claim(row, site)}</li>" for row in rows)
    none = "<p>No claim reads this arm.</p>"
    return f"<ul>{said}</ul>" + (f'<ul class="claims">{claims}</ul>' if claims else none)


def arm_words(key: str, experiment: str, arm: str) -> str:
    """An arm in words."""
    e = papers.paper(key).experiments[experiment]
    return f"{key}, {plain(e.title)}: {plain(e.arms[arm].label)} <code>{plain(arm)}</code>"


def claim(row: Row, site: Site) -> str:
    """A claim in a line: verdict, statement with its permalink, and the line of the TOML."""
    c = row.claim
    line = places.lines(c.paper)[c.id]
    toml = f"papers/{c.paper}.toml"
    return (
        f'{badge(row.verdict.status)} <a href="{ledger_link(c.paper, c.id, site.here)}">'
        f"{plain(c.paper)}.{plain(c.id)}</a>: {mathematics(c.statement)}"
        f' (<a href="{site.line(toml, line)}">line {line}</a>)'
    )


def recipe(record: Record) -> dict[str, object]:
    """The values of the recipe that are set, options among them."""
    values = dataclasses.asdict(record.recipe)
    options = values.pop("options")
    return {k: v for k, v in values.items() if v is not None} | dict(options)


def metrics(record: Record) -> dict[str, object]:
    """The final metrics."""
    return {k: "not finite" if v is None else v for k, v in record.metrics.items()}


def made(record: Record) -> dict[str, object]:
    """Device, precision, versions, commit, time and data."""
    said = {"device": record.device, "precision": record.precision}
    said |= {"seconds": round(record.seconds), "peak memory, MiB": round(record.peak_memory_mb)}
    said |= {"commit": record.commit, "created": record.created}
    return said | dict(record.versions) | {f"data, {k}": v for k, v in record.data.items()}


def pairs(values: Mapping[str, object]) -> str:
    """Names and values as a table of two columns, side by side where there is room."""
    items = "".join(
        f"<div><dt>{plain(k.replace('_', ' '))}</dt><dd>{plain(text(v))}</dd></div>"
        for k, v in values.items()
    )
    return f'<dl class="pairs">{items}</dl>' if items else ""


def text(value: object) -> str:
    """A value as text; numbers to six digits."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def curves(record: Record) -> str:
    """A small drawing a curve."""
    drawn = (curve(name, values) for name, values in record.curves.items() if name != "epoch")
    figures = "".join(drawn)
    return f'<div class="curves">{figures}</div>' if figures else ""


def curve(name: str, values: Sequence) -> str:
    """One curve, or the first lines of one that has several values a point, on a logarithmic axis;
    below it its name, smallest, largest and last value."""
    many = any(isinstance(v, list) for v in values)
    rows = [list(v or ()) for v in values] if many else [[v] for v in values]
    count = min(LINES, max(map(len, rows), default=0))
    lines = [[row[i] if i < len(row) else None for row in rows] for i in range(count)]
    shown = [[scaled(v, many) for v in line] for line in lines]
    known = [v for line in shown for v in line if v is not None]
    if len(rows) < 2 or not known:
        return ""
    paths = "".join(path(line, min(known), max(known)) for line in shown)
    plain_values = [v for line in lines for v in line if v is not None]
    ends = f"{min(plain_values):.3g} to {max(plain_values):.3g}"
    tail = f"the {count} largest, logarithmic" if many else f"last {text_of(lines[0][-1])}"
    caption = f"{plain(name.replace('_', ' '))} <small>{ends}, {tail}</small>"
    return (
        f'<figure><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(name)}">'
        f'<path d="{paths}"/></svg><figcaption>{caption}</figcaption></figure>'
    )


def text_of(value: float | None) -> str:
    """A value of a curve as text."""
    return "not finite" if value is None else f"{value:.3g}"


def scaled(value: float | None, logarithmic: bool) -> float | None:
    """A value as it is drawn; None where it cannot be."""
    if value is None or not logarithmic:
        return value
    return math.log(value) if value > 0 else None


def path(line: Sequence[float | None], low: float, high: float) -> str:
    """The path of one line across the whole width, broken where a value is missing."""
    span, out, pen = (high - low) or 1.0, [], "M"
    for i, v in enumerate(line):
        if v is None:
            pen = "M"
            continue
        x = round(2 + (WIDTH - 4) * i / (len(line) - 1))
        y = round(HEIGHT - 4 - (HEIGHT - 8) * (v - low) / span)
        out.append(f"{pen}{x} {y}")
        pen = "L"
    return "".join(out)


def again(record: Record) -> str:
    """The line that makes the record again; nothing where its recipe is of no scale."""
    if record.recipe.scale not in SCALES:
        return ""
    line = select.command(SimpleNamespace(recipe=record.recipe))
    return f"<pre><code>{html.escape(line)}</code></pre>"


def index(records: Iterable[Record], uses: Mapping[str, Sequence[Planned]], here: str) -> str:
    """The list of all records, by folder."""
    rows = "".join(
        f'<tr><td><a href="{record_link(r.key, r.id, here)}">{r.id}</a></td><td>{plain(r.key)}</td>'
        f"<td>{plain(r.recipe.method)}</td><td>{plain(arms(uses.get(r.id, ())))}</td>"
        f"<td>{r.recipe.seed}</td><td>{plain(r.recipe.scale)}</td>"
        f"<td>{outcome(r) or r.status}</td></tr>\n"
        for r in sorted(records, key=lambda r: (r.key, r.recipe.method, r.recipe.seed, r.id))
    )
    heads = "".join(
        f'<th scope="col">{h}</th>'
        for h in ("record", "folder", "method", "arms", "seed", "scale", "outcome")
    )
    intro = (
        "<p>One training run a line. Claims rest on them: "
        f'<a href="{relative("book/ledger.html", here)}">the ledger</a>.</p>'
    )
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>\n{rows}</tbody></table>"
    return plain_page("All records", f'{intro}<div class="scroll">{table}</div>', here)


def arms(used: Iterable[Planned]) -> str:
    """The arms of experiments that a record is a run of."""
    return ", ".join(dict.fromkeys(f"{p.experiment}: {p.arm}" for p in used))
