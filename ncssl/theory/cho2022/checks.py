"""Numbers on which the claims about DINO's two tricks are judged: no-argument functions returning a
float.

Each integrates a flow and compares with an exact answer, in a second or so.
"""

import numpy as np

from ncssl.theory.cho2022.modes import (
    CENTRE,
    apart_rate,
    common_rate,
    ends,
    least_centring,
    least_gamma,
    logits,
)
from ncssl.theory.helpers import check
from ncssl.theory.ode.flow import bisect, numerical_jacobian


@check
def rates() -> float:
    """Max relative error of both rates against the numerical Jacobian at the uniform output, k = 2
    and 5."""
    worst = 0.0
    for k, tau_t, centring in ((2, 0.04, 1.0), (5, 0.04, 0.3), (5, 0.2, 0.9)):
        found = numerical_jacobian(
            logits(3, k), np.zeros(3 * k), tau_t=tau_t, centring=centring, step=1e-6
        )
        along = np.zeros((2, 3, k))
        along[0, :, :2] = [1, -1]  # shared
        along[1, 0, :2], along[1, 1, :2] = [1, -1], [-1, 1]
        exact = common_rate(k, tau_t=tau_t, centring=centring), apart_rate(k, tau_t=tau_t)
        for vector, rate in zip(along.reshape(2, -1), exact, strict=True):
            worst = max(worst, float(np.abs(found @ vector - rate * vector).max() / abs(rate)))
    return worst


@check
def centring_threshold() -> float:
    """Max abs error of 1 - tau_t/tau_s against bisection on the centring, from a shared start,
    three temperatures."""
    tau_t = np.array([0.02, 0.04, 0.08])
    shared = np.tile([1e-3, -1e-3, 0.0], 4)

    def falls(centring):
        path = logits().solve(
            shared, [0, 2.0], tau_t=tau_t, centring=centring, options={"rtol": 1e-9, "atol": 1e-14}
        )
        return np.abs(path.y[-1]).max(-1) < 1e-3

    exact = np.array([least_centring(tau_t=t) for t in tau_t])
    return float(np.abs(bisect(falls, 0.5 * exact, np.ones(3), steps=24) - exact).max())


@check
def gamma_threshold() -> float:
    """Max relative error of the least rate of the centre against the sign of the leading
    eigenvalue, by bisection."""
    tau_t = np.array([0.02, 0.04, 0.08])

    def holds(gamma):
        jacobian = numerical_jacobian(CENTRE, np.zeros((3, 2)), tau_t=tau_t, gamma=gamma, step=1e-6)
        return np.linalg.eigvals(jacobian).real.max(-1) < 0

    exact = np.array([least_gamma(tau_t=t) for t in tau_t])
    return float(np.abs(bisect(holds, 0.5 * exact, 2 * exact, steps=30) / exact - 1).max())


@check
def both() -> float:
    """With both tricks: entropy of the mean less mean entropy at the end, over ln k. 1: sure, and
    all alike in use."""
    each, mean = ends()
    return mean - each


@check
def no_centring() -> float:
    """Entropy of the mean output at the end without centring, over ln k: 0 if all inputs get one
    prototype."""
    return ends(centring=0.0)[1]


@check
def no_sharpening() -> float:
    """Mean entropy of the outputs at the end with a teacher as soft as the student, over ln k: 1 if
    all are uniform."""
    return ends(tau_t=0.1)[0]


@check
def slow_centre() -> float:
    """Largest |u| in the second half of a run at half the least rate of the centre, over 1e-3,
    where it started."""
    path = CENTRE.solve([1e-3, 0.0], np.linspace(0, 2, 401), gamma=0.5 * least_gamma())
    return float(np.abs(path["u"][200:]).max() / 1e-3)
