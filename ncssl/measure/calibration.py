"""How often each finding was seen in stored runs that failed and in runs that learned, and the
limit of the spread that half of the atlas chose.

A run failed if its features tell the test set apart no better than those of the untrained encoder
that it started from (nearest neighbours; error rate for speech). The limit is the value of `GRID`
that misjudges fewest runs of the methods in `CHOSE`; everything that is said of it is said of the
others: the rest of the atlas, and other networks, data and scales. `python -m
ncssl.measure.calibration` counts again and writes `seen.json`.
"""

import functools
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ncssl.claims import papers
from ncssl.files import write_whole
from ncssl.measure.collapse import FINDINGS, SPREAD_LIMITS, findings, healthy
from ncssl.methods import make
from ncssl.records import store
from ncssl.records.store import Record

# methods of the atlas whose runs chose, as many as were left out then; the rest was not looked at
CHOSE = ("byol", "directcopy", "simsiam", "vicreg")
GRID = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)  # coarse: a finer one would fit single runs
FALLEN = 0.25  # of a run's first rank about the mean: below it the outputs have narrowed
NARROWED = "narrowed"  # what `ncssl.watch` looks for besides the findings
JUDGED = ("spread", "residual", "centred_rankme", "participation", "dead")
FILE = Path(__file__).with_name("seen.json")
CHOSEN, HELD = "atlas, methods that chose", "atlas, methods left out"


@dataclass(frozen=True)
class Judged:
    """A stored run: the group it is counted in, whether it failed, the numbers of its projections
    (n, d) at its end and its start."""

    group: str
    failed: bool
    n: int
    d: int
    end: dict[str, float]
    start: dict[str, float]

    @property
    def spread(self) -> float:
        """Over the healthy one."""
        return self.end["spread"] / fine(self.n, self.d)["spread"]

    def found(self) -> list[str]:
        """What is found at the end, and whether the rank fell."""
        fell = self.end["centred_rankme"] < FALLEN * self.start["centred_rankme"]
        return findings(self.end, self.n, self.d) + ([NARROWED] if fell else [])


@functools.cache
def fine(n: int, d: int) -> dict[str, float]:
    """`healthy`, kept."""
    return healthy(n, d)


def group(record: Record) -> str:
    """What a record is counted as."""
    r = record.recipe
    if record.key == "companion" and r.scale == "smoke":
        return CHOSEN if r.method in CHOSE else HELD
    return f"{r.dataset}, {r.backbone}, {r.scale} scale"


def judged(record: Record) -> Judged | None:
    """A record as it is counted; None for one that was not trained to its end or lacks numbers."""
    r, curves = record.recipe, record.curves
    rate = "knn_accuracy" if "knn_accuracy" in curves else "mean_eer"
    needed = [rate, *(f"projection_{name}" for name in JUDGED)]
    if record.status != "done" or not r.epochs or any(len(curves.get(k, ())) < 2 for k in needed):
        return None
    rise = curves[rate][-1] - curves[rate][0]
    width = make(r.method, **r.options).project(8, 8, r.d)[1]
    ends = ({name: curves[f"projection_{name}"][at] for name in JUDGED} for at in (-1, 0))
    failed = rise <= 0 if rate == "knn_accuracy" else rise >= 0
    return Judged(group(record), failed, record.data["test"], width, *ends)


def runs(results: str | Path | None = None) -> list[Judged]:
    """Every stored run that can be counted, of the papers' experiments."""
    held = (record for _, record in store.scan(results) if isinstance(record, Record))
    ours = (record for record in held if record.key in papers.papers())  # a search has other keys
    return [run for run in map(judged, ours) if run]


def choose(found: Iterable[Judged]) -> float:
    """The limit of the spread that misjudges fewest of the runs that choose; of several, the one
    that flags fewest runs that learned."""
    mine = [run for run in found if run.group == CHOSEN]

    def wrong(limit: float) -> tuple[int, int]:
        flagged = [(run.spread < limit, run.failed) for run in mine]
        return sum(a != b for a, b in flagged), sum(a and not b for a, b in flagged)

    return min(GRID, key=wrong)


def counts(found: Iterable[Judged], said: Callable[[Judged], bool]) -> dict[str, list[int]]:
    """Of the runs that failed and of those that learned: [of how many it is said, how many]."""
    sides = {"failed": [0, 0], "learned": [0, 0]}
    for run in found:
        side = sides["failed" if run.failed else "learned"]
        side[0], side[1] = side[0] + said(run), side[1] + 1
    return sides


def found_in(word: str, run: Judged) -> bool:
    """Whether a finding, or `NARROWED`, is said of a run."""
    return word in run.found()


def table(found: list[Judged]) -> dict[str, dict[str, dict[str, list[int]]]]:
    """group -> finding -> `counts`; "collapse": complete or offset, which is what the verdict says
    with a word that alarms."""
    said: dict[str, Callable[[Judged], bool]] = {
        word: partial(found_in, word) for word in (*FINDINGS, NARROWED)
    }
    said["collapse"] = lambda run: bool({"complete", "offset"} & set(run.found()))
    return {
        name: {
            word: counts([run for run in found if run.group == name], test)
            for word, test in said.items()
        }
        for name in sorted({run.group for run in found})
    }


@functools.cache
def seen() -> dict:
    """What `seen.json` holds: limit, methods that chose, table."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def held_out(word: str) -> dict[str, dict[str, list[int]]]:
    """group -> `counts` of a finding, of all groups that did not choose."""
    return {name: said[word] for name, said in seen()["table"].items() if name != CHOSEN}


def words(word: str) -> str:
    """How often a finding was seen, in words: in the atlas's other half, then in all other runs."""
    kept = held_out(word)
    rest = [said for name, said in kept.items() if name != HELD]
    total = {
        side: [sum(said[side][i] for said in rest) for i in (0, 1)]
        for side in ("failed", "learned")
    }
    return (
        f"seen in {share(kept[HELD]['learned'])} healthy and {share(kept[HELD]['failed'])} failed"
        f" runs of the atlas, in {share(total['learned'])} and {share(total['failed'])} of other"
        " networks and data"
    )


def share(pair: list[int]) -> str:
    """[3, 40] as "3 of 40"."""
    return f"{pair[0]} of {pair[1]}"


def main() -> None:
    """Count again, and say where the limit in use is not the one that the runs choose."""
    found = runs()
    limit = choose(found)
    body = {"limit": limit, "chose": list(CHOSE), "table": table(found)}
    write_whole(FILE, (json.dumps(body, indent=1) + "\n").encode())
    print(json.dumps(body, indent=1))
    if limit != SPREAD_LIMITS["projections"]:
        print(f"the limit in use is {SPREAD_LIMITS['projections']}")


if __name__ == "__main__":
    main()
