"""Companion to the theory of non-contrastive self-supervised learning: methods, theory, records and
verdicts."""

from importlib import import_module

__version__ = "0.1.0"

# public name -> its module, imported when the name is first asked for: `import ncssl` is quick and
# without torch
_WHERE = {
    "METHODS": "methods",
    "Recipe": "recipes",
    "Record": "records.store",
    "fit": "train",
    "make": "methods",
    "paper": "claims.papers",
    "papers": "claims.papers",
    "recipe": "recipes",
}
_MODULES = (
    "augment",
    "data",
    "evaluate",
    "losses",
    "measure",
    "methods",
    "nn",
    "plots",
    "records",
    "theory",
    "watch",
)
_MEASURES = ("diagnose", "spectral")  # modules of ncssl.measure that are public by their own name
__all__ = ["__version__", *sorted(_WHERE), *_MODULES, *_MEASURES]


def __getattr__(name: str):
    if name in _WHERE:
        return getattr(import_module(f"ncssl.{_WHERE[name]}"), name)
    if name in _MODULES:
        return import_module(f"ncssl.{name}")
    if name in _MEASURES:
        return import_module(f"ncssl.measure.{name}")
    raise AttributeError(f"module 'ncssl' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted(__all__)
