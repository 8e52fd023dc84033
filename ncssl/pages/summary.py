"""What the summary pages and the front say of the verdicts, as Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ncssl.claims import papers
from ncssl.claims.facts import UNTRAINED
from ncssl.pages import answers
from ncssl.pages.answers import Judged
from ncssl.pages.questions import Asked, Question
from ncssl.report import select
from ncssl.report.frame import number
from ncssl.report.outcome import minus
from ncssl.runs import experiments
from ncssl.trace import rows as tracing
from ncssl.verdicts.states import DECIDED

HERE = "book/papers"  # the folder of the summary pages, from the first page of the build
OPEN = ("partly", "undecided")


def judge(keys: Sequence[str], results: str | Path | None = None) -> dict[str, dict[str, Judged]]:
    """Paper's key -> claim's id -> its verdict, of the paper's own claims and of the misprints
    found in it."""
    known = tracing.runs(tracing.records(results), keys)
    out: dict[str, dict[str, Judged]] = {key: {} for key in keys}
    for row in tracing.rows(known, results):
        if row.claim.by == "paper":
            out[row.claim.paper][row.claim.id] = answers.judged(row.claim, row.verdicts)
    return out


def own(rows: Iterable[Judged], kind: str) -> list[Judged]:
    """The paper's own claims of a kind, "records" or "theory", without misprints."""
    return [row for row in rows if row.claim.kind == kind and not row.claim.erratum]


def parts(question: Question, rows: Mapping[str, Judged]) -> list[list[Judged]]:
    """The claims that answer a question: those on training runs, then those computed; none
    empty."""
    both = ([rows[name] for name in ids] for ids in (question.trained, question.theory))
    return [part for part in both if part]


def answer(asked: Asked, rows: Mapping[str, Judged]) -> str:
    """The top of a summary page: each first question, its answer in a sentence, and the claim that
    decides."""
    blocks = []
    for q in (q for q in asked.questions if q.first):
        said = [f"* **{answers.lead(part)}** {brief(part)}" for part in parts(q, rows)]
        blocks += [f"**{q.ask}**\n", *said, ""]
    return boxed("ncssl-answer", blocks)


def brief(part: Sequence[Judged]) -> str:
    """Verdicts of the claims of an answer, linked; of the first one on runs its numbers or what
    holds it back."""
    first = part[0]
    held = answers.why(first) if first.verdict.status in ("out of reach", "not a test") else ""
    return f"{badges(part)}. {held or answers.measured(first)}".rstrip()


def badges(rows: Sequence[Judged]) -> str:
    """The verdicts of some claims, each a link."""
    return ", ".join(answers.badge(row, HERE) for row in rows)


def more(asked: Asked, rows: Mapping[str, Judged]) -> str:
    """The other questions of a paper, with their answers."""
    lines = []
    for q in (q for q in asked.questions if not q.first):
        said = " ".join(f"{answers.lead(part)} {badges(part)}." for part in parts(q, rows))
        lines.append(f"* **{q.ask}** {said}")
    return "\n".join(lines)


def held(rows: Mapping[str, Judged]) -> str:
    """Every claim of the paper by its verdict: on training runs, then computed, then misprints."""
    runs, maths = own(rows.values(), "records"), own(rows.values(), "theory")
    speaking = [r for r in runs if r.verdict.status in (*DECIDED, *OPEN)]
    silent = [r for r in runs if r not in speaking]
    wrong = [r for r in maths if r.verdict.status != "reproduced"]
    right = [r for r in maths if r.verdict.status == "reproduced"]
    misprints = [r for r in rows.values() if r.claim.erratum]
    return "\n".join(
        [
            *listed(f"**On training runs**, {counts(runs)}.", speaking),
            *folded("that these runs cannot speak of", silent),
            *listed(f"**Of the mathematics**, {counts(maths)}.", wrong),
            *folded("that hold when computed", right),
            *(
                listed("**Misprints found**, each checked by computation.", misprints)
                if misprints
                else ()
            ),
        ]
    )


def counts(rows: Sequence[Judged]) -> str:
    """How many claims there are, and how many have which verdict."""
    states = answers.counted(row.verdict.status for row in rows)
    return f"{len(rows)} claims of the paper: {states}" if rows else "the paper has no claim"


def listed(title: str, rows: Sequence[Judged]) -> list[str]:
    """Claims under a title, lines of Markdown."""
    return [title, "", *(answers.line(row, HERE) for row in rows), ""]


def folded(what: str, rows: Sequence[Judged]) -> list[str]:
    """Claims folded away, lines of Markdown; nothing for none."""
    if not rows:
        return []
    lines = [answers.line(row, HERE) for row in rows]
    return [f":::{{dropdown}} {len(rows)} {what}", *lines, ":::", ""]


CHANGE = {  # what new runs would have to show
    "reproduced": "An interval that is not wholly on the claimed side of the margin",
    "partly": "Runs that decide the steps left open",
    "same direction": "An interval that reaches the margin",
    "contradicted": "An interval that is not wholly on the other side of the margin",
    "undecided": "More seeds: the margin lies inside the interval",
    "out of reach": "Runs that have learned enough, on either side",
    "not a test": "A measure that an untrained network, or the control, fails",
    "not run": "The runs themselves",
}


def mind(asked: Asked, rows: Mapping[str, Judged]) -> str:
    """What would change the answers at the top of a page, from the verdicts on their claims."""
    ids = [name for q in asked.questions if q.first for name in q.trained]
    by_need: dict[str, list[Judged]] = {}
    for row in (rows[name] for name in ids):
        missing = answers.why(row)
        need = f"{CHANGE[row.verdict.status]}." + (f" {missing}" if missing else "")
        by_need.setdefault(need, []).append(row)
    return "\n".join(f"* {badges(of)}: {need}" for need, of in by_need.items())


FOUND = (  # what the front says next
    "Computed again, {right} of the {maths} claims that these papers make of their mathematics"
    " hold, and {wrong} do not. Of their {runs} claims about trained networks our runs (scale"
    " {scale}) decide {decided} ({states}), leave {open} open, and have not learned enough, or are"
    " not made, for the other {silent}.\n"
)


def found(papers_rows: Sequence[Mapping[str, Judged]]) -> str:
    """What came of the papers' claims, by counts, in two sentences."""
    rows = [row for of_paper in papers_rows for row in of_paper.values()]
    maths = [row.verdict.status for row in own(rows, "theory")]
    states = [row.verdict.status for row in own(rows, "records")]
    decided = [s for s in states if s in DECIDED]
    left = sum(s in OPEN for s in states)
    return FOUND.format(
        right=maths.count("reproduced"),
        maths=len(maths),
        wrong=len(maths) - maths.count("reproduced"),
        runs=len(states),
        scale=" and ".join(sorted({r.scale for r in own(rows, "records") if r.scale})) or "none",
        decided=len(decided),
        states=answers.counted(decided) or "none",
        open=left,
        silent=len(states) - len(decided) - left,
    )


def stand_in(results: str | Path | None = None) -> str:
    """A batch norm on the outputs in place of a predictor: leads over the untrained encoder in the
    atlas, by kNN."""
    runs = experiments.found("companion", results=results)["atlas"]
    rows = select.arms(papers.paper("companion"), "atlas", runs, "knn_accuracy")
    mean = {row["arm"]: row["mean"] for row in rows}
    floor, with_norm = mean[UNTRAINED], "no_predictor_norm"
    leads = {
        arm: "not run" if None in (mean[arm], floor) else f"{number(mean[arm] - floor)} points"
        for arm in (with_norm, "simsiam_norm", "no_predictor")
    }
    return minus(
        f"Lead over an untrained encoder by nearest neighbours (scale {runs[0][0].recipe.scale}):"
        f" without predictor but with batch norm {leads[with_norm]}, with both"
        f" {leads['simsiam_norm']}, with neither {leads['no_predictor']}.\n"
    )


def boxed(name: str, lines: Sequence[str]) -> str:
    """Markdown in a box of a style's name."""
    return "\n".join([f"::::{{div}} {name}", *lines, "::::", ""])
