"""What a run holds while it goes, what its numbers depend on, and which checkpoint is its own."""

import dataclasses
from pathlib import Path

import torch

from ncssl.evaluate import OnlineProbe
from ncssl.machine import device_name, versions
from ncssl.model import Siamese
from ncssl.recipes import Recipe
from ncssl.train.tasks import Pictures, Utterances


@dataclasses.dataclass
class Run:
    """What a run holds while it goes: model, optimiser, generator, data, and what has been
    measured."""

    recipe: Recipe
    device: str
    model: Siamese
    optimiser: torch.optim.Optimizer
    generator: torch.Generator
    data: Pictures | Utterances
    probe: OnlineProbe | None = None
    compiled: bool = False
    log: Path | None = None
    processes: int = 1  # the most that it had at any time
    epoch: int = 0
    seconds: float = 0.0
    curves: dict[str, list] = dataclasses.field(default_factory=dict)

    @property
    def steps(self) -> int:
        """Steps in an epoch; the last, smaller batch is dropped."""
        return len(self.data) // self.recipe.batch

    def state(self) -> dict:
        return {
            "id": self.recipe.id,
            "made": made(self),
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "generator": self.generator.get_state(),
            "epoch": self.epoch,
            "seconds": self.seconds,
            "processes": self.processes,
            "curves": self.curves,
            "probe": self.probe and self.probe.state_dict(),
        }

    def restore(self, state: dict) -> None:
        """Take over a checkpoint's state. Raises ValueError before anything is changed where it
        cannot be one of this run; what raises in loading the parts leaves a run that must not be
        used."""
        fits(self, state)
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.generator.set_state(state["generator"].cpu())
        if self.probe:
            self.probe.load_state_dict(state["probe"])
        self.epoch, self.seconds, self.curves = state["epoch"], state["seconds"], state["curves"]
        self.processes = max(self.processes, state.get("processes", 1))


def made(run: Run) -> dict[str, str]:
    """What the numbers of a run depend on besides its recipe; a checkpoint made with other things
    is not used."""
    return {
        "device": device_name(run.device) + (", compiled" if run.compiled else ""),
        "precision": precision(run.recipe, run.device),
    } | {name: version for name, version in versions().items() if name != "python"}


def fits(run: Run, state: dict) -> None:
    """Raise ValueError where a checkpoint is not one that this run could have written."""
    if state.get("id") != run.recipe.id:
        raise ValueError(f"a checkpoint of another recipe ({state.get('id')})")
    if (given := state.get("made")) != (here := made(run)):
        raise ValueError(f"a checkpoint made with {given}, while this run computes with {here}")
    epoch, seconds, held = state.get("epoch"), state.get("seconds"), state.get("curves")
    if type(epoch) is not int or not 0 < epoch <= run.recipe.epochs:
        raise ValueError(f"a checkpoint of epoch {epoch!r} of {run.recipe.epochs}")
    if type(seconds) is not float or not 0 <= seconds < float("inf"):
        raise ValueError(f"a checkpoint of {seconds!r} seconds")
    measured = [
        e for e in range(epoch + 1) if e % run.recipe.knn_every == 0 or e == run.recipe.epochs
    ]
    if type(held) is not dict or held.get("epoch") != measured:
        raise ValueError(
            f"a checkpoint of epoch {epoch} whose curves are not those of epochs {measured}"
        )
    if (
        any(type(curve) is not list for curve in held.values())
        or len(held.get("loss", ())) != epoch
    ):
        raise ValueError(f"a checkpoint of epoch {epoch} without a loss of every epoch")
    if long := sorted(n for n, curve in held.items() if n != "loss" and len(curve) > len(measured)):
        raise ValueError(f"a checkpoint of epoch {epoch} whose curves {long} go beyond it")


def precision(recipe: Recipe, device: str) -> str:
    """bf16 or float32: the recipe's word, or for "auto" bf16 where the device computes it in
    hardware."""
    if recipe.precision != "auto":
        return recipe.precision
    if device.startswith("cuda"):
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    return "bf16" if torch.cpu._is_avx512_bf16_supported() else "float32"
