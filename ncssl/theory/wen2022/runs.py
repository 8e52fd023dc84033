"""Runs of the toy of Wen and Li (2022): gradient descent, a flow with clipped steps, random starts.
Parameters ours.

Each returns a ToyRun: states over time for a batch of trajectories, with what is needed to measure
them.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ncssl.theory.ode.flow import Flow, Solution
from ncssl.theory.ode.params import Param, validate
from ncssl.theory.wen2022 import model

ETA = Param("eta", 0.2, "learning rate of the encoder", low=0, open_low=True)
ETA_E = Param("eta_E", 0.2, "learning rate of the head", low=0)
STEPS = Param("steps", 800, "steps of gradient descent", low=1)
CLIP = Param("clip", 0.01, "longest step of the clipped flow", low=0, open_low=True)
LIMIT = 1e8

# start b: the spec of this project, not the paper
CANONICAL = np.array([[0.20, 0.10], [0.06, 0.12]])
LATE = np.array([[0.20, 0.10], [0.10, 0.12]])  # the head comes too late
# v_1 learned by neuron 1, the point of the acceleration table
HALFWAY = np.array([[0.90, 0.10], [0.10, 0.12]])


@dataclass(frozen=True)
class ToyRun:
    """times (T, ...), b (T, ..., k, 2), u (T, ..., k, n), E (T, ..., k, k); reason (...) is ""
    where it ran to its end.

    q, s: parameters and switches, numbers or arrays that broadcast against the batch.
    """

    times: np.ndarray
    b: np.ndarray
    u: np.ndarray
    E: np.ndarray
    reason: np.ndarray
    q: Mapping[str, Any]
    s: Mapping[str, Any]

    def of(self, i) -> "ToyRun":
        """Trajectory i of a batch with one axis."""

        def pick(x):
            return np.asarray(x)[i] if np.ndim(x) else x

        q, s = ({name: pick(v) for name, v in d.items()} for d in (self.q, self.s))
        times = self.times[:, i] if self.times.ndim > 1 else self.times
        return ToyRun(times, self.b[:, i], self.u[:, i], self.E[:, i], self.reason[i], q, s)


def solved(
    flow: Flow, y0: np.ndarray, times: np.ndarray, options: Mapping[str, Any], **params
) -> ToyRun:
    """The gradient flow of population_flow(**options) as a ToyRun; parameters as in Flow.solve."""
    run: Solution = flow.solve(y0, times, **params)
    return ToyRun(
        run.times,
        run["b"],
        run["u"],
        run["E"],
        run.reason,
        flow.check(**params),
        model.variant(**options),
    )


def start(b, overlap=0.0):
    """State parts (b, u, E) for k neurons: noise parts of length 1, inner products `overlap`; b
    (..., k, 2)."""
    b = np.asarray(b, float)
    k = b.shape[-2]
    gram = np.full(
        (k, k), float(Param("overlap", 0, "", low=-1 / max(k - 1, 1), high=1).check(overlap))
    )
    np.fill_diagonal(gram, 1.0)
    values, vectors = np.linalg.eigh(gram)
    u = vectors * np.sqrt(np.maximum(values, 0))
    return b, np.broadcast_to(u, (*b.shape[:-1], k)), np.broadcast_to(np.eye(k), (*b.shape[:-1], k))


def random_start(seeds: int, d: int = 100, k: int = 2, first: int = 0):
    """State parts for w_j ~ N(0, I/d), E = I, from the generators first, first + 1, ...; see
    reduced."""
    w = [np.random.default_rng(i).normal(size=(k, d)) for i in range(first, first + seeds)]
    return reduced(np.stack(w) / np.sqrt(d))


def reduced(w):
    """State parts (b, u, E) of weights w (n, k, d) whose first two coordinates are the features; u
    in k coordinates."""
    k = w.shape[-2]
    u = np.stack([np.linalg.qr(x[:, 2:].T, mode="r").T for x in w])
    return w[..., :2], u, np.broadcast_to(np.eye(k), (len(w), k, k))


def regime(b, alpha1=6.0, alpha2=3.0):
    """True where every neuron would take v_1 without a head: alpha_1^6 b_j1^4 > alpha_2^6 b_j2^4
    for all j (...)."""
    return (alpha1**6 * b[..., 0] ** 4 > alpha2**6 * b[..., 1] ** 4).all(-1)


def descend(parts, *, steps=800, eta=0.2, eta_E=0.2, every=1, options=None, **params) -> ToyRun:
    """Plain gradient descent from parts = (b, u, E), reported every `every` steps; time is steps
    times eta.

    options: of model.variant; params: of the model without ratio. eta, eta_E and params may be
    arrays over the batch. A trajectory that leaves the finite range stops there with a reason.
    Raises ValueError, UnknownName.
    """
    rates = validate((ETA, ETA_E, STEPS), {"eta": eta, "eta_E": eta_E, "steps": steps})
    eta = rates["eta"]
    q = {**validate(model.PARAMS[:-1], params), "ratio": rates["eta_E"] / eta}
    return _march(parts, q, model.variant(**(options or {})), int(steps), every, lambda size: eta)


def clipped(
    parts, *, steps=10_000, clip=0.01, cap=100.0, every=10, switches=None, **params
) -> ToyRun:
    """The flow in steps of length at most `clip` (in all weights and the head together) and of time
    at most `cap`.

    Fast where little moves, so that many seeds come to their end; |E| is not resolved below about
    clip/2. Euler's rule: outcomes, not digits. switches: of model.variant; params of the model,
    ratio included; both may be (n,).
    """
    clip = validate((CLIP,), {"clip": clip})["clip"]
    q = validate(model.PARAMS, params)
    return _march(
        parts,
        q,
        switches or model.variant(),
        steps,
        every,
        lambda size: np.minimum(cap, clip / size),
    )


def _march(parts, q, s, steps, every, step_of):
    """Steps of Euler's rule, w renormalised where |w| is kept; trajectories that leave the finite
    range are frozen."""
    c = model.constants(q)
    batch = np.broadcast_shapes(
        *(np.shape(x)[:-2] for x in parts), *(np.shape(v) for v in (*q.values(), *s.values()))
    )
    y = [np.array(np.broadcast_to(x, batch + np.shape(x)[-2:]), float) for x in parts]
    t, alive, kept = np.zeros(batch), np.ones(batch, bool), [(np.zeros(batch), *y)]
    length = model.norms(y[0], y[1])[..., None]
    with np.errstate(all="ignore"):
        for n in range(1, steps + 1):
            v = model.velocity(*y, c, s)
            size = np.sqrt(sum(np.einsum("...ij,...ij->...", x, x) for x in v))
            h = step_of(np.maximum(size, 1e-300))
            new = _kept_length(
                [x + np.asarray(h)[..., None, None] * dx for x, dx in zip(y, v, strict=True)],
                s,
                length,
            )
            alive = alive & np.logical_and.reduce([(np.abs(x) < LIMIT).all((-2, -1)) for x in new])
            y = (
                new
                if alive.all()
                else [np.where(alive[..., None, None], a, x) for a, x in zip(new, y, strict=True)]
            )
            t = t + h * alive
            if n % every == 0 or n == steps:
                kept.append((t, *y))
    reason = np.where(
        alive, "", f"left the finite range: a weight exceeded {LIMIT:g} or is not finite"
    )
    return ToyRun(*(np.stack(x) for x in zip(*kept, strict=True)), reason, q, s)


def _kept_length(y, s, length):
    unit = np.asarray(s["unit"])[..., None, None]
    if not unit.any():
        return y
    factor = 1 + unit * (length / model.norms(y[0], y[1])[..., None] - 1)
    return [y[0] * factor, y[1] * factor, y[2]]


@functools.cache
def canonical(
    head: str = "off-diagonal",
    stop_gradient: str = "target",
    normalisation: str = "batch",
    steps: int = 800,
    eta: float = 0.2,
) -> ToyRun:
    """Gradient descent from CANONICAL with equal learning rates: alpha = (6, 3), m = 4, P = 8,
    sigma = 1."""
    options = {"head": head, "stop_gradient": stop_gradient, "normalisation": normalisation}
    return descend(
        start(CANONICAL),
        steps=steps,
        eta=eta,
        eta_E=eta,
        every=max(1, steps // 2000),
        options=options,
    )
