"""CONTRIBUTING.md does what it says: its data set, diagnostic and figure as they stand there, and a
small paper in a copy of the package."""

import json
import os
import shutil
import subprocess
import sys
import tarfile

import numpy as np
import pytest
from page_code import CONTRIBUTING, blocks, section
from PIL import Image
from small_paper import GOOD

from ncssl import data
from ncssl.data.cache import digest
from ncssl.datasets import provenance
from ncssl.errors import BadFile
from ncssl.measure import diagnostics
from ncssl.metrics import METRICS
from ncssl.plots import style
from ncssl.recipes import AUGMENTATION, recipe
from ncssl.records import store
from ncssl.train import loop

TINY = dict(epochs=1, batch=4, width=4, hidden=8, d=4, knn_every=1)


def block(title):
    (code,) = blocks(section(CONTRIBUTING, title), "python")
    return code


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NCSSL_CACHE", str(tmp_path / "cache"))


def stripes(folder):
    """A tar of 8 + 4 images of two classes."""
    for split, n in (("train", 4), ("test", 2)):
        for shade, name in enumerate(("across", "along")):
            place = folder / split / name
            place.mkdir(parents=True)
            for i in range(n):
                pixels = np.zeros((16, 16, 3), np.uint8)
                (pixels if shade else pixels.transpose(1, 0, 2))[i::4] = 200
                Image.fromarray(pixels).save(place / f"{i}.png")
    with tarfile.open(folder / "stripes.tar", "w") as tar:
        for split in ("train", "test"):
            tar.add(folder / split, split)
    return folder / "stripes.tar"


def test_a_data_set_is_three_lines(tmp_path, monkeypatch, own_cache):
    path, code = stripes(tmp_path), block("Add a data set")
    for table in (data.DATASETS, provenance.SOURCES, AUGMENTATION):
        monkeypatch.delitem(table, "stripes", raising=False)  # what is added goes again
    try:
        exec(code.replace("SHA256 OF THE FILE", digest(path)), {})
        found = data.load("stripes", "train", root=tmp_path)
        assert found.images.shape == (8, 3, 16, 16) and len(found.classes) == 2
        (row,) = [row for row in data.present(tmp_path) if row["name"] == "stripes"]
        assert row["present"] and row["licence"] == "CC0-1.0"
        r = recipe("simsiam", dataset="stripes", **TINY | {"limit": None})
        assert r.augmentation == "digits"
        assert loop.fit(r, root=tmp_path, out=tmp_path / "out").status == "done"
        exec(code, {})
        with pytest.raises(BadFile, match="stripes.tar"):
            data.load("stripes", "train", root=tmp_path)
    finally:
        for table in (data.DATASETS, provenance.SOURCES, AUGMENTATION):
            table.pop("stripes", None)


def test_a_diagnostic_is_a_function_and_two_lines(tmp_path, monkeypatch, own_cache):
    for table in (diagnostics.MEASURES, METRICS):
        monkeypatch.setitem(table, "first_share", None)
    exec(block("Add a diagnostic"), {})
    record = loop.fit(recipe("simsiam", **TINY | {"limit": 64, "batch": 16}), out=tmp_path)
    assert 0.25 <= record.metrics["first_share"] <= 1
    assert len(record.curves["first_share"]) == 2
    path = store.save(record, tmp_path)
    body = json.loads(path.read_text())
    path.write_text(json.dumps(body | {"metrics": body["metrics"] | {"first_share": 2}}))
    with pytest.raises(BadFile, match="first_share was 2; allowed"):
        store.load(path)


def test_a_figure_is_a_function_of_data_and_axes(ax):
    exec(block("Add a figure"), seen := {})
    drawn = seen["spread"]({"byol": ([0, 1], [0.2, 0.9]), "an arm of one's own": ([0], [0])}, ax)
    assert drawn is ax and [len(line.get_xdata()) for line in ax.lines] == [2, 1]
    assert ax.get_ylabel() == "spread x sqrt(d)" and ax.lines[0].get_color() == style.colour("byol")


LOOK = """
import json
from ncssl import notebooks
from ncssl.claims import papers
from ncssl.report import tables
from ncssl.runs import experiments
from ncssl.theory import THEORIES, kept, theory
rows = experiments.ledger("x2020")
runs = experiments.ordered(
    experiments.scheduled("x2020", "first", "small")
    + experiments.scheduled("tian2021", "shift", "small")
)
print(json.dumps({
    "rows": {row["id"]: row["status"] for row in rows},
    "theory": [list(THEORIES)[-1], theory("x2020").describe()],
    "kept": kept.outdated(),
    "theorems": tables.theory(papers.paper("x2020"))["check"].tolist(),
    "order": list(dict.fromkeys(p.paper for p in runs if p.seed == 0)),
    "colour": papers.paper("x2020").experiments["first"].arms["one"].colour,
    "notebooks": [name for name in notebooks.notebooks(".") if name.startswith("x2020")],
}))
"""


def test_a_paper_is_found_by_its_files(root, tmp_path):
    """A copy of the package with a toy TOML, theory and two notebooks; nothing else is touched."""
    plain = shutil.ignore_patterns("__pycache__")
    shutil.copytree(root / "ncssl", tmp_path / "ncssl", ignore=plain)
    shutil.copytree(root / "notebooks", tmp_path / "notebooks", ignore=plain)
    shutil.copy(root / "_toc.yml", tmp_path)
    text = GOOD.replace('label = "one"', 'label = "one"\ncolour = "#123456"')
    (tmp_path / "ncssl" / "papers" / "x2020.toml").write_text(text)
    folder = tmp_path / "ncssl" / "theory" / "x2020"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "from ncssl.theory.helpers import checks_of\nfrom ncssl.theory.x2020 import checks\n"
        "CHECKS = checks_of(checks)\ndescribe = lambda: {'limit': 1.0}\n"
    )
    (folder / "checks.py").write_text(
        "from ncssl.theory.helpers import check\n@check\ndef a_check():\n    return 0.0\n"
    )
    for part in ("theory", "experiments"):
        shutil.copy(root / "notebooks/theorems.ipynb", tmp_path / f"notebooks/x2020_{part}.ipynb")
    done = subprocess.run(
        [sys.executable, "-c", LOOK],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=clean(tmp_path),
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) == {
        "rows": {"better": "not run", "law": "reproduced"},
        "theory": ["x2020", {"limit": 1.0}],
        "kept": ["x2020"],
        "theorems": ["a_check"],
        "order": ["tian2021", "x2020"],
        "colour": "#123456",
        "notebooks": ["x2020_experiments", "x2020_theory"],
    }


def clean(folder):
    """The environment of a process that sees the copy alone."""
    return os.environ | {"PYTHONPATH": str(folder), "NCSSL_RESULTS": str(folder / "results")}
