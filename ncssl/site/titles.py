"""Links that take their words from a title keep the title's formulas: Sphinx gives them its LaTeX
as text."""

from typing import Any


def with_formulas(app: Any, doctree: Any, docname: str) -> None:
    """Put the formulas of a section's title into the links to it; a handler of doctree-resolved."""
    from docutils import nodes

    for link in doctree.findall(nodes.reference):
        title = _title(app, doctree, docname, link)
        words = link.children[0] if len(link.children) == 1 else None
        if title is None or not isinstance(words, nodes.inline):
            continue
        if words.astext() == title.astext() and any(title.findall(nodes.math)):
            words.children = []
            words.extend(child.deepcopy() for child in title.children)


def _title(app, doctree, docname, link):
    """The title that an internal link leads to, or None."""
    from docutils import nodes

    page, _, anchor = link.get("refuri", "#" + link.get("refid", "")).partition("#")
    if not (link.get("internal") and anchor) or "\\" not in link.astext():
        return None
    if page:
        names = (
            name
            for name in app.env.found_docs
            if app.builder.get_relative_uri(docname, name) == page
        )
        there = next(names, None)
        doctree = app.env.get_doctree(there) if there else doctree
    for section in doctree.findall(nodes.section):
        if anchor in section["ids"]:
            return section.next_node(nodes.title)
    return None


def setup(app: Any) -> None:
    app.connect("doctree-resolved", with_formulas)
