"""Figures that put several methods on one axis system. Each is f(data, ax) -> ax; data are
arrays."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba

from ncssl.plots.style import INK, OKABE, PAPER, colour

DIES = OKABE["vermilion"]
SHADES = {
    "learned": "byol",
    "set": "directpred",
    "copy": "directcopy",
    "iso": "isoloss",
    "apart": "barlow_twins",
    "sigreg": "sigreg",
}


def shade(method: str) -> str:
    """The colour of a method of the common picture: that of the trained method it stands for."""
    return colour(SHADES[method])


def phase_diagram(data: Mapping[str, Any], ax: Axes) -> Axes:
    """Where a mode lives: x (nx,), y (ny,), level (ny, nx) with NaN where it dies; edge (x, y) the
    exact boundary; tested [(x, y, alive)] integrated runs, filled where they survived; method,
    title, labels, top of the scale."""
    share = np.ceil(8 * np.clip(data["level"] / data["top"], 0, 1)) / 8  # eight shades
    lives = np.isfinite(share)
    picture = np.where(lives[..., None], to_rgba(shade(data["method"])), to_rgba(DIES, 0.2))
    picture[lives, 3] = 0.25 + 0.75 * share[lives]  # what shines through is the page
    x, y = data["x"], data["y"]
    ax.imshow(
        picture,
        origin="lower",
        aspect="auto",
        extent=(x[0], x[-1], y[0], y[-1]),
        interpolation="nearest",
    )
    ax.plot(*data["edge"], color=INK, lw=1.4)
    for alive in (True, False):
        points = [(a, b) for a, b, z in data["tested"] if z == alive]
        if points:
            ax.plot(
                *zip(*points, strict=True),
                "o",
                ms=4,
                mew=1.0,
                color=INK,
                mfc=INK if alive else PAPER,
            )
    ax.set(
        xlim=(x[0], x[-1]), ylim=(y[0], y[-1]), xlabel=data["labels"][0], ylabel=data["labels"][1]
    )
    ax.set_title(data["title"])
    return ax


def method_lines(data: Mapping[str, Any], ax: Axes) -> Axes:
    """One line a method over x: lines [(method, label, y, style)], points [(x, y)] integrated;
    labels (x, y), log axes by name in `log`, levels {label: x} vertical marks."""
    for method, label, y, style in data["lines"]:
        ax.plot(data["x"], y, style, color=shade(method), label=label)
    for points in data.get("points", ()):
        ax.plot(*points, "o", ms=4.5, mfc=PAPER, mew=1.3, color=INK, ls="none")
    for label, at in data.get("levels", {}).items():
        ax.axvline(at, color=INK, lw=0.8, ls=":")
        ax.annotate(
            label,
            (at, 1),
            xycoords=("data", "axes fraction"),
            xytext=(3, -3),
            textcoords="offset points",
            va="top",
            fontsize="small",
            color=INK,
        )
    ax.set(xlabel=data["labels"][0], ylabel=data["labels"][1], xlim=(data["x"][0], data["x"][-1]))
    for axis in data.get("log", ()):
        getattr(ax, f"set_{axis}scale")("log")
    ax.legend()
    return ax
