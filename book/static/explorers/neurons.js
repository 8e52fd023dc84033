/* Explorer: substitution and acceleration in the toy of Wen and Li (2022), as they happen.
Mathematics: neurons_model. */
(() => {
  "use strict";
  const { neurons: model, numerics, ui } = ncssl;
  const { s, number } = ui;
  const STEPS = 1000;
  const FIXED = { alpha1: 6, alpha2: 3, p1: 0.5, m: 4, P: 8, sigma: 1, eta: 0.2 };
  const PHASES = {
    substitution: "substitution",
    acceleration: "acceleration",
    "peak of E": "peak of E₂₁",
    "learned v_2": "v₂ learned",
  };

  const plane = new ui.Plot({
    title: "Both neurons in the feature plane",
    describe: "Weights of both neurons along the features v1 and v2",
    x: { range: [-0.05, 1.35], label: "along v₁, the strong feature" },
    y: { range: [-0.05, 1.35], label: "along v₂, the weak feature" },
    layers: ["guides", "trace", "arrows"],
    height: 360,
  });
  const course = new ui.Plot({
    title: "Neuron 2 and the head",
    x: { range: [1, STEPS], label: "step", log: true },
    y: { range: [0, 1.05], label: "cosine, entry of the head" },
    layers: ["guides", "lines", "now"],
    height: 360,
  });

  const change = (name) => draw(name);
  const inputs = {
    step: ui.slider({
      name: "step",
      label: "step",
      min: 1,
      max: STEPS,
      log: true,
      value: STEPS,
      change,
    }),
    b21: ui.slider({
      name: "b21",
      label: "neuron 2 along v₁ at the start",
      min: 0.02,
      max: 0.2,
      step: 0.005,
      value: 0.06,
      change,
    }),
    b22: ui.slider({
      name: "b22",
      label: "neuron 2 along v₂ at the start",
      min: 0.02,
      max: 0.3,
      step: 0.005,
      value: 0.12,
      change,
    }),
    ratio: ui.slider({
      name: "ratio",
      label: "head’s learning rate over the neurons’",
      min: 0.05,
      max: 10,
      log: true,
      value: 1,
      change,
    }),
  };
  const head = ui.choice({
    name: "head",
    label: "Prediction head",
    value: "off-diagonal",
    change,
    options: [
      ["off-diagonal", "identity, off-diagonals trained"],
      ["symmetric", "the same, kept symmetric"],
      ["none", "no head"],
    ],
  });
  let [stop, shown] = [() => {}, null];

  function compute() {
    const q = { ...FIXED, eta_E: FIXED.eta * inputs.ratio.value };
    const options = { head: head.value, stop_gradient: "target" };
    const states = model.descend(
      [
        [0.2, 0.1],
        [inputs.b21.value, inputs.b22.value],
      ],
      STEPS,
      q,
      options,
    );
    return {
      states,
      phases: model.phases(states, q),
      end: model.outcome(states[STEPS]),
      correlations: model.correlations(states[STEPS], q),
    };
  }

  /* What does not depend on the step shown: both traces, and the course of neuron 2 and of the
  head. */
  function background({ states, phases }) {
    plane.clear("guides", "trace");
    const circle = numerics.range(60, 0, Math.PI / 2).map((a) => [Math.cos(a), Math.sin(a)]);
    plane.line("guides", circle, { class: "ex-guide" });
    [0, 1].forEach((j) =>
      plane.line(
        "trace",
        states.map((y) => y.b[j]),
        { class: `ex-neuron${j + 1} ex-thin` },
      ),
    );
    course.clear("guides", "lines");
    Object.entries(PHASES).forEach(([key, words], i) => {
      if (phases[key] === null) return;
      const x = Math.max(1, phases[key]);
      course.line(
        "guides",
        [
          [x, 0],
          [x, 1.05],
        ],
        { class: "ex-guide" },
      );
      course.words("guides", [x, 0.99 - 0.06 * i], words, {
        dx: x > 60 ? -4 : 4,
        "text-anchor": x > 60 ? "end" : "start",
        class: "ex-note",
      });
    });
    const over = (f) => states.map((y, n) => [n, f(y)]).slice(1);
    course.line(
      "lines",
      over((y) => model.cosines(y)[1][0]),
      { class: "ex-neuron2 ex-dashed" },
    );
    course.line(
      "lines",
      over((y) => model.cosines(y)[1][1]),
      { class: "ex-neuron2" },
    );
    course.line(
      "lines",
      over((y) => Math.abs(y.E[1][0])),
      { class: "ex-head" },
    );
    [
      ["v₁", -7],
      ["v₂", 30],
    ].forEach(([name, dy], l) => {
      const end = [STEPS, model.cosines(states[STEPS])[1][l]];
      course.words("lines", end, `cos ${name}`, {
        dy,
        dx: -4,
        "text-anchor": "end",
        class: "ex-note",
      });
    });
    const peak = phases["peak of E"];
    if (peak > 1) {
      course.words("lines", [peak, Math.abs(states[peak].E[1][0])], "E₂₁", {
        dx: -14,
        dy: -7,
        "text-anchor": "end",
        class: "ex-note",
      });
    }
  }

  function arrow(j, [x, y]) {
    const [tipX, tipY, fromX, fromY] = [plane.px(x), plane.py(y), plane.px(0), plane.py(0)];
    const angle = (Math.atan2(tipY - fromY, tipX - fromX) * 180) / Math.PI;
    plane.add(
      "arrows",
      s("path", { d: `M${fromX} ${fromY}L${tipX} ${tipY}`, class: `ex-neuron${j + 1}` }),
      s("path", {
        d: "M0 0L-10 -5V5Z",
        transform: `translate(${tipX} ${tipY}) rotate(${angle})`,
        class: `ex-tip${j + 1}`,
      }),
    );
    plane.words("arrows", [x, y], `neuron ${j + 1}`, { dx: 7, dy: j ? -6 : 16, class: "ex-note" });
  }

  function draw(name) {
    if (name !== "step") {
      stop();
      shown = compute();
      background(shown);
    }
    const n = Math.round(inputs.step.value);
    const y = shown.states[n];
    plane.clear("arrows");
    y.b.forEach((b, j) => arrow(j, b));
    course.clear("now");
    course.line(
      "now",
      [
        [n, 0],
        [n, 1.05],
      ],
      { class: "ex-cursor" },
    );
    page.state({
      step: n,
      outcome: shown.end,
      head: head.value,
      e21: y.E[1][0],
      b22: y.b[1][1],
      ratio: inputs.ratio.value,
    });
    const cosine = model.cosines(y);
    const second = cosine[1][1] > cosine[0][1] && cosine[1][1] > 0.8;
    const [one, two] = [number(cosine[0][0], 2), number(cosine[1][1], 2)];
    const entry = Math.abs(y.E[1][0]) < 5e-4 ? "E₂₁ is near 0" : `E₂₁ = ${number(y.E[1][0], 2)}`;
    const pair = shown.correlations.map((c) => number(c, 3)).join(" and ");
    page.say(
      `Step ${n}: neuron 1 has cosine ${one} with v₁, neuron 2 has ${two} with v₂; ${entry}.` +
        ` The weak feature is ${second ? "learned" : "not learned"}.` +
        ` At the end the two views correlate by ${pair}.`,
    );
  }

  function play() {
    stop();
    stop = ui.animate(8, (share) => {
      inputs.step.set(STEPS ** share);
      draw("step");
    });
  }

  const page = ui.mount(
    "explorer-neurons",
    [plane, course],
    [
      ui.h("p", { class: "ex-buttons" }, ui.button("Play", play)),
      inputs.step.element,
      ...["b21", "b22", "ratio"].map((name) => inputs[name].element),
      head.element,
    ],
  );
  draw();
})();
