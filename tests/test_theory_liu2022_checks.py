"""Theory of liu2022: its checks, what describe says, what is refused."""

import json

import numpy as np
import pytest

from ncssl.claims.papers import paper
from ncssl.errors import UnknownName
from ncssl.theory import kept
from ncssl.theory.liu2022 import CHECKS, FLOWS, describe, runs
from ncssl.theory.liu2022 import matrix as linear

# ---- checks and describe

# check -> (lowest, highest) value accepted here; the claims of the book have their own margins
BOUNDS = {
    "lemma32_gradients": (0, 1e-13),
    "lemma33_unit_norm": (0.4, 0.5),
    "lemma33_orthogonal": (0, 1e-13),
    "law_free": (0, 1e-11),
    "law_as_printed": (0.8, 0.9),
    "law_both_directions": (0, 1e-11),
    "law_encoder": (0, 1e-11),
    "law_orthonormal_batch": (0, 1e-11),
    "law_orthonormal_unscaled": (0.899, 0.901),
    "isotropic_factor": (0, 1e-7),
    "law_anisotropic": (0.27, 0.28),
    "anisotropic_gap_formula": (0, 2e-6),
    "eigenvalues_isotropic": (0, 1e-9),
    "eigenvalues_power_law": (0.3754, 0.3755),
    "full_rank_is_identity": (0, 1e-9),
    "survival_threshold": (0, 1e-6),
    "rank_deficient_off_diagonal": (0.48, 0.49),
    "off_diagonal_formula": (0, 2e-3),
    "decorrelates_near_identity": (0, 1e-6),
    "decorrelates_from_noise": (2, 10),
    "decorrelates_anisotropic": (2, 4),
    "predictor_becomes_diagonal": (-1e-12, 1e-6),
    "predictor_from_noise": (0.1, 0.5),
    "eq17_zero_set": (0, 1e-13),
    "eq17_zero_set_any": (5, 20),
    "replacement_exact": (0, 1e-13),
    "replacement_at_equilibrium": (0.4576, 0.4578),
    "table3_rows": (9, 9),
    "table3_categories": (5, 5),
    "table3_last_row": (2, 2),
    "cov_alone_little_noise": (0.4, 1),
    "cov_alone_threshold": (0, 1e-6),
    "std_keeps_dimensions": (2, 4),
    "std_cov_whitens": (1, 4),
    "std_cov_ipred_whitens": (0, 1e-9),
    "std_raw_cov_whitens": (0, 1e-9),
    "ipred_equilibrium": (0, 1e-8),
    "ipred_critical": (0, 1e-7),
    "stop_gradient_halves": (0, 1e-12),
    "no_stop_gradient_collapse": (0, 1e-12),
    "stop_gradient_survives": (1, 3),
    "standardised_diagonal": (0, 1e-14),
    "partition_floor": (0, 0.02),
    "partition_weight": (31.999, 32.001),
    "mode_equilibrium": (0, 1e-9),
}


# they could not fail
NO_CLAIM = {"table3_rows", "table3_last_row", "standardised_diagonal", "partition_weight"}


def test_every_check_has_a_bound_a_meaning_and_a_claim():
    assert set(BOUNDS) == set(CHECKS)
    assert all(f.__doc__ for f in CHECKS.values())
    claimed = {claim.check for claim in paper("liu2022").claims.values() if claim.kind == "theory"}
    assert claimed == set(CHECKS) - NO_CLAIM


@pytest.mark.parametrize("name", CHECKS)
def test_checks(name):
    low, high = BOUNDS[name]
    value = kept.value("liu2022", name)  # computed anew where the code has changed
    assert isinstance(value, float) and low <= value <= high, f"{name} = {value:.6g}"


def test_describe_is_plain_and_right():
    answer = describe(s=0.5, eta=0.05, d=64, r=16, n_part=16)
    assert json.loads(json.dumps(answer)) == answer
    found = [
        answer[name]
        for name in ("equilibrium", "eta_critical", "ipred_equilibrium", "ipred_critical_lambda")
    ]
    assert found == pytest.approx([0.61222001, 1 / 6, 2 / 3, 1 / 3], abs=5e-9)
    assert (
        answer["off_diagonal_share"] == pytest.approx(48 / 66)
        and answer["partition_floor"] == 64 * 65 / 16
    )
    assert answer["partition_floor_in_loss"] == pytest.approx(8 * 65 / 16)
    assert [p["stability"] for p in answer["fixed_points"]] == ["stable", "saddle", "stable"]
    assert answer["learned_critical_lambda"]["eq 15"] is None
    assert answer["without_stop_gradient"] == {
        "identity": "survives",
        "learned, eq 15": "collapses",
        "learned, eq 17": "collapses",
    }


def test_describe_regimes():
    assert (
        describe(eta=0.17)["regime"] == "the mode dies" and describe(eta=0.17)["equilibrium"] == 0
    )
    assert (
        "threshold" in describe(eta=1 / 6)["regime"]
        and "no weight decay" in describe(eta=0)["regime"]
    )
    assert [p["name"] for p in describe(eta=0)["fixed_points"]] == ["collapse", "p_plus"]
    assert describe(s=0.01)["without_stop_gradient"]["learned, eq 15"] == "can survive"
    assert describe(s=0, lambda_=0)["ipred_equilibrium"] == 0
    assert describe(lambda_=0.3)["without_stop_gradient"]["identity"] == "collapses"


@pytest.mark.parametrize(
    "params, error, message",
    [
        ({"eta": -1}, ValueError, r"eta must be in \[0, inf\), was -1"),
        ({"b": 0}, ValueError, r"b must be in \(0, inf\)"),
        ({"lambda": 1}, UnknownName, "lambda_"),
        ({"d": 2.5}, ValueError, r"d must be a whole number in \[1, inf\), was 2.5"),
        ({"d": 4, "r": 5}, ValueError, r"r must be in \[0, d = 4\], was 5"),
        ({"s": [0, 1]}, ValueError, "one number"),
        ({"n_part": 1}, ValueError, r"n_part must be in \[2, inf\)"),
        ({"parts": "x"}, ValueError, "must be a number"),
    ],
)
def test_describe_refuses(params, error, message):
    with pytest.raises(error, match=message):
        describe(**params)


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda: linear.network_flow(np.eye(2), np.eye(2), 2, variant="ema"),
            "variant of the network flow",
        ),
        (lambda: linear.network_flow([[1, 2], [0, 1]], np.eye(2), 2), "S must be symmetric"),
        (lambda: linear.network_flow(np.eye(2), np.eye(3), 2), "of the shape of M"),
        (
            lambda: linear.network_flow(np.eye(2), np.ones((2, 3)), 2),
            "M must be a finite square matrix",
        ),
        (lambda: runs.weights(2, 2, "zero"), "unknown start 'zero'"),
        (lambda: FLOWS["mode"].solve([0.1, 0.1], [0, 1], lambda_=1), "unknown parameter 'lambda_'"),
    ],
)
def test_what_cannot_be_built_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
