"""Watching the loops of others: two lines, accelerate, Lightning, lightly, stable-pretraining."""

import re
import warnings
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from noise_model import Model
from torch import nn
from torch.nn import functional

from ncssl.errors import UnknownName
from ncssl.watch import watch

FOLDER = Path(__file__).resolve().parent.parent
PAGE = (FOLDER / "book" / "watch.md").read_text("utf-8")


class Wrapped:
    """An optimiser as accelerate and Lightning wrap it."""

    def __init__(self, optimizer):
        self.optimizer = optimizer


def test_models_and_optimisers_of_others_are_known_by_their_names():
    model = Model()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    around = nn.Module()
    around.module = model
    mine = watch(Wrapped(Wrapped(optimiser)), around, quiet=True)
    assert mine.optimiser is optimiser and mine.parts["encoder"] is model.backbone
    mine.close()
    alone = watch(optimiser, projector=model.projector, quiet=True)
    assert alone.parts["predictor"] is None
    alone.close()
    for given, error, words in (
        (dict(model=nn.Linear(2, 2)), ValueError, "Linear, without any of projector"),
        (dict(model=model, every=0), ValueError, "every was 0"),
        (dict(model=model, log="w.txt"), UnknownName, "ending of a log"),
    ):
        with pytest.raises(error, match=words):
            watch(optimiser, quiet=True, **given)
    with pytest.raises(ValueError, match="optimiser was int"):
        watch(3, model)


def test_two_lines_are_enough(capfd):
    """The lines of the page, in a loop that knows nothing of them."""
    (lines,) = re.findall(r"^```python\n(from ncssl.watch import.*?)^```$", PAGE, re.M | re.S)
    assert len(list(filter(None, lines.splitlines()))) == 2
    model = Model()
    names = {"model": model, "optimiser": torch.optim.SGD(model.parameters(), lr=0.1)}
    exec(lines, names)
    z = model.projector(model.backbone(torch.randn(30, 16)))
    model.predictor(z).sum().backward()
    names["optimiser"].step()
    names["watcher"].close()
    assert re.search(r"watch +0  spread 0\.\d+  rank", capfd.readouterr().err)


def step_of(model):
    """The loss of SimSiam on a batch of noise."""
    x = torch.randn(60, 16)
    z = [model.projector(model.backbone(x + 0.3 * torch.randn_like(x))) for _ in range(2)]
    p = [model.predictor(each) for each in z]
    return -functional.cosine_similarity(p[0], z[1].detach()).mean()


def test_a_loop_of_accelerate():
    accelerate = pytest.importorskip("accelerate", reason="accelerate is not installed here")
    torch.manual_seed(0)
    model = Model()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    accelerator = accelerate.Accelerator(cpu=True)
    model, optimiser = accelerator.prepare(model, optimiser)
    watcher = watch(optimiser, model, every=2, quiet=True)
    for _ in range(5):
        optimiser.zero_grad()
        accelerator.backward(step_of(model))
        optimiser.step()
    watcher.close()
    assert [row["step"] for row in watcher.rows] == [0, 2, 4]
    assert all(row["encoder_gradient"] > 0 for row in watcher.rows)


@pytest.mark.filterwarnings("ignore")
def test_a_loop_of_lightning(tmp_path):
    lightning = pytest.importorskip("pytorch_lightning", reason="pytorch-lightning is not here")

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.model = Model()

        def training_step(self, batch, _):
            return step_of(self.model)

        def configure_optimizers(self):
            optimiser = torch.optim.SGD(self.parameters(), lr=0.1)
            self.watcher = watch(optimiser, self.model, every=2, quiet=True)
            return optimiser

    module = Module()
    quiet = dict(logger=False, enable_checkpointing=False, enable_progress_bar=False)
    trainer = lightning.Trainer(
        max_epochs=1,
        accelerator="cpu",
        default_root_dir=tmp_path,
        enable_model_summary=False,
        **quiet,
    )
    trainer.fit(module, torch.utils.data.DataLoader(torch.zeros(5, 1)))
    module.watcher.close()
    assert [row["step"] for row in module.watcher.rows] == [0, 2, 4]
    assert all(row["encoder_gradient"] > 0 for row in module.watcher.rows)


LIGHTLY = (FOLDER / "book/static/examples/lightly_simsiam.py").read_text("utf-8")
AFTER = "optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)\n"
LINES = (
    "from ncssl.watch import watch\n"
    "watcher = watch(optimiser, model, every=20, on_collapse=told.append, quiet=True)\n"
)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("lightly") is None, reason="lightly is not installed here")
@pytest.mark.parametrize("stopped", [True, False], ids=["learns", "no stop-gradient"])
def test_the_loop_of_lightly(stopped):
    """SimSiam of lightly's parts: told within 200 steps that it collapses and why, and nothing
    while it learns."""
    text = LIGHTLY.replace(AFTER, AFTER + LINES).replace("range(5)", "range(10)")
    if not stopped:
        text = text.replace("return z.detach(), p", "return z, p")
    names = {"__name__": "__main__", "told": []}
    with warnings.catch_warnings(action="ignore"):
        exec(compile(text, "example", "exec"), names)
    last = names["watcher"].close()
    assert (last is None) == stopped == (names["told"] == [])
    if not stopped:
        first = names["told"][0]
        assert first.step < 200 and "not detached" in first.causes[0]["cause"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("stopped", [True, False], ids=["learns", "no stop-gradient"])
def test_the_model_of_stable_pretraining(stopped, tmp_path, monkeypatch):
    """SimSiam as that library has it, and with its loss on targets that are not detached."""
    theirs = pytest.importorskip(
        "stable_pretraining.methods.simsiam",
        reason="stable-pretraining is not installed here",
        exc_type=ImportError,
    )
    monkeypatch.chdir(tmp_path)
    if not stopped:
        both = functional.cosine_similarity
        monkeypatch.setattr(theirs, "_neg_cos_sim", lambda p, z: -both(p, z).mean())
    text = (FOLDER / "book/static/examples/stable_pretraining_simsiam.py").read_text("utf-8")
    exec(compile(text, "example", "exec"), names := {"__name__": "__main__"})
    last = names["watcher"].close()
    assert (last is None) == stopped and (tmp_path / "watch.html").exists()
    assert stopped or "not detached" in last.causes[0]["cause"]
