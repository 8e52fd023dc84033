"""A figure as it stands on a page: SVG whose ink follows the theme, a caption, and words for those
who cannot see it."""

import hashlib
import html
import io
import re
from collections.abc import Mapping
from types import MappingProxyType

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.artist import Artist
from matplotlib.colors import to_hex, to_rgba_array
from matplotlib.figure import Figure

from ncssl.plots.motion import Motion
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
HEAVY = 160_000  # letters of SVG above which the marks are drawn as a picture, at twice the size
SHARP = 192  # dots an inch of such a picture
FILE_NAME = re.compile(r"\S*\.(png|svg|jpe?g)|\S*[_/]\S*", re.I)
DROPPED = (  # what a page does not need
    r"<\?xml.*?\?>",
    r"<!DOCTYPE.*?>",
    r"<metadata>.*?</metadata>",
    r"<!--.*?-->",
    r"<style[^>]*>.*?</style>",
    r' target="_blank"',
    r"xlink:(?=href)",
    r'(?<=<g) id="(?!move-)[^"]*"',
)


def show(figure: Figure, alt: str, caption: str = "", moves: Motion | None = None) -> None:
    """Display a figure in a notebook and close it; `caption` says what it shows, $...$ is
    mathematics, `moves` what becomes of its marks when a reader plays it.

    Raises ValueError where `alt` is no description.
    """
    from IPython.display import display

    page = closed(figure, alt, caption, moves=moves)
    display({"text/html": page, "text/plain": f"{alt}\n{caption}".strip()}, raw=True)


def closed(figure: Figure, alt: str, caption: str = "", **more) -> str:
    """`page_html` of a figure that nobody needs after it."""
    try:
        return page_html(figure, alt, caption, **more)
    finally:
        plt.close(figure)


def page_html(
    figure: Figure,
    alt: str,
    caption: str = "",
    links: Mapping[str, str] = MappingProxyType({}),
    moves: Motion | None = None,
) -> str:
    """The figure with its caption, as HTML without blank lines.

    `links`: address -> words, of the artists with a `url`. Those that begin with "ledger" are for
    pointers alone: a figure of many marks would hold up a reader who goes by Tab.
    """
    if not alt.strip() or FILE_NAME.fullmatch(alt.strip()):
        raise ValueError(f"alt was {alt!r}; allowed: a sentence that says what the figure shows")
    width = round(96 * figure.get_size_inches()[0])
    role = "group" if links else "img"
    said = f'<svg role="{role}" aria-label="{html.escape(alt)}" style="max-width:{width}px" '
    drawn = linked(svg(figure), links).replace("<svg ", said, 1)
    below = f"\n<figcaption>{written(caption)}</figcaption>" if caption else ""
    told = moves and f'\n<script type="application/json">{moves.told(figure)}</script>'
    frame = f'<figure class="ncssl-figure{" ncssl-motion" if moves else ""}">'
    inside = f'<div class="figure-scroll">\n{drawn}\n</div>'
    return f"{frame}\n{inside}{told or ''}{below}\n</figure>"


def linked(text: str, links: Mapping[str, str]) -> str:
    """Links with their words, which a browser shows and a screen reader says."""

    def said(match: re.Match) -> str:
        words = html.escape(links[html.unescape(match[1])])
        skip = ' tabindex="-1"' if "ledger" in match[1] else ""
        return f'<a href="{match[1]}" aria-label="{words}"{skip}><title>{words}</title>'

    return re.sub(r'<a href="([^"]*)">', said, text)


def written(caption: str) -> str:
    """A caption as HTML; what stands between dollars is set by MathJax."""
    safe = html.escape(caption, quote=False)
    return re.sub(r"\$(.+?)\$", r'<span class="math notranslate nohighlight">\\(\1\\)</span>', safe)


def svg(figure: Figure) -> str:
    """The figure as SVG for a page; marks that would be too many are a picture inside it, but for
    those in a tone of the page, which a picture could not follow."""
    text = saved(figure)
    if len(text) > HEAVY:
        for ax in figure.axes:
            for mark in (*ax.lines, *ax.collections, *ax.patches, *ax.images):
                mark.set_rasterized(not tones(mark))
        text = saved(figure)
    name = "f" + hashlib.sha256(text.encode()).hexdigest()[:8]
    text = re.sub(r'\bid="', f'id="{name}-', text)  # two figures of a page share no id
    return re.sub(r'(url\(#|href="#)', rf"\1{name}-", text)


def tones(mark: Artist) -> set[str]:
    """The tones of the page that a mark is drawn in."""
    asked = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")
    found = [getattr(mark, f"get_{name}")() for name in asked if hasattr(mark, f"get_{name}")]
    drawn = {to_hex(c) for some in found for c in to_rgba_array(some)}
    return drawn & {tone.lower() for tone in TONES}


def saved(figure: Figure) -> str:
    """The figure as Matplotlib writes it, less what a page does not need, in tones of a page."""
    out = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "ncssl"}):
        look = dict(transparent=True, bbox_inches="tight", dpi=SHARP, metadata={"Date": None})
        figure.savefig(out, format="svg", **look)
    text = out.getvalue()
    for pattern in DROPPED:
        text = re.sub(pattern, "", text, flags=re.S)
    text = re.sub(r'(<svg [^>]*?)width="[^"]*" height="[^"]*"', r"\1", text)
    text = re.sub(r'\b(d|x|y|points|transform|width|height)="[^"]*"', shortened, text)
    for tone, new in TONES.items():
        text = re.sub(f"{tone}(?![0-9a-f])", new, text, flags=re.I)
    text = text.replace("'DejaVu Sans'", "'DejaVu Sans', Verdana, sans-serif")
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def shortened(match: re.Match) -> str:
    """Coordinates on one line, with two decimals: a hundredth of a point is not seen."""
    return re.sub(r"(\.\d\d)\d+", r"\1", match[0]).replace(" \n", " ").replace("\n", " ")
