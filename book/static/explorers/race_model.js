/* One eigenvalue lam at a time under the Euclidean losses of Halvagal, Laborieux and Zenke
(2023). Mathematics only.

lam' = 2 g(lam^alpha) lam with g(s) = c0 + c1 s + c2 s^2; q = {alpha, sigma2, one_sided, rho}.
Letters are those of ncssl.theory.halvagal2023. */
(() => {
  "use strict";
  const { integrate } = ncssl.numerics;

  function coefficients(loss, q) {
    const [online, target, rho] = [1 + (1 - q.one_sided) * q.sigma2, 1 + q.sigma2, q.rho];
    return {
      euc: [-rho, 1, -online],
      euc_iso: [1 - rho, -online, 0],
      euc_nosg: [-target - rho, 2, -online],
      euc_nopred: [1 - online - rho, 0, 0],
    }[loss];
  }

  const growth = (s, c) => c[0] + s * (c[1] + s * c[2]);
  const velocity = (lam, loss, q) =>
    2 * growth(Math.max(lam, 0) ** q.alpha, coefficients(loss, q)) * lam;

  /* Positive roots of g as eigenvalues: minus repels, plus attracts; NaN where there is none. */
  function points(loss, q) {
    const [c0, c1, c2] = coefficients(loss, q);
    let [minus, plus] = [NaN, NaN];
    if (c2 !== 0) {
      plus = (c1 + Math.sqrt(c1 ** 2 - 4 * c0 * c2)) / (-2 * c2);
      minus = c0 / (c2 * plus);
    } else if (c1 < 0) plus = -c0 / c1;
    return {
      minus: minus > 0 ? minus ** (1 / q.alpha) : NaN,
      plus: plus > 0 ? plus ** (1 / q.alpha) : NaN,
    };
  }

  /* Where lam goes: minus, plus or 0; itself where nothing moves. No loss here lets it grow
  without bound. */
  function limit(lam, loss, q) {
    const [{ minus, plus }, g] = [points(loss, q), growth(lam ** q.alpha, coefficients(loss, q))];
    if (lam === 0 || g === 0) return lam;
    const ends = [minus, plus].filter((x) => (g > 0 ? x >= lam : x <= lam));
    return g > 0 ? Math.min(...ends) : Math.max(0, ...ends);
  }

  /* Time from lam0 to lam1 by integration in log lam; infinite where the flow does not lead
  there. */
  function timeBetween(lam0, lam1, loss, q) {
    const end = limit(lam0, loss, q);
    if (lam0 === lam1) return 0;
    if (!(end > lam0 ? lam1 >= lam0 && lam1 < end : lam1 <= lam0 && lam1 > end)) return Infinity;
    const c = coefficients(loss, q);
    const slowness = (x) => 1 / (2 * growth(Math.exp(q.alpha * x), c));
    return ncssl.numerics.integral(slowness, Math.log(lam0), Math.log(lam1), 1e-11);
  }

  /* lam at the given times (from 0 on) from lam0. Integrated as log lam, so that small modes keep
  their digits. */
  function race(lam0, loss, q, times) {
    const c = coefficients(loss, q);
    const f = ([x]) => [2 * growth(Math.exp(q.alpha * x), c)];
    return integrate(f, [Math.log(lam0)], 0, { times, limit: 1e4 }).y.map(([x]) => Math.exp(x));
  }

  ncssl.race = { coefficients, velocity, points, limit, timeBetween, race };
})();
