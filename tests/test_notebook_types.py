"""Parameters of notebooks are listed with their types by `papermill --help-notebook`."""

from pathlib import Path

import papermill
import pytest

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_parameter_has_a_type(path):
    found = papermill.inspect_notebook(str(path))
    kinds = {name: row["inferred_type_name"] for name, row in found.items()}
    assert {
        n: kind for n, kind in kinds.items() if kind not in ("str", "int", "float", "bool")
    } == {}
