"""What was tried against runs and readers, and what became of it: the table that `make test-all`
ends with, which stands in tests/faults.md.

    python tests/fault_table.py     print it; exit code 1 where it is not the one of tests/faults.md
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOUND = ROOT / "_build" / "faults"  # one file a line, by the tests that tried
COMMITTED = ROOT / "tests" / "faults.md"
HEAD = "| what | tried | as it should be | otherwise |\n| --- | --- | --- | --- |\n"


def note(line: str, tried: int, well: int) -> None:
    """Keep a line of the table: how often something was tried, and how often it went well."""
    FOUND.mkdir(parents=True, exist_ok=True)
    name = "_".join(line.split()[:4])
    (FOUND / f"{name}.json").write_text(json.dumps([line, tried, well]))


def table() -> str:
    """The lines that were kept, sorted by their first words."""
    rows = sorted(json.loads(path.read_text()) for path in FOUND.glob("*.json"))
    return HEAD + "".join(
        f"| {line} | {tried} | {well} | {tried - well} |\n" for line, tried, well in rows
    )


def main() -> int:
    """Print the table; 1 where it is not the committed one."""
    found = table()
    print(found, end="")
    if found == COMMITTED.read_text():
        return 0
    print(f"this is not the table of {COMMITTED}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
