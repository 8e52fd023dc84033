"""From a verdict to its evidence: lines, sections, rows, records, sources, as data and as HTML."""

import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ncssl.claims import papers
from ncssl.links import ledger_link
from ncssl.records import store
from ncssl.report import frame, tables
from ncssl.trace import badges, evidence, ledger, places, record, rows, sources
from ncssl.trace.evidence import Site
from ncssl.verdicts.states import Verdict

KEY = "wen2022"
VOID = {"link", "meta", "br", "wbr", "img", "input"}


class Shape(HTMLParser):
    """What is open, which never closes in another order, and all ids and links."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.wrong = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if tag == "a" else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append((tag, self.getpos()))


@pytest.fixture(scope="module")
def known():
    return rows.records()


@pytest.fixture(scope="module")
def found(known):
    return rows.runs(known, [KEY])


@pytest.fixture(scope="module")
def judged(found):
    return rows.rows(found)


@pytest.fixture
def site(root):
    return Site("book", root / "notebooks")


# ---- rows


def test_rows_are_the_verdicts_of_the_command_line(judged):
    from ncssl.runs import experiments

    said = {row["id"]: row for row in experiments.ledger(KEY)}
    assert [row.claim.id for row in judged] == list(said)
    for row in judged:
        theirs = said[row.claim.id]
        assert (row.verdict.status, row.verdict.n) == (theirs["status"], theirs["n"])
        assert row.scale == theirs["scale"] or row.verdict.status == "not run"


def test_a_row_has_the_records_that_its_verdict_rests_on(judged):
    for row in (r for r in judged if r.claim.kind == "records" and r.verdict.status != "not run"):
        seeds = {p.seed for p, r in row.runs if r and p.arm == row.claim.compared[0]}
        assert len(seeds) == row.verdict.n, row.claim.id
        assert {p.arm for p, _ in row.runs} <= set(row.claim.needed)


def test_added_seeds_count_for_what_was_compared_at_a_second_look(judged):
    row = next(r for r in judged if r.claim.kind == "records" and r.claim.base)
    p = row.runs[0][0]._replace(arm=row.claim.compared[0], extra=True)
    once, twice = Verdict("undecided"), Verdict("undecided", looks=2)
    assert not rows.counts(row.claim, p, once) and rows.counts(row.claim, p, twice)
    assert not rows.counts(row.claim, p._replace(arm="another"), twice)


# ---- the table


def test_every_claim_is_a_body_with_its_permalink(judged, site):
    shape = Shape(ledger.page(judged, site))
    assert shape.wrong == [] and shape.open == []
    names = [f"{KEY}.{row.claim.id}" for row in judged]
    assert [id for id in shape.ids if id.startswith(KEY)] == names
    assert {f"#{name}" for name in names} <= set(shape.links)
    assert {ledger_link(KEY, row.claim.id, "book").partition(".html")[2] for row in judged} <= set(
        shape.links
    )


def test_evidence_names_test_gates_arms_records_and_lines(judged, site):
    row = next(r for r in judged if r.verdict.gates and r.claim.test == "greater")
    text = evidence.evidence(row, site)
    shape = Shape(text)
    assert shape.wrong == []
    line = places.lines(KEY)[row.claim.id]
    assert f"../papers/{KEY}.html#L{line}" in shape.links
    for r in row.records:
        assert f"../records/{r.key}/{r.id}.html" in shape.links
    for gate in row.verdict.gates:
        assert f"<b>{gate.name}</b>" in text
    assert any(link.startswith("../notebooks/wen2022_experiments.html#") for link in shape.links)


def test_a_theory_claim_leads_to_its_code(judged, site):
    row = next(r for r in judged if r.claim.kind == "theory")
    path, line = places.functions(KEY)[row.claim.check]
    assert f"../code/{path}.html#L{line}" in Shape(evidence.evidence(row, site)).links


def test_a_repository_takes_the_place_of_the_copies(judged, site):
    site = site._replace(repository="https://example.org/x/blob/main")
    row = next(r for r in judged if r.claim.kind == "theory")
    links = Shape(evidence.evidence(row, site)).links
    line = places.lines(KEY)[row.claim.id]
    assert f"https://example.org/x/blob/main/ncssl/papers/{KEY}.toml#L{line}" in links
    assert not [link for link in links if link.startswith(("../papers", "../code"))]


def test_counts_are_those_of_the_rows(judged):
    text = ledger.counts(judged)
    numbers = [int(n) for n in re.findall(r">(\d+)<", text)]
    assert sum(numbers) == len(judged)
    whole = [r for r in judged if r.whose == "paper" and r.claim.kind == "theory"]
    good = sum(r.verdict.status == "reproduced" for r in whole)
    assert f'#whose=paper&amp;about=theory&amp;verdict=reproduced">{good}</a>' in text


def test_a_later_paper_is_counted_on_lines_of_its_own(judged):
    later = [dataclasses.replace(r, claim=dataclasses.replace(r.claim, by="later")) for r in judged]
    whole = ledger.counts(judged)
    assert "a later paper" not in whole and "claims of a later paper about theory" in ledger.counts(
        later
    )
    assert "whose=later&amp;about=theory" in ledger.counts(later)


@pytest.mark.parametrize(
    "test, margin, low, high, reach",
    [
        ("greater", 1.0, 2.0, 4.0, 2.0),
        ("greater", 4.0, 2.0, 4.0, -1.0),
        ("within", 2.0, -1.0, 2.0, -1.0),
    ],
)
def test_the_distance_from_the_margin_is_in_half_widths(judged, test, margin, low, high, reach):
    row = next(r for r in judged if r.claim.test == "greater" and r.claim.compare == "difference")
    claim = dataclasses.replace(row.claim, test=test, margin=margin, share=None)
    v = Verdict("undecided", (low + high) / 2, low, high, 3)
    row = dataclasses.replace(row, claim=claim, verdicts={row.scale: v})
    assert ledger.distance(row) == pytest.approx(reach)


def test_the_picture_has_its_bar_inside_and_its_margin_at_its_place(judged):
    row = next(r for r in judged if r.claim.test == "greater" and r.claim.compare == "difference")
    claim = dataclasses.replace(row.claim, margin=0.0, share=None)
    row = dataclasses.replace(
        row, claim=claim, verdicts={row.scale: Verdict("reproduced", 2.0, 1.0, 3.0, 3)}
    )
    drawn = ledger.picture(row)
    left, right = map(float, re.search(r'class="bar" d="M([\d.]+) 9H([\d.]+)"', drawn).groups())
    edge = float(re.search(r'class="edge" d="M([\d.]+) ', drawn)[1])
    assert 0 < edge < left < right < ledger.WIDTH
    assert (left - edge) / (right - left) == pytest.approx(0.5, abs=0.01)


# ---- records and sources


def test_a_record_page_says_what_it_is_and_what_rests_on_it(judged, found, root):
    row = next(r for r in judged if r.records)
    run = row.records[0]
    used = rows.uses(found)[run.id]
    site = Site(f"records/{run.key}", root / "notebooks")
    text = record.record_page(run, used, [row], site)
    shape = Shape(text)
    assert shape.wrong == [] and shape.open == []
    assert f"../../book/ledger.html#{KEY}.{row.claim.id}" in shape.links
    assert f"{run.id}.json" in shape.links
    path, at = places.decorated("methods")[run.recipe.method]
    assert f"../../code/{path}.html#L{at}" in shape.links
    line = places.lines(KEY)[row.claim.id]
    assert f"../../papers/{KEY}.html#L{line}" in shape.links
    for said in (run.device, run.commit, run.precision, f"seed {run.recipe.seed}", "ncssl run"):
        assert said in text
    assert text.count("<figure>") == text.count("<svg") > 3 and "NaN" not in text


def test_a_failed_run_says_why(known, root):
    run = next(iter(known.values()))
    failed = dataclasses.replace(run, status="failed", reason="loss was <inf>", metrics={})
    text = record.record_page(failed, (), (), Site("records/x", root / "notebooks"))
    assert "loss was &lt;inf&gt;" in text and "No claim" in text and "<h2>Metrics" not in text


BAD = '"><script>alert(1)</script>'


def test_nothing_in_a_record_becomes_markup_of_its_page(known, root):
    run = next(iter(known.values()))
    names = ("method", "dataset", "augmentation", "backbone", "optimiser", "scale")
    values = dict.fromkeys(names, BAD) | {"options": {BAD: BAD}}
    words = dict.fromkeys(("key", "device", "commit", "created", "reason"), BAD)
    words |= dict.fromkeys(("versions", "data"), {BAD: BAD})
    words |= {"metrics": {BAD: 1.0}, "curves": {"epoch": [0, 1], BAD: [0.0, 1.0]}}
    strange = dataclasses.replace(run, recipe=dataclasses.replace(run.recipe, **values), **words)
    failed = dataclasses.replace(strange, status="failed")
    at = Site("records/x", root / "notebooks")
    pages = [record.record_page(r, (), (), at) for r in (strange, failed)]
    pages.append(record.index([strange], {}, "records"))
    for page in pages:
        assert "<script>alert" not in page and Shape(page).wrong == []
        assert page.count("&lt;script&gt;alert") > 2 and f'"{BAD}' not in page


def test_every_line_of_a_source_has_its_address():
    text = '# head\n[[claims]]\nid = "<x>"\n\n'
    shape = Shape(page := sources.source_page("papers/a.toml", text, "papers"))
    assert [id for id in shape.ids if id.startswith("L")] == ["L1", "L2", "L3"]
    assert shape.wrong == [] and "&lt;x&gt;" in page


# ---- the tables of chapters


def table(monkeypatch, rows):
    """Rows as a chapter shows them."""
    pages = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: pages.append(data))
    frame.show(rows)
    return pages[0]["text/html"]


def test_a_verdict_of_a_chapter_leads_to_the_ledger(judged, monkeypatch):
    pairs = [(r.claim, r.verdict) for r in judged if r.claim.kind == "records"]
    text = table(monkeypatch, tables.verdicts(pairs))
    page = badges.linked(text, "notebooks/wen2022_experiments")
    links = Shape(page).links
    assert links == [f"../book/ledger.html#{KEY}.{claim.id}" for claim, _ in pairs]
    assert page.count("<b style") == text.count("<b style") == len(pairs)
    assert badges.linked(page, "notebooks/wen2022_experiments") == page, "once is enough"


def test_statements_of_a_chapter_are_set_in_type(judged, monkeypatch):
    rows = [
        {"statement": r.claim.statement, "check": r.claim.check, "verdict": r.verdict.status}
        for r in judged
        if r.claim.kind == "theory"
    ]
    page = badges.linked(table(monkeypatch, frame.frame(rows)), "notebooks/wen2022_theory")
    assert "<i>v</i><sub>1</sub>" in page and "v_1" not in page
    assert len(Shape(page).links) == len(rows) and Shape(page).wrong == []


def test_claims_that_say_the_same_are_told_apart_by_their_arms(monkeypatch):
    every = papers.paper("halvagal2023").claims.values()
    some = [c for c in every if c.experiment == "euclidean"]
    twins = [dataclasses.replace(c, statement="said twice at once") for c in some]
    monkeypatch.setattr(badges, "known", lambda: {"said twice at once": twins})
    assert len(twins) > 1
    for claim in twins:
        test = tables.test_words(claim)
        row = f"<tr><td>{claim.statement}</td><td>{test}</td><td>undecided</td></tr>"
        (link,) = Shape(badges.linked(row, "notebooks/halvagal2023_experiments")).links
        assert link.endswith(f"#halvagal2023.{claim.id}")
    row = '<tr><td>said twice at once</td><td class="short">undecided</td></tr>'
    assert badges.linked(row, "notebooks/halvagal2023_experiments") == row, "no guess"


def test_a_row_may_name_its_claim_by_id(judged, monkeypatch):
    pairs = [(r.claim, r.verdict) for r in judged if r.claim.kind == "records"]
    page = badges.linked(table(monkeypatch, tables.ledger(pairs)), "notebooks/wen2022_experiments")
    assert [link.partition("#")[2] for link in Shape(page).links] == [
        f"{KEY}.{claim.id}" for claim, _ in pairs
    ]


def test_records_of_the_checkout_are_pages_of_the_same_id(known):
    assert (
        json.loads((Path(store.results_dir()) / KEY).glob("*.json").__next__().read_text())["id"]
        in known
    )
