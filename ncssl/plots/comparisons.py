"""Figures of arms set side by side: differences, epochs to an accuracy, last spectra. Each is
f(data, ax) -> ax.

The data are lists of dicts as `ncssl.report.compare` makes them.
"""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullLocator

from ncssl.plots.spectra import EPS
from ncssl.plots.style import GREY, INK, PAPER, colour
from ncssl.plots.training import FADED, colours, cut_ends, limits, not_run


def differences(data: Sequence[Mapping[str, Any]], ax: Axes, *, x_label: str = "") -> Axes:
    """A line a pair of arms: its difference with a 95 % interval, and as an empty circle the
    paper's own difference.

    Dicts with label, effect, low, high, paper (numbers or None). Differences of one kind can share
    an axis where accuracies on other data could not.
    """
    shade = colour("measured")
    marks = [0.0, *(v for row in data for v in (row["effect"], row["paper"]))]
    ax.set(
        xlim=limits(marks, [v for row in data for v in (row["low"], row["high"])]), xlabel=x_label
    )
    ax.set(
        ylim=(len(data) - 0.4, -0.6),
        yticks=range(len(data)),
        yticklabels=[tick_label(row) for row in data],
    )
    ax.axvline(0, color=GREY, lw=0.8, zorder=0)
    cut_ends(data, [shade] * len(data), ax)
    for y, row in enumerate(data):
        if row["low"] is not None:
            ax.plot([row["low"], row["high"]], [y, y], color=shade, lw=2.0, solid_capstyle="butt")
        if row["effect"] is not None:
            ax.plot([row["effect"]], [y], "D", color=shade, ms=6, mec=PAPER, mew=0.8, zorder=4)
        if row["paper"] is not None:
            ax.plot([row["paper"]], [y - 0.22], "o", color=INK, ms=6, mfc=PAPER, mew=1.2, zorder=5)
    ax.xaxis.set_major_locator(
        MaxNLocator(7) if any(mark is not None for mark in marks[1:]) else NullLocator()
    )
    ax.tick_params(axis="y", length=0, pad=8)
    ax.spines["left"].set_visible(False)
    ax.plot([], [], "D-", color=shade, ms=6, mec=PAPER, label="here, 95 % interval")
    if any(row["paper"] is not None for row in data):
        ax.plot([], [], "o", color=INK, ms=6, mfc=PAPER, mew=1.2, label="in the paper")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)
    return ax


def tick_label(row: Mapping[str, Any]) -> str:
    """The label of a pair in lines of at most 34 letters, and why it has no difference."""
    why = " (computed otherwise)" if row.get("apart") else " (not run)"
    return textwrap.fill(row["label"] + (why if row["effect"] is None else ""), 34)


def reaching(data: Sequence[Mapping[str, Any]], ax: Axes, *, y_label: str = "") -> Axes:
    """Levels of a curve over the epochs that it takes to reach them, a line an arm: the mean over
    seeds.

    Dicts with arm, label, levels (L,), epochs (seeds, L), NaN where a run never gets there. A mean
    needs all seeds, so a line ends at the highest level that every seed reaches.
    """
    if not data:
        return not_run(ax)
    shades = colours(data)
    for row in data:
        mean, label = row["epochs"].mean(axis=0), textwrap.fill(row["label"], 34)
        ax.plot(mean, row["levels"], color=shades[row["arm"]], label=label)
    ax.set(xlabel="epochs to get there", ylabel=y_label, xlim=(0, None))
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return ax


def last_spectra(data: Sequence[Mapping[str, Any]], ax: Axes, *, y_label: str = "") -> Axes:
    """Last eigenvalues over their rank, relative to the largest, logarithmic: an arm a colour, a
    seed a thin line.

    Dicts with arm, label, values (seeds, k). The thick line is the geometric mean over seeds.
    """
    if not data:
        return not_run(ax)
    shades = colours(data)
    for row in data:
        values = np.maximum(row["values"], EPS)
        ranks = np.arange(1, values.shape[1] + 1)
        for line in values if len(values) > 1 else ():
            ax.plot(ranks, line, color=shades[row["arm"]], lw=0.7, alpha=FADED)
        mean = np.exp(np.log(values).mean(axis=0))
        ax.plot(ranks, mean, color=shades[row["arm"]], label=textwrap.fill(row["label"], 34))
    ax.set(yscale="log", xlabel="rank", ylabel=y_label)
    ax.legend()
    return ax
