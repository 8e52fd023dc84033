"""The explorers: their mathematics against ncssl.theory to 1e-6, and their pages under a reader's
hand, network off."""

import json
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image
from stills import FOLDER, KEYS, evaluate

from ncssl.claims import papers
from ncssl.plots import style
from ncssl.theory import theory

PAGES = Path(__file__).resolve().parent.parent / "book" / "explorers"
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


@pytest.fixture(scope="module")
def html(html):
    """The folder of the explorers' pages."""
    return html / "book" / "explorers"


class Page:
    """An explorer's page in the browser, used as a reader would."""

    def __init__(self, chromium, html, key, *, width=1280, calm=True):
        self.driver = chromium
        chromium.new_tab()
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=2400,
            deviceScaleFactor=1,
            mobile=False,
        )
        reduced = [
            {"name": "prefers-reduced-motion", "value": "reduce" if calm else "no-preference"}
        ]
        self.call("Emulation.setEmulatedMedia", features=reduced)
        self.call("Page.navigate", url=(html / f"{key}.html").as_uri())
        chromium.wait_for_load()
        self.seen = chromium.look()["result"]["value"]

    def call(self, method, **params):
        return self.driver.call(method, self.driver.session, **params)

    def js(self, code):
        return evaluate(self.driver, code)

    @property
    def state(self):
        return json.loads(
            self.js("JSON.stringify(document.querySelector('.ncssl-explorer').dataset)")
        )

    def drawn(self):
        """What the plots show: all marks, as text."""
        return self.js(
            "[...document.querySelectorAll('.ex-plots svg')].map(s => s.innerHTML).join('')"
        )

    def key(self, name, times=1):
        codes = {"ArrowRight": 39, "ArrowLeft": 37, "ArrowUp": 38, "ArrowDown": 40, "Enter": 13}
        for _ in range(times):
            for kind in ("rawKeyDown", "keyUp"):
                self.call(
                    "Input.dispatchKeyEvent",
                    type=kind,
                    key=name,
                    code=name,
                    windowsVirtualKeyCode=codes[name],
                )

    def focus(self, selector):
        self.js(f"document.querySelector('{selector}').focus()")

    def set(self, name, value):
        """Move a slider to a value of its own scale."""
        self.js(
            f"(e => {{ e.value = {value}; e.dispatchEvent(new Event('input')); }})"
            f"(document.querySelector('input[name={name}]'))"
        )

    def press(self, words):
        self.js(
            "[...document.querySelectorAll('.ex-button')].find(b => b.textContent ==="
            f" '{words}').click()"
        )

    def place(self, x, y):
        """Pixel of the window at shares x, y of the first plot's frame, from its lower left."""
        box = json.loads(
            self.js("JSON.stringify(document.querySelector('.ex-frame').getBoundingClientRect())")
        )
        return {"x": box["x"] + x * box["width"], "y": box["y"] + (1 - y) * box["height"]}

    def click(self, x, y):
        for kind in ("mousePressed", "mouseReleased"):
            self.call(
                "Input.dispatchMouseEvent",
                type=kind,
                button="left",
                clickCount=1,
                **self.place(x, y),
            )


@pytest.mark.parametrize("width", [1280, 768, 390])
@pytest.mark.parametrize("key", KEYS)
def test_a_page_is_whole_at_every_width(chromium, html, key, width):
    page = Page(chromium, html, key, width=width)
    assert chromium.errors() == [] and chromium.asked() == []
    # on a phone equations scroll
    looked = ("broken", "unset", "wrong", "raw") + (("wide",) if width > 400 else ())
    assert {name: page.seen[name] for name in looked if page.seen[name]} == {}
    assert (
        page.js("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    )
    assert page.js(
        "[...document.querySelectorAll('.ex-plots svg')].every(s => s.getBoundingClientRect().width"
        " > 200)"
    )


@pytest.mark.parametrize("key", KEYS)
def test_controls_have_names_and_ink_follows_the_theme(chromium, html, key):
    page = Page(chromium, html, key)
    names = (
        "[...document.querySelectorAll('.ncssl-explorer input')].map(i =>"
        " i.labels[0]?.textContent.trim() || '')"
    )
    assert "" not in page.js(names) and len(page.js(names)) >= 4
    ink = "getComputedStyle(document.querySelector('.ex-axes text')).fill"
    paper = "getComputedStyle(document.body).backgroundColor"
    seen = []
    for theme in ("light", "dark"):
        page.js(
            "document.documentElement.dataset.theme = document.documentElement.dataset.mode ="
            f" '{theme}'"
        )
        colours = [[int(n) for n in re.findall(r"\d+", page.js(code))[:3]] for code in (ink, paper)]
        assert contrast(*colours) > 4.5
        seen.append(colours[0])
    assert seen[0] != seen[1]


def contrast(one, two):
    """Ratio of the luminances of two sRGB colours, as WCAG defines it."""

    def luminance(rgb):
        c = np.array(rgb) / 255
        return np.where(c <= 0.03928, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [
            0.2126,
            0.7152,
            0.0722,
        ]

    low, high = sorted([luminance(one), luminance(two)])
    return (high + 0.05) / (low + 0.05)


SLIDERS = {
    "modes": ("eta", "eta"),
    "race": ("time", "time"),
    "neurons": ("ratio", "ratio"),
    "phase": ("w0", "w0"),
    "batch": ("noise", "loss"),
}


@pytest.mark.parametrize("key", KEYS)
def test_a_slider_moves_by_key_and_changes_the_picture(chromium, html, key):
    page, (name, state) = Page(chromium, html, key), SLIDERS[key]
    before, drawn = page.state[state], page.drawn()
    page.focus(f"input[name={name}]")
    page.key("ArrowRight", 2)
    assert page.state[state] != before and page.drawn() != drawn


def test_a_click_and_a_key_start_a_mode(chromium, html):
    page = Page(chromium, html, "modes")
    assert (page.state["runs"], page.state["survivors"]) == ("4", "3")
    page.click(0.25, 0.02)  # p = -0.1, s = 0.016: on the side of collapse
    assert (page.state["runs"], page.state["last"]) == ("5", "collapses")
    page.focus(".ex-movable")
    page.key("ArrowUp", 20)
    page.key("ArrowRight", 10)
    assert page.state["runs"] == "5"
    page.key("Enter")
    assert (page.state["runs"], page.state["last"]) == ("6", "survives")
    page.press("No runs")
    assert page.state["runs"] == "0"


def test_the_threshold_and_the_average_do_what_the_page_says(chromium, html):
    page = Page(chromium, html, "modes")
    page.set("sigma2", 0.65)
    assert page.state["regime"] == "both"
    page.set("sigma2", 0.7)
    assert (page.state["regime"], page.state["survivors"]) == ("only collapse", "0")
    page.set("sigma2", 0.25)
    page.js("document.querySelector('input[value=average]').click()")
    assert page.state["survivors"] == "3"
    page.set("tau", 0)
    assert page.state["survivors"] == "2" and float(page.state["plus"]) == pytest.approx(0.6)


def test_a_run_grows_where_motion_is_welcome(chromium, html):
    page = Page(chromium, html, "race", calm=False)
    page.press("Race")
    seen = set()
    while len(seen) < 3 and page.state["end"] not in seen:  # the race itself ends after six seconds
        seen.add(page.state["time"])
    assert len(seen) == 3
    page = Page(chromium, html, "race", calm=True)
    page.press("Race")
    assert float(page.state["time"]) == float(page.state["end"])


def test_small_modes_die_under_the_base_loss_only(chromium, html):
    page = Page(chromium, html, "race")
    page.set("smallest", -2)  # log10
    page.set("rho", 0.02)
    assert int(page.state["alive"]) < int(page.state["isoAlive"]) == 7
    page.set("smallest", np.log10(0.06))
    page.set("rho", 0.05)  # the edge is 0.0528
    assert page.state["alive"] == "7"
    page.set("smallest", np.log10(0.05))
    assert page.state["alive"] == "6"
    page.set("smallest", -2)
    page.set("rho", 0)
    page.set("smallest", -1)
    first = [float(page.state[name]) for name in ("slowest", "isoSlowest")]
    page.set("smallest", -2)
    later = [float(page.state[name]) for name in ("slowest", "isoSlowest")]
    assert later[0] / first[0] > 9 and later[1] - first[1] == pytest.approx(np.log(10) / 2, abs=0.1)


def test_the_head_decides_what_the_second_neuron_learns(chromium, html):
    page = Page(chromium, html, "neurons")
    assert float(page.state["b22"]) > 0.9
    page.js("document.querySelector('input[value=none]').click()")
    assert float(page.state["b22"]) < 0.2
    page.set("b21", 0.045)
    assert float(page.state["b22"]) < 0.2
    page.set("b21", 0.04)
    assert float(page.state["b22"]) > 0.9
    page.press("Play")
    assert page.state["step"] == "1000"


def test_the_point_moves_by_arrow_keys_pointer_and_touch(chromium, html):
    page = Page(chromium, html, "phase")
    assert page.state["living"] == "set iso apart"
    page.focus(".ex-movable")
    assert page.js("document.activeElement.classList.contains('ex-movable')")
    page.key("ArrowRight", 8)
    assert page.state["living"] == "iso apart" and float(page.state["eta"]) == pytest.approx(0.26)
    page.key("ArrowUp", 3)
    assert float(page.state["sigma2"]) == pytest.approx(0.35)
    page.click(0.9, 0.5)
    assert page.state["living"] == "apart"
    here, there = page.place(0.9, 0.5), page.place(0.5, 0.25)
    page.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=[here])
    page.call("Input.dispatchTouchEvent", type="touchMove", touchPoints=[there])
    page.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    assert float(page.state["eta"]) == pytest.approx(0.6, abs=0.01)
    assert float(page.state["sigma2"]) == pytest.approx(0.5, abs=0.02)


def test_the_batch_collapses_without_either_ingredient(chromium, html):
    page = Page(chromium, html, "batch")
    seen = {}
    for name in ("predictor", "stop", "predictor", "stop"):
        page.press("300 steps at once")
        page.press("Run")  # motion is unwelcome here: the rest at once
        assert page.state["step"] == "600"
        seen[page.state["setting"]] = float(page.state["spread"])
        page.js(f"document.querySelector('input[name={name}]').click()")
    assert seen.pop("both") > 1 and len(seen) == 3 and max(seen.values()) < 0.01


@pytest.mark.parametrize("key", KEYS)
def test_without_javascript_there_is_a_still_picture(key):
    text = (PAGES / f"{key}.md").read_text(encoding="utf-8")
    width, height, alt = re.search(
        rf'<noscript>\n<img src="../../_static/explorers/{key}.png" width="(\d+)" height="(\d+)"'
        r' alt="([^"]+)">',
        text,
    ).groups()
    picture = FOLDER / f"{key}.png"
    with Image.open(picture) as image:
        assert image.size == (int(width), int(height)) and picture.stat().st_size < 60_000
    assert len(alt) > 60


def test_links_lead_to_sections_that_exist(root):
    wrong = []
    for page in PAGES.glob("*.md"):
        for name, anchor in re.findall(
            r'href="../../notebooks/(\w+).html#([\w-]+)"', page.read_text(encoding="utf-8")
        ):
            cells = nbformat.read(root / "notebooks" / f"{name}.ipynb", 4).cells
            wrong += (
                []
                if any(f"({anchor})=\n" in cell.source for cell in cells)
                else [f"{page.name}: {name}#{anchor}"]
            )
    assert wrong == []


def test_every_page_is_in_the_book_and_every_script_is_short(root):
    toc = (root / "_toc.yml").read_text()
    assert [p.stem for p in PAGES.glob("*.md") if f"book/explorers/{p.stem}\n" not in toc] == []
    lines = {p.name: len(p.read_text(encoding="utf-8").splitlines()) for p in FOLDER.glob("*.js")}
    assert len(lines) == 3 + 2 * len(KEYS) + 1 and max(lines.values()) < 300, lines
    assert sum(p.stat().st_size for p in FOLDER.glob("*.js")) < 100_000


def test_colours_are_those_of_the_figures():
    css = (FOLDER / "explorers.css").read_text(encoding="utf-8")
    light = dict(re.findall(r"--([\w-]+): (#\w+)", css.split("html[data-theme")[0]))
    for name in ("simsiam", "byol", "directpred", "directcopy", "isoloss", "vicreg"):
        assert light[name].lower() == style.METHODS[name].lower(), name
    for name in ("stable", "unstable", "saddle"):
        assert light[name].lower() == style.QUANTITIES[name].lower(), name
    without = papers.paper("tian2021").experiments["ablations"].arms["no_predictor"]
    assert light["no-predictor"] == without.colour and light["grey"] == style.GREY
