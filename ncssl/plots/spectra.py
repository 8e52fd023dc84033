"""Figures of spectra over training: eigenvalues by epoch and by rank. Each is f(data, ax) -> ax;
data are arrays.

`data` is a dict as `ncssl.report.select.spectrum` makes it: epoch (T,), values (T, k) with the
largest first; or None.
"""

from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.ticker import MaxNLocator

from ncssl.plots.style import GREY, ramp
from ncssl.plots.training import not_run

LINES = 20  # eigenvalues that a figure over epochs shows at most
EPS = 1e-8  # eigenvalues below this share of the largest are round-off and drawn at it


def visible(values: np.ndarray) -> np.ndarray:
    """Eigenvalues raised to `EPS` times the largest, so that a logarithmic axis shows all of
    them."""
    return np.maximum(values, EPS * np.nanmax(values))


def eigenvalue_traces(
    data: Mapping[str, Any] | None, ax: Axes, *, log: bool = True, y_label: str = ""
) -> Axes:
    """A line an eigenvalue over the epochs, dark to light from the largest to the least;
    logarithmic or linear.

    Of many, those of `LINES` ranks are drawn, denser among the largest, the first and the last too.
    """
    if data is None or len(data["epoch"]) < 2:
        return not_run(ax)
    values = visible(data["values"]) if log else data["values"]
    shades = ramp(values.shape[1])
    for rank in ranks_drawn(values.shape[1])[::-1]:
        ax.plot(data["epoch"], values[:, rank], color=shades[rank], lw=1.1)
    if log:
        ax.set_yscale("log")
    else:
        ax.axhline(0, color=GREY, lw=0.8, zorder=0)
    ax.set(xlabel="epoch", ylabel=y_label)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return ax


def ranks_drawn(k: int) -> list[int]:
    """Which of k ranks (from 0) are drawn: all, or `LINES` of them at even steps of the logarithm,
    none twice."""
    if k <= LINES:
        return list(range(k))
    return sorted({round(x) - 1 for x in np.geomspace(1, k, LINES)})


def rank_scale(ranks: int, ax: Axes) -> Axes:
    """A colour bar beside the axes that says which rank each line of `eigenvalue_traces` has."""
    scale = mpl.colors.LinearSegmentedColormap.from_list("ranks", ramp(16))
    bar = ax.figure.colorbar(
        ScalarMappable(Normalize(1, ranks), scale), ax=ax, label="rank", ticks=[1, ranks]
    )
    bar.ax.invert_yaxis()
    return ax


def by_rank(
    data: Mapping[str, Any] | None, ax: Axes, *, relative: bool = True, y_label: str = ""
) -> Axes:
    """Eigenvalues over their rank on a logarithmic axis, a line an epoch, dark to light from the
    first to the last.

    `relative` divides each line by its largest value. A step in the last line is a gap between
    modes that grew and modes that did not.
    """
    if data is None:
        return not_run(ax)
    values = visible(data["values"])
    values = values / values.max(axis=1, keepdims=True) if relative else values
    ranks = np.arange(1, values.shape[1] + 1)
    for epoch, row, shade in zip(data["epoch"], values, ramp(len(values)), strict=True):
        ax.plot(ranks, row, color=shade, label=f"epoch {epoch:g}")
    ax.set(yscale="log", xlabel="rank", ylabel=y_label, xlim=(0.5, len(ranks) + 0.5))
    ax.legend()
    return ax
