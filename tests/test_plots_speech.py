"""Figures of utterance embeddings draw what they are given."""

import numpy as np
import pytest
from scipy.stats import norm

from ncssl.plots import speech as draw
from ncssl.plots.style import colour


def row(arm, shift, m=2001):
    """A system whose scores are exact quantiles of two Gaussians."""
    x = np.linspace(-4, 4, m)
    miss, false_alarm = np.r_[0, norm.cdf(x - shift)], np.r_[1, norm.sf(x)]
    return dict(
        arm=arm,
        label=arm.upper(),
        miss=miss,
        false_alarm=false_alarm,
        eer=100 * norm.cdf(-shift / 2),
    )


def test_det_of_gaussians_is_a_straight_line_through_its_eer(ax):
    draw.det_curves([row("dino", 2.0), row("random", 0.5)], ax)
    for line, dot, shift, arm in (
        (ax.lines[0], ax.lines[1], 2.0, "dino"),
        (ax.lines[2], ax.lines[3], 0.5, "random"),
    ):
        x, y = line.get_data()
        assert np.isfinite(x).all() and np.allclose(x + y, -shift, atol=1e-6)
        assert (
            line.get_color() == colour(arm)
            and dot.get_xdata()[0] == pytest.approx(-shift / 2) == dot.get_ydata()[0]
        )
    ax.figure.canvas.draw()
    ticks = {t.get_text(): t.get_position()[0] for t in ax.get_xticklabels()}
    assert ticks["20"] == pytest.approx(norm.ppf(0.2)) and ticks["0.5"] == pytest.approx(
        norm.ppf(0.005)
    )
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["DINO: 15.9 %", "RANDOM: 40.1 %"]


def test_det_of_a_perfect_system_has_no_infinite_point(ax):
    step = np.array([0, 0, 1.0])
    perfect = dict(
        arm="dino", label="x", miss=step, false_alarm=1 - np.array([0, 1.0, 1.0]), eer=0.0
    )
    draw.det_curves([perfect], ax)
    ax.figure.canvas.draw()
    curve, diagonal = ax.lines  # and no dot
    assert len(curve.get_xdata()) == 0 and diagonal.get_linestyle() == ":"


def test_score_histograms_are_densities_on_common_bins(ax):
    target = np.arange(100) < 20
    scores = np.where(target, 0.9, 0.1) + 0.001 * np.arange(100)
    draw.score_histograms({"target": target, "scores": scores, "threshold": 0.5}, ax, bins=10)
    bins = np.histogram_bin_edges(scores, 10)
    expected = [
        np.histogram(scores[side], bins, density=True)[0].max() for side in (~target, target)
    ]
    heights = [patch.get_path().vertices[:, 1].max() for patch in ax.patches]
    assert heights == pytest.approx(np.repeat(expected, 2)) and ax.lines[0].get_xdata()[0] == 0.5
    assert [t.get_text() for t in ax.get_legend().get_texts()][:2] == [
        "different speakers",
        "same speaker",
    ]
    same = ax.patches[-1].get_path().vertices
    assert same[same[:, 1] > 0, 0].min() > 0.5


def runs(*values):
    return [(np.arange(len(v)), np.array(v, float)) for v in values]


def test_rounds_show_means_over_seeds(ax):
    draw.rounds([{"arm": "dino", "label": "DINO", "runs": runs([9, 6, 5], [7, 4, 3])}], ax)
    assert ax.lines[-1].get_ydata().tolist() == [8, 5, 4] and ax.lines[-1].get_color() == colour(
        "dino"
    )
    assert ax.get_xlabel() == "round of pseudo-labels" and ax.get_ylabel() == "EER (%)"


def test_entropies_stand_between_collapse_and_uniform(ax):
    draw.entropies([{"arm": "dino", "label": "DINO", "runs": runs([2.0, 1.5])}], ax, k=16)
    *_, level = ax.lines
    assert level.get_ydata()[0] == pytest.approx(np.log(16)) and level.get_linestyle() == "--"
    low, high = ax.get_ylim()
    assert low < 0 < np.log(16) < high


@pytest.mark.parametrize(
    "figure",
    [draw.det_curves, draw.rounds, draw.amounts, lambda data, ax: draw.entropies(data, ax, k=4)],
)
def test_nothing_to_show_says_not_run(figure, ax):
    assert [t.get_text() for t in figure([], ax).texts] == ["not run"]


def test_amounts_of_speech_have_intervals_and_the_floor(ax):
    row = dict(utterances=[500, 3800], mean=[30.0, 20.0], low=[28.0, 17.0], high=[33.0, 22.0])
    draw.amounts([row | dict(arm="dino", label="DINO")], ax, floor=33.0, y_label="EER, %")
    (bars,) = ax.containers
    spans = [segment[:, 1].tolist() for segment in bars.lines[2][0].get_segments()]
    assert spans == [[28, 33], [17, 22]] and ax.lines[-1].get_ydata() == [33, 33]
    assert ax.get_xscale() == "log" and ax.get_xticks().tolist() == [500, 3800]
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["no learning", "DINO"]


def test_spectrogram_has_time_to_the_right_and_bands_upwards(ax):
    mel, hertz = np.zeros((150, 40)), np.geomspace(100, 7000, 40)
    mel[:, 30] = 1.0
    draw.spectrogram({"mel": mel, "hop": 0.01, "hertz": hertz}, ax)
    image = ax.images[0]
    assert image.get_extent() == [0, 1.5, -0.5, 39.5] and image.origin == "lower"
    assert image.get_array()[30].min() == 1 and image.get_array()[10].max() == 0
    at = dict(zip([t.get_text() for t in ax.get_yticklabels()], ax.get_yticks(), strict=True))
    assert (
        at["1000"] == pytest.approx(np.interp(1000, hertz, np.arange(40)))
        and ax.get_ylabel() == "Hz"
    )
    draw.spectrogram({"mel": mel, "hop": 0.01}, ax)
    assert ax.get_ylabel() == "band"
