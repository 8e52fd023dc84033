"""Tian, Chen and Ganguli (2021), matrices: the two-layer linear network W (n2, n1), Wp (n2, n2), Wa
(n2, n1).

X = second moment of the mean view, Xn = X' = mean covariance of the views given the image, both
(n1, n1).
"""

from functools import partial

import numpy as np
from scipy.linalg import expm

from ncssl.errors import UnknownName
from ncssl.theory.helpers import mat
from ncssl.theory.ode.flow import Flow, pack, unpack
from ncssl.theory.tian2021.general import modes_of, network_points, second_moment
from ncssl.theory.tian2021.modes import ALPHA_P, BETA, ETA, SIGMA2, TAU


def network_rhs(t, y, q, *, state, X, Xn):
    """Gradient flow of 1/2 E||Wp W x1 - stopgrad(Wa x2)||^2 with weight decay, Wa following W:
    tian2021, eq. 2-4."""
    W, Wp, Wa = unpack(y, state)
    pull = Wa @ X - Wp @ W @ (X + Xn)
    dWp = mat(q["alpha_p"]) * pull @ W.mT - mat(q["eta"]) * Wp
    dW = Wp.mT @ pull - mat(q["eta"]) * W
    return pack([dW, dWp, mat(q["beta"]) * (W - Wa)], state)


def simsiam_rhs(t, y, q, *, state, X, Xn):
    """The same with Wa = W at all times (no running average), the stop-gradient kept."""
    W, Wp = unpack(y, state)
    pull = W @ X - Wp @ W @ (X + Xn)
    dWp = mat(q["alpha_p"]) * pull @ W.mT - mat(q["eta"]) * Wp
    return pack([Wp.mT @ pull - mat(q["eta"]) * W, dWp], state)


def symmetrised(rhs):
    """The flow `rhs` of W, Wp, ... with Wp moving by the symmetric part of its gradient: symmetric
    once is for ever."""

    def symmetric_rhs(t, y, q, *, state, **data):
        dW, dWp, *rest = unpack(rhs(t, y, q, state=state, **data), state)
        return pack([dW, (dWp + dWp.mT) / 2, *rest], state)

    return symmetric_rhs


def no_stop_gradient_rhs(t, y, q, *, state, X, Xn):
    """Wa = W and the gradient flows through both branches: vec(W)' = -H vec(W). tian2021, Thm 2."""
    W, Wp = unpack(y, state)
    eye = np.eye(W.shape[-2])
    dW = -(Wp.mT @ Wp + eye) @ W @ Xn - (Wp - eye).mT @ (Wp - eye) @ W @ X - mat(q["eta"]) * W
    dWp = mat(q["alpha_p"]) * (W @ X - Wp @ W @ (X + Xn)) @ W.mT - mat(q["eta"]) * Wp
    return pack([dW, dWp], state)


def no_predictor_rhs(t, y, q, *, state, X, Xn):
    """Wp = I and Wa = W with the stop-gradient: W' = -W (X' + eta I)."""
    (W,) = unpack(y, state)
    return pack([W @ X - W @ (X + Xn) - mat(q["eta"]) * W], state)


VARIANTS = {
    "ema": (network_rhs, "W Wp Wa", (ETA, ALPHA_P, BETA)),
    "simsiam": (simsiam_rhs, "W Wp", (ETA, ALPHA_P)),
    "no stop-gradient": (no_stop_gradient_rhs, "W Wp", (ETA, ALPHA_P)),
    "no predictor": (no_predictor_rhs, "W", (ETA,)),
}


def network_flow(
    X, Xn, n2: int, *, variant: str = "ema", symmetric_predictor: bool = False
) -> Flow:
    """The matrix flow for given X, Xn (n1, n1) and n2 outputs.

    variant: "ema" (state W, Wp, Wa), "simsiam" (W, Wp), "no stop-gradient" (W, Wp), "no predictor"
    (W). With symmetric_predictor the gradient of Wp is symmetrised ("ema" and "simsiam" only).
    Raises UnknownName for another variant, ValueError when X or Xn is not symmetric, square, of one
    size and without negative eigenvalues.
    """
    X, Xn = second_moment("X", X), second_moment("Xn", Xn)
    if X.shape != Xn.shape:
        raise ValueError(f"X and Xn must have one shape, were {X.shape} and {Xn.shape}")
    if variant not in VARIANTS:
        raise UnknownName("variant of the network flow", variant, VARIANTS)
    rhs, names, params = VARIANTS[variant]
    stops = variant in ("ema", "simsiam")
    if symmetric_predictor and not stops:
        raise ValueError(f"symmetric_predictor must be False for the variant {variant!r}, was True")
    shapes = {"W": (n2, len(X)), "Wp": (n2, n2), "Wa": (n2, len(X))}
    state = {name: shapes[name] for name in names.split()}
    return Flow(
        f"linear network, {variant}" + (", symmetric predictor" if symmetric_predictor else ""),
        "tian2021, eq. 2-4",
        state,
        partial(symmetrised(rhs) if symmetric_predictor else rhs, state=state, X=X, Xn=Xn),
        params,
        fixed_points=partial(
            network_points, state=state, modes=modes_of(X, Xn, n2) if stops else None
        ),
        invariants=(
            {"balance": partial(balance, state=state)} if stops and not symmetric_predictor else {}
        ),
    )


def balance(t, y, q, *, state):
    """(W W^T - Wp^T Wp / alpha_p) e^{2 eta t}, constant for any X, X', Wa(t): tian2021, Thm 1.
    Shape (..., n2, n2).

    The appendix restates it without 1/alpha_p: that is the case alpha_p = 1.
    """
    W, Wp = unpack(y, state)[:2]
    return (W @ W.mT - Wp.mT @ Wp / mat(q["alpha_p"])) * mat(np.exp(2 * q["eta"] * t))


def anticommutator(a, b):
    """{A, B} = AB + BA."""
    return a @ b + b @ a


def commutator(F, Wp):
    """L = [F, Wp] = F Wp - Wp F; zero exactly when F and the symmetric Wp share their
    eigenvectors."""
    return F @ Wp - Wp @ F


def isotropic_rhs(t, y, q, *, state):
    """Symmetric Wp, X = I, X' = sigma2 I, target tau W: flow of (Wp, F), F = W W^T. tian2021, eq.
    7."""
    Wp, F = unpack(y, state)
    k, tau, eta = mat(1 + q["sigma2"]), mat(q["tau"]), mat(q["eta"])
    dWp = mat(q["alpha_p"]) * (tau * F - k / 2 * anticommutator(Wp, F)) - eta * Wp
    dF = tau * anticommutator(Wp, F) - k * anticommutator(Wp @ Wp, F) - 2 * eta * F
    return pack([dWp, dF], state)


def isotropic_flow(n: int) -> Flow:
    """The flow of eq. 7 for n outputs: state Wp (n, n), F (n, n); tau is a fixed parameter."""
    state = {"Wp": (n, n), "F": (n, n)}
    return Flow(
        "isotropic matrices",
        "tian2021, eq. 7",
        state,
        partial(isotropic_rhs, state=state),
        (SIGMA2, ETA, TAU, ALPHA_P),
    )


def K_matrix(Wp, F, *, sigma2=0.25, eta=0.1, tau=1.0, alpha_p=1.0):
    """K = k(alpha_p F/2 + Wp^2 - tau Wp/k) + 3 eta/2 I, in L' = -(LK + KL): tian2021, Thm 3. Shape
    (..., n, n)."""
    k = 1 + sigma2
    return k * (alpha_p / 2 * F + Wp @ Wp) - tau * Wp + 1.5 * eta * np.eye(Wp.shape[-1])


def commutator_rate(Wp, F, **params):
    """dL/dt straight from eq. 7, by the product rule: what Thm 3 says is -(LK + KL)."""
    flow = isotropic_flow(Wp.shape[-1])
    dWp, dF = unpack(flow.field(pack([Wp, F], flow.state), **params), flow.state)
    return commutator(dF, Wp) + commutator(F, dWp)


def alignment_bound(times, Wp, F, **params):
    """Norm of L over time and its bound ||L(0)|| e^{-2 lambda0 t}, lambda0 = min over the run of
    lambda_min(K).

    times (T,), Wp and F (T, n, n). Returns (norm (T,), bound (T,), lambda0); a theorem only when
    lambda0 > 0.
    """
    norm = np.linalg.norm(commutator(F, Wp), axis=(-2, -1))
    lambda0 = float(np.linalg.eigvalsh(K_matrix(Wp, F, **params)).min())
    return norm, norm[0] * np.exp(-2 * lambda0 * times), lambda0


def predictor_fixed_point(F, *, sigma2=0.25, eta=0.1, tau=1.0, alpha_p=1.0):
    """Where Wp goes when F (n, n) is frozen: tau F [(1+sigma2) F + (eta/alpha_p) I]^{-1},
    symmetric. Needs eta > 0."""
    return tau * F @ np.linalg.inv((1 + sigma2) * F + eta / alpha_p * np.eye(len(F)))


def frozen_predictor_rhs(t, y, q, *, state, F):
    """The predictor alone, not symmetrised, F = W W^T frozen and target tau W, isotropic data:
    tian2021, eq. 2."""
    (Wp,) = unpack(y, state)
    dWp = (
        mat(q["alpha_p"]) * (mat(q["tau"]) * F - mat(1 + q["sigma2"]) * Wp @ F) - mat(q["eta"]) * Wp
    )
    return pack([dWp], state)


def frozen_predictor_flow(F) -> Flow:
    """Flow of Wp (n, n) at frozen F (n, n)."""
    F = second_moment("F", F)
    state = {"Wp": F.shape}
    return Flow(
        "predictor at frozen F",
        "tian2021, eq. 2",
        state,
        partial(frozen_predictor_rhs, state=state, F=F),
        (SIGMA2, ETA, TAU, ALPHA_P),
    )


def balanced_predictor_rhs(t, y, q, *, state):
    """The predictor alone, not symmetrised, where the balance law has done its work: F = Wp^T
    Wp/alpha_p. Fig. 8."""
    (Wp,) = unpack(y, state)
    F = Wp.mT @ Wp
    return pack([mat(q["tau"]) * F - mat(1 + q["sigma2"]) * Wp @ F - mat(q["eta"]) * Wp], state)


def balanced_predictor_flow(n: int) -> Flow:
    """Flow of any Wp (n, n) with F tied to it, isotropic data and target tau W; alpha_p cancels."""
    state = {"Wp": (n, n)}
    return Flow(
        "predictor with F tied to it",
        "tian2021, Fig. 8",
        state,
        partial(balanced_predictor_rhs, state=state),
        (SIGMA2, ETA, TAU),
    )


def no_predictor_solution(t, W0, Xn, eta):
    """W(t) = W(0) expm(-(X' + eta I) t). The paper writes the factors the other way round: the
    shapes do not fit."""
    return W0 @ expm(-(np.asarray(Xn, float) + eta * np.eye(len(Xn))) * t)


def no_stop_gradient_rate(Xn, eta):
    """A lower bound of lambda_min(H) valid at all times: lambda_min(X') + eta, so ||W|| <= e^{-rate
    t} ||W(0)||."""
    return float(np.linalg.eigvalsh(Xn).min() + eta)
