"""Figures of the flow of DINO's free logits, by share of centring and by rate of the centre; arms
between two floors.

Each is f(data, ax) -> ax.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ncssl.plots.style import GREY, INK, ramp
from ncssl.plots.training import dots


def centring_scan(
    data: Sequence[Mapping[str, Any]], ax: Axes, *, edge: float | None = None, y_label: str = ""
) -> Axes:
    """Entropies at the end, over ln k, against the share of centring: a line a start, dark to
    light.

    Dicts with label, share (m,) and entropy (m,), 0 for one prototype, 1 for all alike in use.
    `edge`, dotted, is the share from which on nothing shared grows.
    """
    for row, shade in zip(data, ramp(len(data)), strict=True):
        ax.plot(row["share"], row["entropy"], color=shade, marker="o", ms=3.0, label=row["label"])
    if edge is not None:
        ax.axvline(edge, color=INK, ls=":", lw=1.2, label="nothing shared grows beyond")
    ax.set(xlabel="share of the mean that is taken off", ylabel=y_label, ylim=(-0.04, 1.04))
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return ax


def swing(data: Sequence[Mapping[str, Any]], ax: Axes, *, y_label: str = "") -> Axes:
    """The logit that all inputs share over time: a line a rate of the centre, dark to light, and 0,
    the uniform output.

    Dicts with label, times (T,) and u (T,). The axis is linear within the largest start and
    logarithmic beyond.
    """
    ax.axhline(0, color=GREY, ls="--", lw=1.0, zorder=0)
    for row, shade in zip(data, ramp(len(data)), strict=True):
        ax.plot(row["times"], row["u"], color=shade, label=row["label"])
    first = max((abs(float(np.asarray(row["u"])[0])) for row in data), default=0.0)
    if first > 0:
        ax.set_yscale("symlog", linthresh=first)
    ax.set(xlabel="time", ylabel=y_label)
    if data:
        ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return ax


def floored(data: Mapping[str, Any], ax: Axes, *, x_label: str = "") -> Axes:
    """`training.dots` beside two floors: dashed the untrained encoder, dotted what needs no
    learning, None for neither.

    A dict with arms, floor and base, as `ncssl.report.spoken.floored` makes it.
    """
    dots(data["arms"], ax, x_label=x_label, floor=data["floor"])
    base = data["base"]
    if base is not None:
        (low, high), reach = ax.get_xlim(), 0.06 * np.ptp(ax.get_xlim())
        ax.set_xlim(min(low, base - reach), max(high, base + reach))
        ax.axvline(base, color=INK, ls=":", lw=1.2, zorder=0)
        place = (base - ax.get_xlim()[0]) / np.ptp(ax.get_xlim())
        side = "left" if place < 0.3 else "right" if place > 0.7 else "center"
        ax.annotate(
            "no learning",
            (base, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 15),
            ha=side,
            textcoords="offset points",
            fontsize="small",
            color=INK,
        )
    return ax
