"""Gates: each of the five passed, failed and not known, on records whose truth is known; and what a
verdict makes of them."""

import dataclasses

import pytest
from gated import BASE, PIXELS, SMALL, claim, collapse, made, runs, spread

from ncssl.recipes import recipe
from ncssl.train.optim import lr_factor
from ncssl.verdicts import gates, lengths

# ---- each gate
# ------------------------------------------------------------------------------------------------

FLOORS = {  # base arm: probe and kNN, above the untrained encoder's 40 and the pixels' 35 -> passed
    "both leads": (50, 40, True),
    "exactly enough": (48, 37, True),
    "a probe too low": (47.9, 40, False),
    "a kNN too low": (50, 36.9, False),
    "neither": (41, 30, False),
}


@pytest.mark.parametrize("case", FLOORS)
def test_r1_asks_for_a_lead_over_both_floors(case):
    probe, knn, passed = FLOORS[case]
    found = [made("a", s, probe, knn) for s in range(2)] + [
        made("random", s, 40.0) for s in range(2)
    ]
    ok, words = gates.image_floor("a", found, PIXELS)
    assert ok is passed
    low = (probe < 48, knn < 37)
    assert (f"by {probe - 40:.1f} points by probe" in words) == (passed or low[0])
    assert (f"by {knn - 35:.1f} points by kNN" in words) == (passed or (low[1] and knn >= 35))
    assert ("is 5.0 points behind raw pixels by kNN (a lead of 2" in words) == (knn == 30)


def test_r1_of_several_base_arms_asks_for_all():
    found = runs(a=50, b=45, random=40)
    (one,) = gates.gates(claim("within", base=("a", "b")), found, PIXELS)
    assert (one.passed, one.known) == (
        False,
        True,
    ) and "b leads the untrained encoder by 5.0" in one.detail
    assert "a leads" not in one.detail, "a part that passed holds nothing back"
    assert gates.gates(claim("within", base=("a",)), found, PIXELS)[0].passed


def test_a_gate_says_where_an_arm_has_seeds_that_it_does_not_look_at():
    found, c = runs(a=50, b=45, random=40), claim("within", base=("a", "b"))
    more = [made("b", 3, 90.0, extra=True)]
    (one,) = gates.gates(c, found + more, PIXELS)
    assert one.detail.endswith(", on its first 3 seeds") and "by 5.0" in one.detail
    assert "first" not in gates.gates(c, found, PIXELS)[0].detail
    close = gates.gates(c, runs(a=50, b=47.97, random=40), PIXELS)[0].detail
    assert "by 7.97 points by probe (8 needed)" in close
    behind = gates.gates(c, runs(a=50, b=22.2, random=40), PIXELS)[0].detail
    assert (
        "b is 17.8 points behind the untrained encoder by probe (a lead of 8 is needed)" in behind
    )


def test_r1_on_speech_asks_for_an_error_rate_at_most_that_of_statistics():
    def spoken(error):
        return [
            made("a", s, 50.0, dataset="voices", limit=None, metrics={"mean_eer": error})
            for s in range(2)
        ]

    floor = dataclasses.replace(PIXELS, metrics={"mean_eer": 16.0})
    for error, passed in ((15.0, True), (16.0, True), (16.1, False)):
        (found,) = gates.gates(
            claim("within", base=("a",), metric="mean_eer"), spoken(error), floor
        )
        assert (found.name, found.passed, found.known) == ("R1", passed, True), error
    assert not gates.gates(claim("within", base=("a",), metric="mean_eer"), spoken(15.0), None)[
        0
    ].known


@pytest.mark.parametrize("margin, passed", [(9.9, True), (10.0, True), (10.2, False)])
def test_r2_asks_for_a_margin_within_the_smallest_lead(margin, passed):
    found = runs(a=55, b=50, random=40)
    r2 = gates.gates(claim(margin=margin, base=("a", "b")), found, PIXELS)[1]
    assert (r2.name, r2.passed) == ("R2", passed) and "b leads the untrained by 10.0" in r2.detail


@pytest.mark.parametrize(
    "more",
    [
        dict(test="within"),
        dict(margin=-3.0),
        dict(metric="effective_rank"),
        dict(compare="ratio"),
        dict(base=()),
    ],
)
def test_r2_is_about_claims_of_more_accuracy_alone(more):
    assert not gates.has_headroom(claim(**BASE | more)) and gates.has_headroom(claim(**BASE))


@pytest.mark.parametrize(
    "schedule, warmup", [("constant", 0.0), ("constant", 2.0), ("cosine", 0.0), ("cosine", 1.0)]
)
def test_exposure_sums_the_schedule_that_training_follows(schedule, warmup):
    changes = dict(SMALL, schedule=schedule, warmup_epochs=warmup, batch=256, epochs=5, limit=None)
    r = recipe("byol", "small", **changes)
    each = 10_000 // 256
    total = sum(lr_factor(step, 5 * each, int(warmup * each), schedule) for step in range(5 * each))
    assert lengths.exposure(r, 10_000) == pytest.approx(0.03 * 4e-4 * total / 0.1)
    assert lengths.exposure(r, None) is None
    own = recipe(
        "byol", "small", {"trunk_weight_decay": 0.0, "predictor_weight_decay": 0.01}, **changes
    )
    assert lengths.exposure(own, 10_000) == pytest.approx(0.03 * 0.01 * total / 0.1), (
        "the larger of the two"
    )


def test_exposure_of_the_old_laptop_scale_is_that_of_the_review():
    """Rate 0.03 x decay 4e-4 x 936 steps / 0.1 = 0.11, against 4.7 in Tian's runs."""
    found = runs(a=50, random=40)
    c = claim(**BASE, needs=("decay",), decay_exposure=4.7)
    r3 = gates.gates(c, found, PIXELS)[-1]
    assert (r3.name, r3.passed, r3.known) == ("R3", False, True)
    assert "a decay exposure of 0.11, 1.6 needed (4.7 in the paper)" in r3.detail
    assert gates.gates(dataclasses.replace(c, decay_exposure=0.33), found, PIXELS)[-1].passed
    blind = [made("a", s, 50.0, data={}) for s in range(2)] + runs(random=40)
    assert not gates.gates(c, blind, PIXELS)[-1].known


def test_r4_asks_for_a_curve_that_has_ended():
    """kNN 44 at epoch 8 and 45 at 12: 44.25 at epoch 9, which is 1.7 % below the end."""
    c, found = claim(**BASE, needs=("curve",)), runs(a=50, random=40)
    r4 = gates.gates(c, found, PIXELS)[-1]
    assert (r4.name, r4.passed) == ("R4", True) and "changes by 1.7 %" in r4.detail
    steep = {"epoch": [0, 4, 8, 12], "knn_accuracy": [30.0, 34.0, 38.0, 42.0]}
    rising = [made("a", s, 50.0, curves=steep) for s in range(2)] + runs(random=40)
    r4 = gates.gates(c, rising, PIXELS)[-1]
    assert (r4.passed, r4.known) == (False, True) and "changes by 7.1 %" in r4.detail
    none = [made("a", s, 50.0, curves={}) for s in range(2)] + runs(random=40)
    assert not gates.gates(c, none, PIXELS)[-1].known


@pytest.mark.parametrize(
    "name, curve",
    [
        ("probe_accuracy", "knn_accuracy"),
        ("late_knn_accuracy", "knn_accuracy"),
        ("off_diagonal_fall", "off_diagonal"),
        ("early_effective_rank", "effective_rank"),
        ("mean_lead", "mean_eer"),
        ("nothing", "mean_eer"),
    ],
)
def test_r4_reads_the_curve_of_the_metric(name, curve):
    curves = dict.fromkeys(("knn_accuracy", "off_diagonal", "effective_rank", "mean_eer"), [1.0])
    assert lengths.curve_of(curves, name) == curve
    assert lengths.curve_of({"knn_accuracy": [1.0]}, "mean_lead") == "knn_accuracy"


def test_r5_the_untrained_encoder_must_fail_a_test_of_one_arm():
    (r5,) = gates.verdict(collapse(), spread(a=0.01, random=0.5)).gates
    assert (r5.name, r5.passed) == (
        "R5",
        True,
    ) and "random fails the test (contradicted)" in r5.detail
    found = gates.verdict(collapse(), spread(a=0.01, random=0.05))
    assert (
        found.status == "not a test"
        and found.effect == pytest.approx(0.011)
        and "random passes" in found.detail
    )
    for free in (dict(control="none", control_free="why"), dict(left="random")):
        assert gates.verdict(collapse(**free), spread(a=0.01, random=0.05)).gates == ()
    assert gates.verdict(collapse(), spread(a=0.01)).gates == (), (
        "an experiment without an untrained encoder"
    )


def test_r5_does_not_ask_for_a_metric_that_the_untrained_encoder_has_not():
    found = spread(a=0.01) + [made("random", s, 40.0) for s in range(3)]
    assert gates.verdict(collapse(), found).status == "reproduced"
    named_control = gates.verdict(collapse(control="random"), found)
    assert named_control.status == "not run", "a control that is named must have it"


def test_r5_a_control_stands_in_for_the_left_arm():
    found = runs(a=60, b=50, c=55, d=50.5)
    assert gates.verdict(claim(control="c"), found).status == "not a test"
    assert gates.verdict(claim(control="d"), found).status == "reproduced"
    assert gates.verdict(claim("ordering", arms=("a", "c", "b"), control="c"), found).gates == ()
