"""The whole book as one PDF, with contents, page numbers, bookmarks and links inside: `make pdf`,
after a build. A headless Chromium prints it twice, since the numbers of the contents are known only
after the first time.

Source of the form: Chromium writes the objects of a PDF as plain text and only their streams packed
(Skia's PDF), so that the page of a link's target is read off with a pattern.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import Any

from ncssl.errors import BadFile

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-sandbox",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--no-pdf-header-footer",
    "--generate-pdf-document-outline",
    "--virtual-time-budget=600000",
)
GONE = "script, .headerlink, details.cite, .viewcode-link, .cell_input.toggle-hidden"
STYLE = """
@page { size: A4; margin: 18mm 16mm 20mm; }
@page { @bottom-center { content: counter(page); font: 9pt sans-serif; } }
@page :first { @bottom-center { content: none; } }
html, body { font-size: 10.5pt; height: auto !important; overflow: visible !important; }
html, body { background: #fff; }
main, .bd-content, article, section.whole { display: block !important; max-width: none !important; }
main, .bd-content, article { margin: 0 !important; padding: 0 !important; }
.bd-main .bd-content .bd-article h1 { display: block !important; font-size: 2.2em; }
section.whole ~ section.whole, nav.whole { break-before: page; }
nav.whole li { list-style: none; display: flex; gap: 1em; justify-content: space-between; }
nav.whole li.part { font-weight: 700; margin-top: .6em; }
nav.whole a { text-decoration: none; color: inherit; }
"""
PAGE = re.compile(rb"(\d+) 0 obj\s*<</Type /Page\s")
TARGET = re.compile(rb"/(\S+) \[(\d+) 0 R /XYZ")


def order(toc: Any) -> Iterator[tuple[int, str]]:
    """Depth and text of the lines of a _toc.yml as they are read: depth -1 is the caption of a
    part, any other the name of a page."""
    if "root" in toc:
        yield 0, toc["root"]
    for part in toc.get("parts", ()):
        yield -1, part.get("caption", "")
        yield from _chapters(part.get("chapters", ()), 0)
    yield from _chapters(toc.get("chapters", ()), 0)


def _chapters(rows, depth):
    for row in rows:
        yield depth, row["file"]
        yield from _chapters(row.get("sections", ()), depth + 1)


def slug(page: str) -> str:
    """The prefix of a page's anchors in the whole."""
    return re.sub(r"\W+", "-", page)


def target(page: str, link: str, pages: set[str]) -> str | None:
    """Where a link of `page` leads in the whole; None for what is not in it."""
    if re.match(r"[a-z]+:", link):
        return link
    path, _, anchor = link.partition("#")
    there = page if not path else normpath(join(dirname(page), path)).removesuffix(".html")
    if there not in pages:
        return None
    return f"#{slug(there)}--{anchor}" if anchor else f"#{slug(there)}"


def article(html: Path, page: str, pages: set[str]) -> tuple[str, str]:
    """Title and body of a built page, its anchors, links and pictures made to fit the whole.

    Raises BadFile where the page is not built.
    """
    from bs4 import BeautifulSoup

    path = html / f"{page}.html"
    if not path.is_file():
        raise BadFile(path, "is missing", "build the book first: make book")
    body = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser").select_one("article")
    for part in body.select(GONE):
        part.decompose()
    for part in body.select("noscript"):
        part.unwrap()
    for part in body.select("details"):
        part["open"] = ""
    for part in body.select("[id]"):
        part["id"] = f"{slug(page)}--{part['id']}"
    for part in body.select("[src]"):
        if not part["src"].startswith("data:"):
            part["src"] = normpath(join(dirname(page), part["src"]))
    for part in body.select("a[href]"):
        where = target(page, part["href"], pages)
        if where is None:
            del part["href"]
        else:
            part["href"] = where
    title = body.find("h1")
    return (
        title.get_text() if title else page,
        f'<section class="whole" id="{slug(page)}">{body}</section>',
    )


def whole(html: Path, toc: Any, numbers: dict[str, int]) -> str:
    """The text of one page that holds the book; `numbers` has pages' slugs and where they begin."""
    lines = list(order(toc))
    pages = {name for depth, name in lines if depth >= 0}
    contents, bodies = [], []
    for depth, name in lines:
        if depth < 0:
            contents.append(f'<li class="part">{name}</li>')
            continue
        title, body = article(html, name, pages)
        bodies.append(body)
        at = numbers.get(slug(name), "")
        contents.append(
            f'<li style="padding-left:{depth + 1}em"><a href="#{slug(name)}">{title}</a>'
            f"<span>{at}</span></li>"
        )
    first = f'<nav class="whole"><h1>Contents</h1><ul>{"".join(contents)}</ul></nav>'
    return f"{_head(html, toc['root'])}<body><main class='bd-main'><div class='bd-content'>" + (
        f"<article class='bd-article'>{bodies[0]}{first}{''.join(bodies[1:])}</article>"
        "</div></main></body></html>"
    )


def _head(html, page):
    """The head of a built page with its style sheets and MathJax, and the rules of the print."""
    from bs4 import BeautifulSoup

    head = BeautifulSoup((html / f"{page}.html").read_text(encoding="utf-8"), "html.parser").head
    for part in head.select("script[src], meta, link:not([rel=stylesheet])"):
        if "mathjax" not in part.get("src", ""):
            part.decompose()
    for part in head.select("[src], link[href]"):
        name = "src" if part.has_attr("src") else "href"
        part[name] = normpath(join(dirname(page), part[name].partition("?")[0]))
    attributes = "lang='en' data-theme='light' data-mode='light'"
    return f"<!doctype html><html {attributes}>{head}<style>{STYLE}</style>"


def places(pdf: bytes) -> dict[str, int]:
    """Name of a link's target -> number of its page, the first is 1."""
    pages = {number: at for at, number in enumerate(PAGE.findall(pdf), 1)}
    return {
        name.decode("latin1"): pages[number]
        for name, number in TARGET.findall(pdf)
        if number in pages
    }


def printed(page: Path, out: Path) -> bytes:
    """Print a page of the file system with Chromium; the PDF's bytes.

    Raises BadFile without a Chromium, or where it prints nothing.
    """
    browser = next(filter(None, map(shutil.which, NAMES)), None)
    if browser is None:
        raise BadFile("chromium", "is not installed", "apt-get install chromium")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [browser, *FLAGS, f"--user-data-dir={profile}", f"--print-to-pdf={out}"]
        subprocess.run([*command, page.as_uri()], capture_output=True, check=False)
    if not out.is_file():
        raise BadFile(out, "was not printed", f"try {browser} by hand")
    return out.read_bytes()


def make(html: Path, toc_file: Path, out: Path) -> Path:
    """Print the built book in `html` to `out`; the pages come in the order of `toc_file`."""
    import yaml

    toc = yaml.safe_load(toc_file.read_text(encoding="utf-8"))
    page, numbers = html / "whole.html", {}
    try:
        for _ in range(2):
            page.write_text(whole(html, toc, numbers), encoding="utf-8")
            out.unlink(missing_ok=True)
            numbers = places(printed(page, out))
    finally:
        page.unlink(missing_ok=True)
    return out


if __name__ == "__main__":
    here = Path.cwd()
    print(make(here / "_build" / "html", here / "_toc.yml", Path(sys.argv[1])))
