"""The rows of Table 3 of Liu, Suganuma and Okatani (2022) in a linear network that sees the whole
population. Ours.

Isotropic data: mean image b I, augmentation s I, so views have second moment k I with k = b + s.
The encoder is W (d, d_in), features are W x, or with STD the features divided by their standard
deviation, row by row.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from ncssl.theory.helpers import mat
from ncssl.theory.liu2022.constrained import known
from ncssl.theory.liu2022.modes import LAMBDA, NO_ETA, B, S
from ncssl.theory.ode.flow import Flow, pack, unpack


@dataclass(frozen=True)
class Row:
    """A row of Table 3: which of COV, STD, I-PRED and the stop-gradient are on, and whether the
    paper says COLLAPSE."""

    cov: bool
    std: bool
    ipred: bool
    stop: bool
    collapses: bool

    @property
    def label(self) -> str:
        """The names of what is on, as in the paper's header; "nothing" when all are off."""
        names = {"COV": self.cov, "STD": self.std, "I-PRED": self.ipred, "stop-gradient": self.stop}
        return " + ".join(name for name, on in names.items() if on) or "nothing"


ROWS = (
    Row(False, False, False, False, True),
    Row(True, False, False, False, True),
    Row(False, True, False, False, False),
    Row(True, True, False, False, False),
    Row(False, False, True, False, True),
    Row(True, False, True, False, False),
    Row(False, True, True, False, False),
    Row(True, True, True, False, False),
    Row(False, True, True, True, False),
)
# the same row with a learned predictor
LAST_ROW_READ_OTHERWISE = Row(False, True, False, True, False)


def standardised(W, k):
    """W (..., d, d_in) with rows over the standard deviations of their features, and those
    deviations (..., d, 1).

    Raises ValueError where a row is zero: such a feature has no standardised form.
    """
    sigma = np.sqrt(mat(k) * (W * W).sum(-1, keepdims=True))
    if (sigma == 0).any():
        raise ValueError(
            "a row of W was zero; allowed: rows whose feature has a standard deviation > 0"
        )
    return W / sigma, sigma


def pull_back(g, W, sigma, k):
    """Gradient with respect to the plain encoder from g, that with respect to the standardised one,
    W / sigma.

    Orthogonal to each row of the encoder, whose length it therefore leaves alone.
    """
    return (g - mat(k) * (g * W).sum(-1, keepdims=True) * W) / sigma


def loss(V, Wp, lam, b, s, constraint="eq 15"):
    """Population loss 1/2 (E|Wp V x1 - V x2|^2 + lam |constraint|_F^2) at features V x: liu2022,
    eq. 15 and 17.

    The constraint is Wp^T Wp - C ("eq 15") or Wp^T Wp - Wp C Wp^T ("eq 17"), C = (b+s) V V^T. Eq.
    17 as printed is this with lam = c_cov/(d c_inv), times 2 c_inv. Raises UnknownName for another
    constraint.
    """
    F, k, b = V @ V.mT, mat(b + s), mat(b)
    invariance = np.trace(k * Wp @ F @ Wp.mT - 2 * b * Wp @ F + k * F, axis1=-2, axis2=-1)
    return 0.5 * (invariance + lam * (_miss(Wp, k * F, constraint) ** 2).sum((-2, -1)))


def _miss(Wp, C, constraint):
    return Wp.mT @ Wp - (C if known(constraint) == "eq 15" else Wp @ C @ Wp.mT)


def gradients(V, Wp, lam, b, s, constraint="eq 15", stop=False):
    """(dL/dV, dL/dWp) of `loss`; with `stop`, V x2 is held constant in the invariance term."""
    k, b, lam = mat(b + s), mat(b), mat(lam)
    F, gram = V @ V.mT, Wp.mT @ Wp
    dWp = k * Wp @ F - b * F
    dV = k * gram @ V - b * Wp.mT @ V
    if not stop:
        dV = dV + k * V - b * Wp @ V
    miss = _miss(Wp, k * F, constraint)
    if constraint == "eq 15":
        return dV - 2 * lam * k * miss @ V, dWp + 2 * lam * Wp @ miss
    return dV - 2 * lam * k * Wp.mT @ miss @ Wp @ V, dWp + 2 * lam * (
        Wp @ miss - miss @ Wp @ (k * F)
    )


def toy_rhs(t, y, q, *, state, row, constraint):
    """Gradient flow of `loss` with weight decay, in the variant of a row of Table 3."""
    W, *rest = unpack(y, state)
    Wp = rest[0] if rest else np.eye(W.shape[-2])
    V, sigma = standardised(W, q["b"] + q["s"]) if row.std else (W, None)
    dV, dWp = gradients(V, Wp, q["lambda_"] * row.cov, q["b"], q["s"], constraint, row.stop)
    dW = pull_back(dV, V, sigma, q["b"] + q["s"]) if row.std else dV
    moves = [-dW - mat(q["eta"]) * W]
    return pack(moves if row.ipred else [*moves, -dWp - mat(q["eta"]) * Wp], state)


def row_lengths(t, y, q, *, state):
    """|w_i|^2 e^{2 eta t} for each row i of W, constant along the flow where STD is on: (...,
    d)."""
    W = unpack(y, state)[0]
    return (W * W).sum(-1) * np.exp(2 * q["eta"] * t)[..., None]


def toy_flow(d: int, d_in: int, row: Row, *, constraint: str = "eq 15") -> Flow:
    """The flow of a row of Table 3: state W (d, d_in), and Wp (d, d) unless I-PRED. Parameters b,
    s, lambda_, eta.

    `lambda_` counts only where COV is on. Raises UnknownName for a constraint that does not exist.
    """
    known(constraint)
    state = {"W": (d, d_in)} | ({} if row.ipred else {"Wp": (d, d)})
    invariants = {"lengths of rows": partial(row_lengths, state=state)} if row.std else {}
    return Flow(
        f"toy, {row.label}",
        "ours, for Table 3 of liu2022",
        state,
        partial(toy_rhs, state=state, row=row, constraint=constraint),
        (B, S, LAMBDA, NO_ETA),
        invariants=invariants,
    )


def second_moment(W, row: Row, b=1.0, s=0.5):
    """C = (b+s) V V^T of the features of a row, V standardised where STD is on: (..., d, d)."""
    V = standardised(W, b + s)[0] if row.std else W
    return (b + s) * V @ V.mT
