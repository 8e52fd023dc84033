"""The ledger in a reader's browser, network off: filters, order, search, permalinks, keyboard,
phone, dark theme, print, and without a script."""

import json
import re
from urllib.parse import urljoin, urlparse
from urllib.request import url2pathname

import numpy as np
import pytest
from stills import evaluate

from ncssl.claims import papers
from ncssl.links import ledger_link

CLAIM = "wang2021.directcopy_matches_directpred"
MOST = 1_500_000  # bytes of a page


class Page:
    """A page in the browser, used as a reader would."""

    def __init__(self, chromium, path, *, fragment="", width=1280, script=True, theme="light"):
        self.driver = chromium
        chromium.new_tab()
        size = dict(width=width, height=1000, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setDeviceMetricsOverride", **size)
        if not script:
            self.call("Emulation.setScriptExecutionDisabled", value=True)
        self.call("Page.navigate", url=path.as_uri() + fragment)
        chromium.wait_for_load()
        self.js(
            "document.documentElement.dataset.theme = document.documentElement.dataset.mode ="
            f" '{theme}'"
        )

    def call(self, method, **params):
        return self.driver.call(method, self.driver.session, **params)

    def js(self, code):
        return evaluate(self.driver, code)

    def shown(self):
        """Claims that are shown, in their order."""
        return self.js(
            "[...document.querySelectorAll('.ncssl-claims > tbody')]"
            ".filter(b => b.getClientRects().length).map(b => b.id)"
        )

    def choose(self, name, value):
        """Set a control as a reader does."""
        self.js(
            f"(e => {{ e.value = {json.dumps(value)}; e.dispatchEvent(new Event('input',"
            f" {{bubbles: true}})); }})(document.querySelector('.ncssl-controls [name={name}]'))"
        )

    def key(self, name, code, text=""):
        for kind in ("keyDown", "keyUp"):
            more = {"text": text} if text and kind == "keyDown" else {}
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=name,
                code=name,
                windowsVirtualKeyCode=code,
                **more,
            )


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
    assert "at most 3.2 points worse" in text and "reproduced" in text
    opened.js("document.querySelector('summary').focus()")
    opened.key("Enter", 13, "\r")
    assert opened.js("document.querySelector('.ncssl-claims details').open")


def luminance(rgb):
    c = np.array(rgb) / 255
    linear = np.where(c <= 0.03928, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


COLOURS = """(() => {
  const nums = text => text.match(/[\\d.]+/g).map(Number);
  const mixed = (over, under) => over.length < 4 || over[3] === 1 ? over.slice(0, 3)
    : over.slice(0, 3).map((v, i) => v * over[3] + under[i] * (1 - over[3]));
  const ground = e => {
    if (!e) return [255, 255, 255];
    const text = getComputedStyle(e).backgroundColor;
    const own = text.startsWith('color') ? null : nums(text);
    return own && own[3] !== 0 ? mixed(own, ground(e.parentElement)) : ground(e.parentElement);
  };
  const seen = new Map();
  for (const e of document.querySelectorAll('SELECTOR')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.getClientRects().length || getComputedStyle(e).visibility === 'hidden') continue;
    const pair = [nums(getComputedStyle(e).color).slice(0, 3), ground(e)];
    seen.set(JSON.stringify(pair), e.tagName + ' ' + (e.className.baseVal ?? e.className)
      + ' ' + e.textContent.slice(0, 30));
  }
  return [...seen].map(([pair, who]) => [...JSON.parse(pair), who]);
})()"""


def dim(page, selector):
    """What is drawn with a contrast below 4.5, of the texts below a selector."""
    found = page.js(COLOURS.replace("SELECTOR", selector))
    assert len(found) > 3
    wrong = []
    for ink, ground, who in found:
        low, high = sorted([luminance(ink), luminance(ground)])
        if (high + 0.05) / (low + 0.05) < 4.5:
            wrong.append((who, ink, ground))
    return wrong


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast_is_enough(page, theme):
    opened = page(theme=theme, fragment=f"#{CLAIM}")
    assert dim(opened, ".ncssl-ledger *") == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["records", "papers", "code"])
def test_pages_of_evidence_are_whole(chromium, html, name, theme):
    path = sorted((html / name).rglob("*.html"))[0]
    for width in (1280, 390):
        opened = Page(chromium, path, width=width, theme=theme)
        assert chromium.errors() == [] and chromium.asked() == []
        beyond = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert opened.js(beyond) == 0
        assert dim(opened, "body *") == []


def test_from_a_badge_to_the_record_and_the_line_in_three_clicks(chromium, html):
    """From the table of a chapter, by the links alone."""
    at = (html / "notebooks" / "wen2022_theory.html").as_uri()
    row = follow(at, r'href="([^"]*ledger\.html#wen2022\.[^"]+)"')
    body = read(row).split(f'<tbody id="{urlparse(row).fragment}"')[1].split("</tbody>")[0]
    line = urljoin(row, re.search(r'href="([^"]*papers/wen2022\.html#L\d+)"', body)[1])
    assert f'id="{urlparse(line).fragment}"' in read(line)
    code = urljoin(row, re.search(r'href="([^"]*code/theory/wen2022/[^"]+#L\d+)"', body)[1])
    assert f'id="{urlparse(code).fragment}"' in read(code)
    opened = Page(chromium, html / "book" / "ledger.html", fragment=f"#{CLAIM}")
    link = opened.js(f"document.getElementById('{CLAIM}').querySelector('dd td a').href")
    assert "What rests on it" in read(link)
    assert ledger_link(*CLAIM.split("."), "records/wang2021") in read(link)
    method = follow(link, r'href="([^"]*code/methods/[^"]+#L\d+)"')
    assert f'id="{urlparse(method).fragment}"' in read(method)


def read(uri):
    """Text of the file behind an address."""
    path = url2pathname(urlparse(uri).path)
    with open(path, encoding="utf-8") as file:
        return file.read()


def follow(uri, pattern):
    """The first link of a page that fits."""
    return urljoin(uri, re.search(pattern, read(uri))[1])


def test_no_link_of_the_evidence_is_broken(html):
    """Every relative link of the ledger, of records and of sources leads to a file and an id."""
    pages = [html / "book" / "ledger.html", *sorted((html / "records").rglob("*.html"))[::25]]
    ids, broken = {}, []
    for page in pages:
        for link in re.findall(r'<a [^>]*href="([^"#:]+)(?:#([^"]*))?"', page.read_text()):
            target = (page.parent / link[0]).resolve()
            if not target.is_file():
                broken.append((page.name, link))
            elif link[1]:
                if target not in ids:
                    ids[target] = set(re.findall(r'id="([^"]+)"', target.read_text()))
                if link[1] not in ids[target]:
                    broken.append((page.name, link))
    assert broken == []


def test_every_record_has_a_page_and_its_json(html, root):
    for path in sorted((root / "results").glob("*/*.json")):
        page = html / "records" / path.parent.name / f"{path.stem}.html"
        if page.is_file():
            assert page.with_suffix(".json").read_bytes() == path.read_bytes()
    listed = (html / "records" / "index.html").read_text()
    assert len(re.findall(r'<tr><td><a href="', listed)) == len(
        list((html / "records").glob("*/*.html"))
    )
