"""What the ledger opens to, in a reader's browser: records, papers, code, and no broken link."""

import re
from urllib.parse import urljoin, urlparse
from urllib.request import url2pathname

import pytest
from ledger_reader import CLAIM, Page, dim

from ncssl.links import ledger_link


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
