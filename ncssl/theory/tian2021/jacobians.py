"""Jacobians of the right-hand sides in modes, at a state and the parameters of its flow."""

import numpy as np

from ncssl.theory.ode.flow import join, split


def matrix_of(*entries):
    """Entries (...) of a square matrix, row by row, as (..., d, d)."""
    entries, d = join(*entries), round(len(entries) ** 0.5)
    return entries.reshape(*entries.shape[:-1], d, d)


def jacobian(y, q):
    """Jacobian (..., 2, 2) of fixed_tau_rhs at y = (p, s)."""
    p, s = split(y)
    k = 1 + q["sigma2"]
    return matrix_of(
        -q["alpha_p"] * s * k - q["eta"],
        q["alpha_p"] * (q["tau"] - k * p),
        2 * s * (q["tau"] - 2 * k * p),
        2 * p * (q["tau"] - k * p) - 2 * q["eta"],
    )


def modes_jacobian(y, q):
    """Jacobian (..., 3, 3) of modes_rhs at y = (p, s, tau)."""
    p, s, tau = split(y)
    k = 1 + q["sigma2"]
    return matrix_of(
        -q["alpha_p"] * s * k - q["eta"],
        q["alpha_p"] * (tau - k * p),
        q["alpha_p"] * s,
        2 * s * (tau - 2 * k * p),
        2 * p * (tau - k * p) - 2 * q["eta"],
        2 * p * s,
        -tau * (tau - 2 * k * p),
        0 * p,
        q["eta"] - q["beta"] - p * (2 * tau - k * p),
    )


def scalars_jacobian(y, q):
    """Jacobian (..., 3, 3) of scalars_rhs at y = (wp, w, wa)."""
    wp, w, wa = split(y)
    mixed = q["ld"] * wa - 2 * q["ls"] * wp * w
    return matrix_of(
        -q["alpha_p"] * q["ls"] * w**2 - q["eta"],
        q["alpha_p"] * mixed,
        q["alpha_p"] * q["ld"] * w,
        mixed,
        -q["ls"] * wp**2 - q["eta"],
        q["ld"] * wp,
        0 * w,
        q["beta"] + 0 * w,
        -q["beta"] + 0 * w,
    )


def two_decays_jacobian(y, q):
    """Jacobian (..., 2, 2) of two_decays_rhs at y = (p, s): that of fixed_tau_rhs but for the
    predictor's own decay."""
    return jacobian(y, q) + (q["eta"] - q["eta_p"])[..., None, None] * np.array(
        [[1.0, 0.0], [0.0, 0.0]]
    )


def parabola_jacobian(y, q):
    """Jacobian (..., 1, 1) of parabola_rhs at y = (p,)."""
    (p,) = split(y)
    return matrix_of(2 * p * q["tau"] - 3 * (1 + q["sigma2"]) * p**2 - q["eta"])


def parabola_tau_jacobian(y, q):
    """Jacobian (..., 2, 2) of parabola_tau_rhs at y = (p, tau)."""
    (p, tau), k = split(y), 1 + q["sigma2"]
    return matrix_of(
        2 * p * tau - 3 * k * p**2 - q["eta"],
        p**2,
        -tau * (tau - 2 * k * p),
        q["eta"] - q["beta"] - p * (2 * tau - k * p),
    )
