"""Events of flows: where the formula says, in their direction, before the end."""

import numpy as np
import pytest
from small_flows import BLOW_UP

from ncssl.theory.ode.flow import Flow
from ncssl.theory.ode.params import Param

LOGISTIC = Flow(
    "y' = r y (1 - y)",
    "exact: logit(y) = logit(y0) + r t",
    {"y": ()},
    lambda t, y, q: q["r"][..., None] * y * (1 - y),
    (Param("r", 1.0, "per unit of time", low=0),),
)
CIRCLE = Flow(
    "x' = -w y, y' = w x",
    "exact: (cos wt, sin wt)",
    {"x": (), "y": ()},
    lambda t, y, q: np.stack([-q["w"] * y[..., 1], q["w"] * y[..., 0]], -1),
    (Param("w", 1.0, "per time"),),
)


# ---- events

BOTH = [("adaptive", {}), ("rk4", {"substeps": 2000})]


@pytest.mark.parametrize("method, options", BOTH)
def test_events_of_the_logistic_are_where_the_formula_says(method, options):
    y0, r = np.geomspace(1e-3, 0.2, 15), np.array([0.5, 1.0, 2.0])[:, None]
    levels = {"half": 0.5, "most": 0.99, "never": 1.01}
    events = {
        name: (lambda t, y, q, level=level: y[..., 0] - level, 1) for name, level in levels.items()
    }
    run = LOGISTIC.solve(
        y0[:, None], [0, 10.0, 40.0], method=method, options=options, events=events, r=r
    )
    for name in ("half", "most"):
        exact = (np.log(levels[name] / (1 - levels[name])) - np.log(y0 / (1 - y0))) / r
        assert run.events[name].shape == (3, 15)
        np.testing.assert_allclose(run.events[name], exact, rtol=0, atol=1e-8)
    assert np.isnan(run.events["never"]).all()


@pytest.mark.parametrize("method, options", BOTH)
def test_events_know_their_direction_their_parameters_and_the_time(method, options):
    w = np.array([1.0, 2.0])
    events = {
        "falls": (lambda t, y, q: y[..., 0], -1),
        "rises": (lambda t, y, q: y[..., 0], 1),
        "either": (lambda t, y, q: y[..., 0], 0),
        "clock": (lambda t, y, q: q["w"] * t - 0.75, 1),
        "at the start": (lambda t, y, q: y[..., 1], 1),
    }
    run = CIRCLE.solve(
        [1.0, 0.0], np.linspace(0, 6, 5), method=method, options=options, events=events, w=w
    )
    exact = {
        "falls": np.pi / 2 / w,
        "rises": 3 * np.pi / 2 / w,
        "either": np.pi / 2 / w,
        "clock": 0.75 / w,
        # zero at the start is no change; w = 1 would be back at 2 pi > 6
        "at the start": [np.nan, np.pi],
    }
    for name, when in exact.items():
        np.testing.assert_allclose(run.events[name], when, rtol=0, atol=1e-8)


def test_events_before_the_end_of_a_trajectory_are_kept():
    events = {"ten": (lambda t, y, q: y[..., 0] - 10, 1), "two": (lambda t, y, q: y[..., 0] - 2, 1)}
    for method, options in BOTH:
        run = BLOW_UP.solve(
            [[1.0], [0.1], [0.6]],
            [0, 1.5],
            method=method,
            options=options,
            ended="keep",
            events=events,
        )
        np.testing.assert_allclose(run.events["ten"], [0.9, np.nan, np.nan], atol=1e-8)
        np.testing.assert_allclose(run.events["two"], [0.5, np.nan, 1 / 0.6 - 0.5], atol=1e-8)
        assert (run.reason != "").tolist() == [True, False, False]


@pytest.mark.parametrize(
    "event, message",
    [
        ((lambda t, y, q: y[..., 0], 2), "unknown direction of event 'it' '2'"),
        (
            (lambda t, y, q: y, 1),
            r"event 'it' must be one number a trajectory, of shape \(3,\), was \(3, 1\)",
        ),
    ],
)
def test_events_that_cannot_be_watched_are_named(event, message):
    with pytest.raises(ValueError, match=message):
        LOGISTIC.solve(np.full((3, 1), 0.1), [0, 1.0], events={"it": event})
