"""Checks on data that are not isotropic (App. D), and on modes that decouple."""

import numpy as np

from ncssl.theory.helpers import check
from ncssl.theory.ode.flow import numerical_jacobian
from ncssl.theory.tian2021 import general, matrix, modes


def _data(n, seed=2):
    """Random X, X' (n, n) that share no eigenvectors."""
    a, b = np.random.default_rng(seed).normal(size=(2, n, n))
    return a @ a.T / n, b @ b.T / n


def _on_manifold(n2, X, Xn, seed=3):
    """A random state with Wp W = W S_d S_s^{-1}, Wa = W: rows of W span n2 left eigenvectors of S_d
    S_s^{-1}."""
    values, left = np.linalg.eig(general.shrinkage(X, Xn).T)
    W = (
        np.random.default_rng(seed).normal(size=(n2, n2))
        @ left.T.real[np.argsort(-values.real)[:n2]]
    )
    flow = matrix.network_flow(X, Xn, n2)
    return flow, flow.start(W=W, Wp=general.manifold_predictor(W, X, Xn), Wa=W)


@check
def nonisotropic_manifold():
    """Largest velocity of the flow on Wp W = W S_d S_s^{-1}, Wa = W (App. D, eta = 0), n2 = n1 and
    n2 < n1."""
    return max(
        float(np.abs(flow.field(y, eta=0.0)).max())
        for flow, y in (_on_manifold(4, *_data(4)), _on_manifold(2, *_data(5)))
    )


@check
def nonisotropic_symmetry():
    """Largest velocity after W, Wp, Wa -> S W, S Wp S^{-1}, S Wa for a random S (App. D)."""
    X, Xn = _data(4)
    flow, y = _on_manifold(4, X, Xn)
    W, Wp, Wa = (y[16 * i : 16 * i + 16].reshape(4, 4) for i in range(3))
    S = np.random.default_rng(5).normal(size=(4, 4))
    moved = flow.start(W=S @ W, Wp=S @ Wp @ np.linalg.inv(S), Wa=S @ Wa)
    return float(np.abs(flow.field(moved, eta=0.0)).max())


@check
def nonisotropic_dimension():
    """Largest difference of the directions in which nothing moves from n2^2, for (n1, n2) = (3, 3),
    (4, 2) (App. D)."""
    worst = 0
    for n1, n2 in ((3, 3), (4, 2)):
        flow, y = _on_manifold(n2, *_data(n1))
        sizes = np.linalg.svd(numerical_jacobian(flow, y, eta=0.0), compute_uv=False)
        worst = max(worst, abs(int((sizes < 1e-9 * sizes[0]).sum()) - n2**2))
    return float(worst)


def _end_of_predictor(X, Xn, end=3000.0):
    """Eigenvalues of Wp in ascending order where SimSiam without weight decay ends, from a fixed
    start with n2 = n1."""
    n = len(X)
    flow = matrix.network_flow(X, Xn, n, variant="simsiam")
    Wp = 0.2 * np.random.default_rng(7).normal(size=(n, n)) + 0.5 * np.eye(n)
    run = flow.solve(flow.start(W=np.eye(n), Wp=Wp), [0, end], eta=0.0, options={"rtol": 1e-9})
    return np.sort(np.linalg.eigvals(run["Wp"][-1]).real)


@check
def scrambling_projects():
    """Max abs error of the eigenvalues of Wp at the end from those of a projector, 2 of 4
    directions scrambled."""
    U = np.linalg.qr(np.random.default_rng(6).normal(size=(4, 4)))[0]
    Sx = U @ np.diag([2.0, 1.5, 1.0, 0.5]) @ U.T
    X, Xn = general.scrambling(Sx, U.T[[0, 2]])
    return float(np.abs(_end_of_predictor(X, Xn) - [0, 0, 1, 1]).max())


@check
def additive_noise_shrinks():
    """Max abs error of the eigenvalues of Wp at the end from those of S_x (S_x + S_n)^{-1}, random
    S_x, S_n."""
    X, Xn = general.additive_noise(*(a + 0.3 * np.eye(4) for a in _data(4)))
    exact = np.sort(np.linalg.eigvals(X @ np.linalg.inv(X + Xn)).real)
    return float(np.abs(_end_of_predictor(X, Xn) - exact).max())


@check
def no_predictor_keeps_what_is_invariant():
    """Max abs error of W(300) from W(0) projected on the kernel of X', no predictor and no weight
    decay (App. D).

    There and only there S_d S_s^{-1} has the eigenvalue 1.
    """
    X, _ = _data(4)
    U = np.linalg.qr(np.random.default_rng(8).normal(size=(4, 4)))[0]
    flow = matrix.network_flow(
        X, U @ np.diag([0.0, 0.2, 0.5, 1.0]) @ U.T, 2, variant="no predictor"
    )
    W0 = np.random.default_rng(9).normal(size=(2, 4))
    end = flow.solve(flow.start(W=W0), [0, 300.0], eta=0.0)["W"][-1]
    return float(np.abs(end - W0 @ np.outer(U[:, 0], U[:, 0])).max())


@check
def modes_decouple():
    """Max abs error of a network that starts aligned (EMA, X and X' share eigenvectors) from its
    modes, t <= 40."""
    U = np.linalg.qr(np.random.default_rng(10).normal(size=(3, 3)))[0]
    X, Xn = (U @ np.diag(values) @ U.T for values in ([1.5, 1.0, 0.5], [0.2, 0.6, 0.1]))
    flow, times, q = (
        matrix.network_flow(X, Xn, 3),
        np.linspace(0, 40, 41),
        {"eta": 0.05, "alpha_p": 2.0, "beta": 0.4},
    )
    ld, ls, vectors = general.modes_of(X, Xn, 3)
    start = {
        "wp": np.array([0.5, 0.1, 0.4]),
        "w": np.array([0.6, 0.8, 0.3]),
        "wa": np.array([0.0, 0.2, 0.5]),
    }
    net = flow.solve(general.aligned(flow.state, vectors, **start), times, **q)
    run = modes.SCALARS.solve(modes.SCALARS.start(**start), times, ld=ld, ls=ls, **q)
    exact = general.aligned(flow.state, vectors, **{name: run[name] for name in start})
    return float(np.abs(net.y - exact).max())


@check
def network_survivors():
    """Largest velocity at the fixed point "survivors" of a network with three living and one dead
    mode, eta = .05."""
    X, Xn = np.diag([1.0, 0.5, 2.0, 0.2]), np.diag([0.5, 0.5, 0.5, 0.8])
    flow = matrix.network_flow(X, Xn, 4)
    q = flow.check(eta=0.05, alpha_p=2.0)
    point = flow.fixed_points(q)["survivors"]
    alive = int((np.abs(point[:16]) > 1e-9).sum())
    return float(np.abs(flow.field(point, **q)).max()) if alive == 3 else np.inf
