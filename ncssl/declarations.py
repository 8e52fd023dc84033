"""The methods as their declarations are written: names, options, defaults, first sentences.

Read from the source of ncssl/methods, which is not run: what reads records, plans or claims needs
the options of a recipe and no torch. What a number may be, the method says when it is made.
"""

import ast
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from ncssl.checks import truth
from ncssl.errors import UnknownName

FOLDER = Path(__file__).parent / "methods"


class Declared(NamedTuple):
    """A declaration as written: options with their defaults, first sentence, and the first paper
    that its docstring cites."""

    options: dict[str, Any]
    summary: str
    paper: str


@cache
def declared() -> dict[str, Declared]:
    """Name -> declaration, for every function under `@method` in the files of ncssl/methods."""
    return {
        node.name: as_written(node)
        for file in sorted(FOLDER.glob("*.py"))
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
        and any(isinstance(d, ast.Name) and d.id == "method" for d in node.decorator_list)
    }


def as_written(node: ast.FunctionDef) -> Declared:
    """What a function under `@method` says of itself."""
    text = ast.get_docstring(node) or ""
    defaults = map(ast.literal_eval, node.args.defaults)
    options = dict(zip((a.arg for a in node.args.args), defaults, strict=True))
    cited = re.search(r"\b[a-z]+\d{4}\b", text)
    return Declared(options, text.split("\n")[0], cited[0] if cited else "")


def resolved(name: str, given: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a method, those given over those known with their defaults; raises
    UnknownName for another option, and for what is no truth value where one belongs."""
    for option, value in given.items():
        if option not in known:
            raise UnknownName(f"option of {name}", option, known)
        if isinstance(known[option], bool):
            truth(option, value)
    return {**known, **given}
