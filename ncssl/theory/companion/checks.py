"""Numbers on which the companion's own theoretical claims are judged: what five theories share, and
where they part.

Each integrates the flows of `modes` and compares with its exact answers; no arguments, a float,
about a second.
"""

import numpy as np

from ncssl.theory.companion import modes as one
from ncssl.theory.helpers import check
from ncssl.theory.ode.flow import bisect

FAST = {"rtol": 1e-7, "atol": 1e-12}
ALPHAS = np.array([0.25, 0.5, 1.0, 2.0])


def end(method, w0, time=400.0, *, options=FAST, **params):
    """|w| at the end from w0 (balanced where the predictor is learned), without running average."""
    flow = one.FLOWS[method]
    parts = {"w": w0, "p": w0} if method == "learned" else {"w": w0}
    return np.abs(flow.solve(flow.start(**parts), [0, time], options=options, **params)["w"][-1])


def averaged_end(method, w0, v0, beta, time=2000.0, **params):
    """|w| at the end with a running average that starts at v0."""
    flow = one.AVERAGED[method]
    parts = {"w": w0, "v": v0} | ({"p": w0} if method == "learned" else {})
    return np.abs(
        flow.solve(flow.start(**parts), [0, time], options=FAST, beta=beta, **params)["w"][-1]
    )


@check
def learned_is_directpred():
    """Max abs difference between a balanced learned linear predictor and DirectSet(1/2), over time
    and six starts."""
    w0, times = np.array([0.05, 0.1, 0.15, 0.3, 0.8, 1.2]), np.linspace(0, 60, 61)
    a = one.FLOWS["learned"].solve(one.FLOWS["learned"].start(w=w0, p=w0), times, eta=0.1)
    b = one.FLOWS["set"].solve(w0[:, None], times, eta=0.1, alpha=0.5)
    return float(np.abs(a["w"] - b["w"]).max())


@check
def one_threshold_for_every_alpha():
    """Max relative error of b^2/(4k) against bisection on eta, alpha = 1/4, 1/2, 1, 2, two
    augmentation variances."""
    sigma2 = np.array([[0.25], [1.0]])
    exact = one.threshold("set", sigma2=sigma2) + 0 * ALPHAS
    # where the two fixed points meet: above it w grows
    top = (1 / (2 * (1 + sigma2))) ** (1 / (2 * ALPHAS))

    def dies(eta):
        return end("set", top, 60.0, eta=eta, sigma2=sigma2, alpha=ALPHAS) < top

    return float(np.abs(bisect(dies, 0.5 * exact, 2 * exact, steps=26) / exact - 1).max())


@check
def edges():
    """Max relative error of the basin edge against bisection on w0, alpha = 1/4, 1/2, 1, 2."""
    exact = one.edge("set", alpha=ALPHAS)

    def survives(w0):
        return end("set", w0, 100.0, alpha=ALPHAS) > exact

    return float(np.abs(bisect(survives, 0.5 * exact, 1.5 * exact, steps=20) / exact - 1).max())


@check
def iso_forgets_no_mode():
    """Max relative error of the end of IsoLoss from w0 = 1e-4 against its level, eta = .05 to .9
    (threshold 1)."""
    eta = np.array([0.05, 0.2, 0.5, 0.9])
    exact = np.sqrt(one.level("iso", eta=eta))
    return float(np.abs(end("iso", np.full(4, 1e-4), 1000.0, eta=eta) / exact - 1).max())


@check
def closed_forms_die_together():
    """Largest |w| at the end of DirectPred and DirectCopy from w0 = 1 at 1.05 of the threshold that
    they share."""
    eta = 1.05 * float(one.threshold("set"))
    return float(end("set", np.ones(2), 1000.0, eta=eta, alpha=np.array([0.5, 1.0])).max())


@check
def augmentation_filter():
    """Max relative error of the largest augmentation variance that survives, b^2/(4 eta) - b, by
    bisection, 3 eta."""
    eta = np.array([0.05, 0.1, 0.2])
    exact = 1 / (4 * eta) - 1

    def dies(sigma2):
        top = 1 / (2 * (1 + sigma2))
        return end("set", top, 100.0, eta=eta, sigma2=sigma2) < top

    return float(np.abs(bisect(dies, 0.5 * exact, 2 * exact, steps=26) / exact - 1).max())


@check
def average_moves_no_level():
    """Max relative change of the final level by a running average, beta = .05, .4, 5, all methods
    with a target."""
    beta, worst = np.array([0.05, 0.4, 5.0]), 0.0
    for method in one.AVERAGED:
        exact = np.sqrt(one.level(method))
        ends = averaged_end(method, np.full(3, 0.9), 0.9, beta, 600.0)
        worst = max(worst, float(np.abs(ends / exact - 1).max()))
    return worst


def average_edges(betas=(5.0, 1.0, 0.4, 0.2)):
    """Edge of w0 under DirectPred when the running average starts empty (v0 = 0), for each beta."""
    beta = np.array(betas)

    def survives(w0):
        return averaged_end("set", w0, 0.0, beta, 150.0) > 0.3

    return bisect(survives, np.full(len(beta), 0.01), np.full(len(beta), 1.0), steps=12)


@check
def slow_average_forgets_more():
    """Smallest step of the edge when an empty running average gets slower: DirectPred loses more
    modes."""
    return float(np.diff(average_edges()).min())


@check
def slow_average_forgets_nothing_under_iso():
    """Max relative error of the end of IsoLoss from w0 = 1e-3 with an empty average against its
    level, three beta."""
    exact = np.sqrt(one.level("iso"))
    return float(
        np.abs(
            averaged_end("iso", np.full(3, 1e-3), 0.0, np.array([5.0, 0.4, 0.2]), 600.0) / exact - 1
        ).max()
    )


@check
def level_grows_with_alpha():
    """Smallest step of the integrated final s along alpha = 1/4, 1/2, 1, 2."""
    return float(np.diff(end("set", np.full(4, 0.95), alpha=ALPHAS) ** 2).min())


@check
def iso_is_faster():
    """Time to half of DirectPred over that of IsoLoss, from w0 = 0.15, just above DirectPred's
    edge."""
    return one.time_to_half("set", 0.15) / one.time_to_half("iso", 0.15)


@check
def decorrelation_as_in_liu2022():
    """Max abs difference of k s at rest from max(0, 1 - s'/(lambda (1 + s'))), liu2022's closed
    form, three lambdas."""
    lambda_, sigma2 = np.array([0.4, 1.0, 5.0]), 0.5
    ends = end("apart", np.full(3, 0.1), 200.0, eta=0.0, lambda_=lambda_, sigma2=sigma2)
    exact = np.maximum(0, 1 - sigma2 / (lambda_ * (1 + sigma2)))
    return float(np.abs((1 + sigma2) * ends**2 - exact).max())
