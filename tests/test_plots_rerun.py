"""Figures with little to show, and what a chapter says of running again."""

import dataclasses
import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose

from ncssl.plots import comparisons as figures
from ncssl.plots import style, training
from ncssl.recipes import Recipe
from ncssl.report import compare, select, tables
from ncssl.runs.experiments import planned


def test_a_level_is_reached_between_two_measurements_or_never():
    x, y = np.array([0.0, 4, 8]), np.array([30.0, 34, 33])
    times = [compare.crossing(x, y, level) for level in (29, 30, 31, 34)]
    assert times == [0, 0, 1, 4] and math.isnan(compare.crossing(x, y, 35))
    assert compare.crossing(x, np.array([30.0, math.nan, 40]), 35) == 8


def test_a_difference_that_goes_on_beyond_the_axis_ends_in_an_arrow(ax):
    rows = [{"label": "a", "effect": 1.0, "low": -900.0, "high": 1.5, "paper": 2.0}]
    figures.differences(rows, ax)
    arrows = [
        (line.get_marker(), line.get_xdata()[0])
        for line in ax.lines
        if line.get_marker() in ("<", ">")
    ]
    assert arrows == [("<", ax.get_xlim()[0])]


def test_where_nothing_was_run_there_is_no_scale_and_neighbours_keep_theirs():
    _, axes = style.panels(2, sharey=True)
    rows = [{"label": "a", "effect": None, "low": None, "high": None, "paper": None}]
    assert not len(figures.differences(rows, axes[0]).get_xticks())
    axes[0].plot([1, 2], [1, 5])
    training.not_run(axes[1])
    assert len(axes[0].get_yticks()) and not axes[1].yaxis.get_tick_params()["labelleft"]
    plt.close("all")


def test_last_spectra_are_geometric_means_over_seeds(ax):
    values = np.array([[1.0, 0.1, 0.0], [1.0, 0.001, 0.0]])
    assert figures.last_spectra([{"arm": "eps_0", "label": "eps = 0", "values": values}], ax) is ax
    mean = next(line for line in ax.lines if line.get_label() == "eps = 0")
    assert_allclose(mean.get_ydata(), [1, 0.01, 1e-8])
    assert ax.get_yscale() == "log" and len(ax.lines) == 3


@pytest.mark.parametrize("draw", [figures.reaching, figures.last_spectra])
def test_nothing_to_show_says_so(draw):
    assert [text.get_text() for text in draw([], plt.figure().add_subplot()).texts] == ["not run"]
    plt.close("all")


def test_rerun_names_chapter_experiment_scale_and_the_one_run():
    for scale, word in (
        ("small", "-p only eps -p missing"),
        ("gpu", "-p only eps -p scale gpu -p missing"),
    ):
        plan = planned("wang2021", "eps", scale)[0]
        lines = compare.rerun(plan).splitlines()
        assert f"papermill notebooks/wang2021_experiments.ipynb out.ipynb {word} train" in lines[1]
        assert "-p scale smoke -p fresh True" in lines[3] and lines[5] == select.command(plan)
        assert lines[2] == "# all of it on small images, in seconds"
    spoken = compare.rerun(planned("cho2022", "head", "small")[0], "cho2022_speech").splitlines()
    assert (
        spoken[1]
        == "papermill notebooks/cho2022_speech.ipynb out.ipynb -p only head -p missing train"
    )
    assert spoken[2] == "# all of it on generated voices, in minutes"
    alone = compare.rerun(
        planned("cho2022", "methods", "small")[0], "speech_meets_theory", one=True
    ).splitlines()
    assert alone[1] == "papermill notebooks/speech_meets_theory.ipynb out.ipynb -p missing train"


def test_settings_leave_out_what_no_recipe_sets():
    kind = dataclasses.make_dataclass(
        "Wider", [("extra", bool | None, None)], bases=(Recipe,), frozen=True
    )
    rows = {
        extra: tables.settings({"a": [kind("byol"), kind("byol", extra=extra)]}, {"digits": 1000})[
            "setting"
        ]
        for extra in (None, True)
    }
    assert "extra" not in set(rows[None]) and "extra" in set(rows[True])
    assert {"limit", "size", "lr"} <= set(rows[None])
