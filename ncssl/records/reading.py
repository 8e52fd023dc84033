"""From a record's file to a Record: strict, and every error says which file, what is wrong with it
and what to do."""

import dataclasses
import datetime
import hashlib
import json
import math
import sys
from pathlib import Path
from typing import Any, get_args

from ncssl import metrics
from ncssl.checks import is_number, is_whole
from ncssl.errors import BadFile
from ncssl.recipes import FIELDS, KIND, LATER, Recipe
from ncssl.records.record import Record

FORMAT = 1
LARGEST = 2**26  # bytes that a record may have
REDO = "delete it and run its recipe again"
# the others may be younger
NEEDED = {f.name for f in dataclasses.fields(Recipe) if f.default is not None} - set(LATER)

# in every finished run on images; on speech, error rates
MEASURED = {"knn_accuracy", "probe_accuracy"}
TYPES = {
    "key": str,
    "status": str,
    "metrics": dict,
    "curves": dict,
    "device": str,
    "precision": str,
    "versions": dict,
    "commit": str,
    "created": str,
    "data": dict,
    "reason": str,
}


def read(path: Path) -> dict:
    """The JSON object of a record's file. Raises BadFile: not a plain file, too large, no JSON, a
    key twice."""
    try:
        if not path.is_file():
            raise BadFile(path, "not a plain file", "move it elsewhere")
        if path.stat().st_size > LARGEST:
            raise BadFile(path, f"larger than {LARGEST} bytes", REDO)
        body = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=once)
    except (OSError, ValueError, RecursionError) as error:
        raise (
            error
            if isinstance(error, BadFile)
            else BadFile(path, f"not readable JSON ({error})", REDO)
        ) from error
    if not isinstance(body, dict) or not is_whole(body.get("format")) or body["format"] != FORMAT:
        raise BadFile(path, f"not a record of format {FORMAT}", REDO)
    return body


def once(pairs: list[tuple[str, Any]]) -> dict:
    """A JSON object; raises ValueError where a key is there twice, of which json keeps the last."""
    out = dict(pairs)
    if len(out) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"{next(key for key in keys if keys.count(key) > 1)!r} is there twice")
    return out


def parse(path: Path, body: dict) -> Record:
    """The record of a JSON object, under the name of its id. Raises BadFile, ValueError,
    TypeError."""
    fields = {f.name: f.type for f in dataclasses.fields(Record)}
    given = set(body) - {"format", "id", "digest"}
    if given != set(fields):
        more, less = sorted(given - set(fields)), sorted(set(fields) - given)
        raise BadFile(path, f"unknown {more}, missing {less}", REDO)
    if not isinstance(values := body["recipe"], dict):
        raise ValueError(f"recipe was {values!r:.40}; allowed: an object")
    # of a time when none stood for the default
    values = {k: v for k, v in values.items() if k not in LATER or v is not None}
    if unknown := set(values) - set(FIELDS):
        raise ValueError(f"unknown recipe values {sorted(unknown)}")
    if missing := NEEDED - set(values):
        raise ValueError(f"missing recipe values {sorted(missing)}")
    types(values, {name: KIND[name] for name in values}, "recipe value ")
    record = Record(**{name: body[name] for name in fields} | {"recipe": Recipe(**values)})
    if record.id != body.get("id"):
        raise BadFile(path, f"its recipe has id {record.id}, the file says {body.get('id')}", REDO)
    if record.id != path.stem:
        raise BadFile(
            path,
            f"its recipe has id {record.id}, which its name does not say",
            "give it its name again",
        )
    return record


def digest(body: dict) -> str:
    """Of what a record's file holds, however it is laid out: the first 16 hexadecimal digits of
    SHA-256."""
    held = {name: value for name, value in body.items() if name != "digest"}
    return hashlib.sha256(json.dumps(held, sort_keys=True).encode()).hexdigest()[:16]


def whole_as_written(path: Path, body: dict) -> None:
    """Raise BadFile where a file says another digest than that of what it holds; the first records
    say none."""
    if "digest" in body and body["digest"] != digest(body):
        raise BadFile(path, "changed since it was written: its digest is another", REDO)


def types(values: dict, kinds: dict[str, Any], what: str = "") -> None:
    """Raise ValueError for a value that is not of its kind; whole numbers are floats too, truth
    values no numbers."""
    for name, kind in kinds.items():
        value = values[name]
        allowed = kind | int if kind is float else kind
        if (
            not isinstance(value, allowed)
            or isinstance(value, bool)
            and bool not in (kind, *get_args(kind))
        ):
            raise ValueError(
                f"{what}{name} was {value!r:.40}; allowed: {getattr(kind, '__name__', kind)}"
            )


def check(record: Record) -> None:
    """Raise ValueError for impossible values."""
    types(vars(record), TYPES)
    for name, allowed in dict(status=("done", "failed"), precision=("bf16", "float32")).items():
        if (value := getattr(record, name)) not in allowed:
            raise ValueError(f"{name} was {value!r}; allowed: {', '.join(allowed)}")
    if datetime.datetime.fromisoformat(record.created).tzinfo is None:
        raise ValueError(f"created was {record.created!r}; allowed: a time with its zone")
    for name in ("seconds", "peak_memory_mb"):
        if not (finite(value := getattr(record, name)) and value >= 0):
            raise ValueError(f"{name} was {value!r:.40}; allowed: a finite number >= 0")
    if not all(isinstance(text, str) for text in record.versions.values()):
        raise ValueError("versions held something else; allowed: texts, by name")
    if not all(isinstance(value, str | int | float | None) for value in record.data.values()):
        raise ValueError("data held something else; allowed: texts and numbers, by name")
    if not all(
        isinstance(curve, list) and all(map(point, curve)) for curve in record.curves.values()
    ):
        raise ValueError(
            "curves held something else; allowed: lists of numbers, or of lists of them, by name"
        )
    for name, value in record.metrics.items():
        low, high = metrics.metric(name).bounds
        if value is not None and not (finite(value) and low <= value <= high):
            raise ValueError(
                f"metric {name} was {value!r:.40};"
                f" allowed: none, or a finite number in [{low:g}, {high:g}]"
            )
    spoken = any(map(metrics.is_error, record.metrics))
    if record.status == "done" and not spoken and (missing := MEASURED - set(record.metrics)):
        raise ValueError(f"metrics {sorted(missing)} are missing")


def finite(value: Any) -> bool:
    """Whether this is a number that a float can hold, truth values being none."""
    if type(value) is float:  # as nearly all are: a record has thousands
        return math.isfinite(value)
    # a whole number may have any number of digits
    return is_number(value) and abs(value) <= sys.float_info.max


def point(value: Any) -> bool:
    """Whether this may stand in a curve: a number, None, or a list of such."""
    return (
        value is None
        or finite(value)
        or isinstance(value, list)
        and all(v is None or finite(v) for v in value)
    )
