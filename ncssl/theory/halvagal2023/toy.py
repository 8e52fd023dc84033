"""Halvagal, Laborieux and Zenke (2023), the toy network: gradient descent on samples, eight
settings, linear or ReLU.

x1 = x is clean, x2 = x + noise is the target's view (both are noisy with two_sided); z = act(W x);
the predictor is (W W^T)^alpha and has no gradient. Settings, rates and steps are those of the
released toy notebook, with fewer samples a step; the eigenvalues at the start are its own, the
directions are ours.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from ncssl.errors import UnknownName
from ncssl.theory.halvagal2023.modes import ALPHA, RHO
from ncssl.theory.ode.params import Param

# notebook, seed 2
FIXTURE = np.array([0.0200, 0.0989, 0.1977, 0.3443, 0.5081, 0.5706, 1.0670, 1.1088, 1.7282, 2.2383])
SETTINGS = {  # name -> learning rate of the released notebook
    "euc_nosg": 0.01,
    "euc_nopred": 0.1,
    "euc": 0.01,
    "euc_iso": 0.01,
    "cos_nosg": 0.1,
    "cos_nopred": 0.1,
    "cos": 0.1,
    "cos_iso": 0.1,
}
FORMULAS = ("gradient", "notebook")
NOISE = Param("noise", 0.1, "standard deviation that a view adds to the input", low=0)
LR = Param("lr", 0.1, "step size", low=0, open_low=True)
TINY = 1e-8


def _dot(a, b):
    """Inner products of the rows of a and b (n, M), as a column (n, 1)."""
    return np.einsum("ij,ij->i", a, b)[:, None]


@dataclass(frozen=True)
class ToyRun:
    """Steps (T,), sorted eigenvalues of W W^T (T, M), the encoder W (T, M, N), and the step
    size."""

    steps: np.ndarray
    lam: np.ndarray
    W: np.ndarray
    lr: float

    @property
    def times(self):
        """Time of the flow, steps times lr."""
        return self.steps * self.lr


def encoder(spectrum, inputs: int, seed: int = 0) -> np.ndarray:
    """A random W (M, inputs) whose W W^T has exactly these eigenvalues (M,). Raises ValueError if
    inputs < M."""
    spectrum = np.asarray(spectrum, float)
    if inputs < len(spectrum) or (spectrum < 0).any():
        raise ValueError(
            f"need inputs >= {len(spectrum)} and eigenvalues >= 0, were {inputs} and {spectrum}"
        )
    rng = np.random.default_rng(seed)
    U = np.linalg.qr(rng.normal(size=(len(spectrum), len(spectrum))))[0]
    V = np.linalg.qr(rng.normal(size=(inputs, len(spectrum))))[0]
    return (U * np.sqrt(spectrum)) @ V.T


def predictor(W, alpha=1.0):
    """(W W^T)^alpha by the symmetric eigendecomposition, rounding below zero cut off."""
    values, U = np.linalg.eigh(W @ W.T)
    return (U * np.maximum(values, 0) ** alpha) @ U.T


def pulls(z1, z2, S, setting):
    """Descent directions on the outputs, of the online view and of the target's: -dL/dz1, and
    -dL/dz2 or None.

    Per sample, (n, M). Euclidean losses carry 1/2, the cosine one is -cos. z2's is None where its
    gradient is stopped.
    """
    p = z1 if setting.endswith("nopred") else z1 @ S
    if setting.startswith("euc"):
        at_p = z2 - p
        other = -at_p
    else:
        size_p, size_t = (np.sqrt(_dot(a, a)) + TINY for a in (p, z2))
        unit, t = p / size_p, z2 / size_t
        cos = _dot(unit, t)
        at_p, other = (t - cos * unit) / size_p, (unit - cos * t) / size_t
    at_z = at_p if setting.endswith(("iso", "nopred")) else at_p @ S
    return at_z, other if setting.endswith("nosg") else None


def notebook_pull(z1, z2, S):
    """The cosine update without stop-gradient as released: [S(z1 + z2)/(|p||z2|) - (p.z2)(S p +
    z2)/(|p|^3|z2|)].

    Not a gradient: z2's last term should be divided by |p||z2|^3, and z2's two terms multiplied by
    x2, not x1.
    """
    p = z1 @ S
    size_p, size_t = (np.sqrt(_dot(a, a)) + TINY for a in (p, z2))
    return (z1 + z2) @ S / (size_p * size_t) - _dot(p, z2) * (p @ S + z2) / (size_p**3 * size_t)


def direction(W, x1, x2, setting, *, alpha=1.0, relu=False, formula="gradient"):
    """Minus the gradient of the mean loss with respect to W (M, N), on samples x1, x2 (n, N)."""
    z1, z2 = x1 @ W.T, x2 @ W.T
    on1, on2 = (z1 > 0, z2 > 0) if relu else (1.0, 1.0)
    z1, z2, S = z1 * on1, z2 * on2, predictor(W, alpha).astype(W.dtype)
    if formula == "notebook" and setting == "cos_nosg":
        return (notebook_pull(z1, z2, S) * on1).T @ x1 / len(x1)
    d1, d2 = pulls(z1, z2, S, setting)
    # ReLU's mask before the predictor, not after it
    if formula == "notebook" and setting in ("euc", "euc_nosg"):
        error = (z2 - z1 @ S) * on1
        d1, on1, d2, on2 = error @ S, 1.0, None if d2 is None else -error, 1.0
    step = (d1 * on1).T @ x1
    return (step if d2 is None else step + (d2 * on2).T @ x2) / len(x1)


def simulate(W0, setting, *, formula="gradient", **how) -> ToyRun:
    """Gradient descent with fresh samples at every step from W0 (M, N); one run of `side_by_side`,
    which has the arguments and errors."""
    return side_by_side([(W0, setting, formula)], **how)[0]


def side_by_side(
    runs,
    *,
    steps=1500,
    lr=None,
    samples=2000,
    noise=0.1,
    two_sided=False,
    alpha=1.0,
    rho=0.0,
    relu=False,
    seed=0,
    every=10,
) -> list[ToyRun]:
    """Runs (W0, setting, formula), all with N inputs, on the same fresh samples at every step: what
    happened at every `every`-th step, first and last.

    lr defaults to SETTINGS[setting]. Raises UnknownName, ValueError, or FloatingPointError when a
    W is not finite.
    """
    for _, setting, formula in runs:
        for kind, name, allowed in (
            ("toy setting", setting, SETTINGS),
            ("formula", formula, FORMULAS),
        ):
            if name not in allowed:
                raise UnknownName(kind, name, allowed)
    noise, alpha, rho = (float(p.check(v)) for p, v in ((NOISE, noise), (ALPHA, alpha), (RHO, rho)))
    lrs = [float(LR.check(SETTINGS[setting] if lr is None else lr)) for _, setting, _ in runs]
    Ws = [np.array(W0, np.float32) for W0, _, _ in runs]
    rng, marks, kept = np.random.default_rng(seed), [0], [list(Ws)]
    for step in range(1, steps + 1):
        # once for all runs: drawing takes longer than a step
        x = rng.standard_normal((samples, Ws[0].shape[1]), dtype=np.float32)
        x1, x2 = (
            x + np.float32(noise) * rng.standard_normal(x.shape, dtype=np.float32) if noisy else x
            for noisy in (two_sided and noise > 0, noise > 0)
        )
        for i, (_, setting, formula) in enumerate(runs):
            with np.errstate(all="ignore"):  # what overflows is named below
                pull = direction(Ws[i], x1, x2, setting, alpha=alpha, relu=relu, formula=formula)
            Ws[i] = Ws[i] + np.float32(lrs[i]) * (pull - np.float32(rho) * Ws[i])
            if not np.isfinite(Ws[i]).all():
                raise FloatingPointError(f"{setting}: W left the finite range at step {step}")
        if step % every == 0 or step == steps:
            kept.append(list(Ws))
            marks.append(step)
    paths = (np.array(path, float) for path in zip(*kept, strict=True))
    return [
        ToyRun(np.array(marks), np.linalg.eigvalsh(W @ W.swapaxes(1, 2)).clip(0), W, rate)
        for W, rate in zip(paths, lrs, strict=True)
    ]


def figure2(setting, *, relu=False, formula="gradient", samples=None, seed=0) -> ToyRun:
    """The run of a panel of Fig. 2 (or 6 with relu): ten modes from FIXTURE, 15 inputs, 1500 steps,
    noisy target.

    `samples` a step are 2000, with relu 1000, unless given. Asked for alone again it is not
    computed again.
    """
    return panels([(setting, formula)], relu=relu, samples=samples, seed=seed)[0]


def panels(wanted, *, relu=False, samples=None, seed=0) -> tuple[ToyRun, ...]:
    """The runs of several panels (setting, formula), as `figure2` has one, on the same samples."""
    return _panels(tuple(wanted), relu, samples or (1000 if relu else 2000), seed)


@cache
def _panels(wanted, relu, samples, seed) -> tuple[ToyRun, ...]:
    W0 = encoder(FIXTURE, 15)
    runs = [(W0, setting, formula) for setting, formula in wanted]
    return tuple(side_by_side(runs, relu=relu, samples=samples, seed=seed))
