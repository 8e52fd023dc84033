"""Papers are listed in the order in which the book has them."""

import re

from ncssl.claims import papers
from ncssl.order import in_order
from ncssl.pages import questions
from ncssl.theory import THEORIES
from ncssl.trace import places
from ncssl.trace import rows as tracing


def test_papers_are_listed_as_the_book_has_their_chapters(root):
    pages = re.findall(r"file: (?:notebooks|book)/(\S+)", (root / "_toc.yml").read_text("utf-8"))
    chapters = {k: places.CHAPTERS.get(k, (f"{k}_experiments",))[0] for k in papers.papers()}
    in_book = sorted(chapters, key=lambda key: pages.index(chapters[key]))
    assert list(papers.papers()) == in_book == list(THEORIES)


def test_the_ledger_and_the_front_follow_that_order(root):
    keys = papers.papers()
    assert list(dict.fromkeys(key for key, _, _ in tracing.runs({}))) == list(keys)
    asked = list(questions.read(root / questions.FILE))
    assert asked == [key for key in keys if key in asked] and len(asked) == 6
    links = re.findall(r"\]\(papers/(\w+)\.md\)", (root / "book/intro.md").read_text("utf-8"))
    assert links[:6] == asked


def test_what_has_no_chapter_follows_by_the_alphabet():
    assert in_order({"zeta", "a2030", "cho2022", "wen2022"}) == (
        "wen2022",
        "cho2022",
        "a2030",
        "zeta",
    )
