"""The mathematics of the explorers against ncssl.theory, to 1e-6."""

import json

import numpy as np
import pytest
from stills import FOLDER, KEYS, evaluate

from ncssl.theory import theory

MODELS = ("numerics", *(f"{key}_model" for key in KEYS))


@pytest.fixture(scope="module")
def js(chromium, tmp_path_factory):
    """A function from an expression of JavaScript and named values to its value, beside the models
    and nothing else."""
    page = tmp_path_factory.mktemp("models") / "models.html"
    scripts = "".join(
        f'<script src="{(FOLDER / f"{name}.js").as_uri()}"></script>' for name in MODELS
    )
    page.write_text(f"<!doctype html><title>models</title>{scripts}")

    def run(code: str, **values):
        if chromium.target is None or evaluate(chromium, "document.title") != "models":
            assert chromium.visit(page.as_uri())["errors"] == []
        names = "".join(f"const {name} = {json.dumps(value)};" for name, value in values.items())
        return json.loads(
            evaluate(chromium, f"(() => {{ {names} return JSON.stringify({code}); }})()")
        )

    return run


def close(ours, theirs):
    """True within 1e-6, absolute and relative; None and NaN, infinity included, are the same
    absence."""
    ours, theirs = (np.array(x, float) for x in (ours, theirs))
    return np.allclose(
        np.where(np.isfinite(ours), ours, -1), np.where(np.isfinite(theirs), theirs, -1), 1e-6, 1e-6
    )


TIAN = [
    {"eta": 0.1, "sigma2": 0.25, "tau": 1.0, "alpha_p": 1.0},
    {"eta": 0.02, "sigma2": 1.5, "tau": 0.7, "alpha_p": 3.0},
    {"eta": 0.3, "sigma2": 0.0, "tau": 1.0, "alpha_p": 0.5},
    {"eta": 0.0, "sigma2": 0.5, "tau": 1.2, "alpha_p": 1.0},
    {"eta": 0.2, "sigma2": 0.25, "tau": 1.0, "alpha_p": 2.0},
]


@pytest.mark.parametrize("q", TIAN)
def test_fixed_points_and_threshold_are_those_of_tian(js, q):
    known = theory("tian2021").describe(**q)
    assert close(js("ncssl.modes.critical(q)", q=q), known["eta_critical"])
    points = js("ncssl.modes.points(q)", q=q)
    assert [(p["name"], p["stability"]) for p in points] == [
        (p["name"], p["stability"]) for p in known["fixed_points"]
    ]
    for ours, theirs in zip(points, known["fixed_points"], strict=True):
        assert close(
            [ours["p"], ours["s"], *ours["eigenvalues"]],
            [theirs["p"], theirs["s"], *theirs["eigenvalues"]],
        )


@pytest.mark.parametrize("q", TIAN)
def test_runs_of_modes_are_those_of_tian(js, q):
    times, starts = np.linspace(0, 30, 13), np.array([[0.1, 0.03], [-0.35, 0.6], [0.95, 0.09]])
    flow = (
        theory("tian2021")
        .FLOWS["fixed tau"]
        .solve(starts, times, options={"rtol": 1e-10, "atol": 1e-12}, **q)
    )
    for i, (p, s) in enumerate(starts.tolist()):
        ours = js(
            "ncssl.modes.trajectory(p, s, q, false, 0, {times})",
            p=p,
            s=s,
            q=q,
            times=times.tolist(),
        )
        assert close(np.transpose([ours["p"], ours["s"]]), flow.y[:, i])
    averaged, beta = theory("tian2021").FLOWS["scalars"], 0.4
    w = np.sqrt(starts[:, 1])
    y0 = np.stack([starts[:, 0], w, 0.5 * w], axis=-1)
    more = {
        "ld": 1.0,
        "ls": 1 + q["sigma2"],
        "eta": q["eta"],
        "alpha_p": q["alpha_p"],
        "beta": beta,
    }
    flow = averaged.solve(y0, times, options={"rtol": 1e-10, "atol": 1e-12}, **more)
    for i, (p, s) in enumerate(starts.tolist()):
        q = q | {"beta": beta, "tau": 0.5}
        ours = js(
            "ncssl.modes.trajectory(p, s, q, true, 0, {times})", p=p, s=s, q=q, times=times.tolist()
        )
        assert close(
            np.transpose([ours["p"], ours["s"]]), np.stack([flow["wp"], flow["w"] ** 2], -1)[:, i]
        )


@pytest.mark.parametrize("q", TIAN[:2])
def test_the_edge_drawn_parts_the_runs_that_live_from_those_that_die(js, q):
    edge = np.array(js("ncssl.modes.basinEdge(q, [-0.5, 1.1, 0.8])", q=q))
    edge = edge[(edge[:, 0] > -0.5) & (edge[:, 0] < 1.1)][::10]
    assert len(edge) > 5
    ends = [
        theory("tian2021")
        .FLOWS["fixed tau"]
        .solve(edge * [1, f], np.array([0.0, 1200.0]), **q)["p"][-1]
        for f in (1 - 1e-3, 1 + 1e-3)
    ]
    plus = theory("tian2021").describe(**q)["p_plus"]
    assert (np.abs(ends[0]) < 1e-2).all() and np.allclose(ends[1], plus, atol=1e-2)
    fates = js(
        "points.map(([p, s]) => [0.999, 1.001].map(f => ncssl.modes.outcome("
        "ncssl.modes.trajectory(p, f * s, q, false, 1200), q)))",
        points=edge.tolist(),
        q=q,
    )
    assert fates == [["collapses", "survives"]] * len(edge)
    assert js("ncssl.modes.basinEdge(q, [-0.5, 1.1, 0.8])", q=q | {"eta": 1.0}) == []


HALVAGAL = [
    {"alpha": 1.0, "sigma2": 0.0, "rho": 0.0},
    {"alpha": 0.5, "sigma2": 0.3, "rho": 0.02},
    {"alpha": 2.0, "sigma2": 0.1, "rho": 0.15},
    {"alpha": 1.0, "sigma2": 0.0, "rho": 0.3},
]


@pytest.mark.parametrize("q", HALVAGAL)
@pytest.mark.parametrize("loss", ["euc", "euc_iso", "euc_nosg", "euc_nopred"])
def test_the_race_is_that_of_halvagal(js, loss, q):
    module, times = theory("halvagal2023"), np.linspace(0, 20, 9)
    for lam in (0.003, 0.1, 1.6):
        known = module.describe(lambda0=lam, **q)["euclidean"][loss]
        values = {"lam": lam, "loss": loss, "q": q | {"one_sided": 0.0}}
        limit = js("ncssl.race.limit(lam, loss, q)", **values)
        assert close(
            [limit, js("ncssl.race.points(loss, q).plus", **values)],
            [known["limit"], known["attractor"]],
        )
        assert close(
            js("ncssl.race.timeBetween(lam, 0.5, loss, q)", **values), known["time_to_one_half"]
        )
        assert close(
            js("ncssl.race.velocity(lam, loss, q) / lam", **values), known["rate_at_lambda0"]
        )
        flow = module.FLOWS[loss].solve(
            np.array([lam]), times, options={"rtol": 1e-10, "atol": 1e-13}, **q
        )
        assert close(
            js("ncssl.race.race(lam, loss, q, times)", times=times.tolist(), **values), flow["lam"]
        )


@pytest.mark.parametrize("head", ["off-diagonal", "symmetric", "none"])
@pytest.mark.parametrize("eta_E, b21", [(0.2, 0.06), (0.01, 0.04)])
def test_the_neurons_are_those_of_wen_and_li(js, head, eta_E, b21):
    steps, b = 400, [[0.2, 0.1], [b21, 0.12]]
    known = theory("wen2022").describe(head=head, eta_E=eta_E, b21=b21, steps=steps)
    q = {
        name: known["parameters"][name]
        for name in ("alpha1", "alpha2", "p1", "m", "P", "sigma", "eta", "eta_E")
    }
    code = (
        "(() => { const states = ncssl.neurons.descend(b, steps, q, {head, stop_gradient:"
        " 'target'});const y = states[steps]; return {y, cos: ncssl.neurons.cosines(y), outcome:"
        " ncssl.neurons.outcome(y),phases: ncssl.neurons.phases(states, q), corr:"
        " ncssl.neurons.correlations(y, q)}; })()"
    )
    ours = js(code, b=b, steps=steps, q=q, head=head)
    assert close(ours["y"]["b"], [n["b"] for n in known["neurons"]])
    assert close(ours["cos"], [n["cos"] for n in known["neurons"]])
    assert close(np.linalg.norm(ours["y"]["u"], axis=-1), [n["noise"] for n in known["neurons"]])
    E = ours["y"]["E"]
    assert close(
        [E[1][0], E[0][1]], [known["head"]["E_21 at the end"], known["head"]["E_12 at the end"]]
    )
    assert close(ours["corr"], known["correlations"]) and ours["outcome"] == known["outcome"]
    assert known["phases"]["leader"] == 1
    for name, step in ours["phases"].items():
        assert close(step if step is None else 0.2 * step, known["phases"][name]), name


PLACES = [
    {"eta": eta, "sigma2": sigma2}
    for eta in (0.0, 0.1, 0.19, 0.5, 1.1)
    for sigma2 in (0.0, 0.25, 1.5)
]


@pytest.mark.parametrize("alpha", [0.5, 1.0])
def test_the_phase_diagram_is_that_of_the_theories_together(js, alpha):
    for place in PLACES:
        q = {"b": 1.0, "lambda_": 1.0, "alpha": alpha} | place
        for w0 in (0.05, 0.9):
            known = theory("companion").describe(w0=w0, **q)["methods"]
            for method, theirs in known.items():
                ours = js("ncssl.phase.describe(method, w0, q)", method=method, w0=w0, q=q)
                assert ours.pop("survives") == theirs["survives"], (method, q, w0)
                assert close(*([side[name] for name in ours] for side in (ours, theirs))), (
                    method,
                    q,
                    w0,
                )


@pytest.mark.parametrize("method", ["learned", "set", "iso", "apart"])
def test_the_mode_at_the_point_moves_as_in_the_theories_together(js, method):
    q, times = (
        {"b": 1.0, "lambda_": 1.0, "alpha": 1.0, "eta": 0.12, "sigma2": 0.4},
        np.linspace(0, 30, 11),
    )
    y0 = np.array([0.3, 0.3] if method == "learned" else [0.3])
    flow = (
        theory("companion")
        .FLOWS[method]
        .solve(y0, times, options={"rtol": 1e-10, "atol": 1e-12}, **q)
    )
    ours = js("ncssl.phase.path(method, 0.3, q, times)", method=method, q=q, times=times.tolist())
    assert close(ours, flow["w"])


def test_the_batch_moves_as_in_the_theory(js):
    """One step of the page against the matrix flows of liu2022 and tian2021, and the loss against
    its samples."""
    code = (
        "(() => { const b = ncssl.batch, rng = b.random(3), {x} = b.images(40), pair = [0,"
        " 1].map(() => b.views(x, 0.5, rng)), data = b.moments(...pair), y = b.start(), all ="
        " [true, false].flatMap(predictor => [true, false].map(stop => b.velocity(y, data,"
        " {predictor, stop, eta: 0.07}))); y.Wp[0][1] = 0.2; return {pair, ...data, y, all, skew:"
        " b.velocity(y, data, {predictor: true, stop: true, eta: 0.07}), loss: b.loss(y, data,"
        " {predictor: true}), z: b.embed(y.W, x), spread: b.spread(b.embed(y.W, x))}; })()"
    )
    ours = js(code)
    one, two = (np.array(x) for x in ours["pair"])
    S, M = (one.T @ one + two.T @ two) / 80, (two.T @ one + one.T @ two) / 80
    assert close(ours["S"], S) and close(ours["M"], M)
    W, skewed = np.array(ours["y"]["W"]), np.array(ours["y"]["Wp"])
    liu, tian = theory("liu2022").network_flow, theory("tian2021").network_flow
    expected = []
    for Wp in (0.6 * np.eye(2), np.eye(2)):
        for variant in ("stop-gradient", "no stop-gradient"):
            flow = liu(S, M, 2, variant=variant)
            expected.append(flow.field(flow.start(W=W, Wp=Wp), eta=0.07))
    for v, field, learned in zip(ours["all"], expected, (True, True, False, False), strict=True):
        assert close(np.ravel(v["W"]), field[:8])
        assert close(np.ravel(v["Wp"]), field[8:] if learned else np.zeros(4))
    flow = liu(S, M, 2)
    assert close(
        [*np.ravel(ours["skew"]["W"]), *np.ravel(ours["skew"]["Wp"])],
        flow.field(flow.start(W=W, Wp=skewed), eta=0.07),
    )
    alone = tian(np.diag([1.0, 0.5, 0.2, 0.1]), 0.25 * np.eye(4), 2, variant="no predictor")
    data = {
        "S": (np.diag([1.25, 0.75, 0.45, 0.35])).tolist(),
        "M": np.diag([1.0, 0.5, 0.2, 0.1]).tolist(),
    }
    v = js(
        "ncssl.batch.velocity(ncssl.batch.start(), data, {predictor: false, stop: true, eta:"
        " 0.07})",
        data=data,
    )
    assert close(np.ravel(v["W"]), alone.field(alone.start(W=W), eta=0.07))
    misses = [
        ((a @ W.T @ skewed.T - b @ W.T) ** 2).sum(-1).mean() for a, b in ((one, two), (two, one))
    ]
    assert close(ours["loss"], np.mean(misses) / 2)
    values = np.linalg.eigvalsh(np.cov(np.transpose(ours["z"]), bias=True))
    shares = values / values.sum()
    assert close(
        list(ours["spread"].values()),
        [np.sqrt(values.sum()), np.exp(-(shares * np.log(shares)).sum())],
    )
