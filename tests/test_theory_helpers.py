"""What the theories share: the roots of a mode, numbers out of parameters, checks by name; what
`describe` refuses."""

import json
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ncssl.theory import THEORIES, helpers, theory
from ncssl.theory.ode.params import Param

positive = st.floats(1e-3, 1e3)


@given(positive, positive, st.floats(0, 1.5))
def test_roots_solve_their_equation_or_there_are_none(b, k, share):
    eta = share * b**2 / (4 * k)
    low, high = helpers.roots(b, k, eta)
    if b**2 < 4 * eta * k * (1 - 1e-12):
        assert np.isnan(low) and np.isnan(high)
    elif b**2 > 4 * eta * k * (1 + 1e-12):
        assert low <= high and [low + high, k * low * high] == pytest.approx(
            [b / k, eta], rel=1e-12
        )


def test_roots_lose_no_digits_and_meet_at_the_threshold():
    low, high = helpers.roots(1.0, 1.25, 1e-20)
    assert low == pytest.approx(1e-20, rel=1e-15, abs=0) and high == pytest.approx(0.8)
    for b, k in ((1.0, 1.25), (0.3, 0.7), (1e-6, 3.0), (1e6, 7.0)):
        both = helpers.roots(b, k, b**2 / (4 * k))
        assert both[0] == both[1] == pytest.approx(b / (2 * k), rel=1e-6)
    assert [*helpers.roots(0.0, 1.0, 0.0)] == [0, 0] and [*helpers.roots(1.0, 2.0, 0.0)] == [0, 0.5]
    assert [*helpers.roots(-1.0, 1.0, 0.0)] == [-1, 0]
    assert helpers.roots(np.ones((2, 1)), np.ones(3), 0.1)[0].shape == (2, 3)


def test_numbers_are_plain_and_name_what_is_wrong():
    params = Param("n", 2, "", low=1), Param("x", 0.5, "", low=0)
    made = helpers.numbers(params, {"n": np.int64(3)}, whole=("n",))
    assert made == {"n": 3.0, "x": 0.5} and {type(value) for value in made.values()} == {float}
    for wrong, words in (
        ({"n": 1.5}, r"n must be a whole number in \[1, inf\), was 1.5"),
        ({"x": [1, 2]}, r"x must be one number in \[0, inf\), was an array of shape \(2,\)"),
        ({"x": True}, "x must be a number in .*, was True"),
        ({"x": [True]}, r"was \[True\]"),
        ({"x": np.bool_(False)}, "x must be a number"),
        ({"x": "a"}, "was 'a'"),
        ({"x": 10**400}, "x must be a number"),
    ):
        with pytest.raises(ValueError, match=words):
            helpers.numbers(params, wrong, whole=("n",))
    assert [helpers.plain(x) for x in (None, np.nan, np.inf, np.float64(-0.0))] == [
        None,
        None,
        None,
        0.0,
    ]


def test_checks_enter_by_name_and_no_paper_has_one_twice():
    first, second = ModuleType("first"), ModuleType("second")
    for module in (first, second):
        code = (
            "from ncssl.theory.helpers import check\n@check\ndef law():\n    return 1.0\nother ="
            " law\n"
        )
        exec(code, module.__dict__)
    assert helpers.checks_of(first) == {"law": first.law}
    with pytest.raises(ValueError, match=r"checks of second were \['law'\] again"):
        helpers.checks_of(first, second)


EXTREME = [
    ("cho2022", {"k": float("inf")}),
    ("cho2022", {"tau_s": 1e-320}),
    ("companion", {"b": 1e308}),
    ("halvagal2023", {"lambda0": 1e308}),
    ("halvagal2023", {"alpha": 1e30}),
    ("wen2022", {"alpha2": 1e308, "steps": 1}),
    ("wen2022", {"b11": 1e308, "steps": 1}),
    ("liu2022", {"b": 1e200}),
    ("liu2022", {"d": 1e308}),
    ("tian2021", {"tau": 1e300}),
    ("wang2021", {"sigma2": 1e308}),
]


@pytest.mark.parametrize(("key", "params"), EXTREME)
def test_parameters_whose_powers_overflow_are_named(key, params):
    name, value = next(iter(params.items()))
    with pytest.raises(ValueError, match=f"{name} .*{str(value).replace('+', '.')}.*") as caught:
        theory(key).describe(**params)
    assert type(caught.value) is ValueError and "\n" not in str(caught.value)


def kinds(answer):
    """Types of the leaves of an answer."""
    if isinstance(answer, dict):
        return set().union(*map(kinds, answer.values()))
    return set().union(*map(kinds, answer)) if isinstance(answer, list) else {type(answer)}


@pytest.mark.parametrize("key", THEORIES)
def test_answers_are_plain_and_finite(key):
    steps = {"steps": 50} if key == "wen2022" else {}
    answer = theory(key).describe(**steps)
    assert kinds(answer) <= {float, int, bool, str, type(None)}
    json.dumps(answer, allow_nan=False)
    name = (
        "beta"
        if key == "halvagal2023"
        else "k"
        if key == "cho2022"
        else "alpha1"
        if key == "wen2022"
        else "eta"
    )
    with pytest.raises(ValueError, match=f"{name} must be a number in .*, was True"):
        theory(key).describe(**{name: True})
