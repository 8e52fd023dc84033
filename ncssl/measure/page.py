"""Reports as one HTML file each: nothing is loaded, light and dark, curves as SVG."""

import html
import math
from collections.abc import Sequence

STYLE = """
:root { color-scheme: light dark; --ink: #1a1a1a; --soft: #5b5b5b; --line: #d5d5d5; --paper: #fff;
  --curve: #0072b2; --alarm: #b3400a; --fine: #00684e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --soft: #a8a8a8; --line: #444;
  --paper: #16181a; --curve: #66b6e8; --alarm: #ff9a66; --fine: #4fd1aa; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  margin: 0 auto; max-width: 62rem; padding: 1rem; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.05rem; margin-top: 2rem; }
.verdict { border-left: 4px solid var(--fine); padding: .2rem .8rem; font-weight: 600; }
.verdict.alarm { border-color: var(--alarm); color: var(--alarm); }
p.soft, td.soft, figcaption { color: var(--soft); font-size: .88rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; }
th, td { text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid var(--line); }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1rem; }
figure { margin: 0; } svg { width: 100%; height: auto; display: block; }
svg text { font: 11px system-ui, sans-serif; fill: var(--soft); }
"""


def page(title: str, parts: Sequence[str]) -> str:
    """A whole page of parts that are HTML already."""
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>'
        f"{escaped(title)}</title><style>{STYLE}</style>"
    )
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body><main><h1>{escaped(title)}'
        f"</h1>\n{body}\n</main></body></html>\n"
    )


def escaped(value: object) -> str:
    """Text as it can stand in HTML."""
    return html.escape(str(value))


def verdict(text: str, alarm: bool) -> str:
    """The sentence that matters."""
    return f'<p class="verdict{" alarm" if alarm else ""}">{escaped(text)}</p>'


def paragraph(text: str) -> str:
    """A remark."""
    return f'<p class="soft">{escaped(text)}</p>'


def heading(text: str) -> str:
    """The title of a part."""
    return f"<h2>{escaped(text)}</h2>"


def number(value: object) -> str:
    """A number in four digits, a missing one as nothing, anything else as text."""
    if value is None:
        return ""
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{value:.4g}" if plain else str(value)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows under their columns, numbers to the right."""
    if not rows:
        return ""
    right = [isinstance(value, int | float | None) for value in rows[0]]

    def cells(tag: str, values: Sequence[object]) -> str:
        kinds = (' class="number"' if r else "" for r in right)
        return "".join(
            f"<{tag}{kind}>{escaped(number(value))}</{tag}>"
            for kind, value in zip(kinds, values, strict=True)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return (
        f'<div class="wide"><table><thead><tr>{cells("th", columns)}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def panels(curves: Sequence[str]) -> str:
    """Curves side by side."""
    return f'<div class="panels">{"".join(curves)}</div>'


def curve(
    title: str,
    x: Sequence[float],
    y: Sequence[float | None],
    level: float | None = None,
    top: float = 0.0,
) -> str:
    """One curve over the steps from zero to its largest value, or to `top` where that is more, with
    a dotted level where there is one; nothing where fewer than two points are known."""
    points = [(a, b) for a, b in zip(x, y, strict=True) if b is not None and math.isfinite(b)]
    if len(points) < 2:
        return ""
    low = min(0.0, *(b for _, b in points))
    high = max(*(b for _, b in points), level or low, top) or 1.0
    high = high if high > low else low + 1.0
    first, last = points[0][0], points[-1][0]

    def place(a: float, b: float) -> str:
        right, up = (a - first) / (last - first), (b - low) / (high - low)
        return f"{44 + 200 * right:.1f},{104 - 92 * up:.1f}"

    line = " ".join(place(a, b) for a, b in points)
    dotted = "" if level is None else dots(place(first, level), place(last, level))
    said = f"{title}: from {number(points[0][1])} to {number(points[-1][1])}"
    return (
        f'<figure><figcaption>{escaped(title)}</figcaption><svg viewBox="0 0 250 124" role="img">'
        f'<title>{escaped(said)}</title><path d="M44 8V104H244" fill="none" stroke="var(--line)"/>'
        f'{dotted}<polyline points="{line}" fill="none" stroke="var(--curve)" stroke-width="2"/>'
        f'<text x="40" y="14" text-anchor="end">{high:.3g}</text>'
        f'<text x="40" y="108" text-anchor="end">{low:.3g}</text>'
        f'<text x="44" y="120">{first:g}</text>'
        f'<text x="244" y="120" text-anchor="end">{last:g}</text></svg></figure>'
    )


def dots(a: str, b: str) -> str:
    """A dotted line between two points."""
    return f'<path d="M{a}L{b}" stroke="var(--alarm)" stroke-dasharray="2 3" fill="none"/>'
