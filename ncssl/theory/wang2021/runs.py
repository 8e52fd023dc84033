"""Integrations of wang2021's flows that the checks, the tests and the chapter share."""

import numpy as np

from ncssl.theory.ode.flow import Flow, bisect
from ncssl.theory.wang2021 import matrix, modes, samples

FAST = {"rtol": 1e-9, "atol": 1e-13}
ALPHAS = np.array([0.5, 1.0, 2.0])
DEPTHS = ((1.0, 1), (1.0, 2), (0.5, 2), (1.0, 3))  # (alpha, layers) of Thm 5
COUNTS = (2000, 20000, 200000)  # samples of Thm 2


def basis(d: int, seed: int = 0) -> np.ndarray:
    """A random orthogonal matrix (d, d): its first r columns span S, the others B, so that no axis
    is special."""
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0]


def mode_end(delta, *, end: float = 400.0, flow: Flow = modes.MODE, **params):
    """lam at t = end from delta, vectorised over delta and parameters."""
    return flow.solve(flow.start(lam=delta), [0, end], options=FAST, **params)["lam"][-1]


def encoder_end(
    d=8, r=3, *, sigma2=1.0, delta=0.95, end=400.0, correlation="clean", seed=0, **params
):
    """(W (..., d, d) at t = end from delta I, P_S, P_B) of the whole matrix flow, S in a random
    position."""
    U = basis(d, seed)
    flow = matrix.encoder_flow(matrix.nuisance(d, r, sigma2, U), correlation=correlation)
    W = flow.solve(flow.start(W=delta * np.eye(d)), [0, end], options=FAST, **params)["W"][-1]
    return W, U[:, :r] @ U[:, :r].T, U[:, r:] @ U[:, r:].T


def threshold(start, exact, *, flow: Flow = modes.MODE, above: float = 2.0, **params):
    """Weight decay that decides between growth and decay from `start`, by bisection on integrated
    runs (t = 100).

    start: lam where the two non-zero points of the flow meet. Confirmed by long runs from lam = 1,
    0.1 % to both sides; where one disagrees the answer is inf. `exact` sets the bracket only, from
    half to `above` times it.
    """

    def dies(eta, time=100.0):
        return mode_end(start, end=time, flow=flow, eta=eta, **params) < start

    found = bisect(dies, 0.5 * exact, above * exact)
    ends = [mode_end(1.0, end=5000.0, flow=flow, eta=f * found, **params) for f in (0.999, 1.001)]
    return np.where((ends[0] > start) & (np.abs(ends[1]) < 1e-3 * start), found, np.inf)


def thresholds(sigma2, alpha=1.0, layers=1.0):
    """Measured threshold of a mode of the plain flow (eps = 0), broadcast over the parameters."""
    start = modes.peak(sigma2, alpha, 0.0, layers) ** (1 / (2 * np.asarray(alpha)))
    exact = modes.eta_threshold(sigma2, alpha, 0.0, layers)
    start, exact = np.broadcast_arrays(start, exact)
    return threshold(start, exact, sigma2=sigma2, alpha=alpha, layers=layers)


def augmented_thresholds(sigma2, alpha):
    """Measured threshold of a nuisance mode when the predictor uses the views' correlation
    (Thm 4)."""
    k, alpha = 1 + np.asarray(sigma2, float), np.asarray(alpha, float)
    start, exact = np.broadcast_arrays((2 * k) ** (-1 / (2 * alpha)) / np.sqrt(k), 1 / (4 * k))
    return threshold(start, exact, flow=modes.AUGMENTED, sigma2=sigma2, alpha=alpha)


def edges(eta, *, alpha=1.0, eps=0.0, sigma2=0.0, layers=1.0):
    """Measured basin edge: bisection on delta between 0 and where the drive is largest,
    broadcast."""
    given = {"eta": eta, "alpha": alpha, "eps": eps, "sigma2": sigma2, "layers": layers}
    top = modes.peak(sigma2, alpha, eps, layers) ** (1 / (2 * np.asarray(alpha)))
    top = np.broadcast_arrays(top, eta)[0]
    return bisect(
        lambda delta: mode_end(delta, end=300.0, **given) > top,
        0.0 * top,
        top * (1 + 1e-9),
        steps=28,
    )


def graded(variances, eta, *, alpha=1.0, end=400.0, seed=0):
    """Which directions of a graded noise survive in the whole matrix flow: bool (..., d), ordered
    as `variances`."""
    U = basis(len(variances), seed)
    flow = matrix.encoder_flow((U * np.asarray(variances)) @ U.T)
    W = flow.solve(
        flow.start(W=0.95 * np.eye(len(U))), [0, end], options=FAST, eta=eta, alpha=alpha
    )["W"][-1]
    return np.linalg.norm(W @ U, axis=-2) > 1e-3


def deep_end(layers, *, d=4, r=2, sigma2=1.0, delta=0.95, end=400.0, seed=0, **params):
    """(product W of the layers at t = end, P_S, P_B) of the deep matrix flow, each layer
    delta^(1/l) I at the start."""
    U = basis(d, seed)
    flow = matrix.deep_flow(matrix.nuisance(d, r, sigma2, U), layers)
    run = flow.solve(
        flow.start(**{name: delta ** (1 / layers) * np.eye(d) for name in flow.state}),
        [0, end],
        options=FAST,
        **params,
    )
    W = np.eye(d)
    for name in flow.state:
        W = run[name][-1] @ W
    return W, U[:, :r] @ U[:, :r].T, U[:, r:] @ U[:, r:].T


def general_run(
    d=6, r=3, *, sigma2=1.0, eta=0.2, alpha=1.0, scale=0.15, end=120.0, points=241, seed=0
):
    """Encoder flow from 0.9 Q + scale * Gaussian, Q orthogonal, nothing commuting: (flow, solution,
    P_S)."""
    rng = np.random.default_rng(seed)
    U, Q = basis(d, seed), basis(d, seed + 1)
    flow = matrix.encoder_flow(matrix.nuisance(d, r, sigma2, U))
    y0 = flow.start(W=0.9 * Q + scale * rng.normal(size=(d, d)))
    run = flow.solve(y0, np.linspace(0, end, points), options={"rtol": 1e-11}, eta=eta, alpha=alpha)
    return flow, run, U[:, :r] @ U[:, :r].T


def sample_runs(
    counts=COUNTS,
    *,
    seeds=3,
    d=10,
    r=4,
    sigma2=1.0,
    eta=0.1875,
    delta=0.8,
    step=0.05,
    marks=(2000,),
    symmetric=False,
):
    """DirectCopy on finite samples: errors ||W - c P_S|| and ||W^T W - c^2 P_S||, each (marks,
    counts, seeds)."""
    C = [
        [samples.moments(n, d, r, sigma2, symmetric=symmetric, seed=s) for s in range(seeds)]
        for n in counts
    ]
    return samples.errors(
        samples.descent(np.array(C), marks, eta=eta, delta=delta, step=step), r, eta
    )


def slope(x, y) -> float:
    """Slope of log y over log x by least squares."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])
