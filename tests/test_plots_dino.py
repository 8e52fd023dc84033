"""Figures of DINO draw what they are given."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from ncssl.plots import dino as draw


def test_a_scan_has_a_line_a_start_and_its_edge(ax):
    share = np.linspace(0, 1, 5)
    rows = [{"label": f"start {i}", "share": share, "entropy": share**i} for i in (1, 2, 3)]
    assert draw.centring_scan(rows, ax, edge=0.6, y_label="entropy") is ax
    *lines, edge = ax.lines
    assert len({to_rgb(line.get_color()) for line in lines}) == 3
    assert np.allclose(lines[1].get_xydata(), np.c_[share, share**2])
    assert edge.get_xdata() == [0.6, 0.6] and edge.get_linestyle() == ":"
    assert [t.get_text() for t in ax.get_legend().get_texts()][:3] == [
        "start 1",
        "start 2",
        "start 3",
    ]
    low, high = ax.get_ylim()
    assert low < 0 and high > 1 and ax.get_ylabel() == "entropy"


def test_a_swing_shows_what_is_small_and_what_is_large(ax):
    times = np.linspace(0, 1, 50)
    rows = [
        {"label": "fast", "times": times, "u": 0.01 * np.exp(-times)},
        {"label": "slow", "times": times, "u": 0.01 * np.exp(9 * times)},
    ]
    assert draw.swing(rows, ax, y_label="u") is ax
    level, fast, slow = ax.lines
    assert level.get_ydata()[0] == 0 and level.get_linestyle() == "--"
    assert np.allclose(fast.get_ydata(), rows[0]["u"]) and np.allclose(
        slow.get_ydata(), rows[1]["u"]
    )
    assert ax.get_yscale() == "symlog" and ax.yaxis.get_transform().linthresh == pytest.approx(0.01)


def test_nothing_to_swing_stays_on_a_linear_axis(ax):
    draw.swing([], ax)
    assert ax.get_yscale() == "linear" and len(ax.lines) == 1


def arm(name, *values):
    """An arm as `ncssl.report.select.arms` gives it."""
    mean = sum(values) / len(values) if values else None
    ends = dict(
        low=min(values, default=None), high=max(values, default=None), n=len(values), failed=0
    )
    return dict(arm=name, label=name, values=dict(enumerate(values)), mean=mean, paper="", **ends)


def texts(ax):
    return [t.get_text() for t in ax.texts]


@pytest.mark.parametrize("base", [5.0, 22.0, 60.0])
def test_both_floors_are_in_sight(base, ax):
    draw.floored(
        {"arms": [arm("dino", 20.0, 24.0)], "floor": 44.0, "base": base}, ax, x_label="EER, %"
    )
    levels = {
        line.get_linestyle(): line.get_xdata()[0]
        for line in ax.lines
        if line.get_linestyle() in ("--", ":")
    }
    assert levels == {"--": 44.0, ":": base} and ax.get_xlabel() == "EER, %"
    low, high = ax.get_xlim()
    assert low < min(20, base) and high > max(44, base) and "no learning" in texts(ax)


def test_floors_that_were_not_measured_are_left_out(ax):
    draw.floored({"arms": [arm("dino")], "floor": None, "base": None}, ax)
    assert "no learning" not in texts(ax) and not [
        x for x in ax.lines if x.get_linestyle() in ("--", ":")
    ]
