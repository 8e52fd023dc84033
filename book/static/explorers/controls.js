/* What the explorers are made of beside plots: elements, labelled native inputs, motion, and the
place in the page.

Native inputs, because they come with keyboard, touch and names for a screen reader. */
(() => {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  /* An element with attributes (functions are listeners) and children. */
  function make(create, name, attributes = {}, ...children) {
    const element = create(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (typeof value === "function") element.addEventListener(key, value);
      else if (value !== null && value !== false)
        element.setAttribute(key, value === true ? "" : value);
    }
    element.append(...children);
    return element;
  }
  const h = (...rest) => make((name) => document.createElement(name), ...rest);
  const s = (...rest) => make((name) => document.createElementNS(SVG, name), ...rest);

  const number = (x, digits = 3) =>
    Number.isFinite(x) ? String(Number(x.toPrecision(digits))).replace("-", "−") : "none";

  /* A native range input under its label; `log`: the slider moves the logarithm. Has .value and
  .set(value). */
  function slider({ name, label, min, max, step, value, log = false, digits = 3, change }) {
    const [to, from] = log ? [Math.log10, (x) => 10 ** x] : [(x) => x, (x) => x];
    const output = h("span", { class: "ex-value", "aria-hidden": "true" });
    const tick = log ? (to(max) - to(min)) / 60 : step;
    const input = h("input", { type: "range", name, min: to(min), max: to(max), step: tick });
    let exact = value; // the input's own is rounded to its steps
    const show = () => {
      output.textContent = number(exact, digits);
      input.setAttribute("aria-valuetext", output.textContent);
    };
    const set = (x) => {
      exact = x;
      input.value = to(x);
      show();
    };
    input.addEventListener("input", () => {
      exact = from(Number(input.value));
      show();
      change(name);
    });
    set(value);
    const words = h("span", {}, ...[].concat(label), " ");
    return {
      element: h("label", { class: "ex-slider" }, words, output, input),
      get value() {
        return exact;
      },
      set,
    };
  }

  /* One of several, as native radio buttons: options [[value, words], ...]. */
  function choice({ name, label, options, value, change }) {
    const inputs = options.map(([key]) =>
      h("input", {
        type: "radio",
        name,
        value: key,
        checked: key === value,
        change: () => change(name),
      }),
    );
    const rows = options.map(([, words], i) => h("label", {}, inputs[i], " ", words));
    return {
      element: h("fieldset", { class: "ex-choice" }, h("legend", {}, label), ...rows),
      get value() {
        return inputs.find((input) => input.checked).value;
      },
      set(key) {
        inputs.forEach((input) => {
          input.checked = input.value === key;
        });
      },
    };
  }

  function toggle({ name, label, value, change }) {
    const input = h("input", {
      type: "checkbox",
      name,
      checked: value,
      change: () => change(name),
    });
    return {
      element: h("label", { class: "ex-toggle" }, input, " ", label),
      get value() {
        return input.checked;
      },
    };
  }

  const button = (words, click) =>
    h("button", { type: "button", class: "ex-button", click }, words);

  /* Calls frame(share) with a share from 0 to 1 over `seconds`; where motion is unwelcome only
  once, with 1. */
  function animate(seconds, frame) {
    if (still.matches) {
      frame(1);
      return () => {};
    }
    let [begun, on] = [null, true];
    const next = (now) => {
      if (!on) return;
      begun ??= now;
      const share = Math.min(1, (now - begun) / 1000 / seconds);
      frame(share);
      if (share < 1) requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
    return () => {
      on = false;
    };
  }

  /* The place of an explorer in the page, filled with its plots, controls and a line that says
  what is seen. */
  function mount(id, plots, controls) {
    const root = document.getElementById(id);
    const says = h("p", { class: "ex-says", role: "status" });
    root.replaceChildren(
      h("div", { class: "ex-plots" }, ...plots.map((plot) => plot.element)),
      says,
      h("form", { class: "ex-controls", submit: (event) => event.preventDefault() }, ...controls),
    );
    root.classList.add("ex-ready");
    return {
      root,
      say: (text) => {
        if (says.textContent !== text) says.textContent = text;
      },
      state: (values) => Object.assign(root.dataset, values),
    };
  }

  ncssl.ui = { h, s, number, slider, choice, toggle, button, animate, mount, still };
})();
