"""What no single paper says: the five theories on one axis system. The front door; the mathematics is in `together`."""

from ncssl.theory.together import AVERAGED, FLOWS, describe
from ncssl.theory.together_checks import CHECKS

__all__ = ["AVERAGED", "CHECKS", "FLOWS", "describe"]
