"""The papers' files: their numbers, their references, and the error of every kind of mistake."""

import dataclasses

import pytest

from ncssl.claims.papers import SCALE_NAMES, paper, papers, read
from ncssl.errors import BadFile, UnknownName
from ncssl.metrics import METRICS
from ncssl.recipes import recipe

GOOD = """
key = "x2020"
title = "A title"
authors = ["A. Author", "B. Author"]
year = 2020
arxiv = "2001.00001"
venue = "Nowhere"
source = "the text"

[[tables]]
id = "table1"
place = "Table 1"
caption = "Numbers"
metric = "top-1"
source = "the text"
epochs = 100
seeds = 5
cells = [
  { row = "a", column = "p", value = 80.5, spread = 0.5 },
  { row = "b", column = "p", value = 70.25, epochs = 300, note = "late" },
]

[experiments.first]
title = "A first experiment"
place = "Table 1"
method = "byol"
recipe = { weight_decay = 4e-4 }

[experiments.first.arms.one]
label = "one"
options = { keep = 0.0 }
reported = "table1:a|p"

[experiments.first.arms.two]
label = "two"
method = "directpred"
recipe = { epochs = 0 }

[experiments.first.scales.small]
seeds = [0, 1, 2]
epochs = 7

[[claims]]
id = "better"
place = "Table 1"
statement = "One beats two."
kind = "records"
experiment = "first"
metric = "probe_accuracy"
test = "greater"
left = "one"
right = "two"
margin_by = "paper"
reported = ["table1:a|p", "table1:b|p"]

[[claims]]
id = "law"
place = "Theorem 1"
statement = "It holds."
kind = "theory"
check = "a_check"
test = "below"
margin = 1e-6
margin_by = "ours"
"""


def written(folder, text, name="x2020"):
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_file_is_read_whole(tmp_path):
    read_paper = read(written(tmp_path, GOOD))
    assert read_paper.authors == ("A. Author", "B. Author")
    late = read_paper.reported("table1:b|p")
    assert (late.value, late.spread, late.epochs, late.seeds, late.place) == (
        70.25,
        None,
        300,
        5,
        "Table 1",
    )
    first = read_paper.experiments["first"]
    assert [arm.method for arm in first.arms.values()] == ["byol", "directpred"]
    assert first.scales["small"].seeds == (0, 1, 2) and first.scales["small"].recipe == {
        "epochs": 7
    }
    better = read_paper.claims["better"]
    assert better.compared == ("one", "two")
    assert better.margin == better.reported_effect == 10.25, (
        "the paper's margin comes from its cells"
    )
    assert read_paper.claims["law"].compared == ()


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


OWN = GOOD.replace(
    "epochs = 7", "epochs = 7\narms.one = { recipe = { lr = 0.5 }, options = { keep = 0.5 } }"
)


def test_a_scale_can_set_one_arm(tmp_path):
    """At that scale alone, before everything that the arm and the scale say."""
    planning = pytest.importorskip("ncssl.runs.experiments.planning")
    first = read(written(tmp_path, OWN)).experiments["first"]
    one, two = (planning.made("x2020", first, arm, "small", {}) for arm in first.arms.values())
    assert (one.lr, one.options["keep"], one.epochs) == (0.5, 0.5, 7)
    assert two.lr == recipe("directpred", "small").lr and two.epochs == 0


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
        (dict(options={"eps": -1.0}), "eps"),
        (dict(recipe={"epochs": -1}), "epochs was -1"),
    ],
)
def test_a_mistake_that_only_a_method_knows_names_file_and_arm(changes, words):
    planning = pytest.importorskip("ncssl.runs.experiments.planning")
    e = paper("tian2021").experiments["shift"]
    wrong = dataclasses.replace(e.arms["plus"], **changes)
    with pytest.raises(
        BadFile,
        match=rf"tian2021\.toml: \[experiments\.shift\.arms\.plus\] at scale gpu: .*{words}",
    ):
        planning.made("tian2021", e, wrong, "gpu", {})
    with pytest.raises(ValueError, match="epochs was -2") as caught:
        planning.scheduled("tian2021", "shift", "gpu", epochs=-2)
    assert not isinstance(caught.value, BadFile), "that is the caller's mistake, not the file's"


def test_unknown_papers_and_references_are_named():
    with pytest.raises(UnknownName, match="did you mean 'tian2021'"):
        paper("tain2021")
    for reference, word in (
        ("tabel3:a|b", "table3"),
        ("table6:rho = 0.3|eps = 1", "eps = 0.1"),
        ("table6", "form"),
    ):
        with pytest.raises(ValueError, match=word):
            paper("tian2021").reported(reference)


@pytest.mark.parametrize(
    ("reference", "value", "spread"),
    [
        ("table1:no EMA|N = 5", 32.22, 2.94),
        ("table2:EMA|bias", 70.99, 1.01),
        ("table3:1-layer, no EMA|no bias, symmetric", 36.62, 1.85),
        ("table3:2-layer, no EMA|bias, regular", 65.59, 0.66),
        ("table5:none, no EMA|no bias, symmetric", 43.04, 2.32),
        ("table5:predictor only, EMA|bias, regular", 70.89, 0.98),
        ("table6:rho = 0.5|eps = 0.5", 75.22, 0.81),
        ("table7:freq = 1|c = 0.1", 46.57, 18.43),
        ("table8:DirectPred, freq = 5|STL-10, 500 epochs", 80.28, 0.62),
        ("table9:DirectPred|300 epochs, top-5", 91.0, None),
        ("text_imagenet:symmetric|top-1", 0.1, None),
    ],
)
def test_numbers_of_tian2021(reference, value, spread):
    cell = paper("tian2021").reported(reference)
    assert (cell.value, cell.spread) == (value, spread)


def test_tables_of_tian2021_agree_with_each_other():
    """The paper prints some numbers twice; a slip of the pen in either place would show here."""
    tian = paper("tian2021")
    for ema in ("EMA", "no EMA"):
        for bias in ("no bias", "bias"):
            twice = (f"table2:{ema}|{bias}", f"table5:none, {ema}|{bias}, regular")
            assert len({(tian.reported(r).value, tian.reported(r).spread) for r in twice}) == 1
    best, again = (
        tian.reported("table6:rho = 0.3|eps = 0.1"),
        tian.reported("table8:DirectPred|STL-10, 100 epochs"),
    )
    assert (best.value, best.spread, best.epochs) == (again.value, again.spread, again.epochs)
    assert {f"table{i}" for i in range(1, 10)} <= set(tian.tables)
    sizes = [len(tian.tables[f"table{i}"].cells) for i in range(1, 10)]
    assert sizes == [8, 4, 16, 10, 16, 8, 8, 18, 12]
    known = {"unit": {"percent", "sign"}, "dataset": {"stl10", "cifar10", "imagenet", None}}
    for cell in (cell for table in tian.tables.values() for cell in table.cells):
        assert cell.unit in known["unit"] and cell.dataset in known["dataset"]


@pytest.mark.parametrize("key", papers())
def test_every_experiment_and_claim_is_whole(key):
    one = paper(key)
    for experiment in one.experiments.values():
        # the atlas needs no photographs, the curve of hours no corpus that has less than an hour
        alone = {("companion", "atlas"): ("smoke",), ("cho2022", "hours"): ("laptop",)}
        needed = alone.get((key, experiment.name), ("small", "smoke", "gpu"))
        assert set(needed) <= set(experiment.scales)
        compared = experiment.scales[needed[0]]
        assert len(compared.seeds) >= 3, "means are compared over at least 3 seeds"
        assert "random" in experiment.arms, "an untrained encoder stands beside every accuracy"
    for claim in one.claims.values():
        if claim.kind == "records" and claim.margin_by == "paper":
            assert claim.reported, f"{claim.id}: a margin of the paper cites its cells"
    assert len(one.claims) >= 12


@pytest.mark.parametrize("key", papers())
def test_every_check_that_a_claim_names_exists(key):
    from ncssl.theory import theory

    named = {claim.check for claim in paper(key).claims.values() if claim.kind == "theory"}
    assert named and named <= set(theory(key).CHECKS)


@pytest.mark.parametrize("key", papers())
def test_every_arm_is_a_recipe(key):
    """Methods, options and recipe values of every arm at every scale are known, and equal settings
    share an id."""
    recipes = pytest.importorskip("ncssl.recipes")
    assert set(recipes.SCALES) == set(SCALE_NAMES)
    ids = {}
    for experiment in paper(key).experiments.values():
        for name, scale in experiment.scales.items():
            for arm in experiment.arms.values():
                values = {**experiment.recipe, **scale.recipe, **arm.recipe}
                made = recipes.recipe(
                    arm.method, name, dict(arm.options), **values, seed=scale.seeds[0]
                )
                ids[experiment.name, name, arm.name] = made.id
    if key == "tian2021":
        same = (("predictor", "sgd_ema"), ("symmetry", "regular_ema"), ("weight_decay", "ema"))
        assert len({ids[experiment, "small", arm] for experiment, arm in same}) == 1
        alike = set(paper(key).experiments) - {"larger_images"}  # which has images of its own
        assert len({ids[e, "small", "random"] for e in alike}) == 1
        assert ids["larger_images", "small", "random"] != ids["predictor", "small", "random"]


def test_an_arm_multiplies_what_the_scale_and_an_override_say(tmp_path):
    from ncssl.runs.experiments import planning

    path = tmp_path / "x2020.toml"
    path.write_text(
        GOOD.replace(
            'method = "directpred"\nrecipe = { epochs = 0 }', "times = { epochs = 4, lr = 0.3 }"
        )
    )
    e = read(path).experiments["first"]
    one, two = (planning.made("x2020", e, arm, "small", {}) for arm in e.arms.values())
    assert (one.epochs, two.epochs, one.lr, two.lr) == (7, 28, 0.03, 0.009)
    assert planning.made("x2020", e, e.arms["two"], "small", {"epochs": 2}).epochs == 8


ACCURACIES = ("knn", "probe", "few_label", "early_knn", "late_knn", "online")


def test_accuracies_are_known_metrics():
    percent = {name for name, metric in METRICS.items() if metric.unit == "percent"}
    spoken = {name for name in percent if name.endswith(("_eer", "_f1", "_purity", "_nmi"))}
    assert percent - spoken == {f"{name}_accuracy" for name in ACCURACIES}
    assert {"libri_noise_eer", "ravdess_eer", "round2_purity", "round0_plda_mean_eer"} <= spoken
