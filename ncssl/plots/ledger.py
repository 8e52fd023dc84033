"""Figures of the ledger: how many claims of each source have which verdict. f(data, ax) -> ax."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ncssl.plots.style import INK, PAPER, VERDICTS
from ncssl.verdicts.states import words


def verdict_bars(
    data: Mapping[str, Sequence[str]], ax: Axes, *, title: str = "", legend: bool = True
) -> Axes:
    """One bar a source, source -> verdicts of its claims; its parts are their numbers, in the order
    of `VERDICTS`."""
    for y, found in enumerate(data.values()):
        left = 0
        for status, (shade, _, filled) in VERDICTS.items():
            count = list(found).count(status)
            if count:
                face = (
                    dict(color=shade)
                    if filled
                    else dict(facecolor=PAPER, edgecolor=shade, hatch="////", lw=0.8)
                )
                ax.barh(y, count, left=left, height=0.62, label=words(status), **face)
                box = dict(boxstyle="round,pad=0.15", fc=PAPER, ec="none")
                ax.text(
                    left + count / 2,
                    y,
                    f"{count}",
                    ha="center",
                    va="center",
                    fontsize="small",
                    color=INK,
                    bbox=box,
                )
                left += count
    ax.set(
        yticks=range(len(data)),
        yticklabels=list(data),
        ylim=(len(data) - 0.4, -0.6),
        xlabel="claims",
        title=title,
    )
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    if legend:
        named = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
        order = [word for word in map(words, VERDICTS) if word in named]
        beside = dict(loc="center left", bbox_to_anchor=(1.0, 0.5))
        ax.legend([named[word] for word in order], order, **beside)
    return ax
