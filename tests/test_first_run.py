"""The first chapter refuses what cannot be run before it draws anything."""

from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest

NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "first_run.ipynb"


@pytest.mark.parametrize(
    "change, words",
    [
        ({"limit": 3}, "limit was 3; allowed: none, or an integer >= batch"),
        ({"limit": 0}, "limit was 0"),
        ({"epochs": -1}, "epochs was -1"),
        ({"dataset": "voices"}, "unknown dataset 'voices'; allowed: cifar10"),
    ],
)
def test_what_does_not_fit_is_named_before_anything_is_drawn(change, words):
    cells = [c.source for c in nbformat.read(NOTEBOOK, 4).cells if c.cell_type == "code"]
    names: dict = {}
    with plt.rc_context():
        exec(cells[0], names)
        names |= change
        with pytest.raises(ValueError, match=words):
            exec(cells[1], names)
            exec(cells[2].partition("\n")[0], names)  # the images are loaded
