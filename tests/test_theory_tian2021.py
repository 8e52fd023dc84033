"""Theory of tian2021 on matrices and general data: verified values, right-hand sides against the
loss, fixed points."""

import numpy as np
import pytest

from ncssl.theory.ode.flow import bisect, numerical_jacobian, unpack
from ncssl.theory.tian2021 import general, matrix, modes

# ---- right-hand sides are minus the gradient of the loss


def random_network(n1=4, n2=3, seed=0):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, n1, n1)) / 2
    return (
        a @ a.T,
        b @ b.T,
        rng.normal(size=(n2, n1)),
        rng.normal(size=(n2, n2)),
        rng.normal(size=(n2, n1)),
    )


def loss(W, Wp, Wa, X, Xn, *, target):
    """1/2 E||Wp W x1 - Wa x2||^2 of two views with E x1 x2^T = X, E x x^T = X + Xn; `target`: the
    size of Wa too."""
    S = X + Xn
    out = np.trace(Wp @ W @ S @ W.T @ Wp.T) / 2 - np.trace(Wp @ W @ X @ Wa.T)
    return out + (np.trace(Wa @ S @ Wa.T) / 2 if target else 0.0)


def gradient(f, a, step=1e-5):
    return np.array(
        [(f(a + e) - f(a - e)) / (2 * step) for e in step * np.eye(a.size).reshape(-1, *a.shape)]
    ).reshape(a.shape)


@pytest.mark.parametrize(
    "variant, symmetric",
    [
        ("ema", False),
        ("ema", True),
        ("simsiam", False),
        ("simsiam", True),
        ("no stop-gradient", False),
    ],
)
def test_the_network_descends_the_loss(variant, symmetric):
    X, Xn, W, Wp, Wa = random_network()
    Wa = Wa if variant == "ema" else W
    flow = matrix.network_flow(X, Xn, 3, variant=variant, symmetric_predictor=symmetric)
    q = {"eta": 0.3, "alpha_p": 2.5} | ({"beta": 0.7} if variant == "ema" else {})
    start = {"W": W, "Wp": Wp, "Wa": Wa}
    moves = unpack(
        flow.field(flow.start(**{name: start[name] for name in flow.state}), **q), flow.state
    )
    held = variant != "no stop-gradient"
    dW = -gradient(lambda a: loss(a, Wp, Wa if held else a, X, Xn, target=not held), W) - 0.3 * W
    dWp = -2.5 * gradient(lambda a: loss(W, a, Wa, X, Xn, target=not held), Wp) - 0.3 * Wp
    dWp = (dWp + dWp.T) / 2 if symmetric else dWp
    for move, exact in zip(moves, [dW, dWp, 0.7 * (W - Wa)], strict=False):
        np.testing.assert_allclose(move, exact, atol=1e-8)


def test_no_predictor_is_the_network_with_the_predictor_held_at_one():
    X, Xn, W, _, _ = random_network()
    (move,) = unpack(
        matrix.network_flow(X, Xn, 3, variant="no predictor").field(W.ravel(), eta=0.3),
        {"W": (3, 4)},
    )
    dW = -gradient(lambda a: loss(a, np.eye(3), W, X, Xn, target=False), W) - 0.3 * W
    np.testing.assert_allclose(move, dW, atol=1e-8)


def test_the_symmetrised_network_and_equation_7_are_one_flow_and_stay_symmetric():
    rng = np.random.default_rng(1)
    a, W = rng.normal(size=(2, 3, 3)) / 2
    big = matrix.network_flow(np.eye(3), 0.3 * np.eye(3), 3, symmetric_predictor=True)
    q = {"eta": 0.07, "alpha_p": 2.5}
    dW, dWp, _ = unpack(big.field(big.start(W=W, Wp=a + a.T, Wa=0.6 * W), **q), big.state)
    small = matrix.isotropic_flow(3)
    iso_dWp, dF = unpack(
        small.field(small.start(Wp=a + a.T, F=W @ W.T), sigma2=0.3, tau=0.6, **q), small.state
    )
    np.testing.assert_allclose(dWp, iso_dWp, atol=1e-12)
    np.testing.assert_allclose(dW @ W.T + W @ dW.T, dF, atol=1e-12)
    assert not big.invariants
    run = big.solve(big.start(W=W, Wp=a + a.T, Wa=0.6 * W), [0, 5.0], **q)
    assert np.abs(run["Wp"] - run["Wp"].swapaxes(1, 2)).max() < 1e-10


def test_the_tied_predictor_is_the_network_on_the_balance_law():
    Wp = np.random.default_rng(2).normal(size=(3, 3))
    W = Wp.T / np.sqrt(2.5)  # so that W W^T = Wp^T Wp / alpha_p
    big, small = (
        matrix.network_flow(np.eye(3), 0.3 * np.eye(3), 3),
        matrix.balanced_predictor_flow(3),
    )
    move = unpack(big.field(big.start(W=W, Wp=Wp, Wa=0.6 * W), eta=0.07, alpha_p=2.5), big.state)[1]
    np.testing.assert_allclose(
        small.field(Wp.ravel(), eta=0.07, sigma2=0.3, tau=0.6), move.ravel(), atol=1e-12
    )


# ---- fixed points


@pytest.mark.parametrize("n2", [2, 3, 5])
@pytest.mark.parametrize("variant", ["ema", "simsiam"])
def test_fixed_points_of_the_network(variant, n2):
    U = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    X, Xn = (U @ np.diag(values) @ U.T for values in ([1.5, 1.0, 0.3], [0.2, 0.5, 0.4]))
    flow = matrix.network_flow(X, Xn, n2, variant=variant)
    q = flow.check(eta=[0.0, 0.05, 0.2], alpha_p=2.0)
    points = flow.fixed_points(q)
    for y in points.values():
        assert np.abs(flow.field(y, **q)).max() < 1e-14
    p = np.diagonal(unpack(points["survivors"], flow.state)[1], axis1=1, axis2=2)
    exact = [
        modes.p_plus(q["eta"], ld=ld, ls=ld + s)
        for ld, s in ((1.5, 0.2), (1.0, 0.5), (0.3, 0.4))[:n2]
    ]
    np.testing.assert_allclose(p[:, :3], np.nan_to_num(exact).T, atol=1e-12)
    assert (p[2, 2:] == 0).all() and (p[:, 3:] == 0).all()
    rng = np.random.default_rng(4)
    near = points["survivors"][1] + 0.01 * rng.normal(size=len(points["survivors"][1]))
    end = flow.solve(near, [0, 300.0], eta=0.05, alpha_p=2.0)
    values = np.sort(np.linalg.svd(end["W"][-1], compute_uv=False))[::-1]
    np.testing.assert_allclose(values[:2], np.sort(p[1])[::-1][:2] / np.sqrt(2), atol=1e-7)
    top = np.linalg.eigvals(
        numerical_jacobian(flow, points["survivors"][1], eta=0.05, alpha_p=2.0)
    ).real.max()
    assert top < 1e-8  # turning all of it by a rotation costs nothing, the rest attracts


def test_data_that_share_no_eigenvectors_have_no_such_point():
    X, Xn, *_ = random_network()
    flow = matrix.network_flow(X, Xn, 3)
    assert set(flow.fixed_points(flow.check())) == {"collapse"}
    without = matrix.network_flow(X, Xn, 3, variant="no predictor")
    assert set(without.fixed_points(without.check())) == {"collapse"}


def test_a_mode_of_the_network_dies_at_its_own_threshold():
    ld, ls = np.array([1.0, 0.5]), np.array([1.5, 1.0])
    flow = matrix.network_flow(np.diag(ld), np.diag(ls - ld), 2, variant="simsiam")
    top = ld / (2 * ls)  # where p_minus and p_plus meet

    y0 = general.aligned(flow.state, np.eye(2), w=top, wp=top, wa=top)

    def dies(eta):  # each network has the weight decay under which one of its modes is looked at
        end = flow.solve(y0, [0, 200.0], eta=eta, options={"rtol": 1e-8})["Wp"][-1]
        return np.diagonal(np.diagonal(end, axis1=1, axis2=2)) < top

    found = bisect(dies, 0.5 * ld**2 / (4 * ls), 2 * ld**2 / (4 * ls), steps=24)
    np.testing.assert_allclose(found, modes.eta_critical(ld=ld, ls=ls), rtol=1e-6)


def test_noise_and_scrambling_have_the_moments_of_such_views():
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(2, 3, 3))
    Sx, Sn = a @ a.T, b @ b.T
    noisy = general.shrinkage(*general.additive_noise(Sx, Sn))
    np.testing.assert_allclose(noisy, Sx @ np.linalg.inv(Sx + Sn), atol=1e-9)
    U = np.linalg.qr(a)[0]
    X, Xn = general.scrambling(U @ np.diag([3.0, 2.0, 1.0]) @ U.T, U.T[:2])
    np.testing.assert_allclose(general.shrinkage(X, Xn), U[:, :2] @ U[:, :2].T, atol=1e-12)
    views = rng.normal(size=(2, 200_000, 3)) * np.sqrt([3.0, 2.0, 1.0])
    views[1, :, :2] = views[0, :, :2]  # the last direction is drawn anew
    x1, x2 = views @ U.T
    assert (
        np.abs(x1.T @ x2 / len(x1) - X).max() < 0.05
        and np.abs(x1.T @ x1 / len(x1) - X - Xn).max() < 0.05
    )


INDEFINITE = np.diag([1.0, -0.5, 2.0])


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda: matrix.network_flow(INDEFINITE, np.eye(3), 2),
            "X must have no negative eigenvalue.*was -0.5",
        ),
        (
            lambda: matrix.network_flow(np.eye(3), INDEFINITE, 2),
            "Xn must have no negative eigenvalue",
        ),
        (
            lambda: matrix.network_flow(np.eye(3), np.eye(3) + np.eye(3, k=1), 2),
            "Xn must be a finite symmetric",
        ),
        (
            lambda: matrix.network_flow(np.eye(2) * np.nan, np.eye(2), 2),
            "X must be a finite symmetric",
        ),
        (
            lambda: matrix.network_flow(np.ones(3), np.eye(3), 2),
            "X must be a finite symmetric square matrix, .*\\(3,\\)",
        ),
        (
            lambda: matrix.network_flow(
                np.eye(2), np.eye(2), 2, variant="no predictor", symmetric_predictor=True
            ),
            "symmetric_predictor must be False",
        ),
        (lambda: matrix.frozen_predictor_flow(INDEFINITE), "F must have no negative eigenvalue"),
        (
            lambda: general.shrinkage(np.diag([1.0, 0.0]), np.zeros((2, 2))),
            "X \\+ Xn must be invertible",
        ),
        (
            lambda: general.manifold_predictor(np.ones((1, 2)), np.eye(2), np.diag([0.1, 1.0])),
            "W must have rows that span",
        ),
        (
            lambda: general.scrambling([[1.0, 0.9], [0.9, 1.0]], [1.0, 0.0]),
            "S_x - P S_x P must have no negative",
        ),
    ],
)
def test_what_is_no_data_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
