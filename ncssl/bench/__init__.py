"""Speed as ratios, ours and others taking turns in one run, with the machine and what bounds the
step."""

import importlib.metadata
import json
import os
import time
from functools import partial

import click
import torch

from ncssl.bench import head_to_head, images, predictor, speech, theory, watching
from ncssl.bench.timing import Size
from ncssl.errors import UnknownName
from ncssl.machine import device_name, versions
from ncssl.report.frame import short

__all__ = ["PARTS", "Size", "machine", "main", "measure", "text"]

PARTS = {
    "laptop": head_to_head.head_to_head,
    "step": images.step,
    "byol": partial(images.step, method="byol"),
    "torchvision": images.torchvision,
    "augment": images.augment,
    "predictor": predictor.predictor,
    "watch": watching.watching,
    "theory": theory.theory,
    "speech_features": speech.features,
    "speech_step": speech.step,
    "speech_augment": speech.augment,
}


OTHERS = ("lightly", "stable-pretraining", "torchdiffeq", "torchode", "scipy")


def others() -> dict[str, str]:
    """Versions of the packages that ours is set beside, where they are installed."""
    there = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}
    return {name: there[name] for name in OTHERS if name in there}


def machine() -> dict:
    """What the numbers depend on: processor, cores, threads, versions, load before the start, CUDA
    device, and the day."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "cpu": device_name("cpu"),
        "cores": cores,
        "threads": torch.get_num_threads(),
        "versions": versions() | others(),
        "day": time.strftime("%Y-%m-%d"),
        "load": round(os.getloadavg()[0], 2),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def measure(only: tuple[str, ...] = (), size: Size = Size()) -> dict:  # noqa: B008 (frozen)
    """Measure the parts (all by default): {"machine": ..., "parts": {name: title, rows, ratios,
    notes}}.

    Raises UnknownName for a part that does not exist.
    """
    for name in only:
        if name not in PARTS:
            raise UnknownName("part of the benchmark", name, PARTS)
    here = machine()
    return {
        "machine": here,
        "parts": {name: PARTS[name](size) for name in PARTS if name in only or not only},
    }


def line(r: dict, unit: str) -> str:
    """One row or ratio: name, median, range, goal."""
    if r["median"] is None:
        return f"  {r['name']}: {r['why']}"
    goal = f"  goal {r['goal']:g}" if r.get("goal") else ""
    return (
        f"  {r['name']:<58} {short(r['median']):>10} {unit}  ({short(r['low'])} to"
        f" {short(r['high'])}){goal}"
    )


def text(result: dict) -> str:
    """The result for people."""
    m = result["machine"]
    versions = ", ".join(f"{k} {v}" for k, v in m["versions"].items())
    out = [
        (
            f"{m['cpu']} on {m['cores']} cores; CUDA: {m['cuda'] or 'none'}; load before the start"
            f" {m['load']}"
        ),
        versions,
        "median (smallest to largest) over the repetitions; all take turns",
    ]
    for p in result["parts"].values():
        out += [
            "",
            p["title"],
            *(line(r, r["unit"]) for r in p["rows"]),
            *(line(r, "x") for r in p["ratios"]),
        ]
        out += [f"  {note}" for note in p["notes"]]
    return "\n".join(out)


def main(only: tuple[str, ...] = (), as_json: bool = False) -> None:
    """Measure and print, as text or as one JSON object; progress goes to stderr. Raises
    UnknownName."""
    result = measure(tuple(only))
    click.echo(json.dumps(result, indent=1) if as_json else text(result))
