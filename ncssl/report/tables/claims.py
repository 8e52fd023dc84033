"""Tables of claims and of what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ncssl.claims.facts import Claim, Paper
from ncssl.metrics import METRICS
from ncssl.report import select
from ncssl.report.frame import COLOURS, frame, number, spread
from ncssl.verdicts.states import Verdict, words

if TYPE_CHECKING:
    from pandas import DataFrame


def test_words(claim: Claim, v: Verdict | None = None) -> str:
    """The test of a claim as a formula over arms and metric; a verdict knows the points that a
    share stands for."""
    pair = (
        f"{claim.left} / {claim.right}"
        if claim.compare == "ratio"
        else f"{claim.left} - {claim.right}"
    )
    m = share_words(claim, v) if claim.share is not None else f"{claim.margin:g}"
    tests = {
        "greater": f"{pair} > {m}",
        "sign": f"{pair} > 0",
        "within": f"|{pair}| <= {m}",
        "above": f"{claim.left} > {m}",
        "below": f"{claim.left} < {m}",
        "rate": f"{pair} > {m} on a share of at least {claim.rate}",
        "ordering": " > ".join(claim.arms),
    }
    unit = {"sqrt_dim": " x sqrt(d)"}.get(claim.per, "")
    return f"{claim.metric}{unit}: {tests[claim.test]}"


def share_words(claim: Claim, v: Verdict | None) -> str:
    """A margin that is a share of the base's lead, in words, and in points where it is known."""
    named = {0.5: "half", 0.25: "a quarter", 0.75: "three quarters", 1.0: "all"}
    points = "" if v is None or v.margin is None else f" ({number(v.margin)} points)"
    return f"{named.get(claim.share, f'{claim.share:g}')} of the base's lead{points}"


def decimals(claim: Claim, v: Verdict | None = None) -> int:
    """Decimals worth printing of a claim's effect: one for points, three for shares and ratios."""
    points = METRICS[claim.metric].points and claim.compare != "ratio"
    return 1 if points and claim.test != "rate" and not (v and v.is_share) else 3


def verdicts(
    judged: Iterable[tuple[Claim, Verdict]], at: Mapping[str, str] | None = None
) -> DataFrame:
    """One row a claim: statement with its place, whose it is, test, whose margin, effect, n, the
    paper's, verdict; with `at`, claim's id -> scale, the scale of the verdict before it."""
    rows = []
    for claim, v in judged:
        d = decimals(claim, v)
        rows.append(
            {
                "claim": f"{claim.statement} ({claim.place})",
                "by": claim.by,
                "test": test_words(claim, v),
                "margin": claim.margin_by,
                "effect": number(v.effect, d),
                "95 % interval": spread(v.low, v.high, d),
                "n": v.n,
                "paper": number(claim.reported_effect, 2),
            }
            | ({} if at is None else {"scale": at[claim.id]})
            | {"verdict": words(v.status)}
        )
    return frame(rows, ["claim", "verdict"])


def ledger(
    judged: Iterable[tuple[Claim, Verdict]], at: Mapping[str, str] | None = None
) -> DataFrame:
    """One short row a claim: id, place, whose it is, unit, effect, interval, n, the paper's effect,
    the scale of the verdict (`at`: claim's id -> scale, where given) and the verdict."""
    rows = [
        {
            "claim": c.id,
            "place": c.place,
            "by": c.by,
            "unit": select.unit(c, v),
            "effect": number(v.effect, decimals(c, v)),
            "95 % interval": spread(v.low, v.high, decimals(c, v)),
            "n": v.n,
            "paper": number(c.reported_effect, 2),
        }
        | ({} if at is None else {"scale": at[c.id]})
        | {"verdict": words(v.status)}
        for c, v in judged
    ]
    return frame(rows, ["claim", "verdict"])


def counts(judged: Iterable[tuple[Claim, Verdict]], by: str | None = None) -> dict[str, int]:
    """Verdict -> how many claims have it, in the order of `STATUSES`, with zeros; of all, or of the
    paper or the book.

    A claim that tests a misprint is counted only where all are.
    """
    found = [
        v.status for claim, v in judged if by is None or (claim.by == by and not claim.erratum)
    ]
    return {status: found.count(status) for status in COLOURS}


def theory(paper: Paper) -> DataFrame:
    """The claims of a paper that exact computation decides: place, statement, whose it is,
    check."""
    rows = [c for c in paper.claims.values() if c.kind == "theory"]
    return frame(
        [
            {"place": c.place, "statement": c.statement, "by": whose(c), "check": c.check}
            for c in rows
        ],
        ["place", "statement"],
    )


def whose(claim: Claim) -> str:
    """Whose claim it is: "paper", "later", "book", or "misprint" where it tests what a paper
    misprints."""
    return "misprint" if claim.erratum else claim.by
