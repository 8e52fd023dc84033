"""What the notebooks of the checkout keep to."""

import ast
import zlib
from pathlib import Path

import nbformat
import papermill
import papermill.cli
import pytest

from ncssl import notebooks


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
            shown = not {"hide-input", "hide-cell", "remove-cell"} & {*tags}
            if len(cell.source.splitlines()) > 14 and shown:
                wrong.append(f"{name}, code cell {number}: over 14 lines that are not folded")
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
