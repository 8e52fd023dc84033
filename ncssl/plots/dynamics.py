"""Figures of flows: phase portraits, rates, traces, basins, bounds. Each is f(data, ax) -> ax; data
are arrays."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from ncssl.plots.style import GREY, INK, PAPER, colour, ramp
from ncssl.theory.ode.flow import PhaseGrid

MARKERS = {
    "stable": ("o", True),
    "unstable": ("o", False),
    "saddle": ("s", False),
    "marginal": ("o", True),
}


@dataclass(frozen=True)
class Portrait:
    """A phase portrait: the grid, fixed points [(x, y, stability)], curves [(x, y, label, line
    style)] over it."""

    grid: PhaseGrid
    points: Sequence[tuple[float, float, str]] = ()
    curves: Sequence[tuple[np.ndarray, np.ndarray, str, str]] = ()
    labels: tuple[str, str] | None = None


@dataclass(frozen=True)
class Traces:
    """Lines over time: x (T,), lines {label: (T,)}, optional exact {label: (T,)} dashed, and level
    lines {label: y}.

    `x_label`, `y_label` carry the units; `legend` is matplotlib's location.
    """

    x: np.ndarray
    lines: Mapping[str, np.ndarray]
    exact: Mapping[str, np.ndarray] = field(default_factory=dict)
    levels: Mapping[str, float] = field(default_factory=dict)
    x_label: str = "time $t$"
    y_label: str = ""
    legend: str | tuple[float, float] = "best"


def phase_portrait(data: Portrait, ax: Axes) -> Axes:
    """Stream lines of a planar flow, fixed points by stability (filled = stable, square = saddle),
    overlaid curves."""
    grid = data.grid
    ax.streamplot(
        grid.x,
        grid.y,
        grid.dx,
        grid.dy,
        color=colour("flow"),
        linewidth=0.7,
        density=0.8,
        arrowsize=0.7,
    )
    for x, y, label, style in data.curves:
        ax.plot(x, y, style, color=INK, lw=1.3, label=label or None)
    fixed_points(data.points, ax)
    ax.set(xlim=(grid.x[0], grid.x[-1]), ylim=(grid.y[0], grid.y[-1]))
    x_label, y_label = data.labels or grid.names
    ax.set_xlabel(x_label)
    ax.set_ylabel(y_label)
    return ax


def fixed_points(points: Iterable[tuple[float, float, str]], ax: Axes) -> Axes:
    """Mark (x, y, stability): a filled disc attracts, empty one repels, empty square is a saddle,
    grey undecided."""
    for x, y, stability in points:
        kind = stability.removesuffix(" spiral")
        marker, filled = MARKERS[kind]
        ax.plot(
            [x],
            [y],
            marker,
            ms=7,
            mew=1.6,
            color=colour(kind),
            mfc=colour(kind) if filled else PAPER,
            zorder=5,
            clip_on=False,
        )
    return ax


def rate_curve(data: Mapping[str, Any], ax: Axes) -> Axes:
    """Velocity against position in one dimension: data x (n,), rate (n,), points [(x, stability)],
    labels (x, y).

    Arrows on the axis show which way the state moves between the roots.
    """
    x, rate = data["x"], data["rate"]
    ax.axhline(0, color=GREY, lw=0.8)
    ax.plot(x, rate, color=colour("p"))
    roots = sorted(point for point, _ in data["points"])
    edges = np.array([x[0], *[r for r in roots if x[0] < r < x[-1]], x[-1]])
    for a, b in zip(edges[:-1], edges[1:], strict=True):
        middle, reach = (a + b) / 2, 0.09 * (x[-1] - x[0])
        if b - a > 1.2 * reach:
            way = np.sign(np.interp(middle, x, rate))
            ax.annotate(
                "",
                (middle + way * reach / 2, 0),
                (middle - way * reach / 2, 0),
                zorder=4,
                arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1.4},
            )
    fixed_points([(point, 0.0, stability) for point, stability in data["points"]], ax)
    ax.set(xlim=(x[0], x[-1]), xlabel=data["labels"][0], ylabel=data["labels"][1])
    return ax


def traces(data: Traces, ax: Axes) -> Axes:
    """Integrated lines solid, exact answers dashed black on top, level lines dotted with their name
    at the right."""
    named = {"p", "s", "tau", "K"}
    shades = dict(zip(data.lines, ramp(len(data.lines)), strict=True))
    for label, y in data.lines.items():
        ax.plot(
            data.x,
            y,
            color=colour(label) if label in named else shades[label],
            label={"tau": "$\\tau$", "p": "$p$", "s": "$s$", "K": "$K$"}.get(label, label),
        )
    for label, y in data.exact.items():
        ax.plot(data.x, y, color=colour("exact"), ls=(0, (3, 3)), lw=1.1, label=label)
    for label, level in data.levels.items():
        ax.axhline(level, color=GREY, lw=0.9, ls=":")
        ax.annotate(
            label,
            (1, level),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="bottom",
            fontsize="small",
            color=INK,
            xytext=(0, 1),
            textcoords="offset points",
        )
    ax.set(xlabel=data.x_label, ylabel=data.y_label, xlim=(data.x[0], data.x[-1]))
    ax.legend(loc=data.legend)
    return ax


def log_bound(data: Traces, ax: Axes) -> Axes:
    """A decaying norm on a logarithmic axis (solid) below its bound (dashed): the traces figure
    with log y."""
    traces(data, ax)
    ax.set_yscale("log")
    return ax


def basin_map(data: Mapping[str, Any], ax: Axes) -> Axes:
    """Where each start ends: x (nx,), y (ny,), alive (ny, nx) bool; edges [(x, y, label)] are the
    exact boundaries.

    Green starts survive, orange ones collapse; `labels` names the axes.
    """
    shades = [colour("collapse"), colour("survival")]
    ax.contourf(data["x"], data["y"], data["alive"], levels=(-0.5, 0.5, 1.5), colors=shades)
    for (x, y, label), style in zip(data["edges"], ("-", "--", ":", "-."), strict=False):
        ax.plot(x, y, style, color=colour("exact"), lw=1.4, label=label)
    fixed_points(data.get("points", ()), ax)
    ax.set(
        xlim=(data["x"][0], data["x"][-1]),
        ylim=(data["y"][0], data["y"][-1]),
        xlabel=data["labels"][0],
        ylabel=data["labels"][1],
    )
    keys = [
        Patch(color=colour("survival"), label="survives"),
        Patch(color=colour("collapse"), label="collapses"),
    ]
    ax.legend(
        handles=[*ax.get_legend_handles_labels()[0], *keys],
        loc="upper left",
        frameon=True,
        framealpha=0.85,
    )
    return ax


def sweep(data: Mapping[str, Any], ax: Axes) -> Axes:
    """Measured values over a parameter, discs on the exact line: x, y, exact_x, exact_y, labels (x,
    y)."""
    ax.plot(data["exact_x"], data["exact_y"], color=colour("exact"), lw=1.2, label="exact")
    ax.plot(
        data["x"],
        data["y"],
        "o",
        color=colour("measured"),
        ms=5,
        mfc=PAPER,
        mew=1.5,
        label="integrated",
    )
    ax.set(xlabel=data["labels"][0], ylabel=data["labels"][1])
    ax.legend()
    return ax


def heat(data: Mapping[str, Any], ax: Axes) -> Axes:
    """A small square matrix as coloured cells, symmetric scale around 0: matrix (n, n), title, size
    of the scale."""
    size = data.get("scale") or np.abs(data["matrix"]).max()
    image = ax.imshow(data["matrix"], cmap="RdBu_r", vmin=-size, vmax=size)
    ax.set(xticks=[], yticks=[], title=data.get("title", ""))
    ax.figure.colorbar(image, ax=ax, shrink=0.7)
    return ax
