"""Theory of wang2021: every exact value against an integration, in one table; the checks; describe;
what is refused."""

import json

import numpy as np
import pytest

from ncssl.claims.papers import paper
from ncssl.errors import UnknownName
from ncssl.theory import kept
from ncssl.theory.wang2021 import CHECKS, describe, matrix, runs, samples

# check -> (lowest, highest) value accepted here; the claims of the book have their own margins
BOUNDS = {
    "mode_equation": (0, 1e-9),
    "theorem1_limit": (0, 1e-8),
    "theorem1_negative": (0, 1e-8),
    "signal_threshold": (0, 1e-6),
    "nuisance_threshold": (0, 1e-6),
    "basin_edge": (0, 1e-6),
    "kept_set": (0, 0),
    "attenuation": (0, 1e-8),
    "nuisance_velocity": (-0.0751, -0.0749),
    "alpha_scale": (0.0716, 0.0717),
    "eps_limit": (0, 1e-8),
    "eps_collapse": (0, 1e-7),
    "eps_basin": (0, 1e-6),
    "eps_widens_basin": (0.105, 0.107),
    "eps_shrinks_limit": (0.0609, 0.061),
    "theorem4_printed": (14.9, 15.1),
    "theorem4_corrected": (0, 1e-6),
    "deep_thresholds": (0, 1e-6),
    "deep_limit_in_range": (0.05, 0.1),
    "directpred_is_alpha_half": (0, 1e-10),
    "limit_rates": (0, 1e-8),
    "general_start": (0, 1e-9),
    "nothing_comes_back": (-1, 1e-12),
    "spectral_norm_ratio": (0, 1e-9),
    "sample_rate": (0, 0.08),
    "sample_error": (0.005, 0.02),
    "exponential_approach": (0, 1e-3),
    "gram_constant": (0, 0.05),
    "late_rotation": (3, 5),
    "samples_with_projection": (0.75, 1.25),
    "samples_without_projection": (0, 0.05),
    "least_squares_count": (0, 0.1),
    "regression_bound": (0.5, 1.5),
    "regression_bias": (0, 0.005),
}


def test_every_check_has_a_bound_a_meaning_and_every_claim_a_check():
    assert set(BOUNDS) == set(CHECKS)
    assert all(f.__doc__ for f in CHECKS.values())
    assert {c.check for c in paper("wang2021").claims.values() if c.kind == "theory"} <= set(CHECKS)


@pytest.mark.parametrize("name", CHECKS)
def test_checks(name):
    low, high = BOUNDS[name]
    value = kept.value("wang2021", name)  # computed anew where the code has changed
    assert isinstance(value, float) and low <= value <= high, f"{name} = {value:.6g}"


def test_tables_agree_with_each_other():
    """The default settings of DirectCopy stand in four tables; a slip of the pen would show
    here."""
    wang = paper("wang2021")
    sizes = {name: len(table.cells) for name, table in wang.tables.items()}
    assert sizes == {
        "table1": 36,
        "table2": 4,
        "table3": 16,
        "table4": 12,
        "table5": 8,
        "table6": 16,
        "figure4": 3,
    }
    for name, eps in (("STL-10", "0.2"), ("CIFAR-10", "0.3")):
        for epochs in (100, 300):
            rows = (
                "table1:DirectCopy",
                f"table3:eps = {eps}",
                "table4:spectral",
                "table6:alpha = 1",
            )
            rows += ("table5:weight decay 4e-4",) if epochs == 100 else ()
            cells = [wang.reported(f"{row}|{name}, {epochs} epochs") for row in rows]
            assert len({(c.value, c.spread, c.epochs, c.dataset) for c in cells}) == 1
        for row in ("DirectPred", "DirectPred, freq = 5", "SGD baseline"):
            for epochs in (100, 300, 500):
                ours, theirs = (
                    paper(key).reported(f"{table}:{row}|{name}, {epochs} epochs")
                    for key, table in (("wang2021", "table1"), ("tian2021", "table8"))
                )
                assert (ours.value, ours.spread) == (theirs.value, theirs.spread)


# ---- describe


def test_describe_is_plain_and_right():
    answer = describe(sigma2=1, eta=0.2)
    assert json.loads(json.dumps(answer)) == answer
    assert (answer["eta_signal"], answer["eta_nuisance"]) == (
        pytest.approx(0.25),
        pytest.approx(0.125),
    )
    assert answer["signal_limit"] == answer["signal_end"] == pytest.approx(0.850651, abs=1e-6)
    assert (
        answer["signal_edge"] == pytest.approx(0.525731, abs=1e-6)
        and answer["nuisance_limit"] is None
    )
    assert answer["theorem4"] == pytest.approx({"printed": 0.03125, "corrected": 0.125})
    assert answer["kept_variance"] == pytest.approx(0.25) and "dropped" in answer["regime"]
    points = [(p["mode"], p["name"], p["stability"]) for p in answer["fixed_points"]]
    assert points == [
        ("signal", "collapse", "stable"),
        ("signal", "edge", "unstable"),
        ("signal", "limit", "stable"),
        ("nuisance", "collapse", "stable"),
    ]


@pytest.mark.parametrize(
    "params, words, mode, end",
    [
        ({"eta": 0.1}, "attenuated", "nuisance", 0.601501),
        ({"eta": 0.26}, "no other fixed point", "signal", 0.0),
        ({"delta": 0.52}, "inside the basin", "signal", 0.0),
        ({"delta": 0.3, "eps": 0.2}, "dropped", "signal", 0.723607),
        ({"eps": 0.75}, "no other", "signal", 0.0),
        ({"delta": -0.95}, "dropped", "signal", -0.850651),
        ({"eta": 0, "sigma2": 1}, "attenuated", "nuisance", 0.707107),
        ({"delta": 0}, "at rest", "signal", 0.0),
        ({"layers": 2, "eta": 0.18032610}, "dropped", "signal", 0.821224),
        ({"sigma2": 0}, "nothing tells", "signal", 0.850651),
    ],
)
def test_describe_knows_the_regimes(params, words, mode, end):
    answer = describe(**params)
    assert words in answer["regime"] and answer[f"{mode}_end"] == pytest.approx(end, abs=2e-5)
    given = {
        key: value for key, value in answer["parameters"].items() if key not in ("delta", "sigma2")
    }
    variance = answer["parameters"]["sigma2"] if mode == "nuisance" else 0.0
    ran = runs.mode_end(answer["parameters"]["delta"], end=3000.0, sigma2=variance, **given)
    assert ran == pytest.approx(answer[f"{mode}_end"], abs=1e-6)


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: describe(sigma=1), UnknownName, "sigma2"),
        (lambda: describe(eta=-1), ValueError, r"eta must be in \[0"),
        (lambda: describe(alpha=0), ValueError, r"alpha must be in \(0, inf\), was 0"),
        (lambda: describe(eta=[0.1, 0.2]), ValueError, "eta must be one number"),
        (
            lambda: describe(layers=1.5),
            ValueError,
            r"layers must be a whole number in \[1, inf\), was 1.5",
        ),
        (lambda: describe(delta=np.nan), ValueError, "delta must be in .* was nan"),
        (lambda: describe(eps=-0.1), ValueError, "eps must be in"),
        (
            lambda: matrix.encoder_flow(np.eye(2), correlation="noisy"),
            UnknownName,
            "unknown correlation 'noisy'",
        ),
        (
            lambda: matrix.encoder_flow(np.eye(2), norm="nuclear"),
            UnknownName,
            "unknown norm 'nuclear'",
        ),
        (
            lambda: matrix.encoder_flow([[0, 1], [0, 0]]),
            ValueError,
            "Xn must be a finite symmetric",
        ),
        (lambda: matrix.encoder_flow(-np.eye(2)), ValueError, "Xn must be a covariance"),
        (lambda: matrix.deep_flow(np.eye(2), 0), ValueError, "layers must be a whole number"),
        (lambda: matrix.nuisance(3, 4), ValueError, r"r must be in \[0, 3\], was 4"),
        (lambda: samples.moments(0), ValueError, "n must be a whole number"),
        (lambda: samples.descent(samples.population(), [5, 2]), ValueError, "marks must be rising"),
        (
            lambda: samples.descent(samples.population(), [500], step=50.0),
            FloatingPointError,
            "step 50 left the finite",
        ),
        (lambda: samples.ridge_error(10, np.eye(3), r=2, rho=0), ValueError, "rho must be in"),
        (lambda: samples.ridge_error(10, np.eye(3), r=4), ValueError, "0 < r <= d"),
        (lambda: samples.ridge_error(10, np.eye(3), r=2, beta=-1), ValueError, "beta must be in"),
    ],
)
def test_what_makes_no_sense_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
