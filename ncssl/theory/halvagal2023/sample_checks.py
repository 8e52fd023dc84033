"""Halvagal, Laborieux and Zenke (2023): the checks that need samples, of single gradients and of
the toy network."""

import numpy as np

from ncssl.theory.halvagal2023 import cosine, losses, modes, toy
from ncssl.theory.halvagal2023.cosine import participation_ratio
from ncssl.theory.halvagal2023.toy import FIXTURE
from ncssl.theory.helpers import check


def _toy(setting, *, modes=10, inputs=15, **settings):
    """The toy network from the fixture's first `modes` eigenvalues: eigenvalues (T, modes)."""
    return toy.simulate(toy.encoder(FIXTURE[:modes], inputs), setting, **settings).lam


def _random_samples(samples=40, modes=6):
    rng = np.random.default_rng(1)
    return rng.normal(size=(samples, modes)) * rng.uniform(0.2, 2, modes), rng.uniform(
        0.05, 2, modes
    )


@check
def gradient_per_sample():
    """Max abs difference of dz/dt per sample from minus the gradient of its loss (complex step),
    four losses."""
    z, s = _random_samples()
    worst = 0.0
    for kind, per_sample in (("euc", losses.pull), ("cos", cosine.cosine_pull)):
        found = -losses.complex_step(losses.base, z, z, np.diag(s), kind=kind) * len(z) / 2
        iso = -losses.complex_step(losses.FORMS[kind]["through"], z, z, np.diag(s)) * len(z) / 2
        worst = max(
            worst,
            np.abs(found - per_sample(z, s, kind)).max(),
            np.abs(iso - per_sample(z, s, f"{kind}_iso")).max(),
        )
    return float(worst)


@check
def sign_rule():
    """Samples (of 2000, both cosine losses) in which the largest mode grows or the smallest one
    shrinks."""
    z, s = _random_samples(2000)
    wrong = 0
    for loss in ("cos", "cos_iso"):
        moves = z * cosine.cosine_pull(z, s, loss)
        wrong += (moves[:, s.argmax()] > 0).sum() + (moves[:, s.argmin()] < 0).sum()
    return float(wrong)


@check
def noisy_fixed_point_sampled():
    """Max abs distance of 4 modes from 1/1.1 after 900 steps (t = 45), both Euclidean losses,
    two-sided noise 0.1."""
    settings = {
        "modes": 4,
        "inputs": 6,
        "steps": 900,
        "lr": 0.05,
        "noise": np.sqrt(0.1),
        "two_sided": True,
    }
    ends = [_toy(loss, samples=3000, every=900, **settings)[-1] for loss in ("euc", "euc_iso")]
    return float(np.abs(np.array(ends) - 1 / 1.1).max())


@check
def cosine_isotropy():
    """Coefficient of variation of the modes after 1500 steps of the cosine IsoLoss."""
    last = toy.figure2("cos_iso").lam[-1]
    return float(last.std() / last.mean())


@check
def cosine_levels_sampled():
    """Max relative error of the mean mode (cos) and of the root mean square mode (cos_iso) after
    1500 steps."""
    start, ends = FIXTURE, {loss: toy.figure2(loss).lam[-1] for loss in ("cos", "cos_iso")}
    rms = np.sqrt((ends["cos_iso"] ** 2).mean() / (start**2).mean())
    return float(max(abs(ends["cos"].mean() / start.mean() - 1), abs(rms - 1)))


@check
def nosg_collapse_sampled():
    """Largest mode after 2000 steps (t = 200) without stop-gradient, Euclidean, two-sided noise of
    variance 0.1."""
    return float(
        _toy("euc_nosg", steps=2000, lr=0.1, noise=np.sqrt(0.1), two_sided=True, samples=500)[
            -1
        ].max()
    )


@check
def cosine_nosg_rank():
    """Participation ratio after 1500 steps without stop-gradient (true gradient, cosine) over that
    at the start."""
    run = toy.figure2("cos_nosg").lam
    return float(participation_ratio(run[-1]) / participation_ratio(run[0]))


@check
def cosine_nosg_growth():
    """Mean mode after 1500 steps without stop-gradient (true gradient, cosine) over that at the
    start.

    To one decimal: a sample near the gradient's pole brings the processor's rounding to the next
    one.
    """
    run = toy.figure2("cos_nosg").lam
    return round(float(run[-1].mean() / run[0].mean()), 1)


@check
def cosine_nosg_growth_as_released():
    """The same with the update of the released notebook."""
    run = toy.figure2("cos_nosg", formula="notebook").lam
    return float(run[-1].mean() / run[0].mean())


@check
def released_formula_one_output():
    """Abs value of the released update for one output, where the cosine is constant and its
    gradient zero; z = 1/2."""
    z = np.full((1, 1), 0.5)
    return float(np.abs(toy.notebook_pull(z, z, np.array([[0.25]]))).max())


def population(loss, times):
    """Eigenvalues (T, 10), sorted, of the population flow from the fixture, without noise, at the
    given times."""
    if loss in modes.MODES:
        lam = modes.MODES[loss].solve(FIXTURE[:, None], times)["lam"]
    else:
        lam = cosine.cosine_flow(10, loss).solve(FIXTURE, times, options={"rtol": 1e-5})["lam"]
    return np.sort(lam, axis=-1)


@check
def toy_follows_flow():
    """Max abs distance of ten modes from the population flow over 1500 steps: base losses and
    IsoLoss, noisy target."""
    worst = 0.0
    for loss in ("euc", "euc_iso", "cos", "cos_iso"):
        run, some = toy.figure2(loss), slice(None, None, 10)
        worst = max(worst, np.abs(run.lam[some] - population(loss, run.times[some])).max())
    return float(worst)


@check
def cosine_nopred_slow():
    """Largest relative change of a mode over 1500 steps without predictor, cosine, only the target
    noisy."""
    run = toy.figure2("cos_nopred").lam
    return float(np.abs(run[-1] / run[0] - 1).max())


@check
def cosine_nopred_flow():
    """Max abs difference of the relative changes over 1500 steps from the first-order flow, cos
    without predictor."""
    run = toy.figure2("cos_nopred")
    flow = cosine.cosine_flow(10, "cos_nopred")
    last = flow.solve(FIXTURE, run.times[[0, -1]], options={"rtol": 1e-6}, sigma2=0.01)["lam"][-1]
    return float(np.abs(run.lam[-1] / FIXTURE - last / FIXTURE).max())


@check
def relu_iso_reaches_one():
    """Max abs distance of the modes from 1 after 1500 steps of the Euclidean IsoLoss with ReLU."""
    return float(np.abs(toy.figure2("euc_iso", relu=True).lam[-1] - 1).max())


@check
def relu_euc_leaves_the_smallest():
    """The smallest mode after 1500 steps of the Euclidean loss with ReLU; it starts at 0.02."""
    return float(toy.figure2("euc", relu=True).lam[-1].min())


@check
def nopred_still():
    """Largest relative change of a mode over 1500 steps without predictor, Euclidean, only the
    target noisy."""
    run = toy.figure2("euc_nopred").lam
    return float(np.abs(run[-1] / run[0] - 1).max())


@check
def nopred_decay():
    """Relative error of the mean mode after t = 15 against e^(-2 sigma2 t), two-sided noise of
    variance 0.01."""
    run = _toy("euc_nopred", steps=300, lr=0.05, two_sided=True, samples=4000, every=300)
    return float(abs(run[-1].mean() / run[0].mean() / np.exp(-2 * 0.01 * 15) - 1))


@check
def decay_threshold_sampled():
    """Modes (of 4) that end on the wrong side: weight decay 0.1, from 0.10 and 0.13, with and
    without IsoLoss."""
    wrong, noise_free = (
        0,
        {"noise": 0.0, "rho": 0.1, "lr": 0.1, "steps": 1500, "every": 1500, "samples": 1000},
    )
    for loss in ("euc", "euc_iso"):
        for start in (0.10, 0.13):
            end = toy.simulate(toy.encoder([start], 2), loss, **noise_free).lam[-1, 0]
            goal = 0.9 if loss == "euc_iso" else (0.0 if start < 0.1127 else 0.8873)
            wrong += int(abs(end - goal) > 0.02)
    return float(wrong)
