"""Liu, Suganuma and Okatani (2022), matrices: gradients of the loss, the linear network, and
features set free.

Shapes: F1, F2 (d, n) are features of a batch divided by sqrt(n), Wp (d, d), W (d, d_in); S = E[x1
x1^T] and M = E[x2 x1^T] are (d_in, d_in).
"""

from functools import partial

import numpy as np

from ncssl.errors import UnknownName
from ncssl.theory.helpers import mat
from ncssl.theory.liu2022.modes import ETA, equilibrium
from ncssl.theory.ode.flow import Flow, pack, unpack


def loss(Wp, F1, F2):
    """1/2 |Wp F1 - F2|_F^2, F2 the target: liu2022, eq. 4-5. One-way, halved, features already over
    sqrt(n)."""
    return 0.5 * ((Wp @ F1 - F2) ** 2).sum((-2, -1))


def gradients(Wp, F1, F2):
    """(dL/dWp, dL/dF1) of `loss` with F2 held: Wp F1 F1^T - F2 F1^T and Wp^T Wp F1 - Wp^T F2.
    liu2022, Lemma 3.2."""
    miss = Wp @ F1 - F2
    return miss @ F1.mT, Wp.mT @ miss


def batch_moments(X1, X2, *, symmetrised=False):
    """S = E[x1 x1^T] and M = E[x2 x1^T] of a batch (d_in, n), mean over n; symmetrised: mean of
    both directions."""
    n = X1.shape[-1]
    S, M = X1 @ X1.mT / n, X2 @ X1.mT / n
    return ((S + X2 @ X2.mT / n) / 2, (M + M.mT) / 2) if symmetrised else (S, M)


def network_rhs(t, y, q, *, state, S, M):
    """Gradient flow of 1/2 E|Wp W x1 - stopgrad(W x2)|^2 with weight decay, any data. liu2022, eq.
    4 and Sec. 3."""
    W, Wp = unpack(y, state)
    miss = Wp @ W @ S - W @ M
    return pack([-Wp.mT @ miss - mat(q["eta"]) * W, -miss @ W.mT - mat(q["eta"]) * Wp], state)


def leaking_rhs(t, y, q, *, state, S, M):
    """The same loss without the stop-gradient, both views of second moment S: the gradient reaches
    W twice."""
    W, Wp = unpack(y, state)
    miss = Wp @ W @ S - W @ M
    target = W @ S - Wp @ W @ M.mT
    return pack(
        [-Wp.mT @ miss - target - mat(q["eta"]) * W, -miss @ W.mT - mat(q["eta"]) * Wp], state
    )


def balance(t, y, q, *, state):
    """(Wp^T Wp - W W^T) e^{2 eta t}, constant for any S and M with the stop-gradient. tian2021, Thm
    1."""
    W, Wp = unpack(y, state)
    return (Wp.mT @ Wp - W @ W.mT) * mat(np.exp(2 * q["eta"] * t))


def square(name, matrix):
    """The matrix as a float array; raises ValueError naming it unless it is a finite square
    matrix."""
    a = np.asarray(matrix, float)
    if a.ndim != 2 or a.shape[0] != a.shape[1] or not np.isfinite(a).all():
        raise ValueError(f"{name} must be a finite square matrix, was of shape {a.shape}")
    return a


def network_flow(S, M, d: int, *, variant: str = "stop-gradient") -> Flow:
    """The linear network with d outputs: state W (d, d_in), Wp (d, d), parameter eta. S and M
    (d_in, d_in).

    variant: "stop-gradient", or "no stop-gradient". Raises UnknownName for another, ValueError when
    S or M is not square, S is not symmetric, or they differ in shape.
    """
    S, M = square("S", S), square("M", M)
    if S.shape != M.shape or not np.allclose(S, S.T, atol=1e-12):
        raise ValueError(f"S must be symmetric and of the shape of M, were {S.shape} and {M.shape}")
    variants = {"stop-gradient": network_rhs, "no stop-gradient": leaking_rhs}
    if variant not in variants:
        raise UnknownName("variant of the network flow", variant, variants)
    state = {"W": (d, len(S)), "Wp": (d, d)}
    invariants = {"balance": partial(balance, state=state)} if variant == "stop-gradient" else {}
    rhs = partial(variants[variant], state=state, S=S, M=M)
    return Flow(
        f"linear network, {variant}", "liu2022, Sec. 3", state, rhs, (ETA,), invariants=invariants
    )


def free_rhs(t, y, q, *, state, both):
    """Features move as if they were parameters: F1' = -dL/dF1 - eta F1, Wp' = -dL/dWp - eta Wp.
    liu2022, eq. 9.

    One-way, F2 is held. With `both`, the loss is the sum of the two directions and F2 moves
    likewise.
    """
    F1, F2, Wp = unpack(y, state)
    eta = mat(q["eta"])
    dWp, dF1 = gradients(Wp, F1, F2)
    back, dF2 = gradients(Wp, F2, F1)
    if not both:
        return pack([-dF1 - eta * F1, 0 * F2, -dWp - eta * Wp], state)
    return pack([-dF1 - eta * F1, -dF2 - eta * F2, -dWp - back - eta * Wp], state)


def free_balance(t, y, q, *, state, both):
    """(Wp^T Wp - F1 F1^T) e^{2 eta t}: liu2022, Theorem 3.1. With both directions F2 F2^T is
    subtracted too (ours).

    Erratum: eq. 6 of the paper prints F1^T F1, which is (n, n); its proof and eq. 14 have F1 F1^T,
    which is (d, d).
    """
    F1, F2, Wp = unpack(y, state)
    moment = F1 @ F1.mT + (F2 @ F2.mT if both else 0)
    return (Wp.mT @ Wp - moment) * mat(np.exp(2 * q["eta"] * t))


def free_flow(d: int, n: int, *, both: bool = False) -> Flow:
    """Eq. 9 taken at its word: state F1 (d, n), F2 (d, n), Wp (d, d), parameter eta; `both`:
    symmetrised loss."""
    state = {"F1": (d, n), "F2": (d, n), "Wp": (d, d)}
    return Flow(
        "free features" + (", both directions" if both else ""),
        "liu2022, eq. 7-9",
        state,
        partial(free_rhs, state=state, both=both),
        (ETA,),
        invariants={"balance": partial(free_balance, state=state, both=both)},
    )


def feature_velocity(W, Wp, X1, X2, eta):
    """How the features W X1 / sqrt(n) of a linear network really move, and how Lemma 3.3 says: two
    arrays (d, n).

    Really: F1' = -(dL/dF1) X1^T X1 / n - eta F1. The lemma leaves the Gram matrix of the inputs
    out.
    """
    n = X1.shape[-1]
    F1, F2 = W @ X1 / np.sqrt(n), W @ X2 / np.sqrt(n)
    dF1 = gradients(Wp, F1, F2)[1]
    dW = -dF1 @ X1.mT / np.sqrt(n) - eta * W
    return dW @ X1 / np.sqrt(n), -dF1 - eta * F1


def best_factor(A, B):
    """The number c that brings c B closest to A in the Frobenius norm, <A, B> / <B, B>; batch axes
    in front."""
    return (A * B).sum((-2, -1)) / (B * B).sum((-2, -1))


def relative_gap(A, B, *, fitted=False):
    """|A - c B|_F / |A|_F with c = 1, or with the best c when `fitted`; batch axes in front."""
    c = best_factor(A, B)[..., None, None] if fitted else 1.0
    return np.linalg.norm(A - c * B, axis=(-2, -1)) / np.linalg.norm(A, axis=(-2, -1))


def equilibrium_gap(b, s, eta, *, fitted=False):
    """`relative_gap` of Wp^T Wp and F F^T where all modes rest: spectrum b (..., d), s and eta
    scalars. Ours.

    Mode j ends at Wp_jj = W_jj = p_j, so the two matrices are diag(p_j^2) and diag((b_j + s)
    p_j^2).
    """
    b = np.asarray(b, float)
    a = equilibrium(b, s, eta) ** 2
    f = (b + s) * a
    c = (a * f).sum(-1, keepdims=True) / (f * f).sum(-1, keepdims=True) if fitted else 1.0
    return np.linalg.norm(a - c * f, axis=-1) / np.linalg.norm(a, axis=-1)


def correlation(C):
    """The correlation matrix of a second moment C (..., d, d), means zero."""
    scale = np.sqrt(np.diagonal(C, axis1=-2, axis2=-1))
    return C / scale[..., :, None] / scale[..., None, :]


def decorrelation(C):
    """|corr - I|_F^2 of a second moment C (..., d, d): 0 when features are uncorrelated. liu2022,
    Fig. 1's quantity."""
    R = correlation(C) - np.eye(C.shape[-1])
    return (R**2).sum((-2, -1))


def off_diagonal(A):
    """Share of the squared entries of A (..., d, d) that lie off its diagonal, in [0, 1]."""
    diagonal = (np.diagonal(A, axis1=-2, axis2=-1) ** 2).sum(-1)
    return 1 - diagonal / (A**2).sum((-2, -1))
