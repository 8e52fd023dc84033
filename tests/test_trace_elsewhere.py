"""The ledger where claims were judged on the original images beside their JPEG copy."""

import dataclasses

import pytest

from ncssl.records import store
from ncssl.runs import experiments
from ncssl.trace import ledger, rows
from ncssl.trace.evidence import Site, effect

KEY = "wen2022"


@pytest.fixture
def site(root):
    return Site("book", root / "notebooks")


@pytest.fixture(scope="module")
def beside(tmp_path_factory):
    """A folder with the runs of a paper at the small scale, and the same on CIFAR-10."""
    folder, known = tmp_path_factory.mktemp("results"), rows.records()
    for r in (r for pairs in rows.runs(known, [KEY]).values() for _, r in pairs):
        if r and r.recipe.scale == "small" and r.recipe.dataset == "cifar10_jpeg":
            recipe = dataclasses.replace(r.recipe, dataset="cifar10")
            lower = {k: x and 0.8 * x for k, x in r.metrics.items()}
            there = dataclasses.replace(r, recipe=recipe, metrics=lower)
            store.save(r, folder)
            store.save(there, folder)
    return folder


def test_claims_on_cifar10_have_a_column_with_the_verdicts_of_the_command_line(beside, site):
    known = rows.records(beside)
    found, others = rows.runs(known, [KEY]), rows.elsewhere(known, [KEY])
    judged = rows.rows(found, beside, others)
    said = {row["id"]: row["on"] for row in experiments.ledger(KEY, results=beside)}
    theirs = {k: on["cifar10"]["status"] for k, on in said.items() if on}
    ours = {r.claim.id: r.elsewhere for r in judged if r.elsewhere}
    assert {k: on["cifar10"].verdict.status for k, on in ours.items()} == theirs
    assert len(theirs) > 5
    text = ledger.page(judged, site)
    assert text.count('<th scope="col" data-sort="on CIFAR-10">') == 1
    assert text.count('<option value="on CIFAR-10">') == 1
    row = next(r for r in judged if r.elsewhere and r.verdict.effect is not None)
    other = row.elsewhere["cifar10"]
    assert {r.recipe.dataset for r in other.records} == {"cifar10"}
    body = text.split(f'<tbody id="{KEY}.{row.claim.id}"')[1].split("<tbody id=")[0]
    cell = body.split('<td data-head="on CIFAR-10">')[1].split("</td>")[0]
    assert ledger.badge(other.verdict.status) in cell and 'data-cifar10="' in body
    assert effect(row.claim, row.verdict) != effect(row.claim, other.verdict)
    assert effect(row.claim, other.verdict) in cell
    assert "<dt>On CIFAR-10</dt>" in body and 'colspan="7"' in body
    assert all(f"../records/{r.key}/{r.id}.html" in body for r in other.records)
    assert set(rows.uses(found, *others.values())) == set(known)


def test_without_such_runs_there_is_no_column(beside, site):
    known = {k: r for k, r in rows.records(beside).items() if r.recipe.dataset != "cifar10"}
    assert rows.elsewhere(known, [KEY]) == {}
    text = ledger.page(rows.rows(rows.runs(known, [KEY]), beside), site)
    assert "CIFAR-10</th>" not in text and 'colspan="6"' in text
