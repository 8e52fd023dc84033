"""Numbers on which the claims of Wang, Chen, Du and Tian (2021) are judged: no-argument functions
returning a float.

Each integrates a flow and compares with an exact answer; the checks with samples are in
sample_checks.
"""

from functools import cache

import numpy as np

from ncssl.theory.helpers import check
from ncssl.theory.ode.flow import numerical_jacobian
from ncssl.theory.tian2021 import modes as tian
from ncssl.theory.wang2021 import matrix, modes, runs

VARIANCES = np.linspace(0.1, 2.85, 12)  # a graded noise: 12 directions
SIGMA2 = np.array([0.5, 1.0])
EPS = np.array([0.0, 0.1, 0.2])


@check
def mode_equation():
    """Max abs difference of the singular values of the matrix flow from eq. 3, all times, 3 alphas,
    random basis."""
    U, times = runs.basis(6), np.linspace(0, 60, 31)
    flow = matrix.encoder_flow(matrix.nuisance(6, 2, 1.0, U))
    W = flow.solve(flow.start(W=0.95 * np.eye(6)), times, eta=0.1, alpha=runs.ALPHAS)["W"]
    variances = np.repeat([0.0, 1.0], [2, 4])[:, None]
    lam = modes.MODE.solve([0.95], times, eta=0.1, alpha=runs.ALPHAS, sigma2=variances)["lam"]
    return float(np.abs(U.T @ W @ U - np.eye(6) * np.moveaxis(lam, 1, 2)[..., None, :]).max())


def _limit_error(delta):
    W, signal, _ = runs.encoder_end(delta=delta, eta=0.2, alpha=runs.ALPHAS)
    c = np.sign(delta) * ((1 + np.sqrt(1 - 4 * 0.2)) / 2) ** (1 / (2 * runs.ALPHAS))
    return float(np.linalg.norm(W - c[:, None, None] * signal, axis=(1, 2)).max())


@check
def theorem1_limit():
    """Max ||W - c P_S|| at the end of the matrix flow, d = 8, r = 3, alpha = 1/2, 1, 2 (Thm 1)."""
    return _limit_error(0.95)


@check
def theorem1_negative():
    """The same from -delta I, with the limit -c P_S."""
    return _limit_error(-0.95)


@check
def signal_threshold():
    """Max relative error of the measured threshold of a signal mode against 1/4, 3 alphas."""
    return float(np.abs(runs.thresholds(0.0, runs.ALPHAS) / 0.25 - 1).max())


@check
def nuisance_threshold():
    """Max relative error of the measured threshold of a nuisance mode against 1/(4 (1 + sigma^2)),
    3 x 2 settings."""
    return float(np.abs(runs.thresholds(SIGMA2, runs.ALPHAS[:, None]) * 4 * (1 + SIGMA2) - 1).max())


@check
def basin_edge():
    """Max relative error of the measured basin edge against ((1 - sqrt(1 - 4 eta))/2)^(1/(2
    alpha)), 3 alphas."""
    exact = ((1 - np.sqrt(1 - 4 * 0.2)) / 2) ** (1 / (2 * runs.ALPHAS))
    return float(np.abs(runs.edges(0.2, alpha=runs.ALPHAS) / exact - 1).max())


@check
def kept_set():
    """Directions (of 12, times 3 weight decays) kept or dropped against sigma_j^2 < 1/(4 eta) - 1,
    matrix flow."""
    eta = np.array([0.08, 0.12, 0.2])
    return float((runs.graded(VARIANCES, eta) != (VARIANCES < 1 / (4 * eta[:, None]) - 1)).sum())


@check
def attenuation():
    """Max abs error of the nuisance amplitude below the threshold (eta = 0.1, sigma^2 = 1) against
    the formula."""
    W, _, noise = runs.encoder_end(eta=0.1, alpha=runs.ALPHAS)
    exact = ((1 + np.sqrt(1 - 4 * 0.1 * 2)) / 4) ** (1 / (2 * runs.ALPHAS))
    return float(np.linalg.norm(W @ noise - exact[:, None, None] * noise, axis=(1, 2)).max())


@check
def nuisance_velocity():
    """Largest relative velocity of a nuisance mode over its amplitude, eta = 0.2 above its
    threshold (Fig. 2)."""
    lam = np.linspace(1e-3, 1.2, 2000)
    return float((modes.MODE.field(lam[:, None], sigma2=1.0, eta=0.2)[:, 0] / lam).max())


@check
def alpha_scale():
    """Smallest step of the integrated limit when alpha goes 1/4, 1/2, 1, 2 (larger alpha, larger
    features)."""
    return float(
        np.diff(
            runs.mode_end(0.98, eta=0.2, sigma2=0.0, alpha=np.array([0.25, 0.5, 1.0, 2.0]))
        ).min()
    )


@check
def eps_limit():
    """Max abs error of the end of signal modes against (v_plus - eps)^(1/(2 alpha)), 4 eps, 3
    alphas (Thm 6)."""
    eps = np.array([0.0, 0.2, 0.3, 0.6])[:, None]
    exact = ((1 + np.sqrt(1 - 4 * 0.2)) / 2 - eps) ** (1 / (2 * runs.ALPHAS))
    return float(
        np.abs(runs.mode_end(0.95, eta=0.2, sigma2=0.0, eps=eps, alpha=runs.ALPHAS) - exact).max()
    )


@check
def eps_collapse():
    """Largest amplitude left at eps = 1.05 (1 + sqrt(1 - 4 eta))/2, and at eps = 1, 3 alphas (Thm
    6)."""
    eps = np.array([1.05 * (1 + np.sqrt(1 - 4 * 0.2)) / 2, 1.0])[:, None]
    return float(
        np.abs(
            runs.mode_end(0.95, eta=0.2, sigma2=0.0, eps=eps, alpha=runs.ALPHAS, end=1000.0)
        ).max()
    )


@cache
def _eps_edges():
    return runs.edges(0.2, eps=EPS)


@cache
def _augmented_thresholds():
    return runs.augmented_thresholds(SIGMA2, runs.ALPHAS[:, None])


@check
def eps_basin():
    """Max relative error of the measured basin edge against (v_minus - eps)^(1/2), eps = 0, .1, .2
    (Thm 6)."""
    exact = np.sqrt((1 - np.sqrt(1 - 4 * 0.2)) / 2 - EPS)
    return float(np.abs(_eps_edges() / exact - 1).max())


@check
def eps_widens_basin():
    """Smallest fall of the measured basin edge when eps goes 0, .1, .2."""
    return float(-np.diff(_eps_edges()).max())


@check
def eps_shrinks_limit():
    """Smallest fall of the integrated limit over the same eps."""
    return float(-np.diff(runs.mode_end(0.95, eta=0.2, sigma2=0.0, eps=EPS)).max())


@check
def theorem4_printed():
    """Max relative error of the measured threshold against the printed 1/(4 (1 + sigma^2)^(1 + 2
    alpha)): it fails."""
    return float(
        np.abs(
            _augmented_thresholds() / modes.theorem4_printed(SIGMA2, runs.ALPHAS[:, None]) - 1
        ).max()
    )


@check
def theorem4_corrected():
    """The same against 1/(4 (1 + sigma^2)), confirmed by matrix flows 2 % to both sides."""
    error = np.abs(_augmented_thresholds() / modes.theorem4_corrected(SIGMA2) - 1).max()
    for s in SIGMA2:
        eta = modes.theorem4_corrected(s) * np.array([0.98, 1.02])[:, None]
        W, _, noise = runs.encoder_end(
            d=3, r=1, sigma2=s, correlation="augmented", eta=eta, alpha=runs.ALPHAS, end=300.0
        )
        left = np.linalg.norm(W @ noise, axis=(-2, -1))
        if not ((left[0] > 0.1).all() and (left[1] < 1e-3).all()):
            return np.inf
    return float(error)


@check
def deep_thresholds():
    """Max relative error of measured thresholds against eta_max and eta_min of Thm 5, sigma^2 = 1,
    4 (alpha, l)."""
    alpha, layers = np.array(runs.DEPTHS).T
    a, b = 2 * alpha * layers + 2 * layers - 2, 4 * alpha * layers + 2 * layers - 2
    q = 1 + 1 / alpha - 1 / (alpha * layers)
    eta_max = 2 * alpha * layers * a**q / b ** (q + 1)
    found = runs.thresholds(np.array([[0.0], [1.0]]), alpha, layers)
    return float(np.abs(found / np.stack([eta_max, eta_max / 2**q]) - 1).max())


@check
def deep_limit_in_range():
    """Smallest distance of the limit c from the ends of the range of Thm 5; matrix flows of 2 and 3
    layers.

    Each starts at the lower end of the range, as the theorem allows, with eta midway between
    eta_min and eta_max; minus infinity if the end is not c P_S.
    """
    gaps = []
    for alpha, layers in ((1.0, 2), (0.5, 2), (1.0, 3)):
        low = modes.peak(0.0, alpha, 0.0, layers) ** (1 / (2 * alpha))
        eta = (
            modes.eta_threshold(0.0, alpha, 0.0, layers)
            + modes.eta_threshold(1.0, alpha, 0.0, layers)
        ) / 2
        W, signal, _ = runs.deep_end(layers, d=3, r=1, delta=low, eta=eta, alpha=alpha, end=200.0)
        c = float(np.trace(W @ signal))
        gaps.append(min(c - low, 1 - c) if np.abs(W - c * signal).max() < 1e-6 else -np.inf)
    return float(min(gaps))


@check
def directpred_is_alpha_half():
    """Max abs difference of alpha = 1/2 from the parabola of tian2021, eq. 16, over time, 4
    starts."""
    times, start = np.linspace(0, 60, 61), np.array([[0.1], [0.3], [0.8], [1.2]])
    mine = modes.MODE.solve(start, times, alpha=0.5, eta=0.1, sigma2=0.25)["lam"]
    return float(np.abs(mine - tian.PARABOLA.solve(start, times, eta=0.1, sigma2=0.25)["p"]).max())


@check
def limit_rates():
    """Max abs difference of the d^2 exact rates at the limit from a numerical Jacobian, eta = 0.2
    and 0.1 (ours)."""
    variances, worst = np.array([0.0, 0.0, 0.5, 1.0]), 0.0
    flow = matrix.encoder_flow(np.diag(variances))
    for eta in (0.2, 0.1):
        lam = modes.end(0.95, eta, variances)
        found = np.linalg.eigvals(numerical_jacobian(flow, np.diag(lam).ravel(), eta=eta))
        worst = max(
            worst,
            float(
                np.abs(np.sort(found.real) - matrix.diagonal_rates(lam, variances, eta=eta)).max()
            ),
        )
    return worst


@check
def general_start():
    """||W^T W - c^2 P_S|| at the end from a start that is not a multiple of the identity (ours)."""
    _, run, signal = runs.general_run()
    W, c2 = run["W"][-1], (1 + np.sqrt(1 - 4 * 0.2)) / 2
    return float(np.linalg.norm(W.T @ W - c2 * signal))


@check
def nothing_comes_back():
    """Largest rise of a nuisance amplitude between two times, eta above the threshold (Sec. 6: nets
    do differ)."""
    U = runs.basis(6)
    flow = matrix.encoder_flow(matrix.nuisance(6, 3, 1.0, U))
    W = flow.solve(
        flow.start(W=0.95 * np.eye(6)), np.linspace(0, 300, 301), eta=0.2, options=runs.FAST
    )["W"]
    return float(np.diff(np.linalg.norm(W @ U[:, 3:], axis=(1, 2))).max())


@check
def spectral_norm_ratio():
    """Max abs error of |lam_B/lam_S| with the spectral norm against its limit, eta = 0.05 and 0.2,
    eps = 0 and 0.2."""
    flow, eps = matrix.encoder_flow(matrix.nuisance(4, 2), norm="spectral"), np.array([0.0, 0.2])
    run = flow.solve(
        flow.start(W=0.9 * np.eye(4)),
        [0, 60.0],
        eta=np.array([[0.05], [0.2]]),
        eps=eps,
        options={"atol": 1e-40},
    )
    lam = np.diagonal(run["W"][-1], axis1=-2, axis2=-1)
    return float(np.abs(lam[..., -1] / lam[..., 0] - matrix.spectral_ratio(1.0, 1.0, eps)).max())
