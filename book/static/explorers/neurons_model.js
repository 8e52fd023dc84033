/* Gradient descent of two neurons and their head in the toy of Wen and Li (2022). Mathematics
only.

State y = {b, u, E}: b[j][l] = <w_j, v_l>, u[j] the noise part, E the head with E_jj = 1. q =
{alpha1, alpha2, p1, m, P, sigma, eta, eta_E}; options {head, stop_gradient}. Formulas and names
are those of ncssl.theory.wen2022. */
(() => {
  "use strict";
  const PAIR = [0, 1];
  const matrix = (f) => PAIR.map((i) => PAIR.map((j) => f(i, j)));
  const product = (A, B) => matrix((i, j) => A[i][0] * B[0][j] + A[i][1] * B[1][j]);
  const transpose = (A) => matrix((i, j) => A[j][i]);
  const dot = (x, y) => x[0] * y[0] + x[1] * y[1];

  function constants(q) {
    return {
      alpha: [q.alpha1, q.alpha2],
      p: [q.p1, 1 - q.p1],
      C0: (q.m ** 2 - q.m) / 4,
      C1: (q.m ** 2 + q.m) / 4,
      noise: ((q.P - q.m) / 2) * q.sigma ** 6,
    };
  }

  /* Moments over samples and masks: f, F = E f, N (noise), cov, V (online), T (target), each with
  one entry a neuron. */
  function moments({ b, u, E }, c) {
    const f = matrix((j, l) => (c.alpha[l] * b[j][l]) ** 3);
    const F = product(E, f);
    const gram = matrix((i, j) => dot(u[i], u[j]));
    const N = matrix(
      (i, j) => c.noise * (9 * gram[i][i] * gram[j][j] * gram[i][j] + 6 * gram[i][j] ** 3),
    );
    const EN = product(E, N);
    const weighted = (x, y) => c.p[0] * x[0] * y[0] + c.p[1] * x[1] * y[1];
    return {
      f,
      F,
      gram,
      N,
      EN,
      cov: PAIR.map((j) => c.C0 * weighted(F[j], f[j])),
      V: PAIR.map((j) => c.C1 * weighted(F[j], F[j]) + dot(EN[j], E[j])),
      T: PAIR.map((j) => c.C1 * weighted(f[j], f[j]) + N[j][j]),
    };
  }

  const correlations = (y, q) => {
    const a = moments(y, constants(q));
    return PAIR.map((j) => a.cov[j] / Math.sqrt(a.V[j] * a.T[j]));
  };

  /* Ascent direction of the sum of correlations, with batch normalisation: {b, u, E}. */
  function gradient(y, c, options) {
    const a = moments(y, c);
    const [online, target] = [
      options.stop_gradient !== "online",
      options.stop_gradient !== "target",
    ].map(Number);
    const ofCov = PAIR.map((j) => 1 / Math.sqrt(a.V[j] * a.T[j]));
    const ofV = PAIR.map((j) => (-0.5 * a.cov[j] * ofCov[j]) / a.V[j]);
    const ofT = PAIR.map((j) => (-0.5 * a.cov[j] * ofCov[j]) / a.T[j]);
    const toF = matrix(
      (j, l) => c.p[l] * (ofCov[j] * c.C0 * a.f[j][l] + 2 * ofV[j] * c.C1 * a.F[j][l]),
    );
    const toG = matrix(
      (j, l) => c.p[l] * (ofCov[j] * c.C0 * a.F[j][l] + 2 * ofT[j] * c.C1 * a.f[j][l]),
    );
    const back = product(transpose(y.E), toF);
    const through = product(transpose(matrix((j, r) => y.E[j][r] * ofV[j])), y.E);
    const toN = matrix((j, r) => online * through[j][r] + (j === r ? target * ofT[j] : 0));
    const db = matrix(
      (j, l) => (online * back[j][l] + target * toG[j][l]) * 3 * c.alpha[l] ** 3 * y.b[j][l] ** 2,
    );
    return {
      b: db,
      u: noiseGradient(toN, y.u, a.gram, c.noise),
      E: headGradient(y, a, toF, ofV, options.head),
    };
  }

  /* Gradient of sum_jr A_jr N_jr with respect to u, A symmetric. */
  function noiseGradient(A, u, gram, noise) {
    const pairs = matrix(
      (j, r) => noise * A[j][r] * (9 * gram[j][j] * gram[r][r] + 18 * gram[j][r] ** 2),
    );
    const own = PAIR.map(
      (j) => 18 * noise * PAIR.reduce((sum, r) => sum + A[j][r] * gram[j][r] * gram[r][r], 0),
    );
    const mixed = product(pairs, u);
    return matrix((j, d) => 2 * (mixed[j][d] + own[j] * u[j][d]));
  }

  /* Off-diagonal entries only; made symmetric for the symmetric head, 0 without a head. */
  function headGradient(y, a, toF, ofV, head) {
    const inner = product(toF, transpose(a.f));
    const raw = matrix((j, r) =>
      j === r || head === "none" ? 0 : inner[j][r] + 2 * ofV[j] * a.EN[j][r],
    );
    return head === "symmetric" ? matrix((j, r) => (raw[j][r] + raw[r][j]) / 2) : raw;
  }

  const start = (b) => ({
    b,
    u: [
      [1, 0],
      [0, 1],
    ],
    E: [
      [1, 0],
      [0, 1],
    ],
  });

  /* States of gradient descent from b (2, 2), first and after each of `steps` steps, each with
  its velocity v. */
  function descend(b, steps, q, options) {
    const c = constants(q);
    const moving = (y) => ({ ...y, v: gradient(y, c, options) });
    const states = [moving(start(b))];
    for (let n = 0; n < steps; n++) {
      const { v, ...y } = states[n];
      const moved = (name, rate) => matrix((i, j) => y[name][i][j] + rate * v[name][i][j]);
      states.push(moving({ b: moved("b", q.eta), u: moved("u", q.eta), E: moved("E", q.eta_E) }));
    }
    return states;
  }

  /* |b_jl|/|w_j|: how far neuron j is along feature l. */
  function cosines({ b, u }) {
    return matrix((j, l) => Math.abs(b[j][l]) / Math.sqrt(dot(b[j], b[j]) + dot(u[j], u[j])));
  }

  /* In words, as ncssl theory says it: a cosine above 0.8 has learned the feature. */
  function outcome(y) {
    const learned = cosines(y).map((row) => row.map((value) => value > 0.8));
    const [has, settled] = [
      PAIR.map((l) => learned[0][l] || learned[1][l]),
      learned.every((row) => row[0] || row[1]),
    ];
    if (has[0] && has[1]) return "both features";
    return settled && has[0] ? "only v_1" : settled && has[1] ? "only v_2" : "undecided";
  }

  /* rho_sub = |E_21 q_11|/|q_21| of a state with its velocity, and b_21'/b_21, b_22'/b_22. */
  function mechanism({ b, E, v }, q) {
    return {
      substitution:
        Math.abs(E[1][0] * (q.alpha1 * b[0][0]) ** 3) / Math.abs(q.alpha1 * b[1][0]) ** 3,
      growth: PAIR.map((l) => v.b[1][l] / b[1][l]),
    };
  }

  /* First step of each phase, neuron 1 leading, or null: the package's measure.phases, in steps. */
  function phases(states, q) {
    const first = (happens) => {
      const n = states.findIndex(happens);
      return n < 0 ? null : n;
    };
    const heads = states.map((y) => Math.abs(y.E[1][0]));
    const peak = heads.indexOf(Math.max(...heads));
    const ahead = ({ growth }) => growth[1] > growth[0] && growth[1] > 0;
    return {
      "learned v_1": first((y) => Math.abs(y.b[0][0]) >= 0.5),
      substitution: first((y) => mechanism(y, q).substitution > 1),
      acceleration: first((y) => ahead(mechanism(y, q))),
      "peak of E": heads[peak] > 0 ? peak : null,
      "learned v_2": first((y) => cosines(y)[1][1] > 0.8),
    };
  }

  ncssl.neurons = { descend, gradient, constants, correlations, cosines, outcome, phases, start };
})();
