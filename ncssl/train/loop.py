"""fit(recipe) -> Record: one loop, everything on the device, resumable at any kill."""

import contextlib
import dataclasses
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from ncssl import memory, parallel
from ncssl.data import cache_dir
from ncssl.errors import BadFile, remedy
from ncssl.evaluate import OnlineProbe
from ncssl.files import aside, sweep
from ncssl.machine import THREADS, chosen, computing, device_name, versions
from ncssl.methods import make
from ncssl.model import Siamese
from ncssl.recipes import Recipe
from ncssl.records import store
from ncssl.train import checkpoint, curves, encoders
from ncssl.train.making import record_of
from ncssl.train.optim import optimiser, rate
from ncssl.train.tasks import Pictures, Utterances, domain, identified

CHECKPOINT_SECONDS = 20.0  # at most one checkpoint in this time, besides the last


class NotFinite(RuntimeError):
    """The loss left the finite range: the run stops and its record says at which step."""


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
    model = model.to(device, memory_format=torch.channels_last)
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
    factor = rate(step, total, int(r.warmup_epochs * run.steps), r.schedule)
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
    return losses.mean().item()


def measure(run: Run) -> None:
    """Append one row of diagnostics at the present epoch to the curves, and write these where they
    are wanted; of several processes the first measures."""
    if parallel.rank() > 0:
        return
    with parallel.apart():
        found = run.data.row(run.model, run.probe)
    for name, value in ({"epoch": run.epoch} | found).items():
        run.curves.setdefault(name, []).append(value)
    if run.log:
        curves.write(run.log, run.curves)


def measured_last(run: Run) -> dict:
    """The metrics at the end, in the first process alone."""
    if parallel.rank() > 0:
        return {}
    with parallel.apart():
        return run.data.final(run.model)


def checkpoint_path(recipe: Recipe) -> Path:
    """Where the run of a recipe keeps its state while it goes."""
    base = cache_dir() if os.environ.get("NCSSL_CACHE") else cache_dir().parent
    return base / "checkpoints" / f"{recipe.id}.pt"


def resume(run: Run, path: Path) -> bool:
    """Go on from the checkpoint at `path` if there is one. One that is damaged, or not of this run,
    is named on stderr and set aside; False then: parts of it may be in the run, which is to be
    started anew."""
    if parallel.rank() == 0:
        sweep(path.parent, path.suffix)
    if not os.path.lexists(path):
        return True
    try:
        run.restore(checkpoint.load(path, run.device))
    except (MemoryError, torch.OutOfMemoryError):
        raise
    # torch's, of its parts
    except (ValueError, LookupError, TypeError, AttributeError, RuntimeError) as error:
        why = str(error) if isinstance(error, BadFile) else f"{path}: {error!r}"
        print(
            f"ncssl: {' '.join(why.split())}. {put_away(path)}; the run starts over.",
            file=sys.stderr,
        )
        return False
    return True


def resume_together(run: Run, path: Path) -> bool:
    """`resume` in every process of a run, the first before the others; its answer. Raises
    ValueError where the others do not see the same checkpoint."""
    with parallel.first_then_others():
        fine = resume(run, path)
    fine, epoch = bool(parallel.agreed(fine)), parallel.agreed(run.epoch)
    if fine and epoch != run.epoch:
        raise ValueError(
            f"process {parallel.rank()} is at epoch {run.epoch}, the first at {epoch}; set"
            " NCSSL_CACHE to a folder that all processes see"
        )
    return fine


def put_away(path: Path) -> str:
    """Set a checkpoint aside; what to say of it."""
    try:
        return f"Set aside as {aside(path)}"
    except OSError as error:
        return f"It could not be set aside ({error.strerror})"


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


def saved(run: Run, path: Path) -> bool:
    """Write the checkpoint; False, and a line on stderr, where there is no place for it: the run
    goes on without."""
    try:
        checkpoint.save(path, run.state())
    except OSError as error:
        print(f"ncssl: no checkpoint of {run.recipe.id}: {error}. {remedy(error)}", file=sys.stderr)
        return False
    return True


def fit(
    recipe: Recipe,
    *,
    key: str = "custom",
    root: str | Path | None = None,
    device: str | None = None,
    out: str | Path | None = None,
    progress: bool | None = None,
    download: bool = False,
    compiled: bool = False,
    threads: int = THREADS,
    log: str | Path | None = None,
    keep: str | Path | None = None,
) -> store.Record | None:
    """Train a recipe, write its record under `out` (default: the results folder) and return it.

    An interrupted fit goes on from its last checkpoint. A loss that is not finite gives a record
    with status "failed" and the reason. `progress`: a bar on stderr; by default only at a terminal.
    `compiled`: the encoder goes through torch.compile, which pays on a CUDA device if anywhere (on
    a CPU it did not), and rounds differently. `threads` of the CPU compute; more than one are
    faster, round differently, and are said in the record's `device`. `log`: a .csv or .jsonl file
    of the curves, written at every measurement. `keep`: a file for the encoder, as `encoders.save`
    writes it, of a run that ends. In processes that torchrun started each has its share of every
    batch; the first measures, writes and has the record, the others None.
    """
    if keep is not None:
        encoders.safetensors()
    if log is not None:
        curves.check(log := Path(log))
    memory.reset_peak()
    parallel.join()
    with computing(threads):
        given = dict(root=root, device=device, download=download, compiled=compiled)
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
                encoders.save(keep, run.model.used[0], run.recipe, run.data.preprocessing())
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
