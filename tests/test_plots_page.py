"""Figures inside a page: they follow its theme, share no ids, and their links have words."""

import re

import numpy as np
import pytest
from matplotlib.collections import LineCollection

from ncssl.plots import found, page, style, vector


@pytest.fixture
def text(ax):
    """A figure with ink, paper and a link, as the page gets it."""
    ax.plot([0, 1], [0, 1], color=style.INK, marker="o", mfc=style.PAPER)
    ax.text(0.2, 0.5, "a mark", url="ledger.html#tian2021.ema_helps")
    ax.text(0.2, 0.7, "a page", url="papers/tian2021.html")
    links = {"ledger.html#tian2021.ema_helps": 'it "helps"', "papers/tian2021.html": "DirectPred"}
    return page.page_html(ax.figure, "A line that rises.", links=links)


def test_ink_and_paper_are_those_of_the_page(text):
    assert "currentColor" in text and "var(--pst-color-background, #ffffff)" in text
    assert not re.search(f"{style.INK}|{style.PAPER}", text, re.I)


def test_it_is_one_block_of_html_without_style_of_its_own(text):
    assert "\n\n" not in text and "<style" not in text and "<?xml" not in text
    assert text.startswith('<figure class="ncssl-figure">')
    assert 'aria-label="A line that rises."' in text


def test_ids_are_its_own_and_every_reference_has_one(text):
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids)) and len({name[:9] for name in ids}) == 1
    assert set(re.findall(r'(?:url\(#|href="#)([^)"]+)', text)) <= set(ids)


def test_links_have_words_and_marks_do_not_hold_up_the_keyboard(text):
    links = re.findall(r'<a href="([^"]+)" aria-label="([^"]+)"( tabindex="-1")?>', text)
    assert sorted(links) == [
        ("ledger.html#tian2021.ema_helps", "it &quot;helps&quot;", ' tabindex="-1"'),
        ("papers/tian2021.html", "DirectPred", ""),
    ]
    assert text.count("<title>") == 2


def asked(**changes):
    """A row of the front's figure."""
    marks = {"theory": [("reproduced", "a")], "trained": [("contradicted", "b")]}
    numbers = {"effect": -11.7, "low": -14.4, "high": -8.9, "reported": 2.0, "note": ""}
    row = {"paper": ("IsoLoss", "Halvagal 2023", "p"), "ask": "Does it?", "address": "p"}
    return row | marks | numbers | {"status": "contradicted", "url": "b"} | changes


def test_the_front_s_figure_holds_every_effect_and_links_every_mark(ax):
    rows = [asked(), asked(effect=None, reported=None, low=None, high=None, note="not run")]
    found.found(rows, ax)
    assert ax.get_xlim() == pytest.approx((-15.4, 3.0))
    urls = [line.get_url() for line in ax.lines if line.get_url()]
    assert urls.count("a") == 2 and urls.count("b") == 3
    assert "not run" in [t.get_text() for t in ax.texts]
    assert [words for _, words in found.key(rows)][-1] == "the paper’s effect"


def test_an_effect_beyond_the_axis_is_an_arrow_with_its_number_and_the_others_keep_their_room(ax):
    far = dict(effect=-40.6, low=-50.5, high=-30.6, reported=36.3)
    found.found([asked(**far), asked()], ax)
    assert ax.get_xlim() == pytest.approx((-16, 16))
    marks = {line.get_marker(): line.get_xdata()[0] for line in ax.lines if line.get_url() == "b"}
    assert marks["<"] == -15 and marks["X"] == pytest.approx(-11.7)
    shown = {t.get_text(): t.get_position()[0] for t in ax.texts if t.get_text()}
    assert shown["−40.6"] == pytest.approx(-14.3) and shown["paper +36.3"] == pytest.approx(14.3)


def test_a_picture_of_too_many_marks_leaves_those_in_the_page_s_tones_as_they_are(ax, monkeypatch):
    monkeypatch.setattr(vector, "HEAVY", 0)
    ax.plot([0, 1], [0, 1], color=style.INK)
    ax.plot([0, 1], [1, 0], "o", color=style.OKABE["blue"], mfc=style.PAPER)
    ax.plot(np.linspace(0, 1, 3000), [0, 1] * 1500, color=style.OKABE["green"])
    ax.contourf([[0, 1], [0, 1]], levels=2, colors=[style.colour("collapse"), style.OKABE["sky"]])
    ax.imshow([[0, 1]])
    drawn = page.page_html(ax.figure, "Lines over a picture.")
    rasterised = [mark.get_rasterized() for mark in (*ax.lines, *ax.collections, *ax.images)]
    assert rasterised == [False, False, True, False, True] and "data:image/png" in drawn
    assert "var(--figure-collapse" in drawn and style.OKABE["green"].lower() not in drawn


def test_marks_stay_as_they_are_where_a_picture_of_them_would_be_heavier(ax, monkeypatch):
    monkeypatch.setattr(vector, "HEAVY", 0)
    ax.plot([0, 1], [0, 1], color=style.OKABE["green"])
    assert "data:image" not in page.page_html(ax.figure, "A line.")


@pytest.mark.parametrize(
    "long, short",
    [
        ("M 0 217.19 \nL 397.196 217.19 \nL 397.19 0 \nz \n", "M0 217.19 397.2 217.19 397.19 0z"),
        ("M -0.126 3.50 L -0.001 1e-05", "M-.13 3.5 0 0"),
        ("M 0 1 C 1 2 3 4 5 6 L 7 8", "M0 1C1 2 3 4 5 6L7 8"),
        ("M 1 1 L 2 2 M 3 3 L 4 4 L 5 10.50", "M1 1 2 2M3 3 4 4 5 10.5"),
        ("M 0 0 L 1 1.001 L 2 2 L 3 3 L 1 1 L 4 0 z", "M0 0 3 3 1 1 4 0z"),
    ],
)
def test_a_path_is_the_same_in_fewer_letters(long, short):
    assert vector.path(long) == short


def test_a_line_passes_every_point_that_it_leaves_out():
    rng = np.random.default_rng(0)
    for points in (
        rng.normal(scale=0.1, size=(400, 2)).cumsum(0),
        np.stack([np.arange(200), np.zeros(200)], 1),
    ):
        kept = vector.thinned(points)
        ends = zip(kept[:-1], kept[1:], strict=True)
        share = [np.clip((points - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1) for a, b in ends]
        ways = [
            a + s[:, None] * (b - a) for a, b, s in zip(kept[:-1], kept[1:], share, strict=True)
        ]
        off = np.min([np.hypot(*(points - way).T) for way in ways], axis=0)
        assert off.max() <= vector.FINE and len(kept) < len(points)
    assert len(kept) == 2, "a straight line needs its ends"


def test_neighbours_of_one_look_are_one_path_but_not_where_they_can_be_seen_through(ax):
    for y in range(4):
        ax.plot([0, 1], [y, y], color=style.OKABE["blue"])
        ax.plot([0, 1], [y, y + 1], color=style.OKABE["green"])
    lines = LineCollection([[(0, y), (1, y)] for y in range(5)], color=style.OKABE["sky"])
    faint = LineCollection([[(0, y), (1, 1)] for y in range(5)], color="#aa0000", alpha=0.5)
    ax.add_collection(lines)
    ax.add_collection(faint)
    text = vector.svg(ax.figure)
    whole = {
        c: len(re.findall(f"<path [^>]*stroke: {c}", text, re.I))
        for c in (style.OKABE["sky"], "#aa0000")
    }
    assert whole == {style.OKABE["sky"]: 1, "#aa0000": 5}
    assert len(re.findall("<path [^>]*stroke: #0072b2", text)) == 4, "their order is kept"


def test_what_all_texts_share_is_said_once_and_groups_that_say_nothing_are_left_out(ax):
    ax.set(title="a title", xlabel="an $x_1$", ylabel="blue")
    ax.yaxis.label.set_color(style.OKABE["blue"])
    ax.text(0.5, 0.5, "serif", family="serif")
    text = vector.svg(ax.figure)
    assert text.count("'DejaVu Sans'") == 1 and "DejaVu Serif" in text and "<g>" not in text
    assert re.search(r'<text style="[^"]*fill: #0072b2"[^>]*>blue', text)
    assert not re.search(r"<t[^>]*fill: currentColor", text) and 'fill="currentColor"' in text
    assert text.count("<g ") == text.count("</g>") and "rotate(0" not in text


def test_a_tone_is_put_in_once(ax):
    ax.plot([0, 1], [0, 1], "o", mfc=style.PAPER, mec="#ffffff")
    assert "var(--pst-color-background, var(" not in vector.svg(ax.figure)
