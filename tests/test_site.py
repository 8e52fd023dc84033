"""The parts of the built book beyond Sphinx and its theme, one by one."""

import json
import shutil
from pathlib import Path

import nbformat
import pydata_sphinx_theme
import pytest
import yaml

from ncssl.errors import BadFile
from ncssl.site import address, head, icons, outside, pdf, plain, reference, search, speed, status

GITHUB = "https://github.com/someone/some-book"


@pytest.fixture
def config(root, monkeypatch):
    """The settings of the book as committed, with no address around."""
    monkeypatch.delenv(address.VARIABLE, raising=False)
    return yaml.safe_load((root / "_config.yml").read_text())


def buttons(config):
    """Values of everything that would show a button, links out of the book included."""
    turned = [config["html"][name] for name in address.BUTTONS]
    return turned + [config["launch_buttons"].get(name) for name in address.LAUNCHERS]


def test_without_an_address_there_is_no_button(config):
    assert address.address(config) is None
    done = address.switched(config)
    assert not any(buttons(done)) and done["repository"]["url"] == ""


@pytest.mark.parametrize("given", [GITHUB, f"{GITHUB}/", f"{GITHUB}.git"])
def test_with_an_address_every_button_is_on(config, given):
    config["repository"]["url"] = given
    done = address.switched(config)
    assert all(buttons(done)) and done["repository"]["url"] == GITHUB
    assert done["html"]["baseurl"] == "https://someone.github.io/some-book/"


def test_the_variable_goes_before_the_file_and_other_hosts_launch_nothing(config, monkeypatch):
    config["repository"]["url"] = GITHUB
    monkeypatch.setenv(address.VARIABLE, "https://git.example.org/a/b")
    done = address.switched(config)
    assert done["repository"]["url"] == "https://git.example.org/a/b"
    assert buttons(done) == [True] * 3 + [""] * 2 and done["html"]["baseurl"] == ""


@pytest.mark.parametrize(
    "given", ["github.com/a/b", "http://github.com/a/b", "https://github.com/a", "x"]
)
def test_an_address_of_another_form_is_an_error(config, given):
    config["repository"]["url"] = given
    with pytest.raises(ValueError, match=r"was '.*'; allowed: https://host/owner/name"):
        address.switched(config)


def test_a_site_of_one_s_own_has_no_folder():
    assert address.Address("github.com", "Me", "me.github.io").site == "https://me.github.io/"


def test_launchable_notebooks_install_the_package_first(root, tmp_path):
    where = address.Address("github.com", "someone", "some-book")
    done = address.launchable(root / "notebooks", tmp_path, where)
    assert len(done) == len(list((root / "notebooks").glob("*.ipynb")))
    first, *rest = nbformat.read(done[0], 4).cells
    assert f"git clone --quiet --depth 1 {GITHUB} some-book" in first.source
    assert rest == nbformat.read(root / "notebooks" / done[0].name, 4).cells


@pytest.mark.parametrize(
    "latex, text",
    [
        (r"\sigma^2", "σ²"),
        (r"n\,FF^T", "n FFᵀ"),
        (r"\frac{\tau}{4}", "τ/4"),
        (r"\mathrm{kNN}", "mathrm kNN"),
        (r"\alpha = 1", "α= 1"),
    ],
)
def test_short_formulas_are_letters(latex, text):
    assert plain.formula(latex) == text


def document():
    """A page of two sections with a formula, a note and a picture."""
    from docutils import nodes

    page = nodes.section("", nodes.title("", "A page"), ids=["a-page"])
    page += nodes.paragraph("", "", nodes.Text("Short."))
    words = "With the weight decay " + "that is large " * 20
    page += nodes.paragraph("", "", nodes.Text(words), nodes.math(r"\eta", r"\eta"))
    part = nodes.section("", nodes.title("", "Part"), ids=["part"])
    part += nodes.paragraph("", "", nodes.math(r"\tau", r"\tau"), nodes.Text(" below DirectCopy"))
    page += part
    return page


def test_a_description_is_the_first_paragraph_cut_at_a_word():
    words = head.description(document())
    assert words.startswith("With the weight decay that is") and words.endswith(" …")
    assert 100 < len(words) <= head.LONG


def test_sections_have_their_own_words_only():
    (page, own), (part, words) = search.sections(document())
    assert (page, part) == ("", "part") and "DirectCopy" not in own
    assert own.startswith("Short.") and words == "τ below DirectCopy"


def test_preview_and_citation_carry_addresses_only_where_there_is_one():
    bare = head.tags("T", 'w "x"', "P", "", "book/a")
    assert "og:image" not in bare and 'name="description" content="w &quot;x&quot;"' in bare
    full = head.tags("T", "w", "P", "https://x.org/", "book/a")
    assert 'content="https://x.org/_static/social.png"' in full
    assert "url" not in head.bibtex("book/a", "T", "P", "A", "2026", "")
    entry = head.bibtex("book/a-b", "T", "P", "A", "2026", "https://x.org/")
    assert entry.startswith("@incollection{ncssl_a_b,") and "{https://x.org/book/a-b.html}" in entry


def test_the_map_has_every_page():
    text = outside.sitemap(["book/a", "b&c"], "https://x.org/")
    assert text.count("<url>") == 2 and "https://x.org/b&amp;c.html" in text


@pytest.mark.parametrize(
    "lines, done",
    [
        (["`a_b` and c_ * d|e"], [r"``a_b`` and c\_ \* d\|e", ""]),
        (
            ["Rules:", "* one `x`", "two", "- three"],
            ["Rules:", "", "* one ``x``", "  two", "", "* three", ""],
        ),
        (["So:", "", "    p = W C", "", "x"], ["So:", "", "::", "", "    p = W C", "", "x", ""]),
        (["a lone ` sign"], [r"a lone \` sign", ""]),
    ],
)
def test_docstrings_become_words_code_and_blocks(lines, done):
    assert reference.rst(lines) == done


def test_status_is_what_the_notebook_says(root, tmp_path):
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["language_info"] = {"version": "3.11.7"}
    notebook.cells = [
        nbformat.v4.new_code_cell("a: int = 1  # one\nb = 'x'", metadata={"tags": ["parameters"]})
    ]
    kinds = {"text/html": "<figure><svg></svg></figure>"}, {"image/png": ""}, {"text/html": "<p>"}
    notebook.cells[0].outputs = [
        nbformat.v4.new_output("display_data", data={"text/plain": ""} | data) for data in kinds
    ]
    path = tmp_path / "n.ipynb"
    nbformat.write(notebook, path)
    run = status.read(path)
    assert (run.parameters, run.cells, run.figures, run.seconds) == ("a = 1, b = 'x'", 1, 2, None)
    notebook.metadata["papermill"] = {"duration": 12.34, "end_time": "2026-11-30T01:02:03"}
    notebook.metadata["ncssl"] = status.note(notebook)
    nbformat.write(notebook, path)
    run = status.read(path)
    assert run.seconds == 12.3 and "cores" in run.machine and "torch" in run.versions
    (tmp_path / "checks.tsv").write_text("make test\t321\n")
    text = status.markdown([run], status.parts(tmp_path / "checks.tsv"))
    assert "| make test | 321 |" in text and "| 12 |" in text
    assert "did not run" in status.markdown([run], status.parts(tmp_path / "none.tsv"))


TOC = {
    "root": "book/intro",
    "parts": [{"caption": "P", "chapters": [{"file": "n/a", "sections": [{"file": "n/b"}]}]}],
}


def test_the_order_of_the_whole_is_that_of_the_contents():
    assert list(pdf.order(TOC)) == [(0, "book/intro"), (-1, "P"), (0, "n/a"), (1, "n/b")]


@pytest.mark.parametrize(
    "link, where",
    [
        ("b.html#x", "#n-b--x"),
        ("b.html", "#n-b"),
        ("#y", "#n-a--y"),
        ("../book/intro.html", "#book-intro"),
        ("../records/r.html", None),
        ("https://x.org", "https://x.org"),
    ],
)
def test_links_lead_inside_the_whole(link, where):
    assert pdf.target("n/a", link, {"n/a", "n/b", "book/intro"}) == where


def test_pages_of_targets_are_read_off_the_pdf():
    text = b"2 0 obj\n<</Type /Page\n>>\n8 0 obj\n<</Type /Page\n>>\n9 0 obj\n<</Type /Pages\n"
    text += b"16 0 obj\n<</n-a [8 0 R /XYZ 6 8 0]\n/b [2 0 R /XYZ 6 8 0]>>"
    assert pdf.places(text) == {"n-a": 2, "b": 1}


def test_a_page_that_is_not_built_is_named(tmp_path):
    with pytest.raises(BadFile, match="intro.html: is missing; build the book first"):
        pdf.whole(tmp_path, TOC, {})


def test_the_licence_and_the_citation_are_complete(root):
    said = yaml.safe_load((root / "CITATION.cff").read_text())
    for paper in said["references"]:
        assert {"title", "authors", "year"} <= set(paper) and {"url", "doi"} & set(paper)
    assert {"abstract", "keywords", "preferred-citation", "date-released"} <= set(said)


def test_only_icons_in_use_are_kept(tmp_path):
    theme = Path(pydata_sphinx_theme.__file__).parent
    here = tmp_path / icons.FOLDER
    shutil.copytree(next(theme.glob("**/vendor/fontawesome")), here)
    (tmp_path / "a.html").write_text('<i class="fa-solid fa-bars"></i>')
    icons.cut(tmp_path)
    css = next(here.rglob("all.min.css")).read_text()
    assert ".fa-bars:before" in css and ".fa-sun" not in css and not list(here.rglob("*.js"))
    assert sum(path.stat().st_size for path in here.rglob("*.woff")) < 10_000


def test_the_page_of_speed_begins_with_how_many_times_as_fast(tmp_path):
    ratio = {"low": 4.0, "high": 6.0, "goal": None}
    part = {
        "title": "Laptop",
        "ratios": [
            ratio | {"name": "ours, float32 / lightly", "median": 5.0},
            ratio | {"name": "ours, bf16 / lightly", "median": 7.0},
        ],
        "rows": [
            {
                "name": "lightly",
                "unit": "images/s",
                "median": 1234.0,
                "low": 1000.0,
                "high": 1500.0,
            },
            {"name": "torchode", "unit": "", "median": None, "why": "not measured"},
        ],
        "notes": ["a note"],
    }
    machine = dict(cpu="a processor", cores=2, cuda=None, load=0.1, day="2026-11-30", versions={})
    (tmp_path / "a.json").write_text(json.dumps({"machine": machine, "parts": {"laptop": part}}))
    (result,) = speed.results(tmp_path)
    assert "so many more images a second" in speed.finding(result)
    text = speed.markdown(result)
    assert "5 times as many as lightly." in text and "7 times" not in text
    assert "| ours, bf16 / lightly | 7x (4 to 6) |" in text
    assert "| lightly | 1,234 images/s (1,000 to 1,500) |" in text
    assert "| torchode | not measured |" in text and "* a note" in text
    assert speed.finding({"parts": {}}) == ""
