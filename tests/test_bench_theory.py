"""The theory part of the benchmark: the same flow on both sides, and what is projected."""

from itertools import count

import numpy as np
import pytest
import torch

from ncssl.bench import batched, theory


def test_the_flow_given_to_scipy_is_ours():
    y = theory.starts(5)
    mine = theory.SCALARS.field(y, **theory.PARAMS)
    assert np.allclose([theory.plain(0.0, row) for row in y], mine, rtol=1e-14, atol=0)
    torchs = batched.flow(theory.PARAMS)(torch.zeros(5), torch.from_numpy(y))
    assert np.allclose(torchs, mine, rtol=1e-14, atol=0)


@pytest.mark.parametrize("name, method", [("torchdiffeq", "dopri5"), ("torchode", "Tsit5")])
def test_packages_that_integrate_batches_end_where_ours_ends(name, method):
    pytest.importorskip(name)
    y, options = theory.starts(4), dict(rtol=1e-9, atol=1e-11)
    made = getattr(batched, name)(method, options, y, theory.END, theory.PARAMS)
    assert np.allclose(made, theory.ours("rk4", dict(substeps=512), y), atol=1e-8)


def test_what_is_not_installed_is_said_and_each_package_is_compared_by_its_best(monkeypatch):
    monkeypatch.setattr(batched, "there", lambda name: None)
    assert theory.absent() == ["torchdiffeq", "torchode"]
    values = {
        "ours, rk4": [8.0],
        "solve_ivp, a": [2.0],
        "solve_ivp, b": [4.0],
        "torchode, c": [1.0],
    }
    made = {r["name"]: (r["median"], r["goal"]) for r in theory.against(values)}
    assert made == {"ours, rk4 / solve_ivp, b": (2.0, 100), "ours, rk4 / torchode, c": (8.0, None)}


def test_the_million_is_run_in_full_or_called_projected(monkeypatch):
    asked = []
    monkeypatch.setattr(
        theory, "million", lambda n, steps: asked.append((n, steps)) or 0.02 * steps
    )
    assert theory.million_row(7)["values"] == [20.0] and asked == [(7, 10), (7, 10), (7, 1000)]
    asked.clear()
    monkeypatch.setattr(theory, "PATIENCE", 19.0)
    row = theory.million_row(7)
    assert (
        row["values"] == pytest.approx([20.0])
        and "projected from 10 steps" in row["name"]
        and len(asked) == 2
    )


def test_accuracy_is_reached_by_the_cheapest_setting():
    ladder, truth = [dict(e=1e-3), dict(e=1e-9), dict(e=0.0)], np.zeros((2, 3))
    clean = count()

    def solve(method, options, y0):
        next(clean)
        return truth + options["e"]

    assert (
        theory.cheapest(solve, "rk4", ladder, truth, truth) == (dict(e=1e-9), 1e-9)
        and next(clean) == 2
    )
    with pytest.raises(ArithmeticError, match="rk4 does not come within 1e-08"):
        theory.cheapest(solve, "rk4", ladder[:1], truth, truth)
