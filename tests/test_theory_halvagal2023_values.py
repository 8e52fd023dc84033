"""Theory of halvagal2023: values that were computed in other ways before."""

import numpy as np
import pytest

from ncssl.theory.halvagal2023 import cosine, deep, modes
from ncssl.theory.halvagal2023.toy import FIXTURE
from ncssl.theory.ode.flow import numerical_jacobian


def solve(flow, start, times, **params):
    return flow.solve(
        np.asarray(start, float), times, options={"rtol": 1e-12, "atol": 1e-15}, **params
    ).y


def end(loss, start, time=200.0, **params):
    return solve(modes.MODES[loss], np.asarray(start, float)[..., None], [0, time], **params)[
        -1, ..., 0
    ]


def q(loss, **params):
    return modes.MODES[loss].check(**params)


def time_to(loss, start, level, flow=None, **params):
    """Time at which an integration passes the level, by an event of the integrator."""
    flow = flow or modes.MODES[loss]
    run = flow.solve(
        np.asarray(start, float),
        [0, 400.0],
        options={"rtol": 1e-8},
        events={"there": (lambda t, y, p: y[:, 0] - level, 1)},
        **params,
    )
    return run.events["there"]


def ema_time(flow, beta):
    return time_to(
        None, np.full((len(beta), 2), np.sqrt(0.02)), np.sqrt(0.5), flow, beta=np.array(beta)
    )


def ema_slow(flow, beta):
    return np.linalg.eigvals(
        numerical_jacobian(flow, np.ones((len(beta), 2)), beta=np.array(beta))
    ).real.max(-1)


def ema_growth(beta):
    """Rate of ln w between t = 20/beta-independent times far below 1, from the integrated flow."""
    flow, start = deep.EMA_ISO, np.full((len(beta), 2), 1e-12)
    rate = np.array([deep.growth_rate(b) for b in beta])
    y = [
        solve(flow, s, [0, 8 / r, 12 / r], beta=b)[1:, 0]
        for s, r, b in zip(start, rate, beta, strict=True)
    ]
    return np.array([np.log(b / a) / (4 / r) for (a, b), r in zip(y, rate, strict=True)])


def normalised_times(iso):
    flow = deep.normalised_flow(10, iso=iso)
    return time_to(None, FIXTURE, FIXTURE.max() / 2, flow)


def ratio(loss, t):
    return cosine.participation_ratio(end(loss, FIXTURE, t))


ISO_HALF, EUC_HALF = [1.9459, 1.0986, 0.4236], [25.9459, 5.0986, 1.0903]
V = [  # (id, what is computed, what it must be, tolerance)
    (
        "V3 logistic",
        lambda: (
            end("euc_iso", FIXTURE, 0.5) - modes.explicit(0.5, FIXTURE, "euc_iso", q("euc_iso"))
        ),
        0,
        1e-9,
    ),
    (
        "V3 slopes euc, by descent",
        lambda: descent_slopes("euc"),
        [0.0404, 0.207, 0.430, 0.775, 1.152, 1.286, 2.084, 2.131, 2.620, 2.846],
        6e-4,
    ),
    (
        "V3 slopes iso, by descent",
        lambda: [f(descent_slopes("euc_iso")) for f in (min, max)],
        [1.9991, 2.0037],
        6e-5,
    ),
    (
        "V3 slopes euc, exact",
        lambda: slopes("euc"),
        [
            0.0403972,
            0.2071414,
            0.4299591,
            0.7756112,
            1.1521331,
            1.286114,
            2.081224,
            2.1285468,
            2.6147436,
            2.8388649,
        ],
        1e-6,
    ),
    ("V3 slopes iso, exact", lambda: slopes("euc_iso"), np.full(10, 2.0), 1e-9),
    ("V3 times euc", lambda: time_to("euc", [[0.02], [0.1], [0.3]], 0.5), EUC_HALF, 5.1e-5),
    ("V3 times iso", lambda: time_to("euc_iso", [[0.02], [0.1], [0.3]], 0.5), ISO_HALF, 5.1e-5),
    ("V3 half times", lambda: modes.half_time([0.02, 0.1, 0.3]), EUC_HALF, 5.1e-5),
    ("V3 half times iso", lambda: modes.half_time([0.02, 0.1, 0.3], iso=True), ISO_HALF, 5.1e-5),
    (
        "V3 ratios",
        lambda: modes.half_time([0.02, 0.1, 0.3]) / modes.half_time([0.02, 0.1, 0.3], iso=True),
        [13.334, 4.641, 2.574],
        5.1e-4,
    ),
    ("V3 smallest mode at step 1500", lambda: end("euc", 0.02, 15.0), 0.0478, 5.1e-5),
    (
        "D2 iso all within 10 % by step 305",
        lambda: np.abs(end("euc_iso", FIXTURE, 3.05) - 1).max(),
        0.1,
        2e-3,
    ),
    (
        "V4 edges",
        lambda: [
            p[0] for p in list(modes.fixed_points(q("euc", rho=0.1), loss="euc").values())[1:]
        ],
        [0.1127, 0.8873],
        5.1e-5,
    ),
    ("V4 euc dies", lambda: end("euc", [0.10, 0.11], rho=0.1), 0.0, 1e-6),
    ("V4 euc lives", lambda: end("euc", [0.115, 0.13, 2.0], 400.0, rho=0.1), 0.88730, 5.1e-6),
    ("V4 iso lives", lambda: end("euc_iso", [0.10, 0.11, 0.115, 0.13, 2.0], rho=0.1), 0.9, 1e-9),
    ("V4 beyond 1/4", lambda: end("euc", 1.0, rho=0.26), 0.0, 1e-13),
    (
        "V5 noise",
        lambda: [end(loss, FIXTURE, sigma2=0.1) for loss in ("euc", "euc_iso")],
        1 / 1.1,
        1e-9,
    ),
    ("V5 noPred", lambda: end("euc_nopred", 0.5, 15.0, sigma2=0.01) / 0.5, 0.74082, 5.1e-6),
    (
        "V5 noPred, noisy target only",
        lambda: end("euc_nopred", FIXTURE, sigma2=0.01, one_sided=1.0),
        FIXTURE,
        0,
    ),
    ("V5 noSG dies with noise", lambda: end("euc_nosg", FIXTURE, sigma2=0.1), 0.0, 1e-12),
    (
        "noSG without noise: from above it stays",
        lambda: end("euc_nosg", [1.5, 2.2], 2000.0),
        1.0,
        1e-3,
    ),
    ("noSG without noise: from below it dies", lambda: end("euc_nosg", [0.02, 0.95]), 0.0, 1e-12),
    (
        "V6 levels",
        lambda: [cosine.level([0.32, 1.54], loss) for loss in ("cos", "cos_iso")],
        [0.930, 1.11221],
        5.1e-6,
    ),
    (
        "V6 ends",
        lambda: [pair_end(loss) for loss in ("cos", "cos_iso")],
        [[0.93] * 2, [1.11221] * 2],
        5.1e-6,
    ),
    (
        "V9 slow eigenvalue",
        lambda: deep.slow_rate([0.01, 0.1, 1, 100]),
        [-0.0067, -0.0659, -0.586, -1.98],
        5.1e-4,
    ),
    (
        "V9 slow eigenvalue, measured",
        lambda: [ema_slow(f, [0.01, 0.1, 1, 100]) for f in (deep.EMA, deep.EMA_ISO)],
        np.tile(deep.slow_rate([0.01, 0.1, 1, 100]), (2, 1)),
        1e-7,
    ),
    (
        "V9 growth",
        lambda: deep.growth_rate([0.01, 0.1, 1, 100]),
        [0.0951, 0.2702, 0.6180, 0.9902],
        5.1e-5,
    ),
    (
        "V9 growth, measured",
        lambda: ema_growth([0.01, 0.1, 1.0]),
        deep.growth_rate([0.01, 0.1, 1.0]),
        2e-5,
    ),
    (
        "V9 times euc",
        lambda: ema_time(deep.EMA, [0.01, 0.1, 1, 100]),
        [87.9, 35.4, 27.6, 26.0],
        0.051,
    ),
    (
        "V9 times iso",
        lambda: ema_time(deep.EMA_ISO, [0.01, 0.1, 1, 100]),
        [59.4, 8.53, 3.12, 1.97],
        0.051,
    ),
    (
        "V10 times",
        lambda: [normalised_times(False), normalised_times(True)],
        [12.306, 3.141],
        5.1e-4,
    ),
    (
        "V10 closed times",
        lambda: [deep.normalised_time(FIXTURE[0] / FIXTURE[-1], 0.5, iso=i) for i in (False, True)],
        [12.306, 3.141],
        5.1e-4,
    ),
    (
        "V10 participation t = 1",
        lambda: [ratio("euc", 1.0), ratio("euc_iso", 1.0)],
        [7.58, 8.82],
        5.1e-3,
    ),
    (
        "V10 participation t = 3",
        lambda: [ratio("euc", 3.0), ratio("euc_iso", 3.0)],
        [8.35, 9.99],
        5.1e-3,
    ),
    ("V8 participation at the start", lambda: cosine.participation_ratio(FIXTURE), 5.59, 5.1e-3),
    ("V11 wrong side from .5", lambda: end("euc_wrong_side", 0.5, 5.0), 4.539787e-5, 5.1e-12),
    ("V11 wrong side from 2", lambda: end("euc_wrong_side", 2.0, 0.3), 11.24346, 5.1e-6),
    (
        "V11 blow-up",
        lambda: modes.blow_up_time(2.0, "euc_wrong_side", q("euc_wrong_side")),
        0.34657,
        5.1e-6,
    ),
    ("fixture", lambda: [FIXTURE.mean(), np.sqrt((FIXTURE**2).mean())], [0.788, 1.054], 5.1e-4),
]


def slopes(loss):
    before, after = (np.log(lam / np.abs(1 - lam)) for lam in (FIXTURE, end(loss, FIXTURE, 0.5)))
    return (after - before) / 0.5


def descent_slopes(loss, lr=1e-3):
    """The slopes as the descent of step 1e-3 has them, 500 steps."""
    w = np.sqrt(FIXTURE)
    for _ in range(500):
        w = w + lr * (w**2 if loss == "euc" else 1) * (1 - w**2) * w
    before, after = (np.log(lam / np.abs(1 - lam)) for lam in (FIXTURE, w**2))
    return (after - before) / 0.5


def pair_end(loss):
    return cosine.TWO_MODES[loss].solve([0.32, 1.54], [0, 80.0], options={"rtol": 1e-8})["lam"][-1]


@pytest.mark.parametrize("compute, exact, tol", [row[1:] for row in V], ids=[row[0] for row in V])
def test_verified_values(compute, exact, tol):
    np.testing.assert_allclose(compute(), exact, rtol=0, atol=tol)
