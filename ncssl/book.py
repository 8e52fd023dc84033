"""Building the book from its pages and from what notebooks leave."""

import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click

from ncssl.errors import BadFile
from ncssl.files import claimed
from ncssl.notebooks import checkout, execute, say
from ncssl.site import address

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


class BuildFailed(click.ClickException):
    """Exit code 1 on the command line. The book did not build, or built with warnings."""


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
        execute(out_dir=stage / "notebooks", jobs=jobs, progress=progress, partial=False, root=root)
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
