"""What gates make of a verdict, and the groups of seeds that an interval may join."""

import numpy as np
import pytest
from gated import BASE, PIXELS, claim, collapse, made, runs, spread
from scipy import stats

from ncssl.verdicts import gates, judging


def named(verdict):
    return {g.name: (g.passed, g.known) for g in verdict.gates}


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
    assert nothing.status == "not run" and nothing.gates == () and nothing.begun
    none = gates.verdict(claim(**BASE), [(p, None) for p, _ in runs(a=46, b=41)], floor=PIXELS)
    assert none.status == "not run" and not none.begun
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


@pytest.mark.parametrize("base, wrong", [("other", {3: 3.1, 5: 3.4}), ("left", {3: 2.0, 5: 1.7})])
def test_the_price_of_a_margin_that_is_a_share_of_a_lead(base, wrong):
    """Wrong verdicts of 100 where the truth is half the base's lead, which is drawn too."""
    rng = np.random.default_rng(0)
    for n, percent in wrong.items():
        left, right, other, bare = rng.normal(size=(4, 200_000, n))
        lead = {"other": other, "left": left}[base].mean(1) - bare.mean(1)
        d = left - right
        t = (d.mean(1) - lead / 2) / (d.std(1, ddof=1) / np.sqrt(n))
        assert 100 * (t > stats.t.ppf(0.975, n - 1)).mean() == pytest.approx(percent, abs=0.2)
