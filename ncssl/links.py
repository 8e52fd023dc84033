"""Where things are in the built book: a claim's row of the ledger, a record's page, a line of a
paper's TOML.

Addresses are relative, so that they work from the file system. `here` is the folder of the page
that links, relative to the first page: "notebooks" for a chapter, "book" for a page around them,
"book/explorers", or "" for the top.
"""

from posixpath import relpath
from urllib.parse import quote

LEDGER = "book/ledger.html"
RECORDS = "records"
SOURCES = "papers"
CODE = "code"


def anchor(paper: str, claim: str) -> str:
    """The anchor of a claim's row: its paper's key, a point and its id."""
    return f"{paper}.{claim}"


def ledger_link(paper: str, claim: str, here: str = "notebooks") -> str:
    """Address of a claim's row in the ledger: `ledger.html#<paper>.<claim id>`."""
    return f"{relative(LEDGER, here)}#{anchor(paper, claim)}"


def record_link(key: str, id: str, here: str = "notebooks") -> str:
    """Address of a record's page; `key` is its folder in `results/`."""
    return relative(f"{RECORDS}/{quote(key)}/{id}.html", here)


def source_link(paper: str, line: int, here: str = "notebooks") -> str:
    """Address of a line (the first is 1) of a paper's TOML, in the copy inside the build."""
    return f"{relative(f'{SOURCES}/{paper}.html', here)}#L{line}"


def code_link(path: str, line: int, here: str = "notebooks") -> str:
    """Address of a line of a file of the package, by its path there, in the copy of the build."""
    return f"{relative(f'{CODE}/{path}.html', here)}#L{line}"


def relative(target: str, here: str) -> str:
    """Path of a file of the build from a folder of it, both relative to the first page."""
    return relpath(target, here or ".")
