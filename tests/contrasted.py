"""A claim and runs for the tests of verdicts."""

from ncssl.claims.facts import Claim


def claim(test="greater", margin=0.0, **more):
    sides = {
        "ordering": dict(arms=("a", "b", "c")),
        "above": dict(left="a"),
        "below": dict(left="a"),
    }
    side = sides.get(test, dict(left="a", right="b"))
    fixed = dict(
        paper="x", id="c", place="Table 1", statement="s", kind="records", margin_by="ours"
    )
    return Claim(**fixed | dict(test=test, margin=margin, metric="probe_accuracy") | side | more)


def runs(*values):
    return dict(enumerate(values))


def around(mean, width=0.1):
    """Five runs with that mean; half their t interval is 0.98 for width 0.5."""
    return runs(*(mean + width * x for x in (-1.5, -0.7, 0.2, 0.7, 1.3)))
