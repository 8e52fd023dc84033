"""Figures of the directions of utterances, and of runs by rank and error rate. Each is f(data, ax)
-> ax."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ncssl.plots.style import GREY, OKABE, PALE, PAPER
from ncssl.plots.training import colours, not_run

PARTS = {  # of a view's variance, the innermost bar first
    "speaker": OKABE["blue"],
    "recording and manner": OKABE["orange"],
    "shared words": "#6f9bb0",
    "augmentation": PALE,
}
MARKERS = "o^s"  # of arms that have one colour
# the first series filled, the second not
VIEWS = (dict(color=OKABE["blue"]), dict(color=GREY, mfc=PAPER))


def shares(data: Mapping[str, Any], ax: Axes, *, legend: bool = True) -> Axes:
    """What a view varies by along each direction, as bars one before the other, the variance being
    1.

    Data: kept (m,), what two views share; lasting and speaker (m,), the shares of that which halves
    of an utterance have in common, and which are the speaker's. An estimate below 0 is drawn at 0.
    """
    kept = np.asarray(data["kept"])
    heights = (kept * data["speaker"], kept * data["lasting"], kept, np.ones(len(kept)))
    for (label, shade), height in reversed(list(zip(PARTS.items(), heights, strict=True))):
        ax.bar(
            np.arange(1, len(kept) + 1),
            np.clip(height, 0, 1),
            width=0.85,
            color=shade,
            lw=0,
            label=label,
        )
    ax.set(
        xlabel="direction",
        ylabel="share of a view's variance",
        ylim=(0, 1),
        xlim=(0.4, len(kept) + 0.6),
    )
    ax.set_xticks([1, *range(5, len(kept) + 1, 5)])
    if legend:
        ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return ax


def kept_by_speaker(data: Sequence[Mapping[str, Any]], ax: Axes) -> Axes:
    """A dot a direction: the share of b that speakers explain, over rho. Two dicts: label, kept and
    speaker (m,)."""
    for row, look in zip(data, VIEWS, strict=True):
        ax.plot(
            row["kept"], row["speaker"], "o", ms=5, mew=1.2, ls="none", label=row["label"], **look
        )
    ax.axhline(0, color=GREY, lw=0.8, zorder=0)
    ax.set(
        xlabel=r"kept by the theory first: $\rho = b/(b+\sigma^2)$",
        ylabel="speakers' share of $b$",
        xlim=(0, 1.02),
    )
    ax.legend(loc="upper left")
    return ax


def errors_by_number(
    data: Sequence[Mapping[str, Any]], ax: Axes, *, floor: tuple[str, float] | None = None
) -> Axes:
    """EER (percent) over how many directions are kept: dicts with label, count (k,), eer (k,) and
    style, a dict of keywords of `plot`. `floor` (label, level) is a dashed line."""
    for row in data:
        ax.plot(
            row["count"], row["eer"], label=row["label"], **dict(marker="o", ms=4) | row["style"]
        )
    if floor is not None:
        ax.axhline(floor[1], color=GREY, ls="--", lw=1.0, label=floor[0])
    ax.set(xlabel="directions kept", ylabel="EER, %", ymargin=0.1)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    ax.legend()
    return ax


def errors_by_rank(
    data: Sequence[Mapping[str, Any]], ax: Axes, *, floors: Mapping[str, float | None]
) -> Axes:
    """A dot a run: its EER (percent) over the effective rank of its projections. Dicts with arm,
    label and runs [(rank, eer)]; `floors` label -> EER are horizontal lines, dashed and dotted;
    None is left out."""
    ax.set(xlabel="effective rank of the projections", ylabel="EER, %")
    if not any(row["runs"] for row in data):
        return not_run(ax)
    shades, seen = colours(data), []
    for row in (row for row in data if row["runs"]):
        seen.append(shades[row["arm"]])
        look = dict(
            color=seen[-1], marker=MARKERS[seen.count(seen[-1]) - 1], ms=5.5, mec=PAPER, ls="none"
        )
        ax.plot(*zip(*row["runs"], strict=True), label=textwrap.fill(row["label"], 34), **look)
    for (label, level), style in zip(floors.items(), ("--", ":"), strict=True):
        if level is not None:
            ax.axhline(level, color=GREY, ls=style, lw=1.2, zorder=0, label=label)
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return ax
