"""Figures of wang2021's chapter draw what they are given and return their axes."""

import numpy as np

from ncssl.plots import directset, style


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


X = np.array([1.0, 10.0, 100.0])


def test_velocities(ax):
    data = {
        "x": X,
        "lines": {"signal": X, "nuisance": -X},
        "points": [(10.0, "stable")],
        "labels": ("x", "v"),
    }
    assert directset.velocities(data, ax) is ax and labels(ax) == ["signal", "nuisance"]
    assert [line.get_color() for line in ax.lines[1:3]] == [style.colour("p"), style.colour("s")]
    assert ax.lines[3].get_xdata()[0] == 10 and ax.get_xlim() == (1, 100)


def test_branches(ax):
    data = {
        "stable": {"signal": (X, X)},
        "unstable": {"signal, edge": (X, X / 2)},
        "measured": [(X, X, "signal")],
        "labels": ("eta", "lam"),
        "marks": {"threshold": 50.0},
    }
    assert directset.branches(data, ax) is ax and labels(ax) == ["signal", "signal, edge"]
    assert [line.get_linestyle() for line in ax.lines[:2]] == ["-", "--"]
    assert ax.lines[3].get_xdata()[0] == 50 and ax.texts[0].get_text() == "threshold"


def test_kept_grid(ax):
    kept = np.array([[True, True, False], [True, False, False]])
    data = {
        "x": X,
        "y": [0.1, 0.2],
        "kept": kept,
        "exact": (X, X, "edge"),
        "labels": ("variance", "eta"),
    }
    assert directset.kept_grid(data, ax) is ax and labels(ax) == ["kept", "dropped", "edge"]
    assert [len(line.get_xdata()) for line in ax.lines[:2]] == [3, 3]
    assert list(ax.lines[0].get_xdata()) == [1, 10, 1] and list(ax.lines[0].get_ydata()) == [
        0.1,
        0.1,
        0.2,
    ]


def test_scaling(ax):
    runs = np.array([[1.0, 3.0], [2.0, 2.0], [4.0, 6.0]])
    data = {
        "series": [("mean of runs", X, runs), ("one", X, X)],
        "exact": {"law": (X, X**-0.5)},
        "ticks": X,
        "labels": ("n", "error"),
    }
    assert directset.scaling(data, ax) is ax and labels(ax) == ["mean of runs", "one", "law"]
    assert len(ax.lines[0].get_xdata()) == 6 and list(ax.lines[1].get_ydata()) == [2, 2, 5]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1", "10", "100"]


def test_lines_that_are_no_mode_get_a_ramp():
    shades = [directset.mode_colour(name, i, 3) for i, name in enumerate(("a", "b", "c"))]
    assert shades == style.ramp(3) and directset.mode_colour("nuisance, edge") == style.colour("s")
