"""Directives that put text of the page in their place."""

from collections.abc import Callable
from pathlib import Path
from typing import Any


def add(app: Any, name: str, text: Callable[[Path], str]) -> None:
    """The directive `{name}` for the book of `app`: what `text` makes of the folder of sources,
    anew at each build."""
    from docutils import nodes
    from sphinx.util.docutils import SphinxDirective

    class Written(SphinxDirective):
        def run(self):
            self.env.note_reread()
            box = nodes.container()
            lines = text(Path(app.srcdir)).splitlines()
            self.state.nested_parse(lines, self.content_offset, box)
            return box.children

    app.add_directive(name, Written)
