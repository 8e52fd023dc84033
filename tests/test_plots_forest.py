"""Forests of intervals, bands of claims, and figures without runs."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from ncssl.claims import papers
from ncssl.claims.facts import Claim
from ncssl.plots import forest, spectra, style, training
from ncssl.report import select
from ncssl.report import tables as frame
from ncssl.report.frame import COLOURS
from ncssl.verdicts.states import Verdict

PAPER = papers.paper("tian2021")


def test_wild_intervals_do_not_squeeze_the_seeds(ax):
    wild = {
        "arm": "ema",
        "label": "a",
        "values": {0: 40.0, 1: 44.0},
        "mean": 42.0,
        "low": -200.0,
        "high": 300.0,
    }
    training.dots([wild | {"paper": ""}], ax, floor=38.0)
    low, high = ax.get_xlim()
    assert low < 38 and high > 44 and high - low < 15
    arrows = {
        line.get_marker(): line.get_xdata()[0]
        for line in ax.lines
        if line.get_marker() in ("<", ">")
    }
    assert arrows == {"<": low, ">": high}
    assert training.limits([None], [None]) == (0.0, 1.0) and training.limits(
        [1.0], []
    ) == pytest.approx((0.44, 1.56))


def test_curves_are_means_over_seeds_at_shared_epochs(ax):
    runs = [
        (np.array([0.0, 5, 10]), np.array([1.0, 2, 3])),
        (np.array([0.0, 10]), np.array([3.0, 5])),
    ]
    row = {"arm": "ema", "label": "EMA", "colour": "#123456"}
    assert training.curves([row | {"runs": runs}], ax, floor=0.5) is ax
    mean = next(line for line in ax.lines if line.get_label() == "EMA")
    assert mean.get_xdata().tolist() == [0, 10] and mean.get_ydata().tolist() == [2, 4]
    assert mean.get_color() == row["colour"] and len(ax.lines) == 4
    empty = training.curves([], plt.figure().add_subplot())
    assert [text.get_text() for text in empty.texts] == ["not run"]


def test_every_arm_has_a_colour_of_its_own_in_its_experiment():
    for e in PAPER.experiments.values():
        shades = training.colours([select.named(arm) for arm in e.arms.values()])
        assert len(set(shades.values())) == len(e.arms), e.name
        assert all(shades[arm.name] == arm.colour for arm in e.arms.values()), e.name
    assert len(set(training.colours([{"arm": a} for a in "abc"]).values())) == 3
    named = training.colours([{"arm": "byol"}, {"arm": "dino", "colour": "#123456"}])
    assert named == {"byol": style.METHODS["byol"], "dino": "#123456"}


def test_forest_shows_interval_margin_and_verdict(ax):
    rows = [
        {
            "label": "a",
            "status": "reproduced",
            "effect": 3.0,
            "low": 2.0,
            "high": 4.0,
            "band": (1.0, None),
        },
        {
            "label": "b",
            "status": "undecided",
            "effect": 0.0,
            "low": -90.0,
            "high": 90.0,
            "band": (-1.5, 1.5),
        },
        {
            "label": "c",
            "status": "not run",
            "effect": None,
            "low": None,
            "high": None,
            "band": (None, 0.1),
        },
    ]
    assert forest.forest(rows, ax) is ax
    drawn = [tuple(line.get_xdata()) for line in ax.lines]
    for line in ((2.0, 4.0), (3.0,), (1.0, 1.0), (-1.5, -1.5), (1.5, 1.5), (0.1, 0.1)):
        assert line in drawn
    assert [line.get_marker() for line in ax.lines if len(line.get_xdata()) == 1] == [
        "o",
        "s",
        "<",
        ">",
    ]
    assert [text.get_text() for text in ax.texts] == ["not run"] and ax.get_xlim()[1] < 10
    assert len(ax.collections) == 3 and forest.verdict_legend(["reproduced"], ax) is ax
    assert [text.get_text() for text in ax.get_legend().get_texts()][0] == "reproduced"
    forest.verdict_legend(["same direction"], ax)
    assert [text.get_text() for text in ax.get_legend().get_texts()][
        0
    ] == "same direction, below the margin"


def test_forest_has_no_band_where_seeds_split_and_marks_the_books_claims(ax):
    row = {
        "label": "a",
        "status": "undecided",
        "effect": 0.4,
        "low": 0.1,
        "high": 0.8,
        "band": (None, None),
    }
    forest.forest([row], ax)
    assert len(ax.collections) == 0
    (rows,) = select.forest(
        [(claim("within", by="book"), Verdict("undecided", 0.1, -1.0, 1.0, 3))]
    ).values()
    assert rows[0]["label"] == "c (book)"


def claim(test, metric="probe_accuracy", margin=1.5, **more):
    sides = (
        dict(left="learns") if test in ("above", "below") else dict(left="learns", right="random")
    )
    fixed = dict(paper="x", id="c", place="p", statement="s", kind="records", margin_by="ours")
    return Claim(**fixed | dict(test=test, metric=metric, margin=margin) | sides | more)


def test_bands_and_units_follow_the_tests_of_claims():
    assert select.band(claim("within")) == (-1.5, 1.5) and select.band(claim("greater")) == (
        1.5,
        None,
    )
    assert select.band(claim("below", margin=0.1)) == (None, 0.1)
    assert select.band(claim("rate", rate=0.25)) == (0.25, None)
    assert select.band(claim("within", compare="ratio", margin=2.0)) == (0.5, 2.0)
    assert select.unit(claim("greater", "asymmetry", compare="ratio")).endswith("predictor, ratio")
    assert select.unit(claim("above", "std_normalised", per="sqrt_dim")) == "spread x sqrt(d)"


def test_no_claim_has_an_identifier_as_its_unit():
    for key in papers.papers():
        for c in papers.paper(key).claims.values():
            if c.kind == "records":
                said = select.unit(c)
                assert "_" not in said and not {"std", "gram", "fall"} & {*said.split()}, said


def test_of_many_eigenvalues_some_are_drawn_the_ends_among_them(ax):
    many = {"epoch": np.arange(3.0), "values": np.tile(np.geomspace(1, 1e-3, 64), (3, 1))}
    spectra.eigenvalue_traces(many, ax)
    heights = sorted(line.get_ydata()[0] for line in ax.lines)
    assert 10 < len(heights) <= spectra.LINES
    assert heights[0] == pytest.approx(1e-3) and heights[-1] == pytest.approx(1)
    assert spectra.ranks_drawn(5) == [0, 1, 2, 3, 4]


def test_show_displays_html_and_text_without_index_or_markup_of_the_data(capsys, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw: shown.append(bundle))
    frame.show(
        frame.frame([{"claim": "a_1 < b", "verdict": "same direction, below the margin"}]),
        "A caption",
    )
    frame.show(frame.frame([], ["claim"]), "Runs that failed")
    (bundle,) = shown
    page, text = bundle["text/html"], bundle["text/plain"]
    assert "a_<wbr>1 &lt; b" in page and "<caption>A caption" in page  # a long name may break
    assert f"color:{COLOURS['same direction']}" in page
    assert (
        text.splitlines()[0] == "A caption"
        and "a_1 < b" in text
        and "<b" not in text
        and "<wbr" not in text
    )
    assert capsys.readouterr().out == "Runs that failed: none\n"


def test_verdicts_can_be_read_on_light_and_on_dark_rows(root):
    """WCAG's contrast of 4.5 on the darker row of a light table and the lighter row of a dark
    one."""

    def light(rgb):
        return np.dot(
            [0.2126, 0.7152, 0.0722],
            [((c + 0.055) / 1.055) ** 2.4 if c > 0.04 else c / 12.92 for c in rgb],
        )

    sheet = (root / "book" / "static" / "ncssl.css").read_text()
    dark = dict(re.findall(r'b\[style\*="(#\w+)"\] \{ color: (#\w+)', sheet))
    for verdict, colour in COLOURS.items():
        for row, ink in (((0.953, 0.957, 0.961), colour), ((0.161, 0.192, 0.239), dark[colour])):
            low, high = sorted((light(to_rgb(ink)), light(row)))
            assert (high + 0.05) / (low + 0.05) >= 4.5, (verdict, row)
