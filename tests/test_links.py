"""Addresses inside the built book."""

import pytest

from ncssl import links


@pytest.mark.parametrize(
    "here, expected",
    [
        ("notebooks", "../book/ledger.html#tian2021.ema"),
        ("book", "ledger.html#tian2021.ema"),
        ("book/explorers", "../ledger.html#tian2021.ema"),
        ("", "book/ledger.html#tian2021.ema"),
    ],
)
def test_a_claim_has_one_address_from_every_folder(here, expected):
    assert links.ledger_link("tian2021", "ema", here) == expected


def test_records_and_lines_are_beside_the_pages():
    assert links.record_link("wen2022", "0a1b", "book") == "../records/wen2022/0a1b.html"
    assert links.source_link("wen2022", 7) == "../papers/wen2022.html#L7"
