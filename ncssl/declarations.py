"""The methods as their declarations are written: names, options, defaults, summaries.

Read from the source of ncssl/methods, which is not run: what reads records, plans or claims needs
the options of a recipe and no torch. What an option may be, the method says when it is made.
"""

import ast
import re
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from ncssl.checks import truth
from ncssl.errors import BadFile, UnknownName

FOLDER = Path(__file__).parent / "methods"


class Declared(NamedTuple):
    """A declaration as written: options with their defaults, the first line of its docstring, and
    the first paper that this cites."""

    options: dict[str, Any]
    summary: str
    paper: str


@cache
def declared() -> dict[str, Declared]:
    """Name -> declaration, for every function under `@method` in the files of ncssl/methods. Raises
    BadFile for one whose defaults are not written out."""
    return {
        node.name: as_written(node, file)
        for file in sorted(FOLDER.glob("*.py"))
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
        and any(isinstance(d, ast.Name) and d.id == "method" for d in node.decorator_list)
    }


def as_written(node: ast.FunctionDef, file: Path) -> Declared:
    """What a function under `@method` says of itself."""
    text, given = ast.get_docstring(node) or "", node.args
    defaults = [*given.defaults, *given.kw_defaults]
    names = [a.arg for a in (*given.args, *given.kwonlyargs)]
    try:
        options = dict(zip(names, map(ast.literal_eval, defaults), strict=True))  # type: ignore
    except ValueError as error:
        why = f"the defaults of {node.name} are not all numbers, words, truth values or None"
        raise BadFile(file, f"{why} ({error})", "write each of them out") from error
    cited = re.search(r"\b[a-z]+\d{4}\b", text)
    return Declared(options, text.split("\n")[0], cited[0] if cited else "none")


def shipped(name: str) -> bool:
    """Whether a method is the package's own, and no other was entered under its name."""
    if name not in declared():
        return False
    methods = sys.modules.get("ncssl.methods")
    return methods is None or methods.METHODS[name].__module__.startswith("ncssl.methods.")


def resolved(name: str, given: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a method, those given over those known with their defaults; raises
    UnknownName for another option, and for what is no truth value where one belongs."""
    for option, value in given.items():
        if option not in known:
            raise UnknownName(f"option of {name}", option, known)
        if isinstance(known[option], bool):
            truth(option, value)
    return {**known, **given}
