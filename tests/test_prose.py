"""Numbers measured here are printed by cells or glued into the text, never typed: in prose they
would drift away."""

import re

import nbformat
import pytest

from ncssl import notebooks
from ncssl.claims import papers

EXCEPTIONS = {  # chapter -> what it may say, as it stands there, and what that is
    "wen2022_experiments": {
        "Adam at a rate of 0.003": "a setting of the paper, which nothing here repeats"
    }
}
CHAPTERS = {  # beside every KEY_experiments
    "ledger": None,
    "zoo": "companion",
    "collapse_atlas": "companion",
    "cho2022_speech": "cho2022",
    "speech_meets_theory": "cho2022",
    "after_2023": "balestriero2025",
}
TYPED = {  # what would be a result of a run if it stood in prose
    "percent": r"\d+(?:\.\d+)?\s*(?:%|\\%|per\s?cent\b)",
    "points": r"\b\d+(?:\.\d+)?\s+points?\b",
    "decimal": r"(?<![\d.])\d+\.\d+\b(?!\.\d)",
    "share": r"\b\d+ (?:of|in|out of) (?:the |a )?\d+\b",
    "how many": r"\b\d+ (?:claims?|verdicts?|records?|runs?|seeds?)\b",
}
NOT_PROSE = (  # code, formulas, roles, targets of links and anchors
    r"```.*?```",
    r"`[^`]*`",
    r"\$\$.*?\$\$",
    r"\$[^$]*\$",
    r"\{[\w:]+\}",
    r"\]\([^)]*\)",
    r"^\(.*\)=$",
)
NO_RESULTS = (  # places in a paper, the level of the intervals
    r"(?:Tables?|Figures?|Figs?\.|Sections?|Theorems?|Lemmas?|eqs?\.|Equations?|Algorithms?)"
    r"\s*\d+(?:\.\d+)*",
    r"\b95\s*%",
)


def typed(source, declared=frozenset()):
    """What in a markdown cell looks like a measured number, with its surroundings; no decimal that
    is declared."""
    for pattern in NOT_PROSE:
        source = re.sub(pattern, " ", source, flags=re.S | re.M)
    for pattern in NO_RESULTS:
        source = re.sub(pattern, " ", source, flags=re.I)
    hits = [(what, m) for what, pattern in TYPED.items() for m in re.finditer(pattern, source)]
    new = [(what, m) for what, m in hits if not (what == "decimal" and float(m[0]) in declared)]
    return [
        (what, " ".join(source[max(0, m.start() - 30) : m.end() + 20].split())) for what, m in new
    ]


def declared(key):
    """Numbers that a paper's file holds: what it reports, its settings, its margins. They are no
    results of ours."""
    text = (papers.FOLDER / f"{key}.toml").read_text(encoding="utf-8") if key else ""
    return frozenset(
        float(number)
        for number in re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?:e-?\d+)?(?![\w.]*\w)", text)
    )


def chapters():
    names = [name for name in notebooks.notebooks() if name.endswith("_experiments")]
    return CHAPTERS | {name: name.removesuffix("_experiments") for name in names}


@pytest.mark.parametrize("name", chapters())
def test_no_result_of_a_run_is_typed_into_prose(name):
    cells = [
        c.source
        for c in nbformat.read(notebooks.notebooks()[name], 4).cells
        if c.cell_type == "markdown"
    ]
    known, said = declared(chapters()[name]), EXCEPTIONS.get(name, ())
    hits = [(what, line) for cell in cells for what, line in typed(cell, known)]
    assert [hit for hit in hits if not any(words in hit[1] for words in said)] == []
    assert [words for words in said if not any(words in line for _, line in hits)] == [], (
        "no exception without use"
    )


@pytest.mark.parametrize(
    "sentence, what",
    [
        ("DirectPred reaches 46.03 here.", "decimal"),
        ("It is 9 points better.", "points"),
        ("It gains 9.5\npoints.", "points"),
        ("It fails in 12 % of the runs.", "percent"),
        ("Of these, 7 claims hold.", "how many"),
        ("It holds on 2 of 3 seeds.", "share"),
        ("It rises to 41.5.", "decimal"),
        ("| DirectPred | 46.1 |", "decimal"),
    ],
)
def test_a_typed_result_is_seen(sentence, what):
    assert what in [kind for kind, _ in typed(sentence, declared("tian2021"))]


@pytest.mark.parametrize(
    "sentence",
    [
        "See Table 3.1, section 4.2 and eq. 18.",
        "A 95 % interval.",
        "The paper has 76.77 there, with $x = 0.17$.",
        "Set `lr=0.0017` and {glue:text}`a-b` of [the runs](x_0.123.ipynb).",
        "Of {glue:text}`n` claims, three hold.",
        "```bash\nncssl run --budget 1.75\n```",
        "Since 2021, over two seeds, at most five.",
    ],
)
def test_settings_places_and_the_paper_s_numbers_are_allowed(sentence):
    assert typed(sentence, declared("tian2021")) == []
