"""Tables as pandas frames of rounded texts, and how a notebook shows them: verdicts in their
colours.

pandas and IPython come with the `book` extra and are imported only when a table is made.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ncssl.verdicts.states import words

if TYPE_CHECKING:
    from pandas import DataFrame

# verdict -> its colour in a table, on light rows; the style sheet makes it brighter on dark ones
COLOURS = {
    "reproduced": "#00664b",
    "partly": "#005a8c",
    "same direction": "#006b74",
    "contradicted": "#a84300",
    "undecided": "#6b5200",
    "out of reach": "#606060",
    "not a test": "#7a4569",
    "not run": "#666666",
}
SHADE = {words(status): shade for status, shade in COLOURS.items()}  # by what is printed


def frame(rows: Iterable[Mapping[str, Any]], columns: Sequence[str] = ()) -> DataFrame:
    """A frame of rows given as dicts; `columns` name them where there may be no row."""
    import pandas

    rows = list(rows)
    return pandas.DataFrame(rows, columns=list(columns) or None if not rows else None)


def show(table: DataFrame, caption: str = "") -> None:
    """Display a frame without its index, as HTML and as text; cells that are a verdict are
    coloured."""
    from IPython.display import display

    if table.empty:
        print(f"{caption}: none" if caption else "none")
        return
    text = table.map(lambda v: "" if v is None else str(v))
    safe = text.map(marked).rename(columns=lambda name: html.escape(str(name), quote=False))
    page = safe.to_html(index=False, escape=False, border=0, justify="left")
    if caption:
        page = page.replace("<thead>", f"<caption>{html.escape(caption)}</caption>\n  <thead>", 1)
    plain = text.to_string(index=False)
    display(
        {"text/html": page, "text/plain": f"{caption}\n{plain}" if caption else plain}, raw=True
    )


def marked(text: str) -> str:
    """A cell as HTML; a verdict in bold and in its colour; names may break after an underscore."""
    escaped = html.escape(text, quote=False).replace("_", "_<wbr>")
    return f'<b style="color:{SHADE[text]}">{escaped}</b>' if text in SHADE else escaped


def number(value: float | None, digits: int = 1) -> str:
    """A number with so many decimals, empty for None; no negative zero."""
    return "" if value is None else f"{round(value, digits) + 0.0:.{digits}f}"


def short(x: float) -> str:
    """A number with three digits, thousands separated."""
    return f"{x:,.0f}" if abs(x) >= 100 else f"{x:.3g}"


def spread(low: float | None, high: float | None, digits: int = 1) -> str:
    """An interval as text, empty for None."""
    return "" if low is None or high is None else f"[{number(low, digits)}, {number(high, digits)}]"
