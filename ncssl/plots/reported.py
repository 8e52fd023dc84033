"""What papers report against what was measured here. f(data, ax) -> ax."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from ncssl.plots.style import GREY, OKABE, PALE, PAPER
from ncssl.plots.training import not_run

# of sources in the order given, with a marker each, so that colour alone need not tell them apart
SHADES = ("blue", "vermilion", "green", "purple", "orange", "sky", "black")
MARKERS = "osD^vPX"


def against(
    data: Mapping[str, Sequence[Mapping[str, Any]]],
    ax: Axes,
    *,
    x_label: str = "reported",
    y_label: str = "here",
) -> Axes:
    """A dot a number, at what a paper reports and what was measured here, with its 95 % interval.

    Source -> dicts with paper, effect, low, high (one unit; the last two or None), and open, for a
    dot that is not filled. A source keeps its colour and marker by its place in `data`, also where
    it has no number. The dashed line is equality, the shaded quarters are those of other
    signs. Both axes begin and end where their own numbers do.
    """
    if not any(data.values()):
        return not_run(ax)
    for (name, rows), shade, marker in zip(data.items(), SHADES, MARKERS, strict=False):
        colour = OKABE[shade]
        for row in rows:
            if row["low"] is not None:
                ax.plot(
                    [row["paper"]] * 2, [row["low"], row["high"]], color=colour, lw=0.8, alpha=0.6
                )
            face = PAPER if row["open"] else colour
            dot = dict(color=colour, mfc=face, mew=1.2, ms=5.5, ls="")
            ax.plot([row["paper"]], [row["effect"]], marker, **dot)
        if rows:
            ax.plot([], [], marker, color=colour, ls="", ms=5.5, label=name)
    frame(ax, [row for rows in data.values() for row in rows])
    ax.set(xlabel=x_label, ylabel=y_label)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)
    return ax


def frame(ax: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """Limits, the line of equality and the quarters of other signs."""
    x = [row["paper"] for row in rows]
    y = [v for row in rows for v in (row["effect"], row["low"], row["high"]) if v is not None]
    (left, right), (low, high) = padded(x), padded(y)
    for corner, width, height in ((left, -left, high), (right, -right, low)):
        box = Rectangle((corner, 0), width, height, color=PALE, alpha=0.45, lw=0, zorder=0)
        ax.add_patch(box)
    ax.axline((0, 0), slope=1, color=GREY, lw=1.0, ls="--", zorder=1)
    ax.axhline(0, color=GREY, lw=0.6, zorder=1)
    ax.axvline(0, color=GREY, lw=0.6, zorder=1)
    ax.set(xlim=(left, right), ylim=(low, high))


def padded(values: Sequence[float]) -> tuple[float, float]:
    """The range of values and zero, a little wider."""
    low, high = min(0.0, *values), max(0.0, *values)
    room = 0.06 * (high - low) or 1.0
    return low - room, high + room
