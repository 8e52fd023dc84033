"""What the parts of the benchmark share: their size, turns, ratios, and what a part returns."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
from tqdm import tqdm

NO_CUDA = "CUDA: not measured (no CUDA device)"


@dataclass(frozen=True)
class Size:
    """How much is measured; the defaults are the benchmark of record, tests use less. `images`:
    auto or random."""

    batch: int = 256
    width: int = 32  # channels of the first of four layers, doubling
    hidden: int = 256
    d: int = 64
    # steps left out at the start of each repetition, more than the loaders hold ready
    warmup: int = 5
    steps: int = 8  # steps timed in each repetition
    repetitions: int = 5
    images: str = "auto"
    predictors: tuple[int, ...] = (128, 512)  # sizes d of the projections
    large: tuple[int, ...] = (2048,)  # and those measured on a CUDA device only
    trajectories: int = 20_000
    loop: int = 16  # trajectories that the loop over solve_ivp integrates
    sample: int = 8  # trajectories whose errors are measured
    million: int = 1_000_000
    clips: int = 60  # of speech, turned to features
    spoken: int = 64  # utterances in a batch
    voices: int = 480  # utterances trained on
    changed: tuple[tuple[str, int], ...] = ()  # values in place of the laptop scale's
    memory: bool = True  # whether that part starts a process a contender to see what it holds


def now(device: str = "cpu") -> float:
    """Seconds on a steady clock, after the device has finished what it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter()


def turns(
    contenders: dict[str, Callable[[], float]], repetitions: int, label: str
) -> dict[str, list[float]]:
    """Call the contenders in turn, `repetitions` rounds, so that other load on the machine falls on
    all alike."""
    values: dict[str, list[float]] = {name: [] for name in contenders}
    with tqdm(total=repetitions * len(contenders), desc=label, unit="turn", disable=None) as bar:
        for _ in range(repetitions):
            for name, run in contenders.items():
                values[name].append(run())
                bar.update()
    return values


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Median, smallest, largest and all of the values."""
    return {
        "median": median(values),
        "low": min(values),
        "high": max(values),
        "values": list(values),
    }


def row(name: str, unit: str, values: Sequence[float]) -> dict[str, Any]:
    """A measured quantity of one contender over the repetitions."""
    return {"name": name, "unit": unit} | spread(values)


def missing(name: str, why: str) -> dict[str, Any]:
    """The row of what could not be measured here."""
    return {"name": name, "unit": "", "median": None, "why": why}


def ratio(
    name: str, above: Sequence[float], below: Sequence[float], goal: float | None = None
) -> dict[str, Any]:
    """above / below, turn by turn; above 1 means that the first of the two in `name` is faster."""
    return {"name": name, "goal": goal} | spread([a / b for a, b in zip(above, below, strict=True)])


def part(
    title: str, rows: list[dict], ratios: list[dict], notes: Sequence[str] = ()
) -> dict[str, Any]:
    """What a part of the benchmark returns: plain values, ready for JSON."""
    return {"title": title, "rows": rows, "ratios": ratios, "notes": list(notes)}


def on_devices(measure: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    """A part measured on the CPU and, where there is one, on a CUDA device; else a note."""
    out = measure("cpu")
    if not torch.cuda.is_available():
        return out | {"notes": [*out["notes"], NO_CUDA]}
    other = measure("cuda")
    for table in ("rows", "ratios"):
        out[table] += [r | {"name": f"CUDA: {r['name']}"} for r in other[table]]
    return out | {"notes": [*out["notes"], *(f"CUDA: {note}" for note in other["notes"])]}
