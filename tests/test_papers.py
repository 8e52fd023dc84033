"""The papers' files: their numbers, their references, and the error of every kind of mistake."""

import re

import pytest
from small_paper import GOOD, OWN, written

from ncssl.claims.papers import SCALE_NAMES, paper, papers, read
from ncssl.errors import UnknownName
from ncssl.metrics import METRICS
from ncssl.recipes import recipe


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


def test_a_scale_can_set_one_arm(tmp_path):
    """At that scale alone, before everything that the arm and the scale say."""
    planning = pytest.importorskip("ncssl.runs.experiments.planning")
    first = read(written(tmp_path, OWN)).experiments["first"]
    one, two = (
        planning.arm_recipe("x2020", first, arm, "small", {}) for arm in first.arms.values()
    )
    assert (one.lr, one.options["keep"], one.epochs) == (0.5, 0.5, 7)
    assert two.lr == recipe("directpred", "small").lr and two.epochs == 0


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
    one, two = (planning.arm_recipe("x2020", e, arm, "small", {}) for arm in e.arms.values())
    assert (one.epochs, two.epochs, one.lr, two.lr) == (7, 28, 0.03, 0.009)
    assert planning.arm_recipe("x2020", e, e.arms["two"], "small", {"epochs": 2}).epochs == 8


ACCURACIES = ("knn", "probe", "few_label", "early_knn", "late_knn", "online")


def test_accuracies_are_known_metrics():
    percent = {name for name, metric in METRICS.items() if metric.unit == "percent"}
    spoken = {name for name in percent if name.endswith(("_eer", "_f1", "_purity", "_nmi"))}
    assert percent - spoken == {f"{name}_accuracy" for name in ACCURACIES}
    assert {"libri_noise_eer", "ravdess_eer", "round2_purity", "round0_plda_mean_eer"} <= spoken


LEANS = re.compile(r"(The same|And|So|Also|Then|That|This|It|But|Nor|With both|Prediction: and)\b")


def test_a_statement_stands_alone():
    """It stands in lists and in a filtered ledger, where the claim before it is another."""
    every = [c for key in papers() for c in paper(key).claims.values()]
    assert [c.statement for c in every if LEANS.match(c.statement)] == []
    assert [c.statement for c in every if re.search(r"\bsuch a\b|\bthe same\.$", c.statement)] == []
    said = [(c.paper, c.statement) for c in every if c.kind == "records"]
    assert len(said) == len(set(said))
