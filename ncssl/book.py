"""Running notebooks through papermill with the guards it lacks, and building the book from what
they leave.

papermill alone exits 0 when a notebook has no `parameters` cell or when a parameter's name is
misspelt, and then runs with other settings than were asked for. Here both are errors, and so is an
unknown scale, method or dataset.
"""

import contextlib
import hashlib
import importlib.util
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from importlib import import_module
from pathlib import Path

import click

from ncssl.errors import BadFile, UnknownName
from ncssl.files import claimed
from ncssl.site import address, status
from ncssl.workers import end_with_parent, workers

# parameters whose values are names, and the table each name must be in
NAMED = {
    "scale": ("ncssl.recipes", "SCALES"),
    "method": ("ncssl.methods", "METHODS"),
    "dataset": ("ncssl.train.tasks", "DATASETS"),
}
JOBS = 4  # notebooks side by side at most: each takes up to a gigabyte
STAGED = ("_config.yml", "_toc.yml", "LICENSE", "book")
MARK = ".made_by_ncssl"  # in the folder that a build may empty
LINKED = ("ncssl", "results", "workflow")  # sources that pages show with literalinclude
MATHJAX = (  # its parts without the menu, which is a third of the whole
    "startup.js",
    "core.js",
    "input/tex.js",
    "input/tex/extensions/*.js",
    "output/chtml.js",
    "output/chtml/fonts/tex.js",
    "output/chtml/fonts/woff-v2/*.woff",
    "a11y/assistive-mml.js",
)
UNWANTED = (
    r'<link rel="preload" as="font"[^>]*>\s*|<script src="[^"]*fontawesome[^"]*"></script>\s*'
)
# also that of npm mathjax@3.2.2
MATHJAX_SHA256 = "b481e28df2290b8a786e68393d05f6f40af9d54dcbd7db235bb70a2075a88ab7"


class NotebookFailed(click.ClickException):
    """Exit code 1 on the command line. A notebook stopped with an error: names the notebook, the
    cell and the error."""


class BuildFailed(click.ClickException):
    """Exit code 1 on the command line. The book did not build, or built with warnings."""


def checkout(root: str | Path | None = None) -> Path:
    """Folder of the checkout: `root`, else the working directory, else the parent of the package.

    Raises BadFile where none of them holds a notebooks folder.
    """
    places = [Path(root)] if root else [Path.cwd(), Path(__file__).parent.parent]
    for place in places:
        if (place / "notebooks").is_dir():
            return place.resolve()
    raise BadFile(
        places[0], "holds no notebooks folder", "go to a checkout of the project and try again"
    )


def notebooks(root: str | Path | None = None) -> dict[str, Path]:
    """Notebooks of the checkout: name (file name without its ending) -> path, sorted by name."""
    return {path.stem: path for path in sorted((checkout(root) / "notebooks").glob("*.ipynb"))}


def parse(text: str) -> bool | int | float | str | None:
    """Value of `-p name text`, read as papermill reads it: True, False, None, an int, a float, else
    the text."""
    words = {"True": True, "False": False, "None": None}
    if text in words:
        return words[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def check(path: Path, parameters: Mapping[str, object]) -> None:
    """Refuse what papermill would run silently with other settings.

    Raises BadFile without a `parameters` cell, UnknownName on a parameter, scale, method or dataset
    that is not there.
    """
    import papermill
    from papermill.iorw import load_notebook_node

    tags = [
        tag for cell in load_notebook_node(str(path)).cells for tag in cell.metadata.get("tags", ())
    ]
    if "parameters" not in tags:
        raise BadFile(
            path, "has no cell tagged `parameters`", "tag the cell that holds its settings"
        )
    known = papermill.inspect_notebook(str(path))
    for name, value in parameters.items():
        if name not in known:
            raise UnknownName(f"parameter of {path.stem}", name, known)
        if known[name]["default"] in ("True", "False") and not isinstance(value, bool):
            raise ValueError(f"{name} was {value!r}; allowed: True, False")
        if name in NAMED:
            module, table = NAMED[name]
            allowed = getattr(import_module(module), table)
            if value not in allowed:
                raise UnknownName(name, value, allowed)


def execute(
    names: Iterable[str] | None = None,
    parameters: Mapping[str, object] | None = None,
    out_dir: str | Path | None = None,
    *,
    jobs: int = 0,
    progress: bool = True,
    root: str | Path | None = None,
) -> list[Path]:
    """Run notebooks (all without names) through papermill; paths of the executed copies
    (`_build/notebooks`).

    `jobs` notebooks run side by side and share the cores (0: one a core, at most four; one where
    there is a GPU). `progress` writes lines to stderr, for a lone job in a terminal with a bar.
    Everything is checked before any runs. Raises UnknownName, BadFile, and NotebookFailed after all
    have run if some stopped with an error.
    """
    from ncssl.runs.campaign import side_by_side

    root = checkout(root)
    here, given = notebooks(root), dict(parameters or {})
    names = list(names or here)
    for name in names:
        if name not in here:
            raise UnknownName("notebook", name, here)
        check(here[name], given)
    out = Path(out_dir) if out_dir else root / "_build" / "notebooks"
    out.mkdir(parents=True, exist_ok=True)
    work = [
        (
            here[name],
            out / f"{name}.ipynb",
            given,
            f"[{number}/{len(names)}] " if progress else "",
            root,
        )
        for number, name in enumerate(names, 1)
    ]
    jobs = min(jobs or min(JOBS, side_by_side()), len(work))
    if jobs < 2:
        ended = [run_one(*one) for one in work]
    else:
        threads = max(1, (os.cpu_count() or 1) // jobs)
        with workers(jobs, begin_worker, threads) as pool:
            ended = list(pool.map(run_one, *zip(*work, strict=True)))
    failures = [f"{name}: {failure}" for name, failure in zip(names, ended, strict=True) if failure]
    if failures:
        what = "; ".join(failures)
        raise NotebookFailed(
            f"{len(failures)} of {len(names)} notebooks failed: {what}. What ran is in {out}"
        )
    return [out / f"{name}.ipynb" for name in names]


def store(executed: Iterable[Path], root: str | Path | None = None) -> None:
    """Put executed copies in the place of the notebooks of the checkout. Of what papermill notes,
    seconds and day are kept, in one place."""
    import nbformat

    for path in executed:
        notebook = nbformat.read(path, as_version=4)
        notebook.metadata["ncssl"] = status.note(notebook)
        for part in (notebook, *notebook.cells):
            part.metadata.pop("papermill", None)
            part.metadata.pop("execution", None)
        for cell in notebook.cells:  # papermill adds an empty list where there was none
            if cell.metadata.get("tags") == []:
                del cell.metadata["tags"]
        nbformat.write(notebook, checkout(root) / "notebooks" / path.name)


def say(line: str, progress: bool | str) -> None:
    """Write a line about long work to stderr; stdout stays for results."""
    if progress:
        print(line, file=sys.stderr, flush=True)


def begin_worker(threads: int) -> None:
    """Give the kernels that this process starts so many threads, unless the user has said how many.
    It ends with its parent, and its kernels with it."""
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    end_with_parent()


def run_one(source: Path, target: Path, parameters: dict, label: str, cwd: Path) -> str:
    """Run one notebook in the folder `cwd`; "" or the number of the code cell and the error that
    stopped it.

    Lines that begin with `label` say on stderr when it starts and ends; none without a label.
    """
    import papermill
    from papermill.exceptions import PapermillExecutionError

    alone = label and sys.stderr.isatty() and multiprocessing.parent_process() is None
    bar = {"desc": source.stem, "leave": False} if alone else False
    # a warning on every start that kernels listen on local TCP
    quiet = ["--IPKernelApp.log_level=40"]
    say(f"{label}{source.stem} ...", label)
    start, failure = time.monotonic(), ""
    try:
        start_again(papermill.execute_notebook)(
            str(source),
            str(target),
            parameters,
            kernel_name="python3",
            progress_bar=bar,
            cwd=str(cwd),
            extra_arguments=quiet,
        )
    except PapermillExecutionError as error:
        failure = f"In [{error.exec_count}]: {error.ename}: {error.evalue}"
    say(f"{label}{source.stem}: {failure or 'done'} ({time.monotonic() - start:.0f} s)", label)
    return failure


def start_again(start: Callable) -> Callable:
    """`start`, called once more where its kernel died before the first cell; a second death is the
    caller's error.

    jupyter_client chooses a kernel's ports a second before the kernel binds them: with kernels side
    by side another process may have taken one by then (jupyter_client, issue 487).
    """

    @wraps(start)
    def twice(*args, **kwargs):
        try:
            return start(*args, **kwargs)
        except RuntimeError as error:
            if "died before replying" not in str(error):
                raise
            return start(*args, **kwargs)

    return twice


def build(
    *, run: bool = True, jobs: int = 0, progress: bool = True, root: str | Path | None = None
) -> Path:
    """Run every notebook (or, without `run`, take the outputs stored in them) and build the book;
    its first page.

    Works in `_build/src` and leaves the pages in `_build/html`; notebooks of the checkout are not
    touched. `jobs` as in `execute`. Raises what that raises, and BuildFailed on any warning.
    """
    root = checkout(root)
    for name in STAGED:
        if not (root / name).exists():
            raise BadFile(
                root / name, "is missing", "go to a checkout of the project, or restore it from git"
            )
    with alone(root / "_build" / ".lock", progress):
        return built(root, run=run, jobs=jobs, progress=progress)


@contextlib.contextmanager
def alone(lock: Path, progress: bool) -> Iterator[None]:
    """Only one build at a time works in a checkout: another one waits for it."""
    with claimed(lock) as mine:
        if mine:
            yield
            return
    say("another build is at work in this checkout; waiting for it ...", progress)
    with claimed(lock, wait=True):
        yield


def built(root: Path, *, run: bool, jobs: int, progress: bool) -> Path:
    """The first page of the book, built in a checkout that nobody else builds in."""
    stage = root / "_build" / "src"
    clear(stage)
    fill(stage, root)
    if run:
        execute(out_dir=stage / "notebooks", jobs=jobs, progress=progress, root=root)
    for old in ("html", ".doctrees"):  # pages that did not change would hide their warnings
        shutil.rmtree(root / "_build" / old, ignore_errors=True)
    command = [
        sys.executable,
        "-c",
        "from jupyter_book.cli.main import main; main()",
        "build",
        str(stage),
    ]
    command += ["--path-output", str(root), "-W", "-n", "--keep-going", "-q"]
    start = time.monotonic()
    say("building the book ...", progress)
    done = subprocess.run(
        command, env=os.environ | {"PYTHONWARNINGS": "ignore"}, stdout=subprocess.PIPE, text=True
    )
    page = root / "_build" / "html" / "index.html"
    if done.returncode or not page.is_file():
        print(done.stdout, file=sys.stderr)
        raise BuildFailed(
            "the book has errors or warnings (above); nothing else is wrong with the notebooks'"
            " copies"
        )
    pages = tidy(page.parent)
    launch(root)
    say(f"{pages} pages in {time.monotonic() - start:.0f} s", progress)
    return page


def launch(root: Path) -> None:
    """Lay copies of the notebooks that install the package first in `_build/launch`, where the book
    has an address from which to install it."""
    import yaml

    where = address.address(yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8")))
    folder = root / "_build" / "launch" / "notebooks"
    shutil.rmtree(folder, ignore_errors=True)
    if where:
        address.launchable(root / "notebooks", folder, where)


def tidy(html: Path) -> int:
    """Take out the theme's font preloads, which browsers refuse on pages from the file system, and
    its script that draws icons once more; number of pages."""
    pages = [path for path in html.rglob("*.html") if "_static" not in path.parts]
    for path in pages:
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(UNWANTED, "", text), encoding="utf-8")
    return len(pages)


def clear(stage: Path) -> None:
    """Delete what an earlier build laid out; raises BadFile where the folder was not made by
    one."""
    if stage.exists() and not any((stage / made).exists() for made in (MARK, "vendor/mathjax")):
        raise BadFile(
            stage, "was not made by `ncssl book`, which would empty it", "move it elsewhere"
        )
    shutil.rmtree(stage, ignore_errors=True)


def fill(stage: Path, root: Path) -> None:
    """Lay out what Sphinx reads: settings, pages and their made parts, notebooks as stored, links
    to the sources, MathJax."""
    from ncssl import pages

    stage.mkdir(parents=True)
    (stage / MARK).touch()
    for name in STAGED:
        source = root / name
        (
            shutil.copytree(source, stage / name)
            if source.is_dir()
            else shutil.copy(source, stage / name)
        )
    shutil.copytree(root / "notebooks", stage / "notebooks", ignore=shutil.ignore_patterns(".*"))
    for name in LINKED:
        if (root / name).exists():
            (stage / name).symlink_to(root / name, target_is_directory=True)
    if (stage / "book" / "papers").is_dir():
        pages.write(stage / "book")
    address.write(stage / "_config.yml")
    place_mathjax(stage / "vendor" / "mathjax")
    said = f"MathJax 3.2.2, copyright The MathJax Consortium.\n\n{(root / 'LICENSE').read_text()}"
    (stage / "vendor" / "mathjax" / "LICENSE.txt").write_text(said, encoding="utf-8")


def place_mathjax(target: Path) -> None:
    """Copy the parts of MathJax 3.2.2 that pages load from the installed package
    `sphinx-mathjax-offline`.

    Raises BadFile where the package is missing or its files are not those of the release.
    """
    spec = importlib.util.find_spec("sphinx-mathjax-offline")
    if spec is None:
        raise BadFile(
            "sphinx-mathjax-offline",
            "is not installed",
            "run `make env`, or pip install 'ncssl[book]'",
        )
    source = Path(spec.submodule_search_locations[0]) / "static" / "mathjax"
    files = sorted(path for pattern in MATHJAX for path in source.glob(pattern))
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(source).as_posix()}\n".encode() + path.read_bytes())
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    if digest.hexdigest() != MATHJAX_SHA256:
        raise BadFile(
            source,
            "does not hold MathJax 3.2.2 as released",
            "reinstall sphinx-mathjax-offline==0.0.2",
        )
