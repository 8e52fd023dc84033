"""The part about theory: our vectorised integrators against a loop over scipy.integrate.solve_ivp,
and against packages that integrate a batch at once, at one accuracy."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from ncssl.bench import batched
from ncssl.bench.timing import Size, missing, now, part, ratio, row, turns
from ncssl.theory.tian2021.modes import SCALARS

END = 5.0  # of time: most trajectories are still on their way
PARAMS = dict(ld=1.0, ls=1.25, eta=0.1, alpha_p=1.0, beta=0.4)
TARGET = 1e-8  # largest error of a component at the end, over the common sample
TOLERANCES = [10.0 ** (-k / 2) for k in range(8, 27)]
SUBSTEPS = [round(8 * 2 ** (k / 2)) for k in range(16)]
# seconds that the million may take in full; where it would take longer it is projected
PATIENCE = 30.0


def starts(n: int) -> np.ndarray:
    """(n, 3) initial conditions of the three-variable flow, drawn once and for all."""
    return np.random.default_rng(0).uniform(0.1, 1.0, (n, 3))


def plain(t: float, y: Any) -> tuple[float, float, float]:
    """The same flow for one trajectory in Python's own numbers: the fastest form for solve_ivp."""
    wp, w, wa = map(float, y)
    pull = wa * PARAMS["ld"] - wp * w * PARAMS["ls"]
    dwp, dw = PARAMS["alpha_p"] * pull * w - PARAMS["eta"] * wp, wp * pull - PARAMS["eta"] * w
    return dwp, dw, PARAMS["beta"] * (w - wa)


def ours(
    method: str, options: dict, y0: np.ndarray, end: float = END, threads: int | None = 1
) -> np.ndarray:
    """States (n, 3) at the end by one vectorised call; one thread, as the loop has, unless told
    otherwise."""
    options = options | {"threads": threads}
    return SCALARS.solve(y0, np.array([0.0, end]), method=method, options=options, **PARAMS).y[-1]


def scipys(method: str, options: dict, y0: np.ndarray) -> np.ndarray:
    """States (n, 3) at the end by a loop over solve_ivp."""
    return np.array(
        [solve_ivp(plain, (0.0, END), y, method=method, **options).y[:, -1] for y in y0]
    )


def adaptive(names: tuple[str, ...]) -> Iterator[tuple[str, list[dict]]]:
    """For each method the tolerances to try, widest first."""
    for name in names:
        yield name, [dict(rtol=r, atol=r / 100) for r in TOLERANCES]


def cheapest(
    solve: Callable, method: str, ladder: list[dict], y0: np.ndarray, truth: np.ndarray
) -> tuple[dict, float]:
    """The first setting of the ladder whose error is within TARGET, and that error; ArithmeticError
    if none is."""
    for options in ladder:
        error = float(np.abs(solve(method, options, y0) - truth).max())
        if error <= TARGET:
            return options, error
    raise ArithmeticError(f"{method} does not come within {TARGET:g} of the reference")


def rate(solve: Callable, y0: np.ndarray) -> float:
    """Trajectories a second."""
    began = now()
    solve(y0)
    return len(y0) / (now() - began)


def million(n: int, steps: int) -> float:
    """Seconds that `steps` steps of RK4 take for n initial conditions on all cores."""
    y0 = starts(n)
    began = now()
    ours("rk4", dict(substeps=steps), y0, END * steps / 1000, threads=None)
    return now() - began


def million_row(n: int) -> dict[str, Any]:
    """1,000 steps for n initial conditions: measured where that takes at most PATIENCE seconds,
    else projected."""
    few = min(million(n, 10) for _ in range(2)) * 100
    whole = few <= PATIENCE
    name = f"ours, rk4, all cores, {n:,} starts x 1,000 steps" + (
        "" if whole else " (projected from 10 steps)"
    )
    return row(name, "s", [million(n, 1000) if whole else few])


def solvers(size: Size) -> Iterator[tuple[str, Callable, np.ndarray, list]]:
    """Whose solver, called as solve(method, options, y0), the trajectories that its rate is
    measured on, and its methods with the settings to try."""
    many = starts(size.trajectories)
    yield (
        "ours",
        ours,
        many,
        [("rk4", [dict(substeps=s) for s in SUBSTEPS]), *adaptive(("adaptive",))],
    )
    loop = starts(size.loop)
    yield "solve_ivp", scipys, loop, list(adaptive(("RK45", "DOP853", "LSODA")))
    methods = {"torchdiffeq": ("dopri5", "dopri8"), "torchode": ("Dopri5", "Tsit5")}
    for name in batched.installed():
        solve = partial(getattr(batched, name), end=END, params=PARAMS)
        yield name, solve, many, list(adaptive(methods[name]))


def theory(size: Size) -> dict[str, Any]:
    """Trajectories a second of tian2021's three-variable flow, all just within the same error."""
    sample = starts(size.sample)
    truth = scipys("DOP853", dict(rtol=3e-14, atol=1e-16), sample)
    contenders, notes, substeps = {}, [], 0
    for name, solve, y0, methods in solvers(size):
        for method, ladder in methods:
            options, error = cheapest(solve, method, ladder, sample, truth)
            label = f"{name}, {method}"
            contenders[label] = partial(rate, partial(solve, method, options), y0)
            notes.append(
                f"{label}: error {error:.1e} with "
                + ", ".join(f"{k} {v:g}" for k, v in options.items())
            )
            substeps = options.get("substeps", substeps)
    values = turns(contenders, size.repetitions, "theory")
    rows = [row(label, "trajectories/s", v) for label, v in values.items()]
    rows += [missing(name, f"not measured (pip install {name})") for name in absent()]
    rows.append(
        row("ours, rk4", "trajectories x steps/s", [v * substeps for v in values["ours, rk4"]])
    )
    rows.append(million_row(size.million))
    about = (
        f"flow of (wp, w, wa) to t = {END:g}; error at the end at most {TARGET:g}; of each package"
        " the fastest method; one thread each, but for the million"
    )
    return part("Theory: trajectories at equal accuracy", rows, against(values), [about, *notes])


def absent() -> list[str]:
    """The packages that are not installed."""
    return [name for name in batched.PACKAGES if name not in batched.installed()]


def against(values: dict[str, list[float]]) -> list[dict[str, Any]]:
    """Each of our methods over the fastest one of each package; of solve_ivp the goal is 100."""
    mine = [label for label in values if label.startswith("ours")]
    ratios = []
    for package in dict.fromkeys(label.split(", ")[0] for label in values if label not in mine):
        theirs = [label for label in values if label.startswith(package)]
        best = max(theirs, key=lambda label: np.median(values[label]))
        goal = 100 if package == "solve_ivp" else None
        ratios += [ratio(f"{m} / {best}", values[m], values[best], goal) for m in mine]
    return ratios
