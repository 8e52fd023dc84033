"""The part about `ncssl.watch`: what a reading costs beside the steps between two of them."""

from functools import partial
from typing import Any

from ncssl.bench import ours
from ncssl.bench.timing import Size, now, on_devices, part, row, spread
from ncssl.train.run import Run
from ncssl.watch import watch

EVERY = 50  # steps, the default of `watch`
GOAL = 2.0  # percent of a step


def watching(size: Size) -> dict[str, Any]:
    """SimSiam with a reading: the step alone, what the reading takes of the loop, and what it takes
    with the work of its thread."""
    return on_devices(partial(measured, size))


def measured(size: Size, device: str) -> dict[str, Any]:
    """As `watching` on one device."""
    runs, images = ours.start(size, ("float32",), device)
    run = runs["float32"]
    steps, waits, whole = [], [], []
    for _ in range(size.repetitions):
        steps.append(1e3 * run.recipe.batch / ours.speed(run, size.warmup, size.steps))
        one = reading(run)
        waits.append(one[0])
        whole.append(one[1])
    rows = [
        row("a step of SimSiam, float32", "ms", steps),
        row("a reading, in the loop", "ms", waits),
        row("a reading, until it is told", "ms", whole),
        share("of a step, in the loop", waits, steps),
        share("of a step, with the work of the thread", whole, steps),
    ]
    note = f"at every {EVERY}th step; goal: under {GOAL:g} % of a step; {images}"
    return part("Cost of ncssl.watch", rows, [], [note])


def reading(run: Run) -> tuple[float, float]:
    """Milliseconds of one reading: those that the loop waits for, and those until it has been read
    and judged."""
    model = run.model
    watcher = watch(
        run.optimiser,
        encoder=model.encoder,
        projector=model.projector,
        predictor=model.predictor,
        every=EVERY,
        quiet=True,
    )
    loss = model(ours.views(run))
    loss.backward()
    began = now(run.device)
    watcher.measure()
    left = now()
    watcher.finish()
    done = now(run.device)
    watcher.close()
    run.optimiser.zero_grad(set_to_none=True)
    return 1e3 * (left - began), 1e3 * (done - began)


def share(name: str, readings: list[float], steps: list[float]) -> dict[str, Any]:
    """Percent of a step that a reading at every `EVERY`th costs."""
    values = [100 * a / (EVERY * b) for a, b in zip(readings, steps, strict=True)]
    return {"name": name, "unit": "%"} | spread(values)
