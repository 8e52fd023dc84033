"""The ledger and what it opens to, in the browser."""

import json

import numpy as np
from stills import evaluate

CLAIM = "wang2021.directcopy_matches_directpred"


class Page:
    """A page in the browser, used as a reader would."""

    def __init__(self, chromium, path, *, fragment="", width=1280, script=True, theme="light"):
        self.driver = chromium
        chromium.new_tab()
        size = dict(width=width, height=1000, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setDeviceMetricsOverride", **size)
        if not script:
            self.call("Emulation.setScriptExecutionDisabled", value=True)
        self.call("Page.navigate", url=path.as_uri() + fragment)
        chromium.wait_for_load()
        self.js(
            "document.documentElement.dataset.theme = document.documentElement.dataset.mode ="
            f" '{theme}'"
        )

    def call(self, method, **params):
        return self.driver.call(method, self.driver.session, **params)

    def js(self, code):
        return evaluate(self.driver, code)

    def shown(self):
        """Claims that are shown, in their order."""
        return self.js(
            "[...document.querySelectorAll('.ncssl-claims > tbody')]"
            ".filter(b => b.getClientRects().length).map(b => b.id)"
        )

    def choose(self, name, value):
        """Set a control as a reader does."""
        self.js(
            f"(e => {{ e.value = {json.dumps(value)}; e.dispatchEvent(new Event('input',"
            f" {{bubbles: true}})); }})(document.querySelector('.ncssl-controls [name={name}]'))"
        )

    def key(self, name, code, text=""):
        for kind in ("keyDown", "keyUp"):
            more = {"text": text} if text and kind == "keyDown" else {}
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=name,
                code=name,
                windowsVirtualKeyCode=code,
                **more,
            )


def luminance(rgb):
    c = np.array(rgb) / 255
    linear = np.where(c <= 0.03928, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


COLOURS = """(() => {
  const nums = text => text.match(/[\\d.]+/g).map(Number);
  const mixed = (over, under) => over.length < 4 || over[3] === 1 ? over.slice(0, 3)
    : over.slice(0, 3).map((v, i) => v * over[3] + under[i] * (1 - over[3]));
  const ground = e => {
    if (!e) return [255, 255, 255];
    const text = getComputedStyle(e).backgroundColor;
    const own = text.startsWith('color') ? null : nums(text);
    return own && own[3] !== 0 ? mixed(own, ground(e.parentElement)) : ground(e.parentElement);
  };
  const seen = new Map();
  for (const e of document.querySelectorAll('SELECTOR')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.getClientRects().length || getComputedStyle(e).visibility === 'hidden') continue;
    const pair = [nums(getComputedStyle(e).color).slice(0, 3), ground(e)];
    seen.set(JSON.stringify(pair), e.tagName + ' ' + (e.className.baseVal ?? e.className)
      + ' ' + e.textContent.slice(0, 30));
  }
  return [...seen].map(([pair, who]) => [...JSON.parse(pair), who]);
})()"""


def dim(page, selector):
    """What is drawn with a contrast below 4.5, of the texts below a selector."""
    found = page.js(COLOURS.replace("SELECTOR", selector))
    assert len(found) > 3
    wrong = []
    for ink, ground, who in found:
        low, high = sorted([luminance(ink), luminance(ground)])
        if (high + 0.05) / (low + 0.05) < 4.5:
            wrong.append((who, ink, ground))
    return wrong
