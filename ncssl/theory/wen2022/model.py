"""Wen and Li (2022) in a toy: k neurons, two features, patches, a mask, cubic activation;
population gradients by hand.

The model is known second hand and its numbers are ours (arXiv 2205.06226; the full text could not
be read). A sample has one feature l (probability p_l) of one sign on m of its P patches, z =
alpha_l v_l; the other patches hold noise N(0, sigma^2) orthogonal to the features. View 1 keeps
each patch with probability 1/2, view 2 keeps the rest. Neuron: f_j = sum over patches of <w_j,
X_p>^3. Online F = E f with E_jj = 1, target G = f. Loss: k - sum_j corr_j.

Weights are split: b (k, 2) = <w_j, v_l>, and u (k, n) coordinates of the noise part. Only u u^T
enters: n = k will do.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ncssl.errors import UnknownName
from ncssl.theory.ode.params import Param, validate

ALPHA1 = Param("alpha1", 6.0, "strength of the feature v_1", low=0, open_low=True)
ALPHA2 = Param("alpha2", 3.0, "strength of the feature v_2", low=0, open_low=True)
P1 = Param("p1", 0.5, "probability of the feature v_1", low=0, high=1, open_low=True)
M = Param("m", 4.0, "number of patches with the feature", low=2)
P = Param("P", 8.0, "number of patches, at least m", low=2)
SIGMA = Param("sigma", 1.0, "standard deviation of the noise", low=0)
RATIO = Param("ratio", 1.0, "eta_E/eta, learning rate of the head over that of the encoder", low=0)
PARAMS = (ALPHA1, ALPHA2, P1, M, P, SIGMA, RATIO)

HEADS = ("off-diagonal", "symmetric", "identity", "none")
STOPS = ("target", "none", "online")
NORMALISATIONS = ("batch", "detached", "none")
OPTIONS = {"head": HEADS, "stop_gradient": STOPS, "normalisation": NORMALISATIONS}


def variant(
    head="off-diagonal", stop_gradient="target", normalisation="batch", unit_norm=False
) -> dict[str, float]:
    """The switches of a variant, as numbers 0 or 1 that may be stacked into a batch.

    head: off-diagonal (E_jr trained), symmetric (their gradient made symmetric), identity and none
    (E = I: the same). stop_gradient: on the target (the paper), none, or on the online encoder (the
    head still learns). normalisation: batch, detached (its statistics are constants for the
    gradient), none (half the squared error of raw outputs). unit_norm keeps |w_j|. Raises
    UnknownName.
    """
    given = {"head": head, "stop_gradient": stop_gradient, "normalisation": normalisation}
    for name, value in given.items():
        if value not in OPTIONS[name]:
            raise UnknownName(name, value, OPTIONS[name])
    on = {
        "trained": head in HEADS[:2],
        "symmetric": head == "symmetric",
        "online": stop_gradient != "online",
        "target": stop_gradient != "target",
        "normalised": normalisation != "none",
        "attached": normalisation == "batch",
        "unit": unit_norm,
    }
    return {name: float(value) for name, value in on.items()}


def validated(**params) -> dict[str, np.ndarray]:
    """The model's parameters with defaults filled in; raises UnknownName, or ValueError for a bad
    value."""
    return validate(PARAMS, params)


def constants(q: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Numbers of the data: alpha, p (..., 1, 2); C0, C1, noise K sigma^6 (..., 1, 1). Raises
    ValueError when P < m."""
    m, patches = np.asarray(q["m"], float), np.asarray(q["P"], float)
    if np.any(patches < m):
        raise ValueError(f"P must be at least m, was {np.min(patches):g} with m = {np.max(m):g}")
    noise = (patches - m) / 2 * np.asarray(q["sigma"], float) ** 6
    two = {"alpha": (q["alpha1"], q["alpha2"]), "p": (q["p1"], 1 - np.asarray(q["p1"], float))}
    pairs = {
        name: np.stack(np.broadcast_arrays(*pair), axis=-1)[..., None, :]
        for name, pair in two.items()
    }
    one = {
        "C0": (m**2 - m) / 4,
        "C1": (m**2 + m) / 4,
        "noise": noise,
        "ratio": np.asarray(q["ratio"], float),
    }
    return pairs | {name: value[..., None, None] for name, value in one.items()}


def outputs(b, alpha):
    """q_jl = (alpha_l b_jl)^3, the size of neuron j's answer to a patch with feature l: (..., k,
    2)."""
    return (alpha * b) ** 3


def noise_covariance(u, noise):
    """N_jr = K sigma^6 (9 c_jj c_rr c_jr + 6 c_jr^3), c = u u^T: covariance of the answers to
    noise, one view."""
    c = u @ u.mT
    d = np.einsum("...jj->...j", c)
    return noise * (9 * d[..., :, None] * d[..., None, :] * c + 6 * c**3), c, d


def statistics(b, u, E, q):
    """Population statistics over samples and masks: dict of cov, var_online, var_target, corr (...,
    k) and loss (...).

    cov_j = Cov(F_j(X1), G_j(X2)). Ours, checked against sampling; q as from Flow.check.
    """
    c = constants(q)
    a = _moments(b, u, E, c)
    corr = a["cov"] / np.sqrt(a["V"] * a["T"])
    one = {"cov": a["cov"], "var_online": a["V"], "var_target": a["T"], "corr": corr}
    return {name: value[..., 0] for name, value in one.items()} | {"loss": (1 - corr).sum((-2, -1))}


def _moments(b, u, E, c):
    f = outputs(b, c["alpha"])
    F = E @ f
    N, gram, d = noise_covariance(u, c["noise"])
    EN = E @ N
    cov = c["C0"] * (c["p"] * F * f).sum(-1, keepdims=True)
    V = c["C1"] * (c["p"] * F**2).sum(-1, keepdims=True) + (EN * E).sum(-1, keepdims=True)
    own = np.einsum("...jj->...j", N)[..., None]
    T = c["C1"] * (c["p"] * f**2).sum(-1, keepdims=True) + own
    return {"f": f, "F": F, "N": N, "gram": gram, "d": d, "EN": EN, "cov": cov, "V": V, "T": T}


def gradient(b, u, E, c, s):
    """Ascent direction of sum_j corr_j: (db, du, dE) for data constants c and switches s (numbers
    or arrays (...)).

    Written by hand: d corr = dcov/sqrt(VT) - corr dV/(2V) - corr dT/(2T), online terms through F
    and V, target terms through G and T. Batch statistics that are constants drop the last two;
    without normalisation the loss is (V + T - 2 cov)/2. dE is not yet scaled by eta_E/eta.
    """
    s = {name: np.asarray(value)[..., None, None] for name, value in s.items()}
    a = _moments(b, u, E, c)
    with np.errstate(divide="ignore", invalid="ignore"):
        root = 1 / np.sqrt(a["V"] * a["T"])
    raw = 1 - s["normalised"]
    of_cov = s["normalised"] * root + raw
    of_V = -0.5 * (s["attached"] * a["cov"] * root / a["V"] + raw)
    of_T = -0.5 * (s["attached"] * a["cov"] * root / a["T"] + raw)
    to_F = c["p"] * (of_cov * c["C0"] * a["f"] + 2 * of_V * c["C1"] * a["F"])
    to_G = c["p"] * (of_cov * c["C0"] * a["F"] + 2 * of_T * c["C1"] * a["f"])
    to_f = s["online"] * (E.mT @ to_F) + s["target"] * to_G
    to_N = s["online"] * ((E * of_V).mT @ E) + s["target"] * of_T * np.eye(E.shape[-1])
    db = to_f * 3 * c["alpha"] ** 3 * b**2
    du = _noise_gradient(to_N, u, a["gram"], a["d"], c["noise"])
    return db, du, _head_gradient(to_F @ a["f"].mT + 2 * of_V * a["EN"], s)


def _noise_gradient(A, u, gram, d, noise):
    """Gradient of sum_jr A_jr N_jr with respect to u, A symmetric."""
    pairs = noise * A * (9 * d[..., :, None] * d[..., None, :] + 18 * gram**2)
    own = 18 * noise[..., 0] * (A * gram * d[..., None, :]).sum(-1)
    return 2 * (pairs @ u + own[..., None] * u)


def _head_gradient(dE, s):
    dE = dE * (1 - np.eye(dE.shape[-1])) * s["trained"]
    return dE + s["symmetric"] * (dE.mT - dE) / 2


def velocity(b, u, E, c, s):
    """Gradient flow in units of 1/eta: (b', u', E'), E' scaled by eta_E/eta, w' tangential where
    |w_j| is kept."""
    db, du, dE = gradient(b, u, E, c, s)
    unit = np.asarray(s["unit"])
    if unit.any():
        along = (b * db).sum(-1, keepdims=True) + (u * du).sum(-1, keepdims=True)
        along = (
            unit[..., None, None]
            * along
            / ((b**2).sum(-1, keepdims=True) + (u**2).sum(-1, keepdims=True))
        )
        db, du = db - along * b, du - along * u
    return db, du, c["ratio"] * dE


def norms(b, u):
    """Lengths |w_j| (..., k)."""
    return np.sqrt((b**2).sum(-1) + (u**2).sum(-1))


def state_of(k: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the state of k neurons: b (k, 2), u (k, k), E (k, k)."""
    return {"b": (k, 2), "u": (k, k), "E": (k, k)}
