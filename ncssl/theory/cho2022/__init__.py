"""Cho et al. 2022: why DINO needs both its tricks. Derived by us; the paper has no theory.

This file is the front door: `describe` (exact answers for given parameters), `FLOWS` (what can be
integrated) and `CHECKS` (the numbers the claims are judged on). The mathematics is in modes.
"""

from typing import Any

from ncssl.theory.cho2022 import checks
from ncssl.theory.cho2022.checks import (
    both,
    centring_threshold,
    gamma_threshold,
    no_centring,
    no_sharpening,
    rates,
    slow_centre,
)
from ncssl.theory.cho2022.modes import (
    CENTRE,
    FLOWS,
    GAMMA,
    SHARE,
    TAUS,
    apart_rate,
    common_rate,
    ends,
    entropies,
    least_centring,
    least_gamma,
    logits,
    run,
)
from ncssl.theory.helpers import answers, checks_of, numbers
from ncssl.theory.ode.params import Param

__all__ = [
    "CENTRE",
    "CHECKS",
    "FLOWS",
    "apart_rate",
    "both",
    "centring_threshold",
    "common_rate",
    "describe",
    "ends",
    "entropies",
    "gamma_threshold",
    "least_centring",
    "least_gamma",
    "logits",
    "no_centring",
    "no_sharpening",
    "rates",
    "run",
    "slow_centre",
]

CHECKS = checks_of(checks)
K = Param("k", 3, "number of prototypes, a whole number", 2, 1000)


@answers
def describe(**params: Any) -> dict[str, Any]:
    """Exact answers for the temperatures, share and rate of the centre that are set, and where the
    flow ends.

    Parameters: tau_s, tau_t, centring, k, gamma. Raises UnknownName, or ValueError for a value
    outside its domain.
    """
    q = numbers((*TAUS, SHARE, K, GAMMA), params, whole=("k",))
    k, gamma = int(q.pop("k")), q.pop("gamma")
    s, t = q["tau_s"], q["tau_t"]
    each, mean = ends(**q)
    return {
        "parameters": q | {"k": k, "gamma": gamma},
        "rates at the uniform output": {
            "apart": apart_rate(k, s, t),
            "common": common_rate(k, s, t, q["centring"]),
        },
        "least centring": least_centring(s, t),
        "least gamma, two prototypes": least_gamma(s, t),
        "centre fast enough": bool(gamma > least_gamma(s, t)),
        "end, 4 inputs and 3 prototypes": {
            "entropy of an output / ln k": each,
            "entropy of the mean / ln k": mean,
        },
    }
