"""Stochastic gradient descent on sampled patches in the toy of Wen and Li (2022): fresh
minibatches, gradients by hand.

Ours: d coordinates, v_1 and v_2 the first two, noise in the others. Everything is vectorised over
leading axes (seeds).
"""

from dataclasses import dataclass

import numpy as np

from ncssl.theory.wen2022 import model
from ncssl.theory.wen2022.runs import LIMIT, ToyRun

DATA = {"alpha": (6.0, 3.0), "m": 4, "P": 8, "sigma": 1.0, "p1": 0.5}


@dataclass(frozen=True)
class Batch:
    """n samples with both masks: z (..., n, 2) signed strength in the place of the feature; kept
    (..., n, 2) feature patches in view 1 and view 2; noise (..., n, P-m, d-2); mask (..., n, P-m,
    2), 1 in the view that has it."""

    z: np.ndarray
    kept: np.ndarray
    noise: np.ndarray
    mask: np.ndarray


def draw(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    d: int = 20,
    *,
    alpha=(6.0, 3.0),
    m=4,
    P=8,
    sigma=1.0,
    p1=0.5,
) -> Batch:
    """Samples of shape (..., n) and their masks: one feature each, sign at random, patches split
    between the views.

    Raises ValueError unless 2 <= m <= P and d >= 3.
    """
    if not (2 <= m <= P and d >= 3):
        raise ValueError(f"needs 2 <= m <= P and d >= 3, was m = {m}, P = {P}, d = {d}")
    second = rng.random(shape) >= p1
    sign = np.where(rng.random(shape) < 0.5, -1.0, 1.0)
    z = np.stack([sign * alpha[0] * ~second, sign * alpha[1] * second], axis=-1)
    one = rng.binomial(m, 0.5, shape).astype(float)
    noise = sigma * rng.standard_normal((*shape, P - m, d - 2))
    first = (rng.random((*shape, P - m)) < 0.5).astype(float)
    return Batch(z, np.stack([one, m - one], -1), noise, np.stack([first, 1 - first], -1))


def encode(b, u, batch: Batch):
    """f_j of both views (..., n, k, 2), and what the gradient needs: <w_j, X_p> on feature and
    noise patches."""
    feature = batch.z[..., :, None, :] * b[..., None, :, :]
    noisy = batch.noise @ np.swapaxes(u, -1, -2)[..., None, :, :]
    signal = (feature**3).sum(-1)[..., None] * batch.kept[..., None, :]
    return signal + np.einsum("...pk,...pv->...kv", noisy**3, batch.mask), feature, noisy


def standard(x):
    """x (..., n, k) with mean 0 and variance 1 over n, and its standard deviation (..., 1, k)."""
    x = x - x.mean(-2, keepdims=True)
    size = np.sqrt((x**2).mean(-2, keepdims=True))
    return x / size, size


def correlations(b, u, E, batch: Batch):
    """Cross-view correlation of F_j(X1) and G_j(X2) on a batch: (..., k)."""
    f = encode(b, u, batch)[0]
    return (standard(f[..., 0] @ np.swapaxes(E, -1, -2))[0] * standard(f[..., 1])[0]).mean(-2)


def gradient(b, u, E, batch: Batch, s):
    """Ascent direction (db, du, dE) of the sum of correlations on a batch, through its statistics
    (switches s).

    Only batch statistics, attached or detached; raises ValueError for the variant without
    normalisation.
    """
    if not s["normalised"]:
        raise ValueError("normalisation must be batch or detached on samples, was none")
    f, feature, noisy = encode(b, u, batch)
    F, of_F = standard(f[..., 0] @ np.swapaxes(E, -1, -2))
    G, of_G = standard(f[..., 1])
    corr, n = (F * G).mean(-2, keepdims=True), F.shape[-2]
    to_F = (G - s["attached"] * corr * F) / (n * of_F)
    to_G = (F - s["attached"] * corr * G) / (n * of_G)
    to_f = np.stack([s["online"] * (to_F @ E), s["target"] * to_G], axis=-1)
    signal = (to_f * batch.kept[..., None, :]).sum(-1)
    db = 3 * np.einsum("...nk,...nkl,...nl->...kl", signal, feature**2, batch.z)
    each = np.einsum("...kv,...pv->...pk", to_f, batch.mask) * 3 * noisy**2
    du = np.einsum("...npk,...npd->...kd", each, batch.noise)
    dE = np.swapaxes(to_F, -1, -2) @ f[..., 0] * (1 - np.eye(E.shape[-1])) * s["trained"]
    return db, du, dE + s["symmetric"] * (np.swapaxes(dE, -1, -2) - dE) / 2


def sampled_start(seeds: int, d: int = 20, b=((0.35, 0.10), (0.10, 0.15)), seed: int = 0):
    """State parts for several seeds: features as given, other coordinates N(0, 1/d), E = I."""
    k = len(b)
    u = np.random.default_rng(seed).normal(size=(seeds, k, d - 2)) / np.sqrt(d)
    return (
        np.broadcast_to(np.array(b, float), (seeds, k, 2)),
        u,
        np.broadcast_to(np.eye(k), (seeds, k, k)),
    )


def train(
    parts,
    *,
    steps=4000,
    n=64,
    eta=1.0,
    eta_E=1.0,
    clip=0.03,
    every=40,
    seed=0,
    options=None,
    **data,
) -> ToyRun:
    """Gradient steps on fresh minibatches of n samples, the update in all weights together at most
    `clip` long.

    A ToyRun over steps (its times), batch (seeds,). data: as DATA. Raises what draw and variant
    raise; a trajectory that leaves the finite range is frozen and says so.
    """
    s, data, rng = model.variant(**(options or {})), DATA | data, np.random.default_rng(seed)
    y = [np.array(x, float) for x in parts]
    shape, d = (len(y[0]), n), y[1].shape[-1] + 2
    alive, kept = np.ones(len(y[0]), bool), [(0.0, *y)]
    with np.errstate(all="ignore"):
        for i in range(1, steps + 1):
            g = gradient(*y, draw(rng, shape, d, **data), s)
            g = [eta * g[0], eta * g[1], eta_E * g[2]]
            size = np.sqrt(sum((x**2).sum((-2, -1)) for x in g))[:, None, None]
            new = [
                x + dx * np.minimum(1, clip / np.maximum(size, 1e-300))
                for x, dx in zip(y, g, strict=True)
            ]
            alive = alive & np.logical_and.reduce([(np.abs(x) < LIMIT).all((-2, -1)) for x in new])
            y = [np.where(alive[:, None, None], a, x) for a, x in zip(new, y, strict=True)]
            if i % every == 0 or i == steps:
                kept.append((float(i), *y))
    q = {
        "alpha1": data["alpha"][0],
        "alpha2": data["alpha"][1],
        "p1": data["p1"],
        "m": data["m"],
        "P": data["P"],
        "sigma": data["sigma"],
        "ratio": eta_E / eta,
    }
    reason = np.where(
        alive, "", f"left the finite range: a weight exceeded {LIMIT:g} or is not finite"
    )
    return ToyRun(*(np.stack(x) for x in zip(*kept, strict=True)), reason, q, s)
