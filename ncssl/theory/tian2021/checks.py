"""Numbers on which the claims of Tian, Chen and Ganguli (2021) are judged: no-argument functions
returning a float.

Each integrates a flow and compares with an exact answer, in a second or so.
"""

import numpy as np

from ncssl.theory.helpers import check
from ncssl.theory.ode.flow import bisect, numerical_jacobian
from ncssl.theory.tian2021 import modes
from ncssl.theory.tian2021.runs import (
    FAST,
    SETTINGS,
    basin_edges,
    curvature_run,
    ema_scan,
    parabola_end,
)


def _imbalance_error(sign):
    q = modes.SCALARS.check(alpha_p=3, eta=0.03, ls=1.25, beta=0.4)
    run = modes.SCALARS.solve([0.3, np.sqrt(0.5), 0.2], np.linspace(0, 40, 81), **q)
    now = run["w"] ** 2 - run["wp"] ** 2 / 3
    return float(np.abs(now - sign * (0.5 - 0.3**2 / 3) * np.exp(-2 * 0.03 * run.times)).max())


@check
def invariant_sign():
    """Max abs error of s - p^2/alpha_p = c e^{-2 eta t} with c = s0 - p0^2/alpha_p (Eq. 14,
    corrected sign)."""
    return _imbalance_error(+1)


@check
def invariant_printed_sign():
    """The same error with the sign of c as printed in the main text of the paper (it fails)."""
    return _imbalance_error(-1)


@check
def eta_critical():
    """Max relative error of the threshold found by bisection on eta against tau^2/(4(1+sigma^2)), 3
    settings.

    Starts at p = tau/(2k), where the two fixed points meet: below the threshold p rises, above it
    falls for ever. The bracket's outcome is confirmed by long runs 0.1 % below and above what was
    found.
    """
    sigma2, tau = np.array([0.25, 0.0, 1.0]), np.array([1.0, 1.0, 0.5])
    exact = modes.eta_critical(sigma2, tau)
    top = tau / (2 * (1 + sigma2))

    def end(eta, time):
        return parabola_end(top, eta=eta, sigma2=sigma2, tau=tau, end=time)

    found = bisect(lambda eta: end(eta, 100.0) < top, 0.5 * exact, 2 * exact)
    confirmed = (end(0.999 * found, 5000.0) > top).all() and (
        end(1.001 * found, 5000.0) < 1e-6
    ).all()
    return float(np.abs(found / exact - 1).max()) if confirmed else np.inf


@check
def collapse_above_threshold():
    """Abs end value of p at 1.005 eta_critical (Obs. 5)."""
    return float(
        abs(parabola_end(1.0, eta=1.005 * modes.eta_critical(), sigma2=0.25, tau=1.0, end=1000.0))
    )


@check
def basin_edge():
    """Max relative error of the basin edge found by bisection on p0 against p_minus, 3 settings."""
    exact = modes.p_minus(**SETTINGS)
    return float(np.abs(basin_edges(**SETTINGS) / exact - 1).max())


@check
def fixed_points():
    """Max abs error of the end point of integrations started at 1.01 p_minus and 1.5 p_plus against
    p_plus."""
    low, high = modes.p_minus(**SETTINGS), modes.p_plus(**SETTINGS)
    ends = parabola_end(np.stack([1.01 * low, 1.5 * high]), end=1500.0, **SETTINGS)
    return float(np.abs(ends - high).max())


@check
def jacobian_eigenvalues():
    """Max abs difference of numerical Jacobian eigenvalues at p_minus, p_plus from {-2 eta, p(tau -
    2kp)}."""
    worst = 0.0
    for alpha_p in (1.0, 5.0):
        q = modes.FIXED_TAU.check(alpha_p=alpha_p)
        for name, y in modes.FIXED_TAU.fixed_points(q).items():
            if name != "collapse":
                got = np.linalg.eigvals(numerical_jacobian(modes.FIXED_TAU, y, **q)).real
                exact = modes.jacobian_eigenvalues(y[0], q["eta"])
                worst = max(worst, float(np.abs(np.sort(got) - np.sort(exact)).max()))
    return worst


def _end_error(p0, s0, alpha_p, end=4000.0):
    run = modes.FIXED_TAU.solve(
        modes.FIXED_TAU.start(p=p0, s=s0), [0, end], eta=0.0, alpha_p=alpha_p
    )
    exact = np.stack(modes.end_without_decay(p0, s0, alpha_p), axis=-1)
    return float(np.abs(run.y[-1] - exact).max())


@check
def basins_without_decay():
    """Max abs error of (p, s) end points at eta=0 against the exact basins, 7 starts."""
    starts = np.array(
        [
            (0.1, 0.001, 1),
            (0.1, 0.001, 10),
            (-0.3, 0.1, 1),
            (-0.3, 0.08, 1),
            (-0.3, 0.01, 10),
            (1.2, 0.9, 1),
            (1.2, 0.7, 1),
        ]
    )
    return _end_error(*starts.T)


@check
def sufficient_start():
    """Smallest s at the end over p*^2/alpha_p, eta=0, 100 random starts with s0 up to 1 above
    p0^2/alpha_p."""
    rng = np.random.default_rng(0)
    p0, alpha_p, above = (
        rng.uniform(-1, 1.5, 100),
        rng.uniform(0.5, 4, 100),
        rng.uniform(0.01, 1, 100),
    )
    y0 = modes.FIXED_TAU.start(p=p0, s=p0**2 / alpha_p + above)
    end = modes.FIXED_TAU.solve(y0, [0, 1000.0], options=FAST, eta=0.0, alpha_p=alpha_p)["s"][-1]
    return float((end * alpha_p / 0.8**2).min())


@check
def alpha_p_basin():
    """Relative error of the measured edge s0 against p0^2/alpha_p, eta=0, p0<0, alpha_p = 1, 4, 10
    (Obs. 1)."""
    alpha_p = np.array([1.0, 4.0, 10.0])
    exact = 0.3**2 / alpha_p

    def survives(s0):
        y0 = modes.FIXED_TAU.start(p=-0.3, s=s0)
        return (
            modes.FIXED_TAU.solve(y0, [0, 3000.0], options=FAST, eta=0.0, alpha_p=alpha_p)["p"][-1]
            > 0.4
        )

    return float(np.abs(bisect(survives, 0.5 * exact, 2 * exact, steps=20) / exact - 1).max())


@check
def alpha_p_final_s():
    """Max abs error of s_inf - s_0 against (p*^2 - p0^2)/alpha_p, alpha_p = 1, 10, 100 (Obs. 2)."""
    return _end_error(0.1, 0.001, np.array([1.0, 10.0, 100.0]))


@check
def alpha_p_stops_growth():
    """Growth s_inf - s_0 at alpha_p = 1000 as a share of that at alpha_p = 1 (Obs. 2)."""
    run = modes.FIXED_TAU.solve([0.1, 0.001], [0, 4000.0], eta=0.0, alpha_p=[1.0, 1000.0])
    growth = run["s"][-1] - 0.001
    return float(growth[1] / growth[0])


def _lowest_curvature(on_parabola):
    alpha_p = np.array([1.0, 2.0, 5.0, 10.0])
    s0 = 0.09 / alpha_p if on_parabola else np.full(4, 0.09)
    return curvature_run(None, alpha_p=alpha_p, s0=s0, end=60.0)["K"].min(0)


@check
def alpha_p_helps_off_parabola():
    """Smallest step of min_t K when alpha_p goes 1, 2, 5, 10 from the same (p0, s0) (Obs. 6)."""
    return float(np.diff(_lowest_curvature(on_parabola=False)).min())


@check
def alpha_p_irrelevant_on_parabola():
    """Spread of min_t K over alpha_p = 1, 2, 5, 10 when started on s = p^2/alpha_p (caution on Obs.
    6)."""
    return float(np.ptp(_lowest_curvature(on_parabola=True)))


@check
def weight_decay_ties():
    """Abs(s - p^2/alpha_p) at the end with eta > 0, as a share of the start (Obs. 3)."""
    run = modes.FIXED_TAU.solve([0.3, 0.5], np.linspace(0, 60, 61), eta=0.1)
    gap = np.abs(run["s"] - run["p"] ** 2)
    return float(gap[-1] / gap[0])


@check
def weight_decay_widens_basin():
    """Smallest step of the measured basin edge when eta grows (Obs. 4)."""
    return float(np.diff(basin_edges(np.array([0.05, 0.1, 0.15]))).min())


@check
def weight_decay_helps_alignment():
    """Smallest step of min_t K when eta goes 0, .04, .1 (Obs. 7)."""
    return float(np.diff(curvature_run(None, eta=np.array([0.0, 0.04, 0.1]))["K"].min(0)).min())


@check
def eq17_positivity():
    """Number of times (3 settings) at which Eq. 17 and K > 0 disagree on the parabola."""
    mismatches = 0
    for eta, beta in ((0.04, 0.4), (0.0, 0.1), (0.1, 2.0)):
        run = curvature_run(beta, eta=eta, end=100.0)
        near = np.abs(run["K"]) < 1e-12  # exactly on the line both sides agree only up to rounding
        mismatches += int(
            ((run["K"] > 0) != modes.eq17_holds(run["p"], run["tau"], 0.0009, eta))[~near].sum()
        )
    return float(mismatches)


@check
def ema_curriculum():
    """Smallest step of min_t K along no EMA, beta = 2, .4, .1, .02 (eta = .04; Obs. 8)."""
    return float(np.diff(ema_scan()[:, 0]).min())


@check
def ema_is_slow():
    """Smallest ratio of successive times to 90 % of p_plus along the same list (Obs. 9)."""
    times = ema_scan()[:, 1]
    return float((times[1:] / times[:-1]).min()) if np.isfinite(times).all() else 0.0


@check
def ema_too_slow_collapses():
    """End value of p at eta = .1, beta = .02 while beta = .1 survives (Obs. 10)."""
    ends = ema_scan((0.1, 0.02), eta=0.1)[:, 2]
    return float(abs(ends[1])) if ends[0] > 0.5 else np.inf


@check
def small_tau_traps():
    """Smallest step of the measured basin edge when tau falls 1, .9, .8 (Obs. 10)."""
    return float(np.diff(basin_edges(0.1, tau=np.array([1.0, 0.9, 0.8]))).min())


@check
def tau_closed_form():
    """Max abs difference of Eq. 15 from the integrated tau, tau(0) = 0."""
    t = np.linspace(0, 40, 8001)
    run = modes.PARABOLA_TAU.solve([0.6, 0.0], t, method="rk4", sigma2=0.09, eta=0.04, beta=0.4)
    return float(np.abs(modes.tau_closed_form(t, run["p"], 0.4) - run["tau"]).max())


@check
def tau_collapsed():
    """Abs error of tau against beta/(beta - eta) on the collapsing branch."""
    run = modes.SCALARS.solve(
        [0.05, 0.05, 0.05], [0, 150.0], eta=0.1, beta=0.4, ls=1.25, options={"atol": 1e-16}
    )
    return float(abs(run["wa"][-1] / run["w"][-1] - modes.tau_collapsed(0.4, 0.1)))


@check
def nonisotropic_fixed_points():
    """Max abs error of the end points against [tau ld + sqrt(tau^2 ld^2 - 4 eta ls)]/(2 ls), 3
    settings."""
    q = {
        "ld": np.array([1.0, 0.5, 2.0]),
        "ls": np.array([1.5, 1.0, 2.5]),
        "eta": np.array([0.1, 0.05, 0.3]),
    }
    exact = modes.p_plus(q["eta"], ld=q["ld"], ls=q["ls"])
    end = modes.SCALARS.solve([1.0, 1.0, 1.0], [0, 600.0], beta=0.4, **q)["wp"][-1]
    return float(np.abs(end - exact).max())


@check
def predictor_decay_aligns():
    """min_t K without running average when the predictor decays ten times as fast as the trunk, eta
    = .04 (eq. 17)."""
    run = modes.TWO_DECAYS.solve(
        [0.3, 0.09], np.linspace(0, 100, 2001), sigma2=0.0009, eta=0.04, eta_p=[0.04, 0.4]
    )
    K = modes.curvature(run["p"], run["s"], 1.0, 1.0, 0.0009, 0.04, np.array([0.04, 0.4])).min(0)
    return float(K[1]) if K[0] < 0 else -np.inf
