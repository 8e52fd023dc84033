"""Integrations of tian2021's flows that the checks, the tests and the chapter share."""

import numpy as np

from ncssl.theory.ode.flow import bisect, dormand_prince
from ncssl.theory.tian2021 import jacobians, matrix, modes

SETTINGS = {
    "sigma2": np.array([0.25, 0.0, 1.0, 0.25]),
    "eta": np.array([0.1, 0.16, 0.1, 0.03]),
    "tau": np.array([1.0, 1.0, 1.0, 0.5]),
}
FAST = {"rtol": 1e-9, "atol": 1e-13}
ALIGNING = {"alpha_p": 1.0, "sigma2": 0.01, "tau": 0.2, "eta": 0.05}  # K > 0 along the whole run
# K indefinite when F starts small
DIVERGING = {"alpha_p": 1.0, "sigma2": 0.01, "tau": 1.0, "eta": 0.0}
EMA_LADDER = (None, 2.0, 0.4, 0.1, 0.02)  # None: no running average, tau = 1


def network_run(
    variant,
    *,
    n1=6,
    n2=4,
    alpha_p=2.5,
    beta=0.4,
    eta=0.07,
    end=10.0,
    isotropic=None,
    seed=0,
    points=81,
):
    """A random linear network up to t = end: (flow, solution, X, Xn); isotropic = sigma2 sets X =
    I, X' = sigma2 I."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, n1, n1)) / np.sqrt(n1)
    X, Xn = (a @ a.T, 0.3 * b @ b.T) if isotropic is None else (np.eye(n1), isotropic * np.eye(n1))
    flow = matrix.network_flow(X, Xn, n2, variant=variant)
    start = {
        "W": 0.5 * rng.normal(size=(n2, n1)),
        "Wp": 0.5 * rng.normal(size=(n2, n2)),
        "Wa": 0.3 * rng.normal(size=(n2, n1)),
    }
    params = {p.name: {"alpha_p": alpha_p, "beta": beta, "eta": eta}[p.name] for p in flow.params}
    y0 = flow.start(**{name: start[name] for name in flow.state})
    return (
        flow,
        flow.solve(y0, np.linspace(0, end, points), options={"rtol": 1e-11}, **params),
        X,
        Xn,
    )


def isotropic_start(flow, n, scale_F, seed):
    """A random symmetric Wp and a random positive F times scale_F."""
    a, b = np.random.default_rng(seed).normal(size=(2, n, n)) / np.sqrt(n)
    return flow.start(Wp=0.35 * (a + a.T), F=scale_F * b @ b.T)


def isotropic_run(*, n=4, scale_F=1.0, end=30.0, seed=0, **params):
    """Eq. 7 from a random symmetric Wp and a random positive F times scale_F: (times, Wp, F),
    params as given."""
    flow = matrix.isotropic_flow(n)
    y0 = isotropic_start(flow, n, scale_F, seed)
    run = flow.solve(y0, np.linspace(0, end, 301), options={"rtol": 1e-11, "atol": 1e-15}, **params)
    return run.times, run["Wp"], run["F"]


def target_correlation(
    betas=(10.0, 2.0, 0.4, 0.1),
    etas=(0.0, 0.01, 0.1),
    *,
    sigma=0.03,
    n=4,
    runs=10,
    end=60.0,
    seed=0,
):
    """Fig. 7: normalised correlation of Wa and W from random W, Wp of size 1/2 and Wa = 0, X = I,
    X' = sigma^2 I.

    Returns times (T,) from just after 0 and the correlation (T, runs, len(betas), len(etas)).
    gamma_a = 1 - beta lr.
    """
    rng = np.random.default_rng(seed)
    W, Wp = 0.5 * rng.normal(size=(2, runs, n, n))
    flow = matrix.network_flow(np.eye(n), sigma**2 * np.eye(n), n)
    times = np.concatenate([[0], np.geomspace(0.01, end, 120)])
    run = flow.solve(
        flow.start(W=W, Wp=Wp, Wa=0 * W)[:, None, None],
        times,
        beta=np.array(betas)[:, None],
        eta=np.array(etas),
        options={"rtol": 1e-8},
    )
    W, Wa = run["W"][1:], run["Wa"][1:]
    return times[1:], (W * Wa).sum((-1, -2)) / (size(W) * size(Wa))


def predictor_parts(
    taus=(0.1, 0.3, 0.5, 1.0), etas=(0.001, 0.01, 0.05), *, sigma=0.03, n=4, runs=5, end=1e4, seed=0
):
    """Fig. 8: norms of the symmetric and the skew part of Wp at fixed tau, F = Wp^T Wp, from random
    Wp of size 1/2.

    Returns times (T,) and the two norms, each (T, runs, len(etas), len(taus)).
    """
    Wp = 0.5 * np.random.default_rng(seed).normal(size=(runs, 1, 1, n, n))
    flow = matrix.balanced_predictor_flow(n)
    times = np.concatenate([[0], np.geomspace(0.1, end, 120)])
    Wp = flow.solve(
        flow.start(Wp=Wp),
        times,
        sigma2=sigma**2,
        tau=np.array(taus),
        eta=np.array(etas)[:, None],
        options={"rtol": 1e-8},
    )["Wp"]
    return times, size(Wp + Wp.swapaxes(-1, -2)) / 2, size(Wp - Wp.swapaxes(-1, -2)) / 2


def commutator_scan(
    taus=(0.1, 0.4, 0.7, 1.0),
    etas=(0.0, 0.01, 0.05, 0.1),
    *,
    sigma=0.03,
    n=4,
    runs=10,
    end=60.0,
    scale_F=0.01,
):
    """Fig. 9: norm of [F, Wp] over its start and smallest eigenvalue of K, eq. 7 from the starts of
    isotropic_run.

    Returns times (T,) and both, each (T, runs, len(etas), len(taus)).
    """
    flow, taus, etas = matrix.isotropic_flow(n), np.array(taus), np.array(etas)[:, None]
    y0 = np.stack([isotropic_start(flow, n, scale_F, seed) for seed in range(runs)])
    run = flow.solve(
        y0[:, None, None],
        np.linspace(0, end, 121),
        sigma2=sigma**2,
        tau=taus,
        eta=etas,
        options={"rtol": 1e-9, "atol": 1e-14},
    )
    K = matrix.K_matrix(
        run["Wp"], run["F"], sigma2=sigma**2, eta=etas[..., None, None], tau=taus[:, None, None]
    )
    norm = size(matrix.commutator(run["F"], run["Wp"]))
    return run.times, norm / norm[0], np.linalg.eigvalsh(K)[..., 0]


def size(a):
    """Frobenius norm of matrices (..., n, m): (...)."""
    return np.linalg.norm(a, axis=(-2, -1))


def parabola_end(p0, *, end=400.0, eta, sigma2, tau):
    """p at t = end on the parabola, vectorised."""
    y0 = modes.PARABOLA.start(p=p0)
    return modes.PARABOLA.solve(y0, [0, end], options=FAST, eta=eta, sigma2=sigma2, tau=tau)["p"][
        -1
    ]


def curvature_run(beta, *, eta=0.04, sigma2=0.0009, alpha_p=1.0, p0=0.3, s0=0.09, end=600.0):
    """One mode from (p0, s0) with Wa(0) = 0, or tau = 1 when beta is None: dict of t (T,) and p, s,
    tau, K (T, ...).

    t90 (...) is when p first reaches 90 % of p_plus, NaN if it never does. beta, eta, alpha_p, p0,
    s0 broadcast: a scan is one call.
    """
    events = {"t90": (nearly_there, 1)}
    t = np.concatenate([np.linspace(0, 10, 401), np.geomspace(10, end, 601)[1:]])
    p0, root = np.asarray(p0, float), np.sqrt(s0)
    if beta is None:
        run = modes.FIXED_TAU.solve(
            modes.FIXED_TAU.start(p=p0, s=root**2),
            t,
            sigma2=sigma2,
            eta=eta,
            tau=1.0,
            alpha_p=alpha_p,
            events=events,
        )
        p, s, tau = run["p"], run["s"], np.ones_like(run["p"])
    else:
        run = modes.SCALARS.solve(
            modes.SCALARS.start(wp=p0, w=root, wa=0.0),
            t,
            ld=1.0,
            ls=1 + sigma2,
            eta=eta,
            alpha_p=alpha_p,
            beta=beta,
            events=events,
        )
        p, s, tau = run["wp"], run["w"] ** 2, run["wa"] / run["w"]
    return {
        "t": t,
        "p": p,
        "s": s,
        "tau": tau,
        "K": modes.curvature(p, s, tau, alpha_p, sigma2, eta),
        "t90": run.events["t90"],
    }


def nearly_there(t, y, q):
    """An event of FIXED_TAU and SCALARS: p minus 90 % of p_plus at tau = 1; NaN, and so never,
    where p_plus is none."""
    where = {"ld": q["ld"], "ls": q["ls"]} if "ls" in q else {"sigma2": q["sigma2"]}
    return y[..., 0] - 0.9 * modes.p_plus(q["eta"], **where)


def ema_runs(betas=EMA_LADDER, **settings):
    """curvature_run for n values of beta, None = no running average: p, s, tau, K of shape (T, n),
    t90 (n,)."""
    fast = [b for b in betas if b is not None]
    averaged = curvature_run(np.array(fast), **settings)
    if len(fast) == len(betas):
        return averaged
    plain = curvature_run(None, **settings)
    order = [0 if b is None else 1 + fast.index(b) for b in betas]
    both = {
        name: np.concatenate([plain[name][..., None], averaged[name]], axis=-1)[..., order]
        for name in ("p", "s", "tau", "K", "t90")
    }
    return {"t": plain["t"], **both}


def ema_scan(betas=EMA_LADDER, **settings):
    """For each beta: (min_t K, time to 90 % of p_plus or NaN, end value of p, end value of s),
    (len(betas), 4)."""
    runs = ema_runs(betas, **settings)
    return np.column_stack([runs["K"].min(0), runs["t90"], runs["p"][-1], runs["s"][-1]])


def basin_edges(eta, sigma2=0.25, tau=1.0):
    """Measured basin edge on the parabola: bisection on p0 between 0 and the top p = tau/(2k),
    settings broadcast."""
    top = np.broadcast_arrays(tau / (2 * (1 + np.asarray(sigma2))), eta)[0]
    settings = {"eta": eta, "sigma2": sigma2, "tau": tau}
    time = max(1500.0, 20 / np.min(eta))  # p leaves the edge at a rate near eta
    return bisect(lambda p0: parabola_end(p0, end=time, **settings) > top, 0.0 * top, top, steps=32)


def separatrix(eta, sigma2=0.25, tau=1.0, alpha_p=1.0, *, length=4.0):
    """Edge of the basin of collapse in the (p, s) plane, eta > 0: the stable manifold of p_minus,
    traced backwards.

    Returns p (n,), s (n,) at equal steps along the curve, `length` to both sides of p_minus; raises
    ValueError where there is no p_minus.
    """
    q = modes.FIXED_TAU.check(eta=eta, sigma2=sigma2, tau=tau, alpha_p=alpha_p)
    if not 0 < eta < modes.eta_critical(sigma2, tau):
        raise ValueError(
            f"eta must be in (0, eta_critical = {modes.eta_critical(sigma2, tau):.6g}), was {eta:g}"
        )
    saddle = modes.FIXED_TAU.fixed_points(q)["p_minus"]
    values, vectors = np.linalg.eig(jacobians.jacobian(saddle, q))
    way = vectors[:, np.argmin(values.real)].real

    def backwards(t, y):  # unit speed, so that time is the length of the curve
        velocity = modes.fixed_tau_rhs(t, y, q)
        return -velocity / np.linalg.norm(velocity, axis=-1, keepdims=True)

    starts = saddle + 1e-6 * np.array([way, -way])
    y = dormand_prince(backwards, starts, np.linspace(0, length, 401)).require_finished().y
    line = np.concatenate([y[::-1, 0], saddle[None], y[:, 1]])
    return line[:, 0], line[:, 1]
