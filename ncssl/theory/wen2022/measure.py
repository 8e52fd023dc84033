"""What is measured on runs of the toy of Wen and Li (2022); names of the spec of this project,
thresholds ours.

Arrays (T, ...) over time and batch; j, r number neurons, l features, all from 0 in code.
"""

from typing import Any

import numpy as np

from ncssl.theory.wen2022 import model
from ncssl.theory.wen2022.runs import ToyRun

LEARNED = 0.8  # cos_jl above which neuron j has learned feature l
HALF = 0.5  # |b_jl| at which a feature counts as arrived
OUTCOMES = ("both features", "only v_1", "only v_2", "undecided", "collapsed")


def cosines(b, u):
    """cos_jl = |b_jl|/|w_j|, alignment of neuron j with feature l: (..., k, 2), 0 for a neuron of
    length 0."""
    length = model.norms(b, u)[..., None]
    return np.abs(b) / np.where(length > 0, length, 1.0)


def outcome(b, u) -> np.ndarray:
    """In words, (...): both features, only v_1, only v_2, undecided; collapsed when every |w_j| <
    0.1."""
    learned = cosines(b, u) > LEARNED
    has, settled = learned.any(-2), learned.any(-1).all(-1)
    dead = (model.norms(b, u) < 0.1).all(-1)
    conditions = [dead, has.all(-1), settled & has[..., 0], settled & has[..., 1]]
    return np.select(conditions, ["collapsed", *OUTCOMES[:3]], "undecided")


def shares(run: ToyRun) -> dict[str, float]:
    """Share of the batch with each outcome at the end of the run."""
    words = outcome(run.b[-1], run.u[-1])
    return {name: float((words == name).mean()) for name in OUTCOMES}


def off_diagonal(E):
    """Largest |E_jr|, j != r: (...)."""
    return np.abs(E * (1 - np.eye(E.shape[-1]))).max((-2, -1))


def leader(run: ToyRun) -> np.ndarray:
    """The neuron that is first to have |b_j1| = HALF, or the largest |b_j1| at the end where none
    has: (...) of int."""
    size = np.abs(run.b[..., 0])
    arrived = (size >= HALF).any(-1)
    first = np.where(arrived.any(0), arrived.argmax(0), len(size) - 1)
    return np.take_along_axis(size, first[None, ..., None], 0)[0].argmax(-1)


def rates(run: ToyRun):
    """Velocities (b', u', E') along a run, E' with eta_E/eta."""
    return model.velocity(run.b, run.u, run.E, model.constants(run.q), run.s)


def substitution(run: ToyRun, lead: int = 0, follow: int = 1):
    """rho_sub = |E_21 q_11|/|q_21|: v_1 in the follower's output through the head, over v_1 from
    its own weights."""
    q = model.outputs(run.b, model.constants(run.q)["alpha"])
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.abs(run.E[..., follow, lead] * q[..., lead, 0]) / np.abs(q[..., follow, 0])


def acceleration(run: ToyRun, follow: int = 1):
    """A = (b_22'/b_22)/(b_21'/b_21), relative growth of the follower along v_2 over v_1."""
    db, b = rates(run)[0][..., follow, :], run.b[..., follow, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        return (db[..., 1] / b[..., 1]) / (db[..., 0] / b[..., 0])


def first_time(times, happened) -> float | None:
    """First of times (T,) at which `happened` (T,) is true; None if never."""
    return float(times[happened.argmax()]) if happened.any() else None


def phases(run: ToyRun) -> dict[str, Any]:
    """Measured events of one trajectory of two neurons, as times or None: the four phases in the
    spec's terms.

    learned v_1 (leader's |b_1| above HALF), substitution (rho_sub above 1), acceleration (A above 1
    while both rates have the sign of growth, or the v_1 rate has turned), peak of |E_follow,lead|,
    learned v_2, end (|E| below a tenth of its peak after v_2 is learned).
    """
    lead = int(leader(run))
    follow = 1 - lead
    head = np.abs(run.E[:, follow, lead])
    peak = int(head.argmax())
    with np.errstate(divide="ignore", invalid="ignore"):
        growth = np.nan_to_num(rates(run)[0][:, follow] / run.b[:, follow])
    ahead = (growth[:, 1] > growth[:, 0]) & (growth[:, 1] > 0)
    after = np.arange(len(head)) >= peak
    other = cosines(run.b, run.u)[:, follow, 1] > LEARNED
    return {
        "leader": lead + 1,
        "learned v_1": first_time(run.times, np.abs(run.b[:, lead, 0]) >= HALF),
        "substitution": first_time(run.times, substitution(run, lead, follow) > 1),
        "acceleration": first_time(run.times, ahead),
        "peak of E": float(run.times[peak]) if head[peak] > 0 else None,
        "learned v_2": first_time(run.times, other),
        "end": first_time(run.times, after & other & (head < 0.1 * head[peak])),
    }
