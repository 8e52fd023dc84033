"""Mistakes in the file of a paper: named with the file, the table and the key."""

import dataclasses

import pytest
from small_paper import GOOD, OWN, written

from ncssl.claims.papers import paper, read
from ncssl.errors import BadFile

MISTAKES = {  # what is replaced by what -> the words the error must hold besides the file's name
    "syntax": ("year = 2020", "year = = 2020", ["not valid TOML", "line 5"]),
    "key of another file": ('key = "x2020"', 'key = "y"', ["top of the file", "'key'", "'x2020'"]),
    "unknown key at the top": (
        "year =",
        "yaer =",
        ["top of the file", "'yaer'", "did you mean 'year'"],
    ),
    "missing key": ('venue = "Nowhere"\n', "", ["top of the file", "'venue' is missing"]),
    "wrong kind": (
        "year = 2020",
        'year = "2020"',
        ["top of the file", "'year' was '2020'", "whole number"],
    ),
    "truth is no number": ("year = 2020", "year = true", ["'year' was True"]),
    "unknown key of a table": (
        "caption =",
        "captoin =",
        ["[[tables]] table1", "'captoin'", "'caption'"],
    ),
    "unknown unit": ("epochs = 100", 'unit = "apples"', ["[[tables]] table1", "'unit'", "percent"]),
    "cell typo": (
        "spread = 0.5",
        "sprad = 0.5",
        ["[[tables]] table1, cells[0]", "'sprad'", "'spread'"],
    ),
    "impossible value": (
        "value = 80.5",
        "value = 805",
        ["[[tables]] table1, cells[0]", "'value' was 805"],
    ),
    "infinite value": (
        "value = 80.5",
        "value = inf",
        ["[[tables]] table1, cells[0]", "'value' was inf"],
    ),
    "negative spread": (
        "spread = 0.5",
        "spread = -0.5",
        ["[[tables]] table1, cells[0]", "'spread' was -0.5"],
    ),
    "the same cell twice": (
        'row = "b"',
        'row = "a"',
        ["[[tables]] table1", "'cells'", "'a | p' is there twice"],
    ),
    "bar in a name": ('row = "b"', 'row = "b|c"', ["[[tables]] table1", "'row'", "b|c"]),
    "unknown key of an experiment": (
        'title = "A first',
        'titel = "A first',
        ["[experiments.first]", "'titel'"],
    ),
    "unknown key of an arm": (
        'label = "one"',
        'lable = "one"',
        ["[experiments.first.arms.one]", "'lable'", "'label'"],
    ),
    "arm cites no table": (
        'reported = "table1:a|p"',
        'reported = "table9:a|p"',
        ["arms.one]", "'reported'", "table9"],
    ),
    "arm cites no row": (
        'reported = "table1:a|p"',
        'reported = "table1:z|p"',
        ["arms.one]", "row of table1", "a, b"],
    ),
    "arm cites badly": (
        'reported = "table1:a|p"',
        'reported = "table1"',
        ["arms.one]", "table:row|column"],
    ),
    "unknown scale": (
        "scales.small]",
        "scales.laptpo]",
        ["scales.laptpo]", "did you mean 'laptop'"],
    ),
    "recipe typo": (
        "weight_decay = 4e-4",
        "weight_decya = 4e-4",
        ["[experiments.first]", "'weight_decya'", "decay'?"],
    ),
    "recipe typo of an arm": (
        "epochs = 0",
        "epoch = 0",
        ["arms.two]", "'epoch'", "did you mean 'epochs'"],
    ),
    "recipe typo of a scale": (
        "epochs = 7",
        "epohcs = 7",
        ["scales.small]", "'epohcs'", "did you mean 'epochs'"],
    ),
    "seed in a recipe": ("epochs = 0", "seed = 0", ["arms.two]", "unknown recipe value 'seed'"]),
    "factor of no number": (
        'method = "directpred"',
        "times = { dataset = 2 }",
        ["arms.two]", "'dataset'", "epochs"],
    ),
    "factor of zero": (
        'method = "directpred"',
        "times = { lr = 0 }",
        ["two]", "factor of lr was 0", "number > 0"],
    ),
    "no seeds": (
        "seeds = [0, 1, 2]",
        "",
        ["[experiments.first.scales.small]", "'seeds' is missing"],
    ),
    "a seed twice": (
        "seeds = [0, 1, 2]",
        "seeds = [0, 1, 1]",
        ["scales.small]", "'seeds' was [0, 1, 1]"],
    ),
    "unknown kind": (
        'kind = "theory"',
        'kind = "theroy"',
        ["[[claims]] law", "'kind'", "did you mean 'theory'"],
    ),
    "unknown key of a claim": (
        "statement =",
        "statment =",
        ["[[claims]] better", "'statment'", "'statement'"],
    ),
    "unknown experiment": (
        'experiment = "first"',
        'experiment = "frist"',
        ["[[claims]] better", "'frist'", "first"],
    ),
    "unknown metric": (
        "probe_accuracy",
        "prob_accuracy",
        ["[[claims]] better", "'metric'", "'probe_accuracy'"],
    ),
    "unknown arm": (
        'left = "one"',
        'left = "oen"',
        ["[[claims]] better", "'left'", "did you mean 'one'"],
    ),
    "unknown test": (
        'test = "greater"',
        'test = "bigger"',
        ["[[claims]] better", "'test'", "greater"],
    ),
    "test of records for theory": (
        'test = "below"',
        'test = "greater"',
        ["[[claims]] law", "'test'", "above, below"],
    ),
    "arms for two": (
        'left = "one"',
        'arms = ["one", "two"]',
        ["[[claims]] better", "'left' is missing"],
    ),
    "rate without meaning": (
        'left = "one"',
        'left = "one"\nrate = 0.5',
        ["better", "'rate' has no meaning"],
    ),
    "arm against itself": (
        'right = "two"',
        'right = "one"',
        ["[[claims]] better", "compared with itself"],
    ),
    "whose margin": (
        'margin_by = "ours"',
        'margin_by = "mine"',
        ["[[claims]] law", "'margin_by'", "ours, paper"],
    ),
    "no margin": ("margin = 1e-6\n", "", ["[[claims]] law", "'margin' is missing"]),
    "our margin, left out": (
        'margin_by = "paper"',
        'margin_by = "ours"',
        ["[[claims]] better", "'margin' is missing"],
    ),
    "cell that is not there": (
        '"table1:b|p"',
        '"table1:b|q"',
        ["[[claims]] better", "'reported'", "'q'"],
    ),
    "too few cells": (
        '["table1:a|p", "table1:b|p"]',
        '["table1:a|p"]',
        ["[[claims]] better", "1 cells for 2 arms"],
    ),
    "negative width": (
        '"greater"',
        '"within"\nmargin = -1',
        ["[[claims]] better", "'margin' was -1", ">= 0"],
    ),
    "sign with a margin": (
        '"greater"',
        '"sign"\nmargin = 1',
        ["[[claims]] better", "'margin' was 1", "'sign'"],
    ),
    "ratio below 0": (
        '"greater"',
        '"greater"\ncompare = "ratio"\nmargin = -3',
        ["[[claims]] better", "a ratio > 0"],
    ),
    "ratio of a sign": (
        '"greater"',
        '"sign"\ncompare = "ratio"',
        ["[[claims]] better", "'compare' was 'ratio'"],
    ),
    "no interval of its own": (
        '"greater"',
        '"greater"\ninterval = "t"',
        ["better", "unknown key 'interval'"],
    ),
    "unknown unit of a claim": (
        '"greater"',
        '"greater"\nper = "dim"',
        ["[[claims]] better", "'per'", "sqrt_dim"],
    ),
    "claim twice": ('id = "law"', 'id = "better"', ["[[claims]] better", "'id'", "is there twice"]),
    "rate beyond 1": (
        '"greater"',
        '"rate"\nmargin = 1\nrate = 1.5',
        ["[[claims]] better", "'rate' was 1.5"],
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_names_file_table_and_key(tmp_path, mistake):
    before, after, words = MISTAKES[mistake]
    assert before in GOOD
    with pytest.raises(BadFile) as caught:
        read(written(tmp_path, GOOD.replace(before, after, 1)))
    for word in ("x2020.toml", *words):
        assert word in str(caught.value)


@pytest.mark.parametrize(
    "before, after, words",
    [
        ("arms.one = {", "arms.oen = {", "did you mean 'one'"),
        ("lr = 0.5", "rl = 0.5", "arms.one: key 'rl'"),
        ("{ recipe =", "{ recip =", "did you mean 'recipe'"),
        ("arms.one = {", "arms.one = 3 #", "arms.one: was 3"),
    ],
)
def test_a_mistake_in_what_a_scale_sets_for_an_arm_is_named(tmp_path, before, after, words):
    assert before in OWN
    with pytest.raises(BadFile, match=words):
        read(written(tmp_path, OWN.replace(before, after, 1)))


@pytest.mark.parametrize(
    "changes, words",
    [
        (dict(method="dirctpred"), "did you mean 'directpred'"),
        (dict(options={"epss": 1.0}), "did you mean 'eps'"),
        (dict(recipe={"epochs": -1}), "epochs was -1"),
    ],
)
def test_a_mistake_that_a_declaration_tells_names_file_and_arm(changes, words):
    planning = pytest.importorskip("ncssl.runs.experiments.planning")
    e = paper("tian2021").experiments["shift"]
    wrong = dataclasses.replace(e.arms["plus"], **changes)
    with pytest.raises(
        BadFile,
        match=rf"tian2021\.toml: \[experiments\.shift\.arms\.plus\] at scale gpu: .*{words}",
    ):
        planning.arm_recipe("tian2021", e, wrong, "gpu", {})
    with pytest.raises(ValueError, match="epochs was -2") as caught:
        planning.scheduled("tian2021", "shift", "gpu", epochs=-2)
    assert not isinstance(caught.value, BadFile), "that is the caller's mistake, not the file's"


def test_an_option_out_of_range_names_file_and_arm_before_anything_runs(tmp_path):
    """Plans are read without making a method; those that are to run are not."""
    planning = pytest.importorskip("ncssl.runs.experiments.planning")
    from ncssl.runs import campaign, plans

    p = planning.scheduled("tian2021", "shift", "gpu")[0]
    options = p.recipe.options | {"eps": -1.0}
    wrong = p._replace(recipe=dataclasses.replace(p.recipe, options=options))
    where = rf"tian2021\.toml: \[experiments\.shift\.arms\.{p.arm}\] at scale gpu: eps was -1"
    with pytest.raises(BadFile, match=where):
        planning.sound([p, wrong])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planning, "planned", lambda *given, **also: [wrong])
        with pytest.raises(BadFile, match=where):
            plans.listing("tian2021", "gpu")
        with pytest.raises(BadFile, match=where):
            campaign.run("tian2021", "gpu", {}, out=tmp_path)
