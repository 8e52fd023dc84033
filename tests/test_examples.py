"""The code of book/in_your_own_loop.md, CONTRIBUTING.md and README.md does what they say, as it
stands there."""

import contextlib
import difflib
import re
import warnings
from importlib.util import find_spec

import pytest
import torch
from page_code import FOLDER, PAGE, blocks, section

from ncssl.measure import spectral
from ncssl.measure.diagnose import diagnose
from ncssl.nn import DirectPred

EXAMPLES = FOLDER / "book" / "static" / "examples"
LIMIT = 15  # changed lines, removed and added ones counted together, must be fewer
needs_lightly = pytest.mark.skipif(
    find_spec("lightly") is None, reason="lightly is not installed here"
)


def script(name):
    return (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")


def patched(text, diff):
    """The text with the changes of a diff block: each run of `-` lines, which stand once, becomes
    the `+` lines."""
    for old, new in re.findall(r"((?:^-.*\n)+)((?:^\+.*\n)*)", diff, re.M):
        *first, last = [line[1:] for line in old.splitlines(keepends=True)]
        for line in first:
            text = replaced(text, line, "")
        text = replaced(text, last, "".join(line[1:] for line in new.splitlines(keepends=True)))
    return text


def replaced(text, old, new):
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times"
    return text.replace(old, new)


def changed(before, after):
    """How many lines were removed and added."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return sum(line[:1] in ("-", "+") and line[:3] not in ("---", "+++") for line in lines)


def variants(title, before, after):
    """Scripts of a section by name: the one it starts from, the one it shows, and that with each of
    its diffs."""
    start, shown = script(before), script(after)
    _, *diffs = blocks(section(PAGE, title), "diff")  # the first is that between these two
    return {before: start, after: shown} | {
        f"{after}, diff {i}": patched(shown, d) for i, d in enumerate(diffs, 1)
    }


PLAIN = variants("Plain PyTorch", "plain_loop", "plain_loop_directpred")
LIGHTLY = variants("lightly's SimSiam", "lightly_simsiam", "lightly_simsiam_isoloss")


def ran(text, passes=None):
    """The names of a script after it ran, with another number of passes over the images if
    asked."""
    if passes is not None:
        text = replaced(text, "for epoch in range(5):", f"for epoch in range({passes}):")
    names = {"__name__": "__main__"}
    with warnings.catch_warnings(), contextlib.redirect_stdout(None):
        if "lightly" in text:
            warnings.simplefilter("ignore")  # its own affair
        exec(compile(text, "example", "exec"), names)
    return names


@torch.no_grad()
def outputs(names):
    """Projections of the images, in evaluation mode, by the network of a script that ran."""
    if "net" in names:
        return names["net"].eval()(names["images"])
    torch.manual_seed(0)
    model, one_view = names["model"].eval(), names["transform"].transforms[0]
    x = torch.stack([one_view(picture) for picture in names["pictures"]])
    return model.projection_head(model.backbone(x).flatten(start_dim=1))


def dimensions(z):
    """How many dimensions z uses about its mean."""
    return spectral.participation_ratio(spectral.eigenvalues(spectral.covariance(z)))


def spread(z):
    """1 where the outputs point everywhere, 0 where all point one way."""
    return spectral.std_normalised(z) * z.shape[1] ** 0.5


def faults(names, start):
    """What is wrong with a script that ran, compared with the network at its start."""
    curve, z, z0 = names["curve"], outputs(names), outputs(start)
    seen = {
        "the loss does not fall": not curve[-1] < curve[0] - 0.1,
        "collapsed": diagnose(z)["verdict"] != "none",
        "under half the dimensions of the start": dimensions(z) < 0.5 * dimensions(z0),
        "under half the spread of the start": spread(z) < 0.5 * spread(z0),
    }
    return [fault for fault, found in seen.items() if found]


@pytest.fixture(scope="module")
def plain_start():
    return ran(PLAIN["plain_loop"], 0)


@pytest.fixture(scope="module")
def lightly_start():
    return ran(LIGHTLY["lightly_simsiam"], 0)


def test_the_page_shows_all_three_in_both_loops():
    for scripts in (PLAIN, LIGHTLY):
        texts = list(scripts.values())[1:]
        assert all(("DirectPred(" in text) != ("DirectCopy(" in text) for text in texts)
        for what in ("DirectPred(", "DirectCopy(", "losses.iso("):
            assert any(what in text for text in texts), what


@pytest.mark.parametrize("scripts", [PLAIN, LIGHTLY], ids=["plain", "lightly"])
def test_few_lines_change(scripts):
    start, *others = scripts.values()
    counts = [changed(start, other) for other in others]
    assert min(counts) > 0 and max(counts) < LIMIT


@pytest.mark.parametrize("scripts", [PLAIN, LIGHTLY], ids=["plain", "lightly"])
def test_the_page_marks_the_changed_lines(scripts):
    before, shown = list(scripts)[:2]
    included = re.search(
        rf"literalinclude}} static/examples/{shown}\.py\n:language: python\n:emphasize-lines: (.*)",
        PAGE,
    )
    a, b = scripts[before].splitlines(), scripts[shown].splitlines()
    edits = difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    new = [
        j + 1
        for kind, _, _, low, high in edits
        if kind != "equal"
        for j in range(low, high)
        if b[j]
    ]
    assert [int(number) for number in included[1].split(",")] == new
    diff = "\n".join([*difflib.unified_diff(a, b, n=1, lineterm="")][2:])
    assert f"The change as a diff\n```diff\n{diff}\n```\n" in PAGE


@pytest.mark.parametrize("name", list(PLAIN)[1:])
def test_plain_loops_learn(name, plain_start):
    names = ran(PLAIN[name])
    assert faults(names, plain_start) == []
    head = names["predictor"]
    assert list(head.parameters()) == [] and int(head.steps) == 5 * 14
    torch.testing.assert_close(head.W, head.rule(head.C))


def test_the_loop_that_the_change_starts_from_learns():
    names = ran(PLAIN["plain_loop"])
    assert (
        names["curve"][-1] < names["curve"][0] - 0.1
        and diagnose(outputs(names))["verdict"] == "none"
    )


NO_STOP = ("cosine_similarity(p, t.detach())", "cosine_similarity(p, t)")
NO_NORM = (".append(nn.BatchNorm1d(d, affine=False))", "")


@pytest.mark.parametrize(
    "edits, expected",
    [
        ([NO_STOP, NO_NORM], "collapsed"),
        ([NO_STOP], "under half the dimensions of the start"),
        ([NO_NORM], "under half the spread of the start"),
        ([("        optimiser.step()\n", "")], "the loss does not fall"),
        ([("        predictor.follow()\n", "")], "under half the dimensions of the start"),
    ],
    ids=[
        "no stop-gradient, no batch norm",
        "no stop-gradient",
        "no batch norm at the end",
        "no step",
        "no follow",
    ],
)
def test_a_wrong_loop_is_seen(edits, expected, plain_start):
    start, wrong = plain_start, PLAIN["plain_loop_directpred"]
    if NO_NORM in edits:
        start = ran(replaced(PLAIN["plain_loop"], *NO_NORM), 0)
    for edit in edits:
        wrong = replaced(wrong, *edit)
    assert expected in faults(ran(wrong), start)


@needs_lightly
@pytest.mark.parametrize("name", list(LIGHTLY)[1:])
def test_lightly_loops_learn(name, lightly_start):
    assert faults(ran(LIGHTLY[name]), lightly_start) == []


@needs_lightly
def test_a_wrong_lightly_loop_is_seen(lightly_start):
    text = replaced(LIGHTLY["lightly_simsiam_isoloss"], "return z.detach(), p", "return z, p")
    assert "under half the dimensions of the start" in faults(ran(text, 3), lightly_start)
    assert faults(ran(LIGHTLY["lightly_simsiam_isoloss"], 3), lightly_start) == []


def test_a_checkpoint_has_the_whole_predictor(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ran(PLAIN["plain_loop_directpred"], 1)
    (code,) = blocks(section(PAGE, "What to save"), "python")
    exec(code, names)
    other = DirectPred(names["d"])
    other.load_state_dict(torch.load("run.pt")["predictor"])
    z = [torch.randn(20, names["d"]) for _ in range(2)]
    for head in (other, names["predictor"]):
        head.observe(z)
        head.follow()
    torch.testing.assert_close(other.W, names["predictor"].W)
    fresh = DirectPred(names["d"])
    fresh.observe(z)
    fresh.follow()
    assert (fresh.W - other.W).norm() > 0.01 * other.W.norm()
