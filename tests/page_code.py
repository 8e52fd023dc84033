"""Code of the pages of the project, as it stands there."""

import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent
PAGE = (FOLDER / "book" / "in_your_own_loop.md").read_text(encoding="utf-8")
CONTRIBUTING = (FOLDER / "CONTRIBUTING.md").read_text(encoding="utf-8")


def section(text, title):
    """From the heading `## title` to the next one."""
    return re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)[1]


def blocks(text, language):
    """Contents of the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)
