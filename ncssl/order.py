"""The order in which readers meet the papers: that of the book's chapters."""

from collections.abc import Iterable

ORDER = (
    "tian2021",
    "wang2021",
    "wen2022",
    "liu2022",
    "halvagal2023",
    "cho2022",
    "companion",
    "balestriero2025",
)


def in_order(keys: Iterable[str]) -> tuple[str, ...]:
    """Keys of papers as the chapters come; those of no chapter follow by the alphabet."""
    return tuple(sorted(keys, key=lambda k: (ORDER.index(k) if k in ORDER else len(ORDER), k)))
