"""Balestriero and LeCun (2025), LeJEPA: what SIGReg does to the modes of a linear encoder, and the
paper's own mathematics checked.

This file is the front door: `describe` (exact answers for given parameters), `FLOWS` (what can be
integrated) and `CHECKS`. The mathematics is in modes (one channel), matrix (many channels, and the
encoder as a matrix), checks (the dynamics, ours) and paper_checks (the paper's statements).
"""

from typing import Any

from ncssl.theory.balestriero2025 import checks, matrix, modes, paper_checks
from ncssl.theory.balestriero2025.modes import FLOWS
from ncssl.theory.helpers import answers, checks_of, numbers, plain
from ncssl.theory.ode.params import Param

__all__ = ["CHECKS", "FLOWS", "describe"]

CHECKS = checks_of(checks, paper_checks)
D = Param("d", 16, "channels of the projections", low=1)


@answers
def describe(**params: Any) -> dict[str, Any]:
    """What becomes of one mode under both weightings, as plain numbers: b, sigma2, eta, lambda_, n
    (outputs of a batch), d (channels).

    For each weighting: eta_threshold, level of s, rate of a small mode, all in one channel; and
    largest_share, of augmentation in a mode that is recruited beside d - 1 whole ones. None where
    there is no such thing. Raises UnknownName or ValueError.
    """
    q = numbers((*modes.PARAMS, D), params, whole=("n", "d"))
    at = {name: q[name] for name in ("lambda_", "n")} | {"d": int(q["d"])}
    return {
        "parameters": q,
        "balance": float(modes.balance(q["n"])),
        "pull": {
            "alone": float(modes.pull(0.0, q["n"])),
            "beside_whole": matrix.beside_whole(at["d"], q["n"]),
        },
        "weightings": {
            name: {"name": words}
            | {key: plain(value) for key, value in modes.of_mode(name, q).items()}
            | {
                "largest_share": plain(matrix.largest_share(name, **at)),
                "largest_share_summed": plain(matrix.largest_share(name, **at, summed=True)),
            }
            for name, words in modes.WEIGHTINGS.items()
        },
    }
