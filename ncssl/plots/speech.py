"""Figures of utterances: DET curves, scores, rounds of pseudo-labels, error rates
over the amount of speech, spectrograms.

Each is f(data, ax) -> ax.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from scipy.stats import norm

from ncssl.plots.style import GREY, INK, PAPER, colour
from ncssl.plots.training import colours, curves, not_run

PERCENTS = np.array([0.01, 0.1, 0.5, 1, 2, 5, 10, 20, 40, 60, 80, 90, 95, 98, 99])
HERTZ = (250, 500, 1000, 2000, 4000)


def det_curves(
    data: Sequence[Mapping[str, Any]], ax: Axes, *, least: float = 0.5, most: float = 80.0
) -> Axes:
    """Miss against false alarm on normal-deviate axes, ticks in percent: straight where scores are
    Gaussian.

    Dicts with arm, label, miss and false_alarm (shares, as `ncssl.evaluate.det` gives them) and eer
    (percent), a dot on the diagonal. What is below `least` percent or above `most` lies outside.
    """
    ax.set(xlabel="false alarms (%)", ylabel="misses (%)")
    if not data:
        return not_run(ax)
    shades = colours(data)
    for row in data:
        miss, false_alarm = np.asarray(row["miss"]), np.asarray(row["false_alarm"])
        inside = (np.minimum(miss, false_alarm) > 0) & (np.maximum(miss, false_alarm) < 1)
        line = norm.ppf(false_alarm[inside]), norm.ppf(miss[inside])
        ax.plot(*line, color=shades[row["arm"]], label=f"{row['label']}: {row['eer']:.1f} %")
        if 0 < row["eer"] < 100:
            at = norm.ppf(row["eer"] / 100)
            ax.plot([at], [at], "o", color=shades[row["arm"]], mec=PAPER, mew=0.8, ms=6, zorder=4)
    ends = norm.ppf(np.array([least, most]) / 100)
    ax.plot(ends, ends, color=GREY, lw=0.8, ls=":", zorder=0)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(FixedLocator(norm.ppf(PERCENTS / 100).tolist()))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda x, _: f"{100 * norm.cdf(x):.3g}"))
    ax.set(xlim=ends, ylim=ends, aspect="equal")
    ax.legend(
        title="equal error rate", loc="center left", bbox_to_anchor=(1.0, 0.5), alignment="left"
    )
    return ax


def score_histograms(data: Mapping[str, Any], ax: Axes, *, bins: int = 50) -> Axes:
    """Densities of the scores of target and non-target trials: a dict with target (m,) bool, scores
    (m,) and threshold, a dotted line, or None."""
    target, scores = np.asarray(data["target"], bool), np.asarray(data["scores"])
    edges = np.histogram_bin_edges(scores, bins)
    for side, label, shade in (
        (~target, "different speakers", GREY),
        (target, "same speaker", colour("measured")),
    ):
        ax.hist(scores[side], edges, density=True, color=shade, histtype="stepfilled", alpha=0.3)
        ax.hist(
            scores[side], edges, density=True, color=shade, histtype="step", lw=1.4, label=label
        )
    if data.get("threshold") is not None:
        ax.axvline(data["threshold"], color=INK, ls=":", lw=1.2, label="threshold of equal errors")
    ax.set(xlabel="score", ylabel="density", yticks=[])
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    return ax


def rounds(
    data: Sequence[Mapping[str, Any]], ax: Axes, *, y_label: str = "EER (%)", legend: bool = True
) -> Axes:
    """A number against the round of pseudo-labels, a thick line of means and a thin one a seed;
    data as `training.curves` takes them. Round 0 is before any fine-tuning."""
    curves(data, ax, y_label=y_label, legend=legend)
    if data:
        ax.set(xlabel="round of pseudo-labels")
    return ax


def amounts(
    data: Sequence[Mapping[str, Any]], ax: Axes, *, floor: float | None = None, y_label: str = ""
) -> Axes:
    """Error rates over the number of utterances trained on, logarithmic, a line a method with its
    intervals: dicts with arm, label, utterances, mean, low, high (k,) each. Dotted: what needs no
    learning."""
    if not data:
        return not_run(ax)
    shades = colours(data)
    for row in data:
        mean, shade = np.asarray(row["mean"]), shades[row["arm"]]
        around = [mean - row["low"], row["high"] - mean]
        ax.errorbar(
            row["utterances"], mean, around, color=shade, marker="o", ms=4, label=row["label"]
        )
    if floor is not None:
        ax.axhline(floor, color=INK, ls=":", lw=1.2, label="no learning")
    ticks = sorted({n for row in data for n in row["utterances"]})
    ax.set(xscale="log", xlabel="utterances trained on", ylabel=y_label)
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return ax


def entropies(
    data: Sequence[Mapping[str, Any]], ax: Axes, *, k: int, y_label: str = "entropy (nats)"
) -> Axes:
    """Entropies of a DINO teacher's outputs over training, an arm a colour; data as
    `training.curves` takes them.

    Dashed: ln k, the uniform output; at 0 all lies on one prototype.
    """
    curves(data, ax, y_label=y_label, legend=False)
    if data:
        ax.axhline(np.log(k), color=GREY, ls="--", lw=1.0, label=f"ln {k}: uniform")
        ax.set_ylim(-0.04 * np.log(k), 1.06 * np.log(k))
        ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return ax


def spectrogram(data: Mapping[str, Any], ax: Axes) -> Axes:
    """Log-mel energies: a dict with mel (frames, bands), hop (seconds between frames) and hertz,
    the bands' centres (bands,), rising, or None for band numbers. Dark is quiet; the range is the
    middle 98 % of the values."""
    mel = np.asarray(data["mel"], float)
    low, high = np.percentile(mel, [1, 99])
    box = (0, len(mel) * data["hop"], -0.5, mel.shape[1] - 0.5)
    ax.imshow(
        mel.T,
        origin="lower",
        aspect="auto",
        extent=box,
        vmin=low,
        vmax=high,
        interpolation="nearest",
    )
    ax.set(xlabel="seconds", ylabel="band")
    ax.xaxis.set_major_locator(MaxNLocator(5))
    if data.get("hertz") is not None:
        hertz = np.asarray(data["hertz"], float)
        ticks = [f for f in HERTZ if hertz[0] <= f <= hertz[-1]]
        ax.set(
            ylabel="Hz", yticks=np.interp(ticks, hertz, np.arange(len(hertz))), yticklabels=ticks
        )
    return ax
