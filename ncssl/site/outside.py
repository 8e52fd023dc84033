"""Files beside the pages: the map for search engines, the page for an address that is not there,
and the licence of MathJax."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

MISSING = """\
<h1>No page here</h1>
<p>Pages of the book may move between editions; what they say is found again through the
<a href="{root}search.html">search</a>, the <a href="{root}{first}.html">first page</a> or the
<a href="{root}genindex.html">index</a>.</p>"""


def sitemap(pages: Iterable[str], site: str) -> str:
    """A map of the pages (names without ending) in the form of sitemaps.org."""
    lines = "".join(f"<url><loc>{escape(f'{site}{page}.html')}</loc></url>\n" for page in pages)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{lines}</urlset>\n'
    )


def missing(app: Any) -> Iterable[tuple[str, dict, str]]:
    """The page that a server shows for an unknown address; a handler of html-collect-pages. It is
    shown at any depth, so that its links begin with the book's address where there is one."""
    site = app.config.html_baseurl or ""
    context = {
        "title": "No page here",
        "body": MISSING.format(root=site, first=app.config.root_doc),
    }
    if site:
        context["metatags"] = f'<base href="{escape(site)}" />'
    yield "404", context, "page.html"


def write(app: Any, exception: Exception | None) -> None:
    """Write the map (only with an address: it takes whole ones) and robots.txt; a handler of
    build-finished."""
    site, out = app.config.html_baseurl or "", Path(app.outdir)
    if exception is not None or app.builder.format != "html" or not site:
        return
    (out / "sitemap.xml").write_text(sitemap(sorted(app.env.found_docs), site), encoding="utf-8")
    (out / "robots.txt").write_text(f"Sitemap: {site}sitemap.xml\n", encoding="utf-8")


def setup(app: Any) -> None:
    app.connect("html-collect-pages", missing)
    app.connect("build-finished", write)
