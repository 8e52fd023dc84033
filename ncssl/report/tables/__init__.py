"""Tables of a chapter, as pandas frames of rounded texts; `show` displays them in a notebook.

Runs come as `found`, a list of (planned run, its record or None).
"""

from ncssl.report.frame import frame, number, show, spread
from ncssl.report.tables.arms import costs, differences, measured, reported, results
from ncssl.report.tables.claims import counts, decimals, ledger, test_words, theory, verdicts, whose
from ncssl.report.tables.coverage import coverage, failed, provenance, repeated
from ncssl.report.tables.recipes import decay_time, search, settings

__all__ = [
    "costs",
    "counts",
    "coverage",
    "decay_time",
    "decimals",
    "differences",
    "failed",
    "frame",
    "ledger",
    "measured",
    "number",
    "provenance",
    "repeated",
    "reported",
    "results",
    "search",
    "settings",
    "show",
    "spread",
    "test_words",
    "theory",
    "verdicts",
    "whose",
]
