"""Cho et al. 2022: why DINO needs both its tricks, as a flow of free logits. Derived by us; the
paper has no theory.

n inputs have logits h_i (k,) of their own; student and teacher are one network. The gradient of the
cross entropy, on the student's side alone, gives tau_s h_i' = softmax((h_i - c) / tau_t) -
softmax(h_i / tau_s). The centre c is a share of the mean of h (`logits`), or follows it at a rate
gamma (`CENTRE`, two prototypes, all inputs alike). Around the uniform output, what inputs share
grows at one rate and what tells them apart at another: `common_rate`, `apart_rate`.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from scipy.special import expit, softmax

from ncssl.theory.ode.flow import Flow, join, split
from ncssl.theory.ode.params import Param

TAUS = (
    Param("tau_s", 0.1, "temperature of the student", 0, open_low=True),
    Param("tau_t", 0.04, "temperature of the teacher", 0, open_low=True),
)
SHARE = Param("centring", 1.0, "share of the mean that the centre takes off", 0, 1)
GAMMA = Param("gamma", 1.0, "rate at which the centre follows the mean", 0)


@lru_cache
def logits(n: int = 4, k: int = 3) -> Flow:
    """The flow of the logits h (n, k) of n inputs; the sum over the prototypes of each row stays as
    it is."""

    def rhs(t, y, q):
        h = y.reshape(*y.shape[:-1], n, k)
        s, goal, share = (
            np.asarray(q[name])[..., None, None] for name in ("tau_s", "tau_t", "centring")
        )
        centre = share * h.mean(-2, keepdims=True)
        return ((softmax((h - centre) / goal, -1) - softmax(h / s, -1)) / s).reshape(y.shape)

    return Flow(
        f"{n} inputs, {k} prototypes",
        "derived by us",
        {"h": (n, k)},
        rhs,
        (*TAUS, SHARE),
        fixed_points=lambda q: {"uniform": np.zeros(n * k)},
        invariants={
            f"sum of row {i}": lambda t, y, q, i=i: y.reshape(*y.shape[:-1], n, k)[..., i, :].sum(
                -1
            )
            for i in range(n)
        },
    )


def _follow(t, y, q):
    u, v = split(y)
    push = expit((u - v) / q["tau_t"]) - expit(u / q["tau_s"])
    return join(2 * push / q["tau_s"], q["gamma"] * (u - v))


CENTRE = Flow(
    "two prototypes, all inputs alike",
    "derived by us",
    {"u": (), "v": ()},
    _follow,
    (*TAUS, GAMMA),
    fixed_points=lambda q: {"uniform": np.zeros(2)},
)
FLOWS = {"logits": logits(), "centre": CENTRE}


def apart_rate(k: int, tau_s: float = 0.1, tau_t: float = 0.04) -> float:
    """Rate of what tells inputs apart, at the uniform output: (1/tau_t - 1/tau_s) / (k tau_s),
    above 0 if sharpened."""
    return (1 / tau_t - 1 / tau_s) / (k * tau_s)


def common_rate(k: int, tau_s: float = 0.1, tau_t: float = 0.04, centring: float = 1.0) -> float:
    """Rate of what all inputs share, at the uniform output: ((1 - centring)/tau_t - 1/tau_s) / (k
    tau_s)."""
    return ((1 - centring) / tau_t - 1 / tau_s) / (k * tau_s)


def least_centring(tau_s: float = 0.1, tau_t: float = 0.04) -> float:
    """Share of the mean from which on nothing shared grows: 1 - tau_t / tau_s (0 without
    sharpening)."""
    return max(0.0, 1 - tau_t / tau_s)


def least_gamma(tau_s: float = 0.1, tau_t: float = 0.04, k: int = 2) -> float:
    """Rate of the centre from which on nothing shared grows: `apart_rate`. The centre must outrun
    the sharpening."""
    return max(0.0, apart_rate(k, tau_s, tau_t))


def entropies(h: np.ndarray, tau: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean entropy of the outputs softmax(h / tau), h (..., n, k), and entropy of their mean: nats,
    each (...)."""

    def entropy(p):
        return -(p * np.log(np.where(p > 0, p, 1.0))).sum(-1)

    p = softmax(h / tau, -1)
    return entropy(p).mean(-1), entropy(p.mean(-2))


def run(
    time: float = 20.0, seed: int = 0, n: int = 4, k: int = 3, shared: float = 1e-2, **params: Any
):
    """The flow from small random logits whose rows sum to 0: the Solution, at 201 times.

    As in an untrained network, what the inputs share, of size `shared`, is larger than what tells
    them apart, 1e-3.
    """
    rng = np.random.default_rng(seed)
    h = shared * rng.standard_normal(k) + 1e-3 * rng.standard_normal((n, k))
    h -= h.mean(-1, keepdims=True)
    return logits(n, k).solve(h.ravel(), np.linspace(0, time, 201), **params)


def ends(**params: Any) -> tuple[float, float]:
    """Mean entropy of the student's outputs and entropy of their mean at the end of `run`, over ln
    k."""
    h = run(**params)["h"][-1]
    each, mean = entropies(h, params.get("tau_s", TAUS[0].default))
    return float(each / np.log(h.shape[-1])), float(mean / np.log(h.shape[-1]))
