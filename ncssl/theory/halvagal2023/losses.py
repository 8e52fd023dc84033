"""Halvagal, Laborieux and Zenke (2023), losses of a batch and their gradients: base losses and the
forms of IsoLoss.

Each loss takes the online embeddings z (N, M), the target's z' (N, M), the predictor W_P (M, M),
and `stopped`: the embeddings that its stop-gradients see (z itself unless given). So d loss/d z at
fixed `stopped` is the gradient that an automatic differentiation would give, and `complex_step`
takes it to rounding error. Conventions of the released deep code: mean over the batch, no factor
1/2, cosine as 2 - 2 cos.
"""

from functools import partial

import numpy as np

from ncssl.errors import UnknownName
from ncssl.theory.helpers import complex_step as steps


def _norm(a):
    # without abs, so that it can be continued to complex a
    return np.sqrt((a * a).sum(axis=-1, keepdims=True))


def _distance(p, target, kind):
    """mean_i |p_i - z'_i|^2 (euc) or mean_i (2 - 2 cos(p_i, z'_i)) (cos)."""
    if kind == "euc":
        return ((p - target) ** 2).sum(axis=-1).mean()
    if kind == "cos":
        return (2 - 2 * ((p * target).sum(-1, keepdims=True) / (_norm(p) * _norm(target)))).mean()
    raise UnknownName("distance", kind, ("euc", "cos"))


def base(z, target, W_P, stopped=None, *, kind):
    """L = d(W_P z, SG(z')), the loss of the method without IsoLoss. kind: "euc" or "cos"."""
    return _distance(z @ W_P.T, target, kind)


def iso_shifted(z, target, W_P, stopped=None):
    """Form (i), Euclidean: mean |z - SG(z' + z - p)|^2. Its value is the base loss."""
    kept = z if stopped is None else stopped
    return ((z - (target + kept - kept @ W_P.T)) ** 2).sum(axis=-1).mean()


def iso_root(z, target, W_P, stopped=None):
    """Form (ii), cosine, with h = W_P^(1/2) z: -2 mean[z.SG(z')/SG(|p||z'|) - SG(p.z'/(2|p|^3|z'|))
    |h|^2].

    W_P symmetric, no negative eigenvalue. Its value means nothing; only its gradient does.
    """
    kept = z if stopped is None else stopped
    values, U = np.linalg.eigh(W_P)
    h = z @ (U * np.sqrt(np.maximum(values, 0))) @ U.T
    p, size = kept @ W_P.T, _norm(target)
    pull = (z * target).sum(-1, keepdims=True) / (_norm(p) * size)
    hold = (
        (p * target).sum(-1, keepdims=True)
        / (2 * _norm(p) ** 3 * size)
        * (h * h).sum(-1, keepdims=True)
    )
    return -2 * (pull - hold).mean()


def iso_through(z, target, W_P, stopped=None, *, kind):
    """Form (iii), straight-through, any distance: L(z + SG(p - z), SG(z')). Its value is the base
    loss."""
    kept = z if stopped is None else stopped
    return _distance(z + (kept @ W_P.T - kept), target, kind)


def gradient(z, target, W_P, loss):
    """d loss/d z (N, M) by hand: euc 2/N W_P^T(p - z'), cos -2/N W_P^T[z'/(|p||z'|) - (p.z')
    p/(|p|^3|z'|)].

    euc_iso and cos_iso leave the factor W_P^T out. Raises UnknownName for another loss.
    """
    p = z @ W_P.T
    if loss in ("euc", "euc_iso"):
        at_p = 2 * (p - target) / len(z)
    elif loss in ("cos", "cos_iso"):
        size = _norm(p)
        unit = p / size
        t = target / _norm(target)
        at_p = -2 * (t - (t * unit).sum(-1, keepdims=True) * unit) / (size * len(z))
    else:
        raise UnknownName("loss with a gradient", loss, ("euc", "euc_iso", "cos", "cos_iso"))
    return at_p if loss.endswith("iso") else at_p @ W_P


def complex_step(loss, z, *args, **kwargs):
    """d loss/d z (N, M) at stopped = z, exact to rounding: by complex steps in every entry of z."""
    return steps(lambda moved: loss(moved, *args, stopped=z, **kwargs), z)


def pull(z, s, loss):
    """dz/dt (N, M) of one sample with both views z in the eigenbasis: euc s_m (1 - s_m) z_m,
    euc_iso (1 - s_m) z_m.

    For loss 1/2 |.|^2. The cosine cases are in cosine.cosine_pull. Raises UnknownName for another
    loss.
    """
    if loss not in ("euc", "euc_iso"):
        raise UnknownName("Euclidean loss with a gradient per sample", loss, ("euc", "euc_iso"))
    return (s if loss == "euc" else 1.0) * (1 - s) * z


FORMS = {
    "euc": {"shifted": iso_shifted, "through": partial(iso_through, kind="euc")},
    "cos": {"root": iso_root, "through": partial(iso_through, kind="cos")},
}
PREDICTORS = {"alpha 1": (1.0, 0.0), "alpha 1/2": (0.5, 0.0), "alpha 1, eps 1/4": (1.0, 0.25)}


def example(setting: str, *, samples=12, modes=6, seed=0):
    """Random z, z' (N, M) and the closed-form predictor U ((lam/max lam + eps)^alpha) U^T of a
    PREDICTORS setting."""
    if setting not in PREDICTORS:
        raise UnknownName("predictor setting", setting, PREDICTORS)
    alpha, eps = PREDICTORS[setting]
    rng = np.random.default_rng(seed)
    z, target = rng.normal(size=(2, samples, modes)) @ (rng.normal(size=(modes, modes)) / 2)
    values, U = np.linalg.eigh(z.T @ z / samples)
    values = np.maximum(values, 0)
    return z, target, (U * (values / values.max() + eps) ** alpha) @ U.T
