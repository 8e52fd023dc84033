"""The pages of the explorers under a reader's hand, network off."""

import json
import re

import numpy as np
import pytest
from stills import KEYS, evaluate


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
