"""A figure as it stands on a page: SVG whose ink follows the theme, a caption, and words for those
who cannot see it."""

import html
import re
from collections.abc import Mapping
from types import MappingProxyType

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from ncssl.plots.motion import Motion
from ncssl.plots.vector import svg

FILE_NAME = re.compile(r"\S*\.(png|svg|jpe?g)|\S*[_/]\S*", re.I)


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
