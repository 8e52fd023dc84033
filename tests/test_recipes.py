"""Recipes: what their id depends on, what is refused, what a scale may set."""

from dataclasses import replace

import pytest

from ncssl.errors import UnknownName
from ncssl.recipes import SCALES, canonical, recipe
from ncssl.runs import budget, obtained
from ncssl.train import loop


def test_recipe_ids_depend_on_what_decides_the_run_and_on_nothing_else():
    a = recipe("byol", "smoke")
    assert a.id == replace(a, scale="laptop").id
    assert (
        a.id
        == recipe("byol", "smoke", {"keep": 0.996}).id
        != recipe("byol", "smoke", {"keep": 0.99}).id
    )
    assert len({recipe("byol", "smoke", seed=s).id for s in range(5)}) == 5
    assert canonical({"b": 1.0, "a": [1], "c": None}) == '{"a":[1],"b":1}'


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: recipe("byol", "lap"), "laptop"),
        (lambda: recipe("byol", epoch=3), "epochs"),
        (lambda: recipe("byol", epochs=-1), "epochs was -1"),
        (lambda: recipe("byol", lr=float("nan")), "lr was nan"),
        (lambda: recipe("byol", batch=1), "batch was 1"),
        (lambda: recipe("byol", seed=2**32), "seed was 4294967296"),
        (lambda: recipe("byol", limit=3), "limit was 3"),
        (lambda: recipe("byol", precision="fp16"), "float32"),
        (lambda: recipe("byol", schedule="step"), "cosine"),
        (lambda: loop.start(recipe("byol", dataset="cifar1")), "cifar10"),
        (lambda: loop.start(recipe("byol", backbone="vit")), "conv4"),
        (lambda: loop.start(recipe("byol", augmentation="strong")), "symmetric"),
        (lambda: loop.start(recipe("byol", optimiser="sdg")), "sgd"),
        (lambda: loop.start(recipe("byol", batch=5000)), "batch was 5000"),
        (lambda: obtained.obtain([], missing="no"), "train"),
        (lambda: budget.seconds("9 minutes"), "9m"),
    ],
)
def test_bad_recipes_say_what_is_allowed(call, words):
    with pytest.raises((UnknownName, ValueError), match=words):
        call()


def test_scales_differ_only_in_recipe_values():
    for scale in SCALES:
        assert recipe("byol", scale).scale == scale


def test_a_method_whose_loss_is_large_has_a_rate_of_its_own_at_laptop_scale():
    usual, large = recipe("simsiam", "laptop"), recipe("vicreg", "laptop")
    assert (
        large.lr * large.weight_decay == pytest.approx(usual.lr * usual.weight_decay)
        and large.lr < usual.lr
    )
    assert recipe("vicreg", "laptop", lr=0.1).lr == 0.1, "what is asked for goes first"
    assert (
        recipe("vicreg", "laptop", dataset="voices").lr
        == recipe("simsiam", "laptop", dataset="voices").lr
    )
