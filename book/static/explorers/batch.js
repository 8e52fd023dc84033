/* Explorer: a batch of two-dimensional embeddings under live gradient descent, collapsing or not.
Mathematics: batch_model. */
(() => {
  "use strict";
  const { batch: model, ui } = ncssl;
  const { number } = ui;
  const [IMAGES, RATE, MOST, JUMP] = [60, 0.05, 600, 300];
  const { x: images, groups } = model.images(IMAGES);
  const WORDS = {
    both: "predictor and stop-gradient",
    nosg: "no stop-gradient",
    nopred: "no predictor",
    neither: "neither",
  };

  const plane = new ui.Plot({
    title: "Two views of sixty images",
    describe: "Embeddings of both views; a line joins the views of an image",
    x: { range: [-3, 3], label: "first output" },
    y: { range: [-3, 3], label: "second output" },
    layers: ["pairs", "views"],
    height: 392,
  });
  const history = new ui.Plot({
    title: "Spread of the embeddings",
    x: { range: [0, MOST], label: "step" },
    y: { range: [0, 2], label: "spread of the outputs" },
    layers: ["lines", "now"],
    height: 340,
  });

  history.element.append(
    ui.h(
      "p",
      { class: "ex-legend" },
      ...Object.entries(WORDS).map(([name, words]) =>
        ui.h("span", {}, ui.h("span", { class: `ex-key ex-${name}` }), ` ${words}`),
      ),
    ),
  );

  const change = (name) => {
    if (name === "predictor" || name === "stop") return again();
    if (name === "noise") pair = look();
    draw();
  };
  const predictor = ui.toggle({ name: "predictor", label: "predictor", value: true, change });
  const stopGradient = ui.toggle({ name: "stop", label: "stop-gradient", value: true, change });
  const inputs = {
    noise: ui.slider({
      name: "noise",
      label: "augmentation: standard deviation",
      min: 0,
      max: 1,
      step: 0.05,
      value: 0.5,
      change,
    }),
    eta: ui.slider({
      name: "eta",
      label: "weight decay η",
      min: 0,
      max: 0.4,
      step: 0.01,
      value: 0.02,
      change,
    }),
  };
  const kind = () =>
    predictor.value
      ? stopGradient.value
        ? "both"
        : "nosg"
      : stopGradient.value
        ? "nopred"
        : "neither";
  const kept = {}; // setting -> spread at every step of its last run
  let [network, rng, pair, halt, running] = [null, null, null, () => {}, false];

  function begin() {
    [network, rng] = [model.start(), model.random(7)];
    kept[kind()] = [];
    see();
  }

  const look = () => [0, 1].map(() => model.views(images, inputs.noise.value, rng));

  /* New views of every image, and the spread of what the encoder makes of the images themselves. */
  function see() {
    pair = look();
    kept[kind()].push(model.spread(model.embed(network.W, images)).spread);
  }

  function advance(steps) {
    for (let n = 0; n < steps && kept[kind()].length <= MOST; n++) {
      const switches = {
        predictor: predictor.value,
        stop: stopGradient.value,
        eta: inputs.eta.value,
      };
      network = model.step(network, model.moments(...pair), switches, RATE);
      see();
    }
    draw();
  }

  function draw() {
    plane.clear("pairs", "views");
    const [first, second] = pair.map((x) => model.embed(network.W, x));
    const joined = first.map((z, i) => plane.path([z, second[i]])).join("");
    plane.add("pairs", ui.s("path", { d: joined }));
    first.forEach((z, i) => plane.dot("views", z, { r: 3.5, class: `ex-group${groups[i]}` }));
    history.clear("lines", "now");
    for (const [name, values] of Object.entries(kept)) {
      history.line(
        "lines",
        values.map((value, n) => [n, value]),
        { class: `ex-${name}` },
      );
    }
    const step = kept[kind()].length - 1;
    history.dot("now", [step, kept[kind()][step]], { class: `ex-${kind()}` });
    const { spread, rank } = model.spread(model.embed(network.W, images));
    const fate =
      spread < 0.05
        ? "Collapsed: every image has the same output."
        : step < 100
          ? ""
          : "The groups stay apart.";
    page.state({
      step,
      spread,
      rank,
      setting: kind(),
      running,
      loss: model.loss(network, model.moments(...pair), { predictor: predictor.value }),
    });
    if (!running)
      page.say(
        `${WORDS[kind()]}, step ${step}: spread ${number(spread, 2)}, ` +
          `effective rank ${number(rank, 3)}. ${fate}`,
      );
  }

  function pause() {
    running = false;
    go.textContent = "Run";
    halt();
  }

  function again() {
    pause();
    begin();
    draw();
  }

  function run() {
    if (running) {
      pause();
      draw();
      return;
    }
    if (kept[kind()].length > MOST) begin();
    if (ui.still.matches) {
      advance(JUMP);
      return;
    }
    [running, go.textContent] = [true, "Pause"];
    let done = 0;
    const left = MOST - (kept[kind()].length - 1);
    halt = ui.animate(left / 60, (share) => {
      const goal = Math.round(share * left);
      if (share === 1) pause();
      advance(goal - done);
      done = goal;
    });
  }

  const go = ui.button("Run", run);
  const page = ui.mount(
    "explorer-batch",
    [plane, history],
    [
      ui.h(
        "p",
        { class: "ex-buttons" },
        go,
        ui.button("Start again", again),
        ui.button("300 steps at once", () => {
          pause();
          advance(JUMP);
        }),
      ),
      ui.h(
        "fieldset",
        { class: "ex-choice ex-row" },
        ui.h("legend", {}, "Switches"),
        predictor.element,
        stopGradient.element,
      ),
      inputs.noise.element,
      inputs.eta.element,
    ],
  );
  begin();
  draw();
})();
