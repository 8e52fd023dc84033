"""What all tests share: skips with a reason, and the folder of the checkout.

MPLBACKEND is not set here on purpose: notebooks run by tests would inherit it and store no figures.
"""

import os
import signal
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# threads that wait would spin on cores which other files of tests need; read when torch comes
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# shells start what they put in the background deaf to interrupts, which tests send to children
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# a busy machine is no error
settings.register_profile("patient", suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the checkout: the parent of tests/ and of the package."""
    return ROOT


@pytest.fixture(scope="session")
def running():
    """A browser that runs until the last test; skips where there is none that starts."""
    import browser

    if browser.find() is None:
        pytest.skip("no Chromium here (apt-get install chromium)")
    driver = browser.Browser()
    try:
        driver.__enter__()
    except OSError as error:
        driver.__exit__()
        pytest.skip(f"Chromium does not start: {error}")
    yield driver
    driver.__exit__()


@pytest.fixture(scope="module")
def chromium(running):
    """The browser, and after a file of tests no page of it that goes on moving."""
    yield running
    running.new_tab()


@pytest.fixture(scope="session")
def html(tmp_path_factory, root) -> Path:
    """The folder of the pages of a book with stand-ins for chapters, built once for all processes
    of a run of the tests."""
    import small_book

    folder = small_book.once(tmp_path_factory, "book", lambda at: small_book.build(root, at))
    return folder / "_build" / "html"


@pytest.fixture
def copied_workers(monkeypatch):
    """Workers of campaigns begin at once, for tests in which nothing depends on how they begin."""
    import processes

    processes.copy_workers(monkeypatch)


@pytest.fixture
def plain_shift(monkeypatch):
    """The paper tian2021 with two claims alone, about its experiment `shift`: plain margins and no
    gates."""
    import dataclasses

    from ncssl.claims import papers
    from ncssl.claims.facts import Claim

    def claim(id, left, right, margin):
        fixed = dict(
            paper="tian2021",
            place="Table 7",
            statement="s",
            kind="records",
            test="greater",
            margin_by="ours",
        )
        compared = dict(
            experiment="shift", metric="probe_accuracy", left=left, right=right, margin=margin
        )
        return id, Claim(id=id, **fixed, **compared)

    claims = (
        claim("positive_shift_hurts", "none", "plus", 10.0),
        claim("negative_shift_is_harmless", "minus", "none", -3.0),
    )
    real = papers.paper
    plain = dataclasses.replace(real("tian2021"), claims=dict(claims))
    monkeypatch.setattr(papers, "paper", lambda key: plain if key == "tian2021" else real(key))
    return plain


@pytest.fixture
def ax():
    """Axes in the book's style, of a figure that nobody sees."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    from ncssl.plots import style

    mpl.use("Agg")
    with mpl.rc_context():
        style.use()
        _, (axes,) = style.panels()
        yield axes
        plt.close("all")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is marked `cuda` where there is no CUDA device."""
    marked = [item for item in items if item.get_closest_marker("cuda")]
    if marked and not has_cuda():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="no CUDA device here"))


def has_cuda() -> bool:
    """True where torch is installed and sees a CUDA device."""
    if find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()
