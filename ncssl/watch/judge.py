"""The word on a run while it goes: what its readings say by the rule of `ncssl.measure.collapse`,
and why, as far as it can be measured."""

from dataclasses import dataclass, field

from ncssl.measure.calibration import FALLEN, NARROWED, words
from ncssl.measure.causes import WORDS, likely
from ncssl.measure.collapse import findings

AGAIN = 2  # readings in a row, after the first, that must say the same
RISING = 1.1  # a low spread or rank that grows by this factor between two readings is on its way
ROUND = 0.02  # share of the gradient round the predictor above which it matters
SAID = WORDS | {
    NARROWED: "the outputs collapse in some directions: they use under a quarter of those they"
    " started with",
    "broken": "numbers have left the finite range",
}


@dataclass(frozen=True)
class Verdict:
    """What is the matter with a run at a step: the name, what it means, how often it was seen in
    stored runs, and causes, the measured ones first, each with what to try."""

    step: int
    name: str
    meaning: str
    seen: str = ""
    causes: list[dict[str, str]] = field(default_factory=list)

    @property
    def text(self) -> str:
        """One line a statement."""
        lines = [f"step {self.step}: {self.meaning}"]
        lines += [f"{self.name}: {self.seen}"] if self.seen else []
        for cause in self.causes:
            lines.append(f"{cause['how']} {cause['cause']}; try: {cause['try']}")
        return "\n".join(lines)


def judge(rows: list[dict]) -> Verdict | None:
    """The verdict on readings, the first finite one of which is the start; None while there is
    nothing to say."""
    if not rows:
        return None
    last = rows[-1]
    if last.get("broken"):
        return Verdict(last["step"], "broken", SAID["broken"], "", BROKEN)
    recent, whole = rows[-AGAIN:], [row for row in rows if not row.get("broken")]
    if len(whole) <= AGAIN or "projection_spread" not in last:
        return None
    told = [found(row, whole[0]) for row in recent]
    name = next((word for word in told[-1] if all(word in each for each in told)), None)
    if name is None or rising(recent, name):
        return None
    causes = measured(last) + [cause | {"how": "possible cause:"} for cause in likely([name])]
    return Verdict(last["step"], name, SAID[name], words(name), causes)


def found(row: dict, start: dict) -> list[str]:
    """Findings of a reading, and whether its rank fell since the start."""
    kept = ("spread", "residual", "centred_rankme", "participation", "dead")
    if row.get("broken"):
        return []
    held = findings({k: row[f"projection_{k}"] for k in kept}, row["rows"], row["width"])
    fell = row["projection_centred_rankme"] < FALLEN * start["projection_centred_rankme"]
    return [word for word in held if word != "none"] + ([NARROWED] if fell else [])


def rising(recent: list[dict], name: str) -> bool:
    """Whether what is low grows: an untrained network often starts low."""
    of = "projection_spread" if name in ("complete", "offset") else "projection_centred_rankme"
    return recent[-1][of] > RISING * recent[0][of]


def measured(row: dict) -> list[dict[str, str]]:
    """Causes that the gradients show, with what to try."""
    out = []
    if (share := row.get("round_share", 0.0)) > ROUND:
        out.append(
            {
                "cause": f"{100 * share:.0f} % of the gradient at the projections comes round the"
                " predictor: the target is not detached",
                "try": "stop the gradient of the target: loss(p, z.detach())",
            }
        )
    pull, push = row.get("encoder_decay", 0.0), row.get("encoder_gradient", 0.0)
    if pull > push and row.get("coupled", True):
        out.append(
            {
                "cause": f"weight decay pulls at the encoder with {pull:.2g}, the loss with"
                f" {push:.2g}",
                "try": "a weight decay ten or a hundred times smaller",
            }
        )
    if "encoder_gradient" in row and push == 0:
        out.append(
            {"cause": "no gradient reaches the encoder", "try": "look for a detach too many"}
        )
    return [cause | {"how": "measured:"} for cause in out]


BROKEN = [
    {
        "how": "possible cause:",
        "cause": "the learning rate is too high, or a batch holds NaN or infinity",
        "try": "a smaller rate or a warm-up; check the batch of this step",
    }
]
