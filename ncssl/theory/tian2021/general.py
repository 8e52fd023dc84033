"""Tian, Chen and Ganguli (2021), beyond isotropic data (App. D): fixed points for any X, X', noise
and scrambling.

S_d = X is what two views share, S_s = X + X' the second moment of one view.
"""

from collections.abc import Mapping

import numpy as np

from ncssl.theory.helpers import symmetric
from ncssl.theory.ode.flow import pack, sizes
from ncssl.theory.tian2021.modes import p_plus


def second_moment(name: str, matrix) -> np.ndarray:
    """A symmetric matrix without negative eigenvalues; raises ValueError naming it, and the
    eigenvalue."""
    a = symmetric(name, matrix)
    low = np.linalg.eigvalsh(a).min(initial=0.0)
    if low < -1e-10 * np.abs(a).max(initial=0.0):
        raise ValueError(
            f"{name} must have no negative eigenvalue, as second moments have none; one was {low:g}"
        )
    return a


def shrinkage(X, Xn) -> np.ndarray:
    """S_d S_s^{-1} = X (X + X')^{-1}, what the predictor does to features; ValueError where X + X'
    is singular."""
    X, Xn = second_moment("X", X), second_moment("Xn", Xn)
    if np.linalg.eigvalsh(X + Xn).min() <= 1e-12 * np.abs(X + Xn).max():
        raise ValueError("X + Xn must be invertible, had the eigenvalue 0")
    return np.linalg.solve(X + Xn, X).T


def manifold_predictor(W, X, Xn) -> np.ndarray:
    """Wp (n2, n2) with Wp W = W S_d S_s^{-1}: with Wa = W nothing moves at eta = 0. tian2021, App.
    D.

    Raises ValueError where no predictor does that: the rows of W (n2, n1) must span an invariant
    space of S_d S_s^{-1}.
    """
    W = np.asarray(W, float)
    goal = W @ shrinkage(X, Xn)
    Wp = goal @ np.linalg.pinv(W)
    if np.abs(Wp @ W - goal).max() > 1e-8 * np.abs(goal).max():
        raise ValueError(
            "W must have rows that span an invariant space of X (X + Xn)^-1, was of shape"
            f" {W.shape}"
        )
    return Wp


def additive_noise(Sx, Sn) -> tuple[np.ndarray, np.ndarray]:
    """(X, X') of views x + noise: X = S_x, X' = S_n, hence S_d S_s^{-1} = S_x (S_x + S_n)^{-1}.
    tian2021, App. D."""
    return second_moment("Sx", Sx), second_moment("Sn", Sn)


def scrambling(Sx, kept) -> tuple[np.ndarray, np.ndarray]:
    """(X, X') of views whose part outside the space of the rows `kept` (k, n) is drawn anew.
    tian2021, App. D.

    S_d = P S_x P with P the projector on that space and S_s = S_x; if P commutes with S_x, S_d
    S_s^{-1} = P. Raises ValueError where S_x - P S_x P has a negative eigenvalue: no views have
    such moments.
    """
    Sx, kept = second_moment("Sx", Sx), np.atleast_2d(np.asarray(kept, float))
    P = np.linalg.pinv(kept) @ kept
    return P @ Sx @ P, second_moment("S_x - P S_x P", Sx - P @ Sx @ P)


def modes_of(
    X: np.ndarray, Xn: np.ndarray, n2: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """The n2 leading modes of X and X': ld (n2,), ls (n2,), eigenvectors (n2, n1); None where they
    share none.

    Where n2 exceeds n1, modes with ld = 0 and the eigenvector 0 fill up.
    """
    _, V = np.linalg.eigh(X + np.pi * Xn)
    inside = [V.T @ a @ V for a in (X, X + Xn)]
    if max(np.abs(a - np.diag(np.diag(a))).max() for a in inside) > 1e-10 * np.abs(X + Xn).max():
        return None
    ld, ls = map(np.diag, inside)
    first, more = np.argsort(-ld)[:n2], (0, max(n2 - len(X), 0))
    # no variance at all: ld = 0, and any ls says the same
    ls = np.where(ls[first] > 0, ls[first], 1.0)
    return (
        np.pad(ld[first], more),
        np.pad(ls, more, constant_values=1.0),
        np.pad(V.T[first], (more, (0, 0))),
    )


def aligned(
    state: Mapping[str, tuple[int, ...]], vectors: np.ndarray, **amplitudes: np.ndarray
) -> np.ndarray:
    """State of a network of decoupled modes: row j of W is w_j times eigenvector j, of Wa wa_j
    times; Wp = diag(wp)."""
    w, wp, wa = (np.asarray(amplitudes[name], float)[..., None] for name in ("w", "wp", "wa"))
    parts = {"W": w * vectors, "Wp": wp * np.eye(len(vectors)), "Wa": wa * vectors}
    return pack([parts[name] for name in state], state)


def network_points(q, *, state, modes) -> dict[str, np.ndarray]:
    """Fixed points of the network: "collapse", and "survivors" where X and X' share their
    eigenvectors. Ours.

    Survivors: every mode at p_plus of its pair (ld, ls), or at 0 where it has none; w =
    p/sqrt(alpha_p), Wa = W.
    """
    points = {
        "collapse": np.zeros(
            (*np.broadcast_shapes(*(v.shape for v in q.values())), sum(sizes(state)))
        )
    }
    if modes is not None:
        ld, ls, vectors = modes
        p = np.nan_to_num(p_plus(q["eta"][..., None], ld=ld, ls=ls))
        w = p / np.sqrt(q["alpha_p"])[..., None]
        points["survivors"] = aligned(state, vectors, w=w, wp=p, wa=w)
    return points
