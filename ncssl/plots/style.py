"""The one style of the book's figures: a colour-blind-safe palette with a fixed colour per method
and per quantity.

How a figure stands on a light and on a dark page is for `ncssl.plots.page`.
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

# Okabe and Ito (2008), distinct under the common forms of colour blindness; the yellow is too pale
# for lines.
OKABE = {
    "black": "#000000",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "purple": "#CC79A7",
}

METHODS = {
    "simsiam": OKABE["blue"],
    "byol": OKABE["vermilion"],
    "directpred": OKABE["green"],
    "directcopy": OKABE["purple"],
    "directset": "#7A4E8A",
    "isoloss": OKABE["orange"],
    "barlow_twins": OKABE["sky"],
    "vicreg": "#8C6D1F",
    "w_mse": "#4D4D4D",
    "simclr": "#9E2A2B",
    "moco": "#B5838D",
    "swav": "#2A6F77",
    "dino": "#6A994E",
    "deepcluster": "#A0522D",
    "sigreg": "#5E60CE",
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
    "flow": "#9aa5ad",
    "reported": GREY,
}

# arms of experiments: the same setting keeps its colour in every chapter, whatever the experiment
# calls it
ARMS = {
    "sgd_ema": OKABE["vermilion"],
    "regular_ema": OKABE["vermilion"],
    "ema": OKABE["vermilion"],
    "sgd_noema": OKABE["blue"],
    "regular_noema": OKABE["blue"],
    "noema": OKABE["blue"],
    "learns": OKABE["blue"],
    "directpred": OKABE["green"],
    "eps_0_1": OKABE["green"],
    "directpred_noema": "#2A6F77",
    "directpred_freq5": "#8DB33A",
    "random": GREY,
    "no_stop_gradient": OKABE["black"],
    "no_predictor": OKABE["purple"],
    "directcopy_own_lr": "#7A4E8A",
    "eps_0_3": OKABE["purple"],
    "eps_1": OKABE["black"],
    "spectral": OKABE["purple"],
    "frobenius": OKABE["sky"],
    "wd_0": OKABE["sky"],
    "wd_4e_4": OKABE["purple"],
    "wd_1e_3": OKABE["orange"],
    "wd_1e_2": OKABE["black"],
    "byol_mlp": OKABE["blue"],
    "byol_noema": OKABE["blue"],
    "pred": OKABE["green"],
    "pred_noema": "#2A6F77",
    "pred_iso": OKABE["orange"],
    "pred_iso_noema": "#8C6D1F",
    "copy": OKABE["purple"],
    "copy_noema": "#7A4E8A",
    "copy_iso": OKABE["sky"],
    "copy_iso_noema": OKABE["black"],
    "euc": "#7A4E8A",
    "euc_iso": OKABE["sky"],
    "cos": OKABE["green"],
    "cos_iso": OKABE["orange"],
    "base_4e_4": OKABE["green"],
    "base_1e_2": "#2A6F77",
    "iso_4e_4": OKABE["orange"],
    "iso_1e_2": "#8C6D1F",
    "sym_ema": OKABE["orange"],
    "sym_noema": "#4D4D4D",
    "sym_noema_predictor_wd_only": "#8C6D1F",
    "sym_noema_no_wd": OKABE["purple"],
    "sym_noema_alpha10": OKABE["sky"],
    "ema_no_wd": OKABE["orange"],
    "sym_ema_predictor_wd_only": OKABE["green"],
    "sym_ema_no_wd": OKABE["black"],
    "regular_ema_predictor_wd_only": "#2A6F77",
    "regular_noema_predictor_wd_only": "#9E2A2B",
    "mlp_ema": OKABE["green"],
    "mlp_noema": "#8C6D1F",
    "ema_no_wd_bias": OKABE["green"],
    "noema_no_wd_bias": OKABE["purple"],
    "ema_wd_1e_3": "#8C6D1F",
    "ema_wd_4e_3": "#9E2A2B",
    "ema_wd_1e_2": OKABE["black"],
    "wd_4e_3": "#8C6D1F",
    "noema_no_wd": OKABE["sky"],
    "eps_0": "#7A4E8A",
    "none": "#7A4E8A",
    "no_head": "#7A4E8A",
    "eps_0_01": OKABE["sky"],
    "eps_0_5": OKABE["orange"],
    "plus": "#9E2A2B",
    "minus": OKABE["sky"],
    "optimal_1": OKABE["purple"],
    "optimal_5": OKABE["orange"],
    "optimal_1_noema": OKABE["black"],
    "alpha_1": "#4D4D4D",
    "alpha_2": OKABE["sky"],
    "alpha_5": OKABE["green"],
    "alpha_10": OKABE["vermilion"],
    "alpha_1_2": OKABE["orange"],
    "alpha_1_4": OKABE["purple"],
    "off_diagonal": OKABE["blue"],
    "identity_linear": OKABE["green"],
    "linear": OKABE["sky"],
    "mlp": OKABE["orange"],
    "symmetric": OKABE["vermilion"],
    "detached": OKABE["purple"],
    "l2": "#8C6D1F",
    "unnormalised": OKABE["vermilion"],
    "ratio_0_1": OKABE["orange"],
    "ratio_1": OKABE["blue"],
    "ratio_10": OKABE["green"],
    "nothing": OKABE["black"],
    "cov": "#8C6D1F",
    "ipred": OKABE["purple"],
    "cov_ipred": OKABE["green"],
    "std": OKABE["sky"],
    "cov_std": OKABE["blue"],
    "std_ipred": OKABE["orange"],
    "cov_std_ipred": "#2A6F77",
    "std_sg": "#9E2A2B",
    "std_ipred_sg": OKABE["vermilion"],
    "cov_ipred_undivided": "#8DB33A",
    "narrow": OKABE["sky"],
    "middle": OKABE["vermilion"],
    "wide": OKABE["purple"],
    "k1_1_1": OKABE["blue"],
    "k1_25_1": OKABE["black"],
    "invcov": OKABE["black"],
    "k1_1_25": OKABE["orange"],
    "k8_25_1": OKABE["vermilion"],
    "derived": OKABE["vermilion"],
    "k8_25_1_mean": OKABE["green"],
    "byol_linear": "#A0522D",
    "no_centring": OKABE["vermilion"],
    "no_sharpening": OKABE["blue"],
    "corrupted": "#6A994E",
    "clean": OKABE["blue"],
    "k256": "#6A994E",
    "k2048": OKABE["sky"],
    "k16384": OKABE["blue"],
    "no_norm": OKABE["vermilion"],
    "separate": OKABE["purple"],
    "k8": OKABE["sky"],
    "k16": "#6A994E",
    "k64": OKABE["blue"],
}
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
    """The fixed colour of a method, a quantity or an arm, as "#rrggbb"; `default` for other names,
    else UnknownName."""
    table = {**ARMS, **METHODS, **QUANTITIES}
    if name not in table and default is None:
        raise UnknownName("colour of a method or quantity", name, table)
    return table.get(name, default)


def ramp(n: int) -> list[tuple[float, float, float]]:
    """n ordered colours, dark to light, for a sweep of one parameter; none so pale that it vanishes
    on the page."""
    return [mpl.colormaps["viridis"](x)[:3] for x in np.linspace(0.0, 0.85, n)]


def panels(
    n: int = 1, *, width: float = 3.0, height: float = 2.9, **kwargs
) -> tuple[plt.Figure, list[plt.Axes]]:
    """A figure with n axes side by side, each width by height inches; kwargs go to plt.subplots."""
    figure, axes = plt.subplots(1, n, figsize=(n * width, height), squeeze=False, **kwargs)
    return figure, list(axes[0])
