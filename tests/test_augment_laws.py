"""Draws of the augmentations follow their laws, and what cannot be drawn is named."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy import stats
from torchvision.transforms import v2

from ncssl.augment import View, draw, images, policy
from ncssl.errors import UnknownName

EVERYTHING = dataclasses.replace(
    policy("symmetric")[0], solarise_p=0.3, rotate=20.0, translate=0.1, zoom=(0.8, 1.2), erase_p=0.5
)


def generator(seed: int = 0, device: str = "cpu") -> torch.Generator:
    return torch.Generator(device).manual_seed(seed)


def test_the_policies_are_the_papers():
    symmetric, (first, second) = policy("symmetric")[0], policy("asymmetric")
    assert (
        symmetric.crop_scale == (0.08, 1.0)
        and symmetric.jitter == (0.8, 0.8, 0.8, 0.2)
        and symmetric.blur_p == 0.5
    )
    assert (first.solarise_p, second.solarise_p) == (0.0, 0.2) and first.blur_p == 0.0
    assert [v.solarise_p for v in policy("vicreg")] == [0.1, 0.1] and policy("vicreg")[
        0
    ].crop_scale == (0.2, 1.0)
    assert policy("wmse")[0].blur_p == 0.0 and policy("simsiam_lightly")[0].crop_scale == (0.2, 1.0)
    tian = policy("tian2021_stl10")[0]
    assert (tian.blur_p, tian.blur_kernel, tian.jitter) == (1.0, 9, (0.8, 0.8, 0.8, 0.2))
    assert policy("tian2021_cifar")[0].blur_p == 0.0 and policy("digits")[0].flip_p == 0.0


# ---- the laws of what is drawn; seeds are fixed, so these pass or fail for good
LEVEL, MANY = 1e-3, 20_000


@pytest.mark.parametrize(
    "height, width, scale, ratio",
    [
        (32, 32, (0.08, 1.0), (3 / 4, 4 / 3)),  # most tries fit
        (32, 32, (0.9, 1.0), (0.5, 2.0)),  # many do not
        (24, 96, (0.8, 1.0), (3 / 4, 4 / 3)),  # none does: central
        (96, 24, (0.8, 1.0), (3 / 4, 4 / 3)),
    ],
)
def test_crop_boxes_follow_torchvisions_law(height, width, scale, ratio):
    boxes = images.draw_boxes(MANY, height, width, scale, ratio, generator()).numpy()
    theirs = torchvision_draws(v2.RandomResizedCrop(8, scale, ratio), height, width)
    for k, name in enumerate(("top", "left", "height", "width")):
        assert same_law(boxes[:, k], np.array([p[name] for p in theirs])) > LEVEL, name
    areas = boxes[:, 2] * boxes[:, 3], np.array([p["height"] * p["width"] for p in theirs])
    assert stats.ks_2samp(*areas).pvalue > LEVEL
    assert (boxes[:, :2] >= 0).all() and (boxes[:, 0] + boxes[:, 2] <= height).all()
    assert (boxes[:, 2:] >= 1).all() and (boxes[:, 1] + boxes[:, 3] <= width).all()


def torchvision_draws(transform, height, width) -> list[dict]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return [transform.make_params([torch.zeros(1, height, width)]) for _ in range(4000)]


def same_law(a: np.ndarray, b: np.ndarray) -> float:
    """p of the chi-square test that two samples of whole numbers have one law; rare values are put
    together."""
    values = np.union1d(a, b)
    table = np.array([[np.sum(x == v) for v in values] for x in (a, b)])
    rare = table.sum(0) < 40
    table = np.column_stack((table[:, ~rare], table[:, rare].sum(1)))
    table = table[:, table.sum(0) > 0]
    return 1.0 if table.shape[1] == 1 else stats.chi2_contingency(table).pvalue


def test_holes_follow_torchvisions_law():
    scale, ratio = (0.3, 0.9), (0.3, 3.3)
    holes = images.draw_holes(MANY, 16, 16, scale, ratio, generator()).numpy()
    theirs = [
        p
        for p in torchvision_draws(v2.RandomErasing(1.0, scale, ratio), 16, 16)
        if p["v"] is not None
    ]
    for k, name in enumerate("ijhw"):
        assert same_law(holes[holes[:, 2] > 0, k], np.array([p[name] for p in theirs])) > LEVEL, (
            name
        )
    # none fits: none
    assert not images.draw_holes(9, 16, 16, (1.0, 1.0), (1.0, 1.0), generator())[:, 2:].any()
    half = View(erase_p=1.0, erase_scale=(0.5, 0.5), erase_ratio=(1.0, 1.0))
    # of the result, not of the input
    assert (draw(half, 9, 32, 32, generator(), size=8).holes[:, 2:] == 6).all()


def test_areas_and_ratios_of_crops_are_uniform_before_rounding():
    boxes = (
        images.draw_boxes(MANY, 4000, 4000, (0.08, 0.5), (3 / 4, 4 / 3), generator())
        .double()
        .numpy()
    )
    areas, ratios = boxes[:, 2] * boxes[:, 3] / 4000**2, np.log(boxes[:, 3] / boxes[:, 2])
    assert stats.kstest(areas, stats.uniform(0.08, 0.42).cdf).pvalue > LEVEL
    low = np.log(3 / 4)
    assert stats.kstest(ratios, stats.uniform(low, -2 * low).cdf).pvalue > LEVEL


def test_factors_orders_and_coins_follow_their_laws():
    strength = (0.4, 1.5, 0.2, 0.1)
    factors, order = images.draw_jitter(MANY, strength, generator())
    for k, (low, high) in enumerate(((0.6, 1.4), (0.0, 2.5), (0.8, 1.2), (-0.1, 0.1))):
        assert (
            stats.kstest(factors[:, k].numpy(), stats.uniform(low, high - low).cdf).pvalue > LEVEL
        )
    assert np.abs(np.corrcoef(factors.T.numpy())[np.triu_indices(4, 1)]).max() < 4 / MANY**0.5
    counts = np.unique(order.numpy(), axis=0, return_counts=True)[1]
    assert len(counts) == 24 and stats.chisquare(counts).pvalue > LEVEL
    view = dataclasses.replace(EVERYTHING, gray_p=0.2)
    d = draw(view, MANY, 32, 32, generator())
    for name, p in dict(flip=0.5, jitter=0.8, gray=0.2, blur=0.5, solarise=0.3, erase=0.5).items():
        assert stats.binomtest(int(getattr(d, name).sum()), MANY, p).pvalue > LEVEL, name
    for values, low, high in (
        (d.sigma, 0.1, 2.0),
        (d.angle, -20, 20),
        (d.zoom, 0.8, 1.2),
        (d.shift[:, 0], -3.2, 3.2),
    ):
        assert stats.kstest(values.numpy(), stats.uniform(low, high - low).cdf).pvalue > LEVEL


@pytest.mark.parametrize(
    "options",
    [
        dict(flip_p=1.5),
        dict(gray_p=-0.1),
        dict(crop_scale=(0.5, 0.2)),
        dict(crop_scale=(0.5, 1.5)),
        dict(zoom=(0.0, 1.0)),
        dict(jitter=(0.4, 0.4, 0.4)),
        dict(jitter=(0.4, 0.4, 0.4, 0.6)),
        dict(interpolation="nearest"),
        dict(blur_kernel=4),
        dict(rotate=-1.0),
        dict(crop_ratio=None),
    ],
)
def test_bad_views_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        View(**options)


def test_unknown_policy():
    with pytest.raises(UnknownName, match="symetric.*did you mean 'symmetric'.*allowed:.*vicreg"):
        policy("symetric")
