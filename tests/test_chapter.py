"""Chapters of experiments: what they say is made from verdicts, and every figure of the book has
words."""

import ast
import dataclasses
import html
import json
import re

import matplotlib.pyplot as plt
import pytest

from ncssl import notebooks
from ncssl.claims import papers
from ncssl.plots import page, style, vector
from ncssl.report import digest, outcome
from ncssl.verdicts.states import STATUSES, Gate, Verdict

PAPER = papers.paper("tian2021")
CLAIM = PAPER.claims["directpred_matches_gradient"]
OTHER = PAPER.claims["directpred_beats_gradient"]
FULL = dict(effect=3.1, low=1.0, high=5.2, n=3)
ELSEWHERE = {"cho2022": "cho2022_speech", "balestriero2025": "after_2023"}
CHAPTERS = {
    ELSEWHERE.get(key, f"{key}_experiments"): key for key in papers.papers() if key != "companion"
}


def code(name):
    cells = json.loads(notebooks.notebooks()[name].read_text(encoding="utf-8"))["cells"]
    return ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]


@pytest.mark.parametrize("status", STATUSES)
def test_an_outcome_follows_its_verdict(status):
    said = outcome.section(PAPER, [(CLAIM, Verdict(status, **FULL))], "small")
    told = status in outcome.TOLD
    assert ("tian2021.directpred_matches_gradient" in said) == told  # linked to the ledger
    assert ("decided by the runs of scale small" in said) == (not told)
    assert ("3.1 [1.0, 5.2], n = 3" in said) == told
    others = [s for s in STATUSES if s != status and outcome.badge(s) in said]
    assert others == [] and (outcome.badge(status) in said or status == "not run")


def test_an_outcome_counts_and_says_what_holds_claims_back():
    gate = Gate("R1", False, "sgd_ema leads the untrained encoder by -0.3 points (8 needed)")
    held = Verdict("out of reach", **FULL, gates=(gate,))
    said = outcome.section(PAPER, [(CLAIM, Verdict("contradicted", **FULL)), (OTHER, held)], "gpu")
    assert "Of two claims, one is" in said and "at scale gpu" in said
    assert "“linear predictor, EMA” leads the untrained encoder by −0.3 points" in said
    neither = outcome.section(PAPER, [(CLAIM, held), (OTHER, held)], "small")
    assert "Neither of the two claims is decided" in neither
    assert "No claim is judged" in outcome.section(PAPER, [], "small")


def test_an_outcome_says_the_scale_of_what_another_one_decides():
    rows = [(CLAIM, Verdict("reproduced", **FULL)), (OTHER, Verdict("same direction", **FULL))]
    said = plain(outcome.section(PAPER, rows, "laptop", {OTHER.id: "small"}))
    goes = "one goes the claimed way by less than the margin at scale small"
    assert f"Of two claims, one is reproduced at scale laptop; {goes}." in said
    assert f"below the margin at scale small: {OTHER.statement.removesuffix('.')}" in said
    both = plain(outcome.section(PAPER, [rows[0]] * 2, "laptop"))
    assert "Both claims are reproduced at scale laptop." in both
    alone = plain(outcome.section(PAPER, rows[:1], "laptop", {CLAIM.id: "small"}))
    assert "The claim is reproduced at scale small." in alone
    told = plain(digest.learned({"laptop": rows[:1], "small": rows[1:]}))
    assert ", at scale laptop)." in told and ", at scale small)." in told


def test_too_few_runs_are_not_called_none():
    rows = [(CLAIM, Verdict("not run", begun=True)), (OTHER, Verdict("not run"))]
    said = outcome.section(PAPER, rows, "small")
    assert "One has too few runs yet (two an arm are needed). One has no runs yet." in said
    assert "It has no runs yet." in outcome.section(PAPER, rows[1:], "small")


def test_a_chapter_ends_with_every_claim_that_was_judged():
    rows = [(CLAIM, Verdict("reproduced", **FULL)), (OTHER, Verdict("not run"))]
    said = digest.learned({"small": rows})
    assert "One of two claims of the paper can be judged by runs of scale small" in said
    assert CLAIM.statement.removesuffix(".") in html.unescape(said) and "What held" in said
    assert OTHER.statement.removesuffix(".") not in html.unescape(said)
    assert "What did not hold" not in said and "Of the others nothing can be said yet" in said
    none = digest.learned({"small": [rows[1]] * 2})
    assert "None of two claims" in none and "Of the others" not in none
    ours = (dataclasses.replace(CLAIM, by="book"), Verdict("contradicted", **FULL))
    assert "(the book's own)" in html.unescape(digest.learned({"small": [ours]}))
    both = plain(digest.learned({"small": [*rows, ours]}))
    assert "One of two claims of the paper and the one claim of the book's own can be" in both
    no = (ours[0], Verdict("out of reach", **FULL))
    one = plain(digest.learned({"small": [*rows, no]}))
    assert "can be judged by runs of scale small, and not the one claim of the book's own." in one


def test_a_chapter_begins_with_what_is_decided_the_papers_own_first():
    rows = [(CLAIM, Verdict("reproduced", **FULL)), (OTHER, Verdict("not run"))]
    ours = (dataclasses.replace(CLAIM, by="book"), Verdict("contradicted", **FULL))
    told = plain(digest.summary({"gpu": rows, "small": [ours, rows[1]]}))
    own = "Of three claims of the paper on trained networks, one is reproduced at scale gpu"
    assert f"In short. {own}; two are not run. The one claim of the book's own is" in told
    none = plain(digest.summary({"small": rows[1:]}))
    assert "The one claim of the paper on trained networks is not decided yet: one is" in none


def test_what_goes_the_claimed_way_is_counted_in_a_sentence():
    rows = [(CLAIM, Verdict("same direction", **FULL))]
    assert "one the claimed way by less than the margin" in digest.counted(rows)


def plain(text):
    """The words of HTML."""
    return html.unescape(re.sub("<[^>]+>", "", text))


def test_captions_name_arms_from_high_to_low():
    arms = [dict(arm=f"a{i}", label=f"arm {i}", mean=float(i)) for i in range(7)]
    seen = {"arms": arms, "floors": (None, 2.5), "labels": ("x", "linear probe, %")}
    said = outcome.finding(seen)
    assert said.startswith("Four of seven arms are above the untrained encoder. Linear probe, %")
    assert "at the end, from high to low. arm 6: 6.0; arm 5: 5.0; …" in said
    assert said.endswith("arm 0: 0.0; untrained encoder: 2.5.")
    assert outcome.finding(seen | {"arms": []}) == "Not run at this scale."
    gap = dict(label="A - B", effect=-1.25, low=-2.0, high=-0.5, paper=3.0)
    alone = "The interval of the difference lies wholly below 0. "
    assert outcome.gaps([gap]) == f"{alone}A - B: −1.2 [−2.0, −0.5], in the paper 3.0."
    more = outcome.gaps([gap, gap | dict(low=-2.0, high=0.5), gap | dict(low=0.1, high=0.5)])
    assert more.startswith("Of three intervals, one lies wholly above 0 and one wholly below 0. A")
    assert outcome.gaps([gap | dict(high=1.0)] * 2).startswith("Both intervals contain 0.")
    assert outcome.gaps([gap] * 3).startswith("All three intervals lie wholly below 0.")
    other = gap | dict(label="C", effect=None, low=None, high=None, apart=True)
    assert outcome.gaps([other]).startswith("C: computed in another precision")
    assert outcome.gaps([other | dict(apart=False)]) == "Not run at this scale."
    curve = dict(label="A", runs=[([1, 2], [5.0, 1.0]), ([1, 2], [5.0, 2.0])])
    assert outcome.ends([curve], "Rank") == "Rank at the end. A: 1.5."
    lower = curve | dict(label="B", runs=[([1], [0.5])])
    assert outcome.ends([curve, lower], "Rank").startswith("A ends highest, B lowest. Rank at")


def test_a_figure_follows_the_theme_and_has_words():
    style.use()
    figure, (ax,) = style.panels(1)
    ax.plot([0, 1], [0, 1], color=style.colour("byol"))
    ax.axhspan(0.2, 0.4, color=style.PALE)
    text = page.page_html(figure, "A line that rises", "It rises as $t < 2$ says & more.")
    assert 'role="img" aria-label="A line that rises"' in text and "currentColor" in text
    assert style.INK not in text and "var(--figure-pale" in text and "\n\n" not in text
    assert style.colour("byol").lower() in text.lower()
    assert (
        "<figcaption>It rises as <span" in text and r"\(t &lt; 2\)</span> says &amp; more" in text
    )
    ids = re.findall(r'\bid="([^"]*)"', text)
    other, (ax,) = style.panels(1)
    ax.plot([0, 1], [1, 0])
    more = re.findall(r'\bid="([^"]*)"', page.page_html(other, "A line that falls"))
    assert len(ids) == len(set(ids)) and not set(ids) & set(more)
    plt.close("all")


def test_many_marks_are_a_sharp_picture_inside_the_svg():
    figure, (ax,) = style.panels(1)
    for i in range(120):
        ax.plot(range(200), [(i * j) % 7 for j in range(200)])
    ax.set_xlabel("a label that stays text")
    text = vector.svg(figure)
    assert "data:image/png;base64" in text and "a label that stays text" in text
    plt.close("all")


@pytest.mark.parametrize("alt", ["", " ", "figure.png", "../_images/abc_12.png", "fig_7"])
def test_a_file_name_is_no_description(alt):
    figure, _ = style.panels(1)
    with pytest.raises(ValueError, match="alt was"):
        page.show(figure, alt)
    plt.close("all")


@pytest.mark.parametrize("name", sorted(notebooks.notebooks()))
def test_every_figure_of_the_book_has_words(name):
    cells = code(name)
    assert not [c for c in cells if "plt.show()" in c], "a figure without description"
    calls = [
        node
        for cell in cells
        for node in ast.walk(ast.parse(cell))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "page.show"
    ]
    assert bool(calls) == any("style.use()" in c for c in cells if "page" in c)
    for call in calls:
        parts = [n.value for n in ast.walk(call.args[1]) if isinstance(n, ast.Constant)]
        words = "".join(p for p in parts if isinstance(p, str))
        assert len(words.split()) >= 3 and not page.FILE_NAME.fullmatch(words), words
        assert len(call.args) >= 3, f"{name}: no caption beside {words!r}"


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_section_begins_with_its_outcome_and_every_experiment_is_shown(name):
    text = "\n".join(code(name))
    for experiment, e in papers.paper(CHAPTERS[name]).experiments.items():
        spoken = f'paper, "{experiment}", found["{experiment}"]'
        shown = (f'chapter.results("{experiment}")', spoken, f'some = found["{experiment}"]')
        assert any(words in text for words in shown), f"no table of {experiment}"
        outcomes = re.findall(rf'chapter\.outcome\(\s*"{experiment}"', text)
        claims = papers.paper(CHAPTERS[name]).claims.values()
        judged = any(c.experiment == experiment for c in claims)
        assert not judged or outcomes or name == "cho2022_speech", f"no outcome of {e.title}"
    cells = json.loads(notebooks.notebooks()[name].read_text(encoding="utf-8"))["cells"]
    prose = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    doubts = prose.count("What would change our mind")
    assert doubts >= len(papers.paper(CHAPTERS[name]).experiments)
    for part in ("summary", "learned", "forest", "ledger", "coverage", "provenance", "rerun"):
        assert f"chapter.{part}()" in text


def test_a_chapter_judges_the_runs_it_shows(monkeypatch):
    pytest.importorskip("torch")
    import IPython.display

    from ncssl.runs.chapter import open_chapter

    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda data, raw: shown.append(data))
    chapter = open_chapter("wang2021", "small", only="norm")
    chapter.outcome("norm")
    chapter.outcome("eps")
    norm, eps = (data["text/plain"] for data in shown)
    decided = [v for _, v in chapter.claims("norm") if v.status in outcome.TOLD]
    assert (
        norm.startswith(("Outcome. Of two claims", "Outcome. Both claims"))
        and norm.count("\n* ") == len(decided) > 0
    )
    assert "None of the three claims is decided" in eps  # only="norm": nothing else is loaded
    assert chapter.trained("norm", "frobenius")[0].options["norm"] == "frobenius"
    chapter.rerun()
    assert "--set epochs=0" not in shown[-1]["text/plain"], "the untrained encoder is no example"


@pytest.mark.parametrize("name", CHAPTERS)
def test_settings_are_those_of_the_experiments_that_are_shown(name):
    """The largest scale of a chapter need not be that of the experiment beside a table."""
    assert [cell for cell in code(name) if re.search(r"\bchapter\.scale\b", cell)] == []
