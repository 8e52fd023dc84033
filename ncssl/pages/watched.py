"""Reports of watched runs, made of the readings that are kept of them: verdict and counts are those
of today's rule."""

import json
from pathlib import Path

from ncssl.errors import BadFile

FOLDER = Path("static", "watch")  # of the readings, in the book's


def write(book: Path) -> list[Path]:
    """Write the report of every log in the book's folder of watched runs beside it; their paths.
    Raises BadFile for a log that cannot be read."""
    from ncssl.watch import judge, report  # imports torch

    made = []
    for path in sorted((book / FOLDER).glob("*.jsonl")):
        try:
            rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        except ValueError as error:
            raise BadFile(path, f"is no log of a watched run ({error})", "make it anew") from error
        made.append(path.with_suffix(".html"))
        made[-1].write_text(report.as_html(rows, judge.judge(rows)), encoding="utf-8")
    return made
