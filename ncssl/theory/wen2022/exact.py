"""Exact answers for the toy of Wen and Li (2022). All are ours, derived from the model as the notes
state it.

Conservation laws (gradient flow, batch statistics attached), who wins without a head, the rest
points and their stability, the rate formulae of the head, and how large the loss's global optimum
is.
"""

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from ncssl.theory.ode.flow import unpack
from ncssl.theory.ode.params import Param
from ncssl.theory.wen2022.model import constants, noise_covariance, norms, outputs, state_of


def max_correlation(m):
    """(m-1)/(m+1): cross-view correlation of every noise-free W with E = I, collapsed or not. m
    feature patches."""
    m = Param("m", 4.0, "", low=2).check(m)
    return (m - 1) / (m + 1)


def lowest_loss(m, k=2):
    """k - k (m-1)/(m+1), the loss k - sum_j corr_j of every noise-free W: 0.8 for m = 4, k = 2."""
    return k * (1 - max_correlation(m))


def acceleration_at_zero(b21, b22, alpha1=6.0, alpha2=3.0, p1=0.5):
    """A(0) = (p_2/p_1)(alpha_2/alpha_1)^6 (b_22/b_21)^4: relative growth along v_2 over v_1 without
    a head."""
    return (
        (1 - p1)
        / p1
        * (alpha2 / alpha1) ** 6
        * (np.asarray(b22, float) / np.asarray(b21, float)) ** 4
    )


def edge_of_v1(b1, alpha1=6.0, alpha2=3.0, p1=0.5):
    """|b_2| above which a neuron without head takes v_2: |b_1| (p_1/p_2)^(1/4)
    (alpha_1/alpha_2)^(3/2)."""
    return np.abs(b1) * (p1 / (1 - p1)) ** 0.25 * (alpha1 / alpha2) ** 1.5


def rivalry(b, q):
    """Without a head 1/(p_1 alpha_1^6 b_1^4) - 1/(p_2 alpha_2^6 b_2^4) is constant for each neuron;
    b (..., k, 2).

    From b_l' = 3 alpha_l^6 b_l^5 p_l C0 N/V^2. Negative: the neuron takes v_1; positive: v_2.
    """
    c = constants(q)
    with np.errstate(divide="ignore"):
        terms = 1 / (c["p"] * c["alpha"] ** 6 * b**4)
    return terms[..., 0] - terms[..., 1]


def end_without_head(b, u, q):
    """Where one neuron without a head ends, as (|b_1|, |b_2|): noise-free, on its norm and its
    rivalry constant.

    b (2,), u (n,) are numbers of one neuron, both parts of b not 0; a root of one equation, to
    1e-15. Raises FloatingPointError for parts so large, or so unlike, that floats do not hold their
    powers.
    """
    b, length2 = np.abs(np.asarray(b, float)), float(np.sum(np.square(b)) + np.sum(np.square(u)))
    goal = float(rivalry(b[None], q)[0])

    def point(x):  # x = log of b_1^2/b_2^2 on the circle |b| = |w|
        return np.sqrt(length2 * expit(np.array([x, -x])))

    try:
        x = brentq(
            lambda x: float(rivalry(point(x)[None], q)[0]) - goal, -100, 100, xtol=1e-14, rtol=1e-14
        )
    except ValueError:  # no change of sign, or NaN
        raise FloatingPointError("the powers of a start are out of range") from None
    return tuple(point(x))


def balance(b, u, E, ratio):
    """I_r = |w_r|^2 + (3/ratio)(sum_s E_rs^2 - sum_j E_jr^2), off-diagonal entries only: (..., k),
    constant in time.

    Scaling w_r by c, row r of E by c^3 and column r by c^-3 leaves every correlation as it is.
    Ratio = eta_E/eta > 0.
    """
    off = (E * (1 - np.eye(E.shape[-1]))) ** 2
    return norms(b, u) ** 2 + 3 / np.asarray(ratio)[..., None] * (off.sum(-1) - off.sum(-2))


def head_bound(length, ratio):
    """|E_21| <= sqrt(eta_E/(3 eta)) |w_2(0)| while E_12 = 0, from the balance law: where the square
    root comes from."""
    return np.sqrt(np.asarray(ratio, float) / 3) * length


def invariants(k, s):
    """The conserved quantities of a variant with switches s, as functions of (t, y, q)."""
    state = state_of(k)

    def of(function):
        return lambda t, y, q: function(*unpack(np.asarray(y, float), state), q)

    free = not s["trained"] or not s["online"]
    if s["unit"] or (s["attached"] and free):
        found = {"lengths": of(lambda b, u, E, q: norms(b, u) ** 2)}
    elif s["attached"]:
        found = {"total length": of(lambda b, u, E, q: (norms(b, u) ** 2).sum(-1))}
        if not s["symmetric"]:
            found["balance"] = of(lambda b, u, E, q: balance(b, u, E, q["ratio"]))
    else:
        found = {}
    if s["attached"] and not s["trained"] and not s["unit"]:
        found["rivalry"] = of(lambda b, u, E, q: rivalry(b, q))
    return found


def noise_free_points(q, k=2):
    """Two of the points of rest, as states (d,): "both features" (neurons take turns) and "only
    v_1"; u = 0, E = I.

    Every noise-free W with E = I is at rest (batch statistics attached); these have |w_j| = 1.
    """
    turns = np.eye(2)[np.arange(k) % 2]
    rest = [np.zeros(k * k), np.eye(k).ravel()]
    return {
        "both features": np.concatenate([turns.ravel(), *rest]),
        "only v_1": np.concatenate([np.eye(2)[np.zeros(k, int)].ravel(), *rest]),
    }


def noise_free_jacobian(b, q):
    """Jacobian of the head's entries at a noise-free W with E = I, stop-gradient on the target: (k,
    k, k), [j, s, r].

    d(E_js)'/dE_jr = -ratio C0/C1 [<q_r,q_s> - <q_j,q_r><q_j,q_s>/|q_j|^2]/|q_j|^2, inner products
    weighted by p; rows of E do not mix; entries with s = j or r = j are 0. For two neurons on two
    features: -ratio C0/C1 (q_11/q_22)^2.
    """
    c = constants(q)
    f = outputs(np.asarray(b, float), c["alpha"])
    G = (c["p"] * f) @ f.T
    size = np.diag(G)[:, None, None]
    rates = G[None] - G[:, :, None] * G[:, None, :] / size
    return -float(np.squeeze(c["ratio"] * c["C0"] / c["C1"])) * rates / size


def rate_formulae(b, u, E21, q):
    """Brackets of b_21' ~ alpha_1^3 b_21^2 p_1 [..] and b_22' ~ alpha_2^3 b_22^2 p_2 [..] at E_12 =
    0: two arrays.

    [q_21 N - C1 p_2 Q_22 D] and [q_22 N + C1 p_1 Q_21 D], D = E_21 (q_22 q_11 - q_21 q_12), N the
    noise part of Var F_2 and Q_2l = q_2l + E_21 q_1l; the common factor, not given, is positive.
    """
    c = constants(q)
    f, N = outputs(b, c["alpha"]), noise_covariance(u, c["noise"])[0]
    E21 = np.asarray(E21, float)
    Q = f[..., 1, :] + E21[..., None] * f[..., 0, :]
    noise = N[..., 1, 1] + 2 * E21 * N[..., 0, 1] + E21**2 * N[..., 0, 0]
    D = E21 * (f[..., 1, 1] * f[..., 0, 0] - f[..., 1, 0] * f[..., 0, 1])
    C1p = c["C1"][..., 0] * c["p"][..., 0, :]
    return (
        f[..., 1, 0] * noise - C1p[..., 1] * Q[..., 1] * D,
        f[..., 1, 1] * noise + C1p[..., 0] * Q[..., 0] * D,
    )


def acceleration_formula(b, u, E21, q):
    """A(E_21) in closed form at E_12 = 0, stop-gradient on the target, batch statistics
    attached."""
    c = constants(q)
    weight = c["p"][..., 0, :] * c["alpha"][..., 0, :] ** 3 * b[..., 1, :]
    one, two = rate_formulae(b, u, E21, q)
    return weight[..., 1] * two / (weight[..., 0] * one)
