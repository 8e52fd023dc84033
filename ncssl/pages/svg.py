"""Figures as SVG inside a page: they follow its theme and their marks can be links."""

import html
import io
import re
from collections.abc import Mapping

import matplotlib as mpl
from matplotlib.figure import Figure

from ncssl.plots.style import INK, PALE, PAPER

THEMED = {  # colours of figures -> those of the page
    INK: "currentColor",
    "#000000": "currentColor",
    PAPER: "var(--pst-color-background, #fff)",
    PALE: "var(--pst-color-border, #ccc)",
}
DROPPED = (  # what a page does not need, or may not have twice
    r"<\?xml.*?\?>",
    r"<!DOCTYPE.*?>",
    r"<metadata>.*?</metadata>",
    r"<style.*?</style>",
    r"<!--.*?-->",
    r' target="_blank"',
    r"xlink:(?=href)",
)


def inline(figure: Figure, name: str, alt: str, links: Mapping[str, str] | None = None) -> str:
    """The figure as HTML without blank lines, described by `alt`; its ids begin with `name`.

    `links`: address -> words, of the artists with a `url`. Those that begin with "ledger" are for
    pointers alone: a figure of many marks would hold up a reader who goes by Tab.
    """
    out = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    text = out.getvalue()
    for pattern in DROPPED:
        text = re.sub(pattern, "", text, flags=re.S)
    text = re.sub(r"(\d\.\d\d)\d+", r"\1", text)  # hundredths of a point are enough
    text = linked(themed(own_ids(text, name)), links or {})
    role = "group" if links else "img"
    text = text.replace("<svg ", f'<svg role="{role}" aria-label="{html.escape(alt)}" ', 1)
    lines = [line for line in text.splitlines() if line.strip()]
    return "\n".join([f'<div class="ncssl-figure" id="{name}">', *lines, "</div>", ""])


def themed(text: str) -> str:
    """Ink and paper become the page's own."""
    for colour, new in THEMED.items():
        text = re.sub(colour, new, text, flags=re.I)
    return text.replace("'DejaVu Sans';", "'DejaVu Sans', sans-serif;")


def own_ids(text: str, name: str) -> str:
    """Ids with a prefix, so that two figures on a page do not share any."""
    text = re.sub(r'\bid="', f'id="{name}-', text)
    return re.sub(r'(url\(#|href="#)', rf"\1{name}-", text)


def linked(text: str, links: Mapping[str, str]) -> str:
    """Links with their words, which a browser shows and a screen reader says."""

    def said(match: re.Match) -> str:
        words = html.escape(links[html.unescape(match[1])])
        skip = ' tabindex="-1"' if "ledger" in match[1] else ""
        return f'<a href="{match[1]}" aria-label="{words}"{skip}><title>{words}</title>'

    return re.sub(r'<a href="([^"]*)">', said, text)
