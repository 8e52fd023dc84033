"""Statements as HTML: `tau^2 / (4 (1 + sigma^2))` of a TOML with Greek letters, raised and
lowered.

Statements are plain text, so that a terminal can print them; a page sets them in type without a
script. What does not look like mathematics stays as it is.
"""

import html
import re

LETTERS = "alpha beta gamma delta eps eta kappa lambda mu rho sigma tau"
GREEK = dict(zip(LETTERS.split(), "αβγδεηκλμρστ", strict=True))
# "a" and "A" are words; "I" is the identity where nothing is spelt with it
SYMBOL = rf"(?:{'|'.join(GREEK)}|W[pa]|F[12]|p0|n2|Sz|[b-zB-HJ-Z]|I(?=[\s.,)]|$))"
ATOM = re.compile(
    rf"(?<![A-Za-z0-9_'’])(?<![a-z][a-z]-)(?<![a-z]\.)(?P<base>{SYMBOL})"
    r"(?P<prime>'(?![a-z]))?(?P<star>\*)?(?:_(?P<sub>[A-Za-z0-9]{1,3})(?!\w))?"
    r"(?P<side>[-+](?=[\s.,:;)]|$))?"
    r"(?![A-Za-z0-9_'’]|-[A-Za-z]{2}|\.[a-z])"
)
POWER = re.compile(r"\^(-?\d+(?:/\d+)?|[A-Za-z]+(?:\*)?)")
TENS = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)e(-?)0?(\d+)(?![\w.]\d)")
OPERATORS = {">=": "≥", "<=": "≤", "->": "→", " - ": " − "}
MINUS = re.compile(r"(?<=[\s(|/=])-(?=[\d(A-Za-z])|(?<=[(\s][A-Za-z])-(?=\w[)\s])|^-(?=\d)")
TIMES = re.compile(r" x (?=\d|sqrt)")
SUM = re.compile(r"sum(?:_([a-z]))? (?=[b-z][_ ^(]|lambda)")


def mathematics(text: str) -> str:
    """The text as HTML, its mathematics in italics, raised and lowered."""
    out, i = [], 0
    while i < len(text):
        piece, step = at(text, i)
        out.append(piece)
        i += step
    return "".join(out)


def at(text: str, i: int) -> tuple[str, int]:
    """The HTML of what begins at `i`, and how many characters it is."""
    for part in (root, power, tens, operator, atom):
        if found := part(text, i):
            return found
    return html.escape(text[i], quote=False), 1


def root(text: str, i: int) -> tuple[str, int] | None:
    """A square root with its bracket."""
    if not text.startswith("sqrt(", i) or (inside := bracket(text, i + 4)) is None:
        return None
    return f"√({mathematics(inside)})", len(inside) + 6


def power(text: str, i: int) -> tuple[str, int] | None:
    """What stands raised: a number, a letter, or a bracket."""
    if text.startswith("^(", i) and (inside := bracket(text, i + 1)) is not None:
        return f"<sup>{mathematics(inside)}</sup>", len(inside) + 3
    if (m := POWER.match(text, i)) is None:
        return None
    raised = "⊤" if m[1] == "T" else m[1].replace("-", "−")
    return f"<sup>{mathematics(raised)}</sup>", len(m[0])


def tens(text: str, i: int) -> tuple[str, int] | None:
    """A number such as 4e-4."""
    if (m := TENS.match(text, i)) is None:
        return None
    times = "" if m[1] == "1" else f"{m[1]} × "
    return f"{times}10<sup>{'−' if m[2] else ''}{m[3]}</sup>", len(m[0])


def operator(text: str, i: int) -> tuple[str, int] | None:
    """A sign of comparison, a minus, a cross before a number, a sum."""
    for plain, sign in OPERATORS.items():
        if text.startswith(plain, i):
            return sign, len(plain)
    if MINUS.match(text, i):
        return "−", 1
    if TIMES.match(text, i):
        return " × ", 3
    if (m := SUM.match(text, i)) and not text[i - 1 : i].isalpha():
        return "Σ" + (f"<sub>{m[1]}</sub>" if m[1] else "") + " ", len(m[0])
    return None


def atom(text: str, i: int) -> tuple[str, int] | None:
    """A letter with what hangs on it."""
    if (m := ATOM.match(text, i)) is None:
        return None
    base, hung = m["base"], m["sub"] or ""
    if base == "Sz":
        return "<i>Sz</i>", 2
    if len(base) == 2 and base not in GREEK:  # Wp, F1
        base, hung = base[0], base[1] + hung
    side = {"-": "−", "+": "+", None: ""}[m["side"]]
    lowered = f"<sub>{hung}{side}</sub>" if hung or side else ""
    star = "*" if m["star"] else ""
    return f"<i>{GREEK.get(base, base)}</i>{'′' if m['prime'] else ''}{star}{lowered}", len(m[0])


def bracket(text: str, i: int) -> str | None:
    """What stands in the bracket that opens at `i`; None where it does not close."""
    depth = 0
    for j in range(i, len(text)):
        depth += {"(": 1, ")": -1}.get(text[j], 0)
        if depth == 0:
            return text[i + 1 : j]
    return None
