"""A figure as light SVG, in tones of a page: what Matplotlib writes, less what says nothing."""

import hashlib
import io
import re

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.colors import to_hex, to_rgba_array
from matplotlib.figure import Figure

from ncssl.plots.style import INK, PALE, PAPER, QUANTITIES

TONES = {  # what a figure is drawn with -> what a page makes of it, on light and on dark
    INK: "currentColor",
    "#000000": "currentColor",
    PAPER: "var(--pst-color-background, #ffffff)",
    "#ffffff": "var(--pst-color-background, #ffffff)",
    PALE: f"var(--figure-pale, {PALE})",
    QUANTITIES["collapse"]: f"var(--figure-collapse, {QUANTITIES['collapse']})",
    QUANTITIES["survival"]: f"var(--figure-survival, {QUANTITIES['survival']})",
}
TONES = {tone.lower(): new for tone, new in TONES.items()}
HEAVY = 120_000  # letters of SVG above which marks become a picture, at twice the size
FINE = 0.03  # points (1/72 inch) that a line may be off
SHARP = 192  # dots an inch of such a picture
NUMBER = r"-?\d*\.?\d+(?:e[-+]?\d+)?"
ALL = 'fill="currentColor" font-family="\'DejaVu Sans\', Verdana, sans-serif"'  # said once
DROPPED = (  # what a page does not need
    r"<\?xml.*?\?>",
    r"<!DOCTYPE.*?>",
    r"<metadata>.*?</metadata>",
    r"<!--.*?-->",
    r"<style[^>]*>.*?</style>",
    r' target="_blank"',
    r' transform="rotate\(-?0 [^"]*\)"',
    r"xlink:(?=href)",
    r'(?<=<g) id="(?!move-)[^"]*"',
)


def svg(figure: Figure) -> str:
    """The figure as SVG for a page; marks that would be too many are a picture inside it where that
    is lighter, but for those in a tone of the page, which a picture could not follow."""
    text = saved(figure)
    if len(text) > HEAVY:
        for ax in figure.axes:
            for mark in (*ax.lines, *ax.collections, *ax.patches, *ax.images):
                mark.set_rasterized(not tones(mark))
        text = min(text, saved(figure), key=len)
    return named(text, "f" + hashlib.sha256(text.encode()).hexdigest()[:8])


def named(text: str, name: str) -> str:
    """SVG with short ids that begin with `name`: two figures of a page share none. Those of marks
    that move keep their own."""
    known = dict.fromkeys(re.findall(r'\bid="([^"]*)"', text))
    short = {id: id if id.startswith("move-") else f"{i}" for i, id in enumerate(known)}

    def renamed(match: re.Match) -> str:
        return f"{match[1]}{name}-{short.get(match[2], match[2])}"

    return re.sub(r'(\bid="|url\(#|href="#)([^")]*)', renamed, text)


def tones(mark: Artist) -> set[str]:
    """The tones of the page that a mark is drawn in."""
    asked = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")
    found = [getattr(mark, f"get_{name}")() for name in asked if hasattr(mark, f"get_{name}")]
    return {to_hex(c) for some in found for c in to_rgba_array(some)} & set(TONES)


def saved(figure: Figure) -> str:
    """The figure as Matplotlib writes it, less what a page does not need, in tones of a page."""
    out = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "ncssl"}):
        look = dict(transparent=True, bbox_inches="tight", dpi=SHARP, metadata={"Date": None})
        figure.savefig(out, format="svg", **look)
    text = out.getvalue()
    for pattern in DROPPED:
        text = re.sub(pattern, "", text, flags=re.S)
    text = re.sub(r'<svg ([^>]*?)width="[^"]*" height="[^"]*"', rf"<svg {ALL} \1", text)
    text = re.sub(r'\b(x|y|points|transform|width|height)="([^"]*)"', rounded, text)
    text = re.sub(r'\bd="([^"]*)"', lambda m: f'd="{path(m[1])}"', text)
    tone = re.compile(f"(?:{'|'.join(TONES)})(?![0-9a-f])", re.I)
    text = tone.sub(lambda m: TONES[m[0].lower()], text)
    text = re.sub(r'(<(?:text|tspan)[^>]*?) style="([^"]*)"', said_once, text)
    lines = (line.strip() for line in ungrouped(text).splitlines())
    return joined("\n".join(line for line in lines if line))


def number(match: re.Match) -> str:
    """A number with two decimals: a hundredth of a point is not seen."""
    short = f"{float(match[0]):.2f}".rstrip("0").rstrip(".")
    return re.sub(r"^(-?)0(?=\.)", r"\1", "0" if short == "-0" else short)


def numbers(text: str) -> str:
    """A list of numbers, on one line."""
    return re.sub(NUMBER, number, " ".join(text.split()))


def rounded(match: re.Match) -> str:
    """An attribute of numbers, short."""
    return f'{match[1]}="{numbers(match[2])}"'


def path(text: str) -> str:
    """The same path, short: no space beside a command, and of a line only the points it needs."""
    lines = rf"([ML])((?: ?L? {NUMBER} {NUMBER}){{2,}})"
    thin = re.sub(lines, lambda m: f"{m[1]} {line(m[2])}", " ".join(text.split()))
    return re.sub(r" ?([A-Za-z]) ?", r"\1", numbers(thin))


def line(text: str) -> str:
    """The points of a line, as one list of numbers."""
    points = thinned(np.array(re.findall(NUMBER, text), float).reshape(-1, 2))
    return " ".join(f"{x:.3f}" for x in points.ravel()) + " "


def thinned(points: np.ndarray) -> np.ndarray:
    """The points (n, 2) of a line without those that it passes within `FINE` anyway."""
    keep, parts = np.zeros(len(points), bool), [(0, len(points) - 1)]
    while parts:
        a, b = parts.pop()
        keep[[a, b]] = True
        chord, off = points[b] - points[a], points[a + 1 : b] - points[a]
        share = np.clip(off @ chord / max(chord @ chord, 1e-12), 0, 1)
        away = np.hypot(*(off - np.outer(share, chord)).T)
        if len(away) and away.max() > FINE:
            far = a + 1 + int(away.argmax())
            parts += [(a, far), (far, b)]
    return points[keep]


def said_once(match: re.Match) -> str:
    """A text's style without what `ALL` says of every text."""
    own = [
        part for part in match[2].split("; ") if not re.match("font-family: 'DejaVu Sans'", part)
    ]
    own = [part for part in own if part != "fill: currentColor"]
    return f'{match[1]} style="{"; ".join(own)}"' if own else match[1]


def ungrouped(text: str) -> str:
    """Without groups that say nothing."""
    kept, groups = [], []
    for part in re.split(r"(<g\b[^>]*>|</g>)", text):
        if part.startswith("<g"):
            groups.append(part != "<g>")
        if not re.match(r"</?g\b", part) or (groups.pop() if part == "</g>" else groups[-1]):
            kept.append(part)
    return "".join(kept)


def joined(text: str) -> str:
    """Neighbouring lines of one look as one path; not where they can be seen through."""
    look = r'"((?: clip-path="[^"]*")? style="fill: none;(?:(?!opacity)[^"])*")/>'
    pair = rf'{look}\n<path d="([^"]*)"\1/>'
    while (shorter := re.sub(pair, r'\2"\1/>', text)) != text:
        text = shorter
    return text
