"""Still pictures of the explorers, for readers without JavaScript: `python tests/stills.py HTML`
after a build.

HTML is the folder of built pages (_build/html). Writes book/static/explorers/KEY.png, light, and
prints each size: the pages name it in their <noscript>, and a test compares.
"""

import base64
import io
import json
import sys
from pathlib import Path

import browser
from PIL import Image

FOLDER = Path(__file__).resolve().parent.parent / "book" / "static" / "explorers"
KEYS = ("batch", "modes", "race", "neurons", "phase")
PAGES = {f"book/explorers/{key}.html": key for key in KEYS} | {"book/intro.html": "front"}
BEFORE = {
    "batch": (
        """(() => {
  const press = words => [...document.querySelectorAll('button')]
    .find(b => b.textContent === words).click();
  const flip = name => document.querySelector(`[name=${name}]`).click();
  const run = () => { press('300 steps at once'); press('300 steps at once'); };
  flip('predictor'); run(); flip('stop'); run(); flip('predictor'); run(); flip('stop'); run();
})()"""
    ),
    "front": (  # stop it, and go to its end at once
        "[1, 2].forEach(() => document.querySelector('#explorer-front button').click())"
    ),
}
BOX = """(() => {
  document.documentElement.dataset.theme = document.documentElement.dataset.mode = 'light';
  const b = document.querySelector('.ex-plots').getBoundingClientRect();
  const [x, y] = [b.x + scrollX, b.y + scrollY];
  return JSON.stringify({x, y, width: b.width, height: b.height, scale: 1});
})()"""


def still(driver: browser.Browser, page: Path, before: str) -> bytes:
    """The plots of an explorer as a PNG of 256 colours, after `before` has run in its page."""
    driver.visit(page.as_uri())
    calm = [{"name": "prefers-reduced-motion", "value": "reduce"}]
    driver.call("Emulation.setEmulatedMedia", driver.session, features=calm)
    # no scroll bar, nothing cut off
    whole = {"width": 1280, "height": 3000, "deviceScaleFactor": 1, "mobile": False}
    driver.call("Emulation.setDeviceMetricsOverride", driver.session, **whole)
    evaluate(driver, before)
    clip = json.loads(evaluate(driver, BOX))
    shot = driver.call(
        "Page.captureScreenshot", driver.session, clip=clip, captureBeyondViewport=False
    )
    picture = Image.open(io.BytesIO(base64.b64decode(shot["data"]))).convert("RGB")
    picture = picture.quantize(256, dither=Image.Dither.NONE)
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()


def evaluate(driver: browser.Browser, code: str):
    """Value of an expression in the open page. Raises OSError where it throws."""
    answer = driver.call(
        "Runtime.evaluate", driver.session, expression=code, awaitPromise=True, returnByValue=True
    )
    if "exceptionDetails" in answer:
        raise OSError(
            answer["exceptionDetails"].get("exception", {}).get("description", "exception")
        )
    return answer["result"].get("value")


if __name__ == "__main__":
    with browser.Browser() as driver:
        for page, key in PAGES.items():
            data = still(driver, Path(sys.argv[1]) / page, BEFORE.get(key, "0"))
            (FOLDER / f"{key}.png").write_bytes(data)
            print(key, *Image.open(io.BytesIO(data)).size, len(data))
