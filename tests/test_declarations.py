"""What is read of a method from its source is what it says when it is made."""

import pytest

from ncssl import declarations, recipe
from ncssl.declarations import declared
from ncssl.errors import BadFile, UnknownName
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
    assert as_declared(name, "small", {}).id == recipe(name, "small", made.options).id


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
    def byol(keep: float = 0.5):
        return methods.make("simsiam", keep=keep)

    monkeypatch.setitem(methods.METHODS, "own", byol)
    assert as_declared("own", "small", {"keep": 0.75}).options == {"keep": 0.75}
    assert recipe("byol", "small").options["keep"] == 0.996
    monkeypatch.setitem(methods.METHODS, "byol", byol)
    assert (
        recipe("byol", "small").options == as_declared("byol", "small", {}).options == {"keep": 0.5}
    )


@pytest.mark.parametrize("default", ["math.inf", "[x for x in ()]", "LIMIT"])
def test_defaults_are_written_out(tmp_path, monkeypatch, default):
    text = f"@method\ndef one(a: int = 1, *, b: float = {default}):\n    'Ours.'\n"
    (tmp_path / "ours.py").write_text(text)
    monkeypatch.setattr(declarations, "FOLDER", tmp_path)
    read = declarations.declared.__wrapped__
    with pytest.raises(BadFile, match=r"ours\.py: the defaults of one are not all"):
        read()
    (tmp_path / "ours.py").write_text(text.replace(default, "2.0"))
    assert read() == {"one": ({"a": 1, "b": 2.0}, "Ours.", "none")}
