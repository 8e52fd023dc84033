"""The guards around papermill, notebooks that run, and what becomes of them when something dies."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import papermill
import papermill.cli
import pytest
from small_book import SUM, write

from ncssl import notebooks
from ncssl.errors import BadFile, UnknownName


@pytest.fixture
def checkout(tmp_path):
    """A checkout with three notebooks: one good, one without a parameters cell, one that fails."""
    (tmp_path / "notebooks").mkdir()
    write(tmp_path / "notebooks" / "good.ipynb", SUM)
    write(tmp_path / "notebooks" / "untagged.ipynb", SUM, tag="other")
    write(tmp_path / "notebooks" / "failing.ipynb", "raise RuntimeError('no luck')")
    return tmp_path


@pytest.mark.parametrize(
    "text",
    ["3", "-1", "0.5", "1e-3", "True", "False", "None", "true", "digits", "", "1_000", "nan"],
)
def test_values_are_read_as_papermill_reads_them(text):
    assert repr(notebooks.parse(text)) == repr(papermill.cli._resolve_type(text))


@pytest.mark.parametrize(
    "names, parameters, error, says",
    [
        (["goood"], {}, UnknownName, "unknown notebook 'goood'.*did you mean 'good'"),
        (
            ["good"],
            {"stepz": 4},
            UnknownName,
            "unknown parameter of good 'stepz'.*did you mean 'steps'",
        ),
        (["untagged"], {"steps": 4}, BadFile, "untagged.ipynb: has no cell tagged `parameters`"),
        (["untagged"], {}, BadFile, "no cell tagged"),
        (["good"], {"dataset": "cifar11"}, UnknownName, "unknown dataset 'cifar11'.*cifar10"),
        (
            ["good"],
            {"dataset": "voice"},
            UnknownName,
            "unknown dataset 'voice'.*did you mean 'voices'",
        ),
        (["good"], {"method": "simsam"}, UnknownName, "unknown method 'simsam'.*simsiam"),
        (["good"], {"scale": "tiny"}, UnknownName, "unknown scale 'tiny'.*laptop"),
        (["good"], {"scale": 3}, UnknownName, "unknown scale 3"),
        (["good"], {"download": "maybe"}, ValueError, "download was 'maybe'; allowed: True, False"),
    ],
)
def test_what_papermill_would_let_pass_is_an_error(checkout, names, parameters, error, says):
    with pytest.raises(error, match=says):
        notebooks.execute(names, parameters, root=checkout)
    assert not (checkout / "_build").exists(), "nothing may run before everything is checked"


def test_side_by_side_the_longest_begins_first(checkout, capfd):
    for name, seconds in (("short", 1.0), ("long", 9.0)):
        path = checkout / "notebooks" / f"{name}.ipynb"
        write(path, SUM)
        notebook = nbformat.read(path, 4)
        notebook.metadata["ncssl"] = {"seconds": seconds}
        nbformat.write(notebook, path)
    made = notebooks.execute(["good", "short", "long"], jobs=2, root=checkout)
    assert [path.stem for path in made] == ["good", "short", "long"]
    _, err = capfd.readouterr()
    assert all(f"[{line} ..." in err for line in ("1/3] long", "2/3] short", "3/3] good"))


SIGNALS = [
    signal.SIGKILL,
    pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
    pytest.param(signal.SIGINT, marks=pytest.mark.slow),
]


def alive(pid) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
@pytest.mark.parametrize("number", SIGNALS)
def test_notebooks_end_with_what_started_them(checkout, number):
    """The workers and their kernels."""
    cell = (
        "import os, time\nopen(f'{os.getpid()}.pid', 'w').write(str(os.getppid()))\ntime.sleep(600)"
    )
    for name in ("left", "right"):
        write(checkout / "notebooks" / f"{name}.ipynb", cell)
    command = [sys.executable, "-m", "ncssl", "notebooks", "left", "right", "--jobs", "2"]
    end = time.monotonic() + 600
    with subprocess.Popen(command, cwd=checkout, stderr=subprocess.DEVNULL) as parent:
        while (
            time.monotonic() < end and len([p for p in checkout.glob("*.pid") if p.read_text()]) < 2
        ):
            time.sleep(0.1)
        parent.send_signal(number)
    pids = {int(word) for p in checkout.glob("*.pid") for word in (p.stem, p.read_text())}
    assert len(pids) == 4, "two kernels and two workers"
    end = time.monotonic() + 120
    while any(map(alive, pids)) and time.monotonic() < end:
        time.sleep(0.1)
    assert not any(map(alive, pids))


def test_a_checkout_without_notebooks_says_where_it_looked(tmp_path):
    with pytest.raises(BadFile, match="holds no notebooks folder"):
        notebooks.execute(root=tmp_path)


def test_parameters_reach_the_notebook_and_the_source_stays(checkout, capfd):
    before = (checkout / "notebooks" / "good.ipynb").read_bytes()
    (done,) = notebooks.execute(["good"], {"steps": 5}, root=checkout)
    assert done == checkout / "_build" / "notebooks" / "good.ipynb"
    assert nbformat.read(done, 4).cells[-1].outputs[0].text == "10 True\n"
    assert (checkout / "notebooks" / "good.ipynb").read_bytes() == before
    out, err = capfd.readouterr()
    assert out == "" and "[1/1] good: done" in err and "WARNING" not in err


def test_a_kernel_that_is_ended_before_it_is_idle_says_nothing(checkout, capfd):
    """papermill asks it last for its language, and ends it when it has answered."""
    slow = """
import time
handlers = get_ipython().kernel.shell_handlers
answer = handlers["kernel_info_request"]
async def lingering(*request):
    await answer(*request)
    time.sleep(60)
handlers["kernel_info_request"] = lingering
"""
    write(checkout / "notebooks" / "slow.ipynb", slow)
    start = time.monotonic()
    notebooks.execute(["slow"], root=checkout, progress=False)
    assert capfd.readouterr().err == "" and time.monotonic() - start < 50


def test_outputs_are_stored_without_times(checkout):
    done = notebooks.execute(["good"], {}, root=checkout, progress=False)
    notebooks.store(done, checkout)
    stored = checkout / "notebooks" / "good.ipynb"
    assert nbformat.read(stored, 4).cells[-1].outputs[0].text.endswith("True\n")
    assert "papermill" not in stored.read_text() and "start_time" not in stored.read_text()


def test_a_failing_notebook_is_an_error_after_the_others_have_run(checkout, capsys):
    with pytest.raises(
        notebooks.NotebookFailed,
        match="1 of 2 notebooks failed: failing: In .2.: RuntimeError: no luck",
    ):
        notebooks.execute(["failing", "good"], root=checkout, progress=False)
    assert nbformat.read(checkout / "_build" / "notebooks" / "good.ipynb", 4).cells[-1].outputs
    assert capsys.readouterr().err == ""


def test_notebooks_run_side_by_side_and_share_the_cores(checkout, capfd, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    # each waits for the other: a kernel that is slow to start only makes the other wait
    meeting = """
import os, pathlib, time
place = pathlib.Path({place!r})
(place / {mine!r}).touch()
for _ in range(600):
    if (place / {other!r}).exists():
        break
    time.sleep(0.1)
else:
    raise RuntimeError("the two ran one after the other")
print(os.environ["OMP_NUM_THREADS"])
"""
    for mine, other in (("left", "right"), ("right", "left")):
        source = meeting.format(place=str(checkout), mine=mine, other=other)
        write(checkout / "notebooks" / f"{mine}.ipynb", source)
    with pytest.raises(
        notebooks.NotebookFailed,
        match="1 of 3 notebooks failed: failing: In .2.: RuntimeError: no luck",
    ):
        notebooks.execute(["left", "failing", "right"], jobs=3, root=checkout)
    cells = [
        nbformat.read(checkout / "_build" / "notebooks" / f"{n}.ipynb", 4).cells[-1]
        for n in ("left", "right")
    ]
    share = str(max(1, os.cpu_count() // 3))
    assert [c.outputs[0].text.strip() for c in cells] == [share, share]
    lines = capfd.readouterr().err.splitlines()
    assert [line for line in lines if line.startswith("[3/3] right")][0] == "[3/3] right ..."
    assert "[2/3] failing: In [2]: RuntimeError: no luck" in [
        line.rsplit(" (", 1)[0] for line in lines
    ]


@pytest.fixture
def dying(tmp_path, monkeypatch):
    """A function that makes the next so many kernels die while they start."""
    spec, deaths = tmp_path / "jupyter" / "kernels" / "python3" / "kernel.json", tmp_path / "deaths"
    start = (
        'read left < "$1"; echo $((left - 1)) > "$1"; [ "$left" -le 0 ] && exec "$2" -m'
        ' ipykernel_launcher -f "$3"'
    )
    argv = ["sh", "-c", start, "sh", str(deaths), sys.executable, "{connection_file}"]
    spec.parent.mkdir(parents=True)
    spec.write_text(
        json.dumps({"argv": argv, "display_name": "Dies at first", "language": "python"})
    )
    monkeypatch.setenv("JUPYTER_PATH", str(spec.parents[2]))
    return lambda number: deaths.write_text(f"{number}\n")


def test_a_kernel_that_dies_while_it_starts_is_started_once_more(checkout, dying):
    dying(1)
    (path,) = notebooks.execute(["good"], root=checkout, progress=False)
    assert nbformat.read(path, 4).cells[-1].outputs
    dying(2)
    with pytest.raises(RuntimeError, match="Kernel died before replying to kernel_info"):
        notebooks.execute(["good"], root=checkout, progress=False)


def test_nbval_starts_a_dead_kernel_once_more(checkout, dying, root):
    shutil.copy(root / "notebooks" / "conftest.py", checkout / "notebooks")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--nbval-lax",
        "notebooks/good.ipynb",
    ]
    for deaths, result in [(1, "2 passed"), (2, "2 errors")]:
        dying(deaths)
        assert (
            result in subprocess.run(command, cwd=checkout, capture_output=True, text=True).stdout
        )


@pytest.mark.parametrize(
    "arguments",
    [
        ["good", "--jobs", "-1"],
        ["good", "-p", "stepz", "4"],
        ["failing"],
        ["untagged"],
        ["nothing"],
    ],
)
def test_the_command_line_exits_with_an_error(checkout, monkeypatch, arguments):
    from click.testing import CliRunner

    from ncssl.cli import main

    monkeypatch.chdir(checkout)
    result = CliRunner().invoke(main, ["notebooks", *arguments])
    assert result.exit_code in (1, 2) and isinstance(result.exception, SystemExit), result.exception
