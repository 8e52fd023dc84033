"""Options of methods: a number of the wrong kind is an error that names it, before anything is
made."""

import pytest

from ncssl.methods import METHODS, make
from ncssl.methods.core import defaults

NUMBERS = [
    (name, option)
    for name in METHODS
    for option, value in defaults(name).items()
    if isinstance(value, int | float) and not isinstance(value, bool)
]
SIGNED = {("directpred", "shift")}  # numbers below zero mean something


@pytest.mark.parametrize("name, option", NUMBERS)
def test_what_is_no_number_or_below_zero_is_refused_by_name(name, option):
    for wrong in ("x", float("nan"), True) + ((-3,) if (name, option) not in SIGNED else ()):
        with pytest.raises(ValueError, match=f"^{option} was {wrong!r}; allowed: "):
            make(name, **{option: wrong})


@pytest.mark.parametrize(
    "name, option, wrong",
    [(name, option, 0) for name, option in NUMBERS if option == "layers"]
    + [("dino", "warm", 1.5), ("dino", "frozen", 1.5), ("dino", "warm_temperature", 0.0)]
    + [("directpred", "shift", float("inf"))],
)
def test_what_lies_outside_is_refused(name, option, wrong):
    with pytest.raises(ValueError, match=f"{option} was {wrong!r}; allowed: "):
        make(name, **{option: wrong})
