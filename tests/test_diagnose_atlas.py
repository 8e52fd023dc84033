"""What the runs of the atlas say of the limits: figures, causes, counts."""

import numpy as np

from ncssl.measure import causes, collapse
from ncssl.plots import atlas
from ncssl.runs import experiments


def lines_of(value):
    return [
        {
            "arm": "simsiam",
            "label": "SimSiam",
            "runs": [(np.array([0.0, 3.0]), np.array([value, 1.0]))],
        }
    ]


def test_a_family_has_a_panel_a_diagnostic_its_limits_and_one_legend():
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, layout="constrained")
    data = [
        {"title": "spread", "curves": lines_of(0.5), "limit": 0.1},
        {"title": "kNN", "curves": lines_of(3), "floor": 2, "low": 1.5},
        {"title": "empty", "curves": [], "limit": 0.1},
    ]
    atlas.family(data, iter(axes))  # an iterator too, such as axes.flat
    assert [ax.get_title() or ax.get_title("left") for ax in axes] == ["spread", "kNN", "empty"]
    levels = [
        [line.get_ydata()[0] for line in ax.lines if line.get_linestyle() in (":", "--")]
        for ax in axes
    ]
    assert axes[1].get_ylim()[0] == 1.5 and axes[0].get_ylim()[0] < 0.1
    assert levels == [[0.1], [2], []] and axes[2].texts[0].get_text() == "not run"
    (legend,) = figure.legends
    assert [t.get_text() for t in legend.get_texts()] == [
        "SimSiam",
        "limit of ncssl diagnose",
        "untrained encoder",
    ]
    plt.close(figure)


def test_strips_show_every_run_on_its_side_and_zeros_at_the_end():
    import matplotlib.pyplot as plt

    ax = plt.figure().add_subplot()
    rows = [{"label": "spread", "learned": [0.5, 0.9], "failed": [0.0, 0.01], "limit": 0.1}]
    assert atlas.strips(rows, ax) is ax
    marks = {
        line.get_label(): sorted(line.get_xdata())
        for line in ax.lines
        if line.get_label() in atlas.SIDES
    }
    assert marks == {"learned": [0.5, 0.9], "failed": [1e-4, 0.01]}
    assert [
        line.get_xdata()
        for line in ax.lines
        if len(line.get_xdata()) == 2 and list(line.get_xdata()) == [0.1] * 2
    ]
    empty = atlas.strips(
        [{"label": "a", "learned": [], "failed": [], "limit": 1}], plt.figure().add_subplot()
    )
    assert empty.texts[0].get_text() == "not run"
    plt.close("all")


def test_every_cause_was_seen_in_the_arm_of_the_atlas_that_it_names():
    arms = experiments.planned("companion", "atlas", "smoke")
    for finding, likely in causes.CAUSES.items():
        assert finding in collapse.FINDINGS
        for _, _, arm in likely:
            runs = [(p, r) for p, r in experiments.records(arms) if p.arm == arm]
            assert runs, f"the atlas has no arm {arm}"
            seen = [finding in found(r) for _, r in runs if r is not None]
            assert not seen or sum(seen) >= 2 * len(seen) / 3, (
                f"{finding} was not seen in {arm}: {seen}"
            )


def found(record):
    """What is found in the projections and in the features of a record of the atlas."""
    widths = {"projection": record.recipe.options.get("prototypes", record.recipe.d), "feature": 64}
    return [
        word
        for kind, d in widths.items()
        for word in collapse.findings(
            {name: record.metrics[f"{kind}_{name}"] for name in collapse.healthy(50, 8)},
            record.data["test"],
            d,
            f"{kind}s",
        )
    ]
