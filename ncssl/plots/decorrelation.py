"""Figures of liu2022: residuals of a law, where Table 3's pattern lives, eigenvalues by mode, and
what trained networks show of collapse and correlation. Each is f(data, ax) -> ax."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from ncssl.plots import training
from ncssl.plots.style import GREY, INK, PAPER, colour, ramp

MARKS = ("o", "s", "^", "D", "v")


def pattern_map(data: Mapping[str, Any], ax: Axes) -> Axes:
    """Both axes logarithmic: above `low` the identity survives, above `high` a learned predictor
    may too.

    data: x (n,), low (n,), high (n,) with inf where no value suffices, labels (x, y), and points
    [(x, y, label)]. The band between the two curves, in which one collapses and the other does not,
    is shaded.
    """
    x, low = data["x"], data["low"]
    top = 10 * np.nanmax(np.where(np.isfinite(data["high"]), data["high"], np.nan))
    high = np.where(np.isfinite(data["high"]), data["high"], top)
    ax.fill_between(
        x, low, high, color=colour("survival"), lw=0, label="only the identity survives"
    )
    ax.fill_between(x, low.min() / 10, low, color=colour("collapse"), lw=0, label="both collapse")
    ax.plot(x, low, color=colour("exact"), lw=1.2, ls="--", label="threshold, identity")
    ax.plot(
        x[high < top], high[high < top], color=colour("exact"), lw=1.2, label="threshold, learned"
    )
    for a, b, label in data.get("points", ()):
        ax.plot([a], [b], "o", color=colour("measured"), ms=6, mfc=PAPER, mew=1.5, zorder=5)
        ax.annotate(
            label,
            (a, b),
            xytext=(14, 7),
            textcoords="offset points",
            fontsize="small",
            color=INK,
            ha="right",
        )
    ax.set(
        xscale="log",
        yscale="log",
        xlim=(x[0], x[-1]),
        ylim=(low.min() / 3, 100),
        xlabel=data["labels"][0],
        ylabel=data["labels"][1],
    )
    handles, _ = ax.get_legend_handles_labels()
    ax.legend(
        handles=[Patch(fc=PAPER, ec=GREY, label="both can survive"), *handles],
        loc="upper left",
        frameon=True,
    )
    return ax


def residuals(data: Mapping[str, Any], ax: Axes) -> Axes:
    """Residuals of a law on a logarithmic axis: marks of several runs, taken in turn so that none
    hides another.

    data: lines {label: (x (T,), y (T,))}, exact (x, y, label) dashed, labels (x, y).
    """
    x, y, name = data["exact"]
    ax.plot(x, y, color=colour("exact"), ls=(0, (3, 3)), lw=1.1, label=name)
    lines = data["lines"]
    for i, (label, (a, c)) in enumerate(lines.items()):
        ax.plot(
            a[i :: len(lines)],
            c[i :: len(lines)],
            MARKS[i % len(MARKS)],
            color=ramp(len(lines))[i],
            ms=5,
            label=label,
        )
    ax.set(yscale="log", xlabel=data["labels"][0], ylabel=data["labels"][1], xlim=(x[0], x[-1]))
    ax.legend(loc="lower left")
    return ax


def modes_alive(data: Mapping[str, Any], ax: Axes) -> Axes:
    """Eigenvalues by rank of the mode: discs integrated, crosses exact, dead modes empty at 0.

    data: ended (n,), exact (n,), level (a single value all were said to share) with its name,
    labels (x, y).
    """
    rank = np.arange(1, len(data["ended"]) + 1)
    living = data["exact"] > 0
    ax.plot(
        rank, data["exact"], "+", color=colour("exact"), ms=10, mew=1.2, label="exact", zorder=5
    )
    ax.plot(
        rank[living],
        data["ended"][living],
        "o",
        color=colour("measured"),
        ms=5,
        label="integrated, alive",
    )
    if not living.all():
        ax.plot(
            rank[~living],
            data["ended"][~living],
            "o",
            color=colour("measured"),
            ms=5,
            mfc=PAPER,
            mew=1.5,
            label="integrated, dead",
        )
    if data.get("level"):
        name, value = data["level"]
        ax.axhline(value, color=GREY, lw=0.9, ls=":")
        ax.annotate(
            name,
            (1, value),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="bottom",
            fontsize="small",
            color=INK,
            xytext=(0, 1),
            textcoords="offset points",
        )
    ax.set(xlabel=data["labels"][0], ylabel=data["labels"][1], xticks=rank)
    ax.legend()
    return ax


def collapse_dots(data: Mapping[str, Any], ax: Axes) -> Axes:
    """What is left at the end by arm, as `training.dots`: where an arm counts as collapsed is
    shaded.

    data: arms (rows of `ncssl.report.select.arms`, as shares of the largest), limit (collapsed
    below it), label.
    """
    values = [v for row in data["arms"] for v in row["values"].values() if v is not None]
    reach = -0.05, max([1.05, *(1.05 * v for v in values)])
    training.dots(data["arms"], ax, x_label=data["label"], reach=reach)
    ax.axvspan(reach[0], data["limit"], color=colour("collapse"), lw=0, zorder=-1)
    handle = Patch(color=colour("collapse"), label="collapsed")
    ax.legend(handles=[handle], loc="upper center", bbox_to_anchor=(0.5, -0.2))
    return ax


def correlations(data: Mapping[str, Any], ax: Axes) -> Axes:
    """Mean absolute correlation of channels over epochs, from zero, and what independent channels
    would show.

    data: curves (as `training.curves` takes them), independent (the level of so many images, or
    None), label.
    """
    training.curves(data["curves"], ax, y_label=data["label"], legend=False)
    if not data["curves"]:
        return ax
    if data["independent"] is not None:
        ax.axhline(
            data["independent"], color=colour("exact"), ls=":", lw=1.1, label="independent channels"
        )
    ax.set_ylim(bottom=0.0)
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return ax
