"""Figures of the prediction-head chapter: patches and masks, outcomes by variant, a power law.
f(data, ax) -> ax."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from ncssl.plots.motion import Motion
from ncssl.plots.style import GREY, INK, OKABE, PALE, PAPER

OUTCOMES = {
    "both features": OKABE["green"],
    "only v_1": OKABE["vermilion"],
    "only v_2": OKABE["orange"],
    "undecided": PALE,
    "collapsed": INK,
}
STRONGEST = 0.6  # opacity of the largest entry, below what would hide its number
NAMES = {"only v_1": "only $v_1$", "only v_2": "only $v_2$"}


def patches(data: Mapping[str, Any], ax: Axes) -> Axes:
    """A sample and its two views: values (P,) 0 for noise, +-1 for the feature, mask (P,) 1 where
    view 1 has the patch.

    `feature` names the feature; a patch that a view does not have is an empty square.
    """
    values, mask = np.asarray(data["values"]), np.asarray(data["mask"]).astype(bool)
    rows = [("sample", np.ones(len(values), bool)), ("view 1", mask), ("view 2", ~mask)]
    for i, (name, has) in enumerate(rows):
        ax.text(-0.3, -i + 0.45, name, ha="right", va="center")
        for p, value in enumerate(values):
            shade = (OKABE["blue"] if value else OKABE["sky"]) if has[p] else PAPER
            ax.add_patch(
                Rectangle(
                    (p, -i),
                    0.9,
                    0.9,
                    facecolor=shade,
                    alpha=1.0 if value or not has[p] else 0.35,
                    edgecolor=GREY,
                    lw=0.8,
                )
            )
            if has[p]:
                text = ("+" if value > 0 else "\u2212") + data["feature"] if value else "noise"
                ax.text(
                    p + 0.45,
                    -i + 0.45,
                    text,
                    ha="center",
                    va="center",
                    fontsize="small",
                    color=PAPER if value else INK,
                )
    ax.set(xlim=(-1.4, len(values)), ylim=(-len(rows) + 0.95, 1.0), aspect="equal")
    ax.axis("off")
    return ax


def outcome_bars(
    data: Mapping[str, Mapping[str, float]], ax: Axes, *, key: str = "lower center"
) -> Axes:
    """Shares of starts by outcome, one stacked bar a variant: {variant: {outcome: share}}, the
    first one on top.

    The key is shown above the axes, with the outcomes that occur.
    """
    shown = [name for name in OUTCOMES if any(row[name] > 0 for row in data.values())]
    for y, row in enumerate(data.values()):
        left = 0.0
        for name in shown:
            ax.barh(
                y,
                100 * row[name],
                left=left,
                height=0.72,
                color=OUTCOMES[name],
                edgecolor=PAPER,
                lw=0.8,
            )
            if row[name] >= 0.06:
                ax.text(
                    left + 50 * row[name],
                    y,
                    f"{100 * row[name]:.0f}",
                    ha="center",
                    va="center",
                    fontsize="small",
                    color=INK if name in ("undecided", "only v_2") else PAPER,
                )
            left += 100 * row[name]
    ax.set(
        yticks=range(len(data)),
        yticklabels=list(data),
        xlim=(0, 100),
        xlabel="share of starts, %",
        ylim=(len(data) - 0.4, -0.6),
    )
    ax.tick_params(axis="y", length=0)
    handles = [Patch(color=OUTCOMES[name], label=NAMES.get(name, name)) for name in shown]
    ax.legend(
        handles=handles,
        loc=key,
        bbox_to_anchor=(0.4, 1.0),
        ncols=len(shown),
        columnspacing=1.2,
        handlelength=1.2,
    )
    return ax


def power_law(data: Mapping[str, Any], ax: Axes) -> Axes:
    """Measured values over a parameter on two logarithmic axes: x, y, low, high (n,), lines [(x, y,
    label, style)].

    low and high draw a bar (quartiles); `labels` names the axes.
    """
    x, y = np.asarray(data["x"]), np.asarray(data["y"])
    error = np.stack([y - data["low"], np.asarray(data["high"]) - y])
    ax.errorbar(
        x,
        y,
        error,
        fmt="o",
        color=OKABE["blue"],
        ms=5,
        mfc=PAPER,
        mew=1.5,
        capsize=0,
        label=data["name"],
    )
    for line_x, line_y, label, style in data["lines"]:
        ax.plot(line_x, line_y, style, color=INK, lw=1.1, label=label)
    ax.set(xscale="log", yscale="log", xlabel=data["labels"][0], ylabel=data["labels"][1])
    ax.legend()
    return ax


def replicas(data: Mapping[str, Any], ax: Axes) -> Axes:
    """Repeated runs over x (T,): lines {label: (T, n)}, one colour a label, one line a run; labels
    (x, y)."""
    colours = [OKABE["blue"], OKABE["vermilion"], OKABE["green"], OKABE["purple"]]
    for shade, (label, y) in zip(colours, data["lines"].items(), strict=False):
        drawn = ax.plot(data["x"], y, color=shade, lw=1.2)
        drawn[0].set_label(label)
    ax.set(xlim=(data["x"][0], data["x"][-1]), xlabel=data["labels"][0], ylabel=data["labels"][1])
    ax.legend(loc=data.get("legend", "best"))
    return ax


def cells(data: Mapping[str, Any], ax: Axes, moves: Motion) -> Axes:
    """A small matrix that moves: values (T, n, m), blue above 0 and orange below, as strong as they
    are large; rows, columns and title are words.

    Entries that stay the same are drawn without colour. `limit` is where colours end, the largest
    entry that moves if left out.
    """
    values = np.asarray(data["values"])
    fixed = np.ptp(values, axis=0) == 0
    limit = data.get("limit") or np.abs(values[:, ~fixed]).max()
    for (i, j), still in np.ndenumerate(fixed):
        box = dict(xy=(j - 0.46, i - 0.46), width=0.92, height=0.92)
        ax.add_patch(Rectangle(**box, facecolor="none", edgecolor=GREY, lw=0.8))
        entry = values[:, i, j]
        for sign, shade in () if still else ((1, OKABE["blue"]), (-1, OKABE["vermilion"])):
            ax.add_patch(filled := Rectangle(**box, facecolor=shade, lw=0))
            moves.fade(filled, STRONGEST * np.clip(sign * entry / limit, 0, 1))
        text = ax.text(j, i, f"{entry[0]:g}", ha="center", va="center", color=INK)
        if not still:
            moves.say(text, [f"{x:.2f}".replace("-0.00", "0.00").replace("-", "−") for x in entry])
    ax.set(
        xlim=(-0.55, values.shape[2] - 0.45),
        ylim=(values.shape[1] - 0.45, -0.55),
        aspect="equal",
        xticks=range(values.shape[2]),
        yticks=range(values.shape[1]),
        xticklabels=data["columns"],
        yticklabels=data["rows"],
        title=data["title"],
    )
    ax.tick_params(length=0)
    for side in ax.spines.values():
        side.set_visible(False)
    return ax


def matrix(data: Mapping[str, Any], ax: Axes, *, bar: bool = False) -> Axes:
    """A head without the identity, W - I (d, d), as a map: purple above 0, orange below, white at
    0.

    data: matrix, limit (the value at which the colours end; the largest entry if left out), title.
    """
    E = np.asarray(data["matrix"])
    limit = data.get("limit") or np.abs(E).max() or 1.0
    image = ax.imshow(E, cmap="PuOr", vmin=-limit, vmax=limit, interpolation="nearest")
    ax.set(
        title=data.get("title", ""), xticks=[], yticks=[], xlabel="channel in", ylabel="channel out"
    )
    if bar:
        ax.figure.colorbar(image, ax=ax, shrink=0.8)
    return ax
