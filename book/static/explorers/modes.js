/* Explorer: the modes of Tian, Chen and Ganguli (2021). A phase portrait, and the threshold.
Mathematics: modes_model. */
(() => {
  "use strict";
  const { modes: model, numerics, ui } = ncssl;
  const { s, number } = ui;
  const BOX = { p: [-0.5, 1.1], s: [0, 0.8] };
  const FIRST = [
    [0.1, 0.03],
    [-0.35, 0.6],
    [0.95, 0.09],
    [0.15, 0.45],
  ];
  const MOST = 8;

  const portrait = new ui.Plot({
    title: "One mode: predictor p, features s",
    describe: "Phase portrait: where a mode goes from each start",
    x: { range: BOX.p, label: "p, the predictor’s eigenvalue" },
    y: { range: BOX.s, label: "s, the features’ variance" },
    layers: ["basin", "field", "curves", "runs", "points"],
  });
  const limits = new ui.Plot({
    title: "The threshold of weight decay",
    x: { range: [0, 2], label: "augmentation variance σ²" },
    y: { range: [0, 0.4], label: "weight decay η" },
    layers: ["basin", "curves", "points"],
  });

  const change = () => draw();
  const inputs = {
    eta: ui.slider({
      name: "eta",
      label: "weight decay η",
      min: 0,
      max: 0.4,
      step: 0.005,
      value: 0.15,
      change,
    }),
    sigma2: ui.slider({
      name: "sigma2",
      label: "augmentation variance σ²",
      min: 0,
      max: 2,
      step: 0.05,
      value: 0.25,
      change,
    }),
    alpha_p: ui.slider({
      name: "alpha_p",
      label: ["predictor’s learning rate α", ui.h("sub", {}, "p")],
      min: 0.5,
      max: 4,
      log: true,
      value: 1,
      change,
    }),
    tau: ui.slider({
      name: "tau",
      label: "target over online τ",
      min: 0,
      max: 1.2,
      step: 0.05,
      value: 1,
      change,
    }),
    beta: ui.slider({
      name: "beta",
      label: "rate β of the running average",
      min: 0.02,
      max: 5,
      log: true,
      value: 0.4,
      change,
    }),
  };
  const target = ui.choice({
    name: "target",
    label: "Target",
    value: "held",
    options: [
      ["held", "held at τ (SimSiam: τ = 1)"],
      ["average", "running average, starting at τ"],
    ],
    change,
  });
  let [starts, runs, stop] = [FIRST, [], () => {}];

  const values = () =>
    Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.value]));
  const average = () => target.value === "average";

  function field(q) {
    portrait.clear("field");
    for (const p of numerics.range(17, -0.45, 1.05)) {
      for (const level of numerics.range(13, 0.03, 0.77)) {
        const [dp, ds] = model.fixedTau([p, level], q);
        const [x, y] = [
          portrait.px(p + dp) - portrait.px(p),
          portrait.py(level + ds) - portrait.py(level),
        ];
        const turn = (Math.atan2(y, x) * 180) / Math.PI;
        const at = `translate(${portrait.px(p).toFixed(1)} ${portrait.py(level).toFixed(1)})`;
        const shape = { d: "M-6 0H6M2-3L6 0L2 3", transform: `${at} rotate(${turn.toFixed(0)})` };
        portrait.add("field", s("path", shape));
      }
    }
  }

  /* The two basins, the invariant parabola and the fixed points, at q. */
  function still(q) {
    portrait.clear("basin", "curves", "points");
    const edge = model.basinEdge(q, [...BOX.p, BOX.s[1]]);
    const [left, right] = BOX.p;
    portrait.add(
      "basin",
      s("rect", { class: "ex-dies", x: 0, y: 0, width: portrait.width, height: portrait.height }),
    );
    if (edge.length) {
      const corners = [
        [right + 0.1, BOX.s[1] + 0.1],
        [left - 0.1, BOX.s[1] + 0.1],
      ];
      portrait.add(
        "basin",
        s("path", { class: "ex-lives-over", d: portrait.path([...edge, ...corners], true) }),
      );
      portrait.line("curves", edge, { class: "ex-edge" });
    }
    const along = numerics.range(120, ...BOX.p).map((p) => [p, p ** 2 / q.alpha_p]);
    portrait.line("curves", along, { class: "ex-guide" });
    for (const { name, p, s: level, stability } of model.points(q)) {
      portrait.dot("points", [p, level], { class: `ex-point ex-${stability}`, r: 5.5 });
      const words = { collapse: "collapse", p_minus: "p₋", p_plus: "p₊" }[name];
      portrait.words(
        "points",
        [p, level],
        words,
        name === "collapse"
          ? { dx: -6, dy: -9, "text-anchor": "end", class: "ex-note" }
          : { dx: 8, dy: name === "p_minus" ? -6 : 16, class: "ex-note" },
      );
    }
  }

  function threshold(q) {
    limits.clear("basin", "curves", "points");
    const curve = numerics
      .range(120, 0, 2)
      .map((sigma2) => [sigma2, model.critical({ ...q, sigma2 })]);
    limits.add(
      "basin",
      s("rect", { class: "ex-dies", x: 0, y: 0, width: limits.width, height: limits.height }),
    );
    limits.add(
      "basin",
      s("path", { class: "ex-lives-over", d: limits.path([...curve, [2, 0], [0, 0]], true) }),
    );
    limits.line("curves", curve, { class: "ex-edge" });
    limits.words("points", [1.95, 0.365], "only collapse", {
      class: "ex-note",
      "text-anchor": "end",
    });
    limits.words("points", [0.06, 0.02], "a mode can survive", { class: "ex-note" });
    limits.dot("points", [q.sigma2, q.eta], { r: 6, class: "ex-here" });
  }

  function follow(start, q) {
    const path = model.trajectory(...start, q, average());
    return { start, path, fate: model.outcome(path, q, average()) };
  }

  /* One run as a line with a disc at its start, drawn up to a share of its steps. */
  function trace({ start, path, fate }, share) {
    const shown = path.p
      .map((p, i) => [p, path.s[i]])
      .slice(0, Math.max(2, Math.ceil(share * path.p.length)));
    portrait.line("runs", shown, { class: `ex-run ex-${fate}` });
    portrait.dot("runs", start, { r: 3, class: `ex-start ex-${fate}` });
  }

  /* All runs; the last of them up to a share of its steps. */
  function trails(share) {
    portrait.clear("runs");
    runs.forEach((run, i) => trace(run, i === runs.length - 1 ? share : 1));
  }

  function draw() {
    stop();
    const given = values();
    const q = average() ? { ...given, tau: 1 } : given; // what an average comes to rest at
    const critical = model.critical(q);
    inputs.beta.element.hidden = !average();
    field(q);
    still(q);
    threshold(q);
    runs = starts.map((start) => follow(start, given));
    trails(1);
    const fates = runs.map((run) => run.fate);
    const survivors = fates.filter((fate) => fate === "survives").length;
    const rest = Object.fromEntries(model.points(q).map(({ name, p }) => [name, p]));
    const alive = q.eta < critical;
    page.state({
      eta: q.eta,
      sigma2: q.sigma2,
      critical,
      regime: alive ? "both" : "only collapse",
      runs: fates.length,
      survivors,
      last: fates[fates.length - 1],
      plus: rest.p_plus ?? "none",
      minus: rest.p_minus ?? "none",
    });
    tell(alive, q.eta, critical, rest, `${survivors} of ${fates.length} runs survive.`);
  }

  function tell(alive, eta, critical, rest, runs) {
    const where = `η = ${number(eta)} is ${alive ? "below" : "above"} the threshold ${number(critical)}`;
    const edge = `it starts beyond the edge (p₋ = ${number(rest.p_minus ?? 0)})`;
    page.say(
      alive
        ? `${where}: a mode survives if ${edge} and ends at p₊ = ${number(rest.p_plus)}. ${runs}`
        : `${where}: every start collapses.`,
    );
  }

  function launch(p, level) {
    starts = [...starts, [p, Math.max(level, 0.005)]].slice(-MOST);
    draw();
    stop = ui.animate(1.5, trails);
  }

  const page = ui.mount(
    "explorer-modes",
    [portrait, limits],
    [
      ...Object.values(inputs).map((input) => input.element),
      target.element,
      ui.h(
        "p",
        { class: "ex-buttons" },
        ui.button("Only the first runs", () => {
          starts = FIRST;
          draw();
        }),
        ui.button("No runs", () => {
          starts = [];
          draw();
        }),
      ),
    ],
  );
  portrait.movable({
    at: [0.85, 0.6],
    label: "Start of a mode: arrow keys move it, Enter starts a run",
    moved: (p, level, ended) => {
      if (ended) launch(p, level);
    },
  });
  draw();
})();
