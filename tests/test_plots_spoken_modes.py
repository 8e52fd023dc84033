"""Figures of the directions of utterances draw what they are given."""

import numpy as np
from matplotlib.colors import to_hex

from ncssl.plots import spoken_modes as draw
from ncssl.plots.style import colour


def test_bars_stand_one_before_the_other(ax):
    draw.shares(
        {
            "kept": np.array([0.8, 0.5]),
            "speaker": np.array([0.5, -0.1]),
            "lasting": np.array([0.75, 0.2]),
        },
        ax,
    )
    heights = {bars.get_label(): [bar.get_height() for bar in bars] for bars in ax.containers}
    assert list(heights) == ["augmentation", "shared words", "recording and manner", "speaker"], (
        "the last is in front"
    )
    assert np.allclose(heights["speaker"], [0.4, 0]) and np.allclose(
        heights["recording and manner"], [0.6, 0.1]
    )
    assert np.allclose(heights["shared words"], [0.8, 0.5]) and heights["augmentation"] == [1, 1]
    assert [t.get_text() for t in ax.get_legend().get_texts()] == list(heights)


def test_a_dot_a_direction(ax):
    rows = [
        {"label": name, "kept": np.array([0.9, x]), "speaker": np.array([0.5, 0.1])}
        for name, x in (("a", 0.2), ("b", 0.3))
    ]
    draw.kept_by_speaker(rows, ax)
    first, second, _ = ax.lines
    assert first.get_xdata().tolist() == [0.9, 0.2] and second.get_xdata().tolist() == [0.9, 0.3]
    assert (
        first.get_ydata().tolist() == [0.5, 0.1]
        and first.get_markerfacecolor() != second.get_markerfacecolor()
    )


def test_error_rates_over_the_number_of_directions(ax):
    rows = [
        {
            "label": "first",
            "count": [1, 2],
            "eer": [40.0, 30.0],
            "style": {"color": "#000000", "ls": ":"},
        }
    ]
    draw.errors_by_number(rows, ax, floor=("none", 27.0))
    line, floor = ax.lines
    assert (
        list(line.get_ydata()) == [40, 30]
        and line.get_linestyle() == ":"
        and line.get_marker() == "o"
    )
    assert floor.get_ydata()[0] == 27 and floor.get_label() == "none"


def test_a_dot_a_run_and_lines_that_are_known(ax):
    rows = [
        {"arm": "byol", "label": "BYOL", "runs": [(3.0, 40.0), (4.0, 41.0)]},
        {"arm": "vicreg", "label": "VICReg", "runs": []},
    ]
    draw.errors_by_rank(rows, ax, floors={"untrained encoder": 45.0, "no learning": None})
    dots, floor = ax.lines
    assert list(dots.get_xdata()) == [3, 4] and list(dots.get_ydata()) == [40, 41]
    assert to_hex(dots.get_color()) == colour("byol").lower() and floor.get_ydata()[0] == 45
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["BYOL", "untrained encoder"]


def test_runs_that_are_not_there(ax):
    draw.errors_by_rank(
        [{"arm": "byol", "label": "BYOL", "runs": []}], ax, floors={"a": 1.0, "b": None}
    )
    assert [t.get_text() for t in ax.texts] == ["not run"] and not ax.lines


def test_arms_of_one_colour_differ_by_their_marker(ax):
    rows = [
        {"arm": arm, "label": arm, "colour": shade, "runs": [(1.0, 2.0)]}
        for arm, shade in (("a", "#E69F00"), ("b", "#E69F00"), ("c", "#009E73"))
    ]
    draw.errors_by_rank(rows, ax, floors={"a": None, "b": None})
    looks = [(line.get_color(), line.get_marker()) for line in ax.lines]
    assert looks[0][0] == looks[1][0] and len(set(looks)) == 3
