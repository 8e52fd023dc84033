"""Wang, Chen, Du and Tian (2021), matrices: a linear encoder W (d, d), data N(0, I), noise of
covariance Xn (d, d).

The paper's noise is Xn = sigma^2 P_B on a nuisance subspace B; any symmetric positive matrix is
allowed here (ours).
"""

from functools import partial

import numpy as np

from ncssl.errors import UnknownName
from ncssl.theory.helpers import mat, symmetric
from ncssl.theory.ode.flow import Flow, pack, unpack
from ncssl.theory.wang2021.modes import ALPHA, EPS, ETA

CORRELATIONS = ("clean", "augmented")
NORMS = ("none", "spectral", "frobenius")


def nuisance(d: int, r: int, sigma2=1.0, basis=None) -> np.ndarray:
    """Xn = sigma2 P_B (d, d), B spanned by the last d - r columns of `basis` (default: the
    coordinates).

    Raises ValueError unless 0 <= r <= d.
    """
    if not 0 <= r <= d:
        raise ValueError(f"r must be in [0, {d}], was {r}")
    U = np.eye(d) if basis is None else np.asarray(basis, float)
    return sigma2 * U[:, r:] @ U[:, r:].T


def power(F, alpha):
    """F^alpha of symmetric positive matrices F (..., d, d), alpha (...); rounding below 0 counts as
    0."""
    values, U = np.linalg.eigh((F + F.mT) / 2)
    return (U * np.maximum(values, 0)[..., None, :] ** mat(alpha)) @ U.mT


def predictor(W, Xn, q, correlation="clean", norm="none"):
    """DirectSet(alpha): F^alpha divided by its norm, plus eps I; F = W W^T, or W (I + Xn) W^T for
    "augmented"."""
    F = W @ W.mT if correlation == "clean" else W @ (np.eye(len(Xn)) + Xn) @ W.mT
    A = power(F, q["alpha"])
    if norm != "none":
        A = A / mat(np.linalg.norm(A, 2 if norm == "spectral" else None, axis=(-2, -1)))
    return A + mat(q["eps"]) * np.eye(len(Xn))


def encoder_rhs(t, y, q, *, state, Xn, correlation, norm):
    """W' = Wp (W - Wp W (I + Xn)) - eta W, Wp set by DirectSet(alpha) and held still: wang2021,
    Sec. 3."""
    (W,) = unpack(y, state)
    Wp = predictor(W, Xn, q, correlation, norm)
    return pack([Wp @ (W - Wp @ W @ (np.eye(len(Xn)) + Xn)) - mat(q["eta"]) * W], state)


def encoder_flow(Xn, *, correlation: str = "clean", norm: str = "none") -> Flow:
    """Flow of W (d, d) for noise of covariance Xn (d, d).

    correlation: "clean" (of the data) or "augmented" (of the views, Thm 4); norm: "none" (the
    theory), "spectral" or "frobenius" (the algorithm). Raises UnknownName, or ValueError when Xn is
    not symmetric and positive.
    """
    Xn = _noise(Xn)
    for kind, given, allowed in (("correlation", correlation, CORRELATIONS), ("norm", norm, NORMS)):
        if given not in allowed:
            raise UnknownName(kind, given, allowed)
    state = {"W": Xn.shape}
    rhs = partial(encoder_rhs, state=state, Xn=Xn, correlation=correlation, norm=norm)
    return Flow(
        f"DirectSet encoder, {correlation}, norm {norm}",
        "wang2021, Sec. 3",
        state,
        rhs,
        (ETA, ALPHA, EPS),
        invariants={"column space": partial(outside_columns, state=state)},
    )


def deep_rhs(t, y, q, *, state, Xn):
    """Gradient flow of each layer of W = W_l ... W_1, weight decay on each, Wp = (W W^T)^alpha +
    eps I: Thm 5."""
    layers = unpack(y, state)
    before, after = [np.eye(len(Xn))], [np.eye(len(Xn))]
    for i in range(len(layers) - 1):
        before.append(layers[i] @ before[-1])
        after.append(after[-1] @ layers[-1 - i])
    W = layers[-1] @ before[-1]
    Wp = predictor(W, Xn, q)
    pull = Wp @ (W - Wp @ W @ (np.eye(len(Xn)) + Xn))
    return pack(
        [
            a.mT @ pull @ b.mT - mat(q["eta"]) * layer
            for layer, a, b in zip(layers, after[::-1], before, strict=True)
        ],
        state,
    )


def deep_flow(Xn, layers: int) -> Flow:
    """Flow of `layers` square linear layers W1 (first) to Wl, each (d, d). Raises ValueError for
    layers < 1."""
    Xn = _noise(Xn)
    if layers != int(layers) or layers < 1:
        raise ValueError(f"layers must be a whole number >= 1, was {layers}")
    state = {f"W{i + 1}": Xn.shape for i in range(int(layers))}
    return Flow(
        f"DirectSet encoder of {layers} layers",
        "wang2021, Thm 5",
        state,
        partial(deep_rhs, state=state, Xn=Xn),
        (ETA, ALPHA, EPS),
        invariants={"layer balance": partial(layer_balance, state=state)},
    )


def _noise(Xn):
    Xn = symmetric("Xn", Xn)
    if np.linalg.eigvalsh(Xn).min() < -1e-12:
        raise ValueError(
            f"Xn must be a covariance, its smallest eigenvalue was {np.linalg.eigvalsh(Xn).min():g}"
        )
    return Xn


def gram_rhs(t, y, q, *, state, Xn):
    """M = W^T W on its own: M' = G^T M + M G, G = (M^alpha + eps) - (M^alpha + eps)^2 (I + Xn) -
    eta (ours).

    Because Wp W = W (M^alpha + eps) the encoder moves as W' = W G(M): its outputs can only be mixed
    by the data.
    """
    (M,) = unpack(y, state)
    v = power(M, q["alpha"]) + mat(q["eps"]) * np.eye(len(Xn))
    MG = M @ (v - v @ v @ (np.eye(len(Xn)) + Xn)) - mat(q["eta"]) * M
    return pack([MG + MG.mT], state)


def gram_flow(Xn) -> Flow:
    """Flow of M = W^T W (d, d), which is all that a linear readout of W x can see."""
    Xn = _noise(Xn)
    state = {"M": Xn.shape}
    return Flow(
        "DirectSet Gram matrix",
        "ours",
        state,
        partial(gram_rhs, state=state, Xn=Xn),
        (ETA, ALPHA, EPS),
    )


def outside_columns(t, y, q, *, state):
    """The projection of W off the column space of its start: zero for ever, since W(t) = W(0)
    Phi(t). Needs t[0]=0."""
    (W,) = unpack(y, state)
    U, s, _ = np.linalg.svd(W[0])
    inside = (U * (s > 1e-12 * s[..., :1])[..., None, :]) @ U.mT
    return W - inside @ W


def layer_balance(t, y, q, *, state):
    """(W_{i+1}^T W_{i+1} - W_i W_i^T) e^{2 eta t} for neighbouring layers, constant: (l - 1, ...,
    d, d)."""
    layers = unpack(y, state)
    gaps = [b.mT @ b - a @ a.mT for a, b in zip(layers, layers[1:], strict=False)]
    return np.stack(gaps) * mat(np.exp(2 * q["eta"] * t)) if gaps else np.zeros((0, *y.shape[:-1]))


def diagonal_rates(lam, variances, *, eta=0.2, alpha=1.0, eps=0.0):
    """All d^2 eigenvalues of the Jacobian of the encoder flow at W = diag(lam), Xn =
    diag(variances): exact (ours).

    Entries (i, i) give the rate of one mode; the pair (i, j), (j, i) gives two, of which one is 0
    at a fixed point (a rotation of the outputs). At c P_S: f'(c), 0, -sigma^2 c^(4 alpha) between S
    and B, -eta inside B. lam >= 0.
    """
    lam, k = np.asarray(lam, float), 1 + np.asarray(variances, float)
    m, v = lam**2, lam ** (2 * alpha) + eps
    g = v - k * v**2 - eta
    with np.errstate(divide="ignore", invalid="ignore"):
        a1 = (v[:, None] - v) / (m[:, None] - m)  # divided differences of v and v^2 over lam^2
        slope = np.where(m > 0, alpha * m ** (alpha - 1), 0.0)
    a1 = np.where(m[:, None] == m, slope, a1)
    a = a1 - (v[:, None] + v) * a1 * k
    rates = [g + 2 * m * np.diag(a)]
    for i, j in zip(*np.triu_indices(len(lam), 1), strict=True):
        block = [
            [g[j] + m[i] * a[i, j], lam[i] * lam[j] * a[i, j]],
            [lam[i] * lam[j] * a[j, i], g[i] + m[j] * a[j, i]],
        ]
        rates.append(np.linalg.eigvals(np.array(block)).real)
    return np.sort(np.concatenate(rates))


def spectral_ratio(sigma2, alpha=1.0, eps=0.0):
    """Where |lam_B/lam_S| goes when F^alpha is divided by its spectral norm, loss not normalised
    (ours).

    Then p_S = 1 + eps for ever and p_B - k p_B^2 = p_S - p_S^2 at rest; weight decay scales all
    modes alike and drops out, so there is no threshold. For eps = 0 the ratio is k^(-1/(2 alpha)),
    while W itself shrinks as e^{-eta t}.
    """
    k = 1 + np.asarray(sigma2, float)
    p = (1 + np.sqrt(1 + 4 * k * eps * (1 + eps))) / (2 * k)
    return (p - eps) ** (1 / (2 * np.asarray(alpha, float)))
