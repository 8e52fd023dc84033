"""The loops of the page on watching: as they are, and with their stop-gradient taken away.

python tests/watched.py     runs those whose library is here and stores what was read of them,
                            from which the book makes the reports
"""

import contextlib
import sys
import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path

from torch.nn import functional

from ncssl.pages.watched import FOLDER
from ncssl.watch import report

BOOK = Path(__file__).resolve().parent.parent / "book"
AFTER = "optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)\n"
LINES = "from ncssl.watch import watch\nwatcher = watch(optimiser, model, every=20)\n"
LIBRARIES = {"plain": "torch", "lightly": "lightly", "stable_pretraining": "stable_pretraining"}
LOOPS = [(name, stopped) for name in LIBRARIES for stopped in (True, False)]


def here(name: str) -> bool:
    """Whether a loop's library is installed."""
    return find_spec(LIBRARIES[name]) is not None


def text(name: str, stopped: bool) -> str:
    """The source of a watched loop: `stopped` as its authors have it, or without stop-gradient."""
    files = {"plain": "plain_loop_watched", "lightly": "lightly_simsiam"}
    file = files.get(name, "stable_pretraining_simsiam")
    source = (BOOK / "static" / "examples" / f"{file}.py").read_text("utf-8")
    if name == "lightly":
        source = source.replace(AFTER, AFTER + LINES).replace("range(5)", "range(23)")
    if stopped:
        return source
    if name == "stable_pretraining":  # its loss is not in the file
        return source
    before, after = {
        "plain": ("t.detach()", "t"),
        "lightly": ("return z.detach(), p", "return z, p"),
    }[name]
    assert source.count(before) == 1, name
    return source.replace(before, after)


@contextlib.contextmanager
def without_detach():
    """stable-pretraining's SimSiam with a loss that does not detach its targets."""
    from stable_pretraining.methods import simsiam

    theirs = simsiam._neg_cos_sim
    simsiam._neg_cos_sim = lambda p, z: -functional.cosine_similarity(p, z).mean()
    yield
    simsiam._neg_cos_sim = theirs


def ran(name: str, stopped: bool):
    """The watcher of a loop at its end."""
    names: dict = {"__name__": "__main__"}
    loose = name == "stable_pretraining" and not stopped
    with (
        tempfile.TemporaryDirectory() as elsewhere,
        contextlib.chdir(elsewhere),
        warnings.catch_warnings(action="ignore"),
        contextlib.redirect_stdout(sys.stderr),
        without_detach() if loose else contextlib.nullcontext(),
    ):
        exec(compile(text(name, stopped), name, "exec"), names)
        names["watcher"].close()
    return names["watcher"]


def main() -> None:
    """Store the readings of the loops whose library is here."""
    for name, stopped in LOOPS:
        if here(name):
            end = "learns" if stopped else "without_stop_gradient"
            path = BOOK / FOLDER / f"{name}_{end}.jsonl"
            rows = ran(name, stopped).rows
            path.unlink(missing_ok=True)
            for row in rows:
                report.append(path, row)


if __name__ == "__main__":
    main()
