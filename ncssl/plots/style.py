"""The one style of the book's figures: a colour-blind-safe palette with a fixed colour per method and per quantity.

Figures keep an opaque light background, so they read the same on light and dark pages.
"""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

from ncssl.errors import UnknownName

PAPER = "#fcfcfa"  # background of figure and axes
INK = "#262626"
GREY = "#8a8a8a"
PALE = "#dcdcd6"

# Okabe and Ito (2008), distinct under the common forms of colour blindness; the yellow is too pale for lines.
OKABE = {"black": "#000000", "orange": "#E69F00", "sky": "#56B4E9", "green": "#009E73", "yellow": "#F0E442",
         "blue": "#0072B2", "vermilion": "#D55E00", "purple": "#CC79A7"}

METHODS = {
    "simsiam": OKABE["blue"], "byol": OKABE["vermilion"], "directpred": OKABE["green"], "directcopy": OKABE["purple"],
    "directset": "#7A4E8A", "isoloss": OKABE["orange"], "barlow_twins": OKABE["sky"], "vicreg": "#8C6D1F",
    "w_mse": "#4D4D4D", "simclr": "#9E2A2B", "moco": "#B5838D", "swav": "#2A6F77", "dino": "#6A994E",
    "deepcluster": "#A0522D",
}
QUANTITIES = {
    "p": OKABE["blue"], "s": OKABE["vermilion"], "tau": OKABE["green"], "K": OKABE["purple"], "exact": OKABE["black"],
    "measured": OKABE["blue"], "bound": OKABE["vermilion"], "stable": OKABE["green"], "unstable": OKABE["vermilion"],
    "saddle": OKABE["orange"], "marginal": GREY, "collapse": "#f3d9c9", "survival": "#d3e6dc", "flow": "#9aa5ad",
    "reported": GREY,
}


def use() -> None:
    """Set the style for every figure that follows: opaque light background, no frame, small type, PNG at 100 dpi."""
    sns.set_theme(context="paper", style="ticks", font_scale=1.05, rc={
        "figure.facecolor": PAPER, "axes.facecolor": PAPER, "savefig.facecolor": PAPER, "savefig.transparent": False,
        "figure.dpi": 100, "savefig.dpi": 100, "figure.constrained_layout.use": True, "text.color": INK,
        "axes.labelcolor": INK, "axes.edgecolor": GREY, "xtick.color": INK, "ytick.color": INK, "lines.linewidth": 1.6,
        "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": "medium", "axes.titlelocation": "left",
        "legend.frameon": False, "legend.fontsize": "small", "figure.figsize": (6.0, 3.4), "image.cmap": "cividis",
        "mathtext.fontset": "dejavusans"})


def colour(name: str, default: str | None = None) -> str:
    """The fixed colour of a method or a quantity, as "#rrggbb"; `default` for other names, else UnknownName."""
    table = {**METHODS, **QUANTITIES}
    if name not in table and default is None:
        raise UnknownName("colour of a method or quantity", name, table)
    return table.get(name, default)


def ramp(n: int) -> list[tuple[float, float, float]]:
    """n ordered colours, dark to light, for a sweep of one parameter; none so pale that it vanishes on the page."""
    return [mpl.colormaps["viridis"](x)[:3] for x in np.linspace(0.0, 0.85, n)]


def panels(n: int = 1, *, width: float = 3.0, height: float = 2.9, **kwargs) -> tuple[plt.Figure, list[plt.Axes]]:
    """A figure with n axes side by side, each width by height inches; kwargs go to plt.subplots."""
    figure, axes = plt.subplots(1, n, figsize=(n * width, height), squeeze=False, **kwargs)
    return figure, list(axes[0])
