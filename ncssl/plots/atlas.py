"""Figures of the atlas of failed runs: what diagnostics show epoch by epoch, and where thresholds
fall between runs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ncssl.plots.style import GREY, INK, OKABE
from ncssl.plots.training import curves, not_run

LEAST = 1e-4  # values below this are drawn at it
SIDES = {"learned": (OKABE["blue"], "o"), "failed": (OKABE["vermilion"], "X")}


def family(data: Sequence[Mapping[str, Any]], axes: Sequence[Axes]) -> Sequence[Axes]:
    """Small multiples, a diagnostic each: dicts with title and curves (as `training.curves` takes
    them).

    `limit` is a threshold, drawn dotted, or None; `floor` a dashed level or None; `low` the lower
    end of the axis, for what would squeeze the rest. One legend, below the figure.
    """
    axes = list(axes)
    for panel, ax in zip(data, axes, strict=True):
        curves(panel["curves"], ax, floor=panel.get("floor"), legend=False)
        ax.set_title(panel["title"], fontsize="small")
        if panel.get("limit") is not None and panel["curves"]:
            ax.axhline(panel["limit"], color=INK, ls=":", lw=1.2, label="limit of ncssl diagnose")
        if panel.get("low") is not None and panel["curves"]:
            ax.set_ylim(bottom=panel["low"])
    legend_below(axes)
    return axes


def legend_below(axes: Sequence[Axes], columns: int = 2) -> None:
    """One legend for all axes of a figure, each label once."""
    marks = {
        label: line
        for ax in axes
        for line, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    if marks:
        axes[0].figure.legend(marks.values(), marks, loc="outside lower center", ncols=columns)


def strips(data: Sequence[Mapping[str, Any]], ax: Axes) -> Axes:
    """A line a diagnostic, a mark a run, at its value over the healthy one: circles learned,
    crosses failed.

    Dicts with label, learned and failed (values) and limit, a short upright line, or None. The axis
    is logarithmic; what is below `LEAST` stands at it.
    """
    if not any(row[side] for row in data for side in SIDES):
        return not_run(ax)
    for y, row in enumerate(data):
        for side, (shade, marker) in SIDES.items():
            x = np.maximum(np.array(row[side], float), LEAST)
            height = (
                y + (0.18 if side == "failed" else -0.18) + 0.1 * np.cos(np.arange(len(x)) * 2.4)
            )
            ax.plot(
                x,
                height,
                marker,
                color=shade,
                ms=4,
                mew=0,
                alpha=0.75,
                ls="",
                label=side if y == 0 else None,
            )
        if row["limit"] is not None:
            ax.plot([row["limit"]] * 2, [y - 0.42, y + 0.42], color=INK, lw=1.4)
    ax.axvline(1, color=GREY, lw=0.8, zorder=0)
    ax.set(
        xscale="log",
        ylim=(len(data) - 0.4, -0.6),
        yticks=range(len(data)),
        xlabel="over the healthy value",
    )
    ax.set_yticklabels([row["label"] for row in data])
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return ax
