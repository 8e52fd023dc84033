"""The theory of the papers: flows with their exact answers. numpy and scipy only, no torch.

A folder a paper, whose own file is its front door (`describe`, `FLOWS`, `CHECKS`); `ode` is the
engine, `helpers` what papers share, `kept` the values of their checks, `symbols` which letter means
what in which paper.
"""

import importlib
from pathlib import Path
from types import ModuleType

from ncssl.errors import UnknownName
from ncssl.order import in_order


def _keys() -> tuple[str, ...]:
    """The folders that are a paper's theory: those with a front door, but the engine."""
    here = {file.parent.name for file in Path(__file__).parent.glob("*/__init__.py")}
    return in_order(here - {"ode"})


THEORIES: dict[str, str] = {key: f"ncssl.theory.{key}" for key in _keys()}


def theory(key: str) -> ModuleType:
    """The theory of a paper, imported on first use; it has `describe` and `CHECKS`. Raises
    UnknownName."""
    if key not in THEORIES:
        raise UnknownName("theory", key, THEORIES)
    return importlib.import_module(THEORIES[key])
