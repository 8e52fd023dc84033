"""The book with stand-ins for its chapters: its own settings and pages, for tests that build it."""

import re
import shutil
from pathlib import Path

import yaml


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
