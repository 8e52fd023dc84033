"""`watch`: hooks on modules and optimiser, readings on schedule, and what is done with them."""

import atexit
import sys
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import torch
from torch import nn
from torch.optim import Optimizer

from ncssl.errors import UnknownName
from ncssl.watch import report
from ncssl.watch.hooks import Hooks
from ncssl.watch.judge import Verdict, judge
from ncssl.watch.reading import ROWS, norms, reading

# names that the parts have in models of lightly, solo-learn, stable-pretraining and here
PARTS = {
    "encoder": ("encoder", "backbone"),
    "projector": ("projector", "projection_head"),
    "predictor": ("predictor", "prediction_head"),
}
WRAPPED = ("optimizer", "optim")  # where wrappers of optimisers keep what they wrap
# optimisers that add the decay of a weight to its gradient, where a group does not say otherwise
COUPLED = ("SGD", "Adam", "NAdam", "RAdam", "Adamax", "Adagrad", "Adadelta", "RMSprop", "ASGD")


class Watch:
    """A watched run. `rows`: its readings so far; `verdict`: the last word on it, None while there
    is nothing to say."""

    def __init__(
        self,
        optimiser: Optimizer,
        parts: dict[str, nn.Module | None],
        every: int,
        log: Path | None,
        html: Path | None,
        on_collapse: Callable[[Verdict], object] | None,
        quiet: bool,
    ):
        self.optimiser, self.parts, self.every = optimiser, parts, every
        self.log, self.html, self.told, self.quiet = log, html, on_collapse, quiet
        self.hooks = Hooks(**parts)
        self.rows: list[dict] = []
        self.verdict: Verdict | None = None
        self.count = 0
        self.pending: list[tuple[dict, Future[dict]]] = []
        self.handle = optimiser.register_step_post_hook(self.step)
        self.hooks.start()
        atexit.register(self.close)

    def step(self, *_: object) -> None:
        """After a step of the optimiser: begin a reading where one is due, take in those that have
        come."""
        if self.hooks.on:
            self.measure()
        self.collect()
        self.count += 1
        if self.count % self.every == 0:
            self.hooks.start()

    @torch.no_grad()
    def measure(self) -> None:
        """Begin a reading of the step that was; without two rows of projections there is none."""
        taken = self.hooks.stop()
        if not taken.projections or len(taken.projections[0]) < 2:
            return
        n, d = taken.projections[0].shape
        shape = {"step": self.count, "rows": len(range(0, n, -(-n // ROWS))), "width": d}
        groups = self.optimiser.param_groups
        decay = {w: g.get("weight_decay", 0.0) for g in groups for w in g["params"]}
        shape["coupled"] = coupled(self.optimiser)
        # a GradScaler leaves this to a fused optimiser, at which it sets the attribute for a step
        scaled = getattr(self.optimiser, "found_inf", None) is not None
        self.pending.append((shape, reading(taken, norms(self.parts, decay), scaled)))

    def collect(self, wait: bool = False) -> None:
        """Take in the readings that have come, in their order; `wait` for all."""
        while self.pending and (wait or self.pending[0][1].done()):
            shape, future = self.pending.pop(0)
            if "left out" not in (found := future.result()):
                self.take(shape | found)

    def take(self, row: dict) -> None:
        """One reading: kept, written, judged; who asked is called at the first verdict and at every
        change of its name."""
        self.rows.append(row)
        before, self.verdict = self.verdict, judge(self.rows)
        if self.log:
            report.append(self.log, row | {"verdict": self.verdict and self.verdict.name})
        changed = self.verdict and (before is None or before.name != self.verdict.name)
        new = self.verdict if changed else None
        if not self.quiet:
            print(report.line(row, self.rows[0]), file=sys.stderr)
            if new:
                print(report.boxed(new.text), file=sys.stderr)
        if new and self.html:
            self.html.write_text(report.as_html(self.rows, new), encoding="utf-8")
        if new and self.told:
            self.told(new)

    def finish(self) -> Verdict | None:
        """Wait for what is on its way, write the report, and give the last word."""
        self.collect(wait=True)
        if self.html and self.rows:
            self.html.write_text(report.as_html(self.rows, self.verdict), encoding="utf-8")
        return self.verdict

    def close(self) -> Verdict | None:
        """`finish`, and leave modules and optimiser as they were."""
        atexit.unregister(self.close)
        self.hooks.remove()
        self.handle.remove()
        return self.finish()


def watch(
    optimiser: Optimizer,
    model: nn.Module | None = None,
    *,
    encoder: nn.Module | None = None,
    projector: nn.Module | None = None,
    predictor: nn.Module | None = None,
    every: int = 50,
    log: str | Path | None = None,
    html: str | Path | None = None,
    on_collapse: Callable[[Verdict], object] | None = None,
    quiet: bool = False,
) -> Watch:
    """Watch the run that this optimiser steps; a reading at the first step and every `every` after.

    The parts are those of `model` under the names of `PARTS`, or given one by one; a projector or a
    predictor is needed. Outputs are seen as the training sees them, in training mode. `log`: a .csv
    or .jsonl file, a line a reading; `html`: a report, written anew when the verdict changes and at
    the end of the process. `on_collapse` is called with the verdict, within the training, when it
    comes and when its name changes; what it raises ends the training. `quiet`: no lines on
    stderr. In several processes the first one alone speaks, writes and calls, of its own share of
    the batch. Raises ValueError, UnknownName.
    """
    given = {"encoder": encoder, "projector": projector, "predictor": predictor}
    parts = {name: part or named(model, name) for name, part in given.items()}
    if parts["projector"] is None and parts["predictor"] is None:
        names = ", ".join(PARTS["projector"] + PARTS["predictor"])
        raise ValueError(
            f"model was {type(model).__name__}, without any of {names}; allowed: one that has, or"
            " projector= or predictor="
        )
    if every < 1:
        raise ValueError(f"every was {every}; allowed: 1 or more steps")
    log, html = (None if path is None else Path(path) for path in (log, html))
    if log and log.suffix not in report.FORMS:
        raise UnknownName("ending of a log", log.suffix, report.FORMS)
    if not first():
        log, html, on_collapse, quiet = None, None, None, True
    return Watch(unwrapped(optimiser), parts, every, log, html, on_collapse, quiet)


def coupled(optimiser: Optimizer) -> bool:
    """Whether decay is added to the gradient, so that the two can be compared: not in AdamW, not
    where the rate is scaled layer by layer."""
    plain = type(optimiser) in [getattr(torch.optim, name) for name in COUPLED]
    return plain and not any(g.get("decoupled_weight_decay") for g in optimiser.param_groups)


def first() -> bool:
    """Whether this process is the first of several, or alone."""
    apart = torch.distributed.is_available() and torch.distributed.is_initialized()
    return not apart or torch.distributed.get_rank() == 0


def named(model: nn.Module | None, part: str) -> nn.Module | None:
    """The part of a model by one of its usual names, also of a model that is wrapped for several
    devices."""
    model = getattr(model, "module", model)
    found = (getattr(model, name, None) for name in PARTS[part])
    return next((each for each in found if isinstance(each, nn.Module)), None)


def unwrapped(optimiser: object) -> Optimizer:
    """The optimiser of torch inside of what accelerate, Lightning or LARS made of it. Raises
    ValueError."""
    inner = [getattr(optimiser, name) for name in WRAPPED if hasattr(optimiser, name)]
    if inner:
        return unwrapped(inner[0])
    if not isinstance(optimiser, Optimizer):
        raise ValueError(
            f"optimiser was {type(optimiser).__name__}; allowed: one of torch.optim, or a wrapper"
        )
    return optimiser
