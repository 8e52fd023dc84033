"""The guards around papermill, the build, and what a reader's browser sees of the pages with the
network off."""

import ast
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import nbformat
import papermill
import papermill.cli
import pytest
import small_book

from ncssl import book, notebooks
from ncssl.errors import BadFile, UnknownName
from ncssl.site import address, pdf

V4 = nbformat.v4
PARAMETERS = 'steps = 3\ndataset = "digits"\nmethod = "simsiam"\nscale = "smoke"\ndownload = False'


def write(path, *cells, tag="parameters"):
    """A small notebook whose first code cell has the given tag."""
    first = V4.new_code_cell(PARAMETERS, metadata={"tags": [tag]})
    title = V4.new_markdown_cell(
        f"# A chapter\n\nHere $\\dot p = p^2$ and {{cite:t}}`tian2021`.\n\n$$\n{BIG}\n$$"
    )
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(
        V4.new_notebook(cells=[title, first, *map(V4.new_code_cell, cells)], metadata=kernel), path
    )


BIG = (
    r"\begin{aligned} \eta &< \frac{\tau^2}{4(1+\sigma^2)} \\ \boldsymbol{W} &\in \mathbb{R}"
    r" \end{aligned}"
)
FIGURE = "import matplotlib.pyplot as plt\n_ = plt.plot(range(steps))"
SUM = "from pathlib import Path\nprint(sum(range(steps)), Path('notebooks').is_dir())"


@pytest.fixture
def checkout(tmp_path):
    """A checkout with three notebooks: one good, one without a parameters cell, one that fails."""
    (tmp_path / "notebooks").mkdir()
    write(tmp_path / "notebooks" / "good.ipynb", SUM)
    write(tmp_path / "notebooks" / "untagged.ipynb", SUM, tag="other")
    write(tmp_path / "notebooks" / "failing.ipynb", "raise RuntimeError('no luck')")
    return tmp_path


@pytest.mark.parametrize(
    "text",
    ["3", "-1", "0.5", "1e-3", "True", "False", "None", "true", "digits", "", "1_000", "nan"],
)
def test_values_are_read_as_papermill_reads_them(text):
    assert repr(notebooks.parse(text)) == repr(papermill.cli._resolve_type(text))


@pytest.mark.parametrize(
    "names, parameters, error, says",
    [
        (["goood"], {}, UnknownName, "unknown notebook 'goood'.*did you mean 'good'"),
        (
            ["good"],
            {"stepz": 4},
            UnknownName,
            "unknown parameter of good 'stepz'.*did you mean 'steps'",
        ),
        (["untagged"], {"steps": 4}, BadFile, "untagged.ipynb: has no cell tagged `parameters`"),
        (["untagged"], {}, BadFile, "no cell tagged"),
        (["good"], {"dataset": "cifar11"}, UnknownName, "unknown dataset 'cifar11'.*cifar10"),
        (
            ["good"],
            {"dataset": "voice"},
            UnknownName,
            "unknown dataset 'voice'.*did you mean 'voices'",
        ),
        (["good"], {"method": "simsam"}, UnknownName, "unknown method 'simsam'.*simsiam"),
        (["good"], {"scale": "tiny"}, UnknownName, "unknown scale 'tiny'.*laptop"),
        (["good"], {"scale": 3}, UnknownName, "unknown scale 3"),
        (["good"], {"download": "maybe"}, ValueError, "download was 'maybe'; allowed: True, False"),
    ],
)
def test_what_papermill_would_let_pass_is_an_error(checkout, names, parameters, error, says):
    with pytest.raises(error, match=says):
        notebooks.execute(names, parameters, root=checkout)
    assert not (checkout / "_build").exists(), "nothing may run before everything is checked"


def test_a_build_folder_of_ones_own_is_left_alone(checkout, root):
    """In a folder that is no checkout of the project, and where something else lies in
    _build/src."""
    mine = checkout / "_build" / "src" / "mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("years of work")
    with pytest.raises(BadFile, match="_config.yml: is missing; go to a checkout"):
        book.build(root=checkout)
    for name in book.STAGED:
        (checkout / name).symlink_to(root / name)
    with pytest.raises(
        BadFile, match="was not made by `ncssl book`, which would empty it; move it elsewhere"
    ):
        book.build(root=checkout)
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


def alive(pid) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_notebooks_end_with_what_started_them(checkout, number):
    """The workers and their kernels."""
    cell = (
        "import os, time\nopen(f'{os.getpid()}.pid', 'w').write(str(os.getppid()))\ntime.sleep(600)"
    )
    for name in ("left", "right"):
        write(checkout / "notebooks" / f"{name}.ipynb", cell)
    command = [sys.executable, "-m", "ncssl", "notebooks", "left", "right", "--jobs", "2"]
    end = time.monotonic() + 600
    with subprocess.Popen(command, cwd=checkout, stderr=subprocess.DEVNULL) as parent:
        while (
            time.monotonic() < end and len([p for p in checkout.glob("*.pid") if p.read_text()]) < 2
        ):
            time.sleep(0.1)
        parent.send_signal(number)
    pids = {int(word) for p in checkout.glob("*.pid") for word in (p.stem, p.read_text())}
    assert len(pids) == 4, "two kernels and two workers"
    end = time.monotonic() + 120
    while any(map(alive, pids)) and time.monotonic() < end:
        time.sleep(0.1)
    assert not any(map(alive, pids))


def test_a_checkout_without_notebooks_says_where_it_looked(tmp_path):
    with pytest.raises(BadFile, match="holds no notebooks folder"):
        notebooks.execute(root=tmp_path)


def test_parameters_reach_the_notebook_and_the_source_stays(checkout, capfd):
    before = (checkout / "notebooks" / "good.ipynb").read_bytes()
    (done,) = notebooks.execute(["good"], {"steps": 5}, root=checkout)
    assert done == checkout / "_build" / "notebooks" / "good.ipynb"
    assert nbformat.read(done, 4).cells[-1].outputs[0].text == "10 True\n"
    assert (checkout / "notebooks" / "good.ipynb").read_bytes() == before
    out, err = capfd.readouterr()
    assert out == "" and "[1/1] good: done" in err and "WARNING" not in err


def test_outputs_are_stored_without_times(checkout):
    done = notebooks.execute(["good"], {}, root=checkout, progress=False)
    notebooks.store(done, checkout)
    stored = checkout / "notebooks" / "good.ipynb"
    assert nbformat.read(stored, 4).cells[-1].outputs[0].text.endswith("True\n")
    assert "papermill" not in stored.read_text() and "start_time" not in stored.read_text()


def test_a_failing_notebook_is_an_error_after_the_others_have_run(checkout, capsys):
    with pytest.raises(
        notebooks.NotebookFailed,
        match="1 of 2 notebooks failed: failing: In .2.: RuntimeError: no luck",
    ):
        notebooks.execute(["failing", "good"], root=checkout, progress=False)
    assert nbformat.read(checkout / "_build" / "notebooks" / "good.ipynb", 4).cells[-1].outputs
    assert capsys.readouterr().err == ""


def test_notebooks_run_side_by_side_and_share_the_cores(checkout, capfd, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    # each waits for the other: a kernel that is slow to start only makes the other wait
    meeting = """
import os, pathlib, time
place = pathlib.Path({place!r})
(place / {mine!r}).touch()
for _ in range(600):
    if (place / {other!r}).exists():
        break
    time.sleep(0.1)
else:
    raise RuntimeError("the two ran one after the other")
print(os.environ["OMP_NUM_THREADS"])
"""
    for mine, other in (("left", "right"), ("right", "left")):
        source = meeting.format(place=str(checkout), mine=mine, other=other)
        write(checkout / "notebooks" / f"{mine}.ipynb", source)
    with pytest.raises(
        notebooks.NotebookFailed,
        match="1 of 3 notebooks failed: failing: In .2.: RuntimeError: no luck",
    ):
        notebooks.execute(["left", "failing", "right"], jobs=3, root=checkout)
    cells = [
        nbformat.read(checkout / "_build" / "notebooks" / f"{n}.ipynb", 4).cells[-1]
        for n in ("left", "right")
    ]
    share = str(max(1, os.cpu_count() // 3))
    assert [c.outputs[0].text.strip() for c in cells] == [share, share]
    lines = capfd.readouterr().err.splitlines()
    assert [line for line in lines if line.startswith("[3/3] right")][0] == "[3/3] right ..."
    assert "[2/3] failing: In [2]: RuntimeError: no luck" in [
        line.rsplit(" (", 1)[0] for line in lines
    ]


@pytest.fixture
def dying(tmp_path, monkeypatch):
    """A function that makes the next so many kernels die while they start."""
    spec, deaths = tmp_path / "jupyter" / "kernels" / "python3" / "kernel.json", tmp_path / "deaths"
    start = (
        'read left < "$1"; echo $((left - 1)) > "$1"; [ "$left" -le 0 ] && exec "$2" -m'
        ' ipykernel_launcher -f "$3"'
    )
    argv = ["sh", "-c", start, "sh", str(deaths), sys.executable, "{connection_file}"]
    spec.parent.mkdir(parents=True)
    spec.write_text(
        json.dumps({"argv": argv, "display_name": "Dies at first", "language": "python"})
    )
    monkeypatch.setenv("JUPYTER_PATH", str(spec.parents[2]))
    return lambda number: deaths.write_text(f"{number}\n")


def test_a_kernel_that_dies_while_it_starts_is_started_once_more(checkout, dying):
    dying(1)
    (path,) = notebooks.execute(["good"], root=checkout, progress=False)
    assert nbformat.read(path, 4).cells[-1].outputs
    dying(2)
    with pytest.raises(RuntimeError, match="Kernel died before replying to kernel_info"):
        notebooks.execute(["good"], root=checkout, progress=False)


def test_nbval_starts_a_dead_kernel_once_more(checkout, dying, root):
    shutil.copy(root / "notebooks" / "conftest.py", checkout / "notebooks")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--nbval-lax",
        "notebooks/good.ipynb",
    ]
    for deaths, result in [(1, "2 passed"), (2, "2 errors")]:
        dying(deaths)
        assert (
            result in subprocess.run(command, cwd=checkout, capture_output=True, text=True).stdout
        )


@pytest.mark.parametrize(
    "arguments",
    [
        ["good", "--jobs", "-1"],
        ["good", "-p", "stepz", "4"],
        ["failing"],
        ["untagged"],
        ["nothing"],
    ],
)
def test_the_command_line_exits_with_an_error(checkout, monkeypatch, arguments):
    from click.testing import CliRunner

    from ncssl.cli import main

    monkeypatch.chdir(checkout)
    result = CliRunner().invoke(main, ["notebooks", *arguments])
    assert result.exit_code in (1, 2) and isinstance(result.exception, SystemExit), result.exception


def test_damaged_mathjax_is_refused(tmp_path, monkeypatch):
    book.place_mathjax(tmp_path / "good")
    assert (tmp_path / "good" / "startup.js").is_file()
    monkeypatch.setattr(book, "MATHJAX", ("startup.js",))
    with pytest.raises(BadFile, match="does not hold MathJax 3.2.2"):
        book.place_mathjax(tmp_path / "bad")


@pytest.fixture(scope="module")
def small(tmp_path_factory, root):
    """The book's own settings and pages with one small notebook in place of every chapter, run and
    built."""
    folder = tmp_path_factory.mktemp("checkout")
    small_book.pages(root, folder)
    toc = (folder / "_toc.yml").read_text().replace("file: ", " ").split()
    chapters = {word for word in toc if word.startswith("notebooks/")} | {"notebooks/first_run"}
    for chapter in chapters:
        path = folder / f"{chapter}.ipynb"
        write(path, FIGURE)
        notebook = nbformat.read(path, 4)
        notebook.cells += map(V4.new_markdown_cell, small_book.sections(root / f"{chapter}.ipynb"))
        nbformat.write(notebook, path)
    return folder


@pytest.fixture(scope="module")
def built(small):
    """First page of the small book, built without the address of a repository."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(address.VARIABLE, raising=False)
        return book.build(root=small, progress=False)


MADE = ("_static", "_modules", "records", "code", "papers")  # folders of pages that are all alike


def pages_of(html):
    """Every page of the book, and of each folder of pages that are all alike the first one."""
    alike, pages = set(), []
    for page in sorted(html.rglob("*.html")):
        folder = page.relative_to(html).parts[0]
        if folder == "_static" or folder in alike:
            continue
        if folder in MADE:
            alike.add(folder)
        pages.append(page)
    return pages


def look(chromium, html):
    """Visit every page, at every width and in both themes, and return what a reader would see
    wrong, with totals of figures and formulas."""
    wrong, images, maths = {}, 0, 0
    for page in pages_of(html):
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


@pytest.mark.slow
def test_pages_open_from_the_file_system_with_the_network_off(built, small, chromium):
    wrong, images, maths = look(chromium, built.parent)
    chapters = len(list((small / "notebooks").iterdir()))
    assert wrong == {}
    assert images >= chapters and maths >= 2 * chapters + 4


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


def test_the_search_shows_excerpts_from_the_file_system(built, chromium):
    found = results(chromium, built.parent, "stop-gradient")
    assert len(found) > 2 and all("gradient" in (words or "").lower() for _, words in found[:2])


def test_print_cuts_nothing_off(built, chromium):
    """On paper no part of a page is wider than the page, and nothing scrolls."""
    chromium.visit((built.parent / "book" / "data.html").as_uri())
    chromium.call("Emulation.setEmulatedMedia", chromium.session, media="print")
    chromium.resize(680, 1000)
    code = """JSON.stringify([...document.querySelectorAll('article *')].filter(e =>
      e.checkVisibility() && !e.closest('mjx-container') &&
      (e.getBoundingClientRect().right > innerWidth + 1 ||
        e.scrollWidth > e.clientWidth + 2 && getComputedStyle(e).overflowX === 'auto'))
      .map(e => e.outerHTML.slice(0, 80)))"""
    assert json.loads(chromium.evaluate(code)) == []


def test_every_page_has_a_description_a_citation_and_no_dead_button(built):
    html = built.parent
    for page in (html / "book" / "verdicts.html", html / "notebooks" / "zoo.html"):
        text = page.read_text(encoding="utf-8")
        assert '<meta name="description"' in text or page.stem == "zoo"
        assert '<details class="cite">' in text and "favicon.svg" in text
        assert "colab" not in text and "github.com/executablebooks" not in text
    assert (html / "404.html").is_file() and not (html / "sitemap.xml").exists()
    assert "MathJax" in (html / "_static" / "mathjax" / "LICENSE.txt").read_text()[:20]


@pytest.fixture(scope="module")
def tied(tmp_path_factory, root):
    """The folder of pages of a book of two, built with the address of a repository."""
    folder = tmp_path_factory.mktemp("tied")
    for name in ("_config.yml", "LICENSE"):
        shutil.copy(root / name, folder)
    shutil.copytree(root / "book" / "static", folder / "book" / "static")
    shutil.copy(root / "book" / "references.bib", folder / "book")
    (folder / "book" / "intro.md").write_text("# A book\n\nIts first words say what it is about.\n")
    (folder / "_toc.yml").write_text(
        "format: jb-book\nroot: book/intro\nchapters:\n- file: notebooks/n\n"
    )
    (folder / "notebooks").mkdir()
    notebook = V4.new_notebook(cells=[V4.new_markdown_cell("# N\n\nWords about it.")])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, folder / "notebooks" / "n.ipynb")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(address.VARIABLE, "https://github.com/someone/some-book")
        return book.build(run=False, root=folder, progress=False).parent


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


def test_a_warning_of_sphinx_fails_the_build(small, built, capfd):
    page = small / "book" / "glossary.md"
    text = page.read_text()
    page.write_text(text + "\nSee {ref}`nowhere`.\n")
    try:
        with pytest.raises(book.BuildFailed):
            book.build(run=False, root=small, progress=False)
    finally:
        page.write_text(text)
    assert "nowhere" in capfd.readouterr().err


def test_built_pages_of_this_checkout(root, chromium):
    html = root / "_build" / "html"
    if not (html / "index.html").is_file():
        pytest.skip("the book is not built here (make book)")
    wrong, images, maths = look(chromium, html)
    assert wrong == {}
    assert images and maths


@pytest.mark.parametrize("word, first", [("DirectCopy", "wang2021"), ("IsoLoss", "halvagal2023")])
def test_built_search_finds_a_method_on_a_page_of_its_paper_first(root, chromium, word, first):
    html = root / "_build" / "html"
    if not (html / "index.html").is_file():
        pytest.skip("the book is not built here (make book)")
    (link, excerpt), *_ = results(chromium, html, word)
    assert first in link and word.lower() in excerpt.lower()


def test_every_notebook_is_in_the_book(root):
    toc = (root / "_toc.yml").read_text()
    assert [name for name in notebooks.notebooks(root) if f"notebooks/{name}\n" not in toc] == []


def test_notebooks_keep_the_rules(root):
    wrong = []
    for name, path in notebooks.notebooks(root).items():
        notebooks.check(path, {})
        cells = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
        pictures = sum(stored(data) for cell in cells for data in data_of(cell))
        wrong += (
            [f"{name}: {pictures} bytes of pictures, at most 300,000"] if pictures > 300_000 else []
        )
        for number, cell in enumerate(cells, 1):
            tags, last = cell.metadata.get("tags", ()), cell.source.rstrip().rpartition("\n")[2]
            if any(stored(data) for data in data_of(cell)) and "nbval-ignore-output" not in tags:
                wrong.append(
                    f"{name}, code cell {number}: a figure without the tag nbval-ignore-output"
                )
            if last.endswith(";"):
                wrong.append(
                    f"{name}, code cell {number}: ends with a semicolon, which nbval does not know"
                )
            if any(output.output_type == "error" for output in cell.outputs):
                wrong.append(f"{name}, code cell {number}: stores an error")
            if "injected-parameters" in tags:
                wrong.append(f"{name}, code cell {number}: injected by papermill")
    assert wrong == []


def stored(data):
    """Bytes that a figure takes in a repository, which compresses SVG; 0 for what is no figure."""
    svg = data.get("text/html", "") if "<svg" in data.get("text/html", "") else ""
    return len(data.get("image/png", "")) * 3 // 4 + (
        len(zlib.compress(svg.encode())) if svg else 0
    )


def data_of(cell):
    """Data of a code cell's outputs: one dictionary an output, from MIME type to content."""
    return [output.get("data", {}) for output in cell.outputs]


NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_name_of_a_parameters_cell_can_be_set(path):
    """papermill infers one name a line: it does not see the second of `a, b = 1, 2`."""
    cells = nbformat.read(path, as_version=4).cells
    source = next(cell.source for cell in cells if "parameters" in cell.metadata.get("tags", ()))
    names = {
        n.id
        for n in ast.walk(ast.parse(source))
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    assert names == set(papermill.inspect_notebook(str(path)))
