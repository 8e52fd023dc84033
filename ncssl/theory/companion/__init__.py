"""What no single paper says: the five theories on one axis system, one mode under every method with
the same letters.

This file is the front door: `describe` (exact answers for given parameters), `FLOWS` and `AVERAGED`
(what can be integrated) and `CHECKS`. The mathematics is in modes; speech has the modes of measured
utterances.
"""

from ncssl.theory.companion import checks
from ncssl.theory.companion.modes import AVERAGED, FLOWS, describe
from ncssl.theory.helpers import checks_of

__all__ = ["AVERAGED", "CHECKS", "FLOWS", "describe"]

CHECKS = checks_of(checks)
