"""Tables of the chapters: each verdict leads to the claim's row of the ledger, each statement is
set in type, an interval stays on one line, and the key of an arm stands back behind its label.

Chapters print tables of plain text, and keep them as outputs. What a row is about is read from the
statement in it, so that no stored output has to know where the ledger lies.
"""

import html
import re
from collections.abc import Mapping, Sequence
from functools import cache

from ncssl.claims import papers
from ncssl.claims.facts import Claim
from ncssl.links import ledger_link
from ncssl.trace.mathematics import mathematics
from ncssl.verdicts.states import STATUSES, words

ROW = re.compile(r"<tr\b[^>]*>.*?</tr>", re.S)
CELL = re.compile(r"(<td\b[^>]*>)(.*?)(</td>)", re.S)
BADGE = re.compile(rf"<b style=[^>]*>[^<]*</b>|{'|'.join({*STATUSES, *map(words, STATUSES)})}")
INTERVAL = re.compile(r"(\[[^\s<>\[\],]+,) (?=[^\s<>\[\],]+\])")
KEY = re.compile(r" \(((?:\w|<wbr ?/?>)+)\)(?=</td>)")
SHORT = re.compile(r"<td>(?=[^<>]{1,14}</td>)")  # cells of numbers and of a word or two


@cache
def known() -> Mapping[str, Sequence[Claim]]:
    """Statement as a cell has it, alone and with its place, or id -> the claims that say so."""
    found: dict[str, list[Claim]] = {}
    for key in papers.papers():
        for claim in papers.paper(key).claims.values():
            for text in (claim.statement, f"{claim.statement} ({claim.place})", claim.id):
                found.setdefault(text, []).append(claim)
    return found


@cache
def arms() -> frozenset[str]:
    """The keys of all arms."""
    experiments = (e for key in papers.papers() for e in papers.paper(key).experiments.values())
    return frozenset(arm for e in experiments for arm in e.arms)


def linked(page: str, name: str) -> str:
    """The HTML of a page with the rows of its tables; `name` is the page's, as
    "notebooks/wen2022_theory"."""
    here, _, chapter = name.rpartition("/")
    return ROW.sub(lambda m: row(legible(m[0]), here, chapter), page)


def legible(text: str) -> str:
    """A row whose short cells and intervals do not break, and whose keys of arms are small."""
    return KEY.sub(key, INTERVAL.sub(r"\1&nbsp;", SHORT.sub('<td class="short">', text)))


def key(match: re.Match) -> str:
    """The key of an arm behind its label; anything else in brackets as it is."""
    return f" <small>{match[1]}</small>" if plain(match[1]) in arms() else match[0]


def row(text: str, here: str, chapter: str) -> str:
    """A row of a table; unchanged where none of its cells is a statement or an id."""
    cells = [plain(cell) for _, cell, _ in CELL.findall(text)]
    said = max((cell for cell in cells if cell in known()), key=len, default=None)  # not its check
    claim = said and chosen(known()[said], cells, chapter)
    if not claim:
        return text
    address = ledger_link(claim.paper, claim.id, here)
    return CELL.sub(lambda m: m[1] + shown(m[2], said, address) + m[3], text)


def plain(cell: str) -> str:
    """A cell without what lets it break."""
    return html.unescape(re.sub(r"<wbr ?/?>", "", cell)).strip()


def chosen(claims: Sequence[Claim], cells: Sequence[str], chapter: str) -> Claim | None:
    """The claim that a row is about: of several that say the same the one of the chapter's paper
    whose arms or check the row names; None where this leaves several."""
    fits = [claim for claim in claims if len(claims) == 1 or named(claim, cells, chapter)]
    return fits[0] if len(fits) == 1 else None


def named(claim: Claim, cells: Sequence[str], chapter: str) -> bool:
    """Whether a row of a chapter names all that a claim compares."""
    names = (claim.metric, *claim.compared) if claim.kind == "records" else (claim.check,)
    given = claim.id in cells or all(name in " ".join(cells) for name in names)
    return given and chapter.startswith(claim.paper)


def shown(cell: str, said: str, address: str) -> str:
    """A cell of a claim's row: its statement set in type, its verdict with a link."""
    if plain(cell) == said and " " in said:
        return mathematics(said)
    if BADGE.fullmatch(cell.strip()):
        return f'<a class="ncssl-verdict" href="{address}">{cell.strip()}</a>'
    return cell
