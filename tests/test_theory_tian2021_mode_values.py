"""Theory of tian2021: values of modes that were computed in other ways before."""

import numpy as np
import pytest

from ncssl.theory.ode.flow import numerical_jacobian
from ncssl.theory.tian2021 import jacobians, modes, runs

# ---- tian2021: every verified value, one table. (id, what is computed, what it must be, tolerance)


def parabola(p0, eta, sigma2=0.25, tau=1.0, end=2000.0):
    return runs.parabola_end(p0, eta=eta, sigma2=sigma2, tau=tau, end=end)


def v3(sigma2, eta, tau, factor):
    edge = (
        factor * modes.p_minus(eta, sigma2, tau)
        if factor < 1.4
        else factor * modes.p_plus(eta, sigma2, tau)
    )
    return parabola(edge, eta, sigma2, tau)


def v4(p0, s0, alpha_p):
    return modes.FIXED_TAU.solve([p0, s0], [0, 4000.0], eta=0.0, alpha_p=alpha_p).y[-1]


def eigenvalues(which, alpha_p):
    q = modes.FIXED_TAU.check(eta=0.1, alpha_p=alpha_p)
    y = modes.FIXED_TAU.fixed_points(q)[which]
    closed = np.linalg.eigvals(jacobians.jacobian(y, q))
    assert np.allclose(
        jacobians.jacobian(y, q), numerical_jacobian(modes.FIXED_TAU, y, **q), atol=1e-9
    )
    return np.sort(closed.real)


def v6():
    run = modes.PARABOLA_TAU.solve([0.6, 0.0], [0, 40.0], sigma2=0.09, eta=0.04, beta=0.4)
    return run["p"][-1]


def v10(ld, ls, eta):
    return modes.SCALARS.solve([1.0, 1.0, 1.0], [0, 600.0], ld=ld, ls=ls, eta=eta)["wp"][-1]


def tied():
    return modes.SCALARS.solve([0.3, 0.3, 0.3], [0, 600.0], ld=0.5, ls=1.0, eta=0.0, beta=1.0).y[-1]


def scan(column, **settings):
    return runs.ema_scan(**settings)[:, column]


def alpha_scan(what):
    run = runs.curvature_run(None, alpha_p=np.array([1.0, 2.0, 5.0, 10.0]), end=80.0)
    return run["K"].min(0) if what == "K" else run["s"][-1]


V = [
    (
        "V3 points .25 .1 1",
        lambda: [modes.p_minus(0.1), modes.p_plus(0.1)],
        [0.117157, 0.682843],
        5e-7,
    ),
    (
        "V3 points 0 .16 1",
        lambda: [modes.p_minus(0.16, 0), modes.p_plus(0.16, 0)],
        [0.2, 0.8],
        1e-12,
    ),
    (
        "V3 points 1 .1 1",
        lambda: [modes.p_minus(0.1, 1), modes.p_plus(0.1, 1)],
        [0.138197, 0.361803],
        5e-7,
    ),
    (
        "V3 points, tau .5",
        lambda: [f(0.03, 0.25, 0.5) for f in (modes.p_minus, modes.p_plus)],
        [0.073509, 0.326491],
        5e-7,
    ),
    *[
        (f"V3 from .99 p- {s}", lambda s=s: v3(*s, 0.99), 0.0, 1e-12)
        for s in ((0.25, 0.1, 1), (0, 0.16, 1), (1, 0.1, 1))
    ],
    *[
        (f"V3 from {f} {s}", lambda s=s, f=f: v3(*s, f), modes.p_plus(s[1], s[0], s[2]), 1e-8)
        for s in ((0.25, 0.1, 1), (0, 0.16, 1), (1, 0.1, 1), (0.25, 0.03, 0.5))
        for f in (1.01, 1.5)
    ],
    ("V3 product of the points", lambda: modes.p_minus(0.1) * modes.p_plus(0.1), 0.1 / 1.25, 1e-15),
    ("V3 eta_crit", lambda: modes.eta_critical(0.25), 0.2, 1e-15),
    ("V3 just below", lambda: parabola(1.0, 0.199), 0.428284, 5e-7),
    ("V3 just above", lambda: parabola(1.0, 0.201), 0.0, 1e-10),
    *[
        (
            f"V3 jacobian p+ alpha_p {a}",
            lambda a=a: eigenvalues("p_plus", a),
            [-0.482843, -0.2],
            5e-7,
        )
        for a in (1, 5)
    ],
    *[
        (
            f"V3 jacobian p- alpha_p {a}",
            lambda a=a: eigenvalues("p_minus", a),
            [-0.2, 0.082843],
            5e-7,
        )
        for a in (1, 5)
    ],
    ("V4 grows", lambda: v4(0.1, 0.001, 1), [0.8, 0.631], 1e-8),
    ("V4 alpha_p 10 hardly grows", lambda: v4(0.1, 0.001, 10), [0.8, 0.064], 1e-8),
    ("V4 negative p survives", lambda: v4(-0.3, 0.1, 1), [0.8, 0.65], 1e-8),
    ("V4 negative p collapses", lambda: v4(-0.3, 0.08, 1), [-0.1, 0], 1e-8),
    ("V4 alpha_p escapes", lambda: v4(-0.3, 0.01, 10), [0.8, 0.065], 1e-8),
    ("V4 large p survives", lambda: v4(1.2, 0.9, 1), [0.8, 0.1], 1e-8),
    ("V4 large p collapses", lambda: v4(1.2, 0.7, 1), [0.860233, 0], 5e-7),
    ("V6 p(40)", v6, 0.87433, 5e-6),
    ("V6 p_plus", lambda: modes.p_plus(0.04, 0.09), 0.87552, 5e-6),
    ("V7 survivor", lambda: modes.p_plus(0.05, 0.2), 0.779908, 5e-7),
    ("V10 1 1.5 .1", lambda: v10(1, 1.5, 0.1), 0.544152, 5e-7),
    ("V10 .5 1 .05", lambda: v10(0.5, 1, 0.05), 0.361803, 5e-7),
    ("V10 2 2.5 .3", lambda: v10(2, 2.5, 0.3), 0.6, 1e-8),
    ("V10 tied", tied, [0.5, 0.5, 0.5], 1e-8),
    (
        "V10 eta_crit from variances",
        lambda: modes.eta_critical(ld=0.5, ls=0.5 + 0.5),
        0.5**2 / 4,
        1e-15,
    ),
    ("V16 K eta .04", lambda: scan(0), [-0.1065, -0.0761, -0.0209, 0.0111, 0.0158], 5.1e-5),
    ("V16 t90 eta .04", lambda: np.ceil(10 * scan(1)) / 10, [6.1, 8.6, 18.6, 56.9, 274.9], 1e-9),
    ("V16 K eta 0", lambda: scan(0, eta=0.0), [-0.1665, -0.1265, -0.0531, -0.0058, 0.0090], 5.1e-5),
    ("V16 K eta .1", lambda: scan(0, eta=0.1)[:4], [-0.0165, 0.0009, 0.0298, 0.0435], 5.1e-5),
    ("V16 eta .1 beta .02 collapses", lambda: scan(2, eta=0.1)[4], 0.0, 1e-8),
    ("V16 alpha_p K", lambda: alpha_scan("K"), [-0.1065, -0.0626, 0.0717, 0.2966], 5.1e-5),
    (
        "V16 alpha_p s",
        lambda: alpha_scan("s"),
        [0.9165, 0.4583, 0.1834, 0.0918],
        5.1e-5,
    ),  # at t = 80
    ("V18 limit", lambda: modes.tau_collapsed(0.4, 0.1), 4 / 3, 1e-15),
    ("V18 diverges", lambda: modes.tau_collapsed([0.1, 0.05], 0.1), [np.inf, np.inf], 0),
]


@pytest.mark.parametrize("compute, exact, tol", [row[1:] for row in V], ids=[row[0] for row in V])
def test_verified_values(compute, exact, tol):
    np.testing.assert_allclose(compute(), exact, rtol=0, atol=tol)
