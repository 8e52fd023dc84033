"""Formulas and nodes as plain text: for descriptions, excerpts and titles that no formula can be
set in."""

import re
from typing import Any

SIGNS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "eta": "η",
    "theta": "θ", "lambda": "λ", "mu": "μ", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ",
    "Delta": "Δ", "Sigma": "Σ", "times": "×", "cdot": "·", "le": "≤", "leq": "≤", "ge": "≥",
    "geq": "≥", "ne": "≠", "neq": "≠", "approx": "≈", "to": "→", "infty": "∞", "in": "∈",
    "sum": "Σ", "partial": "∂", "top": "ᵀ", "pm": "±", "propto": "∝", "ll": "≪", "gg": "≫",
}  # fmt: skip
UP = dict(zip("0123456789-+nT", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿᵀ", strict=True))


def formula(latex: str) -> str:
    """A short formula in letters: `\\sigma^2` is σ². What has no letter keeps its name."""
    text = re.sub(r"\\(?:d?frac)\{([^{}]*)\}\{([^{}]*)\}", r"\1/\2", latex)
    text = re.sub(r"\\([A-Za-z]+) ?", lambda m: SIGNS.get(m[1], f"{m[1]} "), text)
    text = re.sub(r"\\[,;:!> ]|\\\\|&", " ", text)
    text = re.sub(r"\^\{?([0-9+nT-]+)\}?", lambda m: "".join(UP[c] for c in m[1]), text)
    return " ".join(re.sub(r"[{}$\\]", "", text).split())


def text(node: Any, *skip: type) -> str:
    """Words of a docutils node on one line, formulas in letters; nothing of nodes of the kinds
    `skip`."""
    return " ".join("".join(_pieces(node, skip)).split())


def _pieces(node, skip):
    from docutils import nodes

    if isinstance(node, (nodes.raw, nodes.comment, nodes.image, *skip)):
        return
    if isinstance(node, (nodes.math, nodes.math_block)):
        yield formula(node.astext())
    elif isinstance(node, nodes.Text):
        yield node.astext()
    for child in node.children:
        yield from _pieces(child, skip) if not isinstance(node, nodes.math) else ()
    if isinstance(node, (nodes.Body, nodes.Part, nodes.title)) and not isinstance(
        node, nodes.Inline
    ):
        yield " "
