/* The picture of the front: one batch of images under three settings, side by side, moving by
itself. Mathematics: batch_model. Where motion is unwelcome it shows the end at once. */
(() => {
  "use strict";
  const { batch: model, ui } = ncssl;
  const { h, s, number } = ui;
  const [IMAGES, NOISE, RATE, STEPS, SECONDS, REST] = [60, 0.5, 0.05, 420, 9, 4];
  const SETTINGS = [
    { words: "predictor and stop-gradient", predictor: true, stop: true },
    { words: "no stop-gradient", predictor: true, stop: false },
    { words: "no predictor", predictor: false, stop: true },
  ].map((setting) => ({ ...setting, eta: 0.02 }));
  const { x: images, groups } = model.images(IMAGES);
  const SCALE = 30; // pixels of the drawing for a unit of the outputs

  /* One path a group: dots are strokes without length under a round cap. */
  function panel({ words }) {
    const dots = [0, 1, 2, 3, 4].map((g) => s("path", { class: `ex-dots${g}` }));
    const lines = s("path", { class: "ex-joins" });
    const spread = h("span", { class: "ex-value" });
    const box = { x: -100, y: -100, width: 200, height: 200, class: "ex-frame" };
    const svg = s(
      "svg",
      { viewBox: "-102 -102 204 204", role: "img", "aria-label": `Outputs, ${words}` },
      s("rect", box),
      lines,
      ...dots,
    );
    const caption = h("figcaption", {}, words, h("br"), "spread ", spread);
    return { element: h("figure", { class: "ex-plot" }, svg, caption), dots, lines, spread };
  }

  const place = ([a, b]) => `${(SCALE * a).toFixed(1)} ${(-SCALE * b).toFixed(1)}`;

  function draw({ dots, lines, spread }, { W }, [one, two]) {
    const [first, second] = [one, two].map((x) => model.embed(W, x));
    dots.forEach((path, g) => {
      const mine = first.filter((_, i) => groups[i] === g);
      path.setAttribute("d", mine.map((z) => `M${place(z)}h0`).join(""));
    });
    lines.setAttribute("d", first.map((z, i) => `M${place(z)}L${place(second[i])}`).join(""));
    const size = model.spread(model.embed(W, images)).spread;
    spread.textContent = number(size < 5e-4 ? 0 : size, 2);
    return size;
  }

  const panels = SETTINGS.map(panel);
  let [networks, rng, step, halt, running] = [null, null, 0, () => {}, false];
  const look = () => [0, 1].map(() => model.views(images, NOISE, rng));

  function begin() {
    [networks, rng, step] = [SETTINGS.map(() => model.start()), model.random(7), 0];
  }

  /* Steps under the same views in all three, up to step `goal`. */
  function advance(goal) {
    let pair = look();
    for (; step < goal; step++) {
      const data = model.moments(...pair);
      networks = networks.map((y, i) => model.step(y, data, SETTINGS[i], RATE));
      pair = look();
    }
    const sizes = networks.map((y, i) => draw(panels[i], y, pair));
    Object.assign(root.dataset, { step, running, spreads: sizes.join(" ") });
  }

  function play() {
    if (step >= STEPS) begin();
    const [from, left] = [step, STEPS - step];
    running = true;
    button.textContent = ui.still.matches ? "Show again" : "Pause";
    halt = ui.animate((SECONDS * left) / STEPS, (share) => {
      if (share === 1) running = ui.still.matches ? false : running;
      advance(Math.round(from + share * left));
      if (share === 1 && running) rest();
    });
  }

  function rest() {
    const timer = setTimeout(play, REST * 1000);
    halt = () => clearTimeout(timer);
  }

  function toggle() {
    if (!running) return play();
    halt();
    running = false;
    button.textContent = "Play";
    advance(step);
  }

  const root = document.getElementById("explorer-front");
  const button = ui.button("Pause", toggle);
  const plots = h("div", { class: "ex-plots ex-three" }, ...panels.map((p) => p.element));
  root.replaceChildren(plots, h("p", { class: "ex-buttons" }, button));
  root.classList.add("ex-ready");
  begin();
  advance(0);
  play();
})();
