"""The questions of the summary pages, read strictly from book/papers/questions.toml."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ncssl.claims import papers
from ncssl.claims.facts import Paper
from ncssl.errors import BadFile
from ncssl.order import in_order

FILE = "book/papers/questions.toml"
REMEDY = "correct the file"


@dataclass(frozen=True)
class Question:
    """A question of a reader, whole and short, and the ids of the paper's claims that answer it.

    `first`: answered at the top of the page, as the first question of a paper always is.
    """

    ask: str
    short: str
    trained: tuple[str, ...]
    theory: tuple[str, ...] = ()
    first: bool = False


@dataclass(frozen=True)
class Asked:
    """What is asked of one paper; `name` is that of its method, `cite` its authors and year."""

    paper: Paper
    name: str
    cite: str
    questions: tuple[Question, ...]


def read(path: Path) -> dict[str, Asked]:
    """Paper's key -> its questions, in the order of the book; raises BadFile for any mistake."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise BadFile(path, str(error), REMEDY) from error
    try:
        return {key: asked(key, data[key]) for key in in_order(data)}
    except (TypeError, KeyError, ValueError) as error:
        raise BadFile(path, str(error), REMEDY) from error


def asked(key: str, table: Mapping) -> Asked:
    """The questions of one paper; raises ValueError for a claim that does not fit."""
    paper = papers.paper(key)
    questions = [question(paper, q) for q in table["questions"]]
    questions[0] = Question(**vars(questions[0]) | {"first": True})
    return Asked(paper, table["name"], table["cite"], tuple(questions))


def question(paper: Paper, table: Mapping) -> Question:
    """One question, its claims checked: of the right kind, the paper's own, and no erratum; the
    first on runs decides."""
    lists = {kind: tuple(table.get(kind, ())) for kind in ("trained", "theory")}
    if not lists["trained"]:
        raise ValueError(f"trained of {table['ask']!r} was empty; allowed: at least one claim")
    for kind, ids in lists.items():
        for name in ids:
            check(paper, name, {"trained": "records"}.get(kind, kind))
    return Question(**dict(table) | lists)


def check(paper: Paper, name: str, kind: str) -> None:
    """Raises ValueError where a claim is not there, of another kind, or not the paper's own."""
    claim = paper.claims.get(name)
    if claim is None or claim.kind != kind or claim.by != "paper" or claim.erratum:
        raise ValueError(
            f"claim of {paper.key} was {name!r}; allowed: the paper's own claims of kind {kind}"
        )
