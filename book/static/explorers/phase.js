/* Explorer: which modes live, every method on one diagram, with a point to move. Mathematics:
phase_model. */
(() => {
  "use strict";
  const { phase: model, numerics, ui } = ncssl;
  const { h, s, number } = ui;
  const KINDS = {
    // what is drawn: name -> words, method of the model, exponent
    set: ["DirectPred, learned", "set", 0.5],
    copy: ["DirectCopy", "set", 1],
    iso: ["IsoLoss", "iso", 0.5],
    apart: ["decorrelation", "apart", 0.5],
  };
  const [ETA, SIGMA2] = [
    [0, 1.2],
    [0, 2],
  ];
  const END = 40;

  const diagram = new ui.Plot({
    title: "Where a mode lives",
    describe: "Phase diagram: weight decay against augmentation variance",
    x: { range: ETA, label: "weight decay η" },
    y: { range: SIGMA2, label: "augmentation variance σ²" },
    layers: ["level", "curves", "points"],
  });
  const runs = new ui.Plot({
    title: "The mode at this point",
    x: { range: [0, END], label: "time" },
    y: { range: [1e-3, 2], label: "singular value w", log: true },
    layers: ["edges", "lines"],
  });
  const table = { element: h("div", { class: "ex-table" }) };

  const change = (name) => draw(name);
  const method = ui.choice({
    name: "method",
    label: "Shaded",
    value: "set",
    change,
    options: Object.entries(KINDS).map(([key, [words]]) => [key, words]),
  });
  const start = ui.slider({
    name: "w0",
    label: "start w₀",
    min: 0.002,
    max: 1,
    log: true,
    value: 0.2,
    change,
  });
  const parameters = (kind, eta, sigma2) => ({
    b: 1,
    lambda_: 1,
    alpha: KINDS[kind][2],
    eta,
    sigma2,
  });
  let at = [0.1, 0.25];

  /* Shades of the level at which a mode ends, in cells, and the threshold of every method. */
  function shade() {
    diagram.clear("level", "curves");
    const [columns, rows] = [48, 40];
    const [width, height] = [
      (diagram.px(ETA[1]) - diagram.px(0)) / columns,
      (diagram.py(0) - diagram.py(SIGMA2[1])) / rows,
    ];
    for (let i = 0; i < columns; i++) {
      for (let j = 0; j < rows; j++) {
        const [eta, sigma2] = [((i + 0.5) * ETA[1]) / columns, ((j + 0.5) * SIGMA2[1]) / rows];
        const level = model.level(KINDS[method.value][1], parameters(method.value, eta, sigma2));
        if (!Number.isFinite(level)) continue;
        diagram.add(
          "level",
          s("rect", {
            class: `ex-fill-${method.value}`,
            x: (diagram.px(0) + i * width).toFixed(2),
            width: width.toFixed(2),
            y: (diagram.py(0) - (j + 1) * height).toFixed(2),
            height: height.toFixed(2),
            "fill-opacity": (0.12 + 0.78 * Math.min(1, level)).toFixed(2),
          }),
        );
      }
    }
    for (const kind of ["apart", "iso", "set"]) {
      const curve = numerics
        .range(161, ...SIGMA2)
        .map((sigma2) => [model.threshold(KINDS[kind][1], parameters(kind, 0, sigma2)), sigma2]);
      diagram.line("curves", curve, { class: `ex-line-${kind}` });
    }
    if (method.value !== "apart") {
      const label = { iso: [0.98, 1.85, "IsoLoss"], other: [0.12, 1.85, "any predictor"] };
      for (const [x, y, words] of Object.values(label)) {
        diagram.words("curves", [x, y], words, {
          class: "ex-note",
          "text-anchor": x > 0.5 ? "end" : "start",
        });
      }
    }
  }

  function race(answers) {
    runs.clear("edges", "lines");
    const times = numerics.range(201, 0, END);
    for (const [kind, { edge }] of Object.entries(answers)) {
      const path = model.path(KINDS[kind][1], start.value, parameters(kind, ...at), times);
      runs.line(
        "lines",
        path.map((w, i) => [times[i], Math.abs(w)]),
        { class: `ex-line-${kind}` },
      );
      if (edge > 0)
        runs.line(
          "edges",
          [
            [0, edge],
            [END, edge],
          ],
          { class: `ex-line-${kind} ex-thin` },
        );
    }
  }

  function tabulate(answers) {
    const head = ["", "lives", "level if alive", "edge of w", "time to half"].map((words) =>
      h("th", { scope: "col" }, words),
    );
    const rows = Object.entries(answers).map(([kind, a]) =>
      h(
        "tr",
        {},
        h(
          "th",
          { scope: "row" },
          h("span", { class: `ex-key ex-fill-${kind}` }),
          `\u00a0${KINDS[kind][0]}`,
        ),
        ...[
          a.survives ? "yes" : "no",
          number(a.level),
          number(a.edge),
          a.time_to_half === Infinity ? "never" : number(a.time_to_half),
        ].map((words) => h("td", {}, words)),
      ),
    );
    table.element.replaceChildren(
      h("table", {}, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...rows)),
    );
  }

  function draw(name) {
    if (name === "method" || name === "all") shade();
    const answers = Object.fromEntries(
      Object.entries(KINDS).map(([kind, [, m]]) => [
        kind,
        model.describe(m, start.value, parameters(kind, ...at)),
      ]),
    );
    race(answers);
    tabulate(answers);
    const living = Object.keys(KINDS).filter((kind) => answers[kind].survives);
    page.state({
      eta: at[0],
      sigma2: at[1],
      w0: start.value,
      method: method.value,
      living: living.join(" "),
      level: answers.set.level,
      threshold: answers.set.eta_threshold,
    });
    page.say(
      `η = ${number(at[0])}, σ² = ${number(at[1])}, from w₀ = ${number(start.value)}: ${
        living.length
          ? `the mode lives under ${living.map((kind) => KINDS[kind][0]).join("; ")}`
          : "the mode dies under every method"
      }.`,
    );
  }

  const page = ui.mount("explorer-phase", [diagram, runs, table], [method.element, start.element]);
  diagram.movable({
    at,
    label: "Weight decay and augmentation variance: move with the arrow keys",
    steps: 60,
    moved: (eta, sigma2) => {
      at = [eta, sigma2];
      draw("point");
    },
  });
  draw("all");
})();
