"""Figures of eigenvalues of a small network and of the points it moves. Each is f(data, ax) -> ax;
data are arrays."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ncssl.plots.motion import Motion
from ncssl.plots.style import GREY, INK, PAPER, colour, ramp


def eigenvalues(
    data: Mapping[str, Any], ax: Axes, *, low: float = 1e-2, high: float = 10.0
) -> Axes:
    """A line an eigenvalue, dark to light from the largest at the start: x (T,), lam (T, M),
    logarithmic.

    exact (x, lam), where given, goes over it as thin dashed lines; `levels` are dotted. Values
    below `low` are cut off.
    """
    for column, shade in zip(data["lam"].T[::-1], ramp(data["lam"].shape[1]), strict=True):
        ax.plot(data["x"], np.maximum(column, 1e-12), color=shade, lw=1.5)
    if data.get("exact") is not None:
        ax.plot(
            data["exact"][0],
            np.maximum(data["exact"][1], 1e-12),
            color=colour("exact"),
            lw=0.7,
            ls=(0, (4, 3)),
        )
    for level in data.get("levels", ()):
        ax.axhline(level, color=GREY, lw=0.9, ls=":", zorder=0)
    ax.set(
        yscale="log",
        ylim=(low, high),
        xlim=(data["x"][0], data["x"][-1]),
        xlabel=data.get("x_label", "step"),
        ylabel=data.get("y_label", ""),
        title=data.get("title", ""),
    )
    return ax


def race(data: Mapping[str, Any], ax: Axes, moves: Motion) -> Axes:
    """Eigenvalues that grow, a disc each on a logarithmic axis, the largest start first: lam (T,
    M), level (where they end), title, colour; short lines where they started.

    How many are past half of the level is said inside.
    """
    lam, level = data["lam"], data["level"]
    order = np.argsort(-lam[0], kind="stable")
    for rank, column in enumerate(lam.T[order], 1):
        ax.plot([rank - 0.3, rank + 0.3], [column[0]] * 2, color=GREY, lw=1.2)
        (disc,) = ax.plot([rank], [1.0], "o", ms=8, color=data["colour"], mec=PAPER, mew=0.8)
        moves.along(disc, rank, column)
    for height, line in ((level, ":"), (level / 2, "--")):
        ax.axhline(height, color=GREY, lw=0.9, ls=line, zorder=0)
    past = (lam > level / 2).sum(1)
    words = ax.text(0.03, 0.04, "", transform=ax.transAxes, va="bottom", color=INK)
    moves.say(words, [f"past half: {n} of {lam.shape[1]}" for n in past])
    ax.set(
        yscale="log",
        xlim=(0.3, lam.shape[1] + 0.7),
        ylim=(0.5 * lam.min(), 2.2 * level),
        xticks=range(1, lam.shape[1] + 1),
        xlabel="mode, by its start",
        ylabel="eigenvalue",
        title=data["title"],
    )
    return ax


def paths(data: Mapping[str, Any], ax: Axes) -> Axes:
    """Where points of the plane go: points (T, P, 2) as lines, dark discs where they start, open
    ones at the end."""
    points = data["points"]
    for i in range(points.shape[1]):
        ax.plot(*points[:, i].T, color=colour("measured"), lw=0.8, alpha=0.8)
    ax.plot(*points[0].T, "o", ms=2.5, color=INK)
    ax.plot(*points[-1].T, "o", ms=4, color=colour("unstable"), mfc=PAPER, mew=1.1)
    reach = data.get("reach") or 1.08 * np.abs(points).max()
    ax.set(
        xlim=(-reach, reach),
        ylim=(-reach, reach),
        aspect="equal",
        xticks=[],
        yticks=[],
        title=data.get("title", ""),
    )
    return ax


def pull(data: Mapping[str, Any], ax: Axes) -> Axes:
    """Arrows of a field on the plane, length by its size: x, y (n,), dx, dy (n, n), labels (x, y),
    title."""
    size = np.hypot(data["dx"], data["dy"])
    longest = np.nanmax(size) or 1.0
    ax.quiver(
        data["x"],
        data["y"],
        data["dx"] / longest,
        data["dy"] / longest,
        color=colour("measured"),
        pivot="mid",
        scale=data.get("scale", 9),
        width=0.008,
    )
    ax.axhline(0, color=GREY, lw=0.5, zorder=0)
    ax.axvline(0, color=GREY, lw=0.5, zorder=0)
    ax.set(
        aspect="equal",
        xlabel=data["labels"][0],
        ylabel=data["labels"][1],
        title=data.get("title", ""),
    )
    return ax


def branches(data: Mapping[str, Any], ax: Axes) -> Axes:
    """Fixed points over a parameter: x (n,), attracting and repelling {label: (n,)}, and measured
    ends x, y ("ends").

    Attracting branches are solid, repelling ones dashed, measured ends discs; `labels` names the
    axes.
    """
    for label, y in data["attracting"].items():
        ax.plot(data["x"], y, color=colour("stable"), label=label)
    for label, y in data["repelling"].items():
        ax.plot(data["x"], y, color=colour("unstable"), ls="--", label=label)
    for (x, y, label), marker in zip(data.get("ends", ()), "osD", strict=False):
        ax.plot(x, y, marker, color=colour("measured"), mfc=PAPER, ms=4.5, mew=1.2, label=label)
    ax.set(xlabel=data["labels"][0], ylabel=data["labels"][1], title=data.get("title", ""))
    ax.legend()
    return ax


def against(data: Mapping[str, Any], ax: Axes, *, log: str = "") -> Axes:
    """Measured discs on exact lines, a colour a series: series {label: (x, y, exact_x, exact_y)};
    log "x", "xy"."""
    for (label, (x, y, exact_x, exact_y)), shade in zip(
        data["series"].items(), ramp(len(data["series"])), strict=True
    ):
        ax.plot(exact_x, exact_y, color=shade, lw=1.2)
        ax.plot(x, y, "o", color=shade, mfc=PAPER, mew=1.5, ms=5, label=label)
    for axis in log:
        getattr(ax, f"set_{axis}scale")("log")
    ax.set(xlabel=data["labels"][0], ylabel=data["labels"][1], title=data.get("title", ""))
    ax.legend()
    return ax
