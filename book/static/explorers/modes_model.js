/* Modes of Tian, Chen and Ganguli (2021): p (predictor), s (correlation), tau (target over
online). Mathematics only.

q = {eta, sigma2, tau, alpha_p, beta}. Letters, equations and conventions are those of
ncssl.theory.tian2021. */
(() => {
  "use strict";
  const { integrate, range } = ncssl.numerics;

  /* (p', s') at a fixed tau, y = [p, s]: eq. 11-12. */
  function fixedTau([p, s], q) {
    const drive = q.tau - (1 + q.sigma2) * p;
    return [q.alpha_p * s * drive - q.eta * p, 2 * p * s * drive - 2 * q.eta * s];
  }

  /* The same modes with a running average as y = [wp, w, wa], p = wp, s = w^2, tau = wa/w:
  nothing is divided. */
  function averaged([wp, w, wa], q) {
    const pull = wa - (1 + q.sigma2) * wp * w;
    return [q.alpha_p * pull * w - q.eta * wp, wp * pull - q.eta * w, q.beta * (w - wa)];
  }

  const critical = (q) => q.tau ** 2 / (4 * (1 + q.sigma2));

  /* p_minus (sign -1) or p_plus (+1); NaN beyond the threshold. */
  function branch(sign, q) {
    const half = q.tau / (2 * (1 + q.sigma2));
    const inside = half ** 2 - q.eta / (1 + q.sigma2);
    return half + sign * Math.sqrt(Math.abs(inside) < 1e-15 ? 0 : inside);
  }

  function jacobian(p, s, q) {
    const k = 1 + q.sigma2;
    return [
      [-q.alpha_p * s * k - q.eta, q.alpha_p * (q.tau - k * p)],
      [2 * s * (q.tau - 2 * k * p), 2 * p * (q.tau - k * p) - 2 * q.eta],
    ];
  }

  /* Real parts of the eigenvalues of a 2 x 2 matrix, smaller first. */
  function eigenvalues([[a, b], [c, d]]) {
    const [mean, inside] = [(a + d) / 2, ((a - d) / 2) ** 2 + b * c];
    const root = Math.sqrt(Math.max(0, inside));
    return [mean - root, mean + root];
  }

  function stability(values, tol = 1e-7) {
    const [up, down] = [
      values.filter((v) => v > tol).length,
      values.filter((v) => v < -tol).length,
    ];
    if (up && down) return "saddle";
    if (up + down < values.length) return up ? "unstable" : "marginal";
    return down ? "stable" : "unstable";
  }

  /* Fixed points {name, p, s, eigenvalues, stability}, those that exist, each on the parabola s =
  p^2/alpha_p. */
  function points(q) {
    const found = { collapse: 0 };
    if (q.eta > 0 && q.tau > 0) found.p_minus = branch(-1, q);
    if (q.tau > 0) found.p_plus = branch(+1, q);
    return Object.entries(found)
      .filter(([, p]) => Number.isFinite(p))
      .map(([name, p]) => {
        const s = p ** 2 / q.alpha_p;
        const values = eigenvalues(jacobian(p, s, q));
        return { name, p, s, eigenvalues: values, stability: stability(values) };
      });
  }

  /* At eta = 0, exactly: does (p0, s0) end on p = tau/(1 + sigma2)? */
  function survivesWithoutDecay(p0, s0, q) {
    const goal = q.tau / (1 + q.sigma2);
    const needed = (p0 < 0 ? p0 ** 2 : p0 <= goal ? 0 : p0 ** 2 - goal ** 2) / q.alpha_p;
    return s0 > needed && s0 > 0;
  }

  /* Path {t, p, s, tau} from (p0, s0) up to time `end`; with `average` the target starts at q.tau
  and follows. */
  function trajectory(p0, s0, q, average = false, end = 400, options = {}) {
    if (!average) {
      const path = integrate((y) => fixedTau(y, q), [p0, s0], end, options);
      return {
        t: path.t,
        p: path.y.map((y) => y[0]),
        s: path.y.map((y) => y[1]),
        tau: path.t.map(() => q.tau),
      };
    }
    const w = Math.sqrt(s0);
    const path = integrate((y) => averaged(y, q), [p0, w, q.tau * w], end, options);
    return {
      t: path.t,
      p: path.y.map((y) => y[0]),
      s: path.y.map((y) => y[1] ** 2),
      tau: path.y.map((y) => y[2] / y[1]),
    };
  }

  /* "survives" or "collapses": which of the two ends a path is nearer to. */
  function outcome(path, q, average = false) {
    const [last, rest] = [path.p.length - 1, average ? { ...q, tau: 1 } : q];
    if (q.eta === 0 && !average)
      return survivesWithoutDecay(path.p[0], path.s[0], q) ? "survives" : "collapses";
    return path.s[last] > 1e-9 && path.p[last] > branch(-1, rest) ? "survives" : "collapses";
  }

  /* Edge of the basin of collapse as points [p, s] from left to right inside a box [p0, p1, s1]:
  the stable manifold of p_minus, followed backwards at unit speed; at eta = 0 in closed form;
  empty where all collapse. */
  function basinEdge(q, [left, right, top]) {
    if (!(q.tau > 0) || q.eta >= critical(q)) return [];
    if (q.eta === 0) {
      return range(200, left, right).map((p) => {
        const goal = q.tau / (1 + q.sigma2);
        return [p, (p < 0 ? p ** 2 : p <= goal ? 0 : p ** 2 - goal ** 2) / q.alpha_p];
      });
    }
    const saddle = points(q).find((point) => point.name === "p_minus");
    const J = jacobian(saddle.p, saddle.s, q);
    const direction = [J[0][1], -2 * q.eta - J[0][0]];
    const size = Math.hypot(...direction);
    const back = (y) => {
      const v = fixedTau(y, q);
      return v.map((value) => -value / Math.hypot(...v));
    };
    const outside = ([p, s]) => p < left - 0.1 || p > right + 0.1 || s > top + 0.1 || s < 0;
    const side = (sign) => {
      const start = [0, 1].map(
        (i) => (i ? saddle.s : saddle.p) + (sign * 1e-6 * direction[i]) / size,
      );
      return integrate(back, start, 20, { stop: outside, rtol: 1e-9, atol: 1e-11 }).y;
    };
    const [one, two] = [side(+1), side(-1)];
    const [low, high] = one[one.length - 1][0] < two[two.length - 1][0] ? [one, two] : [two, one];
    return [...low.reverse(), [saddle.p, saddle.s], ...high];
  }

  ncssl.modes = {
    fixedTau,
    averaged,
    critical,
    points,
    jacobian,
    survivesWithoutDecay,
    trajectory,
    outcome,
    basinEdge,
  };
})();
