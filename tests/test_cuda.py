"""On a CUDA device: the numbers of the CPU, exact resume, and no waiting for the device inside an
epoch."""

import copy

import pytest
import torch

from ncssl.methods import METHODS
from ncssl.recipes import recipe
from ncssl.train import loop

pytestmark = pytest.mark.cuda
TINY = dict(limit=256, batch=64, width=4, hidden=16, d=8, epochs=2, precision="float32")
OPTIONS = {
    "wmse": {"part": 64},
    "moco": {"queue": 128},
    "swav": {"prototypes": 12},
    "dino": {"prototypes": 16},
}


def started(name, device):
    r = recipe(name, options=OPTIONS.get(name, {}), **TINY)
    run = loop.start(r, device=device)
    run.model.train()
    return run


@pytest.mark.parametrize("name", METHODS)
def test_a_step_gives_the_cpus_loss(name):
    """Same weights, same views: the loss in float32 agrees with the CPU's."""
    here, there = started(name, "cpu"), started(name, "cuda")
    there.model.load_state_dict(here.model.state_dict())
    g = torch.Generator().manual_seed(0)
    views = [torch.randn(64, 1, 16, 16, generator=g) for _ in range(2)]
    expected = here.model(views, 0.5).item()
    assert there.model([v.cuda() for v in views], 0.5).item() == pytest.approx(
        expected, rel=5e-3, abs=1e-3
    )


@pytest.mark.parametrize("name", METHODS)
def test_resume_is_exact(name):
    run = started(name, "cuda")
    loop.train_epoch(run, lambda: None)
    run.epoch += 1
    saved = copy.deepcopy(run.state())
    onward = loop.train_epoch(run, lambda: None)
    other = started(name, "cuda")
    other.restore(saved)
    assert loop.train_epoch(other, lambda: None) == onward


@pytest.mark.parametrize("name", METHODS)
def test_no_step_waits_for_the_device(name):
    run = started(name, "cuda")
    rows = torch.arange(64, device="cuda")
    for i in range(2):  # constants are sent to the device once
        loop.train_step(run, rows, i)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for i in range(2, 4):
            loop.train_step(run, rows, i)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_the_record_names_the_device_and_its_memory(tmp_path):
    record = loop.fit(recipe("byol", **TINY | {"precision": "auto"}), out=tmp_path, device="cuda")
    assert record.device == torch.cuda.get_device_name() and record.peak_memory_mb > 0
    assert record.precision == (
        "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    )


def test_a_compiled_encoder_gives_the_same_numbers(tmp_path):
    r = recipe("byol", **TINY)
    eager, compiled = (
        loop.fit(r, out=tmp_path / str(c), device="cuda", compiled=c) for c in (False, True)
    )
    assert compiled.curves["loss"] == pytest.approx(eager.curves["loss"], rel=2e-2)
