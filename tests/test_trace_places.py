"""Where a claim stands: lines, sections, code; and what of a page needs no verdict."""

import pytest

from ncssl.claims import papers
from ncssl.theory import theory
from ncssl.trace import badges, evidence, places, record

# ---- places


@pytest.mark.parametrize("key", papers.papers())
def test_lines_are_those_of_the_claims(key):
    text = (places.PACKAGE / "papers" / f"{key}.toml").read_text().splitlines()
    lines = places.lines(key)
    assert set(lines) == set(papers.paper(key).claims)
    for id, line in lines.items():
        assert text[line - 1] == "[[claims]]" and text[line] == f'id = "{id}"'


def test_checks_have_their_line_of_code():
    for key in papers.papers():
        checks = {c.check for c in papers.paper(key).claims.values() if c.kind == "theory"}
        for check in checks:
            path, line = places.functions(key)[check]
            text = (places.PACKAGE / path).read_text().splitlines()
            assert text[line - 1].startswith(f"def {check}(") and check in theory(key).CHECKS


def test_every_claim_has_a_section_that_exists(root):
    for key in papers.papers():
        for claim in papers.paper(key).claims.values():
            section = places.section(claim, root / "notebooks")
            text = (root / section.page).with_suffix(".ipynb").read_text()
            assert f"({section.label})=" in text and section.title, claim.id


def test_a_section_is_the_one_that_judges(root):
    claims = papers.paper("tian2021").claims
    at = {id: places.section(claims[id], root / "notebooks").label for id in claims}
    assert at["directpred_beats_gradient"] == "tian-exp-predictor"
    assert at["eps_beats_zero"] == "tian-exp-eps"
    assert at["balance_law"] == "tian-sec-balance"


def test_sections_of_a_cell_with_two_labels():
    cells = [
        {"cell_type": "markdown", "source": "# Chapter"},
        {"cell_type": "code", "source": "setup()"},
        {"cell_type": "markdown", "source": "(a)=\n## One\nfirst\n\n(b)=\n## Two\nsecond"},
        {"cell_type": "code", "source": 'show("x")'},
    ]
    one, two = places.divided("chapter", cells)
    assert (one.page, one.label, one.title, one.code) == ("notebooks/chapter.html", "a", "One", "")
    assert (two.label, two.title, two.code) == ("b", "Two", 'show("x")') and "first" in one.text


def test_what_the_paper_says_is_its_cells():
    claim = papers.paper("wang2021").claims["directcopy_matches_directpred"]
    said = evidence.paper_says(claim)
    assert "Table 1" in said and "84.02" in said and "85.21" in said and "−1.19" in said


def test_curves_break_where_a_value_is_missing():
    assert record.path([0.0, None, 1.0], 0.0, 1.0) == "M2 56M158 4"
    assert record.curve("loss", [1.0]) == "" and record.curve("loss", [None, None]) == ""
    many = record.curve("eigenvalues", [[4.0, 0.0], [2.0, 1.0]])
    assert many.count("M") == 2 and "the 2 largest" in many


def test_an_interval_stays_whole_and_the_key_of_an_arm_is_small():
    row = (
        "<tr><td>BYOL, no EMA (byol_<wbr>noema)</td><td>46.3 [44.2, 48.5]</td><td>0.5</td>"
        "<td>as said (abstract)</td></tr>"
    )
    page = badges.linked(row, "notebooks/halvagal2023_experiments")
    assert page == (
        "<tr><td>BYOL, no EMA <small>byol_<wbr>noema</small></td><td>46.3 [44.2,&nbsp;48.5]</td>"
        '<td class="short">0.5</td><td>as said (abstract)</td></tr>'
    )
    assert badges.linked(page, "notebooks/halvagal2023_experiments") == page, "once is enough"


@pytest.mark.parametrize("row", ["<tr><td>reproduced</td><td>3</td></tr>", "<td>x</td>", "<tr/>"])
def test_other_tables_stay(row):
    """But for the mark of short cells in their rows."""
    short = row.replace("<td>", '<td class="short">') if row.startswith("<tr") else row
    assert badges.linked(row, "notebooks/zoo") == short
