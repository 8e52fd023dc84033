"""The code of book/in_your_own_loop.md, CONTRIBUTING.md and README.md does what they say, as it
stands there."""

import contextlib
import difflib
import json
import re
import warnings
from importlib.util import find_spec
from pathlib import Path

import processes
import pytest
import test_layers
import torch
from click.testing import CliRunner

from ncssl.cli import main
from ncssl.errors import UnknownName
from ncssl.measure import spectral
from ncssl.measure.diagnose import diagnose
from ncssl.methods import METHODS, defaults
from ncssl.nn import DirectPred, direct_pred
from ncssl.recipes import recipe
from ncssl.train import loop

FOLDER = Path(__file__).resolve().parent.parent
EXAMPLES = FOLDER / "book" / "static" / "examples"
PAGE = (FOLDER / "book" / "in_your_own_loop.md").read_text(encoding="utf-8")
CONTRIBUTING = (FOLDER / "CONTRIBUTING.md").read_text(encoding="utf-8")
LIMIT = 15  # changed lines, removed and added ones counted together, must be fewer
needs_lightly = pytest.mark.skipif(
    find_spec("lightly") is None, reason="lightly is not installed here"
)


def script(name):
    return (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")


def section(text, title):
    """From the heading `## title` to the next one."""
    return re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)[1]


def blocks(text, language):
    """Contents of the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)


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
    assert "collapsed" in faults(ran(text, 3), lightly_start)


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


def test_order_of_a_step():
    head, z = DirectPred(4), torch.randn(9, 4, requires_grad=True)
    p = head(z)
    head.observe([z])
    head.follow()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        p.sum().backward()
    torch.testing.assert_close(head.W, direct_pred(z.detach().T @ z.detach() / 9))
    C = head.C.clone()
    head.eval().observe([2 * z])
    torch.testing.assert_close(head.C, C)


def gaps(averages):
    """Print, for each code that may average the moments of two processes, how far a predictor then
    is from that of the whole batch."""
    torch.distributed.init_process_group("gloo")
    rank = torch.distributed.get_rank()
    torch.manual_seed(0)
    batches = torch.randn(3, 2, 2, 8, 4)  # step, process, view, row, channel
    whole = DirectPred(4)
    for z in batches.transpose(1, 2).flatten(2, 3):
        whole.observe(z)
        whole.follow()
    for average in averages:
        predictor = DirectPred(4)
        for z in batches[:, rank]:
            predictor.observe(z)
            exec(average, {"torch": torch, "predictor": predictor})
            predictor.follow()
        apart = predictor.C - whole.C, predictor.W - whole.W
        print(max(gap.abs().max().item() for gap in apart))


@pytest.mark.skipif(
    not torch.distributed.is_gloo_available(), reason="this build of torch has no gloo"
)
def test_several_processes_have_the_moment_of_the_whole_batch_only_if_it_is_averaged():
    (code,) = blocks(section(PAGE, "Several processes"), "python")
    for done in processes.together(gaps, [code, ""]):
        assert done.returncode == 0, done.stderr
        averaged, left_alone = map(float, done.stdout.split())
        assert averaged < 1e-4 and left_alone > 0.01


def test_losses_and_measures_alone():
    (code,) = blocks(section(PAGE, "Losses and spectral measures alone"), "python")
    assert len(code.splitlines()) == 6
    z = torch.randn(200, 16)
    exec(code, seen := {"z1": z, "z2": z + 0.1})
    assert seen["loss"] > 0 and 10 < seen["rank"] <= 16 and seen["verdict"] == "none"
    exec(code, seen := {"z1": z * torch.eye(16)[0], "z2": z})
    assert seen["rank"] == pytest.approx(1) and seen["verdict"] != "none"


def test_a_method_is_one_declaration(tmp_path, monkeypatch):
    """The method of CONTRIBUTING.md, straight from the page: listed, trained, checked, and gone
    again."""
    monkeypatch.setattr(loop, "checkpoint_path", lambda r: tmp_path / f"{r.id}.pt")
    before = dict(METHODS)
    (code,) = blocks(section(CONTRIBUTING, "Add a method"), "python")
    try:
        exec(code, {"__name__": "example"})
        (name,) = set(METHODS) - set(before)
        listed = json.loads(CliRunner().invoke(main, ["methods", "--json"]).output)
        assert [row["options"] for row in listed if row["name"] == name] == [defaults(name)]
        with pytest.raises(UnknownName, match="did you mean 'delta'"):
            recipe(name, options={"detla": 0.1})
        with pytest.raises(ValueError, match="delta was 2"):
            recipe(name, options={"delta": 2})
        record = loop.fit(recipe(name, epochs=3), out=tmp_path, device="cpu")
        assert record.status == "done" and record.recipe.options == defaults(name)
        loss, spread = record.curves["loss"], record.curves["std_normalised"]
        assert loss[-1] < 0.9 * loss[0] and spread[-1] > 0.5 / record.recipe.d**0.5
    finally:
        METHODS.clear()
        METHODS.update(before)
    assert f"--method {name} --set delta=" in CONTRIBUTING and name not in METHODS


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "ARCHITECTURE.md", "README.md"])
def test_paths_that_pages_name_exist(page):
    text = (FOLDER / page).read_text(encoding="utf-8")
    named = re.findall(r"`((?:ncssl|tests|book|notebooks)/[\w/.]*)`", text) + re.findall(
        r"\]\(([\w/]+\.md)\)", text
    )
    assert [path for path in named if not (FOLDER / path).exists()] == [] and (
        named or page == "ARCHITECTURE.md"
    )


def test_the_floor_plan_of_the_page_is_the_one_that_is_checked():
    text = (FOLDER / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rows = {int(level): names for level, names in re.findall(r"^\| (\d) \| ([^|]*) \|", text, re.M)}
    said = {
        level: {name.rstrip("/") for name in re.findall(r"`([\w/]+)`", names)}
        for level, names in rows.items()
    }
    assert said == {
        level: set(names.split()) - {"__main__"} for level, names in test_layers.LEVELS.items()
    }
    packages = set(re.findall(r"`(\w+)/`", " ".join(rows.values())))
    assert packages == {file.parent.name for file in (FOLDER / "ncssl").glob("*/__init__.py")}
    for package, line in re.findall(r"^\| `(methods|losses|nn)/` \| (.*) \|$", text, re.M):
        files = {file.stem for file in (FOLDER / "ncssl" / package).glob("[!_]*.py")}
        assert set(re.findall(r"`(\w+)`", line)) == files


def test_commands_that_the_readme_names_run():
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    said = [
        " ".join(command.split())
        for command in re.findall(r"`(ncssl (?:methods|theory)[^`]*)`", readme)
    ]
    assert [command.split()[1] for command in said] == ["methods", "theory"]
    for command in said:
        done = CliRunner().invoke(main, command.split()[1:])
        assert done.exit_code == 0, done.output
    assert "'eta': 0.05" in done.output
