"""The checks of liu2022 on the derived method: eq. 17, Table 3 in the toy, standardising,
partitions."""

import numpy as np

from ncssl.theory.helpers import check, complex_step
from ncssl.theory.liu2022 import constrained, modes, runs, static, toy
from ncssl.theory.liu2022 import matrix as linear
from ncssl.theory.ode.flow import bisect


@check
def eq17_zero_set():
    """Max abs entry of C - I where the term of eq. 17 vanishes, random symmetric invertible Wp."""
    a = np.random.default_rng(0).normal(size=(20, 5, 5))
    symmetric = (a + a.swapaxes(-1, -2)) / 2 + 6 * np.eye(5)
    return float(np.abs(static.zero_set(symmetric) - np.eye(5)).max())


@check
def eq17_zero_set_any():
    """|C - I|_F where the term of eq. 17 vanishes, smallest over 20 random Wp that are not
    normal."""
    C = static.zero_set(np.random.default_rng(0).normal(size=(20, 5, 5)))
    return float(np.linalg.norm(C - np.eye(5), axis=(-2, -1)).min())


@check
def replacement_exact():
    """Relative change of the constraint by F1 -> Wp F2 where the invariance error is zero in both
    directions."""
    rng = np.random.default_rng(1)
    Q = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    Wp, F1 = Q @ np.diag([1.0, 1, -1, 1, -1]) @ Q.T, rng.normal(size=(5, 9))  # Wp^2 = I
    F2 = Wp @ F1
    before, after = runs.gram(Wp) - F1 @ F1.T, runs.gram(Wp) - Wp @ F2 @ F2.T @ Wp.T
    return float(np.linalg.norm(before - after) / np.linalg.norm(before))


@check
def replacement_at_equilibrium():
    """|Wp^T Wp - Wp C Wp^T| / |Wp^T Wp| where eq. 14 holds: whitened inputs, stop-gradient, end of
    a run."""
    s = 0.25
    run = runs.network_run(np.full(8, 1 - s), s=s, eta=0.01, end=1500.0, points=3)
    Wp, C = run["Wp"][-1], run["C"][-1]
    if linear.relative_gap(runs.gram(Wp), C).max() > 1e-6:
        return np.nan  # eq. 14 does not hold there: the question has no answer
    return float(linear.relative_gap(runs.gram(Wp), Wp @ C @ Wp.swapaxes(-1, -2)).min())


@check
def table3_rows():
    """Rows of Table 3, of nine, whose collapse or not the toy repeats from every start (three
    starts each)."""
    found = runs.table3(end=30.0, points=3, options={"rtol": 1e-6})[: len(toy.ROWS)]
    return float(sum(fell == row.collapses for row, _, fell in found))


@check
def table3_categories():
    """Of five answers, how many are the paper's: nothing, COV, I-PRED collapse; STD, COV with
    I-PRED do not."""
    rows = [
        row for row in toy.ROWS if row.label in ("nothing", "COV", "I-PRED", "STD", "COV + I-PRED")
    ]
    return float(
        sum(runs.collapsed(runs.toy_run(row, end=30.0, points=3)) == row.collapses for row in rows)
    )


@check
def table3_last_row():
    """Readings of the last row of Table 3, of two, under which the toy does not collapse, as the
    paper says."""
    readings = (toy.ROWS[-1], toy.LAST_ROW_READ_OTHERWISE)
    return float(sum(not runs.collapsed(runs.toy_run(row)) for row in readings))


@check
def cov_alone_little_noise():
    """Trace of C at the end over the start with COV alone, learned predictor, s = .01, lambda 1,
    near the identity."""
    row = next(row for row in toy.ROWS if row.label == "COV")
    run = runs.toy_run(row, kind="identity", s=0.01, end=200.0)
    return float((run["trace"][-1] / run["trace"][0]).max())


@check
def cov_alone_threshold():
    """Max relative error of the lambda from which COV alone can hold a mode, by bisection, 3
    settings (ours)."""
    worst = 0.0
    for name, s in (("eq 15", np.array([0.01])), ("eq 17", np.array([0.01, 0.1]))):
        exact, p = np.array([constrained.critical(1.0, x, name) for x in s]).T
        w, flow = constrained.rest_w(p, 1.0, s, name), constrained.LEARNED[name]

        def end(lam, time, flow=flow, s=s, start=(p, w)):
            return flow.solve(np.stack(start, -1), [0, time], options=runs.FAST, s=s, lambda_=lam)[
                "w"
            ][-1]

        found = bisect(
            lambda lam, end=end, w=w: end(lam, 10.0) > w, 0.5 * exact, 2 * exact, steps=34
        )
        sure = (end(1.01 * found, 3000.0) > w).all() and (end(0.99 * found, 3000.0) < 1e-6).all()
        worst = max(worst, float(np.abs(found / exact - 1).max()) if sure else np.inf)
    return worst


@check
def std_keeps_dimensions():
    """Fewest dimensions of six that keep variance with STD and without COV, learned predictor,
    Gaussian starts."""
    row = next(row for row in toy.ROWS if row.label == "STD")
    return float(runs.alive(runs.toy_run(row)["C"][-1], 0.01).min())


@check
def std_cov_whitens():
    """Largest |corr - I|^2 at the end with STD and COV of eq. 17, Gaussian starts of Wp."""
    row = next(row for row in toy.ROWS if row.label == "COV + STD")
    return float(linear.decorrelation(runs.toy_run(row, end=200.0)["C"][-1]).max())


@check
def std_cov_ipred_whitens():
    """The same with I-PRED, where eq. 17 and eq. 15 are one."""
    row = next(row for row in toy.ROWS if row.label == "COV + STD + I-PRED")
    return float(linear.decorrelation(runs.toy_run(row)["C"][-1]).max())


@check
def std_raw_cov_whitens():
    """The same with a learned predictor and the constraint of eq. 15 as it stood before the
    replacement."""
    row = next(row for row in toy.ROWS if row.label == "COV + STD")
    return float(linear.decorrelation(runs.toy_run(row, constraint="eq 15")["C"][-1]).max())


@check
def ipred_equilibrium():
    """Max abs error of the eigenvalues of C with COV and I-PRED against max(0, 1 -
    s/(lambda(1+s))), 4 lambdas."""
    row = next(row for row in toy.ROWS if row.label == "COV + I-PRED")
    lam = np.array([0.2, 0.5, 1.0, 5.0])
    flow = toy.toy_flow(4, 8, row)
    W = runs.weights(4, 8, "gaussian", seeds=4)[0]
    end = flow.solve(flow.start(W=W), [0, 200.0], options=runs.FAST, lambda_=lam)["W"][-1]
    values = np.linalg.eigvalsh(toy.second_moment(end, row))
    return float(np.abs(values - constrained.ipred_equilibrium(lam)[:, None]).max())


@check
def ipred_critical():
    """Max relative error of the lambda at which I-PRED without STD starts to survive, by bisection,
    3 values of s."""
    s = np.array([0.5, 0.1, 2.0])
    exact = constrained.ipred_critical(1.0, s)

    def grows(lam):
        start = constrained.IPRED.start(c=np.full(3, 1e-8))
        return (
            constrained.IPRED.solve(start, [0, 100.0], options=runs.FAST, lambda_=lam, s=s)["c"][-1]
            > 1e-8
        )

    return float(np.abs(bisect(grows, 0.5 * exact, 2 * exact) / exact - 1).max())


@check
def stop_gradient_halves():
    """Max error of the ratio 1/2 of the gradient with stop-gradient to that without, cosine loss,
    no predictor."""
    rng = np.random.default_rng(2)
    W, X1, X2 = rng.normal(size=(4, 6)), *rng.normal(size=(2, 6, 9))

    def cosine(A):
        Z1, Z2 = A @ X1, A @ X2
        return -((Z1 * Z2).sum(0) / np.sqrt((Z1**2).sum(0) * (Z2**2).sum(0))).mean()

    _, d1, d2 = static.cosine_gradients(W @ X1, W @ X2)
    with_stop = 0.5 * d1 @ X1.T + 0.5 * d2 @ X2.T  # 1/2 D(z1, sg z2) + 1/2 D(z2, sg z1)
    without = complex_step(cosine, W)
    return float(np.abs(with_stop / without - 0.5).max())


@check
def no_stop_gradient_collapse():
    """Largest trace of C at t = 20 over the start without stop-gradient, learned predictor, eta = 0
    and .05."""
    row = toy.ROWS[0]
    ends = [runs.toy_run(row, eta=eta, end=20.0, points=3)["trace"] for eta in (0.0, 0.05)]
    return float(max((trace[-1] / trace[0]).max() for trace in ends))


@check
def stop_gradient_survives():
    """Smallest trace of C at t = 400 with the stop-gradient, no STD, no COV, same starts, eta =
    .05."""
    run = runs.network_run(np.ones(12), d=6, kind="gaussian", points=3)
    return float(np.trace(run["C"][-1], axis1=-2, axis2=-1).min())


@check
def standardised_diagonal():
    """Max abs error of the diagonal of F F^T after standardising against (n-1)/n, n = 100."""
    F = static.standardise(np.random.default_rng(3).normal(2.0, 3.0, size=(5, 100)))
    return float(np.abs(np.diag(F @ F.T) - static.standardised_diagonal(100)).max())


@check
def partition_floor():
    """Max relative error of the sampled noise floor of one partition against d(d+1)/n', 3 sizes
    (ours)."""
    rng, worst = np.random.default_rng(4), 0.0
    for d, n in ((32, 16), (16, 64), (8, 8)):
        found = static.sampled_floor(d, n, rng, 2000).mean()
        worst = max(worst, abs(float(found) / float(static.partition_floor(d, n)) - 1))
    return worst


@check
def partition_weight():
    """Weight of the same decorrelation error under eq. 19 with k = 32 parts over that with k = 1
    (noise aside)."""
    d, n = 4, 32 * 64
    F = np.tile(
        np.linalg.cholesky(np.eye(d) + 0.3)
        @ np.linalg.qr(
            # every part alike
            np.random.default_rng(5).normal(size=(64, d))
        )[0].T
        * np.sqrt(64),
        32,
    ) / np.sqrt(n)
    terms = {}
    for k in (1, 32):
        parts = np.stack(np.split(F, k, axis=1)) * np.sqrt(k)
        terms[k] = ((np.eye(d) - parts @ parts.swapaxes(-1, -2)) ** 2).sum()
    return float(terms[32] / terms[1])


@check
def mode_equilibrium():
    """Max abs error of the end of integrated modes against [b + sqrt(b^2 - 4 eta (b+s))]/(2(b+s)),
    3 settings."""
    b, s, eta = np.array([1.0, 2.0, 0.25]), np.array([0.5, 0.1, 0.1]), np.array([0.05, 0.03, 0.03])
    end = modes.MODE.solve(modes.MODE.start(p=0.9, w=np.ones(3)), [0, 2000.0], b=b, s=s, eta=eta)[
        "p"
    ][-1]
    return float(np.abs(end - modes.p_plus(b, s, eta)).max())
