"""Figures and tables of trained heads, collapse and correlation show what records hold, and survive
missing ones."""

import math
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ncssl.claims import papers
from ncssl.plots import decorrelation, heads
from ncssl.records import numbers, store
from ncssl.report import select, tables
from ncssl.runs.experiments import planned, scheduled


def record(plan, curves, metrics=None) -> store.Record:
    """A record with these curves and final metrics; without metrics a run that failed."""
    ended = ("failed", "the loss was nan at step 7 (epoch 1)") if metrics is None else ("done", "")
    return store.Record(
        plan.recipe,
        plan.paper,
        ended[0],
        metrics or {},
        curves,
        1.0,
        1.0,
        "CPU",
        "float32",
        {},
        "abc",
        "now",
        reason=ended[1],
    )


def test_a_head_is_drawn_on_a_scale_symmetric_about_zero(ax):
    E = np.array([[0.0, -2.0], [1.0, 0.0]])
    assert (
        heads.matrix({"matrix": E, "title": "epoch 1"}, ax) is ax
        and ax.get_title(loc="left") == "epoch 1"
    )
    (image,) = ax.images
    assert (
        image.get_clim() == (-2, 2)
        and image.get_array().tolist() == E.tolist()
        and len(ax.figure.axes) == 1
    )
    heads.matrix({"matrix": 0 * E}, ax)
    assert ax.images[1].get_clim() == (-1, 1), "a head at the identity has a scale too"
    heads.matrix({"matrix": E, "limit": 5.0}, ax, bar=True)
    assert ax.images[2].get_clim() == (-5, 5) and len(ax.figure.axes) == 2


ARM = {"label": "a", "low": None, "high": None, "paper": "COLLAPSE"}


def test_collapse_is_shaded_below_its_limit_and_what_was_not_run_is_empty(ax):
    rows = [
        ARM | {"arm": "std", "values": {0: 0.9, 1: 1.4}, "mean": 1.15, "low": -2.0, "high": 1.2}
    ]
    rows.append(ARM | {"arm": "cov", "values": {}, "mean": None})
    data = {"arms": rows, "limit": 0.1, "label": "variance left"}
    assert decorrelation.collapse_dots(data, ax) is ax
    (collapsed,) = (
        patch.get_extents().transformed(ax.transData.inverted()) for patch in ax.patches
    )
    assert (collapsed.x0, collapsed.x1) == pytest.approx((ax.get_xlim()[0], 0.1))
    assert [line.get_xdata()[0] for line in ax.lines if line.get_marker() in ("<", ">")] == [
        ax.get_xlim()[0]
    ]
    assert ax.get_xlim()[1] > 1.4
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a", "a (not run)"]
    assert "COLLAPSE" in [text.get_text() for text in ax.texts]
    empty = decorrelation.collapse_dots(data | {"arms": rows[1:]}, plt.figure().add_subplot())
    assert empty.get_xlim() == (-0.05, 1.05)


def test_correlations_start_at_zero_beside_independent_channels(ax):
    curves = [
        {"arm": "byol", "label": "BYOL", "runs": [(np.arange(3.0), np.array([0.5, 0.2, 0.1]))]}
    ]
    data = {"curves": curves, "independent": 0.01, "label": "mean |R|"}
    assert decorrelation.correlations(data, ax) is ax and ax.get_ylim()[0] == 0
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "BYOL",
        "independent channels",
    ]
    assert list(ax.lines[-1].get_ydata()) == [0.01, 0.01]
    empty = decorrelation.correlations(data | {"curves": []}, plt.figure().add_subplot())
    assert [text.get_text() for text in empty.texts] == ["not run"] and not empty.lines


@pytest.mark.parametrize("kind", ["random", "identity and a little", "symmetric"])
def test_share_off_the_diagonal_follows_from_what_records_hold(kind):
    torch = pytest.importorskip("torch")
    from ncssl.measure import diagnostics
    from ncssl.nn import Linear

    plan = next(p for p in planned("liu2022", "decorrelation", "smoke") if p.arm == "byol_linear")
    d = plan.recipe.d
    g = torch.Generator().manual_seed(0)
    W = torch.randn(d, d, generator=g)
    W = {"random": W, "identity and a little": torch.eye(d) + 0.1 * W, "symmetric": W + W.T}[kind]

    predictor = Linear(d)
    predictor.layer.weight.data = W
    row = diagnostics.spectra(
        SimpleNamespace(predictor=predictor), torch.randn(100, d, generator=g)
    )
    r = record(plan, {"epoch": [0], **{k: [v] for k, v in row.items()}}, {})
    share = ((W - W.diagonal().diag()).square().sum() / W.square().sum()).item()
    assert numbers.off_diagonal_share(r) == pytest.approx([share], abs=1e-6)
    two = {name: values * 2 for name, values in r.curves.items()} | {"epoch": [0, 1]}
    x, y = select.curve(record(plan, two, {}), "off_diagonal_share")
    assert x.tolist() == [0, 1] and y == pytest.approx([share, share], abs=1e-6)


def test_no_share_where_eigenvalues_are_missing():
    plan = planned("liu2022", "decorrelation", "gpu")[0]
    curves = {
        "epoch": [0],
        "predictor_eigenvalues": [[1.0] * 64],
        "asymmetry": [0.1],
        "off_diagonal": [1.0],
    }
    assert plan.recipe.d > 64 and numbers.off_diagonal_share(record(plan, curves, {})) == []
    assert numbers.off_diagonal_share(record(plan, {}, {})) == []


def test_thinned_spectra_keep_their_ends():
    data = {"epoch": np.arange(13.0), "values": np.arange(26.0).reshape(13, 2), "seed": 0}
    few = select.thinned(data, 4)
    assert few["epoch"].tolist() == [0, 4, 8, 12] and few["values"][:, 0].tolist() == [0, 8, 16, 24]
    assert select.thinned(data, 13) is data and select.thinned(None) is None


def test_tables_of_chosen_metrics_tell_missing_from_failed():
    paper = papers.paper("wen2022")
    found = []
    for p in scheduled("wen2022", "rates", "small"):
        peak = {"ratio_1": 1.0 + p.seed, "ratio_10": 5.0}.get(p.arm)
        failed = p.arm == "ratio_10" and p.seed == 0
        curves = {"epoch": [0, 1, 2], "off_diagonal": [0.0, peak, 0.5]}
        metrics = None if failed else {"std_normalised": 0.05}
        found.append((p, record(p, curves, metrics) if peak else None))
    columns = {"off_diagonal_peak": ("largest", 2), "std_normalised": ("spread", 1)}
    table = tables.measured(paper, "rates", found, columns).set_index("arm")
    assert list(table.loc["equal rates (ratio_1)"]) == ["3", "2.00 [-0.48, 4.48]", "0.4 [0.4, 0.4]"]
    assert table.loc["head 10 times faster (ratio_10)", "n"] == "2"
    assert (
        list(table.loc["head 10 times slower (ratio_0_1)"]) == ["not run", "", ""]
        and len(table) == 4
    )
    few = tables.measured(paper, "rates", found, columns, ["ratio_10", "ratio_1"])
    assert few["arm"].tolist() == ["equal rates (ratio_1)", "head 10 times faster (ratio_10)"]


def test_tables_of_differences_have_the_papers_own():
    rows = [
        {"label": "a - b", "effect": 1.234, "low": 0.5, "high": 2.0, "n": 3, "paper": 4.1},
        {"label": "c - d", "effect": None, "low": None, "high": None, "n": 0, "paper": None},
    ]
    table = tables.differences(rows)
    assert list(table.loc[0]) == ["a - b", "1.2", "[0.5, 2.0]", 3, "4.1"]
    assert list(table.loc[1]) == ["c - d", "not run", "", 0, ""]


def test_independent_channels_correlate_by_chance_alone():
    """The level that the chapter draws is the mean of |R_ij| over independent Gaussian channels."""
    pytest.importorskip("torch")
    from ncssl.measure import collapse

    R = np.corrcoef(np.random.default_rng(0).standard_normal((500, 40)), rowvar=False)
    seen = np.abs(R[np.triu_indices(40, 1)]).mean()
    assert collapse.healthy(500, 40)["correlation"] == pytest.approx(seen, rel=0.05)
    assert math.isclose(
        collapse.healthy(10_000, 64)["correlation"], (2 / math.pi / 9_999) ** 0.5, rel_tol=1e-3
    )
