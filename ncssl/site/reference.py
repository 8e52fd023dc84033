"""The reference out of docstrings. They are plain English with `names` in single backticks and
indented formulas: here they become what Sphinx reads, so that no sign of theirs is mark-up."""

import re
from collections.abc import Iterable
from typing import Any

SIGNS = re.compile(r"([\\*_|])")


def rst(lines: Iterable[str]) -> list[str]:
    """Lines of a docstring as reStructuredText: `names` as code, indented blocks as they stand,
    everything else as words."""
    done: list[str] = []
    for block in "\n".join(lines).strip("\n").split("\n\n"):
        rows = block.split("\n")
        if all(row.startswith("  ") for row in rows):
            done += ["::", "", *rows, ""]
        else:
            done += [*_items(rows), ""]
    return done


def _items(rows):
    """A paragraph; a row that begins with a star or a dash begins an item of a list, which the
    rows below it go on."""
    indent = ""
    for row in rows:
        item = re.match(r"\s*[*-] ", row)
        if item:
            indent = "  "
            yield from ("", f"* {_words(row[item.end() :])}")
        else:
            yield indent + _words(row.strip())


def _words(row):
    pieces = row.split("`")
    if len(pieces) % 2 == 0:  # a lone backtick is a sign like any other
        return SIGNS.sub(r"\\\1", row).replace("`", r"\`")
    return "".join(
        f"``{piece}``"
        if number % 2 and piece.strip() == piece and piece
        else SIGNS.sub(r"\\\1", piece)
        for number, piece in enumerate(pieces)
    )


def convert(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """A handler of autodoc-process-docstring."""
    lines[:] = rst(lines)


def setup(app: Any) -> None:
    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("sphinx.ext.viewcode")
    app.connect("autodoc-process-docstring", convert)
