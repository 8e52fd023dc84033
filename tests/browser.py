"""A headless Chromium with the network off, driven over its DevTools pipe with the standard library
alone."""

import itertools
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--remote-debugging-pipe",
    "--window-size=1300,1300",
)
LOOK = """(async () => {
  if (document.readyState !== 'complete') await new Promise(done => addEventListener('load', done));
  await window.MathJax?.startup?.promise;
  const images = [...document.images];
  await Promise.all(images.map(i => { i.loading = 'eager'; return i.decode().catch(() => 0); }));
  const article = (document.querySelector('article') || document.body).cloneNode(true);
  article.querySelectorAll('mjx-container, pre, code, script, style').forEach(e => e.remove());
  return {
    images: images.length,
    broken: images.filter(i => !i.naturalWidth).map(i => i.src.slice(0, 200)),
    math: document.querySelectorAll('mjx-container').length,
    unset: [...document.querySelectorAll('.math')]
      .filter(e => !e.querySelector('mjx-container')).length,
    wrong: [...document.querySelectorAll('mjx-merror')].map(e => e.textContent),
    wide: [...document.querySelectorAll('mjx-container[display=true]')]
      .filter(e => e.scrollWidth > e.clientWidth + 2)
      .map(e => e.closest('div.math')?.id || 'an equation'),
    raw: (article.textContent
      .match(/\\\\[()[\\]]|\\$\\$|\\\\(frac|tau|eta|sigma|begin)\\b/g) || []),
  };
})()"""


AUDIT = (Path(__file__).parent / "audit.js").read_text(encoding="utf-8")
WIDTHS = (1280, 768, 390)
THEMES = ("light", "dark")


def find() -> str | None:
    """Path of a Chromium or Chrome, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """`with Browser() as b: b.visit(uri)`. Raises OSError where the browser does not start."""

    def __enter__(self):
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        read_by_it, self.out = os.pipe()
        self.inn, written_by_it = os.pipe()

        def as_three_and_four():
            # neither may be overwritten by the other
            first, second = os.dup(read_by_it), os.dup(written_by_it)
            os.dup2(first, 3)
            os.dup2(second, 4)

        command = [find(), *FLAGS, f"--user-data-dir={self.profile.name}", "about:blank"]
        if os.geteuid() == 0:
            command.insert(1, "--no-sandbox")
        self.process = subprocess.Popen(
            command,
            preexec_fn=as_three_and_four,
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read_by_it)
        os.close(written_by_it)
        self.numbers, self.buffer, self.events, self.target = itertools.count(1), b"", [], None
        self.call("Browser.getVersion")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.out)
        os.close(self.inn)
        self.profile.cleanup()

    def message(self, seconds: float) -> dict:
        """The next message of the browser. Raises OSError when none comes in time."""
        end = time.monotonic() + seconds
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.inn], [], [], max(0.0, end - time.monotonic()))
            chunk = os.read(self.inn, 1 << 16) if ready else b""
            if not chunk:
                raise OSError(f"{find()} gave no answer")
            self.buffer += chunk
        text, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(text)

    def call(self, method: str, session: str | None = None, seconds: float = 180, **params) -> dict:
        """Answer of a DevTools method; events that come before it are kept."""
        number = next(self.numbers)
        order = {"id": number, "method": method, "params": params} | (
            {"sessionId": session} if session else {}
        )
        os.write(self.out, json.dumps(order).encode() + b"\0")
        while (answer := self.message(seconds)).get("id") != number:
            self.events.append(answer)
        if "error" in answer:
            raise OSError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def visit(self, uri: str) -> dict:
        """Open a page, let MathJax finish, and say what is there: images, maths, errors, addresses
        asked for."""
        self.new_tab()
        self.call("Page.navigate", self.session, url=uri)
        self.wait_for_load()
        try:
            answer = self.look()
        except OSError:  # the page sent us on to another one, as index.html does
            self.wait_for_load()
            answer = self.look()
        seen = answer["result"].get("value") or {"failed": answer.get("exceptionDetails")}
        return seen | {"errors": self.errors(), "asked": self.asked()}

    def new_tab(self) -> None:
        """A fresh tab, so that no event of an earlier page is taken for one of this page."""
        if self.target:
            self.call("Target.closeTarget", targetId=self.target)
        self.target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=self.target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable", self.session)
        self.events = []

    def wait_for_load(self) -> None:
        """Wait for one load event more than have been waited for."""
        loaded = [event for event in self.events if event.get("method") == "Page.loadEventFired"]
        while not loaded:
            self.events.append(event := self.message(180))
            loaded = [event] if event.get("method") == "Page.loadEventFired" else []
        loaded[0]["method"] = "waited for"

    def look(self) -> dict:
        """What LOOK finds on the open page."""
        return self.call(
            "Runtime.evaluate", self.session, expression=LOOK, awaitPromise=True, returnByValue=True
        )

    def errors(self) -> list[str]:
        """Console errors, uncaught exceptions and failed loads since the page was opened."""
        found = []
        for event in self.events:
            kind, params = event.get("method"), event.get("params", {})
            if kind == "Runtime.exceptionThrown":
                found.append(
                    params["exceptionDetails"].get("exception", {}).get("description", "exception")
                )
            elif kind == "Runtime.consoleAPICalled" and params["type"] in ("error", "assert"):
                found.append(
                    " ".join(
                        str(arg.get("value", arg.get("description"))) for arg in params["args"]
                    )
                )
            elif kind == "Log.entryAdded" and params["entry"]["level"] == "error":
                found.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
        return found

    def asked(self) -> list[str]:
        """Addresses outside the file system that the page asked for."""
        sent = [
            e["params"]["request"]["url"]
            for e in self.events
            if e.get("method") == "Network.requestWillBeSent"
        ]
        return [url for url in sent if not url.startswith(("file:", "data:", "blob:", "about:"))]

    def evaluate(self, code: str):
        """Value of an expression in the open page, awaited. Raises OSError where it throws."""
        answer = self.call(
            "Runtime.evaluate", self.session, expression=code, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise OSError(answer["exceptionDetails"]["exception"].get("description", "exception"))
        return answer["result"].get("value")

    def resize(self, width: int, height: int = 900) -> None:
        """Give the open page another width and height in CSS pixels."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", self.session, **size)

    def dress(self, theme: str) -> None:
        """Show the open page in the "light" or "dark" theme, without waiting for transitions."""
        self.evaluate(
            "document.documentElement.dataset.theme = document.documentElement.dataset.mode ="
            f" '{theme}'; document.head.insertAdjacentHTML('beforeend',"
            " '<style>* {transition: none !important}</style>')"
        )

    def audit(self) -> dict[str, list[str]]:
        """What AUDIT finds wrong on the open page at every width and in both themes: kind ->
        "width theme: words"."""
        found: dict[str, list[str]] = {}
        self.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
        for width in WIDTHS:
            self.resize(width)
            for theme in THEMES:
                self.dress(theme)
                seen = json.loads(self.evaluate(AUDIT))
                self.stops = seen.pop("stops")
                for kind, words in seen.items():
                    if words:
                        found.setdefault(kind, []).append(f"{width} {theme}: {words}")
        return found

    def weight(self) -> int:
        """Bytes of all files that the open page has asked for, as they lie on the disk."""
        return sum(
            e["params"]["encodedDataLength"]
            for e in self.events
            if e.get("method") == "Network.loadingFinished"
        )

    def screenshot(self, path: Path, theme: str = "light") -> None:
        """Picture of the open page in the "light" or "dark" theme."""
        import base64

        self.dress(theme)
        picture = self.call("Page.captureScreenshot", self.session, captureBeyondViewport=False)
        Path(path).write_bytes(base64.b64decode(picture["data"]))
