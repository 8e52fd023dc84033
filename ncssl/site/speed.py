"""The page of speed, out of what `ncssl bench --json` printed on each machine: files of
book/speed."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ncssl.report.frame import short
from ncssl.site import written

PART = "laptop"  # whose ratios the page begins with


def results(folder: Path) -> list[dict[str, Any]]:
    """What was measured, by the names of the files."""
    return [json.loads(p.read_text(encoding="utf-8")) for p in sorted(folder.glob("*.json"))]


def amount(r: dict[str, Any]) -> str:
    """Median and range of a row or ratio, or why there is none."""
    if r["median"] is None:
        return r["why"]
    unit = f" {r['unit']}" if "unit" in r else "x"
    spread = "" if r["low"] == r["high"] else f" ({short(r['low'])} to {short(r['high'])})"
    return f"{short(r['median'])}{unit}{spread}"


def table(heads: tuple[str, str], rows: Iterable[dict[str, Any]]) -> list[str]:
    """Rows of name and amount, as text of the page; nothing without rows."""
    lines = [f"| {r['name']} | {amount(r)} |" for r in rows]
    return [f"| {heads[0]} | {heads[1]} |", "| --- | --- |", *lines, ""] if lines else []


def finding(result: dict[str, Any]) -> str:
    """The first sentence: how many steps of ours go into one of each other's, in float32."""
    measured = result["parts"].get(PART, {"ratios": []})["ratios"]
    names = {r["name"].split(" / ")[1]: r for r in measured if "bf16" not in r["name"]}
    if not names:
        return ""
    told = ", ".join(f"{short(r['median'])} times as many as {n}" for n, r in names.items())
    return (
        "At the recipe of the laptop scale, with one network, optimiser and policy of views, our"
        f" loop trains on so many more images a second: {told}."
    )


def markdown(result: dict[str, Any]) -> str:
    """A machine: what it is, the finding, then a table of ratios and one of amounts a part."""
    m = result["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in m["versions"].items())
    lines = [
        f"**{m['cpu']}, {m['cores']} cores; CUDA: {m['cuda'] or 'none'}.** {finding(result)}",
        "",
    ]
    lines += [f"Measured on {m['day']}; load before the start {m['load']}; {versions}.", ""]
    for p in result["parts"].values():
        lines += [f"**{p['title']}**", ""]
        lines += table(("ours / others", "times as fast"), p["ratios"])
        lines += table(("who", "amount"), p["rows"])
        lines += [f"* {note}" for note in p["notes"]] + [""]
    return "\n".join(lines)


def page(source: Path) -> str:
    """What every machine measured, as text of the page."""
    found = results(source / "book" / "speed")
    return "\n".join(map(markdown, found)) or "Nothing was measured yet."


def setup(app: Any) -> None:
    written.add(app, "speed", page)
