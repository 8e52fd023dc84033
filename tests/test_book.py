"""The build of the book: what it leaves alone, what it refuses, and what its pages carry."""

import shutil
import threading

import nbformat
import pytest
from small_book import KERNEL, SUM, V4, write

from ncssl import book
from ncssl.errors import BadFile
from ncssl.site import address, pdf


def test_a_build_folder_of_ones_own_is_left_alone(tmp_path, root):
    """In a folder that is no checkout of the project, and where something else lies in
    _build/src."""
    (tmp_path / "notebooks").mkdir()
    write(tmp_path / "notebooks" / "good.ipynb", SUM)
    mine = tmp_path / "_build" / "src" / "mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("years of work")
    with pytest.raises(BadFile, match="_config.yml: is missing; go to a checkout"):
        book.build(root=tmp_path)
    for name in book.STAGED:
        (tmp_path / name).symlink_to(root / name)
    with pytest.raises(
        BadFile, match="was not made by `ncssl book`, which would empty it; move it elsewhere"
    ):
        book.build(root=tmp_path)
    assert mine.read_text() == "years of work"
    mine.with_name(book.MARK).touch()
    book.clear(mine.parent)
    assert not mine.parent.exists()


def test_a_second_build_waits_for_the_first(tmp_path, capsys):
    done, lock = [], tmp_path / "_build" / ".lock"

    def second():
        with book.alone(lock, True):
            done.append("second")

    thread = threading.Thread(target=second)
    with book.alone(lock, True):
        thread.start()
        said = ""
        while "another build is at work in this checkout" not in said:
            said += capsys.readouterr().err
        done.append("first")
    thread.join()
    assert done == ["first", "second"]


def test_damaged_mathjax_is_refused(tmp_path, monkeypatch):
    book.place_mathjax(tmp_path / "good")
    assert (tmp_path / "good" / "startup.js").is_file()
    monkeypatch.setattr(book, "MATHJAX", ("startup.js",))
    with pytest.raises(BadFile, match="does not hold MathJax 3.2.2"):
        book.place_mathjax(tmp_path / "bad")


def test_every_page_has_a_description_a_citation_and_no_dead_button(html):
    for page in (html / "book" / "verdicts.html", html / "notebooks" / "zoo.html"):
        text = page.read_text(encoding="utf-8")
        assert '<meta name="description"' in text or page.stem == "zoo"
        assert '<details class="cite">' in text and "favicon.svg" in text
        assert "colab" not in text and "github.com/executablebooks" not in text
    assert (html / "404.html").is_file() and not (html / "sitemap.xml").exists()
    assert "MathJax" in (html / "_static" / "mathjax" / "LICENSE.txt").read_text()[:20]


@pytest.fixture(scope="module")
def two(tmp_path_factory, root):
    """A checkout whose book has two pages."""
    folder = tmp_path_factory.mktemp("two")
    for name in ("_config.yml", "LICENSE"):
        shutil.copy(root / name, folder)
    shutil.copytree(root / "book" / "static", folder / "book" / "static")
    shutil.copy(root / "book" / "references.bib", folder / "book")
    (folder / "book" / "intro.md").write_text("# A book\n\nIts first words say what it is about.\n")
    (folder / "_toc.yml").write_text(
        "format: jb-book\nroot: book/intro\nchapters:\n- file: notebooks/n\n"
    )
    (folder / "notebooks").mkdir()
    parameters = V4.new_code_cell("steps = 3", metadata={"tags": ["parameters"]})
    code = V4.new_code_cell("print('The sum is', sum(range(steps)))")
    words = V4.new_markdown_cell("# N\n\nWords about it.")
    notebook = V4.new_notebook(cells=[words, parameters, code], metadata=KERNEL)
    nbformat.write(notebook, folder / "notebooks" / "n.ipynb")
    return folder


@pytest.fixture(scope="module")
def tied(two):
    """The folder of its pages, its notebook run, built with the address of a repository."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(address.VARIABLE, "https://github.com/someone/some-book")
        return book.build(root=two, progress=False).parent


def test_pages_have_what_their_notebooks_print(two, tied):
    assert "The sum is 3" in (tied / "notebooks" / "n.html").read_text(encoding="utf-8")
    cells = nbformat.read(two / "notebooks" / "n.ipynb", 4).cells
    assert cells[-1].outputs == [], "the notebook of the checkout is not touched"


def test_an_address_turns_on_every_button_the_map_and_the_preview(tied):
    page = (tied / "notebooks" / "n.html").read_text(encoding="utf-8")
    on = "https://github.com/someone/some-book"
    assert f"{on}/edit/main/notebooks/n.ipynb" in page and f"{on}/issues/new" in page
    assert "/github/someone/some-book/blob/launch/notebooks/n.ipynb" in page
    assert "https://mybinder.org/v2/gh/someone/some-book/main" in page
    site = "https://someone.github.io/some-book/"
    assert f'<link rel="canonical" href="{site}notebooks/n.html"' in page
    assert f'content="{site}_static/social.png"' in page
    assert f"<loc>{site}book/intro.html</loc>" in (tied / "sitemap.xml").read_text()
    assert f'<base href="{site}"' in (tied / "404.html").read_text(encoding="utf-8")
    first = nbformat.read(tied.parent / "launch" / "notebooks" / "n.ipynb", 4).cells[0].source
    assert f"git clone --quiet --depth 1 {on} some-book" in first


def test_the_whole_is_printed_with_numbers_in_its_contents(tied, chromium):
    out = pdf.make(tied, tied.parent.parent / "_toc.yml", tied.parent / "whole.pdf")
    at = pdf.places(out.read_bytes())
    assert 1 <= at["book-intro"] < at["notebooks-n"]
    assert out.read_bytes().startswith(b"%PDF") and not (tied / "whole.html").exists()


def test_a_warning_of_sphinx_fails_the_build(two, tied, tmp_path, capfd):
    """The book that was built without one, with a reference that leads nowhere."""
    shutil.copytree(two, tmp_path / "two", ignore=shutil.ignore_patterns("_build"))
    with open(tmp_path / "two" / "book" / "intro.md", "a") as page:
        page.write("\nSee {ref}`nowhere`.\n")
    with pytest.raises(book.BuildFailed):
        book.build(run=False, root=tmp_path / "two", progress=False)
    assert "nowhere" in capfd.readouterr().err
