"""Numbers on which the claims of Wen and Li (2022) are judged in the toy: no-argument functions
returning a float.

Thresholds are ours. Random starts: d = 100, alpha = (6, 3), m = 4, P = 8, sigma = 1, followed to t
= 1e6 = d^3; "biased" starts are those in which, without a head, v_1 would win in both neurons.
"""

import numpy as np

from ncssl.theory.helpers import check
from ncssl.theory.wen2022 import exact, measure, model
from ncssl.theory.wen2022.flows import population_flow
from ncssl.theory.wen2022.many import ablation, far, learning_rates, log_times, starts
from ncssl.theory.wen2022.runs import CANONICAL, HALFWAY, canonical, start

SEEDS, FEW = 160, 64


def _share(name, seeds=FEW, outcome="both features", **kwargs):
    return measure.shares(ablation(name, seeds, **kwargs))[outcome]


@check
def head_share():
    """Share of 160 biased random starts that end with both features, off-diagonal head trained."""
    return _share("head", SEEDS)


@check
def head_gain():
    """head_share minus the same without a head."""
    return head_share() - _share("no head")


@check
def no_head_share():
    """Share of 64 biased random starts that end with v_1 in both neurons, no head."""
    return _share("no head", outcome="only v_1")


@check
def no_head_share_any_start():
    """The same over 64 random starts of any kind."""
    return _share("no head", outcome="only v_1", in_regime=False)


@check
def no_head_rest():
    """sqrt(d) |b_j2| at the end without a head, largest of both neurons of 64 biased starts (exact
    end points)."""
    b, u, _ = starts(FEW)
    q = population_flow().check()
    ends = [exact.end_without_head(b[i, j], u[i, j], q)[1] for i in range(FEW) for j in range(2)]
    return float(10 * np.max(ends))


def _long(head):
    """The canonical start followed to t = 1e8, where next to no noise is left."""
    parts = [np.array(x)[None] for x in start(CANONICAL)]
    return far(parts, log_times(1e8), switches=model.variant(head=head)).of(0)


def _end_statistics(head):
    run = _long(head)
    return model.statistics(run.b[-1], run.u[-1], run.E[-1], run.q)


@check
def no_head_correlation():
    """Largest distance of a neuron's cross-view correlation from (m-1)/(m+1), no head, t = 1e8."""
    return float(np.abs(_end_statistics("none")["corr"] - exact.max_correlation(4)).max())


@check
def loss_gap():
    """Larger distance from 2 - 2(m-1)/(m+1) of the losses of the collapsed and of the full
    solution, t = 1e8."""
    losses = [_end_statistics(head)["loss"] for head in ("none", "off-diagonal")]
    return float(np.abs(np.array(losses) - exact.lowest_loss(4)).max())


@check
def head_peak():
    """Peak of |E_21|, canonical gradient descent."""
    return float(np.abs(canonical().E[:, 1, 0]).max())


@check
def head_fall():
    """|E_21| at the end over its peak, canonical gradient descent."""
    return float(abs(canonical().E[-1, 1, 0]) / head_peak())


@check
def head_returns():
    """Largest end over peak of the off-diagonals among the random starts that learn both
    features."""
    run = ablation("head", SEEDS)
    size = measure.off_diagonal(run.E)[:, measure.outcome(run.b[-1], run.u[-1]) == "both features"]
    return float((size[-1] / size.max(0)).max())


@check
def substitution_first():
    """Time at which |b_22| has doubled over the time at which rho_sub passes 1, canonical."""
    run = canonical()
    doubled = measure.first_time(run.times, np.abs(run.b[:, 1, 1]) >= 2 * CANONICAL[1, 1])
    return doubled / measure.phases(run)["substitution"]


def _at_half():
    run = canonical()
    return run, int((np.abs(run.b[:, 0, 0]) >= measure.HALF).argmax())


@check
def follower_waits():
    """|b_21| when |b_11| passes 0.5, canonical."""
    run, i = _at_half()
    return float(abs(run.b[i, 1, 0]))


@check
def head_near_identity():
    """Largest |off-diagonal| when |b_11| passes 0.5, canonical."""
    run, i = _at_half()
    return float(measure.off_diagonal(run.E[i]))


@check
def phases_apart():
    """Time of rho_sub > 1 over time of |b_11| = 0.5, canonical: above 1 where substitution follows
    learning."""
    events = measure.phases(canonical())
    return events["substitution"] / events["learned v_1"]


def _halfway(E21, **options):
    flow = population_flow(**options)
    b, u, _ = start(HALFWAY)
    E = np.tile(np.eye(2), (len(E21), 1, 1))
    E[:, 1, 0] = E21
    return flow.field(flow.start(b=b, u=u, E=E))[:, 2:4]


def _acceleration(E21, **options):
    rate = _halfway(np.atleast_1d(E21), **options) / HALFWAY[1]
    return rate[:, 1] / rate[:, 0]


@check
def acceleration_without_head():
    """A at E_21 = 0, half-way weights."""
    return float(_acceleration(0.0)[0])


@check
def acceleration_with_head():
    """A at E_21 = 0.3, half-way weights."""
    return float(_acceleration(0.3)[0])


@check
def absolute_acceleration():
    """Speed of b_22 at E_21 = 0.3 over that at 0, half-way weights."""
    rate = _halfway(np.array([0.0, 0.3]))[:, 1]
    return float(rate[1] / rate[0])


@check
def acceleration_formula():
    """Largest relative error of the closed form of A(E_21), 50 random weights."""
    rng = np.random.default_rng(0)
    b, u, E21 = 0.5 * rng.normal(size=(50, 2, 2)), rng.normal(size=(50, 2, 2)), rng.normal(size=50)
    E = np.tile(np.eye(2), (50, 1, 1))
    E[:, 1, 0] = E21
    flow = population_flow()
    rate = flow.field(flow.start(b=b, u=u, E=E))[:, 2:4] / b[:, 1]
    return float(
        np.abs(
            rate[:, 1] / rate[:, 0] / exact.acceleration_formula(b, u, E21, flow.check()) - 1
        ).max()
    )


@check
def asymmetry():
    """Peak of |E_12| over peak of |E_21|, canonical."""
    return float(np.abs(canonical().E[:, 0, 1]).max() / head_peak())


@check
def sign_of_head():
    """Share of the learned random starts in which the follower's entry has the sign of b_11 b_21 at
    its peak."""
    run = ablation("head", SEEDS)
    run = run.of(measure.outcome(run.b[-1], run.u[-1]) == "both features")
    lead, n = measure.leader(run), np.arange(run.b.shape[1])
    entry, first = run.E[:, n, 1 - lead, lead], run.b[0, n, :, 0].prod(-1)
    peak = entry[np.abs(entry).argmax(0), n]
    return float((np.sign(peak) == np.sign(first)).mean())


@check
def no_stop_gradient_share():
    """Share of 64 biased random starts that end with both features, no stop-gradient."""
    return _share("no stop-gradient")


@check
def online_stop_gradient_share():
    """The same with the stop-gradient on the online side."""
    return _share("stop-gradient on the online side")


@check
def detached_share():
    """The same with batch statistics as constants of the gradient."""
    return _share("statistics detached")


@check
def no_normalisation_share():
    """The same without normalisation (squared error of raw outputs)."""
    return _share("no normalisation")


@check
def detached_acceleration():
    """Spread of A over E_21 = 0, 0.1, 0.3, 1, half-way weights, batch statistics detached."""
    return float(np.ptp(_acceleration(np.array([0.0, 0.1, 0.3, 1.0]), normalisation="detached")))


@check
def head_rate_slope():
    """Distance from 1/2 of the log-log slope of the median peak |E| over eta_E/eta = 0.1, 0.3, 1,
    3, 10."""
    ratios = (0.1, 0.3, 1.0, 3.0, 10.0)
    peaks = [np.median(measure.off_diagonal(run.E).max(0)) for run in learning_rates(ratios)]
    return float(abs(np.polyfit(np.log(ratios), np.log(peaks), 1)[0] - 0.5))


@check
def balance_law():
    """Largest relative drift of |w_r|^2 + (3 eta/eta_E)(row_r^2 - column_r^2), three neurons,
    random start."""
    rng = np.random.default_rng(3)
    flow = population_flow(3)
    y0 = flow.start(b=0.3 * rng.normal(size=(3, 2)), u=0.6 * rng.normal(size=(3, 3)), E=np.eye(3))
    run = flow.solve(y0, np.linspace(0, 20, 41), ratio=0.5)
    value = flow.invariants["balance"](run.times, run.y, flow.check(ratio=0.5))
    return float(np.abs(value / value[0] - 1).max())


@check
def rivalry_law():
    """Largest relative drift of 1/(p_1 alpha_1^6 b_j1^4) - 1/(p_2 alpha_2^6 b_j2^4) without a head,
    canonical start."""
    flow = population_flow(head="none")
    b, u, E = start(CANONICAL)
    run = flow.solve(flow.start(b=b, u=u, E=E), np.linspace(0, 200, 41))
    value = flow.invariants["rivalry"](run.times, run.y, flow.check())
    return float(np.abs(value / value[0] - 1).max())


@check
def no_head_end():
    """Largest error of b at t = 1e6 without a head against the exact end, canonical, on the circle
    of what is left."""
    flow, errors = population_flow(head="none"), []
    b, u, E = start(CANONICAL)
    run = flow.solve(flow.start(b=b, u=u, E=E), [0, 1e6], options={"rtol": 1e-9})
    for j in range(2):
        left = run["u"][-1, j]  # noise falls as a power of time: take the length that is in b now
        ends = exact.end_without_head(b[j], [np.sqrt(1 - (left**2).sum())], flow.check())
        errors.append(np.abs(run["b"][-1, j] - ends).max())
    return float(max(errors))
