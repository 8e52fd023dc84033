"""What a reader's browser sees of the pages with the network off."""

import json

import pytest

MADE = ("_static", "_modules", "records", "code", "papers")  # folders of pages that are all alike


def pages_of(html):
    """Every page of the book but the first, which sends its reader on to the introduction, and of
    each folder of pages that are all alike the first one."""
    alike, pages = set(), []
    for page in sorted(html.rglob("*.html")):
        folder = page.relative_to(html).parts[0]
        if folder in ("_static", "index.html") or folder in alike:
            continue
        if folder in MADE:
            alike.add(folder)
        pages.append(page)
    return pages


def look(chromium, pages, html):
    """Visit pages, at every width and in both themes, and return what a reader would see wrong,
    with totals of figures and formulas."""
    wrong, images, maths = {}, 0, 0
    for page in pages:
        seen = chromium.visit(page.as_uri())
        weight = chromium.weight()
        images, maths = images + seen.pop("images", 0), maths + seen.pop("math", 0)
        most = HEAVIER.get(page.relative_to(html).as_posix(), HEAVIEST)
        seen |= chromium.audit() | {"heavy": weight if weight > most else 0}
        if any(seen.values()):
            wrong[page.relative_to(html).as_posix()] = {
                key: value for key, value in seen.items() if value
            }
    return wrong, images, maths


HEAVIEST = 2_000_000  # bytes of a page with all that it loads, as they lie on the disk, unpacked
# chapters that are heavier, by their figures in SVG and by voices to listen to: none may be added,
# and none may grow
HEAVIER = {
    "notebooks/cho2022_speech.html": 2_750_000,
    "notebooks/tian2021_theory.html": 2_400_000,
    "notebooks/halvagal2023_theory.html": 2_450_000,
    "notebooks/collapse_atlas.html": 2_250_000,
    "notebooks/tian2021_experiments.html": 2_100_000,
    "notebooks/halvagal2023_experiments.html": 2_050_000,
    "notebooks/wang2021_experiments.html": 2_050_000,
}


def test_the_browser_sees_what_is_wrong(tmp_path, chromium):
    page = tmp_path / "page.html"
    page.write_text(
        '<!doctype html><article>\\(x^2\\) <span class="math">y</span> <img src="none.png"><div'
        ' class="math" id="long"><mjx-container display="true" style="display: block; overflow:'
        ' auto; width: 9em"><p style="width: 99em">z</p></mjx-container></div><script'
        ' src="https://cdn.jsdelivr.net/x.js"></script><script>throw new'
        ' Error("broken")</script></article>'
    )
    seen = chromium.visit(page.as_uri())
    assert seen["raw"] and seen["wide"] == ["long"] and seen["unset"] == 1 and seen["broken"]
    assert seen["asked"] == ["https://cdn.jsdelivr.net/x.js"]
    assert any("broken" in error for error in seen["errors"])


def test_the_audit_sees_what_is_wrong(tmp_path, chromium):
    page = tmp_path / "page.html"
    page.write_text(
        "<!doctype html><html data-theme=light><title>a</title><main style='background: #fff'>"
        "<p style='color: #888'>grey</p><p style='color: #666'>darker</p><button></button>"
        "<h2>What \\alpha is</h2><div style='width: 500px'>wide</div>"
        "<mjx-container><a href=x>formula</a></mjx-container></main>"
    )
    chromium.visit(page.as_uri())
    found = chromium.audit()
    assert len(found["unreadable"]) == 6 and "3.54 p in main: grey" in found["unreadable"][0]
    assert "darker" not in str(found) and found["unnamed"][0] == "1280 light: ['button']"
    assert [words.partition(":")[0] for words in found["wide"]] == ["390 light", "390 dark"]
    assert "What" in found["latex"][0] and found["formulas"][0] == "1280 light: 1"


def results(chromium, html, words):
    """Addresses and excerpts that the search finds for some words, best first."""
    uri = f"{(html / 'search.html').as_uri()}?q={words}"
    seen = chromium.visit(uri)
    assert seen["errors"] == [] and seen["asked"] == []
    code = """new Promise(done => {
      const found = () => [...document.querySelectorAll('ul.search > li')]
        .map(i => [i.querySelector('a').href, i.querySelector('p.context')?.textContent]);
      const ended = () => document.querySelector('p.search-summary')?.textContent;
      const wait = () => setTimeout(() => ended() ? done(JSON.stringify(found())) : wait(), 50);
      wait();
    })"""
    return json.loads(chromium.evaluate(code))


def test_the_search_shows_excerpts_from_the_file_system(html, chromium):
    found = results(chromium, html, "stop-gradient")
    assert len(found) > 2 and all("gradient" in (words or "").lower() for _, words in found[:2])


def test_print_cuts_nothing_off(html, chromium):
    """On paper no part of a page is wider than the page, and nothing scrolls."""
    chromium.visit((html / "book" / "data.html").as_uri())
    chromium.call("Emulation.setEmulatedMedia", chromium.session, media="print")
    chromium.resize(680, 1000)
    code = """JSON.stringify([...document.querySelectorAll('article *')].filter(e =>
      e.checkVisibility() && !e.closest('mjx-container') &&
      (e.getBoundingClientRect().right > innerWidth + 1 ||
        e.scrollWidth > e.clientWidth + 2 && getComputedStyle(e).overflowX === 'auto'))
      .map(e => e.outerHTML.slice(0, 80)))"""
    assert json.loads(chromium.evaluate(code)) == []


@pytest.mark.parametrize("part", range(2))  # side by side
def test_built_pages_of_this_checkout(root, chromium, part):
    html = root / "_build" / "html"
    if not (html / "index.html").is_file():
        pytest.skip("the book is not built here (make book)")
    wrong, _, maths = look(chromium, pages_of(html)[part::2], html)
    assert wrong == {} and maths
    assert "url=book/intro.html" in (html / "index.html").read_text()


@pytest.mark.parametrize("word, first", [("DirectCopy", "wang2021"), ("IsoLoss", "halvagal2023")])
def test_built_search_finds_a_method_on_a_page_of_its_paper_first(root, chromium, word, first):
    html = root / "_build" / "html"
    if not (html / "index.html").is_file():
        pytest.skip("the book is not built here (make book)")
    (link, excerpt), *_ = results(chromium, html, word)
    assert first in link and word.lower() in excerpt.lower()
