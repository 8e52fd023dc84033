"""Figures and tables of training runs say what the records say, and survive runs that are missing
or failed."""

import dataclasses
import json

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ncssl.claims import papers
from ncssl.claims.facts import Claim
from ncssl.errors import UnknownName
from ncssl.plots import spectra, style, training
from ncssl.records import store
from ncssl.report import select
from ncssl.report import tables as frame
from ncssl.report.frame import COLOURS
from ncssl.runs.experiments import Planned, scheduled
from ncssl.verdicts.states import STATUSES

PAPER = papers.paper("tian2021")
PROBE = {
    "sgd_ema": (58, 60, 59),
    "directpred": (61, 62, 63),
    "random": (45, 46, 47),
    "sgd_noema": (50, None, 52),
}


def record(plan: Planned, probe: float | None) -> store.Record:
    """A record as training leaves it; None is a run that failed."""
    curves = {
        "epoch": [0, 5, 10],
        "knn_accuracy": [30, 35, (probe or 40) - 5],
        "loss": [2.0, 1.0],
        "std_normalised": [0.0125, 0.05, 0.1],
        "eigenvalues": [[1, 0.5, 0.1], [2, 0.5, 0.01], [4, 0.5, 0.0]],
        "alignment": [0.1, None, 0.9],
    }
    metrics = {"probe_accuracy": probe, "knn_accuracy": probe and probe - 5, "std_normalised": 0.1}
    status = (
        ("done", "") if probe is not None else ("failed", "the loss was nan at step 7 (epoch 1)")
    )
    return store.Record(
        plan.recipe,
        plan.paper,
        status[0],
        metrics if probe else {},
        curves,
        12.0,
        1.0,
        "CPU",
        "float32",
        {"torch": "2"},
        "abc",
        "2026-01-01T00:00:00+00:00",
        reason=status[1],
    )


@pytest.fixture(scope="module")
def found():
    """The experiment `predictor` at small scale: three seeds of four arms, one failed run, two arms
    not run."""
    runs = scheduled("tian2021", "predictor", "small")
    return [(p, record(p, PROBE[p.arm][p.seed]) if p.arm in PROBE else None) for p in runs]


def test_arms_tell_missing_from_failed_and_keep_the_papers_number(found):
    rows = {row["arm"]: row for row in select.arms(PAPER, "predictor", found, "probe_accuracy")}
    assert list(rows) == list(PAPER.experiments["predictor"].arms)
    assert (
        rows["sgd_noema"]["values"] == {0: 50, 1: None, 2: 52} and rows["sgd_noema"]["failed"] == 1
    )
    assert rows["directpred_noema"]["values"] == {} and rows["directpred_noema"]["mean"] is None
    assert rows["sgd_ema"]["mean"] == 59 and rows["sgd_ema"]["low"] == pytest.approx(
        59 - 4.302653 / 3**0.5, abs=1e-5
    )
    assert rows["sgd_ema"]["paper"] == "84.49 ± 0.20" and rows["sgd_noema"]["paper"] == ""
    wide = select.arms(PAPER, "predictor", found, "std_normalised", per_sqrt_dim=True)
    assert wide[0]["mean"] == pytest.approx(0.1 * found[0][0].recipe.d ** 0.5)


def test_dots_draw_every_seed_mean_interval_and_floor_and_only_print_the_papers_number(found, ax):
    rows = select.arms(PAPER, "predictor", found, "probe_accuracy")
    assert training.dots(rows, ax, floor=46.0) is ax
    seeds = [sorted(line.get_xdata()) for line in ax.lines if line.get_marker() == "o"]
    assert seeds == [[58, 59, 60], [50, 52], [61, 62, 63], [45, 46, 47]]
    assert [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "D"] == [
        59,
        51,
        62,
        46,
    ]
    labels = [label.get_text().replace("\n", " ") for label in ax.get_yticklabels()]
    assert (
        labels[1].endswith("(1 of 3 failed)")
        and labels[3].endswith("(not run)")
        and labels[0].endswith("EMA")
    )
    assert any(list(line.get_xdata()) == [46.0, 46.0] for line in ax.lines)
    assert "84.49 ± 0.20" in [text.get_text() for text in ax.texts] and ax.get_xlim()[1] < 84


def test_arms_that_were_not_run_leave_the_layout_alone(found):
    rows = select.arms(
        PAPER, "predictor", [(p, r) for p, r in found if p.arm == "random"], "probe_accuracy"
    )
    figure, axes = style.panels(2, width=4.4, layout="constrained")
    training.overview(
        {"curves": [], "arms": rows, "labels": ("a", "b"), "floors": (46.0, 46.0)}, axes
    )
    figure.draw_without_rendering()
    assert min(axis.get_position().width for axis in axes) > 0.2
    plt.close(figure)


def test_curves_of_records_know_losses_start_after_an_epoch(found):
    e = PAPER.experiments["predictor"]
    (row,) = select.curves(e, found, "loss", ["sgd_ema"])
    assert row["runs"][0][0].tolist() == [1, 2] and len(row["runs"]) == 3
    (row,) = select.curves(e, found, "alignment", ["sgd_ema"])
    assert np.isnan(row["runs"][0][1][1]) and row["runs"][0][1][2] == 0.9
    assert select.curves(e, found, "loss", ["directpred_noema"]) == []
    with pytest.raises(UnknownName, match="did you mean 'sgd_ema'"):
        select.curves(e, found, "loss", ["sgd_emma"])


def test_overview_keeps_the_colours_of_arms_and_leaves_the_untrained_encoder_to_the_floor(found):
    data = select.overview(PAPER, "predictor", found, "std_normalised")
    d = found[0][0].recipe.d
    assert data["floors"] == pytest.approx((0.1 * d**0.5, 46)) and "random" not in [
        r["arm"] for r in data["arms"]
    ]
    assert data["curves"][0]["runs"][0][1].tolist() == pytest.approx(
        [x * d**0.5 for x in (0.0125, 0.05, 0.1)]
    )
    _, axes = style.panels(2)
    assert training.overview(data, axes) is axes
    assert axes[0].get_ylabel() == "spread x sqrt(d)" and axes[1].get_xlabel() == "linear probe, %"
    plt.close("all")


def claim(test, metric="probe_accuracy", margin=1.5, **more):
    sides = (
        dict(left="learns") if test in ("above", "below") else dict(left="learns", right="random")
    )
    fixed = dict(paper="x", id="c", place="p", statement="s", kind="records", margin_by="ours")
    return Claim(**fixed | dict(test=test, metric=metric, margin=margin) | sides | more)


def test_spectra_over_epochs_and_by_rank(found, ax):
    data = select.spectrum(found, "sgd_ema")
    assert (
        data["values"].shape == (3, 3)
        and data["epoch"].tolist() == [0, 5, 10]
        and data["seed"] == 0
    )
    assert (
        select.spectrum(found, "directpred_noema") is None
        and select.spectrum(found, "sgd_ema", seed=9) is None
    )
    assert spectra.eigenvalue_traces(data, ax) is ax and ax.get_yscale() == "log"
    assert sorted(line.get_ydata()[0] for line in ax.lines) == [0.1, 0.5, 1.0]
    assert min(line.get_ydata()[-1] for line in ax.lines) == pytest.approx(4e-8), (
        "a zero is drawn at the floor"
    )
    assert spectra.rank_scale(3, ax) is ax
    other = spectra.by_rank(data, plt.figure().add_subplot())
    assert [line.get_ydata()[0] for line in other.lines] == [1, 1, 1]
    assert other.lines[1].get_ydata().tolist() == pytest.approx([1, 0.25, 0.005])
    for draw in (spectra.eigenvalue_traces, spectra.by_rank):
        assert [text.get_text() for text in draw(None, plt.figure().add_subplot()).texts] == [
            "not run"
        ]


def test_verdicts_come_from_exactly_the_runs_shown(found):
    judged = {claim.id: verdict for claim, verdict in select.judged(PAPER, "predictor", found)}
    assert judged["directpred_matches_gradient"].status == "reproduced"
    assert judged["directpred_matches_gradient"].effect == pytest.approx(3)
    assert judged["directpred_every_fifth_step"].status == "not run"
    claims = {claim for name in PAPER.experiments for claim, _ in select.judged(PAPER, name, [])}
    assert {c.id for c in claims} == {c.id for c in PAPER.claims.values() if c.kind == "records"}


def test_tables_round_and_say_what_is_missing(found):
    table = frame.results(PAPER, "predictor", found).set_index("arm")
    assert table.loc["linear predictor, EMA (sgd_ema)", "probe, %"] == "59.0"
    assert table.loc["linear predictor, EMA (sgd_ema)", "above untrained"] == "13.0"
    assert table.loc["linear predictor, no EMA (sgd_noema)", "n"] == "2 (1 failed)"
    assert table.loc["DirectPred, no EMA (directpred_noema)", "probe, %"] == "not run"
    assert frame.failed(found)["reason"].tolist() == ["the loss was nan at step 7 (epoch 1)"]
    assert frame.coverage([PAPER.experiments["predictor"]], {"predictor": found})[
        "runs"
    ].tolist() == ["12 of 18"]
    assert frame.number(-0.04) == "0.0" and frame.spread(None, 1.0) == ""
    spread = claim("above", "std_normalised", 0.5, per="sqrt_dim")
    assert frame.test_words(spread) == "std_normalised x sqrt(d): learns > 0.5"
    assert (
        frame.test_words(claim("greater", compare="ratio"))
        == "probe_accuracy: learns / random > 1.5"
    )


def test_tables_of_verdicts_and_claims_are_complete(found):
    judged = [pair for name in PAPER.experiments for pair in select.judged(PAPER, name, found)]
    assert (
        len(frame.verdicts(judged))
        == len(frame.ledger(judged))
        == sum(frame.counts(judged).values())
    )
    assert len(frame.theory(PAPER)) + len(judged) == len(PAPER.claims)
    assert frame.repeated(PAPER).set_index("place").loc["Table 6", "repeated here"] == 4
    assert list(COLOURS) == list(style.VERDICTS) == list(STATUSES)
    shades = [(shade, marker, filled) for shade, marker, filled in style.VERDICTS.values()]
    assert len(set(shades)) == len(shades), "no two verdicts look alike"


def test_search_lists_every_run_and_marks_what_was_taken(found, tmp_path):
    p = found[0][0]
    own = dataclasses.replace(p.recipe, lr=0.1)
    tries = (0.03, {}, 50.0), (0.1, {}, 40.0), (0.1, {"width": 99}, 45.0), (0.1, {"crop": 24}, 46.0)
    for lr, other, probe in tries:
        r = dataclasses.replace(p.recipe, lr=lr, **other)
        r = dataclasses.replace(record(p, probe), recipe=r, key="laptop_search")
        store.save(r, tmp_path)
    images = {"cifar10_jpeg": 50_000}
    table = frame.search("laptop_search", lambda method: own, images, tmp_path)
    rows = {row["probe, %"]: row for row in table.to_dict("records")}
    assert [rows[k]["taken"] for k in ("50.0", "40.0", "45.0", "46.0")] == ["", "yes", "", ""]
    assert [rows[k]["best"] for k in ("50.0", "40.0", "45.0", "46.0")] == ["yes", "", "", ""]
    assert rows["45.0"]["width"] == 99 and [rows[k]["crop"] for k in ("40.0", "46.0")] == [
        "whole",
        24,
    ]
    averaged = dataclasses.replace(own, options=dict(own.options) | {"keep": 0.5})
    told = frame.search("laptop_search", lambda method: averaged, images, tmp_path)
    assert set(told["taken"]) == {""}, "another running average is another setting"
    assert frame.search("other", lambda method: own, {}, tmp_path).empty


def test_decay_time_counts_whole_steps_of_the_images_used(found):
    r = dataclasses.replace(
        found[0][0].recipe, lr=0.1, weight_decay=0.01, epochs=3, batch=128, limit=1000
    )
    assert frame.decay_time(r, {r.dataset: 50_000}) == pytest.approx(0.1 * 0.01 * 3 * 7)
    table = frame.settings(
        {"a": [r, dataclasses.replace(r, lr=0.2)]}, {r.dataset: 50_000}
    ).set_index("setting")
    assert table.loc["lr", "a"] == "0.1, 0.2" and "seed" not in table.index


def test_reseeding_replaces_the_seeds_of_the_scale(found):
    runs = [p for p, _ in found]
    again = select.reseed(runs, 2)
    assert (
        {p.seed for p in again} == {0, 1}
        and len(again) == 12
        and all(p.seed == p.recipe.seed for p in again)
    )
    assert select.reseed(runs, None) == runs and select.reseed(runs, 3) == runs
    with pytest.raises(ValueError, match="seeds was 0"):
        select.reseed(runs, 0)
    with pytest.raises(UnknownName, match="did you mean 'symmetry'"):
        select.chosen(PAPER, "symetry")


@pytest.mark.parametrize("name", list(PAPER.experiments))
def test_the_printed_command_makes_the_same_recipe(name, monkeypatch):
    from click.testing import CliRunner

    from ncssl.cli import main
    from ncssl.train import loop

    asked = []

    def pretend(wanted, **kwargs):
        asked.append(wanted)
        return record(Planned("tian2021", name, "", wanted.seed, wanted), 50.0)

    monkeypatch.setattr(loop, "fit", pretend)
    runs = scheduled("tian2021", name, "small", **({"dataset": "digits"} if name == "eps" else {}))
    for p in runs:
        result = CliRunner().invoke(
            main, [*select.command(p).split()[1:], "--fresh", "--json"], catch_exceptions=False
        )
        assert json.loads(result.output)["id"] == p.recipe.id, select.command(p)
    assert [r.id for r in asked] == [p.recipe.id for p in runs]
