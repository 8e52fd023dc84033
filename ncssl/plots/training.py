"""Figures of training runs: curves by arm, accuracies by arm and seed.

Each is f(data, ax) -> ax; the data are lists of dicts as `ncssl.report.select` makes them.
"""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ncssl.plots.style import GREY, INK, PAPER, colour, ramp

FADED = 0.35  # opacity of a single seed
UNTRAINED = "untrained encoder"
OFFSETS = {
    "xycoords": "axes fraction",
    "textcoords": "offset points",
    "fontsize": "small",
    "color": INK,
}


def colours(data: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Arm -> colour: the one that its row brings from the paper's file, that of the method of its
    name, or one of a ramp."""
    fixed = {row["arm"]: row.get("colour") or colour(row["arm"], "") for row in data}
    free = [arm for arm, shade in fixed.items() if not shade]
    return fixed | dict(zip(free, ramp(len(free)), strict=True))


def curves(
    data: Sequence[Mapping[str, Any]],
    ax: Axes,
    *,
    y_label: str = "",
    floor: float | None = None,
    legend: bool = True,
) -> Axes:
    """A thick line of means an arm, a thin one a seed: dicts with arm, label, runs [(epochs (T,),
    values (T,))].

    Means are taken at the epochs that all seeds of the arm share. `floor` is a dashed level.
    """
    shades = colours(data)
    for row in data:
        runs = [(x, y) for x, y in row["runs"] if len(x)]
        for x, y in runs if len(runs) > 1 else ():
            ax.plot(x, y, color=shades[row["arm"]], lw=0.7, alpha=FADED)
        x, y = mean_curve(runs)
        style = dict(marker="o", ms=3.5) if len(x) <= 12 else {}
        ax.plot(x, y, color=shades[row["arm"]], label=textwrap.fill(row["label"], 34), **style)
    if floor is not None and data:
        ax.axhline(floor, color=GREY, ls="--", lw=1.0, label=UNTRAINED)
    ax.set(xlabel="epoch", ylabel=y_label)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if data and legend:
        beside = dict(loc="center left", bbox_to_anchor=(1.0, 0.5)) if len(data) > 4 else {}
        ax.legend(**beside)
    elif not data:
        not_run(ax)
    return ax


def mean_curve(runs: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Epochs that all runs have, and the mean of their values there."""
    if not runs:
        return np.array([]), np.array([])
    shared = sorted(set.intersection(*(set(x.tolist()) for x, _ in runs)))
    values = [[y[np.flatnonzero(x == epoch)[0]] for epoch in shared] for x, y in runs]
    return np.array(shared), np.mean(values, axis=0)


def not_run(ax: Axes) -> Axes:
    """The words "not run" in the middle of empty axes."""
    ax.text(0.5, 0.5, "not run", transform=ax.transAxes, ha="center", va="center", color=GREY)
    # not its neighbours'
    ax.tick_params(which="both", left=False, bottom=False, labelleft=False, labelbottom=False)
    return ax


def dots(
    data: Sequence[Mapping[str, Any]],
    ax: Axes,
    *,
    x_label: str = "",
    floor: float | None = None,
    reach: tuple[float, float] | None = None,
) -> Axes:
    """One line an arm: a dot a seed, mean with 95 % interval, and beside the axes the paper's
    number as text.

    Dicts with arm, label, values {seed: value or None}, mean, low, high, paper (text, may be
    empty). The paper's data and networks are others, so its numbers are text in a column of their
    own and not points on our axis. `reach` is the left and right end of the axis, by default such
    that all seeds are on it.
    """
    shades, seen = (colours(data), any(row["mean"] is not None for row in data))
    for y, row in enumerate(data):
        arm_row(row, y, shades[row["arm"]], ax)
    ax.set(
        ylim=(len(data) - 0.4, -0.6),
        yticks=range(len(data)),
        yticklabels=[tick_label(row) for row in data],
    )
    marks = [floor, *(v for row in data for v in row["values"].values())]
    ax.set(
        xlabel=x_label,
        xlim=reach or limits(marks, [v for row in data for v in (row["low"], row["high"])]),
    )
    cut_ends(data, [shades[row["arm"]] for row in data], ax)
    if not seen:
        ax.set(xticks=[])
    ax.tick_params(axis="y", length=0, pad=8)
    ax.spines["left"].set_visible(False)
    if floor is not None:
        floor_line(floor, ax)
    if any(row["paper"] for row in data):
        ax.annotate("in the paper", (1, 1), xytext=(8, 3), **OFFSETS)
    return ax


def floor_line(floor: float, ax: Axes) -> None:
    """A dashed line for the untrained encoder, named above the axes, to the side where there is
    room."""
    ax.axvline(floor, color=GREY, ls="--", lw=1.0, zorder=0)
    low, high = ax.get_xlim()
    place = (floor - low) / (high - low)
    side = "left" if place < 0.3 else "right" if place > 0.7 else "center"
    ax.annotate(
        UNTRAINED,
        (floor, 1),
        xycoords=("data", "axes fraction"),
        xytext=(0, 3),
        ha=side,
        textcoords="offset points",
        fontsize="small",
        color=GREY,
    )


def arm_row(row: Mapping[str, Any], y: float, shade: Any, ax: Axes) -> None:
    """One arm of `dots` at height y: seeds just above the line of the mean and its interval."""
    values = [v for v in row["values"].values() if v is not None]
    if row["low"] is not None:
        ax.plot([row["low"], row["high"]], [y, y], color=shade, lw=2.0, solid_capstyle="butt")
    if values:  # an empty line that is not clipped would upset the layout
        ax.plot(
            values, np.full(len(values), y - 0.24), "o", color=shade, ms=3.8, mew=0, clip_on=False
        )
        ax.plot([row["mean"]], [y], "D", color=shade, ms=6, mec=PAPER, mew=0.8, zorder=4)
    at = dict(
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        va="center",
        fontsize="small",
    )
    ax.annotate(row["paper"], (1, y), xytext=(8, 0), color=INK, **at)


def tick_label(row: Mapping[str, Any]) -> str:
    """The label of an arm in lines of at most 34 letters, and whether it was not run or some of its
    runs failed."""
    failed = sum(v is None for v in row["values"].values())
    state = "" if not failed else f" ({failed} of {len(row['values'])} failed)"
    return textwrap.fill(row["label"] + (state if row["values"] else " (not run)"), 34)


def limits(
    marks: Sequence[float | None], ends: Sequence[float | None], share: float = 0.06
) -> tuple[float, float]:
    """Left and right end of an axis that holds all marks; ends of wild intervals are cut off. None
    is left out."""
    points, wide = ([v for v in values if v is not None] for values in (marks, ends))
    if not points:
        return 0.0, 1.0
    span = (max(points) - min(points)) or 1.0
    low = max(min([*points, *wide]), min(points) - span / 2)
    high = min(max([*points, *wide]), max(points) + span / 2)
    if low == high:
        low, high = low - span / 2, high + span / 2
    return low - share * (high - low), high + share * (high - low)


def cut_ends(data: Sequence[Mapping[str, Any]], shades: Sequence[Any], ax: Axes) -> None:
    """An arrow head at the edge of the axis where the interval (low, high) of row i of `data` goes
    on beyond it."""
    left, right = ax.get_xlim()
    for y, (row, shade) in enumerate(zip(data, shades, strict=True)):
        look = dict(color=shade, ms=6, mew=0, clip_on=False, zorder=4)
        if row["low"] is not None and row["low"] < left:
            ax.plot([left], [y], "<", **look)
        if row["high"] is not None and row["high"] > right:
            ax.plot([right], [y], ">", **look)


def overview(data: Mapping[str, Any], axes: Sequence[Axes]) -> Sequence[Axes]:
    """An experiment on two axes: `curves` over epochs at the left, final values of `arms` as `dots`
    at the right.

    `labels` names the two values and `floors` gives those of the untrained encoder, or None; the
    colours of the arms are the same on both sides. As `ncssl.report.select.overview` makes it.
    """
    curves(
        data["curves"], axes[0], y_label=data["labels"][0], floor=data["floors"][0], legend=False
    )
    dots(data["arms"], axes[1], x_label=data["labels"][1], floor=data["floors"][1])
    return axes
