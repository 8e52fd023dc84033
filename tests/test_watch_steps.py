"""What a watch takes of steps that are left out, add up or compute twice, and what it can say of
the gradients."""

import pytest
import torch
from noise_model import Model
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from ncssl.watch import watch
from ncssl.watch.judge import judge, measured


def pair(model, n=60):
    """Projections of two views of noise."""
    x = torch.randn(n, 16)
    return [model.projector(model.backbone(x + 0.3 * torch.randn_like(x))) for _ in range(2)]


def watched(loss, steps=1, every=1, optimiser=torch.optim.SGD, scaler=None, model=None, **how):
    """The rows of a run of `loss(model, step)`."""
    torch.manual_seed(0)
    model = model or Model()
    opt = optimiser(model.parameters(), lr=0.01, **how)
    mine = watch(opt, model, every=every, quiet=True)
    for i in range(steps):
        opt.zero_grad()
        if scaler:
            scaler.scale(loss(model, i)).backward()
            scaler.step(opt)
            scaler.update()
        else:
            loss(model, i).backward()
            opt.step()
    mine.close()
    return mine


def too_large(at):
    """A loss of SimSiam whose gradient leaves the finite range at these steps."""

    def loss(model, i):
        z = pair(model)
        p = model.predictor(z[0])
        return -functional.cosine_similarity(p, z[1].detach()).mean() * (1e38 if i in at else 1)

    return loss


@pytest.mark.parametrize("fused, seen", [(False, [0, 2, 4]), (True, [2, 4])])
def test_a_step_that_a_scaler_leaves_out_is_no_broken_run(fused, seen):
    """The optimiser is not called, so step 0 is the next one; a fused one is, and skips itself."""
    scaler = torch.amp.GradScaler("cpu")
    mine = watched(too_large({0}), 6, 2, torch.optim.Adam, scaler, fused=fused)
    assert [row["step"] for row in mine.rows] == seen
    assert not any(row.get("broken") for row in mine.rows)


def test_gradients_that_no_scaler_looks_after_break_a_run_at_once():
    assert watched(too_large({1}), 2).rows[-1]["broken"]


def test_a_run_is_judged_from_its_first_finite_reading():
    start = dict(rows=100, width=32, projection_dead=0, projection_residual=0.5)
    start |= dict(projection_spread=0.05, projection_participation=9.0)
    rows = [{"step": 0, "broken": True}]
    rows += [start | {"step": i, "projection_centred_rankme": 20.0} for i in (1, 2, 3)]
    assert judge(rows[:3]) is None and judge(rows).name == "offset"


def test_of_gradients_that_add_up_the_last_pass_is_seen():
    kept = []

    def loss(model, i):
        for _ in range(3):
            kept.append(pair(model))
            part = -functional.cosine_similarity(model.predictor(kept[-1][0]), kept[-1][1]).mean()
            part.backward(retain_graph=True)
        return 0 * part

    (row,) = watched(loss).rows
    both = functional.cosine_similarity(*(z.detach() for z in kept[-1])).mean()
    assert row["view_cosine"] == pytest.approx(both.item(), rel=1e-6)


def test_what_a_backward_pass_computes_again_is_not_a_view():
    def loss(model, i):
        z = checkpoint(
            lambda x: model.projector(model.backbone(x)), torch.randn(60, 16), use_reentrant=False
        )
        return model.predictor(z).square().mean()

    assert "view_cosine" not in watched(loss).rows[0]


@pytest.mark.parametrize("detached", [True, False])
def test_a_target_that_never_enters_the_predictor_counts_as_round_it(detached):
    def loss(model, i):
        z = pair(model)
        return (model.predictor(z[0]) - (z[1].detach() if detached else z[1])).square().mean()

    share = watched(loss).rows[0]["round_share"]
    assert share < 1e-6 if detached else share > 0.2


def test_without_a_projector_one_view_in_the_predictor_gives_no_share():
    torch.manual_seed(0)
    model = Model()
    for symmetric in (False, True):
        opt = torch.optim.SGD(model.parameters(), lr=0.01)
        mine = watch(opt, predictor=model.predictor, quiet=True)
        z = pair(model)
        loss = (model.predictor(z[0]) - z[1]).square().mean()
        if symmetric:
            loss = loss + (model.predictor(z[1]) - z[0]).square().mean()
        loss.backward()
        opt.step()
        mine.close()
        assert (mine.rows[0].get("round_share", 0) > 0.2) == symmetric
        assert ("round_share" in mine.rows[0]) == symmetric


@pytest.mark.parametrize(
    "optimiser, told",
    [(torch.optim.SGD, True), (torch.optim.Adam, True), (torch.optim.AdamW, False)],
)
def test_decay_is_compared_with_the_gradient_where_they_are_added(optimiser, told):
    row = watched(too_large(()), optimiser=optimiser, weight_decay=10.0).rows[0]
    assert row["encoder_decay"] > row["encoder_gradient"] > 0
    assert any("weight decay" in cause["cause"] for cause in measured(row)) == told


def test_an_encoder_that_no_gradient_reaches_is_told():
    def loss(model, i):
        with torch.no_grad():
            h = model.backbone(torch.randn(60, 16))
        return model.predictor(model.projector(h)).square().mean()

    row = watched(loss).rows[0]
    assert row["encoder_gradient"] == 0 < row["encoder_norm"] and row["projector_gradient"] > 0
    assert [c["cause"] for c in measured(row)] == ["no gradient reaches the encoder"]


def test_one_row_is_no_reading():
    model = Model().eval()
    model.projector.train()
    assert (
        watched(lambda m, i: m.projector(m.backbone(torch.randn(1, 16))).sum(), model=model).rows
        == []
    )
