"""A record of what was just computed on this machine."""

import datetime
from typing import Any

from ncssl.machine import commit, device_name, peak_memory, versions
from ncssl.recipes import Recipe
from ncssl.records.record import Record


def record_of(recipe: Recipe, key: str, on: str, **measured: Any) -> Record:
    """The record of a recipe computed on the device `on`: `measured` has its metrics, curves,
    seconds, precision and data, and what else a Record is to say otherwise; peak memory, device,
    versions, commit and time are those of here and now."""
    here: dict[str, Any] = dict(
        status="done",
        peak_memory_mb=peak_memory(on),
        device=device_name(on),
        versions=versions(),
        commit=commit(),
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
    return Record(recipe=recipe, key=key, **here | measured)
