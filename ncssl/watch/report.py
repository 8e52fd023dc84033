"""What a watched run leaves: a line in the terminal, a line in a file, a page."""

import csv
import json
from pathlib import Path

from ncssl.measure import page
from ncssl.measure.calibration import FALLEN
from ncssl.measure.collapse import SPREAD_LIMITS, healthy
from ncssl.watch.judge import Verdict

FORMS = (".csv", ".jsonl")
# panels of the page: name of a number -> title
TITLES = {
    "projection_spread": "spread of the projections, of the healthy one",
    "projection_centred_rankme": "directions in use about the mean",
    "projection_top_share": "share of the variance in one direction",
    "projection_mean_share": "share of the common mean",
    "view_cosine": "cosine of the two views",
    "round_share": "share of the gradient round the predictor",
    "alignment": "alignment of predictor and moment",
    "predictor_cosine": "cosine of prediction and projection",
    "encoder_gradient": "gradient norm, encoder",
    "predictor_gradient": "gradient norm, predictor",
    "encoder_norm": "weight norm, encoder",
    "predictor_norm": "weight norm, predictor",
    "feature_spread": "spread of the features",
    "feature_centred_rankme": "directions of the features about the mean",
}


def line(row: dict, start: dict) -> str:
    """A reading in one line."""
    if row.get("broken"):
        return f"watch {row['step']:>7}  not finite"
    fine = healthy(row["rows"], row["width"])
    said = [
        f"spread {row['projection_spread'] / fine['spread']:.2f}",
        f"rank {row['projection_centred_rankme']:.1f} of {fine['centred_rankme']:.0f}",
    ]
    said += [
        f"{words} {row[name]:.2g}"
        for name, words in (
            ("round_share", "gradient round the predictor"),
            ("alignment", "alignment"),
            ("encoder_gradient", "gradients: encoder"),
            ("predictor_gradient", "predictor"),
        )
        if name in row
    ]
    return f"watch {row['step']:>7}  " + "  ".join(said)


def boxed(text: str) -> str:
    """Lines that cannot be overlooked among others."""
    return "\n".join(f"!! {each}" for each in text.splitlines())


def append(path: Path, row: dict) -> None:
    """One more line of a .csv, whose columns are those of its first row, or of a .jsonl."""
    with open(path, "a", encoding="utf-8", newline="") as file:
        if path.suffix == ".jsonl":
            file.write(json.dumps(row) + "\n")
            return
        plain = {name: value for name, value in row.items() if not isinstance(value, list)}
        head = columns(path) if file.tell() else list(plain)
        table = csv.DictWriter(file, head, extrasaction="ignore", lineterminator="\n")
        if not file.tell():
            table.writeheader()
        table.writerow(plain)


def columns(path: Path) -> list[str]:
    """The names in the first line of a .csv."""
    with open(path, encoding="utf-8", newline="") as file:
        return next(csv.reader(file))


def as_html(rows: list[dict], verdict: Verdict | None) -> str:
    """The report of a run: verdict with its causes, a curve a number, the last reading beside the
    first."""
    whole = [row for row in rows if not row.get("broken")]
    steps = [row["step"] for row in whole]
    said = verdict.meaning if verdict else "nothing that tells of collapse so far"
    parts = [page.verdict(f"Step {rows[-1]['step']}: {said}", verdict is not None)]
    if verdict:
        parts += [page.paragraph(verdict.seen), causes(verdict)]
    limits = levels(whole[0]) if whole else {}
    curves = [
        page.curve(title, steps, [row.get(name) for row in whole], limits.get(name), top(name))
        for name, title in TITLES.items()
    ]
    parts += [page.heading("Curves over steps; dotted: the limit"), page.panels(curves)]
    if whole:
        parts += [page.heading("First and last reading"), first_and_last(whole)]
    return page.page("A watched run", parts)


def top(name: str) -> float:
    """Where the axis of a panel ends at least: at 1 for shares, cosines and spreads."""
    return float(name.endswith(("share", "cosine", "spread", "alignment")))


def causes(verdict: Verdict) -> str:
    """Causes and what to try, as a table."""
    rows = [[c["how"].rstrip(":"), c["cause"], c["try"]] for c in verdict.causes]
    return page.table(("", "cause", "what to try"), rows)


def levels(start: dict) -> dict[str, float]:
    """The limits that are drawn."""
    fine = healthy(start["rows"], start["width"])
    return {
        "projection_spread": SPREAD_LIMITS["projections"] * fine["spread"],
        "projection_centred_rankme": FALLEN * start["projection_centred_rankme"],
    }


def first_and_last(rows: list[dict]) -> str:
    """Every number that is one, at the start and now."""
    names = [name for name, value in rows[-1].items() if isinstance(value, float)]
    return page.table(
        ("number", "at first", "now"), [[name, rows[0].get(name), rows[-1][name]] for name in names]
    )
