"""One claim at two scales: which are compared, what the smaller would get wrong, and leads."""

import dataclasses

import pytest

from ncssl.claims import papers
from ncssl.report import scales
from ncssl.runs import experiments
from ncssl.verdicts import gates
from ncssl.verdicts.states import DECIDED

PAPER = papers.paper("wang2021")
CLAIM = PAPER.claims["directcopy_matches_directpred"]


@pytest.fixture(scope="module")
def large():
    return experiments.found("wang2021", "small")


def worse(found, arm, points):
    """The same runs, those of an arm with so much less of every accuracy."""

    def less(record):
        lower = {k: v - points for k, v in record.metrics.items() if k.endswith("_accuracy")}
        return dataclasses.replace(record, metrics=record.metrics | lower)

    return {
        name: [(p, r and less(r) if p.arm == arm else r) for p, r in runs]
        for name, runs in found.items()
    }


def test_a_claim_that_the_smaller_scale_gets_wrong_is_told(large):
    same = scales.both(PAPER, large, large)
    assert CLAIM in [row.claim for row in same] and not any(row.wrong for row in same)
    assert all(row.claim.by == "paper" and row.large.status in DECIDED for row in same)
    rows = scales.both(PAPER, worse(large, CLAIM.left, 20.0), large)
    (row,) = (row for row in rows if row.claim == CLAIM)
    assert row.wrong and row.alone.status == "contradicted" != row.large.status
    text = scales.finding([row], "little", "much")
    assert "Scale much decides one claim." in text
    assert "would decide one, one of them otherwise than scale much" in text
    (line,) = scales.table([row], "little", "much").to_dict("records")
    assert line["little, contrast alone"] == "contradicted" and line["much"] == row.large.status
    assert line["effect, little"].startswith("-") and CLAIM.statement in line["claim"]


def test_gates_keep_a_smaller_scale_from_saying_it(large):
    small = worse(worse(large, CLAIM.left, 30.0), CLAIM.right, 10.0)
    (row,) = (row for row in scales.both(PAPER, small, large) if row.claim == CLAIM)
    assert row.wrong and row.small.status == "out of reach"
    assert "nothing" in (said := scales.finding([row], "little", "much"))
    assert "no otherwise" not in said and "with gates they decide none." in said


def test_without_runs_nothing_is_said(large):
    rows = scales.both(PAPER, {}, large)
    assert rows and {row.alone.status for row in rows} == {"not run"}
    assert scales.both(PAPER, large, {}) == []
    assert scales.leads({"Wang": (PAPER, {}, large)}) == {"Wang": []}
    assert "No claim is decided at scale much yet" in scales.finding([], "little", "much")
    assert scales.table([], "little", "much").empty


def test_leads_are_over_the_untrained_encoder_of_each_scale(large):
    small = worse(large, "random", 5.0)
    rows = scales.leads({"Wang": (PAPER, small, large)})["Wang"]
    assert rows and all(row["paper"] == pytest.approx(row["effect"] + 5.0) for row in rows)
    assert all(row["low"] < row["effect"] < row["high"] for row in rows if row["low"] is not None)
    assert all(row["open"] == (row["effect"] < gates.PROBE_LEAD) for row in rows)
    assert "untrained encoder" not in {row["label"] for row in rows}


def test_an_arm_that_is_shared_stands_once_and_two_runs_have_no_interval(large):
    given = (PAPER, large, large)
    both_of = scales.leads({"a": given, "b": given})
    assert both_of["a"] and both_of["b"] == []
    ids = {
        frozenset(p.recipe.id for p, _ in runs if p.arm == arm)
        for name, runs in large.items()
        for arm in scales.lead(PAPER, name, runs)
    }
    assert len(both_of["a"]) == len(ids)
    two = {name: [(p, r if p.seed < 2 else None) for p, r in runs] for name, runs in large.items()}
    assert {row["low"] for row in scales.leads({"a": (PAPER, two, two)})["a"]} == {None}
