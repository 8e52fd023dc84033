"""Arms side by side: differences with intervals, epochs to a level, spectra; and the figures that
show them."""

import dataclasses
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from ncssl.claims import papers
from ncssl.errors import UnknownName
from ncssl.plots import comparisons as figures
from ncssl.records import store
from ncssl.report import compare
from ncssl.runs.experiments import scheduled
from ncssl.verdicts import gates

PAPER = papers.paper("wang2021")
EPS = PAPER.experiments["eps"]
PROBE = {
    "eps_0": (50, 52, 51),
    "eps_0_1": (53, None, 55),
    "eps_0_3": (55, 56, 57),
    "random": (40, 41, 42),
}
SPECTRA = [[8.0, 0.4, 0.0, 0.0], [4.0, 2.0, 1.0, 1.0], [10.0, 5.0, 0.1, 0.1]]


def record(plan, probe):
    """A record as training leaves it; its kNN accuracy climbs to 10 below the probe's. None is a
    run that failed."""
    done = probe is not None
    curves = {
        "epoch": [0, 4, 8],
        "knn_accuracy": [30, 34, (probe or 40) - 10],
        "eigenvalues": SPECTRA,
    }
    metrics = (
        {"probe_accuracy": probe, "knn_accuracy": probe - 10, "effective_rank": 2.0} if done else {}
    )
    status, reason = ("done", "") if done else ("failed", "the loss was nan")
    return store.Record(
        plan.recipe,
        plan.paper,
        status,
        metrics,
        curves,
        1.0,
        1.0,
        "CPU",
        "float32",
        {},
        "abc",
        "2026-01-01T00:00:00+00:00",
        reason=reason,
    )


@pytest.fixture(scope="module")
def found():
    """The experiment `eps` at small scale: three seeds, one run failed, eps = 1 not run."""
    runs = scheduled("wang2021", "eps", "small")
    return [(p, record(p, PROBE[p.arm][p.seed]) if p.arm in PROBE else None) for p in runs]


def test_differences_are_paired_by_seed_and_stand_beside_the_papers(found):
    pairs = compare.against(EPS, "eps_0_3")
    assert pairs == {
        "eps = 0": ("eps_0", "eps_0_3"),
        "eps = 0.1": ("eps_0_1", "eps_0_3"),
        "eps = 1": ("eps_1", "eps_0_3"),
    }
    low, failed, missing = compare.differences(PAPER, "eps", found, pairs)
    assert (low["effect"], low["n"], low["paper"]) == (-5, 3, -3.49)
    assert_allclose(
        [low["low"], low["high"]], -5 + 4.302653 / math.sqrt(3) * np.array([-1, 1]), rtol=1e-6
    )
    # seeds 0 and 2: 53 - 55 and 55 - 57
    assert failed["effect"] == pytest.approx(-2) and failed["n"] == 2
    assert (missing["effect"], missing["low"], missing["n"]) == (None, None, 0) and missing[
        "paper"
    ] < -20
    (rank,) = compare.differences(
        PAPER, "eps", found, {"a": ("eps_0", "eps_0_3")}, "effective_rank"
    )
    assert rank["paper"] is None and rank["effect"] == 0


def test_arms_of_two_precisions_are_not_called_not_run(found):
    pair = {"a": ("eps_0", "eps_0_3")}
    half = [(p, r and dataclasses.replace(r, precision="bf16")) for p, r in found]
    mixed = [b if b[0].arm == "eps_0" else a for a, b in zip(found, half, strict=True)]
    (row,) = compare.differences(PAPER, "eps", mixed, pair)
    assert row["effect"] is None and row["apart"]
    assert figures.tick_label(row) == "a (computed otherwise)"
    (none,) = compare.differences(PAPER, "eps", found, {"a": ("eps_1", "eps_0_3")})
    assert not none["apart"] and figures.tick_label(none) == "a (not run)"


def test_a_seed_computed_in_two_precisions_is_not_compared(found):
    claim = next(c for c in PAPER.claims.values() if c.compared == ("eps_0_3", "eps_0"))

    def half(seed, *arms):
        return [
            (
                p,
                dataclasses.replace(r, precision="bf16")
                if r and p.seed == seed and p.arm in arms
                else r,
            )
            for p, r in found
        ]

    pairs = {"eps = 0": ("eps_0", "eps_0_3"), "untrained": ("random", "eps_0_3")}
    one, other = compare.differences(PAPER, "eps", half(1, "eps_0"), pairs)
    assert (one["effect"], one["n"]) == (-5.5, 2) and other["n"] == 3  # seeds 0 and 2 alone
    verdict = gates.of_runs(claim, half(1, "eps_0"))
    assert (verdict.effect, verdict.n) == (5.5, 2) and "left out: seed 1" in verdict.detail
    both = gates.of_runs(claim, half(1, "eps_0", "eps_0_3"))
    assert (both.effect, both.n) == (5.5, 2) and "left out: seed 1" in both.detail, (
        "nor two precisions over seeds"
    )


def test_differences_of_accuracies_carry_the_noise_of_the_test_images(found):
    tested = [(p, dataclasses.replace(r, data={"test": 10_000}) if r else None) for p, r in found]
    pairs = {"eps = 0": ("eps_0", "eps_0_3")}
    plain, noisy = (compare.differences(PAPER, "eps", f, pairs)[0] for f in (found, tested))
    half = math.hypot(
        plain["high"] - plain["effect"], 1.959964 * math.sqrt(0.51 * 0.49 + 0.56 * 0.44)
    )
    assert noisy["high"] - noisy["effect"] == pytest.approx(half, rel=1e-6)
    ranks = [
        compare.differences(PAPER, "eps", f, pairs, "effective_rank")[0] for f in (found, tested)
    ]
    assert ranks[0] == ranks[1]


def test_one_run_an_arm_has_a_difference_without_interval():
    row = compare.difference({0: 3.0, 1: math.nan}, {0: 1.0, 1: 2.0})
    assert row == {"effect": 1.5, "low": None, "high": None, "n": 1}
    assert compare.difference({0: math.nan}, {0: 1.0})["effect"] is None


def test_arms_of_one_number_have_no_difference_in_the_paper():
    both = {"a": ("directcopy_own_lr", "directcopy")}
    assert compare.differences(PAPER, "methods", [], both)[0]["paper"] is None


@pytest.mark.parametrize(
    "ask",
    [
        lambda found: compare.against(EPS, "eps_3"),
        lambda found: compare.differences(PAPER, "eps", found, {"a": ("eps_0", "eps_03")}),
        lambda found: compare.last_spectra(EPS, found, ["eps_01"]),
        lambda found: compare.from_spectrum(EPS, found, compare.lower_half, ["eps_01"]),
    ],
)
def test_an_unknown_arm_is_an_error_that_names_one(found, ask):
    with pytest.raises(UnknownName, match="arm of eps"):
        ask(found)


def test_numbers_from_spectra(found):
    s = np.array([10.0, 2.0, 0.9, 0.1])
    assert compare.above(0.1)(s) == 2 and compare.above(0.01)(s) == 3
    assert compare.lower_half(s) == pytest.approx(100 / 13)
    (row,) = compare.from_spectrum(EPS, found, compare.above(0.1), ["eps_0"])
    assert row["label"] == "eps = 0" and len(row["runs"]) == 3
    assert row["runs"][0][0].tolist() == [0, 4, 8] and row["runs"][0][1].tolist() == [1, 4, 2]
    assert [row["arm"] for row in compare.last_spectra(EPS, found)] == [
        "eps_0",
        "eps_0_1",
        "eps_0_3",
        "random",
    ]
    assert compare.last_spectra(EPS, found, ["eps_0"])[0]["values"][2].tolist() == [
        1,
        0.5,
        0.01,
        0.01,
    ]
    assert compare.from_spectrum(EPS, found, compare.above(0.1), ["eps_1"]) == []


def test_levels_go_from_the_untrained_encoder_to_the_best_arm(found, ax):
    levels = compare.levels(PAPER, "eps", found, "knn_accuracy", 5)
    assert levels.tolist() == [31, 34.75, 38.5, 42.25, 46]
    rows = compare.reaching(EPS, found, "knn_accuracy", levels, ["eps_0_3"])
    assert rows[0]["epochs"].shape == (3, 5) and rows[0]["epochs"][0, 0] == 1
    assert np.isnan(rows[0]["epochs"][0, 4]) and rows[0]["epochs"][2, 4] < 8  # 45 and 47 at the end
    assert figures.reaching(rows, ax, y_label="kNN, %") is ax
    mean = next(line for line in ax.lines if line.get_label() == "eps = 0.3")
    assert mean.get_xdata()[3] == pytest.approx(rows[0]["epochs"][:, 3].mean())
    assert mean.get_ydata().tolist() == levels.tolist()
    assert (
        np.isnan(mean.get_xdata()).tolist() == [False] * 4 + [True]
        and mean.get_color() == PAPER.experiments["eps"].arms["eps_0_3"].colour
    )
    assert not len(compare.levels(PAPER, "eps", [], "knn_accuracy"))
    assert compare.reaching(EPS, found, "knn_accuracy", []) == []


def test_differences_draw_ours_with_an_interval_and_the_papers_as_a_circle(found, ax):
    rows = compare.differences(PAPER, "eps", found, compare.against(EPS, "eps_0_3"))
    assert figures.differences(rows, ax, x_label="points") is ax
    diamonds = [
        line.get_xdata()[0]
        for line in ax.lines
        if line.get_marker() == "D" and len(line.get_xdata())
    ]
    circles = [
        line.get_xdata()[0]
        for line in ax.lines
        if line.get_marker() == "o" and len(line.get_xdata())
    ]
    bars = [
        tuple(line.get_xdata())
        for line in ax.lines
        if line.get_linewidth() == 2 and len(line.get_xdata())
    ]
    assert bars == [(row["low"], row["high"]) for row in rows[:2]]
    assert diamonds == [row["effect"] for row in rows[:2]] and circles == [
        row["paper"] for row in rows
    ]
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        "eps = 0",
        "eps = 0.1",
        "eps = 1 (not run)",
    ]
    low, high = ax.get_xlim()
    assert low < min(circles) and high > 0
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "here, 95 % interval",
        "in the paper",
    ]
