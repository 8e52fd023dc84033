"""The toy of Wen and Li (2022) as a Flow, with its exact answers: k neurons in any variant."""

import numpy as np

from ncssl.theory.ode.flow import Flow, unpack
from ncssl.theory.wen2022 import exact, model


def population_flow(k: int = 2, **options) -> Flow:
    """The gradient flow of k neurons in a variant (head, stop_gradient, normalisation, unit_norm):
    wen2022, toy, ours.

    Time is steps times eta. Invariants, fixed points and closed forms stand in exact. Raises
    UnknownName, and ValueError for k < 1.
    """
    if k < 1 or k != int(k):
        raise ValueError(f"k must be a whole number in [1, inf), was {k!r}")
    s, state = model.variant(**options), model.state_of(k)

    def rhs(t, y, q):
        parts = model.velocity(*unpack(y, state), model.constants(q), s)
        batch = np.broadcast_shapes(*(part.shape[:-2] for part in parts))
        return np.concatenate(
            [np.broadcast_to(x, batch + x.shape[-2:]).reshape(*batch, -1) for x in parts], axis=-1
        )

    return Flow(
        _name(k, options),
        "wen2022, second hand; parameters ours",
        state,
        rhs,
        model.PARAMS,
        fixed_points=lambda q: exact.noise_free_points(q, k),
        invariants=exact.invariants(k, s),
        closed_forms={"jacobian at noise-free points": exact.noise_free_jacobian},
    )


def _name(k, options):
    words = [f"{name} {value}" for name, value in options.items()]
    return ", ".join([f"{k} neurons", *words])
