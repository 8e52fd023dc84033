"""What is read of a method from its source is what it says when it is made."""

import pytest

from ncssl import recipe
from ncssl.declarations import declared
from ncssl.errors import UnknownName
from ncssl.recipes import as_declared

methods = pytest.importorskip("ncssl.methods")


def test_every_method_is_read_from_its_source():
    assert set(declared()) == set(methods.METHODS)


@pytest.mark.parametrize("name", methods.METHODS)
def test_a_declaration_is_read_as_it_is_made(name):
    read, made = declared()[name], methods.make(name)
    assert read.options == made.options
    assert read.paper == made.paper, "the first paper that a docstring cites is the method's"
    assert read.summary == methods.METHODS[name].__doc__.split("\n")[0]
    assert as_declared(name, "small", {}).id == recipe(name, "small").id


def test_names_are_told_and_numbers_are_left_to_the_method():
    with pytest.raises(UnknownName, match="did you mean 'directpred'"):
        as_declared("dirctpred", "small", {})
    with pytest.raises(UnknownName, match="did you mean 'eps'"):
        as_declared("directpred", "small", {"epss": 0.1})
    with pytest.raises(UnknownName, match="scale"):
        as_declared("directpred", "smal", {})
    with pytest.raises(UnknownName, match="recipe value"):
        as_declared("directpred", "small", {}, epoch=1)
    with pytest.raises(ValueError, match="stop_gradient"):
        as_declared("byol", "small", {"stop_gradient": 1})
    with pytest.raises(ValueError, match="eps was -1"):
        recipe("directpred", "small", {"eps": -1})
    assert as_declared("directpred", "small", {"eps": -1}).options["eps"] == -1


def test_a_method_that_was_entered_elsewhere_is_made(monkeypatch):
    monkeypatch.setitem(methods.METHODS, "own", methods.METHODS["byol"])
    assert as_declared("own", "small", {"keep": 0.5}).options["keep"] == 0.5
