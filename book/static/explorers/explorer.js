/* What the explorers draw with: labelled native inputs, and plots in SVG whose colours come from the style sheet.

SVG written by hand and not canvas: it follows the theme without being drawn again, prints sharp, and its points can
have the focus. */
(() => {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  /* An element with attributes (functions are listeners) and children. */
  function make(create, name, attributes = {}, ...children) {
    const element = create(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (typeof value === "function") element.addEventListener(key, value);
      else if (value !== null && value !== false) element.setAttribute(key, value === true ? "" : value);
    }
    element.append(...children);
    return element;
  }
  const h = (...rest) => make((name) => document.createElement(name), ...rest);
  const s = (...rest) => make((name) => document.createElementNS(SVG, name), ...rest);

  const number = (x, digits = 3) => (Number.isFinite(x) ? String(Number(x.toPrecision(digits))).replace("-", "−") : "none");

  /* A native range input under its label; `log`: the slider moves the logarithm. Has .value and .set(value). */
  function slider({ name, label, min, max, step, value, log = false, digits = 3, change }) {
    const [to, from] = log ? [Math.log10, (x) => 10 ** x] : [(x) => x, (x) => x];
    const output = h("output", {});
    const tick = log ? (to(max) - to(min)) / 60 : step;
    const input = h("input", { type: "range", name, min: to(min), max: to(max), step: tick });
    const show = () => {
      output.textContent = number(from(Number(input.value)), digits);
      input.setAttribute("aria-valuetext", output.textContent);
    };
    input.value = to(value);
    input.addEventListener("input", () => (show(), change(name)));
    show();
    return {
      element: h("label", { class: "ex-slider" }, h("span", {}, ...[].concat(label), " "), output, input),
      input,
      get value() { return from(Number(input.value)); },
      set(x) { input.value = to(x); show(); },
    };
  }

  /* One of several, as native radio buttons: options [[value, words], ...]. */
  function choice({ name, label, options, value, change }) {
    const inputs = options.map(([key]) =>
      h("input", { type: "radio", name, value: key, checked: key === value, change: () => change(name) }));
    const rows = options.map(([, words], i) => h("label", {}, inputs[i], " ", words));
    return {
      element: h("fieldset", { class: "ex-choice" }, h("legend", {}, label), ...rows),
      get value() { return inputs.find((input) => input.checked).value; },
      set(key) { inputs.forEach((input) => { input.checked = input.value === key; }); },
    };
  }

  function toggle({ name, label, value, change }) {
    const input = h("input", { type: "checkbox", name, checked: value, change: () => change(name) });
    return { element: h("label", { class: "ex-toggle" }, input, " ", label), get value() { return input.checked; } };
  }

  const button = (words, click) => h("button", { type: "button", class: "ex-button", click }, words);

  /* Round numbers from a to b, about `count` of them. */
  function ticks(a, b, count = 5) {
    const raw = (b - a) / count;
    const unit = 10 ** Math.floor(Math.log10(raw));
    const step = unit * [1, 2, 5, 10].find((m) => m * unit >= raw * 0.999);
    const found = [];
    for (let i = Math.ceil(a / step - 1e-9); i * step <= b + 1e-9 * step; i++) found.push(Number((i * step).toPrecision(12)));
    return found;
  }

  /* A plot with axes x and y = {range: [a, b], label, log}. Layers are groups inside the frame, drawn in their order. */
  class Plot {
    constructor({ title, x, y, layers, width = 400, height = 320, describe = title }) {
      Object.assign(this, { x, y, width, height, left: 46, right: 8, top: 8, bottom: 40 });
      this.axes = s("g", { class: "ex-axes" });
      const clip = `clip-${Math.random().toString(36).slice(2)}`;
      const box = { x: this.left, y: this.top, width: width - this.left - this.right, height: height - this.top - this.bottom };
      this.frame = s("rect", { class: "ex-frame", ...box });
      this.layers = Object.fromEntries(layers.map((name) => [name, s("g", { class: `ex-${name}` })]));
      this.svg = s("svg", { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": describe },
        s("defs", {}, s("clipPath", { id: clip }, s("rect", box))), this.frame, this.axes,
        s("g", { "clip-path": `url(#${clip})` }, ...Object.values(this.layers)));
      this.over = s("g", { class: "ex-over" });
      this.svg.append(this.over);
      this.element = h("figure", { class: "ex-plot" }, h("figcaption", {}, title), this.svg);
      this.draw();
    }

    scale(axis, value, low, high) {
      const to = axis.log ? (v) => Math.log10(Math.max(v, 1e-300)) : (v) => v;
      const [a, b] = axis.range.map(to);
      return low + ((high - low) * (to(value) - a)) / (b - a);
    }
    px(value) { return this.scale(this.x, value, this.left, this.width - this.right); }
    py(value) { return this.scale(this.y, value, this.height - this.bottom, this.top); }

    /* Axes anew, after a range has changed. */
    draw() {
      const marks = (axis) => axis.log
        ? ticks(...axis.range.map((v) => Math.log10(v))).filter(Number.isInteger).map((e) => 10 ** e)
        : ticks(...axis.range, 5);
      const [bottom, left] = [this.height - this.bottom, this.left];
      const xs = marks(this.x).map((v) => s("g", { transform: `translate(${this.px(v)} ${bottom})` },
        s("path", { d: "M0 0v4" }), s("text", { y: 16, "text-anchor": "middle" }, number(v))));
      const ys = marks(this.y).map((v) => s("g", { transform: `translate(${left} ${this.py(v)})` },
        s("path", { d: "M0 0h-4" }), s("text", { x: -7, y: 4, "text-anchor": "end" }, number(v))));
      const middle = (this.top + bottom) / 2;
      this.axes.replaceChildren(...xs, ...ys,
        s("text", { class: "ex-label", x: (left + this.width - this.right) / 2, y: this.height - 6, "text-anchor": "middle" }, this.x.label),
        s("text", { class: "ex-label", transform: `translate(12 ${middle}) rotate(-90)`, "text-anchor": "middle" }, this.y.label));
    }

    clear(...names) { names.forEach((name) => this.layers[name].replaceChildren()); }
    add(layer, ...elements) { (this.layers[layer] || this.over).append(...elements); return elements[0]; }

    /* Path data through points [x, y] of the data; a gap where one is not finite. */
    path(points, close = false) {
      let pen = "M";
      const parts = points.map(([x, y]) => {
        if (!Number.isFinite(x) || !Number.isFinite(y)) { pen = "M"; return ""; }
        const one = `${pen}${this.px(x).toFixed(1)} ${this.py(y).toFixed(1)}`;
        pen = "L";
        return one;
      });
      return parts.join("") + (close ? "Z" : "");
    }
    line(layer, points, attributes = {}) {
      return this.add(layer, s("path", { d: this.path(points), fill: "none", ...attributes }));
    }
    dot(layer, [x, y], attributes = {}) {
      return this.add(layer, s("circle", { cx: this.px(x), cy: this.py(y), r: 4, ...attributes }));
    }
    words(layer, [x, y], text, attributes = {}) {
      return this.add(layer, s("text", { x: this.px(x), y: this.py(y), ...attributes }, text));
    }

    /* Data under a pointer, kept inside the frame. */
    under(event) {
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
      const share = (v, a, b) => Math.min(1, Math.max(0, (v - a) / (b - a)));
      const along = (axis, f) => axis.range[0] + f * (axis.range[1] - axis.range[0]);
      return [along(this.x, share(at.x, this.left, this.width - this.right)),
        along(this.y, share(at.y, this.height - this.bottom, this.top))];
    }

    /* A point moved by pointer, touch and arrow keys: moved(x, y, ended) on each; Enter and a click end. */
    movable({ at, label, moved, steps = 40 }) {
      const point = s("g", { class: "ex-movable", tabindex: 0, role: "application", "aria-label": label },
        s("circle", { r: 14, class: "ex-halo" }), s("circle", { r: 6 }));
      const place = (x, y) => { at = [x, y]; point.setAttribute("transform", `translate(${this.px(x)} ${this.py(y)})`); };
      const go = (x, y, ended) => { place(x, y); moved(x, y, ended); };
      let held = null; // "drag", or "tap": a finger beside the point, which may be about to scroll the page
      this.svg.addEventListener("pointerdown", (event) => {
        held = event.pointerType === "touch" && !point.contains(event.target) ? "tap" : "drag";
        if (held === "tap") return;
        this.svg.setPointerCapture(event.pointerId);
        point.focus({ preventScroll: true });
        event.preventDefault();
        go(...this.under(event), false);
      });
      this.svg.addEventListener("pointermove", (event) => {
        if (held === "drag") go(...this.under(event), false);
      });
      this.svg.addEventListener("pointerup", (event) => {
        if (held) go(...this.under(event), true);
        held = null;
      });
      this.svg.addEventListener("pointercancel", () => { held = null; });
      point.addEventListener("keydown", (event) => {
        const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
        if (!way && event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        const size = (axis, d) => (d * (axis.range[1] - axis.range[0])) / steps / (event.shiftKey ? 5 : 1);
        const keep = (axis, v) => Math.min(axis.range[1], Math.max(axis.range[0], v));
        if (way) go(keep(this.x, at[0] + size(this.x, way[0])), keep(this.y, at[1] + size(this.y, way[1])), false);
        else go(...at, true);
      });
      this.svg.classList.add("ex-drag");
      this.over.append(point);
      place(...at);
      return { element: point, place };
    }
  }

  /* Calls frame(share) with a share from 0 to 1 over `seconds`; where motion is unwelcome only once, with 1. */
  function animate(seconds, frame) {
    if (still.matches) { frame(1); return () => {}; }
    let [begun, on] = [null, true];
    const next = (now) => {
      if (!on) return;
      begun ??= now;
      const share = Math.min(1, (now - begun) / 1000 / seconds);
      frame(share);
      if (share < 1) requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
    return () => { on = false; };
  }

  /* The place of an explorer in the page, filled with its plots, controls and a line that says what is seen. */
  function mount(id, plots, controls) {
    const root = document.getElementById(id);
    const says = h("p", { class: "ex-says", role: "status" });
    root.replaceChildren(
      h("div", { class: "ex-plots" }, ...plots.map((plot) => plot.element)), says,
      h("form", { class: "ex-controls", submit: (event) => event.preventDefault() }, ...controls));
    root.classList.add("ex-ready");
    return { root, say: (text) => { if (says.textContent !== text) says.textContent = text; },
      state: (values) => Object.assign(root.dataset, values) };
  }

  ncssl.ui = { h, s, number, slider, choice, toggle, button, Plot, animate, mount, still };
})();
