"""Gates: each of the five passed, failed and not known, on records whose truth is known; and what a
verdict makes of them."""

import dataclasses

import pytest

from ncssl.claims.facts import Claim
from ncssl.recipes import recipe
from ncssl.records import store
from ncssl.runs.experiments import Planned
from ncssl.train.optim import lr_factor
from ncssl.verdicts import gates, judging

SMALL = dict(dataset="cifar10_jpeg", limit=10_000, epochs=12, batch=128, lr=0.03, weight_decay=4e-4)
CURVES = {"epoch": [0, 4, 8, 12], "knn_accuracy": [30.0, 40.0, 44.0, 45.0]}


def claim(test="greater", **more):
    sides = {
        "ordering": dict(arms=("a", "b", "c")),
        "above": dict(left="a"),
        "below": dict(left="a"),
    }
    fixed = dict(
        paper="x",
        id="c",
        place="Table 1",
        statement="s",
        kind="records",
        margin_by="ours",
        margin=2.0,
    )
    side = sides.get(test, dict(left="a", right="b"))
    return Claim(**fixed | dict(test=test, metric="probe_accuracy") | side | more)


def made(
    arm,
    seed,
    probe,
    knn=None,
    *,
    extra=False,
    curves=CURVES,
    metrics=None,
    precision="float32",
    device="CPU",
    data=None,
    **changes,
):
    r = recipe("byol", "small", **SMALL | changes | dict(seed=seed))
    values = dict(probe_accuracy=probe, knn_accuracy=probe if knn is None else knn) | (
        metrics or {}
    )
    data = dict(train=10_000) if data is None else data
    record = store.Record(
        r, "x", "done", values, curves, 1.0, 1.0, device, precision, {}, "c", "2026", data
    )
    return Planned("x", "e", arm, seed, r, extra), record


def runs(seeds=3, **means):
    """Records of arms about these means, seed by seed."""
    return [made(arm, s, mean + 0.1 * (s - 1)) for s in range(seeds) for arm, mean in means.items()]


PIXELS = made("pixels", 0, 30.0, 35.0)[1]
BASE = dict(base=("a",))


def named(verdict):
    return {g.name: (g.passed, g.known) for g in verdict.gates}


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
    assert (
        ok is passed
        and f"by {probe - 40:.1f} points by probe" in words
        and f"by {knn - 35:.1f} by kNN" in words
    )


def test_r1_of_several_base_arms_asks_for_all():
    found = runs(a=50, b=45, random=40)
    (one,) = gates.gates(claim("within", base=("a", "b")), found, PIXELS)
    assert (one.passed, one.known) == (
        False,
        True,
    ) and "b leads the untrained encoder by 5.0" in one.detail
    assert gates.gates(claim("within", base=("a",)), found, PIXELS)[0].passed


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
    assert gates.exposure(r, 10_000) == pytest.approx(0.03 * 4e-4 * total / 0.1)
    assert gates.exposure(r, None) is None
    own = recipe(
        "byol", "small", {"trunk_weight_decay": 0.0, "predictor_weight_decay": 0.01}, **changes
    )
    assert gates.exposure(own, 10_000) == pytest.approx(0.03 * 0.01 * total / 0.1), (
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
    assert gates.curve_of(curves, name) == curve
    assert gates.curve_of({"knn_accuracy": [1.0]}, "mean_lead") == "knn_accuracy"


def collapse(**more):
    return claim("below", metric="std_normalised", margin=0.1, **more)


def spread(**values):
    return [
        made(a, s, 50.0, metrics={"std_normalised": v + 0.001 * s})
        for s in range(3)
        for a, v in values.items()
    ]


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


def test_a_gate_fails_with_one_part_and_is_unknown_only_if_none_failed():
    parts = {True: (True, "a"), False: (False, "b"), None: (None, "c")}
    cases = {(True, True): (True, True), (True, False): (False, True), (True, None): (False, False),
             (None, False): (False, True)}  # fmt: skip
    for of, expected in cases.items():
        found = gates.gate("R1", (parts[one] for one in of))
        assert (found.passed, found.known) == expected, of


# ---- what a verdict makes of them
# ------------------------------------------------------------------------------------


def test_a_verdict_whose_gates_are_passed_is_the_contrasts():
    found = gates.verdict(claim(**BASE), runs(a=50, b=45, random=40), floor=PIXELS)
    assert found.status == "reproduced" and named(found) == {"R1": (True, True), "R2": (True, True)}
    assert "R1" not in found.detail and found.p < 0.05


def test_a_failed_gate_is_out_of_reach_and_keeps_the_effect():
    found = gates.verdict(claim(**BASE), runs(a=46, b=41, random=40), floor=PIXELS)
    assert found.status == "out of reach" and found.effect == pytest.approx(5) and found.p is None
    assert found.detail.startswith("R1: a leads the untrained encoder by 6.0")
    assert not judging.left_open(found)


def test_out_of_reach_goes_before_no_test_and_failed_before_unknown():
    low = runs(a=46, b=41, c=46, random=40)
    assert gates.verdict(claim(**BASE, control="c"), low, floor=PIXELS).status == "out of reach"
    assert gates.verdict(claim(**BASE, control="c"), low, floor=None).status == "out of reach", (
        "6 points are too few"
    )


def test_not_run_wins_over_gates_and_a_gate_without_records_is_not_run():
    nothing = gates.verdict(claim(**BASE), runs(seeds=1, a=46, b=41, random=40), floor=PIXELS)
    assert nothing.status == "not run" and nothing.gates == ()
    for found, floor in ((runs(a=50, b=45), PIXELS), (runs(a=50, b=45, random=40), None)):
        verdict = gates.verdict(claim(**BASE), found, floor=floor)
        assert (
            verdict.status == "not run"
            and verdict.effect is None
            and named(verdict)["R1"] == (False, False)
        )
        assert "R1: the lead of a is not known" in verdict.detail
    missing = [(p, None if p.arm == "random" else r) for p, r in spread(a=0.01, random=0.5)]
    assert gates.verdict(collapse(), missing).status == "not run"


def test_gates_look_at_the_own_seeds_alone():
    """Seeds added for a second look, here far below, do not move the gate."""
    more = [
        made(arm, s, mean, extra=True)
        for s in (3, 4)
        for arm, mean in (("a", 20.0), ("random", 60.0))
    ]
    found = gates.verdict(claim(**BASE), runs(a=50, b=45, random=40) + more, floor=PIXELS)
    assert named(found)["R1"] == (True, True)


def test_a_share_of_the_bases_lead_is_the_margin():
    c = claim(margin=None, share=0.5, base=("a",), left="b", right="d")
    found = gates.verdict(c, runs(a=50, b=50, d=44, random=40), floor=PIXELS)
    assert found.margin == pytest.approx(5) and found.status == "reproduced"
    assert (
        gates.verdict(c, runs(a=52.8, b=50, d=44, random=40), floor=PIXELS).status
        == "same direction"
    )
    unknown = gates.verdict(c, runs(a=50, b=50, d=44), floor=PIXELS)
    assert unknown.status == "not run" and "the lead of a is not known" in unknown.detail


# ---- seeds that were computed alike
# ----------------------------------------------------------------------------------


def kinds(*of):
    """Two arms on one seed each of these (precision of a, precision of b, device)."""
    out = []
    for s, (a, b, device) in enumerate(of):
        out += [
            made("a", s, 50.0 + s, precision=a, device=device),
            made("b", s, 40.0, precision=b, device=device),
        ]
    return out


H, F = "bf16", "float32"
ALIKE = {  # kinds by seed -> seeds left out
    "one kind": ([(H, H, "EPYC, 1 threads")] * 3, []),
    "a mixed seed": ([(H, H, "CPU"), (H, F, "CPU"), (H, H, "CPU")], [1]),
    "the larger group": ([(H, H, "CPU"), (F, F, "CPU"), (F, F, "CPU")], [0]),
    "the earlier of equals": ([(F, F, "CPU"), (H, H, "CPU"), (H, H, "CPU"), (F, F, "CPU")], [1, 2]),
    "devices": ([(F, F, "NVIDIA H200"), (F, F, "Xeon, 2 threads"), (F, F, "CPU, 1 threads")], [0]),
    "nothing alike": ([(H, F, "CPU"), (F, H, "CPU")], [0, 1]),
}  # fmt: skip


@pytest.mark.parametrize("case", ALIKE)
def test_an_interval_mixes_no_precisions_and_no_devices(case):
    found, left_out = kinds(*ALIKE[case][0]), ALIKE[case][1]
    kept, out = gates.alike(found, ("a", "b"))
    assert out == left_out and {p.seed for p, _ in kept} == {p.seed for p, _ in found} - set(
        left_out
    )
    verdict = gates.contrast(claim(), found)
    words = f"left out: seed {', '.join(map(str, left_out))}"
    assert (words in verdict.detail) == bool(left_out) and verdict.n == len(
        {p.seed for p, _ in kept}
    )


def test_a_second_look_needs_all_seeds_of_one_group():
    """Differences of -1, 0 and 4 leave the claim open; two more of about 4 are looked at where all
    are alike."""

    def five(*precisions):
        values = (49.0, 50.0, 54.0, 53.9, 54.0)
        return [
            made(arm, s, v if arm == "a" else 50.0, precision=precisions[s], extra=s > 2)
            for s, v in enumerate(values)
            for arm in "ab"
        ]

    c = claim(margin=0.0)
    assert gates.contrast(c, five(F, F, F, F, F)).looks == 2
    mixed = gates.contrast(c, five(F, F, F, H, F))
    assert (mixed.looks, mixed.n) == (1, 3) and "left out: seed 3" in mixed.detail
