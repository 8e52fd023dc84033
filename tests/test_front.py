"""The front and the six summaries: what they say is what the verdicts say, and their answers stand
on the first screen."""

import json
import re
from types import SimpleNamespace

import pytest
from PIL import Image
from stills import FOLDER, evaluate

from ncssl.claims import papers
from ncssl.errors import BadFile
from ncssl.pages import answers, pictures, questions, summary
from ncssl.runs import experiments
from ncssl.theory import kept
from ncssl.verdicts.states import Gate, Verdict

KEYS = ("tian2021", "wang2021", "halvagal2023", "liu2022", "wen2022", "cho2022")
BADGE = re.compile(
    r'<a class="nv nv-([\w-]+)" href="\.\./ledger\.html#(\w+)\.(\w+)" title="[^"]*">([^<]+)</a>'
)
FIRST_WORDS = {  # of an answer whose speaking verdicts agree
    "reproduced": "Yes,",
    "contradicted": "No, not",
    "same direction": "A little:",
    "undecided": "Open",
    "out of reach": "Not answered yet:",
    "not a test": "Not answered:",
    "not run": "Not answered yet:",
}
SILENT = {"out of reach", "not a test", "not run"}


@pytest.fixture(scope="module")
def made(html):
    """Name of a part -> its text, as the pages include it."""
    folder = html.parent / "src" / "book" / "made"
    return {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}


@pytest.fixture(scope="module")
def verdicts():
    """(paper, claim) -> its verdict, judged by itself: of the six papers' own claims."""
    rows = {}
    for key in KEYS:
        for claim in papers.paper(key).claims.values():
            if claim.by == "paper":
                rows[key, claim.id] = experiments.judge(claim)[0].status
    return rows


def show(driver, page, width=1280, height=800, calm=True):
    """Open a page in a window of that size."""
    driver.new_tab()
    size = dict(width=width, height=height, deviceScaleFactor=1, mobile=False)
    driver.call("Emulation.setDeviceMetricsOverride", driver.session, **size)
    value = "reduce" if calm else "no-preference"
    driver.call(
        "Emulation.setEmulatedMedia",
        driver.session,
        features=[{"name": "prefers-reduced-motion", "value": value}],
    )
    driver.call("Page.navigate", driver.session, url=page.as_uri())
    driver.wait_for_load()
    driver.look()


@pytest.mark.parametrize("key", KEYS)
def test_every_badge_is_the_verdict_and_links_its_claim(made, verdicts, key):
    for part in ("answer", "more", "held", "mind"):
        found = BADGE.findall(made[f"{key}_{part}"])
        assert len(found) == made[f"{key}_{part}"].count("ledger.html#") and found
        for kind, paper, claim, said in found:
            assert said == verdicts[paper, claim] and kind == said.replace(" ", "-")


@pytest.mark.parametrize("key", KEYS)
def test_every_claim_of_the_paper_is_listed_once_and_none_of_ours(made, verdicts, key):
    listed = [claim for _, paper, claim, _ in BADGE.findall(made[f"{key}_held"]) if paper == key]
    assert sorted(listed) == sorted(claim for paper, claim in verdicts if paper == key)


@pytest.mark.parametrize("key", KEYS)
def test_each_answer_begins_as_its_verdicts_say(made, verdicts, key):
    lines = re.findall(r"^\* \*\*(.*?)\*\* (.*)$", made[f"{key}_answer"], re.M)
    assert lines
    for lead, rest in lines:
        states = [verdicts[paper, claim] for _, paper, claim, _ in BADGE.findall(rest)]
        speaking = set(states) - SILENT or set(states)
        if len(speaking) == 1:
            assert lead.startswith(FIRST_WORDS[speaking.pop()]), lead
        else:
            assert all(f"{states.count(s)} {said(s)}" in lead for s in speaking), lead


def said(status):
    """A verdict where verdicts are counted."""
    return answers.SAID.get(status, status)


def test_the_front_counts_what_the_verdicts_say(made, verdicts):
    own = {k: s for k, s in verdicts.items() if not papers.paper(k[0]).claims[k[1]].erratum}
    maths = [s for (p, c), s in own.items() if papers.paper(p).claims[c].kind == "theory"]
    runs = [s for (p, c), s in own.items() if papers.paper(p).claims[c].kind == "records"]
    said = " ".join(made["found"].split())
    decided = [s for s in runs if s in ("reproduced", "same direction", "contradicted")]
    assert f"{maths.count('reproduced')} of the {len(maths)} claims" in said
    assert f"Of their {len(runs)} claims about trained networks" in said
    assert f"decide {len(decided)} ({runs.count('reproduced')} reproduced" in said
    assert f"for the other {sum(s in SILENT for s in runs)}." in said


def test_marks_of_the_figure_link_claims_that_exist(made, verdicts):
    links = re.findall(r'<a href="([^"]*)" aria-label="([^"]*)"', made["found_figure"])
    marks = [(m[1], m[2], words) for href, words in links if (m := CLAIM.fullmatch(href))]
    pages = [href for href, _ in links if not CLAIM.fullmatch(href)]
    assert len(marks) > 60 and {key for key, _, _ in marks} == set(KEYS)
    assert set(pages) == {f"papers/{key}.html" for key in KEYS}
    for key, claim, words in marks:
        assert words.startswith(f"{verdicts[key, claim]}: "), (key, claim)


CLAIM = re.compile(r"ledger\.html#(\w+)\.(\w+)")


@pytest.mark.parametrize("key", KEYS)
def test_the_answer_stands_on_the_first_screen(html, chromium, made, key):
    show(chromium, html / "book" / "papers" / f"{key}.html")
    box = json.loads(evaluate(chromium, BOX))
    assert 0 < box["top"] and box["bottom"] <= 800
    plain = re.sub(r"<[^>]*>|[*\\]", "", made[f"{key}_answer"])
    for line in (line for line in plain.splitlines() if line.strip() and ":::" not in line):
        words = re.sub(r"&(lt|gt|amp);", lambda m: {"lt": "<", "gt": ">", "amp": "&"}[m[1]], line)
        assert " ".join(words.split()) in " ".join(box["text"].split())


BOX = """(() => {
  const box = document.querySelector('.ncssl-answer'), {top, bottom} = box.getBoundingClientRect();
  return JSON.stringify({top, bottom, text: box.innerText});
})()"""


@pytest.mark.parametrize("page", ["intro", *(f"papers/{key}" for key in KEYS)])
@pytest.mark.parametrize("width", [1280, 390])
def test_pages_are_whole(html, chromium, page, width):
    show(chromium, html / "book" / f"{page}.html", width=width)
    assert chromium.errors() == [] and chromium.asked() == []
    assert evaluate(chromium, "document.scrollingElement.scrollWidth") <= width
    assert evaluate(chromium, "document.querySelectorAll('.ncssl-figure svg').length") == 1
    inside = "[...document.querySelectorAll('.ncssl-figure svg')].map(s => s.innerHTML).join('')"
    assert "#262626" not in evaluate(chromium, inside)


def test_the_front_leads_to_each_answer(html, chromium):
    show(chromium, html / "book" / "intro.html")
    links = evaluate(
        chromium, "JSON.stringify([...document.querySelectorAll('article a')].map(a => a.href))"
    )
    for key in KEYS:
        assert (html / "book" / "papers" / f"{key}.html").as_uri() in json.loads(links)


def state(driver):
    """What the moving picture says of itself."""
    return json.loads(
        evaluate(driver, "JSON.stringify(document.querySelector('#explorer-front').dataset)")
    )


def test_the_front_moves_by_itself_and_stops_when_asked(html, chromium):
    show(chromium, html / "book" / "intro.html", calm=False)
    wait = "new Promise(done => setTimeout(done, 400))"
    first = state(chromium)
    evaluate(chromium, wait)
    assert state(chromium)["step"] != first["step"] and state(chromium)["running"] == "true"
    evaluate(chromium, "document.querySelector('#explorer-front button').click()")
    stopped = state(chromium)
    evaluate(chromium, wait)
    assert state(chromium) == stopped and stopped["running"] == "false"


def test_the_front_stands_still_where_motion_is_unwelcome(html, chromium):
    show(chromium, html / "book" / "intro.html")
    seen = state(chromium)
    both, *others = map(float, seen["spreads"].split())
    assert seen["running"] == "false" and both > 1 and max(others) < 0.05


def test_without_javascript_the_front_has_a_still_picture(root):
    text = (root / "book" / "intro.md").read_text(encoding="utf-8")
    size = re.search(r'explorers/front.png" width="(\d+)" height="(\d+)" alt="[^"]{60,}"', text)
    with Image.open(FOLDER / "front.png") as picture:
        assert picture.size == tuple(map(int, size.groups()))


def row(status, scale="small", kind="records"):
    """A claim and its verdict, without what an answer does not read."""
    return answers.Judged(SimpleNamespace(kind=kind), Verdict(status), scale)


@pytest.mark.parametrize(
    "states, says",
    [
        (["reproduced", "out of reach"], "Yes, in the networks trained here (scale small)."),
        (["contradicted", "not run"], "No, not in the networks"),
        (
            ["reproduced", "contradicted"],
            "In part, in the networks trained here (scale small): 1 r",
        ),
        (["undecided", "contradicted"], "No clear answer, in the networks"),
        (["out of reach", "not run"], "Not answered yet: 1 out of reach at this scale, 1 not run."),
        (["out of reach"], "Not answered yet: the networks of the runs made so far (scale small)"),
    ],
)
def test_an_answer_follows_its_verdicts(states, says):
    assert answers.lead([row(s) for s in states]).startswith(says)


def test_an_answer_names_the_scale_of_each_verdict():
    rows = [row("undecided", "laptop"), row("reproduced", "small"), row("out of reach")]
    each = "1 reproduced at scale small, 1 undecided at scale laptop."
    assert answers.lead(rows) == f"In part, in the networks trained here: {each}"
    both = [row("reproduced", "laptop"), row("reproduced", "small")]
    assert "(scale laptop and small)" in answers.lead(both)
    begun = row("not run")._replace(verdict=Verdict("not run", begun=True))
    assert "too few runs" in answers.lead([begun]) and "not made" in answers.lead([row("not run")])


def test_the_picture_of_the_head_says_which_starts_it_has():
    said = pictures.any_start()
    share = kept.value("wen2022", "no_head_share_any_start")
    assert f"{100 * share:.0f} %." in said and "without a head" in pictures.PICTURES["wen2022"][1]


def test_a_number_of_a_page_says_what_it_is_the_difference_of():
    claim = papers.paper("halvagal2023").claims["iso_learns_faster"]
    seen = answers.Judged(claim, Verdict("undecided", 2.3, -0.5, 5.1, 3), "laptop")
    assert "Here DirectPred, IsoLoss less DirectPred: 2.3 [−0.5, 5.1]" in answers.measured(seen)
    assert ", in the paper's figure, read off by us, 7.3 (" in answers.measured(seen)
    assert 'title="undecided at scale laptop: ' in answers.badge(seen, summary.HERE)


def test_an_answer_changes_when_larger_runs_arrive():
    claim = papers.paper("halvagal2023").claims["iso_dispenses_with_ema"]
    gate = Gate("R1", False, "pred_iso leads by 1.0")
    found = {
        "small": Verdict("out of reach", 1.0, n=3, gates=(gate,)),
        "laptop": Verdict("not run"),
    }
    before = answers.judged(claim, found)
    label = papers.paper("halvagal2023").experiments[claim.experiment].arms["pred_iso"].label
    assert "(scale small)" in answers.lead([before])
    held = f"Too little was learned: “{label}” leads by 1.0 (<a "
    assert answers.why(before).startswith(held) and ">gate R1</a>)." in answers.why(before)
    assert "Missing" not in summary.brief([before])
    after = answers.judged(claim, found | {"laptop": Verdict("reproduced", 0.5, -1.0, 2.0, 3)})
    assert answers.lead([after]) == "Yes, in the networks trained here (scale laptop)."
    assert "reproduced" in answers.badge(after, summary.HERE) and answers.why(after) == ""


GOOD = 'trained = ["eps_helps"]'


@pytest.mark.parametrize(
    "table, says",
    [
        ('trained = ["directcopy_matches"]', "claim of wang2021 was 'directcopy_matches'"),
        ('trained = ["theorem_1"]', "own claims of kind records"),
        (f'{GOOD}\ntheory = ["theorem_4_as_printed"]', "was 'theorem_4_as_printed'"),
        ('trained = ["modes_die_in_order_of_decay"]', "was 'modes_die_in_order_of_decay'"),
        (f"{GOOD}\nwhy = 1", "unexpected keyword argument 'why'"),
        ('theory = ["theorem_1"]', "trained of 'a' was empty"),
    ],
)
def test_a_mistake_in_the_questions_is_an_error(tmp_path, table, says):
    path = tmp_path / "questions.toml"
    head = '[wang2021]\nname = "n"\ncite = "c"\n[[wang2021.questions]]\nask = "a"\nshort = "s"\n'
    path.write_text(head + table)
    with pytest.raises(BadFile, match=says):
        questions.read(path)


def test_every_paper_has_its_questions_and_its_page(root):
    asked = questions.read(root / questions.FILE)
    assert set(asked) == set(KEYS)
    for key in KEYS:
        text = (root / "book" / "papers" / f"{key}.md").read_text(encoding="utf-8")
        parts = re.findall(rf"made/{key}_(\w+)\.md", text)
        assert parts == ["answer", "picture", "more", "held", "mind"]


def test_links_to_chapters_lead_to_sections_that_exist(root):
    for page in (root / "book" / "papers").glob("*.md"):
        links = re.findall(r"notebooks/(\w+)\.html#([\w-]+)", page.read_text(encoding="utf-8"))
        assert links
        for name, anchor in links:
            text = (root / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8")
            assert f'"({anchor})=\\n' in text, (page.name, name, anchor)
