"""Integrations of liu2022's flows that the checks, the tests and the chapter share."""

import numpy as np

from ncssl.errors import UnknownName
from ncssl.theory.liu2022 import matrix as linear
from ncssl.theory.liu2022 import modes, toy

FAST = {"rtol": 1e-8, "atol": 1e-12}
EXACT = {"rtol": 1e-11, "atol": 1e-13}
STARTS = ("identity", "gaussian")
DEAD = 1e-3  # an eigenvalue below this share of the largest possible counts as dead


def power_law(d: int, exponent: float, first: float = 1.0) -> np.ndarray:
    """Variances first * j^-exponent of the mean image, j = 1..d: (d,)."""
    return first * np.arange(1, d + 1.0) ** -exponent


def weights(d: int, d_in: int, kind: str, *, scale: float = 1.0, seeds: int = 3, first: int = 0):
    """Starts W (seeds, d, d_in) and Wp (seeds, d, d). W is Gaussian with rows of length near 1.

    kind: "identity", Wp = 0.5 I + 0.1 noise; or "gaussian", Wp = scale * noise; the noise has
    variance 1/d. Raises UnknownName for another kind.
    """
    if kind not in STARTS:
        raise UnknownName("start", kind, STARTS)
    draws = [np.random.default_rng(seed) for seed in range(first, first + seeds)]
    W = np.stack([rng.normal(size=(d, d_in)) for rng in draws]) / np.sqrt(d_in)
    noise = np.stack([rng.normal(size=(d, d)) for rng in draws]) / np.sqrt(d)
    return W, scale * noise if kind == "gaussian" else 0.5 * np.eye(d) + 0.1 * noise


def network_run(
    b,
    *,
    s=0.5,
    eta=0.05,
    d=8,
    kind="identity",
    scale=1.0,
    seeds=3,
    end=400.0,
    points=41,
    options=None,
):
    """The linear network on data of spectrum b (d_in,) plus s: dict of t, W, Wp, C (T, seeds, ...),
    and flow.

    C is the second moment of the features. Variances b are along the axes of the input; the basis
    of the features is random because W is.
    """
    b = np.asarray(b, float)
    flow = linear.network_flow(np.diag(b + s), np.diag(b), d)
    W, Wp = weights(d, len(b), kind, scale=scale, seeds=seeds)
    run = flow.solve(
        flow.start(W=W, Wp=Wp), np.linspace(0, end, points), eta=eta, options=options or FAST
    )
    return {
        "t": run.times,
        "W": run["W"],
        "Wp": run["Wp"],
        "C": run["W"] * (b + s) @ run["W"].swapaxes(-1, -2),
        "flow": flow,
        "y": run.y,
    }


def gram(Wp):
    """Wp^T Wp."""
    return Wp.swapaxes(-1, -2) @ Wp


def free_run(*, d=5, n=8, both=False, eta=0.1, end=20.0, seed=0, points=81):
    """Features set free (eq. 9) from a random start: (flow, solution)."""
    rng = np.random.default_rng(seed)
    flow = linear.free_flow(d, n, both=both)
    F1, F2 = rng.normal(size=(2, d, n)) / np.sqrt(n)
    y0 = flow.start(F1=F1, F2=F2, Wp=rng.normal(size=(d, d)) / np.sqrt(d))
    return flow, flow.solve(y0, np.linspace(0, end, points), eta=eta, options=EXACT)


def batch_run(X1, X2, *, d=4, eta=0.005, end=200.0, seed=0, points=81):
    """The linear network on one batch X1, X2 (d_in, n), W starting in the span of X1: t, Wp^T Wp, F
    F^T, W W^T."""
    rng = np.random.default_rng(seed)
    flow = linear.network_flow(*linear.batch_moments(X1, X2), d)
    W = rng.normal(size=(d, X1.shape[1])) @ X1.T / np.sqrt(X1.shape[1])
    y0 = flow.start(W=W, Wp=np.eye(d) + 0.3 * rng.normal(size=(d, d)))
    run = flow.solve(y0, np.linspace(0, end, points), eta=eta, options=EXACT)
    F = run["W"] @ X1 / np.sqrt(X1.shape[1])
    return run.times, gram(run["Wp"]), F @ F.swapaxes(-1, -2), run["W"] @ run["W"].swapaxes(-1, -2)


def orthonormal_batch(n=10, d_in=16, seed=0):
    """Views X1 (d_in, n) with orthonormal columns, so x^T x = 1, and X2 = X1 plus a little
    noise."""
    rng = np.random.default_rng(seed)
    X1 = np.linalg.qr(rng.normal(size=(d_in, n)))[0]
    return X1, X1 + 0.1 * rng.normal(size=(d_in, n)) / np.sqrt(d_in)


def law_error(t, A, B, eta):
    """Max over time of |(A - B)(t) - e^{-2 eta t} (A - B)(0)| / |(A - B)(0)|, matrices (T, d,
    d)."""
    gap = A - B
    miss = gap - np.exp(-2 * eta * t)[:, None, None] * gap[0]
    return float(np.linalg.norm(miss, axis=(1, 2)).max() / np.linalg.norm(gap[0]))


def mode_end(p0, *, b=1.0, s=0.5, eta=0.05, end=400.0):
    """p at t = end of a balanced mode, vectorised."""
    return modes.BALANCED.solve(
        modes.BALANCED.start(p=p0), [0, end], options=FAST, b=b, s=s, eta=eta
    )["p"][-1]


def toy_run(
    row,
    *,
    d=6,
    d_in=12,
    seeds=3,
    kind="gaussian",
    constraint="eq 17",
    end=60.0,
    points=31,
    options=None,
    **params,
):
    """A row of Table 3 from `seeds` starts: dict of t, C (T, seeds, d, d), trace (T, seeds), Wp or
    None."""
    flow = toy.toy_flow(d, d_in, row, constraint=constraint)
    W, Wp = weights(d, d_in, kind, seeds=seeds)
    times = np.concatenate([[0], np.geomspace(0.02, end, points - 1)])
    run = flow.solve(
        flow.start(W=W, **({} if row.ipred else {"Wp": Wp})),
        times,
        options=options or FAST,
        **params,
    )
    C = toy.second_moment(run["W"], row, params.get("b", 1.0), params.get("s", 0.5))
    return {
        "t": run.times,
        "C": C,
        "trace": np.trace(C, axis1=-2, axis2=-1),
        "flow": flow,
        "y": run.y,
        "Wp": None if row.ipred else run["Wp"],
    }


def collapsed(run):
    """Whether every start of a toy_run has lost its variance: the trace of C fell below a
    thousandth of its start."""
    return bool((run["trace"][-1] < 1e-3 * run["trace"][0]).all())


def alive(C, share=DEAD):
    """How many eigenvalues of C (..., d, d) exceed `share` of their mean."""
    values = np.linalg.eigvalsh(C)
    return (values > share * values.mean(-1, keepdims=True)).sum(-1)


def table3(**settings):
    """All rows of Table 3 in the toy, and the last row read otherwise: a list of (row, toy_run,
    collapsed or not)."""
    rows = (*toy.ROWS, toy.LAST_ROW_READ_OTHERWISE)
    return [(row, run, collapsed(run)) for row in rows for run in [toy_run(row, **settings)]]
