"""Checks that integrate matrices: balance, alignment, and the two ablations."""

import numpy as np

from ncssl.theory.helpers import check
from ncssl.theory.tian2021 import matrix, modes
from ncssl.theory.tian2021.runs import (
    ALIGNING,
    DIVERGING,
    FAST,
    commutator_scan,
    isotropic_run,
    network_run,
    predictor_parts,
    target_correlation,
)


@check
def balance_law():
    """Max relative error of W W^T - Wp^T Wp/alpha_p against e^{-2 eta t} C, random X, X', EMA (Thm
    1)."""
    flow, run, _, _ = network_run("ema")
    C = flow.invariants["balance"](run.times, run.y, flow.check(alpha_p=2.5, beta=0.4, eta=0.07))
    return float((np.linalg.norm(C - C[0], axis=(1, 2)) / np.linalg.norm(C[0])).max())


@check
def eigenspace_alignment():
    """Max over t of log(norm of [F,Wp] / bound e^{-2 lambda0 t}), K > 0 run (Thm 3)."""
    times, Wp, F = isotropic_run(**ALIGNING)
    norm, bound, lambda0 = matrix.alignment_bound(times, Wp, F, **ALIGNING)
    return float(np.log(norm / bound).max()) if lambda0 > 0 else np.inf


@check
def alignment_ratio():
    """Norm of [F,Wp] at the end over the start, K > 0 run."""
    times, Wp, F = isotropic_run(**ALIGNING)
    norm, _, _ = matrix.alignment_bound(times, Wp, F, **ALIGNING)
    return float(norm[-1] / norm[0])


@check
def commutator_law():
    """Relative residual of dL/dt = -(LK + KL)."""
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 5, 5))
    Wp, F = a + a.T, b @ b.T
    params = {"sigma2": 0.3, "eta": 0.07, "tau": 0.6, "alpha_p": 2.5}
    L, K = matrix.commutator(F, Wp), matrix.K_matrix(Wp, F, **params)
    rate = matrix.commutator_rate(Wp, F, **params)
    return float(np.abs(rate + matrix.anticommutator(L, K)).max() / np.abs(rate).max())


@check
def commutator_can_grow():
    """Growth factor of the norm of [F,Wp], K indefinite (eta=0, tau=1; Fig. 9)."""
    growth = []
    for seed in range(3):
        times, Wp, F = isotropic_run(scale_F=0.01, seed=seed, **DIVERGING)
        norm, _, lambda0 = matrix.alignment_bound(times, Wp, F, **DIVERGING)
        growth.append(norm.max() / norm[0] if lambda0 < 0 else 0.0)
    return float(max(growth))


def _isotropic_network(variant, end=40.0):
    return network_run(variant, n1=3, n2=3, alpha_p=1.0, eta=0.05, end=end, isotropic=0.2)


def _norms(run):
    return np.linalg.norm(run["W"], axis=(1, 2))


@check
def no_stop_gradient_bound():
    """Max over t of log(norm W / bound) without stop-gradient (Thm 2)."""
    _, run, _, Xn = _isotropic_network("no stop-gradient")
    norm = _norms(run)
    return float(
        (np.log(norm / norm[0]) + matrix.no_stop_gradient_rate(Xn, 0.05) * run.times).max()
    )


@check
def no_stop_gradient_collapse():
    """Norm W(40)/norm W(0) without stop-gradient."""
    norm = _norms(_isotropic_network("no stop-gradient")[1])
    return float(norm[-1] / norm[0])


@check
def no_predictor_bound():
    """Max relative error of W(t) = W(0) expm(-(X' + eta I) t) without predictor."""
    _, run, _, Xn = network_run("no predictor")
    exact = np.stack([matrix.no_predictor_solution(t, run["W"][0], Xn, 0.07) for t in run.times])
    return float(
        (np.linalg.norm(run["W"] - exact, axis=(1, 2)) / np.linalg.norm(exact, axis=(1, 2))).max()
    )


@check
def no_predictor_collapse():
    """Norm W(40)/norm W(0) without predictor."""
    norm = _norms(_isotropic_network("no predictor")[1])
    return float(norm[-1] / norm[0])


@check
def both_survive():
    """Abs error of the largest singular value of W against p_plus with stop-gradient and predictor
    (same start)."""
    _, run, _, _ = _isotropic_network("simsiam", end=300.0)
    return float(abs(np.linalg.svd(run["W"][-1], compute_uv=False)[0] - modes.p_plus(0.05, 0.2)))


@check
def predictor_fixed_point():
    """Error of the predictor at frozen F against tau F [(1+sigma^2)F + eta/alpha_p I]^{-1},
    asymmetry included."""
    rng = np.random.default_rng(1)
    b, Wp0 = rng.normal(size=(2, 4, 4))
    F = b @ b.T
    params = {"sigma2": 0.25, "eta": 0.1, "tau": 0.7, "alpha_p": 2.0}
    flow = matrix.frozen_predictor_flow(F)
    end = flow.solve(flow.start(Wp=Wp0), [0, 300.0], options=FAST, **params)["Wp"][-1]
    return float(
        max(
            np.abs(end - matrix.predictor_fixed_point(F, **params)).max(), np.abs(end - end.T).max()
        )
    )


@check
def ema_target_proportional():
    """Smallest normalised correlation of Wa and W over time, 10 starts, 4 target rates, eta = 0,
    .01, .1 (Fig. 7)."""
    return float(target_correlation()[1].min())


@check
def skew_part_vanishes():
    """Largest norm of the skew part of Wp at t = 10^4 as a share of its start, fixed tau, F = Wp^T
    Wp (Fig. 8)."""
    _, _, skew = predictor_parts()
    return float((skew[-1] / skew[0]).max())


@check
def symmetric_part_threshold():
    """Number of cells of Fig. 8 where the symmetric part dies in a run though tau > 2 sqrt(eta k),
    or the reverse."""
    taus, etas = np.array([0.1, 0.3, 0.5, 1.0]), np.array([0.001, 0.01, 0.05])
    _, part, _ = predictor_parts(taus, etas, sigma=0.03)
    dead = part[-1] < 1e-6 * part[0]
    return float((dead != (etas[:, None] > modes.eta_critical(0.0009, taus))).any(0).sum())


@check
def commutator_never_grows():
    """Largest norm of [F,Wp] over its start, 10 starts, where eta = .1 and tau <= .7, or tau <= .4
    (Fig. 9)."""
    _, weak, _ = commutator_scan(taus=(0.1, 0.2, 0.4))
    _, strong, _ = commutator_scan(taus=(0.7,), etas=(0.1,))
    return float(max(weak.max(), strong.max()))


@check
def symmetrised_network():
    """Max abs error of Wp and F = W W^T of a network with symmetrised predictor from eq. 7, X = I,
    SimSiam, t <= 20."""
    rng = np.random.default_rng(4)
    a, W = rng.normal(size=(2, 3, 3)) / 2
    times, q = np.linspace(0, 20, 41), {"eta": 0.03, "alpha_p": 2.0}
    big = matrix.network_flow(
        np.eye(3), 0.25 * np.eye(3), 3, variant="simsiam", symmetric_predictor=True
    )
    small = matrix.isotropic_flow(3)
    net = big.solve(big.start(W=W, Wp=a + a.T), times, **q)
    iso = small.solve(small.start(Wp=a + a.T, F=W @ W.T), times, sigma2=0.25, tau=1.0, **q)
    F = net["W"] @ net["W"].swapaxes(1, 2)
    return float(max(np.abs(net["Wp"] - iso["Wp"]).max(), np.abs(F - iso["F"]).max()))
