"""Claims as a forest: effects with their intervals and margins, verdicts by colour and marker."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ncssl.plots.style import GREY, INK, PALE, PAPER, VERDICTS
from ncssl.plots.training import cut_ends, limits
from ncssl.verdicts.states import words


def forest(data: Sequence[Mapping[str, Any]], ax: Axes, *, x_label: str = "") -> Axes:
    """Claims in one unit, a line each: effect, 95 % interval, margin, and the verdict by colour and
    marker.

    Dicts with label, status, effect, low, high (numbers or None) and band, the (low, high) between
    which the claim holds, None where it is open; the band is shaded, but for a band that is open on
    both sides.
    """
    marks = [0.0, *(v for row in data for v in (row["effect"], *row["band"]))]
    reach = limits(marks, [v for row in data for v in (row["low"], row["high"])])
    ax.set(xlim=reach, ylim=(len(data) - 0.4, -0.6), yticks=range(len(data)), xlabel=x_label)
    ax.set_yticklabels([row["label"] for row in data])
    for y, row in enumerate(data):
        if row["band"] != (None, None):
            band_mark(row["band"], y, reach, ax)
        shade, marker, filled = VERDICTS[row["status"]]
        if row["effect"] is None:
            ax.annotate(
                row["status"],
                (0, y),
                xycoords=("axes fraction", "data"),
                xytext=(4, 0),
                va="center",
                textcoords="offset points",
                fontsize="small",
                color=GREY,
            )
            continue
        ax.plot(
            [row["low"], row["high"]], [y, y], color=shade, lw=1.8, solid_capstyle="butt", zorder=3
        )
        ax.plot(
            [row["effect"]],
            [y],
            marker,
            color=shade,
            ms=7,
            mfc=shade if filled else PAPER,
            mew=1.5,
            zorder=4,
        )
    cut_ends(data, [VERDICTS[row["status"]][0] for row in data], ax)
    ax.tick_params(axis="y", length=0, pad=8)
    ax.spines["left"].set_visible(False)
    return ax


def band_mark(
    band: tuple[float | None, float | None], y: float, reach: tuple[float, float], ax: Axes
) -> None:
    """A pale band where a claim holds, None being open; a short line at its margin, or at both
    margins."""
    low, high = (edge if edge is not None else end for edge, end in zip(band, reach, strict=True))
    ax.fill_between([low, high], y - 0.36, y + 0.36, color=PALE, lw=0, zorder=0)
    for x in band:
        if x is not None:
            ax.plot([x, x], [y - 0.36, y + 0.36], color=INK, lw=1.2, zorder=2)


def verdict_legend(statuses: Sequence[str], ax: Axes | Figure, **kwargs) -> Axes | Figure:
    """A legend of the given verdicts and of the margin on axes or a whole figure; kwargs go to its
    legend method."""
    marks = [
        Line2D(
            [],
            [],
            ls="",
            marker=marker,
            color=shade,
            mfc=shade if filled else PAPER,
            mew=1.5,
            label=words(status),
        )
        for status, (shade, marker, filled) in VERDICTS.items()
        if status in statuses
    ]
    margin = Line2D(
        [],
        [],
        color=INK,
        lw=1.2,
        ls="",
        marker="|",
        ms=9,
        label="margin; shaded: where the claim holds",
    )
    ax.legend(handles=[*marks, margin], **kwargs)
    return ax
