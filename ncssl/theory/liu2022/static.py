"""Liu, Suganuma and Okatani (2022), facts without a flow: rank and diagonality, eq. 17,
standardising, partitions."""

import numpy as np


def off_diagonal_share(d, r):
    """Expected share of the squared entries of a rank-r projector that are off-diagonal:
    (d-r)/(d+2). Ours.

    The projector is U U^T with U (d, r) uniform over orthonormal frames: E[P_ii^2] =
    r(r+2)/(d(d+2)) and |P|^2 = r.
    """
    d, r = np.asarray(d, float), np.asarray(r, float)
    return (d - r) / (d + 2)


def projector(d: int, r: int, rng: np.random.Generator, count: int | None = None):
    """Random projectors of rank r, uniform: (d, d), or (count, d, d)."""
    U = np.linalg.qr(rng.normal(size=(1 if count is None else count, d, r)))[0]
    P = U @ U.mT
    return P[0] if count is None else P


def zero_set(Wp):
    """The C at which the term |Wp^T Wp - Wp C Wp^T|^2 of eq. 17 vanishes: A A^T, A = Wp^{-1} Wp^T,
    Wp invertible. Ours.

    It is I exactly when Wp is normal (symmetric, for one); otherwise only its determinant is that
    of I.
    """
    A = np.linalg.solve(Wp, Wp.mT)
    return A @ A.mT


def cosine_gradients(Z1, Z2):
    """D = -mean cosine of the columns of Z1, Z2 (d, n), and its two gradients (dD/dZ1, dD/dZ2)."""
    n1, n2 = (np.linalg.norm(Z, axis=0) for Z in (Z1, Z2))
    U1, U2 = Z1 / n1, Z2 / n2
    cos = (U1 * U2).sum(0)
    return -cos.mean(), -(U2 - cos * U1) / n1 / len(cos), -(U1 - cos * U2) / n2 / len(cos)


def standardise(F):
    """Rows of F (..., d, n) with mean 0 and variance 1, the variance over n - 1, then divided by
    sqrt(n): eq. 18."""
    n = F.shape[-1]
    centred = F - F.mean(-1, keepdims=True)
    return centred / F.std(-1, keepdims=True, ddof=1) / np.sqrt(n)


def standardised_diagonal(n):
    """Diagonal of F F^T after `standardise`: (n-1)/n, not 1. Ours."""
    return (np.asarray(n, float) - 1) / n


def partition_floor(d, n_part):
    """E|F_i F_i^T - I|^2 for white Gaussian features and n_part samples, not standardised:
    d(d+1)/n_part. Ours."""
    d, n_part = np.asarray(d, float), np.asarray(n_part, float)
    return d * (d + 1) / n_part


def standardised_floor(d, n):
    """The same when the n samples are standardised among themselves: d(d-1)(n-1)/n^2 + d/n^2.
    Ours."""
    d, n = np.asarray(d, float), np.asarray(n, float)
    return d * (d - 1) * (n - 1) / n**2 + d / n**2


def sampled_floor(
    d: int, n_part: int, rng: np.random.Generator, count: int = 400, *, standard: bool = False
):
    """|F F^T - I|^2 of `count` white Gaussian samples F (d, n_part): (count,), to set against the
    two floors."""
    F = rng.normal(size=(count, d, n_part))
    F = standardise(F) if standard else F / np.sqrt(n_part)
    return ((F @ F.mT - np.eye(d)) ** 2).sum((-2, -1))
