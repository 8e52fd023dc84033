"""Watching the loops of others: two lines, accelerate, Lightning, lightly, stable-pretraining."""

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
import watched
from noise_model import Model
from torch import nn
from torch.nn import functional

from ncssl.errors import BadFile, UnknownName
from ncssl.measure.calibration import HELD, seen, words
from ncssl.pages.watched import write
from ncssl.watch import watch
from ncssl.watch.judge import judge

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
    for given, error, said in (
        (dict(model=nn.Linear(2, 2)), ValueError, "Linear, without any of projector"),
        (dict(model=model, every=0), ValueError, "every was 0"),
        (dict(model=model, log="w.txt"), UnknownName, "ending of a log"),
    ):
        with pytest.raises(error, match=said):
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


@pytest.mark.slow
@pytest.mark.parametrize("name, stopped", watched.LOOPS)
def test_loops_are_told_that_they_collapse_and_why(name, stopped):
    """A plain loop, lightly's parts, stable-pretraining's model: within 200 steps without their
    stop-gradient, and nothing is said while they learn."""
    if not watched.here(name):
        pytest.skip(f"{watched.LIBRARIES[name]} is not installed here")
    watcher = watched.ran(name, stopped)
    assert (watcher.verdict is None) == stopped
    so_far = (watcher.rows[: n + 1] for n in range(len(watcher.rows)))
    first = next(filter(None, map(judge, so_far)), None)
    assert (first is None) == stopped
    assert stopped or first.step < 200 and "not detached" in first.causes[0]["cause"]


def test_reports_are_made_of_the_readings_that_are_kept(tmp_path):
    """With the counts of today's records; the two forms of every loop are on the page."""
    (kept := tmp_path / "static").mkdir()
    shutil.copytree(FOLDER / "book" / "static" / "watch", kept / "watch")
    made = {path.stem: path.read_text("utf-8") for path in write(tmp_path)}
    ends = {True: "learns", False: "without_stop_gradient"}
    assert set(made) == {f"{name}_{ends[stopped]}" for name, stopped in watched.LOOPS}
    for name, report in made.items():
        assert PAGE.count(f"_static/watch/{name}.html") == 1
        fine = "nothing that tells of collapse" in report
        assert fine == name.endswith("learns")
        assert fine or "the target is not detached" in report
        assert fine or any(words(finding) in report for finding in seen()["table"][HELD])
    for text in ('{"step": 0}\n{"ste', "", '{"step": 0}\n'):
        (kept / "watch" / "plain_learns.jsonl").write_text(text)
        with pytest.raises(BadFile, match=r"plain_learns\.jsonl: is no log of a watched run"):
            write(tmp_path)


def test_the_plain_loop_is_told_when_the_page_says():
    log = FOLDER / "book" / "static" / "watch" / "plain_without_stop_gradient.jsonl"
    rows = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    first = next(n for n in range(1, len(rows)) if judge(rows[:n]))
    (step,) = re.findall(r"told at step (\d+) that", PAGE)
    assert judge(rows[:first]).step == int(step)
