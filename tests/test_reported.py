"""Reported against reproduced: which numbers have both, how they are centred and counted, and where
their dots stand."""

import dataclasses

import pytest
from matplotlib.colors import to_hex

from ncssl.claims import papers
from ncssl.plots import reported, style
from ncssl.report import paired
from ncssl.runs.experiments import Planned
from ncssl.verdicts.states import Verdict

PAPER = papers.paper("tian2021")
NUMBERS = {"directpred": 50.0, "sgd_ema": 44.0, "random": 30.0}  # here
CLAIM = next(c for c in PAPER.claims.values() if c.reported_effect is not None)


@dataclasses.dataclass
class Run:
    """As much of a record as a table of accuracies reads."""

    value_: float
    status: str = "done"

    @property
    def metrics(self):
        return {"probe_accuracy": self.value_}

    def value(self, name):
        return self.metrics[name]


def found(numbers):
    return [
        (Planned("tian2021", "predictor", arm, seed, None), Run(value + seed))
        for arm, value in numbers.items()
        for seed in (0, 1)
    ]


def test_arms_with_both_numbers_are_centred_in_their_experiment():
    rows = paired.arms(PAPER, {"predictor": found(NUMBERS)})
    cells = {
        arm: PAPER.reported(PAPER.experiments["predictor"].arms[arm].reported).value
        for arm in ("directpred", "sgd_ema")
    }
    gap = (cells["directpred"] - cells["sgd_ema"]) / 2
    by_paper = sorted((round(r["paper"], 6), round(r["effect"], 6)) for r in rows)
    assert by_paper == sorted([(round(gap, 6), 3.0), (round(-gap, 6), -3.0)])
    assert all(r["low"] < r["effect"] < r["high"] for r in rows)
    assert paired.arms(PAPER, {"predictor": found({"directpred": 50.0})}) == []


def test_effects_need_both_numbers_and_a_difference():
    def row(v, **changes):
        return paired.effects([(dataclasses.replace(CLAIM, **changes), v)])

    v = Verdict("out of reach", 1.0, 0.5, 1.5, 3)
    (one,) = row(v)
    assert (one["paper"], one["effect"], one["open"]) == (CLAIM.reported_effect, 1.0, True)
    assert row(v, reported_effect=None) == row(v, compare="ratio") == row(Verdict("not run")) == []
    assert row(dataclasses.replace(v, interval="exact binomial")) == []


def test_pairs_and_signs_are_counted():
    def row(experiment, paper, effect):
        return {"experiment": experiment, "paper": paper, "effect": effect}

    rows = [row("a", 2, 5), row("a", 1, 1), row("a", 1, 9), row("b", 0, -3)]
    assert paired.order(rows) == (2, 1), "ties of the paper and other experiments do not count"
    assert paired.signs([row("a", 2, 5), row("a", -1, 1), row("a", 0, 9)]) == (2, 1)


DATA = {
    "nothing": [],
    "one": [
        {"paper": 2.0, "effect": 1.0, "low": 0.5, "high": 1.5, "open": False},
        {"paper": -1.0, "effect": -2.0, "low": None, "high": None, "open": True},
    ],
}


def test_dots_stand_at_their_numbers_and_keep_colours_by_place(ax):
    assert reported.against(DATA, ax, x_label="paper", y_label="here") is ax
    dots = [line for line in ax.lines if line.get_marker() == "s" and len(line.get_xdata())]
    assert [(d.get_xdata()[0], d.get_ydata()[0]) for d in dots] == [(2.0, 1.0), (-1.0, -2.0)]
    assert to_hex(dots[0].get_color()) == style.OKABE["vermilion"].lower(), "the second place"
    assert [to_hex(d.get_markerfacecolor()) for d in dots] == [
        style.OKABE["vermilion"].lower(),
        style.PAPER,
    ]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one"]
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    assert left < -1 < 2 < right and low < -2 < 1.5 < high


@pytest.mark.parametrize("data", [{}, {"nothing": []}])
def test_no_number_is_an_empty_picture(ax, data):
    assert [text.get_text() for text in reported.against(data, ax).texts] == ["not run"]


def test_quarters_of_other_signs_are_shaded(ax):
    reported.against(DATA, ax)
    boxes = [(b.get_x(), b.get_width(), b.get_y(), b.get_height()) for b in ax.patches]
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    assert boxes == [(left, -left, 0, high), (right, -right, 0, low)]
