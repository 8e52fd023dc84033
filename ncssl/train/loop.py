"""fit(recipe) -> Record: one loop, everything on the device, resumable at any kill."""

import contextlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from ncssl import memory, parallel
from ncssl.errors import NotFinite
from ncssl.evaluate import OnlineProbe
from ncssl.machine import THREADS, chosen, computing
from ncssl.methods import make
from ncssl.model import Siamese
from ncssl.recipes import Recipe
from ncssl.records import store
from ncssl.train import curves, encoders
from ncssl.train.making import record_of
from ncssl.train.optim import lr_factor, optimiser
from ncssl.train.resume import checkpoint_path, resume_together, saved
from ncssl.train.run import Run, made, precision
from ncssl.train.tasks import domain, identified

CHECKPOINT_SECONDS = 20.0  # at most one checkpoint in this time, besides the last


def start(
    recipe: Recipe,
    *,
    root: str | Path | None = None,
    device: str | None = None,
    download: bool = False,
    compiled: bool = False,
) -> Run:
    """Everything a run needs at step 0, seeded by the recipe; nothing is trained yet. `compiled`:
    see `fit`."""
    device = chosen(parallel.own_device(device))
    if device.startswith("cuda:"):
        torch.cuda.set_device(device)  # events and peaks are of the device that is set
    parallel.share(recipe.batch)
    if compiled and parallel.count() > 1:
        raise ValueError(f"compiled was True; allowed: in one process, not {parallel.count()}")
    method = make(recipe.method, **recipe.options)
    memory.keep_freed()
    with parallel.first_then_others():  # who reads first fills the cache
        data = domain(recipe.dataset)(recipe, root=root, device=device, download=download)
        recipe = identified(recipe, data.identity())
    torch.manual_seed(recipe.seed)
    encoder, features = data.encoder()
    model = Siamese(
        encoder, features, recipe.hidden, recipe.d, method, bf16=precision(recipe, device) == "bf16"
    )
    if parallel.count() > 1:  # of what sees a share; the predictor sees the whole batch
        for part in filter(None, (model.encoder, model.projector, model.target)):
            parallel.share_norms(part)
    model = model.to(device).to(memory_format=torch.channels_last)
    model.use(recipe.evaluated or "online")
    if compiled:
        for encoder in [model.encoder, *([model.target[0]] if model.target else [])]:
            encoder.compile()
    groups = model.groups(recipe.lr, recipe.weight_decay, recipe.decay_vectors)
    opt = optimiser(recipe.optimiser, groups, momentum=recipe.momentum)
    for group in opt.param_groups:
        group["base"] = group["lr"]
    generator = torch.Generator(device).manual_seed(recipe.seed)
    probe = (
        OnlineProbe(features, int(data.labels.max()) + 1).to(device)
        if recipe.online_probe
        else None
    )
    processes = parallel.count()
    return Run(recipe, device, model, opt, generator, data, probe, compiled, processes=processes)


def train_step(run: Run, rows: Tensor, step: int) -> Tensor:
    """One step on the training examples `rows` (n,); returns the detached loss."""
    r = run.recipe
    views = run.data.views(rows, run.generator)
    total = run.steps * r.epochs
    factor = lr_factor(step, total, int(r.warmup_epochs * run.steps), r.schedule)
    for group in run.optimiser.param_groups:
        group["lr"] = group["base"] * factor
    progress = step / max(1, total)
    loss = run.model(views, progress)
    run.optimiser.zero_grad(set_to_none=True)
    if loss.requires_grad:
        loss.backward()
        parallel.average_gradients(run.model)
    run.optimiser.step()
    run.model.follow(progress)
    if run.probe:
        assert run.model.seen is not None, "the loss was of what it has seen"
        run.probe.learn(parallel.gather(run.model.seen), run.data.labels[rows])
    return loss.detach()


def train_epoch(run: Run, tick: Callable[[], object]) -> float:
    """One pass over the training images in a drawn order; mean loss. Raises NotFinite with the
    step."""
    run.model.train()
    order = torch.randperm(len(run.data), generator=run.generator, device=run.device)
    losses = torch.zeros(run.steps, device=run.device)
    batches = order.split(run.recipe.batch)[: run.steps]
    for i, rows in enumerate(batches):
        for following in batches[i : i + 2]:
            run.data.ahead(following)
        losses[i] = train_step(run, rows, run.epoch * run.steps + i)
        tick()
    if bad := (~losses.isfinite()).nonzero().flatten().tolist():
        step = run.epoch * run.steps + bad[0]
        raise NotFinite(
            f"the loss was {losses[bad[0]].item()} at step {step} (epoch {run.epoch + 1})"
        )
    # of the last step no loss tells
    if not torch.stack([w.isfinite().all() for w in run.model.parameters()]).all():
        step = (run.epoch + 1) * run.steps - 1
        raise NotFinite(f"the weights were not finite after step {step} (epoch {run.epoch + 1})")
    return losses.mean().item()


def measure(run: Run) -> None:
    """Append one row of diagnostics at the present epoch to the curves, and write these where they
    are wanted; of several processes the first measures. Raises NotFinite."""
    found = by_the_first(run, lambda: run.data.row(run.model, run.probe))
    if parallel.rank() > 0:
        return
    for name, value in ({"epoch": run.epoch} | found).items():
        run.curves.setdefault(name, []).append(value)
    if run.log:
        curves.write(run.log, run.curves)


def measured_last(run: Run) -> dict:
    """The metrics at the end, in the first process alone. Raises NotFinite."""
    return by_the_first(run, lambda: run.data.final(run.model))


def by_the_first(run: Run, measured: Callable[[], dict]) -> dict:
    """What the first process measured, {} in the others. Raises NotFinite in all of them where what
    is measured is not finite: buffers can be broken while loss and weights are not."""
    found, why = {}, ""
    if parallel.rank() == 0:
        try:
            with parallel.apart():
                found = measured()
        except NotFinite as error:
            why = f"{error} after {run.epoch * run.steps} steps (epoch {run.epoch})"
    if parallel.agreed(bool(why)):
        raise NotFinite(why)
    return found


def train(run: Run, path: Path | None, progress: bool) -> None:
    """Run the remaining epochs, measuring and saving on the way."""
    if not run.curves:
        measure(run)
    last_saved = time.monotonic()
    bar = tqdm(
        total=run.recipe.epochs * run.steps,
        initial=run.epoch * run.steps,
        unit="step",
        disable=not progress or parallel.rank() > 0,
        desc=f"{run.recipe.method} {run.recipe.id}",
    )
    with bar:
        while run.epoch < run.recipe.epochs:
            began = time.perf_counter()
            loss = train_epoch(run, bar.update)
            run.seconds += time.perf_counter() - began
            run.epoch += 1
            run.curves.setdefault("loss", []).append(loss)
            last = run.epoch == run.recipe.epochs
            if last or run.epoch % run.recipe.knn_every == 0:
                measure(run)
                # kNN accuracy, or the first list's EER
                first = next(name for name in run.curves if name != "epoch")
                bar.set_postfix({"loss": f"{loss:.3f}", first: f"{run.curves[first][-1]:.1f}"})
            if (
                parallel.rank() == 0
                and path is not None
                and (last or time.monotonic() - last_saved > CHECKPOINT_SECONDS)
            ):
                path = path if saved(run, path) else None
                last_saved = time.monotonic()


def fit(
    recipe: Recipe,
    *,
    key: str = store.CUSTOM,
    root: str | Path | None = None,
    device: str | None = None,
    out: str | Path | None = None,
    progress: bool | None = None,
    download: bool = False,
    compiled: bool = False,
    threads: int = THREADS,
    log: str | Path | None = None,
    keep: str | Path | None = None,
    half: bool = False,
) -> store.Record | None:
    """Train a recipe, write its record under `out` (default: the results folder) and return it.

    An interrupted fit goes on from its last checkpoint. A loss that is not finite gives a record
    with status "failed" and the reason. `progress`: a bar on stderr; by default only at a terminal.
    `compiled`: the encoder goes through torch.compile, which pays on a CUDA device if anywhere (on
    a CPU it did not), and rounds differently. `threads` of the CPU compute; more than one are
    faster, round differently, and are said in the record's `device`. `log`: a .csv or .jsonl file
    of the curves, written at every measurement. `keep`: a file for the encoder, as `encoders.save`
    writes it, `half` in float16, of a run that ends. In processes that torchrun started each has
    its share of every batch; the first measures, writes and has the record, the others None.
    """
    if keep is not None:
        encoders.safetensors()
        Path(keep).parent.mkdir(parents=True, exist_ok=True)  # not found out after hours
    if log is not None:
        curves.check(log := Path(log))
    memory.reset_peak()
    parallel.join()
    with computing(threads):
        given: dict[str, Any] = dict(root=root, device=device, download=download, compiled=compiled)
        run = start(recipe, **given)
        path = checkpoint_path(run.recipe)
        if not resume_together(run, path):
            run = start(recipe, **given)
        run.log = log
        if run.device.startswith("cuda"):
            torch.cuda.reset_peak_memory_stats()
        status, reason, metrics = "done", "", {}
        try:
            train(run, path, sys.stderr.isatty() if progress is None else progress)
            metrics = measured_last(run)
            if keep is not None and parallel.rank() == 0:
                facts = run.recipe, run.data.preprocessing()
                encoders.save(keep, run.model.used[0], *facts, half=half)
        except NotFinite as error:
            status, reason = "failed", str(error)
        if parallel.rank() > 0:
            return None
        record = make_record(run, key, status, reason, metrics)
    store.save(record, out)
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
    return record


def make_record(run: Run, key: str, status: str, reason: str, metrics: dict) -> store.Record:
    """The record of a finished run."""
    last = {
        k: v[-1]
        for k, v in run.curves.items()
        if k != "epoch" and v and not isinstance(v[-1], list)
    }
    images = run.steps * run.recipe.batch * run.epoch
    speed = {"images_per_second": images / run.seconds} if run.seconds else {}
    return record_of(
        run.recipe,
        key,
        run.device,
        status=status,
        metrics=last | metrics | speed,
        curves=run.curves,
        seconds=run.seconds,
        device=made(run)["device"] + (f", {run.processes} processes" if run.processes > 1 else ""),
        precision=precision(run.recipe, run.device),
        reason=reason,
        data=run.data.facts(),
    )
