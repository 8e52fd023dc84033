"""Claims and runs for the tests of gates."""

from ncssl.claims.facts import Claim
from ncssl.recipes import recipe
from ncssl.records import store
from ncssl.runs.experiments import Planned

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


def collapse(**more):
    return claim("below", metric="std_normalised", margin=0.1, **more)


def spread(**values):
    return [
        made(a, s, 50.0, metrics={"std_normalised": v + 0.001 * s})
        for s in range(3)
        for a, v in values.items()
    ]
