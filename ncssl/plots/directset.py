"""Figures of modes that share a weight decay: velocities, branches of fixed points, thresholds,
scaling with samples.

Each is f(data, ax) -> ax; signal is blue and solid, nuisance vermilion, exact answers are black
lines.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ncssl.plots.dynamics import fixed_points
from ncssl.plots.style import GREY, INK, PAPER, colour, ramp

MODES = {"signal": "p", "nuisance": "s"}  # name of a mode -> the quantity whose colour it has


def mode_colour(name: str, position: int = 0, n: int = 1) -> Any:
    """Colour of "signal" and "nuisance"; of any other line its place in a ramp of n."""
    kind = next((kind for kind in MODES if kind in name), None)
    return colour(MODES[kind]) if kind else ramp(n)[position]


def velocities(data: Mapping[str, Any], ax: Axes) -> Axes:
    """Velocity over position for several modes: x (n,), lines {label: (n,)}, points [(x,
    stability)], labels (x, y)."""
    ax.axhline(0, color=GREY, lw=0.8)
    for i, (label, y) in enumerate(data["lines"].items()):
        ax.plot(data["x"], y, color=mode_colour(label, i, len(data["lines"])), label=label)
    fixed_points([(x, 0.0, stability) for x, stability in data["points"]], ax)
    ax.set(xlim=(data["x"][0], data["x"][-1]), xlabel=data["labels"][0], ylabel=data["labels"][1])
    ax.legend(loc=data.get("legend", "best"))
    return ax


def branches(data: Mapping[str, Any], ax: Axes) -> Axes:
    """Fixed points over a parameter: stable and unstable {label: (x, y)}, measured (x, y, name),
    marks {text: x}.

    Stable branches are solid lines, unstable ones dashed, measured end points discs; marks are
    vertical lines.
    """
    for kind, style in (("stable", "-"), ("unstable", (0, (3, 2)))):
        for label, (x, y) in data.get(kind, {}).items():
            ax.plot(x, y, ls=style, color=mode_colour(label), label=label)
    for x, y, name in data.get("measured", ()):
        ax.plot(
            x, y, "o", ms=4.5, mfc=PAPER, mew=1.3, color=mode_colour(name), zorder=4, clip_on=False
        )
    ax.set(xlabel=data["labels"][0], ylabel=data["labels"][1])
    vertical(data.get("marks", {}), ax)
    ax.legend(loc=data.get("legend", "best"))
    return ax


def vertical(marks: Mapping[str, float], ax: Axes) -> Axes:
    """Dotted vertical lines, each with its text above the top end."""
    for text, x in marks.items():
        ax.axvline(x, color=INK, lw=0.9, ls=":")
        ax.annotate(
            text,
            (x, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 2),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize="small",
            color=INK,
        )
    return ax


def kept_grid(data: Mapping[str, Any], ax: Axes) -> Axes:
    """Which directions survive: x (n,), y (m,), kept (m, n) bool; exact (x, y, label) is the
    predicted boundary."""
    gx, gy = np.meshgrid(data["x"], data["y"])
    for state, fill, label in ((True, colour("stable"), "kept"), (False, PAPER, "dropped")):
        which = data["kept"] == state
        edge = colour("stable") if state else colour("unstable")
        ax.plot(
            gx[which],
            gy[which],
            "o",
            ms=5.5,
            mew=1.2,
            mec=edge,
            mfc=fill,
            ls="",
            label=label,
            clip_on=False,
        )
    x, y, label = data["exact"]
    ax.plot(x, y, color=colour("exact"), lw=1.3, label=label)
    ax.set(xlabel=data["labels"][0], ylabel=data["labels"][1])
    ax.legend(loc="upper right", frameon=True, framealpha=0.9)
    return ax


def scaling(data: Mapping[str, Any], ax: Axes) -> Axes:
    """Measured values over a size, both logarithmic: series [(label, x (n,), y (n,) or (n,
    seeds))].

    Open markers are means and dots single runs; exact {label: (x, y)} are black lines, the first
    solid, the next dashed. `colours` and `ticks` (of x) are optional.
    """
    shades = data.get("colours") or ramp(len(data["series"]))
    for (label, x, y), shade, marker in zip(data["series"], shades, "os^Dv", strict=False):
        y = np.asarray(y, float)
        if y.ndim > 1:
            ax.plot(np.repeat(x, y.shape[1]), y.ravel(), ".", ms=3.5, color=shade, alpha=0.6)
            y = y.mean(1)
        ax.plot(x, y, marker, ms=5.5, mfc="none", mew=1.4, color=shade, label=label)
    for (label, (x, y)), style in zip(
        data.get("exact", {}).items(), ("-", "--", ":", "-."), strict=False
    ):
        ax.plot(x, y, ls=style, color=colour("exact"), lw=1.1, label=label, zorder=1)
    ax.set(xscale="log", yscale="log", xlabel=data["labels"][0], ylabel=data["labels"][1])
    if "ticks" in data:
        ax.minorticks_off()
        ax.set_xticks(data["ticks"], [f"{tick:g}" for tick in data["ticks"]])
    ax.legend(loc=data.get("legend", "best"))
    return ax
