"""Reports of watched runs, made of the readings that are kept of them: verdict and counts are those
of today's rule."""

import json
from pathlib import Path

from ncssl.errors import BadFile

FOLDER = Path("static", "watch")  # of the readings, in the book's


def write(book: Path) -> list[Path]:
    """Write beside every log in the book's folder of watched runs its report; their paths. Raises
    BadFile for a log that cannot be read."""
    from ncssl.watch import judge, report  # imports torch

    made = []
    for path in sorted((book / FOLDER).glob("*.jsonl")):
        try:
            rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
            text = report.as_html(rows, judge.judge(rows))
        except (ValueError, KeyError, IndexError) as error:
            why = f"is no log of a watched run ({error!r})"
            raise BadFile(path, why, "run python tests/watched.py") from error
        made.append(path.with_suffix(".html"))
        made[-1].write_text(text, encoding="utf-8")
    return made
