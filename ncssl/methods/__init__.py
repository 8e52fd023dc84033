"""Every method is a declaration; METHODS holds them by name, `make` gives one with its options."""

# their declarations enter METHODS as they are read
from ncssl.methods import baselines, gaussian, predictor_methods, second_moments  # noqa: F401
from ncssl.methods.core import METHODS, Branch, Method, across, between, defaults, make, method

__all__ = ["METHODS", "Branch", "Method", "across", "between", "defaults", "make", "method"]
