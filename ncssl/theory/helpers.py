"""What the papers' theories share: checks by name, plain numbers out of parameters, roots, and a
gradient by steps."""

import math
from collections.abc import Callable, Collection, Mapping
from functools import wraps
from types import ModuleType
from typing import Any

import numpy as np

from ncssl.theory.ode.params import Param, validate

Check = Callable[[], float]
_CHECKS: dict[str, dict[str, Check]] = {}  # module -> name -> function
TANGENT = 1e-14  # a discriminant below this share of its larger term is rounding, and counts as 0


def check(function: Check) -> Check:
    """Enter a function of no arguments, which returns a float, among the checks of its module under
    its name."""
    _CHECKS.setdefault(function.__module__, {})[function.__name__] = function
    return function


def checks_of(*modules: ModuleType) -> dict[str, Check]:
    """The checks of modules, {name: function}, in the order of the files. ValueError for a name
    that two have."""
    found: dict[str, Check] = {}
    for module in modules:
        here = _CHECKS[module.__name__]
        if twice := found.keys() & here.keys():
            raise ValueError(
                f"checks of {module.__name__} were {sorted(twice)} again; allowed: one name a paper"
            )
        found |= here
    return found


def numbers(
    params: tuple[Param, ...], given: Mapping[str, Any], whole: Collection[str] = ()
) -> dict[str, float]:
    """One number for each parameter, defaults filled in; those in `whole` have no fraction.

    Raises UnknownName for a parameter that does not exist; ValueError for one that is outside its
    domain, an array, or has a fraction and must not.
    """
    values = validate(params, given)
    return {
        p.name: _number(p, values[p.name], "a whole number" if p.name in whole else "one number")
        for p in params
    }


def _number(param, value, what):
    if value.ndim:
        raise ValueError(
            f"{param.name} must be {what} in {param.domain}, was an array of shape {value.shape}"
        )
    if what != "one number" and not float(value).is_integer():
        raise ValueError(f"{param.name} must be {what} in {param.domain}, was {value:g}")
    return float(value)


def plain(value: Any) -> float | None:
    """A number as a float, -0 as 0; None where there is none: for None, NaN and infinities."""
    return None if value is None or not np.isfinite(value) else float(value) + 0.0


def answers(describe: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """`describe` of a paper, raising ValueError that names the parameters where its numbers leave
    the range of floats.

    Each parameter may be in its domain and a power of it beyond what a float holds: then an answer
    would be NaN.
    """

    @wraps(describe)
    def described(*args, **given):
        try:
            with np.errstate(all="ignore"):
                answer = describe(*args, **given)
        except (ArithmeticError, np.linalg.LinAlgError) as error:
            raise ValueError(_beyond(given, error.args[-1])) from None
        if lost := next(_not_finite(answer), None):
            raise ValueError(_beyond(given, f"{lost} is not finite"))
        return answer

    return described


def _beyond(given, why):
    named = ", ".join(f"{name} = {value!r}" for name, value in given.items()) or "the defaults"
    return (
        f"the parameters were {named} ({why}); allowed: values whose powers and products a float"
        " can hold"
    )


def _not_finite(answer, name="the answer"):
    """Names of the floats in an answer that are NaN or infinite."""
    if isinstance(answer, dict):
        for key, value in answer.items():
            yield from _not_finite(value, key)
    elif isinstance(answer, (list, tuple)):
        for value in answer:
            yield from _not_finite(value, name)
    elif isinstance(answer, float) and not math.isfinite(answer):
        yield name


def mat(value: Any) -> np.ndarray:
    """A parameter of the batch (...), ready to multiply matrices (..., n, n): (..., 1, 1)."""
    return np.asarray(value)[..., None, None]


def roots(b: Any, k: Any, eta: Any) -> tuple[np.ndarray, np.ndarray]:
    """The smaller and the larger x with x (b - k x) = eta, k > 0: (b -+ sqrt(b^2 - 4 eta k)) / (2
    k); NaN for none.

    Where a mode of predictor eigenvalue x rests under weight decay eta. Neither root loses digits
    to cancellation, and where b^2 = 4 eta k but for rounding both are b / (2 k).
    """
    half, product = np.asarray(b, float) / (2 * np.asarray(k, float)), np.asarray(eta, float) / k
    inside = half**2 - product
    inside = np.where(np.abs(inside) <= TANGENT * half**2, 0.0, inside)
    root = np.sqrt(np.where(inside < 0, np.nan, inside))
    far = half + np.copysign(root, half)
    near = np.where((root == 0) | (far == 0), far, product / np.where(far == 0, 1.0, far))
    return np.minimum(near, far), np.maximum(near, far)


def symmetric(name: str, matrix) -> np.ndarray:
    """The matrix as a float array; raises ValueError naming it unless it is square, finite and
    symmetric."""
    a = np.asarray(matrix, float)
    if a.ndim != 2 or a.shape[0] != a.shape[1] or not np.allclose(a, a.T, atol=1e-12):
        raise ValueError(f"{name} must be a finite symmetric square matrix, was of shape {a.shape}")
    return a


def complex_step(f: Callable[[np.ndarray], Any], A: np.ndarray) -> np.ndarray:
    """Gradient of the real function f at the real array A, exact to rounding: Im f(A + i h E) / h
    with tiny h."""
    out = np.empty(A.shape)
    for index in np.ndindex(A.shape):
        step = A.astype(complex)
        step[index] += 1e-30j
        out[index] = f(step).imag / 1e-30
    return out
