"""Figures of flows draw what they are given, return their axes, and stay readable on a dark
page."""

import re

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from ncssl.claims import papers
from ncssl.errors import UnknownName
from ncssl.plots import dynamics, eigenmodes, style
from ncssl.runs import experiments
from ncssl.theory.ode.flow import phase_grid
from ncssl.theory.tian2021 import modes


def linear(colour):
    rgb = np.array(mpl.colors.to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def luminance(colour):
    return float(np.dot([0.2126, 0.7152, 0.0722], linear(colour)))


def contrast(*colours):
    low, high = sorted(luminance(colour) for colour in colours)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("ground", ["#ffffff", "#121212"])
def test_a_sweep_stands_out_on_either_ground(ground, ax):
    """Lines of a ramp, and arrows of a field, whatever their length."""
    assert min(contrast(shade, ground) for shade in style.ramp(50)) > 3
    x = np.linspace(-1, 1, 5)
    field = np.multiply.outer(x, x)
    eigenmodes.pull({"x": x, "y": x, "dx": field, "dy": field, "labels": ("x", "y")}, ax)
    arrows = ax.collections[0]
    arrows.update_scalarmappable()
    assert min(contrast(shade, ground) for shade in arrows.get_facecolor()[:, :3]) > 3


def test_figures_are_saved_without_a_background_of_their_own(ax):
    assert mpl.rcParams["savefig.transparent"] and mpl.rcParams["savefig.dpi"] == 192


def test_colours_are_fixed_distinct_and_visible_on_light_and_dark_pages():
    assert len(set(style.METHODS.values())) == len(style.METHODS)
    arms = [
        arm.colour
        for key in papers.papers()
        for e in papers.paper(key).experiments.values()
        for arm in e.arms.values()
    ]
    for value in {*arms, *style.METHODS.values()} - {style.INK}:  # ink is the page's own
        assert contrast(value, "#ffffff") > 3 and contrast(value, "#121212") > 3, value
    assert style.colour("mine", "#123456") == "#123456"
    with pytest.raises(UnknownName, match="did you mean 'simsiam'"):
        style.colour("simsiamm")


def test_arms_of_an_experiment_can_be_told_apart():
    """Distances in OKLab, where 2 can just be seen; the atlas has 31 arms."""
    for key in papers.papers():
        for e in papers.paper(key).experiments.values():
            shades = np.array([oklab(arm.colour) for arm in e.arms.values()])
            away = 100 * np.linalg.norm(shades[:, None] - shades, axis=-1)
            assert (away + 100 * np.eye(len(away))).min() > 3.4, (key, e.name)


def oklab(colour):
    """Ottosson (2020): lightness and two axes of hue, with equal steps for the eye."""
    cones = [[0.41222, 0.53633, 0.05145], [0.21190, 0.68070, 0.10740], [0.08830, 0.28172, 0.62998]]
    axes = [
        [0.21045, 0.79362, -0.00407],
        [1.97800, -2.42859, 0.45059],
        [0.02590, 0.78277, -0.80868],
    ]
    return np.array(axes) @ np.cbrt(np.array(cones) @ linear(colour))


def test_one_setting_has_one_colour_in_every_figure():
    """Arms whose runs are the same, in whatever experiment or paper, are drawn alike."""
    shades = {}
    for key in papers.papers():
        for e in papers.paper(key).experiments.values():
            assert len({arm.colour for arm in e.arms.values()}) == len(e.arms), (key, e.name)
            for p in experiments.scheduled(key, e.name, "small"):
                shades.setdefault(p.recipe.id, set()).add(e.arms[p.arm].colour)
    assert [id for id, seen in shades.items() if len(seen) > 1] == []


def test_phase_portrait(ax):
    grid = phase_grid(
        modes.FIXED_TAU, ("p", np.linspace(-0.5, 1, 12)), ("s", np.linspace(0, 1, 11)), eta=0.1
    )
    x = np.linspace(-0.5, 1, 5)
    points = [(0.0, 0.0, "stable"), (0.1, 0.01, "saddle"), (0.7, 0.5, "stable spiral")]
    assert (
        dynamics.phase_portrait(dynamics.Portrait(grid, points, [(x, x**2, "parabola", "--")]), ax)
        is ax
    )
    assert (
        ax.get_xlim() == (-0.5, 1)
        and ax.get_ylim() == (0, 1)
        and ax.get_xlabel() == "p"
        and ax.get_ylabel() == "s"
    )
    marks = [line for line in ax.lines if line.get_marker() in ("o", "s")]
    assert [(m.get_xdata()[0], m.get_ydata()[0]) for m in marks] == [
        (0.0, 0.0),
        (0.1, 0.01),
        (0.7, 0.5),
    ]
    assert marks[1].get_marker() == "s" and marks[1].get_markerfacecolor() == style.PAPER
    assert np.allclose(ax.lines[0].get_ydata(), x**2)


def test_rate_curve_arrows_point_along_the_flow(ax):
    x = np.linspace(-0.5, 1, 201)
    rate = x * (1 - x) * (x - 0.3)
    data = {
        "x": x,
        "rate": rate,
        "points": [(0.0, "stable"), (0.3, "unstable"), (1.0, "stable")],
        "labels": ("p", "dp"),
    }
    assert dynamics.rate_curve(data, ax) is ax
    arrows = [(text.xyann[0], text.xy[0]) for text in ax.texts]
    assert [np.sign(head - tail) for tail, head in arrows] == [1, -1, 1]


def test_traces_and_bound(ax):
    t = np.linspace(0, 5, 20)
    data = dynamics.Traces(
        t,
        {"p": np.exp(-t), "other": np.exp(-2 * t)},
        {"exact": np.exp(-t)},
        {"level": 0.5},
        y_label="y",
    )
    assert dynamics.traces(data, ax) is ax
    assert ax.lines[0].get_color() == style.colour("p") and np.allclose(
        ax.lines[2].get_ydata(), np.exp(-t)
    )
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["$p$", "other", "exact"]
    assert dynamics.log_bound(data, ax) is ax and ax.get_yscale() == "log"


def test_basin_map(ax):
    x, y = np.linspace(-1, 1, 9), np.linspace(0, 1, 7)
    alive = y[:, None] > x**2
    data = {
        "x": x,
        "y": y,
        "alive": alive,
        "edges": [(x, x**2, "exact")],
        "labels": ("p(0)", "s(0)"),
    }
    assert dynamics.basin_map(data, ax) is ax
    dies, lives = ax.collections[0].get_paths()
    inside = [(i, j) for i in range(1, 6) for j in range(1, 8)]
    for part, there in ((lives, alive), (dies, ~alive)):
        assert [part.contains_point((x[j], y[i])) for i, j in inside] == [there[k] for k in inside]
    shades = [mpl.colors.to_hex(c) for c in ax.collections[0].get_facecolor()]
    assert shades == [style.colour("collapse"), style.colour("survival")], "tones of the page"
    assert np.allclose(ax.lines[0].get_ydata(), x**2) and ax.get_xlabel() == "p(0)"


def test_sweep_and_heat(ax):
    x = np.arange(3.0)
    data = {"x": x, "y": x**2, "exact_x": x, "exact_y": x**2, "labels": ("a", "b")}
    assert dynamics.sweep(data, ax) is ax and np.allclose(ax.lines[1].get_ydata(), x**2)
    other = plt.figure().add_subplot()
    assert dynamics.heat({"matrix": np.diag([1.0, -2.0]), "title": "t"}, other) is other
    assert other.images[0].get_clim() == (-2, 2)


def test_nothing_stored_vanishes_on_a_dark_page(root):
    """Lines and marks of every figure in the notebooks; what is ink or paper is the page's own.
    Words have a contrast of 4.5: they are ink, or of a colour that the pages darken."""
    drawn, css = {}, (root / "book/static/ncssl.css").read_text(encoding="utf-8")
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        for figure in re.findall(r"<svg role.*?</svg>", path.read_text(encoding="utf-8"), re.S):
            for colour in re.findall(r"<(?:text|tspan)[^>]*\bfill: (#[0-9a-f]{6})", figure):
                darker = f'tspan)[style*="{colour}"] {{ fill: var(--pst-color-text-muted)'
                assert darker in css, (path.stem, colour)
            for colour in re.findall(r"(?:stroke|fill): (#[0-9a-f]{6})", figure):
                drawn.setdefault(colour, path.stem)
    assert len(drawn) > 50
    assert {c: name for c, name in drawn.items() if contrast(c, "#121212") < 2.3} == {}
