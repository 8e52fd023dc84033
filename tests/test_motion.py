"""Figures that move: what is stored are the numbers drawn, and the page plays, pauses and goes
through them by key; it stands still without the script and where less motion is asked for."""

import json
import re

import numpy as np
import pytest
from stills import evaluate

from ncssl.plots import eigenmodes, heads, motion, page, style
from ncssl.theory.halvagal2023 import modes

TIMES = np.linspace(0, 20, 41)
STILL = 15


def raced(ax):
    """A race of three modes, and the eigenvalues in it."""
    lam = modes.MODES["euc"].solve([[0.01], [0.3], [0.1]], TIMES, alpha=0.5)["lam"]
    moves = motion.Motion([f"t = {t:g}" for t in TIMES], STILL, seconds=20)
    data = {"lam": lam, "level": 1.0, "title": "a race", "colour": style.colour("directpred")}
    eigenmodes.race(data, ax, moves)
    return moves, lam


def told(text):
    """What the script of a figure reads."""
    return json.loads(re.search(r'<script type="application/json">(.*)</script>', text)[1])


def test_discs_stand_where_the_theory_has_them_in_every_frame(ax):
    moves, lam = raced(ax)
    frames = told(page.page_html(ax.figure, "A race.", moves=moves))
    low, high = np.log10(ax.get_ylim())
    height = ax.get_window_extent().height * 72 / ax.figure.dpi
    discs = [line for line in ax.lines if line.get_marker() == "o"]
    assert [disc.get_ydata()[0] for disc in discs] == sorted(lam[STILL], reverse=True)
    for mark, column in zip(frames["marks"], lam.T[[1, 2, 0]], strict=False):
        up = (np.log10(column) - np.log10(column[STILL])) / (high - low) * height
        assert np.allclose(mark["y"], -up, atol=0.06) and np.ptp(mark["x"]) == 0
    past = [f"past half: {n} of 3" for n in (lam > 0.5).sum(1)]
    assert frames["marks"][-1]["words"] == past and {past[0], past[-1]} == {
        "past half: 0 of 3",
        "past half: 3 of 3",
    }
    assert [len(frames["said"]), frames["still"], frames["seconds"]] == [41, STILL, 20]


def test_cells_are_as_strong_as_their_entries(ax):
    values = np.zeros((3, 2, 2)) + np.eye(2)
    values[:, 1, 0], values[:, 0, 1] = [0, 0.4, 0.2], [0, -0.001, -0.1]
    moves = motion.Motion(["a", "b", "c"], 1)
    words = {"rows": ["r1", "r2"], "columns": ["c1", "c2"], "title": "the head"}
    heads.cells({"values": values} | words, ax, moves)
    marks = told(page.page_html(ax.figure, "A matrix.", moves=moves))["marks"]
    opacity = np.array([m["opacity"] for m in marks if "opacity" in m]) / heads.STRONGEST
    expected = [[0, 0, 0], [0, 0.0025, 0.25], [0, 1, 0.5], [0, 0, 0]]
    assert np.allclose(opacity, expected, atol=2 * motion.LEAST)
    assert [m["words"] for m in marks if "words" in m] == [
        ["0.00", "0.00", "−0.10"],
        ["0.00", "0.40", "0.20"],
    ]
    assert [t.get_text() for t in ax.texts] == ["1", "0.00", "0.40", "1"]
    with pytest.raises(ValueError, match="words had 2 frames; allowed: 3"):
        moves.say(ax.texts[0], ["a", "b"])


@pytest.fixture
def opened(chromium, ax, tmp_path, root):
    """A function that opens a figure that moves in a browser, with the script of the book."""
    moves, lam = raced(ax)
    figure = page.page_html(ax.figure, "A race.", "It moves.", moves=moves)
    script = (root / "book" / "static" / "motion.js").as_uri()

    def load(calm=False, script=script):
        file = tmp_path / "page.html"
        file.write_text(
            f'<!doctype html><meta charset="utf-8"><script src="{script}"></script>{figure}'
        )
        chromium.visit(file.as_uri())
        wanted = [{"name": "prefers-reduced-motion", "value": "reduce" if calm else ""}]
        chromium.call("Emulation.setEmulatedMedia", chromium.session, features=wanted)
        return lambda code: evaluate(chromium, code)

    return load


def press(chromium, key, code):
    text = {"text": "\r"} if key == "Enter" else {}
    for kind in ("keyDown" if text else "rawKeyDown", "keyUp"):
        chromium.call(
            "Input.dispatchKeyEvent",
            chromium.session,
            type=kind,
            key=key,
            code=key,
            windowsVirtualKeyCode=code,
            **(text if kind == "keyDown" else {}),
        )


NOW = "document.querySelector('figure span').textContent"
WORDS = "document.querySelector('figure svg [id$=\"-move-3\"] text').textContent"
HEIGHT = "document.querySelector('[id$=\"-move-2\"] use').getBoundingClientRect().y"


def test_the_slider_goes_through_the_frames_by_key(chromium, opened):
    js = opened()
    assert js(NOW) == f"t = {TIMES[STILL]:g}"
    still = js(HEIGHT)
    js("document.querySelector('figure input').focus()")
    press(chromium, "ArrowRight", 39)
    assert js(NOW) == f"t = {TIMES[STILL + 1]:g}" and js(HEIGHT) < still
    press(chromium, "Home", 36)
    assert js(NOW) == "t = 0" and js(HEIGHT) > still and js(WORDS) == "past half: 0 of 3"
    press(chromium, "End", 35)
    assert js(NOW) == "t = 20" and js(WORDS) == "past half: 3 of 3"
    said = "document.querySelector('figure input').getAttribute('aria-valuetext')"
    assert js(said) == "t = 20" and chromium.errors() == []


UNTIL = """new Promise(done => {{
  const look = () => {} ? done(true) : requestAnimationFrame(look);
  look();
}})"""
TEN_FRAMES = """new Promise(done => {
  let left = 10;
  const next = () => left-- ? requestAnimationFrame(next) : done(true);
  next();
})"""


def test_the_button_plays_from_the_start_and_pauses_by_key(chromium, opened):
    js = opened()
    button = "document.querySelector('figure button')"
    js(f"{button}.focus()")
    assert js(f"{button}.textContent") == "Play"
    press(chromium, "Enter", 13)
    assert js(f"{button}.textContent") == "Pause"
    assert js(UNTIL.format(f"{NOW} === 't = {TIMES[1]:g}'"))
    press(chromium, "Enter", 13)
    paused = js(HEIGHT)
    assert js(TEN_FRAMES) and js(HEIGHT) == paused and js(f"{button}.textContent") == "Play"
    js("document.querySelector('figure input').focus()")
    press(chromium, "End", 35)
    press(chromium, "ArrowLeft", 37)
    js(f"{button}.click()")
    assert js(UNTIL.format(f"{NOW} === 't = 20'")) and js(f"{button}.textContent") == "Play"


def test_it_stands_still_where_less_motion_is_asked_for_and_without_a_script(chromium, opened):
    js = opened(calm=True)
    assert js(UNTIL.format("document.querySelector('figure button').hidden"))
    assert js(NOW) == f"t = {TIMES[STILL]:g}"
    moved = js(HEIGHT)
    js = opened(script="")
    assert js("document.querySelectorAll('figure :is(button, input)').length") == 0
    assert js(WORDS) == "past half: 2 of 3" and abs(js(HEIGHT) - moved) < 0.1
