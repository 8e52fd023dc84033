"""Many random starts of the toy of Wen and Li (2022), followed by a stiff integrator to the far
future; ours."""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from ncssl.errors import UnknownName
from ncssl.theory.ode.flow import unpack
from ncssl.theory.ode.integrate import rodas3
from ncssl.theory.ode.params import validate
from ncssl.theory.wen2022 import model
from ncssl.theory.wen2022.runs import ToyRun, random_start, regime

END = 1e6  # d^3 for d = 100, in units of 1/eta
ABLATIONS: dict[str, dict[str, Any]] = {
    "head": {},
    "no head": {"head": "none"},
    "symmetric head": {"head": "symmetric"},
    "no stop-gradient": {"stop_gradient": "none"},
    "stop-gradient on the online side": {"stop_gradient": "online"},
    "statistics detached": {"normalisation": "detached"},
    "no normalisation": {"normalisation": "none"},
    "no normalisation, unit norm": {"normalisation": "none", "unit_norm": True},
}
ENDS = {"no normalisation, unit norm": 1e4}  # at rest by then, and too stiff to follow further


def log_times(end: float = END, points: int = 120) -> np.ndarray:
    """0 and `points` times from 0.01 to end, equally spaced in the logarithm."""
    return np.concatenate([[0.0], np.geomspace(1e-2, end, points)])


def far(
    parts,
    times: np.ndarray,
    *,
    switches: Mapping[str, Any] | None = None,
    rtol: float = 1e-3,
    **params,
) -> ToyRun:
    """The gradient flow from parts = (b, u, E), batch (n,); switches of model.variant and params
    may be (n,).

    Integrated by rodas3 to a relative error of about rtol a step. Raises ValueError, UnknownName
    for bad parameters.
    """
    n, k = len(parts[0]), np.shape(parts[0])[-2]
    q, s, state = validate(model.PARAMS, params), switches or model.variant(), model.state_of(k)
    q, s = ({name: np.broadcast_to(v, n) for name, v in x.items()} for x in (q, s))
    diagonal = np.eye(k)
    off = np.flatnonzero(~diagonal.astype(bool).ravel())
    y0 = np.concatenate(
        [
            parts[0].reshape(n, -1),
            np.reshape(parts[1], (n, -1)),
            np.reshape(parts[2], (n, -1))[:, off],
        ],
        axis=-1,
    )

    def whole(y):  # the diagonal of E is not part of the integrated state
        E = np.broadcast_to(diagonal.ravel(), (*y.shape[:-1], k * k)).copy()
        E[..., off] = y[..., y.shape[-1] - len(off) :]
        return unpack(np.concatenate([y[..., : y.shape[-1] - len(off)], E], axis=-1), state)

    def rhs(t, y, p):
        parts = model.velocity(*whole(y), model.constants(p), {name: p[name] for name in s})
        flat = [x.reshape(*y.shape[:-1], -1) for x in parts]
        return np.concatenate([*flat[:2], flat[2][..., off]], axis=-1)

    path = rodas3(rhs, y0, times, rtol=rtol, params=q | s)
    return ToyRun(path.times, *whole(path.y), path.reason, q, s)


@functools.cache
def starts(
    seeds: int,
    d: int = 100,
    k: int = 2,
    alpha2: float = 3.0,
    in_regime: bool = True,
    first: int = 0,
):
    """The first `seeds` random starts, by default of those biased towards v_1: parts (b, u, E), see
    random_start."""
    parts = random_start(4 * seeds if in_regime else seeds, d, k, first)
    keep = regime(parts[0], alpha2=alpha2) if in_regime else np.ones(seeds, bool)
    if keep.sum() < seeds:
        raise ValueError(
            f"seeds must be at most the starts in the regime, {keep.sum()} of {len(keep)}, was"
            f" {seeds}"
        )
    return [x[keep][:seeds] for x in parts]


@functools.cache
def ablation(
    name: str, seeds: int = 48, end: float = END, in_regime: bool = True, first: int = 0
) -> ToyRun:
    """A variant of ABLATIONS from random starts, d = 100, to t = end (ENDS where stiffer); the same
    starts for all."""
    if name not in ABLATIONS:
        raise UnknownName("variant", name, ABLATIONS)
    times = log_times(min(end, ENDS.get(name, end)))
    return far(
        starts(seeds, in_regime=in_regime, first=first),
        times,
        switches=model.variant(**ABLATIONS[name]),
    )


@functools.cache
def learning_rates(ratios: tuple[float, ...], seeds: int = 24, end: float = END) -> list[ToyRun]:
    """The head at several eta_E/eta from the same random starts of the regime: one ToyRun for each
    ratio."""
    parts = [np.tile(x, (len(ratios), 1, 1)) for x in starts(seeds)]
    run = far(parts, log_times(end), ratio=np.repeat(ratios, seeds))
    return [run.of(slice(i * seeds, (i + 1) * seeds)) for i in range(len(ratios))]
