"""The ledger in a reader's browser, network off: filters, order, search, permalinks, keyboard,
phone, dark theme, print, and without a script."""

import pytest
from ledger_reader import CLAIM, Page, dim

from ncssl.claims import papers
from ncssl.runs import experiments
from ncssl.verdicts.states import words

MOST = 1_500_000  # bytes of a page


@pytest.fixture
def page(chromium, html):
    """A function that opens the ledger."""
    return lambda **more: Page(chromium, html / "book" / "ledger.html", **more)


def claims():
    return {
        f"{key}.{claim.id}": claim
        for key in papers.papers()
        for claim in papers.paper(key).claims.values()
    }


def test_every_claim_is_there_and_the_page_is_small(html, page):
    assert sorted(page().shown()) == sorted(claims())
    assert (html / "book" / "ledger.html").stat().st_size < MOST


@pytest.mark.parametrize("width", [1280, 768, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_is_whole_at_every_width(chromium, page, width, theme):
    opened = page(width=width, theme=theme, fragment=f"#{CLAIM}")
    assert chromium.errors() == [] and chromium.asked() == []
    beyond = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert opened.js(beyond) == 0
    table = "document.querySelector('.ncssl-claims').getBoundingClientRect()"
    assert opened.js(f"{table}.right <= innerWidth")


def test_filters_show_what_they_say_and_the_address_keeps_them(page):
    opened = page()
    opened.choose("paper", "wen2022")
    whole = {name for name in claims() if name.startswith("wen2022.")}
    assert set(opened.shown()) == whole
    opened.choose("about", "theory")
    theory = {name for name in whole if claims()[name].kind == "theory"}
    assert set(opened.shown()) == theory
    assert opened.js("document.querySelector('output').textContent").startswith(f"{len(theory)} of")
    assert opened.js("location.hash") == "#paper=wen2022&about=theory"
    again = page(fragment="#paper=wen2022&about=theory")
    assert set(again.shown()) == theory
    assert again.js("document.querySelector('[name=paper]').value") == "wen2022"
    again.js("document.querySelector('[type=reset]').click()")
    assert len(again.shown()) == len(claims()) and again.js("location.hash") == ""


def test_whose_and_headline_and_verdict_and_scale_filter(page):
    opened = page()
    opened.choose("whose", "erratum")
    assert set(opened.shown()) == {n for n, c in claims().items() if c.erratum}
    opened.choose("whose", "book")
    assert set(opened.shown()) == {n for n, c in claims().items() if c.by == "book"}
    opened.js("document.querySelector('[type=reset]').click()")
    opened.js("document.querySelector('[name=headline]').click()")
    assert set(opened.shown()) == {n for n, c in claims().items() if c.headline}
    opened.js("document.querySelector('[type=reset]').click()")
    opened.choose("verdict", "contradicted")
    badges = "[...document.querySelectorAll('.ncssl-claims > tbody')].filter(b =>"
    badges += " b.getClientRects().length).map(b => b.querySelector('.ncssl-badge').textContent)"
    assert {text.strip("✕ ") for text in opened.js(badges)} == {"contradicted"}
    opened.choose("verdict", "")
    opened.choose("scale", "small")
    kinds = {claims()[name].kind for name in opened.shown()}
    assert kinds == {"records"}


def test_a_number_of_the_counts_is_a_filter(page):
    opened = page()
    link = "document.querySelector('.ncssl-counts tbody td a')"
    count = int(opened.js(f"{link}.textContent"))
    opened.js(f"{link}.click()")
    opened.js("new Promise(done => setTimeout(done, 50))")
    assert len(opened.shown()) == count
    assert opened.js("document.querySelector('.ncssl-controls').getBoundingClientRect().top") < 300


def test_search_takes_every_word_anywhere_in_a_claim(page):
    opened = page()
    opened.choose("q", "DirectCopy DirectPred points worse")
    seen = opened.shown()
    assert CLAIM in seen and 1 <= len(seen) < 30
    opened.choose("q", "no such words at all")
    assert opened.shown() == []
    assert opened.js("document.querySelector('output').textContent").startswith("0 of")


def test_order_by_a_head_and_back(page):
    opened = page()
    before = opened.shown()
    head = "[...document.querySelectorAll('.ncssl-claims th button')].find(b => b.textContent ==="
    value = "[...document.querySelectorAll('.ncssl-claims > tbody')].map(b => b.dataset.effect)"
    opened.js(f"{head} 'found here').click()")
    numbers = [float(v) for v in opened.js(value) if v]
    assert numbers == sorted(numbers) and len(numbers) > 20
    assert (
        opened.js("document.querySelector('[aria-sort]').getAttribute('aria-sort')") == "ascending"
    )
    opened.js(f"{head} 'found here').click()")
    values = opened.js(value)
    numbers = [float(v) for v in values if v]
    assert numbers == sorted(numbers, reverse=True) and values[: len(numbers)] == [
        v for v in values if v
    ], "what has no effect comes last"
    opened.choose("sort", "claim")
    assert opened.shown() == sorted(before)
    opened.choose("sort", "")
    assert opened.shown() == before


def test_a_permalink_opens_its_claim_where_it_can_be_seen(page):
    opened = page(fragment=f"#{CLAIM}")
    body = f"document.getElementById('{CLAIM}')"
    top = opened.js(f"{body}.getBoundingClientRect().top")
    controls = opened.js("document.querySelector('.ncssl-controls').getBoundingClientRect().bottom")
    assert opened.js(f"{body}.querySelector('details').open")
    assert max(controls, 0) <= top < 600
    assert opened.js("document.querySelectorAll('.ncssl-claims details[open]').length") == 1


def test_a_permalink_goes_through_a_filter(page):
    opened = page(fragment="#paper=wen2022")
    assert CLAIM not in opened.shown()
    opened.js(f"location.hash = '#{CLAIM}'")
    opened.js("new Promise(done => setTimeout(done, 50))")
    assert CLAIM in opened.shown()
    assert opened.js(f"document.getElementById('{CLAIM}').querySelector('details').open")


def test_a_row_opens_by_key_and_controls_have_names(page):
    opened = page(fragment="#paper=wen2022")
    opened.js("document.querySelector('.ncssl-claims tbody:not([hidden]) summary').focus()")
    opened.key("Enter", 13, "\r")
    assert opened.js("document.querySelectorAll('.ncssl-claims details[open]').length") == 1
    opened.js("document.querySelector('[data-sort=seeds] button').focus()")
    opened.key("Enter", 13, "\r")
    assert opened.js("document.querySelector('[data-sort=seeds]').hasAttribute('aria-sort')")
    names = "[...document.querySelectorAll('.ncssl-controls :is(input, select)')].map(e =>"
    names += " e.labels[0]?.textContent.trim() || '')"
    assert "" not in opened.js(names) and len(opened.js(names)) == 8


def test_without_a_script_the_table_is_whole_and_plain(chromium, page):
    opened = page(script=False)
    hidden = "getComputedStyle(document.querySelector('.ncssl-controls')).display"
    assert opened.js(hidden) == "none"
    assert sorted(opened.shown()) == sorted(claims())
    text = opened.js(f"document.getElementById('{CLAIM}').innerText")
    paper, name = CLAIM.split(".")
    (row,) = experiments.ledger(paper, name=name)
    assert "at most 3.2 points worse" in text and words(row["status"]) in text
    opened.js("document.querySelector('.ncssl-claims summary').focus()")
    opened.key("Enter", 13, "\r")
    assert opened.js("document.querySelector('.ncssl-claims details').open")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast_is_enough(page, theme):
    opened = page(theme=theme, fragment=f"#{CLAIM}")
    assert dim(opened, ".ncssl-ledger *") == []
