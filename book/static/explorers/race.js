/* Explorer: modes racing under IsoLoss and under its base loss (Halvagal et al. 2023).
Mathematics: race_model. */
(() => {
  "use strict";
  const { race: model, numerics, ui } = ncssl;
  const { number } = ui;
  const COUNT = 7;
  const LARGEST = 1.6;
  const NAMES = {
    euc: "predictor and stop-gradient",
    euc_nosg: "no stop-gradient",
    euc_nopred: "no predictor",
  };
  const AXIS = { range: [5e-4, 4], label: "eigenvalue λ", log: true };

  const plot = (title) =>
    new ui.Plot({
      title,
      x: { range: [0, 50], label: "time" },
      y: { ...AXIS },
      layers: ["guides", "lines", "dots"],
      height: 280,
    });
  const [base, iso] = [plot("Base loss"), plot("IsoLoss")];
  const arrivals = new ui.Plot({
    title: "Time to half of the end, by start",
    x: { range: [5e-4, 1], label: "eigenvalue λ at the start", log: true },
    y: { range: [0.1, 1e4], label: "time to half", log: true },
    layers: ["lines", "dots"],
    height: 280,
  });

  const change = (name) => draw(name);
  const inputs = {
    smallest: ui.slider({
      name: "smallest",
      label: "smallest start",
      min: 0.001,
      max: 0.5,
      log: true,
      value: 0.03,
      change,
    }),
    alpha: ui.slider({
      name: "alpha",
      label: "exponent α of the predictor",
      min: 0.25,
      max: 2,
      step: 0.25,
      value: 1,
      change,
    }),
    rho: ui.slider({
      name: "rho",
      label: "weight decay ρ",
      min: 0,
      max: 0.3,
      step: 0.005,
      value: 0,
      change,
    }),
    sigma2: ui.slider({
      name: "sigma2",
      label: "augmentation variance σ²",
      min: 0,
      max: 1,
      step: 0.05,
      value: 0,
      change,
    }),
    time: ui.slider({ name: "time", label: "time", min: 0, max: 1, step: 0.01, value: 0, change }),
  };
  const loss = ui.choice({
    name: "loss",
    label: "Base loss",
    value: "euc",
    options: Object.entries(NAMES),
    change,
  });
  let stop = () => {};

  /* What is raced: starts, and for each loss the ends and the times to half of the end (NaN:
  dies, or is there). */
  function field() {
    const q = {
      alpha: inputs.alpha.value,
      rho: inputs.rho.value,
      sigma2: inputs.sigma2.value,
      one_sided: 0,
    };
    const starts = numerics
      .range(COUNT, Math.log(inputs.smallest.value), Math.log(LARGEST))
      .map(Math.exp);
    const times = (name) => starts.map((lam) => arrival(lam, name, q));
    return { q, starts, base: times(loss.value), iso: times("euc_iso") };
  }

  function arrival(lam, name, q) {
    const end = model.limit(lam, name, q);
    return end > 2 * lam ? model.timeBetween(lam, end / 2, name, q) : NaN;
  }

  function lines(panel, name, { q, starts }, end) {
    panel.x.range = [0, end];
    panel.draw();
    panel.clear("guides", "lines", "dots");
    const { minus, plus } = model.points(name, q);
    for (const [y, kind] of [
      [plus, "ex-goal"],
      [minus, "ex-edge"],
    ]) {
      if (Number.isFinite(y))
        panel.line(
          "guides",
          [
            [0, y],
            [end, y],
          ],
          { class: kind },
        );
    }
    const times = numerics.range(161, 0, end);
    const paths = starts.map((lam) => model.race(lam, name, q, times));
    paths.forEach((path) =>
      panel.line(
        "lines",
        path.map((y, i) => [times[i], y]),
      ),
    );
    return { times, paths };
  }

  /* The discs of a panel at a share of its time. */
  function dots(panel, { times, paths }, share) {
    panel.clear("dots");
    const i = Math.round(share * (times.length - 1));
    panel.line(
      "dots",
      [
        [times[i], AXIS.range[0]],
        [times[i], AXIS.range[1]],
      ],
      { class: "ex-cursor" },
    );
    paths.forEach((path) => panel.dot("dots", [times[i], path[i]], { r: 4.5 }));
  }

  function compare({ q }) {
    arrivals.clear("lines", "dots");
    const grid = numerics.range(50, Math.log(5e-4), 0).map(Math.exp);
    for (const [name, kind, at] of [
      [loss.value, "ex-base", 0.05],
      ["euc_iso", "ex-iso", 0.002],
    ]) {
      const curve = grid.map((lam) => [lam, arrival(lam, name, q)]);
      arrivals.line("lines", curve, { class: kind });
      const label = curve.find(([lam, time]) => lam >= at && Number.isFinite(time));
      if (label)
        arrivals.words("lines", label, kind === "ex-iso" ? "IsoLoss" : "base loss", {
          dx: 6,
          dy: -7,
          class: "ex-note",
        });
    }
  }

  let shown = null;
  function draw(name) {
    if (name !== "time" || !shown) {
      stop();
      const all = field();
      const slowest = Math.max(...[...all.base, ...all.iso].filter(Number.isFinite), 8);
      const end = Number((1.15 * slowest).toPrecision(2));
      base.element.firstChild.textContent =
        loss.value === "euc" ? "Base loss" : `Base loss, ${NAMES[loss.value]}`;
      base.svg.setAttribute("class", "ex-base");
      iso.svg.setAttribute("class", "ex-iso");
      shown = {
        all,
        end,
        base: lines(base, loss.value, all, end),
        iso: lines(iso, "euc_iso", all, end),
      };
      compare(all);
    }
    dots(base, shown.base, inputs.time.value);
    dots(iso, shown.iso, inputs.time.value);
    tell(shown);
  }

  const spread = (values) => values.filter((x) => x > 0 && Number.isFinite(x));
  function tell({ all, end }) {
    const alive = (name) => all.starts.filter((lam) => model.limit(lam, name, all.q) > 0).length;
    const [slow, fast] = [spread(all.base), spread(all.iso)];
    const words = (times) =>
      times.length
        ? `the slowest survivor is at half of its end after ${number(Math.max(...times))}`
        : "no survivor grows to twice its size";
    page.state({
      loss: loss.value,
      end,
      time: inputs.time.value * end,
      alive: alive(loss.value),
      isoAlive: alive("euc_iso"),
      slowest: slow.length ? Math.max(...slow) : "none",
      isoSlowest: fast.length ? Math.max(...fast) : "none",
    });
    page.say(
      `Base loss: ${words(slow)}. IsoLoss: ${words(fast)}. Modes that live: ` +
        `${alive(loss.value)} of ${COUNT} and ${alive("euc_iso")} of ${COUNT}.`,
    );
  }

  function play() {
    stop();
    stop = ui.animate(6, (share) => {
      inputs.time.set(share);
      draw("time");
    });
  }

  const page = ui.mount(
    "explorer-race",
    [base, iso, arrivals],
    [
      ui.h("p", { class: "ex-buttons" }, ui.button("Race", play)),
      inputs.time.element,
      ...["smallest", "alpha", "rho", "sigma2"].map((name) => inputs[name].element),
      loss.element,
    ],
  );
  draw();
})();
