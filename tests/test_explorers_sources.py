"""What the explorers are made of: still pictures, links, scripts, colours."""

import re
from pathlib import Path

import nbformat
import pytest
from PIL import Image
from stills import FOLDER, KEYS

from ncssl.claims import papers
from ncssl.plots import style

PAGES = Path(__file__).resolve().parent.parent / "book" / "explorers"


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
