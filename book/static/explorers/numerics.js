/* Integration for the explorers: Dormand and Prince's pair of orders 5 and 4 with its own step,
nothing drawn.

Classic scripts, because a browser refuses modules from the file system; each adds itself to
`ncssl`. No library: what the explorers need of one (scales, ticks, paths, an integrator) is two
short files, and the book needs no build step. */
(() => {
  "use strict";
  const A = [
    [],
    [1 / 5],
    [3 / 40, 9 / 40],
    [44 / 45, -56 / 15, 32 / 9],
    [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
    [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
    [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
  ];
  const ERROR = [71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40];

  /* One step of length h from y, k0 = f(y): the new state, its velocity, and the error in units
  of the tolerance. */
  function step(f, y, k0, h, rtol, atol) {
    const k = [k0];
    let at = y;
    for (let i = 1; i < 7; i++) {
      at = y.map((value, d) => value + h * A[i].reduce((sum, a, j) => sum + a * k[j][d], 0));
      k.push(f(at));
    }
    const parts = y.map((value, d) => {
      const wrong = h * ERROR.reduce((sum, e, j) => sum + e * k[j][d], 0);
      return wrong / (atol + rtol * Math.max(Math.abs(value), Math.abs(at[d])));
    });
    return {
      y: at,
      k: k[6],
      error: Math.sqrt(parts.reduce((sum, e) => sum + e * e, 0) / y.length),
    };
  }

  /* Path {t, y} of the autonomous y' = f(y) at every accepted step up to time `end`; it also ends
  where `stop(y)` is true, and where the step underflows or a component passes `limit`. With
  `times`, exactly at these (from times[0] on). */
  function integrate(f, y0, end, options = {}) {
    const {
      rtol = 1e-8,
      atol = 1e-10,
      limit = 1e6,
      stop = () => false,
      most = 20000,
      times = null,
    } = options;
    const path = { t: [0], y: [y0] };
    let [t, y, k, h, goal] = [0, y0, f(y0), 1e-3, 1];
    if (times) end = times[times.length - 1];
    for (let n = 0; n < most && t < end && !stop(y); n++) {
      const next = times ? times[goal] : end;
      const near = t + h >= next;
      const one = step(f, y, k, near ? next - t : h, rtol, atol);
      const good = one.error <= 1;
      const factor = Number.isFinite(one.error)
        ? Math.min(5, Math.max(0.2, 0.9 * Math.max(one.error, 1e-9) ** -0.2))
        : 0.2;
      if (good) {
        [t, y, k] = [near ? next : t + h, one.y, one.k];
        if (!times || near) (path.t.push(t), path.y.push(y));
        if (near) goal += 1;
      }
      h = good && near ? Math.max(h, (h * factor) / 5) : h * factor;
      if (h < 1e-12 || y.some((value) => Math.abs(value) > limit)) break;
    }
    return path;
  }

  /* Integral of f from a to b by adaptive Simpson's rule. */
  function integral(f, a, b, tolerance = 1e-10) {
    const rule = (fa, fm, fb, width) => ((fa + 4 * fm + fb) * width) / 6;
    const split = (a, b, fa, fm, fb, whole, tol, depth) => {
      const [m, left, right] = [(a + b) / 2, f((3 * a + b) / 4), f((a + 3 * b) / 4)];
      const [one, two] = [rule(fa, left, fm, m - a), rule(fm, right, fb, b - m)];
      if (depth === 0 || Math.abs(one + two - whole) < 15 * tol)
        return one + two + (one + two - whole) / 15;
      return (
        split(a, m, fa, left, fm, one, tol / 2, depth - 1) +
        split(m, b, fm, right, fb, two, tol / 2, depth - 1)
      );
    };
    const [fa, fm, fb] = [f(a), f((a + b) / 2), f(b)];
    return split(a, b, fa, fm, fb, rule(fa, fm, fb, b - a), tolerance, 40);
  }

  const range = (n, from = 0, to = n - 1) =>
    Array.from({ length: n }, (_, i) => from + ((to - from) * i) / Math.max(1, n - 1));

  globalThis.ncssl = Object.assign(globalThis.ncssl || {}, {
    numerics: { integrate, integral, range },
  });
})();
