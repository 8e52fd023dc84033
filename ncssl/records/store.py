"""Records: one JSON file a run, results/<key>/<id>.json, written whole or not at all."""

import dataclasses
import datetime
import json
import math
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from ncssl.errors import BadFile
from ncssl.files import write_whole
from ncssl.recipes import FIELDS, KIND, Recipe
from ncssl.records.stale import Stale, stale

FORMAT = 1
LARGEST = 2**26  # bytes that a record may have
REDO = "delete it and run its recipe again"
# the others may be younger: None
NEEDED = {f.name for f in dataclasses.fields(Recipe) if f.default is not None}

# in every finished run on images; on speech, error rates
MEASURED = {"knn_accuracy", "probe_accuracy"}
PERCENT = (0.0, 100.0)  # of what ends with these
PERCENTS = ("_accuracy", "_eer")
ALMOST = 1.001  # rounding may go so far beyond a bound
RANGES = {  # of metrics that cannot take every value
    "std_normalised": (0.0, ALMOST),
    "effective_rank": (0.0, math.inf),
    "participation_ratio": (0.0, math.inf),
    "alignment": (-ALMOST, ALMOST),
    "gram_cosine": (-ALMOST, ALMOST),
    "asymmetry": (0.0, math.inf),
    "off_diagonal": (0.0, math.inf),
    "images_per_second": (0.0, math.inf),
}


@dataclass(frozen=True)
class Record:
    """What a run gave: its recipe, final metrics, curves by epoch, and where and with what it
    ran."""

    recipe: Recipe
    key: str
    status: str  # done | failed
    metrics: dict[str, float | None]
    curves: dict[str, list]
    seconds: float
    peak_memory_mb: float
    device: str
    precision: str
    versions: dict[str, str]
    commit: str
    created: str
    data: dict[str, Any] = field(default_factory=dict)  # what was read: name, images, checksum
    reason: str = ""

    @property
    def id(self) -> str:
        return self.recipe.id

    def value(self, name: str) -> float | None:
        """A metric: a final one, or one of a curve; None where it was not measured.

        early_NAME is the first measurement after the start, late_NAME the mean of the last three
        (of what there is of an untrained network), NAME_peak the largest, NAME_fall the last over
        the largest.
        """
        if name in self.metrics:
            return self.metrics[name]
        if name.startswith("early_"):
            values = self.curves.get(name.removeprefix("early_"), [])
            return values[1] if len(values) > 1 else None
        if name.startswith("late_"):
            values = self.curves.get(name.removeprefix("late_"), [])[-3:]
            return None if not values or None in values else sum(values) / len(values)
        curve, _, kind = name.rpartition("_")
        measured = self.variance() if curve == "projection_variance" else self.curves.get(curve, [])
        values = [v for v in measured if v is not None]
        if kind not in ("peak", "fall") or not values:
            return None
        return (
            max(values) if kind == "peak" else values[-1] / max(values) if max(values) > 0 else None
        )

    def variance(self) -> list[float]:
        """Variance of the projections at every measurement: the trace of their second moment, of
        the eigenvalues that are kept, less the part of the mean. Collapse to any constant shows,
        which the spread of outputs of length one does not; empty where a record cannot tell."""
        s, share = (self.curves.get(name, []) for name in ("eigenvalues", "projection_mean_share"))
        whole = (
            len(s) == len(share) and None not in share and not any(None in values for values in s)
        )
        return [sum(values) * (1 - m) for values, m in zip(s, share, strict=True)] if whole else []


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


def results_dir() -> Path:
    """Folder of the committed records: $NCSSL_RESULTS, else results/ beside the package, else
    ./results."""
    if given := os.environ.get("NCSSL_RESULTS"):
        return Path(given)
    beside = Path(__file__).resolve().parents[2] / "results"
    return beside if beside.is_dir() else Path("results")


def write_atomic(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    write_whole(path, text.encode())


def rounded(value: Any, digits: int = 6) -> Any:
    """Floats to `digits` significant digits, non-finite ones to None, through dicts and lists."""
    if isinstance(value, dict):
        return {k: rounded(v, digits) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(v, digits) for v in value]
    if isinstance(value, float):
        return float(f"{value:.{digits}g}") if math.isfinite(value) else None
    return value


def save(record: Record, out: str | Path | None = None) -> Path:
    """Write a record under `out` (default: the results folder) and return its path."""
    body = dataclasses.asdict(record)
    recipe = body.pop("recipe")
    body = {"format": FORMAT, "id": record.id, "recipe": recipe} | rounded(body)
    path = Path(out or results_dir()) / record.key / f"{record.id}.json"
    write_atomic(
        path, json.dumps(body, indent=None, separators=(",", ":")).replace(',"', ',\n"', 1) + "\n"
    )
    return path


def load(path: str | Path) -> Record:
    """Read one record; a file that is corrupt, incomplete or not what its id says raises BadFile,
    an old one Stale."""
    path = Path(path)
    try:
        record = parse(path, read(path))
        check(record)
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise error if isinstance(error, BadFile) else BadFile(path, str(error), REDO) from error
    if record.key != path.parent.name:
        why = f"its key is {record.key!r}, its folder {path.parent.name!r}"
        raise BadFile(path, why, "delete it, or put it into the folder of its key")
    if why := stale(record.recipe, record.created):
        raise Stale(path, why, REDO)
    return record


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
    if not isinstance(body, dict) or body.get("format") != FORMAT:
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
    given = set(body) - {"format", "id"}
    if given != set(fields):
        unknown, missing = sorted(given - set(fields)), sorted(set(fields) - given)
        raise BadFile(path, f"unknown {unknown}, missing {missing}", REDO)
    if not isinstance(values := body["recipe"], dict):
        raise ValueError(f"recipe was {values!r:.40}; allowed: an object")
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


def types(values: dict, kinds: dict[str, Any], what: str = "") -> None:
    """Raise ValueError for a value that is not of its kind; whole numbers are floats too, truth
    values no numbers."""
    for name, kind in kinds.items():
        value = values[name]
        allowed = kind | int if kind is float else kind
        if not isinstance(value, allowed) or isinstance(value, bool) and bool not in get_args(kind):
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
        low, high = RANGES.get(name, PERCENT if name.endswith(PERCENTS) else (-math.inf, math.inf))
        if value is not None and not (finite(value) and low <= value <= high):
            allowed = f"none, or a finite number in [{low:g}, {high:g}]"
            raise ValueError(f"metric {name} was {value!r:.40}; allowed: {allowed}")
    spoken = any(name.endswith("_eer") for name in record.metrics)
    if record.status == "done" and not spoken and (missing := MEASURED - set(record.metrics)):
        raise ValueError(f"metrics {sorted(missing)} are missing")


def finite(value: Any) -> bool:
    """Whether this is a number that a float can hold, truth values being none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= sys.float_info.max  # a whole number may have any number of digits


def point(value: Any) -> bool:
    """Whether this may stand in a curve: a number, None, or a list of such."""
    return (
        value is None
        or finite(value)
        or isinstance(value, list)
        and all(v is None or finite(v) for v in value)
    )


def find(id: str, results: str | Path | None = None) -> Path | None:
    """Path of the record with this id in any folder of the results, or None; of several the first
    that can be used."""
    paths = sorted(Path(results or results_dir()).glob(f"*/{id}.json"))
    return next(
        (path for path in paths if len(paths) > 1 and usable(path)), next(iter(paths), None)
    )


def usable(path: Path) -> bool:
    """Whether a file can be loaded as a record."""
    try:
        load(path)
    except BadFile:
        return False
    return True


def torn(path: Path) -> bool:
    """Whether a file is no record that could be used again: damaged, not merely stale."""
    try:
        load(path)
    except BadFile as error:
        return not isinstance(error, Stale)
    return False


def scan(results: str | Path | None = None) -> Iterator[tuple[Path, Record | BadFile]]:
    """Every record file with its record, or with the error that rejects it; one bad file loses no
    other."""
    for path in sorted(Path(results or results_dir()).glob("*/*.json")):
        try:
            yield path, load(path)
        except BadFile as error:
            yield path, error
