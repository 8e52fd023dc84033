"""The curves of a run as a table that other tools read, written anew at every measurement."""

import csv
import io
import json
from pathlib import Path

from ncssl.errors import UnknownName
from ncssl.files import write_whole


def rows(curves: dict[str, list]) -> list[dict]:
    """One row a measured epoch: the epoch, the mean loss of that epoch (none at 0), and what was
    measured.

    A curve that is shorter than the epochs, since what was not finite is not in it, belongs to no
    epoch: left out.
    """
    epochs = curves.get("epoch", [])
    whole = {
        k: v for k, v in curves.items() if k not in ("epoch", "loss") and len(v) == len(epochs)
    }
    loss = curves.get("loss", [])
    return [
        {"epoch": epoch, "loss": loss[epoch - 1] if 0 < epoch <= len(loss) else None}
        | {name: curve[i] for name, curve in whole.items()}
        for i, epoch in enumerate(epochs)
    ]


def as_csv(found: list[dict]) -> str:
    """The rows under one line of names; lists, such as spectra, are left out."""
    names = [k for k, v in found[0].items() if not isinstance(v, list)] if found else []
    text = io.StringIO()
    table = csv.DictWriter(text, names, extrasaction="ignore", lineterminator="\n")
    table.writeheader()
    table.writerows(found)
    return text.getvalue()


def as_jsonl(found: list[dict]) -> str:
    """The rows, one object a line."""
    return "".join(json.dumps(row) + "\n" for row in found)


FORMS = {".csv": as_csv, ".jsonl": as_jsonl}


def check(path: Path) -> None:
    """Raise UnknownName for a file whose ending says no form."""
    if path.suffix not in FORMS:
        raise UnknownName("ending of a log", path.suffix, FORMS)


def write(path: Path, curves: dict[str, list]) -> None:
    """Write the curves to a .csv or .jsonl file, whole or not at all."""
    write_whole(path, FORMS[path.suffix](rows(curves)).encode())
