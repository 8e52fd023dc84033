"""Theory of wen2022: checks, claims, describe, refusals."""

import json

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from ncssl.claims.papers import paper
from ncssl.errors import UnknownName
from ncssl.plots import heads
from ncssl.theory import kept
from ncssl.theory.ode.flow import unpack
from ncssl.theory.wen2022 import (
    CHECKS,
    FLOWS,
    describe,
    exact,
    many,
    measure,
    population_flow,
    runs,
)
from ncssl.theory.wen2022 import samples as sampled

# ---- checks and claims

# check -> (lowest, highest) value accepted here; the claims of the book have their own margins
BOUNDS = {
    "head_share": (0.55, 0.70),
    "head_gain": (0.55, 0.70),
    "no_head_share": (0.98, 1),
    "no_head_share_any_start": (0.5, 0.75),
    "no_head_rest": (3.1, 3.3),
    "no_head_correlation": (0, 1e-6),
    "loss_gap": (0, 1e-6),
    "head_peak": (0.2285, 0.2295),
    "head_fall": (0, 1e-4),
    "head_returns": (0, 1e-3),
    "substitution_first": (70, 90),
    "follower_waits": (0.06, 0.07),
    "head_near_identity": (0.02, 0.03),
    "phases_apart": (0.6, 0.7),
    "acceleration_without_head": (0.0323, 0.0325),
    "acceleration_with_head": (5.82, 5.84),
    "absolute_acceleration": (0.0725, 0.0735),
    "acceleration_formula": (0, 1e-9),
    "asymmetry": (0.002, 0.003),
    "sign_of_head": (1, 1),
    "no_stop_gradient_share": (0, 0),
    "online_stop_gradient_share": (0, 0),
    "detached_share": (0, 0),
    "no_normalisation_share": (0, 0),
    "detached_acceleration": (0, 1e-12),
    "head_rate_slope": (0, 0.1),
    "balance_law": (0, 1e-9),
    "rivalry_law": (0, 1e-8),
    "no_head_end": (0, 1e-7),
}


def test_every_check_has_a_bound_and_every_claim_a_check():
    assert set(BOUNDS) == set(CHECKS) and all(f.__doc__ for f in CHECKS.values())
    claims = [c for c in paper("wen2022").claims.values() if c.kind == "theory"]
    assert {claim.check for claim in claims} <= set(CHECKS) and not paper("wen2022").tables
    assert {c.place.split(";")[0] for c in claims} == {
        "abstract",
        "abstract of version 1",
        "second-hand notes",
    }


@pytest.mark.parametrize("name", CHECKS)
def test_checks(name):
    low, high = BOUNDS[name]
    value = kept.value("wen2022", name)  # computed anew where the code has changed
    assert isinstance(value, float) and low <= value <= high, f"{name} = {value:.6g}"


# ---- what is refused, and describe


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: population_flow(head="offdiagonal"), UnknownName, "did you mean 'off-diagonal'"),
        (lambda: population_flow(stop_gradient="both"), UnknownName, "stop_gradient"),
        (lambda: population_flow(0), ValueError, "k must be a whole number"),
        (
            lambda: population_flow().field(np.ones(12), P=3),
            ValueError,
            "P must be at least m, was 3 with m = 4",
        ),
        (
            lambda: population_flow().check(alpha1=0),
            ValueError,
            r"alpha1 must be in \(0, inf\), was 0",
        ),
        (lambda: exact.max_correlation(1), ValueError, "m must be in"),
        (lambda: runs.start(runs.CANONICAL, 1.5), ValueError, "overlap must be in"),
        (lambda: runs.descend(runs.start(runs.CANONICAL), eta=0), ValueError, "eta must be in"),
        (lambda: many.ablation("nohead"), UnknownName, "did you mean 'no head'"),
        (
            lambda: many.starts(100, d=3, in_regime=True, alpha2=100.0),
            ValueError,
            "seeds must be at most",
        ),
        (lambda: sampled.draw(np.random.default_rng(0), (4,), m=9), ValueError, "m = 9"),
        (
            lambda: sampled.train(
                sampled.sampled_start(1), steps=1, options={"normalisation": "none"}
            ),
            ValueError,
            "batch",
        ),
        (lambda: describe(etaE=1), UnknownName, "did you mean 'eta_E'"),
        (lambda: describe(head="diagonal"), UnknownName, "off-diagonal"),
        (lambda: describe(m=4.5), ValueError, r"m must be a whole number in \[2, inf\), was 4.5"),
        (lambda: describe(P=2), ValueError, "P must be at least m"),
        (lambda: describe(steps=1e9), ValueError, "steps must be in"),
        (lambda: describe(b11=[0.1, 0.2]), ValueError, "b11 must be one number"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_describe_is_plain_and_right():
    answer = describe()
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer
    assert answer["outcome"] == "both features" and answer["ended"] == ""
    assert answer["head"]["E_21 at its peak"] == pytest.approx(0.229, abs=5e-4)
    assert answer["closed_forms"]["A(0) of each neuron"][1] == pytest.approx(0.25)
    assert answer["loss"] == pytest.approx(answer["closed_forms"]["lowest loss"], abs=1e-3)
    assert (
        answer["phases"]["learned v_1"]
        < answer["phases"]["acceleration"]
        < answer["phases"]["peak of E"]
    )
    assert (
        answer["phases"]["peak of E"] < answer["phases"]["learned v_2"] <= answer["phases"]["end"]
    )


@pytest.mark.parametrize(
    "options, outcome",
    [
        ({"head": "none"}, "only v_1"),
        ({"head": "identity"}, "only v_1"),
        ({"stop_gradient": "none"}, "only v_1"),
        ({"head": "symmetric"}, "both features"),
        ({"normalisation": "detached"}, "undecided"),
        ({"normalisation": "none"}, "left the finite range"),
        ({"sigma": 0}, "undecided"),
        ({"b21": 0}, "both features"),
    ],
)
def test_describe_outcomes(options, outcome):
    answer = describe(**options)
    assert answer["outcome"] == outcome
    assert (answer["ended"] != "") == (outcome == "left the finite range")
    json.dumps(answer, allow_nan=False)


def test_every_flow_runs_and_names_its_source():
    for flow in FLOWS.values():
        k = next(iter(flow.state.values()))[0]
        run = flow.solve(flow.start(b=np.full((k, 2), 0.1), u=np.eye(k), E=np.eye(k)), [0, 0.01])
        assert np.isfinite(run.y).all() and "ours" in flow.source
        assert [p.shape[-2:] for p in unpack(run.y, flow.state)] == [(k, 2), (k, k), (k, k)]


def test_figures_draw_what_they_are_given():
    mpl.use("Agg")
    _, axes = plt.subplots(1, 4)
    sample = {"values": np.array([1, 0, -1]), "mask": np.array([1, 0, 0]), "feature": "$v_1$"}
    assert heads.patches(sample, axes[0]) is axes[0]
    words = [text.get_text() for text in axes[0].texts]
    assert words.count("noise") == 2 and len(axes[0].patches) == 9 and words.count("+$v_1$") == 2
    row = dict.fromkeys(measure.OUTCOMES, 0.0)
    rows = {"a": row | {"both features": 1.0}, "b": row | {"only v_1": 0.5, "undecided": 0.5}}
    assert heads.outcome_bars(rows, axes[1]) is axes[1]
    assert sorted(patch.get_width() for patch in axes[1].patches)[-3:] == [50, 50, 100]
    line = {
        "x": [1, 10],
        "y": [1, 3],
        "low": [0.9, 2],
        "high": [1.1, 4],
        "name": "n",
        "labels": ("x", "y"),
        "lines": [([1, 10], [1, 3.2], "slope 1/2", "--")],
    }
    assert heads.power_law(line, axes[2]).get_xscale() == "log"
    runs_of = {"x": np.arange(3), "lines": {"b": np.zeros((3, 4))}, "labels": ("x", "y")}
    assert len(heads.replicas(runs_of, axes[3]).lines) == 4
    plt.close("all")
