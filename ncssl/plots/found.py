"""The figure of the front: what came of the questions put to each paper. f(data, ax) -> ax."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.transforms import Transform, blended_transform_factory

from ncssl.plots.style import GREY, INK, PALE, VERDICTS
from ncssl.verdicts.states import words

COLUMNS = {"theory": -0.66, "trained": -0.33}  # left ends of the marks, in widths of the axes
LEFT = -2.02  # of the questions
STEP = 0.062  # from mark to mark
EDGE = 15.0  # points of accuracy that the axis reaches at most: beyond it an arrow and the number


def found(data: Sequence[Mapping[str, Any]], ax: Axes) -> Axes:
    """A row a question, grouped by paper; marks of verdicts, and the effect beside the paper's.

    A row of `data`: paper (name, cite and address), ask, theory and trained (each a list of
    (status, address)), effect, low, high and reported in points of accuracy or None, note (the
    effect in words where it is in another unit), address. Axes take the right quarter of their
    figure; the rest stands left of it.
    """
    y, paper = 0.0, None
    for row in data:
        if row["paper"] != paper:
            y, paper = y + (0.35 if paper else 0), row["paper"]
            headline(ax, y, *paper)
            y += 1
        question(ax, y, row)
        y += 1
    ax.set(xlim=span(data), ylim=(y - 0.3, -0.9), yticks=[])
    ax.xaxis.set_ticks_position("top")
    ax.xaxis.set_label_position("top")
    ax.set_xlabel("effect, points of accuracy", fontsize=11.5, loc="left")
    ax.tick_params(axis="x", labelsize=11.5, color=PALE)
    for side in ax.spines.values():
        side.set_visible(False)
    titles(ax)
    return ax


def span(data: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """Points of accuracy that hold every effect, its interval and the paper's, up to the edges."""
    names = ("low", "high", "reported")
    points = [row[k] for row in data for k in names if row["effect"] is not None]
    known = [held(x) for x in points if x is not None] or [0.0]
    return min(*known, -1.0) - 1.0, max(*known, 1.0) + 1.0


def held(x: float) -> float:
    """A number of points, or the edge of the axis that it lies beyond."""
    return min(max(x, -EDGE), EDGE)


def at(ax: Axes) -> Transform:
    """Coordinates: widths of the axes from their left edge, and rows."""
    return blended_transform_factory(ax.transAxes, ax.transData)


def headline(ax: Axes, y: float, name: str, cite: str, address: str) -> None:
    """A paper: the name of its method, linked to its page, and who wrote it."""
    bold = dict(fontsize=13, fontweight="bold", color=INK, va="center", transform=at(ax))
    ax.text(LEFT, y, name, url=address, **bold)
    ax.text(COLUMNS["theory"], y, cite, fontsize=11.5, color=INK, va="center", transform=at(ax))


def question(ax: Axes, y: float, row: Mapping[str, Any]) -> None:
    """A question with its marks and its effect."""
    text = dict(fontsize=12, color=INK, va="center", transform=at(ax))
    ax.text(LEFT, y, row["ask"], url=row["address"], **text)
    for column, left in COLUMNS.items():
        for i, (status, address) in enumerate(row[column]):
            mark(ax, left + i * STEP, y, status, address)
    if row["effect"] is None:
        ax.text(0.02, y, row["note"], **text | dict(fontsize=11))
        return
    colour, marker, filled = VERDICTS[row["status"]]
    effect, reported = row["effect"], row["reported"]
    ax.plot([0, 0], [y - 0.5, y + 0.5], color=GREY, lw=0.8, zorder=0)
    low, high = held(row["low"]), held(row["high"])
    ax.plot([low, high], [y, y], color=colour, lw=2.2, solid_capstyle="butt")
    if abs(effect) > EDGE:
        marker = "<" if effect < 0 else ">"
    face = colour if filled else "none"
    dot = dict(marker=marker, color=colour, mfc=face, ms=6.5, ls="none", url=row["url"])
    ax.plot([held(effect)], [y], **dot)
    if reported is not None:
        ax.plot([held(reported)], [y], marker="d", color=INK, mfc="none", ms=7, ls="none")
    for edge, inner in ((-EDGE, high), (EDGE, low)):
        named = ((effect, ""), (reported or 0.0, "paper "))
        told = [f"{name}{x:+.1f}".replace("-", "−") for x, name in named if x / edge > 1]
        inner = inner if effect / edge > 1 else edge
        place = dict(fontsize=11, ha="left" if edge < 0 else "right", transform=ax.transData)
        if told:
            ax.text(inner - np.copysign(0.7, edge), y, ", ".join(told), **text | place)


def mark(ax: Axes, x: float, y: float, status: str, address: str) -> None:
    """One verdict, linked."""
    colour, marker, filled = VERDICTS[status]
    look = dict(marker=marker, color=colour, mfc=colour if filled else "none", mew=1.4, ms=8)
    line = Line2D([x], [y], ls="none", transform=at(ax), clip_on=False, url=address, **look)
    ax.add_line(line)


def titles(ax: Axes) -> None:
    """What the columns are."""
    top = dict(fontsize=11.5, color=INK, va="bottom", transform=ax.transAxes)
    ax.text(COLUMNS["theory"] - 0.02, 1.012, "computed", **top)
    ax.text(COLUMNS["trained"] - 0.02, 1.012, "trained", **top)


def key(data: Sequence[Mapping[str, Any]]) -> list[tuple[Line2D, str]]:
    """Handles and words of a legend: the verdicts that occur, and the paper's own effect."""
    seen = {status for row in data for column in COLUMNS for status, _ in row[column]}
    handles = []
    for status, (colour, marker, filled) in VERDICTS.items():
        if status in seen:
            look = dict(marker=marker, color=colour, mfc=colour if filled else "none", ms=7)
            handles.append((Line2D([], [], ls="none", **look), words(status)))
    paper = Line2D([], [], ls="none", marker="d", color=INK, mfc="none", ms=7)
    return [*handles, (paper, "the paper’s effect")]
