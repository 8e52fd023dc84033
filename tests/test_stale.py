"""What recipes mean: the loss of three steps of many of them, kept here, so that no change of
meaning goes unnoticed.

When a number here moves by more than a thousandth, every record of such a recipe made before says
something that the code no longer does. Then add a line to CHANGES in ncssl/records/stale.py with
the recipes it concerns, make their records again, and write the new number here.
"""

import pytest
import torch

from ncssl.augment import augment, policy, speech_augment, speech_policy
from ncssl.claims import papers
from ncssl.data import speech
from ncssl.methods import METHODS
from ncssl.recipes import recipe
from ncssl.train import loop

TINY = dict(epochs=1, limit=192, batch=64, width=4, hidden=32, d=16, precision="float32", lr=0.1)
NEEDED = {"wmse": {"part": 64}}  # options without which a method cannot run on so few images
VARIANTS = {  # what is meant -> method, options, recipe values
    "four layers": ("simsiam", {}, dict(backbone="conv4")),
    "cosine schedule with warm-up": (
        "simsiam",
        {},
        dict(schedule="cosine", warmup_epochs=1.0, epochs=3),
    ),
    "strong weight decay": ("simsiam", {}, dict(weight_decay=0.3)),
    "a linear predictor": ("byol", {"predictor": "linear"}, {}),
    "a symmetric one, at another rate": (
        "byol",
        {"predictor": "linear", "symmetric_predictor": True, "predictor_lr": 10.0},
        {},
    ),
    "no stop-gradient, no EMA": ("byol", {"stop_gradient": False, "keep": 0.0}, {}),
    "every second step, shifted": ("directpred", {"freq": 2, "shift": 0.1}, {}),
    "IsoLoss, Euclidean": ("isoloss", {"loss": "euclidean"}, {}),
    "no IsoLoss": ("isoloss", {"iso": False}, {}),
    "a head of the usual kind": ("offdiagonal", {"head": "mlp"}, {}),
    "parts": ("invcov", {"parts": 4, "per_part": True}, {}),
    "speech": (
        "dino",
        {"prototypes": 64, "norm": True},
        dict(dataset="voices", augmentation="speech_dino", lr=0.003),
    ),
}
LOSSES = {
    "barlow_twins": 14.728,
    "vicreg": 21.837,
    "wmse": 1.8172,
    "simclr": 4.8767,
    "cpc": 4.1719,
    "moco": 3.5928,
    "swav": 8.5,
    "dino": 3.8623,
    "sigreg": 0.46369,
    "sigreg_predicted": 0.48391,
    "simsiam": 0.01621,
    "byol": 3.0402,
    "directpred": 3.1929,
    "directset": 3.1752,
    "directcopy": 3.1456,
    "isoloss": 2.7777,
    "optimal": 3.2078,
    "offdiagonal": 1.7877,
    "invcov": 78.6,
    "four layers": -0.031962,
    "cosine schedule with warm-up": 0.010797,
    "strong weight decay": 0.014807,
    "a linear predictor": 3.249,
    "a symmetric one, at another rate": 2.9145,
    "no stop-gradient, no EMA": 2.3503,
    "every second step, shifted": 3.3809,
    "IsoLoss, Euclidean": 2.7315,
    "no IsoLoss": 3.0871,
    "a head of the usual kind": 2.0059,
    "parts": 132.66,
    "speech": 4.924,
}
VIEWS = {
    "multicrop": (0.34054, 0.42034),
    "simclr_lightly": (0.34537, 0.42309),
    "tian2021_cifar": (0.34537, 0.42309),
    "tian2021_stl10": (0.55753, 0.60516),
    "speech": (1.3279, 1.8517),
    "speech_dino": (1.2754, 1.7792),
    "speech_clean_dino": (1.8992, 2.598),
    "speech_dino_separate": (1.355, 1.9082),
}


def loss(name):
    method, options, values = VARIANTS.get(name, (name, NEEDED.get(name, {}), {}))
    run = loop.start(recipe(method, "smoke", options, **TINY | values), device="cpu")
    return loop.train_epoch(run, lambda: None)


def views(name):
    """Mean size and spread of the views by a policy: eight images of noise on a slope, or eight
    synthetic voices."""
    if name.startswith("speech"):
        drawn, corpus = torch.Generator().manual_seed(1), speech.load("voices", limit=40)
        rows, parts = torch.arange(8), speech_policy(name)
        flat = torch.cat([speech_augment(corpus, rows, view, drawn).flatten() for view in parts])
        return flat.abs().mean().item(), flat.std().item()
    side = 96 if "stl10" in name else 32
    noise = torch.rand((8, 3, side, side), generator=torch.Generator().manual_seed(0))
    images = (noise * 100 + torch.linspace(0, 155, side)).to(torch.uint8)
    drawn, half = torch.Generator().manual_seed(1), torch.full((3,), 0.5)
    x = [augment(images, view, drawn, mean=half, std=half) for view in policy(name)]
    flat = torch.cat([view.flatten() for view in x])
    return flat.abs().mean().item(), flat.std().item()


def policies():
    """Policies for colour images and for speech that the experiments use."""
    every = (e for key in papers.papers() for e in papers.paper(key).experiments.values())
    parts = (p.recipe for e in every for p in (e, *e.scales.values(), *e.arms.values()))
    named = {part["augmentation"] for part in parts if "augmentation" in part}
    return (named | {"tian2021_cifar", "speech"}) - {"digits"}


@pytest.mark.parametrize("name", LOSSES)
def test_a_recipe_means_what_it_meant(name):
    assert loss(name) == pytest.approx(LOSSES[name], rel=1e-3, abs=2e-4), (
        "another meaning: see the head of this file"
    )


@pytest.mark.parametrize("name", VIEWS)
def test_an_augmentation_means_what_it_meant(name):
    assert views(name) == pytest.approx(VIEWS[name], rel=1e-3), (
        "another meaning: see the head of this file"
    )


def test_every_method_and_augmentation_of_the_experiments_is_watched():
    arms = (
        a
        for key in papers.papers()
        for e in papers.paper(key).experiments.values()
        for a in e.arms.values()
    )
    assert {arm.method for arm in arms} <= set(LOSSES) and set(LOSSES) <= set(METHODS) | set(
        VARIANTS
    )
    assert policies() <= set(VIEWS)
