"""The states of a verdict, what each means for its claim, and a verdict itself with its gates."""

from dataclasses import dataclass

STATUSES = (
    "reproduced",
    "partly",
    "same direction",
    "contradicted",
    "undecided",
    "out of reach",
    "not a test",
    "not run",
)
LONG = {
    "same direction": "same direction, below the margin",
    "out of reach": "out of reach at this scale",
}
EXACT = ("reproduced", "contradicted")  # what a computation can say
# by an interval on one side of the margin
DECIDED = ("reproduced", "same direction", "contradicted")
SILENT = ("out of reach", "not a test", "not run")  # these say nothing of the claim
OPEN = ("undecided", "partly")  # what more seeds may settle


@dataclass(frozen=True)
class Gate:
    """One condition that comes before the contrast, R1 to R5; `known` is False where records of it
    are missing."""

    name: str
    passed: bool
    detail: str
    known: bool = True


@dataclass(frozen=True)
class Verdict:
    """Status of a claim; effect with its 95 % interval; n is the number of runs compared, of the
    smaller arm.

    Effect and interval are in the unit of the margin (a share of seeds for a rate); `standardised`
    is Cohen's d, taken on logarithms for ratios. For an ordering they are those of its smallest
    step, and `steps` holds them all. Where the seeds of an arm split, they are the share of seeds
    in the lower group. `p`: of the t test against the margin. `begun`: whether an arm that it
    compares has a record at all.
    """

    status: str
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    detail: str = ""
    claim: str = ""
    margin: float | None = None
    interval: str = ""
    standardised: float | None = None
    steps: tuple["Verdict", ...] = ()
    looks: int = 1
    p: float | None = None
    gates: tuple[Gate, ...] = ()
    begun: bool = False

    @property
    def is_share(self) -> bool:
        """Whether the effect is a share of seeds."""
        return self.interval == "exact binomial"


def words(status: str) -> str:
    """A verdict as tables and figures print it."""
    return LONG.get(status, status)


def joined(*parts: str) -> str:
    """Parts of a detail that are not empty, as one text."""
    return "; ".join(part for part in parts if part)
