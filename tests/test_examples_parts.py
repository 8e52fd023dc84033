"""The parts that one takes alone: the order of a step, several processes, losses, a method."""

import json

import processes
import pytest
import torch
from click.testing import CliRunner
from page_code import CONTRIBUTING, PAGE, blocks, section

from ncssl.cli import main
from ncssl.errors import UnknownName
from ncssl.methods import METHODS, defaults
from ncssl.nn import DirectPred, direct_pred
from ncssl.recipes import recipe
from ncssl.train import loop


def test_order_of_a_step():
    head, z = DirectPred(4), torch.randn(9, 4, requires_grad=True)
    p = head(z)
    head.observe([z])
    head.follow()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        p.sum().backward()
    torch.testing.assert_close(head.W, direct_pred(z.detach().T @ z.detach() / 9))
    C = head.C.clone()
    head.eval().observe([2 * z])
    torch.testing.assert_close(head.C, C)


def gaps(averages):
    """Print, for each code that may average the moments of two processes, how far a predictor then
    is from that of the whole batch."""
    torch.distributed.init_process_group("gloo")
    rank = torch.distributed.get_rank()
    torch.manual_seed(0)
    batches = torch.randn(3, 2, 2, 8, 4)  # step, process, view, row, channel
    whole = DirectPred(4)
    for z in batches.transpose(1, 2).flatten(2, 3):
        whole.observe(z)
        whole.follow()
    for average in averages:
        predictor = DirectPred(4)
        for z in batches[:, rank]:
            predictor.observe(z)
            exec(average, {"torch": torch, "predictor": predictor})
            predictor.follow()
        apart = predictor.C - whole.C, predictor.W - whole.W
        print(max(gap.abs().max().item() for gap in apart))


@pytest.mark.skipif(
    not torch.distributed.is_gloo_available(), reason="this build of torch has no gloo"
)
def test_several_processes_have_the_moment_of_the_whole_batch_only_if_it_is_averaged():
    (code,) = blocks(section(PAGE, "Several processes"), "python")
    for done in processes.together(gaps, [code, ""]):
        assert done.returncode == 0, done.stderr
        averaged, left_alone = map(float, done.stdout.split())
        assert averaged < 1e-4 and left_alone > 0.01


def test_losses_and_measures_alone():
    (code,) = blocks(section(PAGE, "Losses and spectral measures alone"), "python")
    assert len(code.splitlines()) == 6
    z = torch.randn(200, 16)
    exec(code, seen := {"z1": z, "z2": z + 0.1})
    assert seen["loss"] > 0 and 10 < seen["rank"] <= 16 and seen["verdict"] == "none"
    exec(code, seen := {"z1": z * torch.eye(16)[0], "z2": z})
    assert seen["rank"] == pytest.approx(1) and seen["verdict"] != "none"


def test_a_method_is_one_declaration(tmp_path, monkeypatch):
    """The method of CONTRIBUTING.md, straight from the page: listed, trained, checked, and gone
    again."""
    monkeypatch.setattr(loop, "checkpoint_path", lambda r: tmp_path / f"{r.id}.pt")
    before = dict(METHODS)
    (code,) = blocks(section(CONTRIBUTING, "Add a method"), "python")
    try:
        exec(code, {"__name__": "example"})
        (name,) = set(METHODS) - set(before)
        listed = json.loads(CliRunner().invoke(main, ["methods", "--json"]).output)
        assert [row["options"] for row in listed if row["name"] == name] == [defaults(name)]
        with pytest.raises(UnknownName, match="did you mean 'delta'"):
            recipe(name, options={"detla": 0.1})
        with pytest.raises(ValueError, match="delta was 2"):
            recipe(name, options={"delta": 2})
        record = loop.fit(recipe(name, epochs=3), out=tmp_path, device="cpu")
        assert record.status == "done" and record.recipe.options == defaults(name)
        loss, spread = record.curves["loss"], record.curves["std_normalised"]
        assert loss[-1] < 0.9 * loss[0] and spread[-1] > 0.5 / record.recipe.d**0.5
    finally:
        METHODS.clear()
        METHODS.update(before)
    assert f"--method {name} --set delta=" in CONTRIBUTING and name not in METHODS
