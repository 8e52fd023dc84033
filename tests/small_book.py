"""The book with stand-ins for its chapters: its own settings and pages, for tests that build it."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
import yaml

from ncssl import book, notebooks
from ncssl.files import claimed
from ncssl.site import address

V4 = nbformat.v4
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
REAL = ("wen2022_theory",)  # a chapter with its own cells and outputs
PARAMETERS = 'steps = 3\ndataset = "digits"\nmethod = "simsiam"\nscale = "smoke"\ndownload = False'
BIG = (
    r"\begin{aligned} \eta &< \frac{\tau^2}{4(1+\sigma^2)} \\ \boldsymbol{W} &\in \mathbb{R}"
    r" \end{aligned}"
)
FIGURE = "import matplotlib.pyplot as plt\n_ = plt.plot(range(steps))"
SUM = "from pathlib import Path\nprint(sum(range(steps)), Path('notebooks').is_dir())"


def write(path, *cells, tag="parameters"):
    """A small notebook whose first code cell has the given tag."""
    first = V4.new_code_cell(PARAMETERS, metadata={"tags": [tag]})
    title = V4.new_markdown_cell(
        f"# A chapter\n\nHere $\\dot p = p^2$ and {{cite:t}}`tian2021`.\n\n$$\n{BIG}\n$$"
    )
    nbformat.write(
        V4.new_notebook(cells=[title, first, *map(V4.new_code_cell, cells)], metadata=KERNEL), path
    )


def pages(root: Path, folder: Path) -> None:
    """Put settings and pages of the book into an empty folder; the reference out of docstrings,
    which takes as long as all the rest, is left out, and so are the chapters."""
    for name in ("_config.yml", "LICENSE"):
        shutil.copy(root / name, folder)
    toc = yaml.safe_load((root / "_toc.yml").read_text())
    for part in toc["parts"]:
        part["chapters"] = [c for c in part["chapters"] if not c["file"].startswith("book/api")]
    (folder / "_toc.yml").write_text(yaml.safe_dump(toc))
    shutil.copytree(root / "book", folder / "book", ignore=shutil.ignore_patterns("api"))
    for name in ("ncssl", "workflow"):
        (folder / name).symlink_to(root / name)
    (folder / "notebooks").mkdir()


def sections(notebook: Path) -> list[str]:
    """Empty sections with the labels of a notebook, to which other pages may refer, as Markdown."""
    labels = re.findall(r'"\(([\w-]+)\)=\\n', notebook.read_text(encoding="utf-8"))
    return [f"({label})=\n## {label}" for label in labels]


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder of this run of the tests that the first who asks makes and all its processes share;
    nobody may change it."""
    base = factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, done = base / name, base / f"{name}.done"
    with claimed(base / f"{name}.lock", wait=True):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


def build(root: Path, folder: Path) -> None:
    """Build the book in an empty folder, without the address of a repository; of its chapters it
    has the labels of their sections, and `REAL` ones as they are."""
    pages(root, folder)
    for name, path in notebooks.notebooks(root).items():
        if name in REAL:
            shutil.copy(path, folder / "notebooks")
            continue
        parts = [f"# {name}", *sections(path)]
        cells = [nbformat.v4.new_markdown_cell(part) for part in parts]
        notebook = nbformat.v4.new_notebook(cells=cells, metadata=KERNEL)
        nbformat.write(notebook, folder / "notebooks" / f"{name}.ipynb")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(address.VARIABLE, raising=False)
        book.build(run=False, root=folder, progress=False)
