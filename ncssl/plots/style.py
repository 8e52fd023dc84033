"""The one style of the book's figures: a colour-blind-safe palette with a fixed colour per method
and per quantity.

How a figure stands on a light and on a dark page is for `ncssl.plots.page`.
"""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

from ncssl.claims import papers
from ncssl.errors import UnknownName

PAPER = "#fcfcfa"  # background of figure and axes
INK = "#262626"
GREY = "#8a8a8a"
PALE = "#dcdcd6"

# Okabe and Ito (2008), distinct under the common forms of colour blindness; orange and sky are
# darker than theirs, for a contrast of 3 on a white page; the yellow is too pale for lines.
OKABE = {
    "black": "#000000",
    "orange": "#C48707",
    "sky": "#3B9CD0",
    "green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "purple": "#CC79A7",
}

# method -> colour: that of its arm in the zoo; an experiment's arms bring theirs from its file
METHODS = {
    arm.name: arm.colour for arm in papers.paper("companion").experiments["zoo"].arms.values()
}
QUANTITIES = {
    "p": OKABE["blue"],
    "s": OKABE["vermilion"],
    "tau": OKABE["green"],
    "K": OKABE["purple"],
    "exact": OKABE["black"],
    "measured": OKABE["blue"],
    "bound": OKABE["vermilion"],
    "stable": OKABE["green"],
    "unstable": OKABE["vermilion"],
    "saddle": OKABE["orange"],
    "marginal": GREY,
    "collapse": "#f3d9c9",
    "survival": "#d3e6dc",
    "flow": "#88939b",
    "reported": GREY,
}

RAMP = mpl.colors.LinearSegmentedColormap.from_list(  # contrast above 3 on white and on #121212
    "ramp", ["#6D66CB", "#3280C1", "#269285", "#609947", "#BB8826"]
)
VERDICTS = {  # colour, marker, filled
    "reproduced": (OKABE["green"], "o", True),
    "partly": (OKABE["blue"], "D", True),
    "same direction": ("#2A9DA8", ">", True),
    "contradicted": (OKABE["vermilion"], "X", True),
    "undecided": ("#8C6D1F", "s", False),
    "out of reach": (GREY, "o", False),
    "not a test": (OKABE["purple"], "P", False),
    "not run": (GREY, "|", False),
}


def use() -> None:
    """Set the style for every figure that follows: no frame, small type, transparent where it is
    saved."""
    sns.set_theme(
        context="paper",
        style="ticks",
        font_scale=1.05,
        rc={
            "figure.facecolor": PAPER,
            "axes.facecolor": PAPER,
            "savefig.transparent": True,
            "figure.dpi": 100,
            "savefig.dpi": 192,
            "font.sans-serif": ["DejaVu Sans"],
            "figure.constrained_layout.use": True,
            "text.color": INK,
            "axes.labelcolor": INK,
            "axes.edgecolor": GREY,
            "xtick.color": INK,
            "ytick.color": INK,
            "lines.linewidth": 1.6,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": "medium",
            "axes.titlelocation": "left",
            "legend.frameon": False,
            "legend.fontsize": "small",
            "figure.figsize": (6.0, 3.4),
            "image.cmap": "cividis",
            "mathtext.fontset": "dejavusans",
        },
    )


def colour(name: str, default: str | None = None) -> str:
    """The fixed colour of a method or a quantity, as "#rrggbb"; `default` for other names, else
    UnknownName."""
    table = {**METHODS, **QUANTITIES}
    if name not in table and default is None:
        raise UnknownName("colour of a method or quantity", name, table)
    return table.get(name, default)


def ramp(n: int) -> list[tuple[float, float, float]]:
    """n ordered colours for a sweep of one parameter, each with a contrast of at least 3 on a light
    and on a dark page."""
    return [RAMP(x)[:3] for x in np.linspace(0.0, 1.0, n)]


def panels(
    n: int = 1, *, width: float = 3.0, height: float = 2.9, **kwargs
) -> tuple[plt.Figure, list[plt.Axes]]:
    """A figure with n axes side by side, each width by height inches; kwargs go to plt.subplots."""
    figure, axes = plt.subplots(1, n, figsize=(n * width, height), squeeze=False, **kwargs)
    return figure, list(axes[0])
