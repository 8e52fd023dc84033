/* Plots in SVG. Their colours come from the style sheet.

SVG written by hand and not canvas: it follows the theme without being drawn again, prints sharp,
and its points can have the focus. */
(() => {
  "use strict";
  const { h, s, number } = ncssl.ui;

  /* Round numbers from a to b, about `count` of them. */
  function ticks(a, b, count = 5) {
    const raw = (b - a) / count;
    const unit = 10 ** Math.floor(Math.log10(raw));
    const step = unit * [1, 2, 5, 10].find((m) => m * unit >= raw * 0.999);
    const found = [];
    for (let i = Math.ceil(a / step - 1e-9); i * step <= b + 1e-9 * step; i++)
      found.push(Number((i * step).toPrecision(12)));
    return found;
  }

  /* A plot with axes x and y = {range: [a, b], label, log}. Layers are groups inside the frame,
  drawn in their order. */
  class Plot {
    constructor({ title, x, y, layers, width = 400, height = 320, describe = title }) {
      Object.assign(this, { x, y, width, height, left: 58, right: 16, top: 8, bottom: 46 });
      this.axes = s("g", { class: "ex-axes" });
      const clip = `clip-${Math.random().toString(36).slice(2)}`;
      const box = {
        x: this.left,
        y: this.top,
        width: width - this.left - this.right,
        height: height - this.top - this.bottom,
      };
      this.frame = s("rect", { class: "ex-frame", ...box });
      this.layers = Object.fromEntries(
        layers.map((name) => [name, s("g", { class: `ex-${name}` })]),
      );
      this.svg = s(
        "svg",
        { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": describe },
        s("defs", {}, s("clipPath", { id: clip }, s("rect", box))),
        this.frame,
        this.axes,
        s("g", { "clip-path": `url(#${clip})` }, ...Object.values(this.layers)),
      );
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
    px(value) {
      return this.scale(this.x, value, this.left, this.width - this.right);
    }
    py(value) {
      return this.scale(this.y, value, this.height - this.bottom, this.top);
    }

    /* Axes anew, after a range has changed. */
    draw() {
      const marks = (axis) =>
        axis.log
          ? ticks(...axis.range.map((v) => Math.log10(v)))
              .filter(Number.isInteger)
              .map((e) => 10 ** e)
          : ticks(...axis.range, 5);
      const [bottom, left] = [this.height - this.bottom, this.left];
      const xs = marks(this.x).map((v) =>
        s(
          "g",
          { transform: `translate(${this.px(v)} ${bottom})` },
          s("path", { d: "M0 0v4" }),
          s("text", { y: 19, "text-anchor": "middle" }, number(v)),
        ),
      );
      const ys = marks(this.y).map((v) =>
        s(
          "g",
          { transform: `translate(${left} ${this.py(v)})` },
          s("path", { d: "M0 0h-4" }),
          s("text", { x: -7, y: 5, "text-anchor": "end" }, number(v)),
        ),
      );
      const middle = (this.top + bottom) / 2;
      this.axes.replaceChildren(
        ...xs,
        ...ys,
        s(
          "text",
          {
            class: "ex-label",
            x: (left + this.width - this.right) / 2,
            y: this.height - 6,
            "text-anchor": "middle",
          },
          this.x.label,
        ),
        s(
          "text",
          {
            class: "ex-label",
            transform: `translate(13 ${middle}) rotate(-90)`,
            "text-anchor": "middle",
          },
          this.y.label,
        ),
      );
    }

    clear(...names) {
      names.forEach((name) => this.layers[name].replaceChildren());
    }
    add(layer, ...elements) {
      (this.layers[layer] || this.over).append(...elements);
      return elements[0];
    }

    /* Path data through points [x, y] of the data; a gap where one is not finite. */
    path(points, close = false) {
      let pen = "M";
      const parts = points.map(([x, y]) => {
        if (!Number.isFinite(x) || !Number.isFinite(y)) {
          pen = "M";
          return "";
        }
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
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(
        this.svg.getScreenCTM().inverse(),
      );
      const share = (v, a, b) => Math.min(1, Math.max(0, (v - a) / (b - a)));
      const along = (axis, f) => axis.range[0] + f * (axis.range[1] - axis.range[0]);
      return [
        along(this.x, share(at.x, this.left, this.width - this.right)),
        along(this.y, share(at.y, this.height - this.bottom, this.top)),
      ];
    }

    /* A point moved by pointer, touch and arrow keys: moved(x, y, ended) on each; Enter and a
    click end. */
    movable({ at, label, moved, steps = 40 }) {
      const point = s(
        "g",
        { class: "ex-movable", tabindex: 0, role: "application", "aria-label": label },
        s("circle", { r: 14, class: "ex-halo" }),
        s("circle", { r: 6 }),
      );
      const place = (x, y) => {
        at = [x, y];
        point.setAttribute("transform", `translate(${this.px(x)} ${this.py(y)})`);
      };
      const go = (x, y, ended) => {
        place(x, y);
        moved(x, y, ended);
      };
      let held = null; // "drag", or "tap": a finger beside the point, maybe about to scroll
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
      this.svg.addEventListener("pointercancel", () => {
        held = null;
      });
      point.addEventListener("keydown", (event) => {
        const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[
          event.key
        ];
        if (!way && event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        const size = (axis, d) =>
          (d * (axis.range[1] - axis.range[0])) / steps / (event.shiftKey ? 5 : 1);
        const keep = (axis, v) => Math.min(axis.range[1], Math.max(axis.range[0], v));
        if (way)
          go(
            keep(this.x, at[0] + size(this.x, way[0])),
            keep(this.y, at[1] + size(this.y, way[1])),
            false,
          );
        else go(...at, true);
      });
      this.svg.classList.add("ex-drag");
      this.over.append(point);
      place(...at);
      return { element: point, place };
    }
  }

  ncssl.ui.Plot = Plot;
})();
