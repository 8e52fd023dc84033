"""Theory of halvagal2023: gradients against autograd, the toy network."""

import numpy as np
import pytest

from ncssl.errors import UnknownName
from ncssl.theory.halvagal2023 import cosine, losses, toy
from ncssl.theory.halvagal2023.toy import FIXTURE

# ---- losses and their gradients


@pytest.mark.parametrize("setting", losses.PREDICTORS)
@pytest.mark.parametrize("kind", ["euc", "cos"])
def test_gradients_agree_with_autograd(kind, setting):
    """V1: base and IsoLoss, by hand and in all forms, against torch; the identity g = g_iso W_P;
    orthogonality."""
    torch = pytest.importorskip("torch")
    z, target, W_P = losses.example(setting, samples=16, modes=8)
    x, t, W = (torch.tensor(a) for a in (z, target, W_P))
    x.requires_grad_()
    p = x @ W.T
    through = x + (p - x).detach()
    found = {}
    for name, q in (("base", p), ("iso", through)):
        cos = torch.nn.functional.cosine_similarity(q, t, dim=-1)
        loss = ((q - t) ** 2).sum(-1).mean() if kind == "euc" else (2 - 2 * cos).mean()
        (found[name],) = torch.autograd.grad(loss, x, retain_graph=True)
        found[name] = found[name].numpy()
    assert np.abs(found["base"] - losses.gradient(z, target, W_P, kind)).max() < 1e-12
    assert np.abs(found["iso"] - losses.gradient(z, target, W_P, f"{kind}_iso")).max() < 1e-12
    assert np.abs(found["base"] - found["iso"] @ W_P).max() < 1e-12
    for form in losses.FORMS[kind].values():
        assert np.abs(losses.complex_step(form, z, target, W_P) - found["iso"]).max() < 1e-12
    if kind == "cos":
        at_z, at_p = (z * found["base"]).sum(-1), (z @ W_P * found["iso"]).sum(-1)
        assert max(np.abs(at_z).max(), np.abs(at_p).max()) < 1e-14


def test_with_equal_views_the_cosine_isoloss_makes_embeddings_grow():
    z, _, W_P = losses.example("alpha 1", samples=200)
    assert ((z * losses.gradient(z, z, W_P, "cos_iso")).sum(-1) < 1e-15).all()


def test_values_of_the_forms():
    """V1: forms (i) and (iii) have the value of the base loss, form (ii) does not."""
    z, target, W_P = losses.example("alpha 1")
    for kind in ("euc", "cos"):
        base = losses.base(z, target, W_P, kind=kind)
        assert losses.iso_through(z, target, W_P, kind=kind) == pytest.approx(base, rel=1e-12)
    assert losses.iso_shifted(z, target, W_P) == pytest.approx(
        losses.base(z, target, W_P, kind="euc"), rel=1e-12
    )
    assert abs(losses.iso_root(z, target, W_P) - losses.base(z, target, W_P, kind="cos")) > 0.1


def test_single_gradients_of_the_loss_without_stop_gradient():
    """V2: the derivative through both branches, complex step with z in both places."""
    rng = np.random.default_rng(2)
    z, s = rng.normal(size=(20, 5)), rng.uniform(0.1, 2, 5)

    def both(x, stopped):
        return losses.base(x, x, np.diag(s), kind="cos")

    found = -losses.complex_step(both, z) * len(z) / 2
    np.testing.assert_allclose(cosine.cosine_pull(z, s, "cos_nosg"), found, atol=1e-13)
    with pytest.raises(UnknownName, match="gradient per sample"):
        losses.pull(z, s, "cos")


# ---- the toy network


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("setting", toy.SETTINGS)
def test_the_step_of_the_toy_network_is_the_gradient(setting, relu):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    W0, x1, x2 = rng.normal(size=(3, 5)) / 2, rng.normal(size=(40, 5)), rng.normal(size=(40, 5))
    W, a, b = (torch.tensor(v) for v in (W0, x1, x2))
    W.requires_grad_()
    z1, z2 = ((x @ W.T).relu() if relu else x @ W.T for x in (a, b))
    if not setting.endswith("nosg"):
        z2 = z2.detach()
    S = torch.tensor(toy.predictor(W0))
    p = z1 if setting.endswith("nopred") else z1 @ S
    p = z1 + (p - z1).detach() if setting.endswith("iso") else p
    # where all outputs are off, the cosine has no gradient
    ok = (p.norm(dim=1) > 0) & (z2.norm(dim=1) > 0)
    if setting.startswith("euc"):
        loss = 0.5 * ((p - z2) ** 2).sum(1).sum() / 40
    else:
        loss = -((p[ok] * z2[ok]).sum(1) / (p[ok].norm(dim=1) * z2[ok].norm(dim=1))).sum() / 40
    (expected,) = torch.autograd.grad(loss, W)
    got = toy.direction(W0, x1, x2, setting, relu=relu)
    np.testing.assert_allclose(got, -expected.numpy(), atol=2e-6)


def test_the_released_formulas_differ_where_they_should():
    rng = np.random.default_rng(3)
    W, x1, x2 = rng.normal(size=(3, 5)) / 2, rng.normal(size=(40, 5)), rng.normal(size=(40, 5))
    for setting in toy.SETTINGS:
        for relu in (False, True):
            ours, theirs = (
                toy.direction(W, x1, x2, setting, relu=relu, formula=f) for f in toy.FORMULAS
            )
            differ = setting == "cos_nosg" or (relu and setting in ("euc", "euc_nosg"))
            assert (np.abs(ours - theirs).max() > 1e-3) == differ, (setting, relu)
    on, z2, S = x1 @ W.T > 0, np.maximum(x2 @ W.T, 0), toy.predictor(W)
    masked = (((z2 - (x1 @ W.T * on) @ S) * on) @ S).T @ x1 / 40
    np.testing.assert_allclose(
        toy.direction(W, x1, x2, "euc", relu=True, formula="notebook"), masked, atol=1e-12
    )
    z, s = rng.normal(size=(5000, 1)) * 0.7, np.array([[0.49]])
    rate = 2 * (z * toy.notebook_pull(z, z, s)).mean()
    assert rate == pytest.approx(2 * (1 - 1 / 0.49**2), rel=1e-4), (
        "one output: lam' = 2 (1 - 1/lam^2) instead of 0"
    )


def test_the_toy_network_is_repeatable_and_has_the_spectrum_it_is_given():
    W = toy.encoder(FIXTURE, 15, seed=4)
    np.testing.assert_allclose(np.linalg.eigvalsh(W @ W.T), FIXTURE, atol=1e-12)
    a, b = (toy.simulate(W, "euc", steps=25, every=10, samples=100) for _ in range(2))
    assert (a.lam == b.lam).all() and a.steps.tolist() == [0, 10, 20, 25] and a.times[-1] == 0.25
    assert a.W.shape == (4, 10, 15)
    np.testing.assert_allclose(toy.predictor(W, 0.5) @ toy.predictor(W, 0.5), W @ W.T, atol=1e-7)
    decays = toy.simulate(W, "euc_nopred", steps=100, noise=0.0, rho=0.5, lr=0.01, samples=10).lam[
        -1
    ]
    np.testing.assert_allclose(decays, FIXTURE * 0.995**200, rtol=1e-4)
