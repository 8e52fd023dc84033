"""The search shows excerpts without reading a page again: browsers refuse that from the file
system. The text of every section is in one script, which the search page loads."""

import json
from pathlib import Path
from typing import Any

from ncssl.site.plain import text

LONGEST = 4000  # characters kept of a section: what stands below is code and output


def sections(doctree: Any) -> list[tuple[str, str]]:
    """Anchor and text of every section of a page, in order; text of a section's own, not of the
    sections inside it. The first anchor is "", the page's."""
    from docutils import nodes

    found = []
    for section in doctree.findall(nodes.section):
        own = [child for child in section.children if not isinstance(child, nodes.section)]
        words = " ".join(text(child, nodes.section, nodes.title) for child in own)
        found.append((section["ids"][0] if found else "", words[:LONGEST].strip()))
    return found


def keep(app: Any, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """Note the sections of a page; the search page loads the excerpts. A handler of
    html-page-context."""
    if doctree is not None:
        app.ncssl_sections[pagename] = sections(doctree)
    if pagename == "search":
        app.add_js_file("excerpts.js")
        app.add_js_file("search.js")


def write(app: Any, exception: Exception | None) -> None:
    """Write the excerpts beside the other scripts; a handler of build-finished."""
    if exception is None and app.builder.format == "html":
        data = json.dumps(app.ncssl_sections, ensure_ascii=False, separators=(",", ":"))
        path = Path(app.outdir) / "_static" / "excerpts.js"
        path.write_text(f"const EXCERPTS = {data};\n", encoding="utf-8")


def setup(app: Any) -> None:
    app.ncssl_sections = {}
    app.connect("html-page-context", keep)
    app.connect("build-finished", write)
