/* One mode under every method, in the letters of ncssl.theory.companion. Mathematics only.

q = {b, sigma2, eta, alpha, lambda_}; w is the encoder's singular value, s = w^2, p the
predictor's eigenvalue. */
(() => {
  "use strict";
  const { integrate, integral } = ncssl.numerics;
  const METHODS = ["learned", "set", "iso", "apart"];

  /* w' of a mode; for "learned" y = [w, p] and both velocities. */
  function velocity(method, [w, p], q) {
    const k = q.b + q.sigma2;
    if (method === "apart")
      return [2 * w * (q.lambda_ * k * (1 - k * w ** 2) - q.sigma2) - q.eta * w];
    if (method !== "learned") p = Math.abs(w) ** (2 * q.alpha);
    const r = q.b * w - k * p * w;
    const dw = (method === "iso" ? r : p * r) - q.eta * w;
    return method === "learned" ? [dw, r * w - q.eta * p] : [dw];
  }

  /* Weight decay beyond which the mode always dies. */
  function threshold(method, q) {
    const k = q.b + q.sigma2;
    if (method === "apart") return Math.max(2 * (q.lambda_ * k - q.sigma2), 0);
    return method === "iso" ? q.b : q.b ** 2 / (4 * k);
  }

  const root = (q) => Math.sqrt(q.b ** 2 - 4 * q.eta * (q.b + q.sigma2));

  /* The predictor's eigenvalue at the end; NaN where no mode survives, or without a predictor. */
  function predictor(method, q) {
    const k = q.b + q.sigma2;
    if (method === "apart") return NaN;
    if (method === "iso") return q.eta < q.b ? (q.b - q.eta) / k : NaN;
    return (q.b + root(q)) / (2 * k);
  }

  /* s at the end of a surviving mode; NaN where none survives. */
  function level(method, q) {
    if (method === "apart") {
      const k = q.b + q.sigma2;
      const s = (1 - (2 * q.sigma2 + q.eta) / (2 * q.lambda_ * k)) / k;
      return s > 0 ? s : NaN;
    }
    const p = predictor(method, q);
    return method === "learned" ? p ** 2 : p ** (1 / q.alpha);
  }

  /* w below which a mode dies though others survive; 0 without an edge, NaN where all die. */
  function edge(method, q) {
    if (method === "iso" || method === "apart") return q.eta < threshold(method, q) ? 0 : NaN;
    const p = (2 * q.eta) / (q.b + root(q));
    return method === "learned" ? p : p ** (1 / (2 * q.alpha));
  }

  /* Time from w0 to half of the final s: infinite for a mode that dies, 0 if it is there. */
  function timeToHalf(method, w0, q) {
    const [s, from] = [level(method, q), edge(method, q)];
    if (!Number.isFinite(s) || w0 <= from) return Infinity;
    const goal = Math.sqrt(s / 2);
    if (w0 >= goal) return 0;
    const [one, at] = method === "learned" ? ["set", { ...q, alpha: 0.5 }] : [method, q];
    const slowness = (x) => Math.exp(x) / velocity(one, [Math.exp(x)], at)[0];
    return integral(slowness, Math.log(w0), Math.log(goal), 1e-11);
  }

  /* What becomes of a mode that starts at w0 (the learned predictor balanced, p = w), as ncssl
  theory says it. */
  function describe(method, w0, q) {
    const [s, from] = [level(method, q), edge(method, q)];
    return {
      eta_threshold: threshold(method, q),
      survives: Number.isFinite(s) && w0 > from,
      level: s,
      predictor: predictor(method, q),
      edge: from,
      time_to_half: timeToHalf(method, w0, q),
    };
  }

  /* w at the given times, from w0. */
  function path(method, w0, q, times) {
    const start = method === "learned" ? [w0, w0] : [w0];
    return integrate((y) => velocity(method, y, q), start, 0, { times }).y.map(([w]) => w);
  }

  ncssl.phase = {
    METHODS,
    velocity,
    threshold,
    predictor,
    level,
    edge,
    timeToHalf,
    describe,
    path,
  };
})();
