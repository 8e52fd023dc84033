"""Tables and curves of runs on speech: lists, the baseline below, rounds in order, commands that
name a chapter."""

import dataclasses

import pytest

from ncssl.claims import papers
from ncssl.errors import UnknownName
from ncssl.records import baseline, store
from ncssl.report import select, spoken
from ncssl.runs.experiments import baselines_of, planned

PAPER = papers.paper("cho2022")
EER = {"dino": (20.0, 24.0), "random": (44.0, 46.0)}


def record(plan, metrics, curves=None):
    """A finished record with these metrics and curves."""
    made = "CPU", "float32", {}, "abc", "2026-01-01T00:00:00+00:00"
    return store.Record(plan.recipe, plan.paper, "done", metrics, curves or {}, 1.0, 1.0, *made)


def measured(eer, lists):
    """What a run on speech leaves of its lists, each with an interval, matched and with noise."""
    out = {"mean_eer": eer, "mean_mismatched_eer": eer + 5}
    for name in lists:
        for mark, value in ((name, eer), (f"{name}_noise", eer + 5)):
            out |= {
                f"{mark}_eer": value,
                f"{mark}_eer_low": value - 2,
                f"{mark}_eer_high": value + 2,
            }
    return out


def runs(lists=("libri", "ravdess")):
    """The experiment `collapse` at small scale on two seeds: two of its arms have records."""
    some = [p for p in planned("cho2022", "collapse", "small") if p.seed < 2]
    return [
        (p, record(p, measured(EER[p.arm][p.seed], lists)) if p.arm in EER else None) for p in some
    ]


def test_lists_are_those_of_the_records_or_the_usual_ones():
    assert spoken.lists(runs(("libri", "libri50seg"))) == ["libri", "libri50seg"]
    assert spoken.lists([(p, None) for p, _ in runs()]) == ["libri", "ravdess"]
    assert spoken.lists([(p, None) for p in planned("cho2022", "collapse", "smoke")]) == ["voices"]
    assert spoken.lists([]) == []


def test_the_headline_says_both_kinds_of_trials(tmp_path, monkeypatch):
    monkeypatch.setenv("NCSSL_RESULTS", str(tmp_path))
    found = {"collapse": runs()}
    assert "not known" in spoken.headline(PAPER, found, "collapse")
    (floor,) = baselines_of([found["collapse"][0][0]])
    means = {"mean_eer": 16.5, "mean_mismatched_eer": 27.5}
    store.save(record(floor, measured(16.5, ("libri",)) | means), tmp_path)
    said = spoken.headline(PAPER, found, "collapse")
    assert "ahead of every network of this chapter on matched trials (16.5 % against 22.0 %" in said
    assert "behind the best network of this chapter where one side of a trial has noise" in said


def test_the_last_row_is_what_needs_no_learning(tmp_path, monkeypatch):
    monkeypatch.setenv("NCSSL_RESULTS", str(tmp_path))
    found = runs()
    table = spoken.results(PAPER, "collapse", found).set_index("arm")
    assert list(table.columns) == [
        "n",
        "EER, %",
        "whitened, %",
        "mismatched, %",
        "libri, %",
        "ravdess, %",
    ]
    assert table.loc["DINO (dino)"].tolist()[:2] == ["2", "22.0 [-3.4, 47.4]"]  # 22 +- 12.706 x 2
    assert table.loc["no centring (no_centring)", "n"] == "not run" == table.iloc[-1]["n"]
    (base,) = baselines_of([p for p, _ in found])
    store.save(record(base, measured(9.0, ("libri", "ravdess"))), tmp_path)
    assert baseline.of(found) is not None
    last = spoken.results(PAPER, "collapse", found, only=["dino"]).iloc[-1]
    assert last["arm"].startswith("statistics") and last["n"] == ""
    assert last.tolist()[2:] == ["9.0", "9.0", "14.0", "9.0 [7.0, 11.0]", "9.0 [7.0, 11.0]"]
    own = spoken.results(
        PAPER, "collapse", found, {"mean_eer": ("x", 2), "emotion_lift": ("lift", 1)}
    )
    assert own["x"].tolist()[-1] == "9.00" and own["lift"].tolist()[-1] == ""
    assert own["n"].tolist()[0] == "2", "an arm was run, though the last metric was not measured"


def test_arms_stand_between_two_floors(tmp_path, monkeypatch):
    monkeypatch.setenv("NCSSL_RESULTS", str(tmp_path))
    data = spoken.floored(PAPER, "collapse", runs(), "mean_eer")
    assert [row["arm"] for row in data["arms"]] == ["dino", "no_centring", "no_sharpening"]
    assert (data["arms"][0]["mean"], data["floor"], data["base"]) == (22.0, 45.0, None)
    (base,) = baselines_of([p for p, _ in runs()])
    store.save(record(base, measured(9.0, ("libri",))), tmp_path)
    data = spoken.floored(PAPER, "collapse", runs(), "mean_eer", ["dino"])
    assert len(data["arms"]) == 1 and data["base"] == 9.0
    assert spoken.floored(PAPER, "collapse", runs(), "emotion_micro_f1")["floor"] is None


def test_what_comes_with_the_first_step_stands_at_the_later_epochs():
    e, curves = (
        PAPER.experiments["collapse"],
        {"epoch": [0, 4, 8], "teacher_entropy": [2.0, 1.0], "loss": [None] * 3},
    )
    found = [(p, record(p, {}, curves) if p.arm == "dino" else r) for p, r in runs()]
    (row,) = select.curves(e, found, "teacher_entropy")
    assert (
        row["arm"] == "dino"
        and [(x.tolist(), y.tolist()) for x, y in row["runs"]] == [([4, 8], [2, 1])] * 2
    )
    one = record(found[0][0], {}, {"epoch": [0, 4], "teacher_entropy": [2.0]})
    assert select.curve(one, "teacher_entropy") is None, "one value is no curve"


def test_claims_of_speech_share_a_few_units():
    units = {
        name: select.unit(claim) for name, claim in PAPER.claims.items() if claim.kind == "records"
    }
    assert units["labels_are_not_needed"] == "ratio of EERs" == units["pseudo_labels_help"]
    assert units["byol_learns"] == units["no_centring_collapses"] == "difference of EER, points"
    assert units["emotion_better_than_no_learning"] == "points"
    assert (
        units["both_sharp"] == "nats"
        and units["plda_helps_raw_embeddings"] == "difference of ratios"
    )
    assert len(set(units.values())) <= 9


def test_rounds_are_read_in_order_up_to_the_last():
    e = PAPER.experiments["pseudo"]
    some = [p for p in planned("cho2022", "pseudo", "small") if p.seed < 2]
    values = {f"round{i}_nmi": 40.0 + i for i in (2, 0, 1)} | {"round0_purity": 50.0}
    found = [(p, record(p, values) if p.arm in ("equal", "half") else None) for p in some]
    rows = spoken.rounds(e, found, "nmi")
    assert [row["arm"] for row in rows] == ["half", "equal"] and rows[0]["label"].startswith(
        "half as many"
    )
    assert [(x.tolist(), y.tolist()) for x, y in rows[0]["runs"]] == [([0, 1, 2], [40, 41, 42])] * 2
    assert len(spoken.rounds(e, found, "purity", ["equal"])[0]["runs"][0][0]) == 1
    assert spoken.rounds(e, found, "plda_mean_eer") == []
    with pytest.raises(UnknownName, match="half"):
        spoken.rounds(e, found, "nmi", ["k9"])


def test_error_rates_over_the_amount_of_speech_are_means_over_seeds():
    e = PAPER.experiments["hours"]
    found = []
    for p in planned("cho2022", "hours", "laptop"):
        r = record(p, measured(20.0 + p.seed, ("so762",)))
        made = dataclasses.replace(r, data={"train": p.recipe.limit or 3800})
        found.append((p, None if p.arm == "byol_half" else made))
    rows = {row["arm"]: row for row in spoken.against_amount(e, found, "so762_noise_eer")}
    assert list(rows) == ["dino", "simclr", "byol"] and rows["dino"]["label"] == "DINO"
    assert rows["dino"]["utterances"] == [500, 1000, 2000, 3800]
    assert rows["byol"]["utterances"] == [500, 1000, 3800]
    assert rows["dino"]["mean"].tolist() == [26] * 4 and rows["dino"]["low"].tolist() == [24] * 4
    assert spoken.against_amount(e, [(p, None) for p, _ in found], "so762_noise_eer") == []
