"""What a run would cost is counted right: against networks whose numbers are known."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from ncssl.augment import speech_policy
from ncssl.bench import on_paper
from ncssl.bench.on_paper import Counts, Setting, cost, counts, said
from ncssl.nn import backbone
from ncssl.recipes import recipe

PLAIN = Setting("plain", "barlow_twins", 64, 2, 16, 8, backbone="linear", width=32, side=4)


def test_operations_and_parameters_of_a_linear_encoder():
    """48 -> 32, then 32 -> 16 -> 16 -> 8."""
    c, weights = counts(PLAIN), 48 * 32 + 32 * 16 + 16 * 16 + 16 * 8
    assert c.learned == weights + 8 + 4 * 16 and c.followed == 0
    # two views, forward, and back to weights and inputs (not to the pixels): 2 + 4 a weight
    assert c.operations == 2 * (6 * weights - 2 * 48 * 32)
    # kept of an image: pixels in bf16 and features of a view, then what batch norms and layers see
    least = 2 * (2 * 48 + 4 * 32 + 4 * 4 * 16)
    assert least <= c.kept < 2 * least


def test_resnet_50_is_as_large_as_it_is_known_to_be():
    """25.6 million parameters less the classifier's 2.05; 4.1 thousand million multiplications."""
    s = Setting("r", "simsiam", 256, 1, 64, 16, options={"predictor": "none"})
    c = counts(s)
    assert c.learned == pytest.approx(23.5e6, rel=0.02)
    assert c.operations == pytest.approx(2 * 3 * 2 * 4.1e9, rel=0.03)


def test_a_target_network_costs_a_forward_pass_and_no_gradient():
    with_target, without = (
        counts(Setting("t", "simsiam", 64, 1, 16, 8, options={"keep": keep}, side=32))
        for keep in (0.9, 0.0)
    )
    assert with_target.operations / without.operations == pytest.approx(4 / 3, rel=0.02)
    assert with_target.kept == pytest.approx(without.kept, rel=0.01)
    assert with_target.followed == pytest.approx(with_target.learned, rel=0.01)


def test_the_sums_of_a_setting():
    c, found = counts(PLAIN), cost(PLAIN, core=1e9, gpu=1e12)
    assert PLAIN.steps == 2 * (on_paper.IMAGES // 64)
    assert found["operations"] == c.operations * 64 * PLAIN.steps
    assert found["gpu_hours"] * 3600 * 1e12 == pytest.approx(found["operations"])
    assert found["core_days"] * 86400 * 1e9 == pytest.approx(found["operations"])
    assert found["read_tb"] == pytest.approx(2 * 0.1479, rel=1e-3)


def test_what_is_said_in_a_ring_of_two():
    """Half of everything, once on the way out and once back."""
    found = said(PLAIN, Counts(0.0, 0.0, learned=100, followed=0), 2)
    assert found["gradient"] == 400 and found["moment"] == 4 * 64
    assert found["projections"] == 1.5 * 4 * 2 * 64 * 8
    followed = said(PLAIN, Counts(0.0, 0.0, learned=100, followed=100), 2)
    assert followed["projections"] == 2 * 4 * 2 * 64 * 8


@pytest.mark.parametrize("s", on_paper.SETTINGS, ids=lambda s: s.name)
def test_the_moment_is_small_beside_the_gradient(s):
    found = cost(s, 1e10, 1e14)
    assert found["moment_mb"] < 0.2 * found["gradient_mb"]
    assert 1 < found["memory_gb"] < 200 and found["gpu_hours"] > 1


def test_the_page_on_voxceleb_says_what_its_network_costs(root):
    text = (root / "book/voxceleb.md").read_text()
    net, _ = backbone("lresnet34", 1, 16, 80)
    views = speech_policy("speech_dino")
    assert recipe("dino", "paper", dataset="speech").backbone == "lresnet34"
    forward = {}
    for view in set(views):
        with FlopCounterMode(display=False) as counted:
            net.eval()(torch.zeros(1, 1, 80, view.frames))
        forward[view.frames] = counted.get_total_flops()
    student = 3 * sum(forward[view.frames] for view in views)
    whole = student + 2 * forward[200]
    for number in (forward[200], forward[100]):
        assert f"{number / 1e9:.2f}" in text
    assert f"{whole / 1e9:.1f} GFLOP an utterance" in text
    every = whole * 1_092_009 * recipe("dino", "paper", dataset="speech").epochs
    assert (
        rf"{every / 1e18:.1f} \times 10^{{18}}" in text
        and f"{every / 1e13 / 3600:.0f} hours" in text
    )
