"""All claims of a chapter in few sentences: how it begins and how it ends.

`by_scale` holds its judged claims by the scale of their verdicts, the largest scale first.
"""

from collections.abc import Iterable, Mapping

from ncssl.report.outcome import TOLD, Judged, block, claims, count, joined, line, states
from ncssl.report.tables import counts
from ncssl.verdicts.states import SILENT, words

HEADS = {  # how a chapter ends
    "reproduced": "What held",
    "partly": "What held in part",
    "same direction": "What went the claimed way, by less than the margin",
    "contradicted": "What did not hold",
    "undecided": "What these runs leave open",
}
OWN = ("paper", "later", "book")  # whose claims are counted by themselves
ByScale = Mapping[str, Judged]


def every(by_scale: ByScale) -> Judged:
    """The claims of all scales."""
    return [row for judged in by_scale.values() for row in judged]


def own(by_scale: ByScale) -> list[tuple[str, ByScale]]:
    """Whose claims these are, in words, and they by scale: the paper's, then the book's own."""
    out = []
    for whose in OWN:
        some = {s: [r for r in rows if r[0].by == whose] for s, rows in by_scale.items()}
        some = {s: rows for s, rows in some.items() if rows}
        if some:
            out.append(("of the book's own" if whose == "book" else "of the paper", some))
    return out


def summary(by_scale: ByScale) -> str:
    """How a chapter begins: what its claims on trained networks came to, the paper's own and then
    the book's, what is decided first and where."""
    said = " ".join(
        told(whose, some, " on trained networks" * (not i))
        for i, (whose, some) in enumerate(own(by_scale))
    )
    return block(f"<p><b>In short.</b> {said}</p>")


def told(whose: str, by_scale: ByScale, where: str) -> str:
    """One sentence on the claims of one source: what is told at each scale that tells something,
    then how many are silent."""
    judged = every(by_scale)
    who = f"{claims(judged)} {whose}{where}"
    said = [f"{s} at scale {scale}" for scale, r in by_scale.items() if (s := states(r, TOLD))]
    silent = states(judged, SILENT)
    if not said:
        return f"{verdictless(len(judged), who)} yet: {silent}."
    if len(judged) == 1:
        return f"The {who} {said[0].removeprefix('one ')}."
    return f"Of {who}, {'; '.join(said)}{f'; {silent}' if silent else ''}."


def verdictless(n: int, who: str) -> str:
    """That none of so many claims has a verdict that says something."""
    subject = {1: f"The {who} is not", 2: f"Neither of the {who} is"}
    return f"{subject.get(n, f'None of {who} is')} decided"


def learned(by_scale: ByScale) -> str:
    """How a chapter ends, as HTML: what held, what did not, what is open, what is unsaid."""
    judged, scales = every(by_scale), speaking(by_scale)
    parts = [f"<p>{judgeable(by_scale, scales)}</p>"]
    for status, head in HEADS.items():
        rows = [
            line(*row, state=False, where=scale if len(scales) > 1 else "")
            for scale, some in by_scale.items()
            for row in some
            if row[1].status == status
        ]
        items = "\n".join(f"<li>{row}</li>" for row in rows)
        parts += [f"<p><b>{head}.</b></p>\n<ul>\n{items}\n</ul>"] if rows else []
    if silent := states(judged, SILENT):
        of = "Of the others nothing" if scales else "Of none anything"
        parts.append(f"<p><b>What was not learned.</b> {of} can be said yet: {silent}.</p>")
    return block("\n".join(parts))


def speaking(by_scale: ByScale) -> list[str]:
    """The scales at which some claim has a verdict that says something."""
    return [s for s, rows in by_scale.items() if any(v.status in TOLD for _, v in rows)]


def judgeable(by_scale: ByScale, scales: Iterable[str]) -> str:
    """One sentence: how many claims can be judged, the paper's own and the book's, at which
    scales."""
    can, cannot = [], []
    for whose, some in own(by_scale):
        judged = every(some)
        n, who = sum(v.status in TOLD for _, v in judged), f"{claims(judged)} {whose}"
        if len(judged) == 1:
            (can if n else cannot).append(f"{'' if n else 'not '}the {who}")
        else:
            (can if n else cannot).append(f"{count(n) if n else 'none'} of {who}")
    runs = f"runs of scale {joined(scales)}" if scales else "the runs made so far"
    said = f"{joined(can or cannot)} can be judged by {runs}"
    more = f", and {joined(cannot)}" if can and cannot else ""
    return f"{said[0].upper()}{said[1:]}{more}."


def counted(judged: Judged) -> str:
    """All claims counted by verdict, as a text."""
    said = {"same direction": "the claimed way by less than the margin"}
    of = joined(f"{count(n)} {said.get(s, words(s))}" for s, n in counts(judged).items() if n)
    return f"Of {count(len(judged))} claims: {of}."
