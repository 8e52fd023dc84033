"""Theory of halvagal2023: the front door. describe, what is refused, the command line, every check
in its bounds."""

import json
import subprocess
import sys

import numpy as np
import pytest

from ncssl.errors import UnknownName
from ncssl.theory import kept
from ncssl.theory.halvagal2023 import CHECKS, FLOWS, cosine, deep, describe, modes


def q(loss):
    return modes.MODES[loss].check()


# ---- describe


def test_describe_is_plain_and_right():
    answer = describe(lambda0=0.1, rho=0.1)
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer
    euc = answer["euclidean"]["euc"]
    assert euc["edge"] == pytest.approx(0.1127, abs=5e-5) and euc["attractor"] == pytest.approx(
        0.8873, abs=5e-5
    )
    assert (
        euc["limit"] == 0 and euc["time_to_one_half"] is None and "below the edge" in euc["regime"]
    )
    assert (
        answer["euclidean"]["euc_iso"]["limit"] == pytest.approx(0.9)
        and answer["critical_decay"]["euc"] == 0.25
    )
    free = describe()
    assert free["euclidean"]["euc"]["time_to_one_half"] == pytest.approx(5.0986, abs=5e-5)
    assert free["euclidean"]["euc_iso"]["time_to_one_half"] == pytest.approx(1.0986, abs=5e-5)
    assert free["ema"]["euc_iso"]["slow_rate"] == pytest.approx(deep.slow_rate(0.1))
    assert free["euclidean"]["euc_nopred"]["regime"].startswith("at rest")
    assert describe(lambda0=2.0)["euclidean"]["euc_wrong_side"]["blow_up_time"] == pytest.approx(
        np.log(2) / 2
    )
    assert "repels from below" in describe(lambda0=2.0)["euclidean"]["euc_nosg"]["regime"]


def test_describe_knows_the_cosine_losses():
    table = describe(lambda0=0.32, partner=1.54)["cosine"]
    assert table["cos"]["limit"] == pytest.approx(0.93)
    assert table["cos_iso"]["limit"] == pytest.approx(1.11221, abs=5e-6)
    for loss in ("cos", "cos_iso"):
        goal = table[loss]["limit"] / 2
        run = cosine.TWO_MODES[loss].solve(
            [0.32, 1.54],
            [0, 20.0],
            options={"rtol": 1e-8},
            events={"half": (lambda t, y, p, goal=goal: y[:, 0] - goal, 1)},
        )
        assert table[loss]["time_to_half_of_limit"] == pytest.approx(
            float(run.events["half"]), rel=1e-6
        )
    late = cosine.TWO_MODES["cos_nosg"].solve([0.32, 1.54], [0, 60.0], options={"rtol": 1e-6})[
        "lam"
    ][-1]
    assert abs(late[0]) < 1e-6 and late[1] == pytest.approx(1.86, rel=1e-5)
    assert (
        table["cos_nosg"]["limit"] == 0
        and describe(lambda0=2.0)["cosine"]["cos_nosg"]["limit"] == 3.0
    )
    assert describe(lambda0=1.0)["cosine"]["cos_nosg"]["limit"] == 1
    assert describe(rho=0.1)["cosine"]["cos"]["limit"] == 0


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: describe(lambda_0=0.1), UnknownName, "lambda0"),
        (lambda: describe(rho=-1), ValueError, "rho must be in"),
        (lambda: describe(alpha=[1, 2]), ValueError, "alpha must be one number"),
        (lambda: describe(one_sided=2), ValueError, r"one_sided must be in \[0, 1\], was 2"),
        (lambda: describe(lambda0=0), ValueError, r"lambda0 must be in \(0, inf\), was 0"),
        (lambda: modes.mode_flow("euk"), UnknownName, "Euclidean loss"),
        (lambda: modes.coefficients("euk", q("euc")), UnknownName, "Euclidean loss"),
        (lambda: modes.explicit(1.0, 0.1, "euc", q("euc")), ValueError, "time_between"),
        (
            lambda: FLOWS["ema"].solve([0.1, 0.1], [0, 1.0], beta=0),
            ValueError,
            r"beta must be in \(0, inf\), was 0",
        ),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_diverging_mode_ends_with_a_reason():
    run = modes.MODES["euc_wrong_side"].solve([[2.0], [0.5]], [0, 0.2, 0.4], ended="keep")
    assert (
        run.reason[0] != ""
        and run.reason[1] == ""
        and run.end_time[0] == pytest.approx(np.log(2) / 2, abs=1e-6)
    )


def test_the_command_line_answers():
    command = [
        sys.executable,
        "-m",
        "ncssl",
        "theory",
        "halvagal2023",
        "--set",
        "rho=0.1",
        "--json",
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert json.loads(done.stdout)["euclidean"]["euc"]["edge"] == pytest.approx(0.1127, abs=5e-5)


# ---- figures


def test_the_figures_of_eigenvalues_draw_what_they_are_given():
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    from ncssl.plots import eigenmodes, style

    x, lam = np.arange(4.0), np.array([[0.1, 2.0], [0.2, 1.5], [0.4, 1.2], [0.7, 1.0]])
    with mpl.rc_context():
        style.use()
        _, axes = style.panels(5)
        first = eigenmodes.eigenvalues(
            {"x": x, "lam": lam, "exact": (x, lam), "levels": [1.0], "title": "a"}, axes[0]
        )
        assert first is axes[0] and first.get_yscale() == "log" and len(first.lines) == 5
        assert (first.lines[0].get_ydata() == lam[:, 1]).all() and first.get_title(
            loc="left"
        ) == "a"
        eigenmodes.paths({"points": np.stack([lam, 2 * lam], axis=1)}, axes[1])
        assert axes[1].get_xlim()[1] > 4 and len(axes[1].lines) == 4
        grid = {"x": x, "y": x, "dx": np.ones((4, 4)), "dy": np.ones((4, 4)), "labels": ("a", "b")}
        assert eigenmodes.pull(grid, axes[2]).get_xlabel() == "a"
        data = {"x": x, "attracting": {"up": x}, "repelling": {"down": -x}, "labels": ("a", "b")}
        data["ends"] = [(x, x, "end")]
        legend = eigenmodes.branches(data, axes[3]).get_legend()
        assert [t.get_text() for t in legend.get_texts()] == ["up", "down", "end"]
        eigenmodes.against(
            {"series": {"one": (x, x, x, x)}, "labels": ("a", "b")}, axes[4], log="y"
        )
        assert axes[4].get_yscale() == "log" and axes[4].get_xscale() == "linear"
        plt.close("all")


# ---- checks

# check -> (lowest, highest) value accepted here; the claims of the book have their own margins
BOUNDS = {
    "gradient_identity": (0, 1e-14),
    "iso_forms_agree": (0, 1e-14),
    "iso_equal_rates": (0, 1e-7),
    "euc_unequal_rates": (70.2, 70.4),
    "recruitment_speed_up": (0, 1e-3),
    "speed_up_from_two_percent": (13.3, 13.35),
    "same_local_rate": (0, 1e-8),
    "noisy_fixed_point": (0, 1e-8),
    "cosine_levels": (0, 1e-5),
    "cosine_invariants": (0, 1e-9),
    "cosine_homogeneity": (0, 1e-12),
    "nosg_collapse": (0, 1e-11),
    "wrong_side": (0, 1e-7),
    "decay_edge": (0, 1e-6),
    "decay_threshold": (0, 1e-7),
    "iso_without_threshold": (0, 1e-8),
    "ema_same_point": (0, 1e-7),
    "ema_slows": (0.05, 0.07),
    "normalised_logistic": (0, 1e-9),
    "normalised_ends_at_the_largest": (0, 1e-7),
    "gradient_per_sample": (0, 1e-13),
    "sign_rule": (0, 0),
    "noisy_fixed_point_sampled": (0, 0.01),
    "cosine_isotropy": (0, 0.002),
    "cosine_levels_sampled": (0, 0.01),
    "nosg_collapse_sampled": (0, 1e-20),
    "cosine_nosg_rank": (0.34, 0.38),
    "cosine_nosg_growth": (0.98, 1.06),
    "cosine_nosg_growth_as_released": (30, 45),
    "released_formula_one_output": (29.9, 30.1),
    "toy_follows_flow": (0, 0.05),
    "cosine_nopred_slow": (0.1, 0.25),
    "cosine_nopred_flow": (0, 0.05),
    "relu_iso_reaches_one": (0, 0.05),
    "relu_euc_leaves_the_smallest": (0.02, 0.05),
    "nopred_still": (0, 0.05),
    "nopred_decay": (0, 0.005),
    "decay_threshold_sampled": (0, 0),
}


def test_every_check_has_a_bound_and_a_meaning():
    assert set(BOUNDS) == set(CHECKS)
    assert all(f.__doc__ for f in CHECKS.values())


@pytest.mark.parametrize("name", CHECKS)
def test_checks(name):
    low, high = BOUNDS[name]
    value = kept.value("halvagal2023", name)  # computed anew where the code has changed
    assert isinstance(value, float) and low <= value <= high, f"{name} = {value:.6g}"
