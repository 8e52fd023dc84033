"""The table of symbols names every parameter and every part of a state of every theory, and the
glossary shows it."""

import pytest

from ncssl.errors import UnknownName
from ncssl.theory import THEORIES, symbols, theory
from ncssl.theory.symbols import SYMBOLS, meanings, table

NO_LETTERS = {"head", "stop_gradient", "normalisation"}  # options in words


@pytest.mark.parametrize("key", THEORIES)
def test_every_parameter_and_every_part_of_a_state_is_in_the_table(key):
    module = theory(key)
    flows = [*module.FLOWS.values(), *getattr(module, "AVERAGED", {}).values()]
    used = {p.name for flow in flows for p in flow.params} | {
        name for flow in flows for name in flow.state
    }
    used |= set(module.describe()["parameters"]) - NO_LETTERS
    known = {
        name for symbol in SYMBOLS if key in symbol.papers for name in symbol.letter.split(", ")
    }
    assert used <= known, used - known


def test_a_letter_means_one_thing_a_paper():
    assert (
        {paper for symbol in SYMBOLS for paper in symbol.papers}
        == set(THEORIES)
        == set(symbols.NAMES)
    )
    assert [s.meaning for s in meanings("eta")] == [
        "weight decay of the flow",
        "learning rate of the encoder",
    ]
    for key in THEORIES:
        rows = [s.letter for s in SYMBOLS if key in s.papers]
        assert len(rows) == len(set(rows)), f"{key} has a letter twice"
    with pytest.raises(UnknownName, match="did you mean 'sigma2'"):
        meanings("sgma2")


def test_the_glossary_shows_the_table_as_it_is(root):
    assert table() in (root / "book" / "glossary.md").read_text(encoding="utf-8"), (
        "run python -m ncssl.theory.symbols"
    )
