"""Records: one JSON file a run, results/<key>/<id>.json, written whole or not at all."""

import dataclasses
import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ncssl.errors import BadFile
from ncssl.files import write_whole
from ncssl.recipes import FIELDS, Recipe
from ncssl.records.stale import Stale, stale

FORMAT = 1
NEEDED = {f.name for f in dataclasses.fields(Recipe) if f.default is not None}  # the others may be younger: None

MEASURED = {"knn_accuracy", "probe_accuracy"}  # in every finished run on images; on speech, error rates
PERCENT = (0.0, 100.0)  # of what ends with these
PERCENTS = ("_accuracy", "_eer")
ALMOST = 1.001  # rounding may go so far beyond a bound
RANGES = {  # of metrics that cannot take every value
    "std_normalised": (0.0, ALMOST), "effective_rank": (0.0, math.inf), "participation_ratio": (0.0, math.inf),
    "alignment": (-ALMOST, ALMOST), "gram_cosine": (-ALMOST, ALMOST), "asymmetry": (0.0, math.inf),
    "off_diagonal": (0.0, math.inf), "images_per_second": (0.0, math.inf),
}  # fmt: skip


@dataclass(frozen=True)
class Record:
    """What a run gave: its recipe, final metrics, curves by epoch, and where and with what it ran."""

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

        early_NAME is the first measurement after the start, NAME_peak the largest, NAME_fall the last over the largest.
        """
        if name in self.metrics:
            return self.metrics[name]
        if name.startswith("early_"):
            values = self.curves.get(name.removeprefix("early_"), [])
            return values[1] if len(values) > 1 else None
        curve, _, kind = name.rpartition("_")
        values = [v for v in self.curves.get(curve, []) if v is not None]
        if kind not in ("peak", "fall") or not values:
            return None
        return max(values) if kind == "peak" else values[-1] / max(values) if max(values) > 0 else None


def results_dir() -> Path:
    """Folder of the committed records: $NCSSL_RESULTS, else results/ beside the package, else ./results."""
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
    write_atomic(path, json.dumps(body, indent=None, separators=(",", ":")).replace(',"', ',\n"', 1) + "\n")
    return path


def load(path: str | Path) -> Record:
    """Read one record; a file that is corrupt, incomplete or not what its id says raises BadFile, an old one Stale."""
    redo = "delete it and run its recipe again"
    try:
        body = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadFile(path, f"not readable JSON ({error})", redo) from error
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        raise BadFile(path, f"not a record of format {FORMAT}", redo)
    fields = {f.name for f in dataclasses.fields(Record)}
    given = set(body) - {"format", "id"}
    if given != fields:
        raise BadFile(path, f"unknown {sorted(given - fields)}, missing {sorted(fields - given)}", redo)
    try:
        if unknown := set(body["recipe"]) - set(FIELDS):
            raise ValueError(f"unknown recipe values {sorted(unknown)}")
        if missing := NEEDED - set(body["recipe"]):
            raise ValueError(f"missing recipe values {sorted(missing)}")
        record = Record(**{k: v for k, v in body.items() if k in fields} | {"recipe": Recipe(**body["recipe"])})
        check(record)
    except (TypeError, ValueError) as error:
        raise BadFile(path, str(error), redo) from error
    if record.id != body["id"] or Path(path).stem != record.id:
        raise BadFile(path, f"its recipe has id {record.id}, the file says {body['id']}", redo)
    if why := stale(record.recipe, record.created):
        raise Stale(path, why, redo)
    return record


def check(record: Record) -> None:
    """Raise ValueError for impossible values."""
    if record.status not in ("done", "failed"):
        raise ValueError(f"status was {record.status!r}; allowed: done, failed")
    for name in ("seconds", "peak_memory_mb"):
        if not (finite(value := getattr(record, name)) and value >= 0):
            raise ValueError(f"{name} was {value!r}; allowed: a finite number >= 0")
    if not all(isinstance(curve, list) for curve in record.curves.values()):
        raise ValueError("curves held something else; allowed: lists, by name")
    for name, value in record.metrics.items():
        low, high = RANGES.get(name, PERCENT if name.endswith(PERCENTS) else (-math.inf, math.inf))
        if value is not None and not (finite(value) and low <= value <= high):
            raise ValueError(f"metric {name} was {value!r}; allowed: none, or a finite number in [{low:g}, {high:g}]")
    spoken = any(name.endswith("_eer") for name in record.metrics)
    if record.status == "done" and not spoken and (missing := MEASURED - set(record.metrics)):
        raise ValueError(f"metrics {sorted(missing)} are missing")


def finite(value: Any) -> bool:
    """Whether this is a finite number, truth values being none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def find(id: str, results: str | Path | None = None) -> Path | None:
    """Path of the record with this id in any folder of the results, or None."""
    return next(iter(sorted(Path(results or results_dir()).glob(f"*/{id}.json"))), None)


def scan(results: str | Path | None = None) -> Iterator[tuple[Path, Record | BadFile]]:
    """Every record file with its record, or with the error that rejects it; one bad file loses no other."""
    for path in sorted(Path(results or results_dir()).glob("*/*.json")):
        try:
            yield path, load(path)
        except BadFile as error:
            yield path, error
