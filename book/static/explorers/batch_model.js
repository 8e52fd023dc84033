/* A linear network on a batch: x -> z = W x (two outputs), predictor Wp, two views of every
image. Mathematics only.

Loss 1/2 |Wp W x1 - W x2|^2, mean over the batch and both directions, the target held or not;
weight decay eta. The gradients are those of ncssl.theory.liu2022.network_flow (Tian, Chen and
Ganguli 2021, eq. 2-4). */
(() => {
  "use strict";
  const product = (A, B) =>
    A.map((row) => B[0].map((_, j) => row.reduce((sum, a, k) => sum + a * B[k][j], 0)));
  const transpose = (A) => A[0].map((_, j) => A.map((row) => row[j]));
  const combine = (A, B, a = 1, b = 1) =>
    A.map((row, i) => row.map((value, j) => a * value + b * B[i][j]));
  const eye = [
    [1, 0],
    [0, 1],
  ];

  /* Numbers in (0, 1) from a seed (mulberry32), and normal ones by Box and Muller. */
  function random(seed) {
    let state = seed >>> 0;
    const uniform = () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 4294967296;
    };
    return {
      uniform,
      normal: () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
    };
  }

  /* Images (n, 4): five groups on a circle in the first two inputs, small spread in all; and the
  group of each. */
  function images(n, seed = 0) {
    const { normal } = random(seed);
    const groups = Array.from({ length: n }, (_, i) => i % 5);
    const x = groups.map((g) => {
      const angle = (2 * Math.PI * g) / 5 + 0.3;
      return [1.3 * Math.cos(angle), 1.3 * Math.sin(angle), 0, 0].map(
        (centre) => centre + 0.15 * normal(),
      );
    });
    return { x, groups };
  }

  const views = (x, sigma, rng) => x.map((row) => row.map((value) => value + sigma * rng.normal()));

  /* S = E[x x^T] and M = E[x2 x1^T], mean over the batch and both directions. */
  function moments(x1, x2) {
    const second = (a, b) =>
      product(transpose(a), b).map((row) => row.map((value) => value / a.length));
    return {
      S: combine(second(x1, x1), second(x2, x2), 0.5, 0.5),
      M: combine(second(x2, x1), second(x1, x2), 0.5, 0.5),
    };
  }

  /* Descent direction {W, Wp}; without a predictor Wp is the identity and stays it. */
  function velocity({ W, Wp }, { S, M }, { predictor, stop, eta }) {
    const P = predictor ? Wp : eye;
    const miss = combine(product(product(P, W), S), product(W, M), 1, -1);
    let dW = combine(product(transpose(P), miss), W, -1, -eta);
    if (!stop)
      dW = combine(dW, combine(product(W, S), product(product(P, W), transpose(M)), 1, -1), 1, -1);
    const zero = [
      [0, 0],
      [0, 0],
    ];
    return { W: dW, Wp: predictor ? combine(product(miss, transpose(W)), Wp, -1, -eta) : zero };
  }

  function step(y, data, switches, lr) {
    const v = velocity(y, data, switches);
    return { W: combine(y.W, v.W, 1, lr), Wp: combine(y.Wp, v.Wp, 1, lr) };
  }

  /* Mean loss of a batch, from its moments. */
  function loss({ W, Wp }, { S, M }, { predictor }) {
    const A = product(predictor ? Wp : eye, W);
    const trace = (X, Y, Z) =>
      product(product(X, Y), transpose(Z)).reduce((sum, row, i) => sum + row[i], 0);
    return 0.5 * (trace(A, S, A) + trace(W, S, W)) - trace(A, M, W);
  }

  const embed = (W, x) => product(x, transpose(W));

  /* Spread (root of the summed variance) and effective rank (exp of the entropy of the spectrum)
  of z (n, 2). */
  function spread(z) {
    const mean = [0, 1].map((d) => z.reduce((sum, row) => sum + row[d], 0) / z.length);
    const c = (i, j) =>
      z.reduce((sum, row) => sum + (row[i] - mean[i]) * (row[j] - mean[j]), 0) / z.length;
    const [a, b, d] = [c(0, 0), c(0, 1), c(1, 1)];
    const half = Math.sqrt(((a - d) / 2) ** 2 + b * b);
    const shares = [(a + d) / 2 + half, (a + d) / 2 - half].map(
      (value) => Math.max(value, 0) / (a + d),
    );
    const entropy = shares.reduce((sum, p) => sum - (p > 0 ? p * Math.log(p) : 0), 0);
    return { spread: Math.sqrt(a + d), rank: Math.exp(entropy) };
  }

  /* W (2, 4) at random and Wp = 0.6 I. */
  function start(seed = 1) {
    const { normal } = random(seed);
    return {
      W: [0, 1].map(() => [0, 1, 2, 3].map(() => 0.5 * normal())),
      Wp: [
        [0.6, 0],
        [0, 0.6],
      ],
    };
  }

  ncssl.batch = { random, images, views, moments, velocity, step, loss, embed, spread, start };
})();
