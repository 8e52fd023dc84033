"""The theory of the papers: flows with their exact answers. numpy and scipy only, no torch."""

import importlib
from types import ModuleType

from ncssl.errors import UnknownName

THEORIES: dict[str, str] = {
    "tian2021": "ncssl.theory.tian2021",
}


def theory(key: str) -> ModuleType:
    """The theory module of a paper, imported on first use; it has `describe` and `CHECKS`. Raises UnknownName."""
    if key not in THEORIES:
        raise UnknownName("theory", key, THEORIES)
    return importlib.import_module(THEORIES[key])
