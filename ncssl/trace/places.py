"""Where a claim stands: its line of the TOML, the section of a chapter that judges it, its code.

Sections are found by what their cells say, so a chapter need not list its claims.
"""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from ncssl.claims.facts import Claim

PACKAGE = Path(__file__).resolve().parents[1]
CHAPTERS = {  # where a paper's claims about runs are judged, where it is not KEY_experiments
    "cho2022": ("cho2022_speech", "speech_meets_theory"),
    "companion": ("theory_together", "collapse_atlas", "zoo", "speech_meets_theory"),
    "balestriero2025": ("after_2023",),
}
THEORY = {
    "cho2022": ("cho2022_speech",),
    "companion": ("theory_together",),
    "balestriero2025": ("after_2023",),
}
LABEL = re.compile(r"^\(([\w-]+)\)=$", re.M)
NUMBERED = re.compile(r"\b(Theorem|Lemma|Table|Figure|Equation|Section|Corollary) (\d+)")
SHORT = {"Fig.": "Figure", "Figs.": "Figure", "Eq.": "Equation", "eq.": "Equation"}


class Section(NamedTuple):
    """A section of a chapter: the page's name, its label ("" at the top), title, text and code."""

    page: str
    label: str
    title: str
    text: str
    code: str


@cache
def lines(key: str) -> dict[str, int]:
    """Claim -> line of `papers/<key>.toml` at which its table begins, the first line being 1."""
    found, start = {}, 0
    text = (PACKAGE / "papers" / f"{key}.toml").read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("["):
            start = number if line.strip() == "[[claims]]" else 0
        elif start and (m := re.match(r'id = "(\w+)"', line)):
            found[m[1]] = start
    return found


def functions(key: str) -> dict[str, tuple[str, int]]:
    """Check of a paper's theory -> its file, relative to the package, and its first line."""
    return decorated(f"theory/{key}")


@cache
def decorated(folder: str) -> dict[str, tuple[str, int]]:
    """Function with a decorator, of the files of a folder of the package -> file and line."""
    found = {}
    for path in sorted((PACKAGE / folder).glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.decorator_list:
                found[node.name] = (path.relative_to(PACKAGE).as_posix(), node.lineno)
    return found


@cache
def sections(folder: Path, name: str) -> tuple[Section, ...]:
    """The labelled sections of a notebook in reading order; empty where there is no such file."""
    path = folder / f"{name}.ipynb"
    if not path.is_file():
        return ()
    return tuple(divided(name, json.loads(path.read_text(encoding="utf-8"))["cells"]))


def divided(name: str, cells: list[dict]) -> Iterator[Section]:
    """Sections of a list of cells; what comes before the first label belongs to none."""
    page, current = f"notebooks/{name}.html", None
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            current = current and current._replace(code=current.code + source)
            continue
        parts = LABEL.split(source)
        current = current and current._replace(text=current.text + parts[0])
        for label, text in zip(parts[1::2], parts[2::2], strict=True):
            if current:
                yield current
            title = next((x.lstrip("# ") for x in text.splitlines() if x.startswith("#")), "")
            current = Section(page, label, title, text, "")
    if current:
        yield current


def section(claim: Claim, folder: Path) -> Section | None:
    """The section in which a chapter judges a claim; of theory else the last, which has the table
    of verdicts; of runs else the first. None without a chapter."""
    theory = claim.kind == "theory"
    usual = f"{claim.paper}_{'theory' if theory else 'experiments'}"
    names = (THEORY if theory else CHAPTERS).get(claim.paper, (usual,))
    candidates = [s for name in names for s in sections(folder, name)]
    if not candidates:
        return None
    if theory:
        return derived(claim, candidates) or candidates[-1]
    return judged(claim, candidates) or candidates[0]


def judged(claim: Claim, candidates: list[Section]) -> Section | None:
    """The section whose code names the claim, or its experiment."""
    experiment = claim.experiment
    needles = (f'"{claim.id}"', f'outcome("{experiment}"', f'found["{experiment}"]')
    needles += (f'"{experiment}"', f'"{claim.place}"')
    hits = (s for needle in needles for s in candidates if needle in s.code)
    return next(hits, None)


def derived(claim: Claim, candidates: list[Section]) -> Section | None:
    """The section that names the claim's check, or says the claim of its theorem, or cites it."""
    if hit := next((s for s in candidates if claim.check in s.code), None):
        return hit
    place = NUMBERED.search(long(claim.place))
    if place is None:
        return None
    said = [(s, long(s.text)) for s in candidates]
    claims = [s for s, text in said if re.search(rf"\*\*Claim\*\* \([^)]*{place[0]}\b", text)]
    cites = [s for s, text in said if re.search(rf"{place[0]}\b", text)]
    return next(iter(claims + cites), None)


def long(text: str) -> str:
    """Text with the words for figures and equations written out."""
    for short, word in SHORT.items():
        text = text.replace(short, word)
    return text
