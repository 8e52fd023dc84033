"""Theory of wen2022: the canonical run, and every number of it that was seen before."""

import functools

import numpy as np
import pytest

from ncssl.theory.wen2022 import runs

# ---- the canonical run, and every number of it that was seen before (spec 6.1), as printed there

STATES = {  # step -> b_11, b_12, b_21, b_22, E_12, E_21
    0: (0.200, 0.100, 0.060, 0.120, 0, 0),
    5: (0.525, 0.100, 0.066, 0.123, 0.001, 0.056),
    20: (0.618, 0.101, 0.075, 0.129, 0.001, 0.155),
    60: (0.694, 0.102, 0.078, 0.143, 0.001, 0.204),
    120: (0.738, 0.105, 0.079, 0.173, 0.001, 0.227),
    150: (0.747, 0.107, 0.079, 0.207, 0.001, 0.228),
    200: (0.515, 0.115, 0.061, 0.903, 0, 0),
    800: (0.686, 0.115, 0.061, 1.056, 0, 0),
}


@functools.cache
def last(variant=None, steps=10_000, eta=0.2, eta_E=None, overlap=0.0):
    eta_E = eta if eta_E is None else eta_E
    return runs.descend(
        runs.start(runs.CANONICAL, overlap),
        steps=steps,
        eta=eta,
        eta_E=eta_E,
        every=max(1, steps // 1000),
        options=LONG.get(variant),
    )


def peak(run):
    return run.E[:, 1, 0].max()


def at_peak(eta):
    run = runs.canonical(eta=eta, steps=int(36 / eta))
    i = run.E[:, 1, 0].argmax()
    return [run.E[i, 1, 0], run.times[i]]


@pytest.mark.parametrize("step", STATES)
def test_canonical_states(step):
    run = runs.canonical()
    got = [*run.b[step].ravel(), run.E[step, 0, 1], run.E[step, 1, 0]]
    np.testing.assert_allclose(got, STATES[step], atol=5.5e-4)


LONG = {
    "no head": {"head": "none"},
    "no stop-gradient": {"stop_gradient": "none"},
    "detached": {"normalisation": "detached"},
}
SEEN = [  # id, what is computed, what was seen, tolerance
    ("peak of E_21", lambda: peak(runs.canonical()), 0.229, 5e-4),
    ("peak of E_12", lambda: np.abs(runs.canonical().E[:, 0, 1]).max(), 6e-4, 5e-5),
    (
        "time of the peak, counted from the first step",
        lambda: runs.canonical().E[:, 1, 0].argmax() + 1,
        140,
        0,
    ),
    ("no head", lambda: last("no head").b[-1].ravel(), [0.913, 0.100, 0.909, 0.131], 5.5e-4),
    ("no stop-gradient", lambda: last("no stop-gradient").b[-1, 1], [0.947, 0.123], 5.5e-4),
    ("no stop-gradient, head", lambda: last("no stop-gradient").E[-1, 1, 0], 0.165, 5.5e-4),
    (
        "detached",
        lambda: [
            *last("detached").b[-1, 1],
            last("detached").E[-1, 1, 0],
            last("detached").b[-1, 0, 0] / 1000,
        ],
        [0.063, 0.121, 6.13, 0.0855],
        5.5e-3,
    ),
    *[
        (f"eta {eta}", lambda eta=eta: at_peak(eta), [value, time], (5.5e-4, 0.25))
        for eta, value, time in (
            (0.2, 0.229, 28.0),
            (0.1, 0.243, 27.0),
            (0.05, 0.245, 26.8),
            (0.02, 0.246, 26.7),
        )
    ],
    (
        "eta 0.4 is unstable",
        lambda: np.abs(last(steps=800, eta=0.4).E[:, 0, 1]).max(),
        0.545,
        5.5e-4,
    ),
    *[
        (f"overlap {c}", lambda c=c: peak(last(steps=800, overlap=c)), value, 5.5e-4)
        for c, value in ((0.2, 0.230), (-0.3, 0.227), (0.6, 0.233))
    ],
    (
        "slow head .1",
        lambda: [*last(steps=4000, eta_E=0.02).b[-1, 1, 1:], peak(last(steps=4000, eta_E=0.02))],
        [0.157, 0.13],
        5.5e-3,
    ),
    (
        "slow head .01",
        lambda: [*last(steps=4000, eta_E=0.002).b[-1, 1, 1:], peak(last(steps=4000, eta_E=0.002))],
        [0.131, 0.013],
        5.5e-4,
    ),
]


@pytest.mark.parametrize(
    "compute, seen, tol", [row[1:] for row in SEEN], ids=[row[0] for row in SEEN]
)
def test_numbers_seen_before(compute, seen, tol):
    assert (np.abs(np.asarray(compute()) - seen) <= tol).all()
