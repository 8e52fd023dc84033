"""Figures of the common picture draw what they are given."""

import numpy as np
from matplotlib.colors import to_rgba

from ncssl.plots import together as draw
from ncssl.plots.style import colour


def test_phase_diagram_shows_death_level_and_edge(ax):
    x, y = np.linspace(0, 1, 5), np.linspace(0, 2, 4)
    level = np.where(x < 0.6, 0.9, np.nan) + 0 * y[:, None]
    draw.phase_diagram(
        {
            "x": x,
            "y": y,
            "level": level,
            "edge": (np.full(4, 0.6), y),
            "method": "iso",
            "title": "t",
            "top": 1.0,
            "tested": [(0.2, 1.0, True), (0.9, 1.0, False)],
            "labels": ("a", "b"),
        },
        ax,
    )
    picture = ax.images[0].get_array()
    assert np.allclose(picture[0, -1], to_rgba(draw.DIES, 0.2)), "the page shines through"
    assert np.allclose(picture[0, 0], to_rgba(colour("isoloss"), 0.25 + 0.75))
    edge, alive, dead = ax.lines
    assert edge.get_xdata()[0] == 0.6 and alive.get_xdata() == [0.2] and dead.get_xdata() == [0.9]
    assert alive.get_markerfacecolor() != dead.get_markerfacecolor()


def test_method_lines_have_their_methods_colours(ax):
    x = np.linspace(0.1, 1, 4)
    lines = [("set", "DirectPred", x, "-"), ("iso", "IsoLoss", 2 * x, "--")]
    data = {
        "x": x,
        "lines": lines,
        "points": [(x, x)],
        "levels": {"here": 0.5},
        "labels": ("a", "b"),
        "log": ("y",),
    }
    draw.method_lines(data, ax)
    assert [line.get_color() for line in ax.lines[:2]] == [colour("directpred"), colour("isoloss")]
    assert ax.get_yscale() == "log" and ax.get_xscale() == "linear" and len(ax.lines) == 4
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["DirectPred", "IsoLoss"]
