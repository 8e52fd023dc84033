"""Wang, Chen, Du and Tian (2021) with finitely many samples: gradient descent of DirectCopy, and
the regression after.

Coordinates: the first r of d are the signal subspace S, the others carry noise of variance sigma2
in each view.
"""

import numpy as np

from ncssl.theory.ode.params import Param

BETA = Param("beta", 0.5, "standard deviation of the label noise", low=0)
# 8, 12, 16, 24, ... 3072
COUNTS = tuple(sorted(2**i * f // 2 for i in range(3, 12) for f in (2, 3)))


def _sizes(n, d, r):
    if not (int(n) == n and n >= 1 and 0 < r <= d):
        raise ValueError(
            f"n must be a whole number >= 1 and 0 < r <= d, were n = {n}, r = {r}, d = {d}"
        )


def window(sigma2):
    """Weight decays of wang2021, Thm 2: from (1 + sigma2/4)/(4 (1 + sigma2)) to (1 + 3 sigma2/4)/(4
    (1 + sigma2))."""
    s = np.asarray(sigma2, float)
    return (1 + s / 4) / (4 * (1 + s)), (1 + 3 * s / 4) / (4 * (1 + s))


def moments(
    n: int, d: int = 10, r: int = 4, sigma2: float = 1.0, *, symmetric: bool = False, seed: int = 0
):
    """Sample moments of n images with two views each: (3, d, d) = x x^T, x2 x1^T, x1 x1^T, each
    averaged.

    symmetric: the loss takes both views in both roles, so x2 x1^T is symmetrised and x1 x1^T
    averaged over views. Raises ValueError for sizes that make no sense.
    """
    _sizes(n, d, r)
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    a, b = x.copy(), x.copy()
    a[:, r:] += np.sqrt(sigma2) * rng.normal(size=(n, d - r))
    b[:, r:] += np.sqrt(sigma2) * rng.normal(size=(n, d - r))
    if symmetric:
        return np.stack([x.T @ x, (b.T @ a + a.T @ b) / 2, (a.T @ a + b.T @ b) / 2]) / n
    return np.stack([x.T @ x, b.T @ a, a.T @ a]) / n


def population(d: int = 10, r: int = 4, sigma2: float = 1.0):
    """The same moments for n = infinity: I, I, I + sigma2 P_B."""
    noise = np.diag(np.where(np.arange(d) < r, 0.0, sigma2))
    return np.stack([np.eye(d), np.eye(d), np.eye(d) + noise])


def descent(C, marks, *, eta: float = 0.1875, delta: float = 0.8, step: float = 0.05):
    """Gradient descent of DirectCopy (alpha = 1) from delta I: W (len(marks), ..., d, d) after each
    number of steps.

    C (..., 3, d, d) from `moments`. The loss is quadratic in the views, so descent on the moments
    is exactly descent on all n samples: wang2021, Thm 2. Raises ValueError unless marks rise;
    FloatingPointError if it diverges.
    """
    marks = [int(m) for m in marks]
    if sorted(set(marks)) != marks or marks[0] < 0:
        raise ValueError(f"marks must be rising numbers of steps >= 0, were {marks}")
    clean, cross, auto = np.moveaxis(np.asarray(C, float), -3, 0)
    W = np.broadcast_to(delta * np.eye(clean.shape[-1]), clean.shape).copy()
    out, done = [], 0
    with np.errstate(over="ignore", invalid="ignore"):
        for mark in marks:
            for _ in range(mark - done):
                Wp = W @ clean @ np.swapaxes(W, -1, -2)
                W = W + step * (Wp @ (W @ cross - Wp @ W @ auto) - eta * W)
            if not np.isfinite(W).all():
                raise FloatingPointError(
                    f"descent with step {step:g} left the finite range before step {mark}"
                )
            done = mark
            out.append(W)
    return np.stack(out)


def signal_scale(eta: float) -> float:
    """c of the limit c P_S of DirectCopy: sqrt((1 + sqrt(1 - 4 eta))/2)."""
    return float(np.sqrt((1 + np.sqrt(1 - 4 * eta)) / 2))


def errors(W, r: int, eta: float):
    """Frobenius distances ||W - c P_S|| (the theorem's) and ||W^T W - c^2 P_S|| (what a readout
    sees), each (...)."""
    c, P = signal_scale(eta), np.diag((np.arange(W.shape[-1]) < r).astype(float))
    return tuple(
        np.linalg.norm(a, axis=(-2, -1)) for a in (W - c * P, np.swapaxes(W, -1, -2) @ W - c**2 * P)
    )


def gram_constant(d=10, r=4, sigma2=1.0, eta=0.1875, *, symmetric=False) -> float:
    """lim n E||W^T W - c^2 P_S||^2 after convergence, to first order in the sampling error, square
    root of it (ours).

    Signal block: s w (1 - w) = eta for a sample variance s and w = s m, so m moves by eta/(2c^2 -
    1) - c^2 times the error of s. Signal-nuisance block: (1 - c^2)/sigma2 times the sample mean of
    x_S (view of B)^T, variance 1 + sigma2 (1 + sigma2/2 for the symmetric loss).
    """
    m = signal_scale(eta) ** 2
    own = (eta / (2 * m - 1) - m) ** 2 * r * (r + 1)
    cross = 2 * (1 - m) ** 2 / sigma2**2 * (1 + (sigma2 / 2 if symmetric else sigma2)) * r * (d - r)
    return float(np.sqrt(own + cross))


# ---- regression on n labelled samples: y = <x, w*> + xi, w* a unit vector of S


def nearly_projection(d: int, r: int, distance: float, seed: int = 0):
    """P_S plus a random matrix of Frobenius norm `distance`: (d, d), the Phat of wang2021, Thm
    3."""
    noise = np.random.default_rng(seed).normal(size=(d, d))
    return np.diag((np.arange(d) < r).astype(float)) + distance * noise / np.linalg.norm(noise)


def ridge_error(
    n: int,
    Phat,
    *,
    r: int,
    beta: float = 0.5,
    rho: float = 0.01,
    seed: int = 0,
    transposed: bool = False,
) -> float:
    """||Phat what - w*|| for what = argmin 1/n sum (y - <w, Phat x>)^2 + rho ||w||^2, w* and
    samples random.

    Phat (d, d); the identity is regression on the inputs themselves. transposed: the error of the
    fitted function, ||Phat^T what - w*|| (ours; no difference for a symmetric Phat). Raises
    ValueError for sizes or rho <= 0.
    """
    Phat = np.asarray(Phat, float)
    d = Phat.shape[0]
    _sizes(n, d, r)
    if not rho > 0:
        raise ValueError(f"rho must be in (0, inf), was {rho:g}")
    beta = float(BETA.check(beta))
    rng = np.random.default_rng(seed)
    goal = np.concatenate([rng.normal(size=r), np.zeros(d - r)])
    goal /= np.linalg.norm(goal)
    x = rng.normal(size=(n, d))
    y = x @ goal + beta * rng.normal(size=n)
    z = x @ Phat.T
    if n < d:  # the same minimiser through the n x n kernel
        w = z.T @ np.linalg.solve(z @ z.T / n + rho * np.eye(n), y / n)
    else:
        w = np.linalg.solve(z.T @ z / n + rho * np.eye(d), z.T @ y / n)
    return float(np.linalg.norm((Phat.T if transposed else Phat) @ w - goal))


def mean_ridge_error(
    n: int, d: int, *, projected, r: int = 5, distance: float = 1e-3, seeds: int = 8, **how
) -> float:
    """ridge_error averaged over seeds 0, 1, ...; `how` goes to ridge_error.

    projected: True for a fresh Phat at `distance` from P_S each, False for the inputs themselves,
    or a matrix (d, d).
    """
    if projected is True:
        made = [nearly_projection(d, r, distance, seed) for seed in range(seeds)]
    else:
        made = [np.eye(d) if projected is False else projected] * seeds
    return float(np.mean([ridge_error(n, P, r=r, seed=seed, **how) for seed, P in enumerate(made)]))


def samples_needed(d: int, *, projected, error: float = 0.3, counts=COUNTS, **how) -> float:
    """n at which the mean error first falls to `error`: the crossing between two `counts`, on
    logarithmic axes.

    inf if it never does; the first count if it is there already. `how` goes to mean_ridge_error.
    """
    before = None
    for n in counts:
        now = mean_ridge_error(n, d, projected=projected, **how)
        if now <= error:
            share = 1.0 if before is None else np.log(before[1] / error) / np.log(before[1] / now)
            return float(n if before is None else before[0] * (n / before[0]) ** share)
        before = (n, now)
    return np.inf


def exact_squared_error(n, dims, beta=0.5):
    """E||what - w*||^2 of least squares on `dims` Gaussian inputs, beta^2 dims/(n - dims - 1); NaN
    for n <= dims + 1.

    The mean of the inverse Wishart distribution; least squares needs n > dims + 1 for a finite
    mean.
    """
    n, dims = np.asarray(n, float), np.asarray(dims, float)
    return np.where(
        n > dims + 1, beta**2 * dims / np.where(n > dims + 1, n - dims - 1, 1.0), np.nan
    )


def exact_samples_needed(dims, beta=0.5, error=0.3):
    """n at which exact_squared_error is error^2: 1 + dims (1 + (beta/error)^2). dims = d without, r
    with P_S."""
    return 1 + np.asarray(dims, float) * (1 + (beta / error) ** 2)


def ridge_bias(rho):
    """||Phat what - w*|| at n = infinity and Phat = P_S: rho/(1 + rho), which is e^(1/3) at leading
    order (Thm 3)."""
    return np.asarray(rho, float) / (1 + np.asarray(rho, float))
