"""A watched run: the loop is not touched, numbers are those of the measures, a collapse is told
with its cause while it happens, and nothing is said of a run that learns."""

import csv
import json
import re

import pytest
import torch
from noise_model import Model
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from ncssl.measure import calibration, collapse, spectral
from ncssl.watch import watch
from ncssl.watch.judge import judge
from ncssl.watch.reading import ROWS


def loop(steps, detach=True, watched=None, **given):
    """SimSiam on noise: the model, and the watch where one is asked for."""
    torch.manual_seed(0)
    model = Model()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    mine = watch(optimiser, model, quiet=True, **given) if watched else None
    for _ in range(steps):
        x = torch.randn(100, 16)
        z = [model.projector(model.backbone(x + 0.3 * torch.randn_like(x))) for _ in range(2)]
        p = [model.predictor(each) for each in z]
        t = [each.detach() if detach else each for each in z]
        loss = -sum(functional.cosine_similarity(p[i], t[1 - i]).mean() for i in (0, 1)) / 2
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model, mine


def test_the_training_is_bit_for_bit_the_same_and_is_left_alone_at_the_end():
    alone, _ = loop(12)
    model, mine = loop(12, watched=True, every=3)
    ours, theirs = model.state_dict(), alone.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert mine.finish() is None
    assert [row["step"] for row in mine.rows] == [0, 3, 6, 9]
    mine.close()
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert not mine.optimiser._optimizer_step_post_hooks


def test_the_numbers_are_those_of_the_measures(monkeypatch):
    kept = []
    model, mine = loop(0, watched=True, every=2)
    model.projector.register_forward_hook(lambda m, given, out: kept.append(out.detach()))
    x, optimiser = torch.randn(400, 16), mine.optimiser
    z = model.projector(model.backbone(x))
    weights = model.predictor.weight.detach().clone()
    with torch.no_grad():
        model.predictor.bias.zero_()
    functional.cosine_similarity(model.predictor(z), z.detach().roll(1, 0)).sum().backward()
    gradient = torch.cat([w.grad.flatten() for w in model.backbone.parameters()]).norm()
    optimiser.step()
    mine.close()
    (row,) = mine.rows
    some = kept[0][:: -(-400 // ROWS)]
    fine = collapse.numbers(some)
    for name in ("spread", "residual", "mean_share", "rankme", "centred_rankme", "participation"):
        assert row[f"projection_{name}"] == pytest.approx(fine[name], rel=1e-6), name
    moment = spectral.second_moment(some)
    assert row["alignment"] == pytest.approx(
        spectral.alignment(weights, moment, floor=1e-2), abs=1e-5
    )
    assert row["projection_eigenvalues"] == pytest.approx(spectral.eigenvalues(moment).tolist())
    assert row["encoder_gradient"] == pytest.approx(gradient.item(), rel=1e-5)
    assert row["rows"] == len(some) == 200 and row["width"] == 16 and row["round_share"] < 1e-6


class NoWaiting(TorchDispatchMode):
    """Refuses what would wait for a device: values as Python numbers, sizes that depend on them,
    decompositions."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.name()
        assert not re.search(
            "_local_scalar_dense|nonzero|equal|linalg_(?!vector_norm)|unique", name
        ), name
        return func(*args, **(kwargs or {}))


def test_a_step_waits_for_nothing():
    model, mine = loop(1, watched=True, every=1)
    z = model.projector(model.backbone(torch.randn(60, 16)))
    functional.cosine_similarity(model.predictor(z), z.roll(1, 0)).sum().backward()
    with NoWaiting():
        mine.measure()
    with pytest.raises(AssertionError, match="_local_scalar_dense"), NoWaiting():
        z.sum().item()
    mine.close()
    assert len(mine.rows) == 2


@pytest.mark.cuda
def test_a_step_waits_for_nothing_on_a_device():
    model = Model().cuda()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05)
    mine = watch(optimiser, model, every=1, quiet=True)
    for _ in range(3):
        z = model.projector(model.backbone(torch.randn(60, 16, device="cuda")))
        loss = functional.cosine_similarity(model.predictor(z), z.roll(1, 0)).sum()
        optimiser.zero_grad()
        loss.backward()
        torch.cuda.set_sync_debug_mode("error")
        optimiser.step()
        torch.cuda.set_sync_debug_mode("default")
    mine.close()
    assert len(mine.rows) == 3


def test_a_collapse_is_told_with_its_cause_and_a_run_that_learns_is_not(tmp_path):
    told = []
    _, mine = loop(
        161,
        False,
        True,
        every=20,
        on_collapse=told.append,
        log=tmp_path / "w.jsonl",
        html=tmp_path / "w.html",
    )
    last = mine.close()
    assert told and told[0].step < 160 and last.name in ("complete", "dimensional", "narrowed")
    assert told[0].causes[0]["how"] == "measured:" and "not detached" in told[0].text
    assert "healthy" in told[0].seen
    rows = [json.loads(line) for line in (tmp_path / "w.jsonl").read_text().splitlines()]
    assert rows[-1]["verdict"] == last.name and rows[0]["verdict"] is None
    page = (tmp_path / "w.html").read_text()
    assert "not detached" in page and page.count("<svg") > 6 and "http" not in page
    _, fine = loop(161, True, True, every=20, log=tmp_path / "w.csv")
    assert fine.close() is None and fine.rows[-1]["round_share"] < 1e-6
    with open(tmp_path / "w.csv", newline="") as file:
        table = list(csv.DictReader(file))
    assert [int(row["step"]) for row in table] == list(range(0, 161, 20))
    assert float(table[-1]["projection_spread"]) == fine.rows[-1]["projection_spread"]


def test_who_is_called_can_end_the_training():
    def stop(verdict):
        raise KeyboardInterrupt(verdict.name)

    with pytest.raises(KeyboardInterrupt):
        loop(400, False, True, every=10, on_collapse=stop)


def test_what_is_not_finite_is_told_at_once():
    assert judge([{"step": 0, "broken": True}]).name == "broken"


def reading(step, spread, rank, **more):
    """A reading with these, in a batch of 100 rows of 32 channels."""
    row = {"step": step, "rows": 100, "width": 32, "projection_dead": 0}
    row |= dict(projection_spread=spread, projection_residual=0.5, projection_participation=9.0)
    return row | {"projection_centred_rankme": rank} | more


@pytest.mark.parametrize(
    "spreads, ranks, name",
    [
        ((0.05, 0.05, 0.05), (20, 20, 20), "offset"),
        ((0.05, 0.05, 0.05), (20, 1, 1), "complete"),
        ((0.05, 0.06, 0.08), (20, 20, 20), None),  # on its way up
        ((0.9, 0.9, 0.1), (20, 20, 20), None),  # once is not enough
        ((0.9, 0.9, 0.9), (20, 2, 2), "dimensional"),
        ((0.9, 0.9, 0.9), (20, 4.5, 4.4), "narrowed"),
        ((0.9, 0.9, 0.9), (20, 9, 8), None),
        ((0.1, 0.1), (20, 20), None),  # the start is no verdict
    ],
)
def test_the_rule_is_that_of_diagnose_seen_twice(spreads, ranks, name):
    rows = [reading(i, s, r) for i, (s, r) in enumerate(zip(spreads, ranks, strict=True))]
    said = judge(rows)
    assert (said and said.name) == name


def test_weight_decay_that_outweighs_the_gradient_is_a_measured_cause():
    rows = [reading(i, 0.01, 1, encoder_decay=3.0, encoder_gradient=0.1) for i in range(3)]
    assert "weight decay pulls" in judge(rows).causes[0]["cause"]


@pytest.fixture(scope="module")
def counted():
    return calibration.runs()


def test_the_limit_is_the_one_that_half_of_the_atlas_chooses(counted):
    assert calibration.choose(counted) == collapse.SPREAD_LIMITS["projections"]
    sizes = [
        sum(r.group == name for r in counted) for name in (calibration.CHOSEN, calibration.HELD)
    ]
    assert sizes == [42, 48]


def test_the_counts_that_are_shown_are_those_of_the_records(counted):
    """Of the scales whose records are complete; the others grow, and are counted again with `python
    -m ncssl.measure.calibration`."""
    kept, now = calibration.seen()["table"], calibration.table(counted)
    fixed = {name for name in kept if name.startswith("atlas") or "small" in name}
    assert len(fixed) == 5 and {n: kept[n] for n in fixed} == {n: now[n] for n in fixed}
