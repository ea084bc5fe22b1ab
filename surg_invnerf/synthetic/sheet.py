"""
The tissue: a smooth sheet over material coordinates, with derivatives.

A material point s = (x, y) lies at  X(s) = L (1, x, y) + sum_k A_k g_k(s),  where L [3, 3] is
affine and each g_k is a smooth scalar function: a Gaussian or a plane wave.  Time and camera only
change L and A, so a sheet seen by a camera is a sheet again.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

GAUSSIAN, WAVE = 0.0, 1.0
# Beyond this exponent a Gaussian is below 1e-9 of its height: under a nanometre here.
_NEGLIGIBLE = 21.0


def gaussian(centre_m, sigmas_m, angle_rad=0.0):
    """Return a row of `functions`: exp(-(p^2 / s0^2 + q^2 / s1^2) / 2), axes p, q turned."""
    c, s = np.cos(angle_rad), np.sin(angle_rad)
    p, q = np.array([c, s]) / sigmas_m[0], np.array([-s, c]) / sigmas_m[1]
    return np.array([GAUSSIAN, *centre_m, *p, *q])


def wave(length_m, angle_rad, phase_rad):
    """Return a row of `functions`: sin(2 pi p / length + phase), p along the angle."""
    k = 2 * np.pi / length_m
    return np.array([WAVE, 0.0, 0.0, k * np.cos(angle_rad), k * np.sin(angle_rad), phase_rad, 0.0])


@dataclass(frozen=True)
class Sheet:
    """
    The tissue at one instant, in some frame (m).

    affine      [3, 3], columns: position of s = 0, and its derivatives by x and y
    amplitudes  [K, 3] (m) of the functions
    functions   [K, 7], rows of `gaussian` and `wave`
    """

    affine: np.ndarray
    amplitudes: np.ndarray
    functions: np.ndarray

    def transformed(self, target_from_source):
        """Return the sheet in another frame."""
        rotation = target_from_source[:3, :3]
        affine = rotation @ self.affine
        affine[:, 0] += target_from_source[:3, 3]
        return Sheet(affine, self.amplitudes @ rotation.T, self.functions)

    def positions(self, material):
        """Return positions [N, 3] (m) of material points [N, 2] (m)."""
        return self.positions_and_derivatives(material)[..., 0]

    def positions_and_derivatives(self, material):
        """Return [N, 3, 3]: columns are position, derivative by x, derivative by y."""
        material = np.ascontiguousarray(material, float)
        out = np.empty((len(material), 3, 3))
        _evaluate_all(material, self.affine, self.amplitudes, self.functions, out)
        return out


@njit(cache=True, error_model='numpy', nogil=True)
def _evaluate_all(material, affine, amplitudes, functions, out):
    for i in range(len(material)):
        evaluate(material[i, 0], material[i, 1], affine, amplitudes, functions, out[i])


@njit(cache=True, error_model='numpy', nogil=True)
def evaluate(x, y, affine, amplitudes, functions, out):
    """Write position and derivatives of one material point into `out` [3, 3] (columns)."""
    for i in range(3):
        out[i, 0] = affine[i, 0] + x * affine[i, 1] + y * affine[i, 2]
        out[i, 1] = affine[i, 1]
        out[i, 2] = affine[i, 2]
    for k in range(len(functions)):
        kind, cx, cy, a0, a1, b0, b1 = functions[k]
        dx, dy = x - cx, y - cy
        if kind == GAUSSIAN:
            p = a0 * dx + a1 * dy
            q = b0 * dx + b1 * dy
            exponent = 0.5 * (p * p + q * q)
            if exponent > _NEGLIGIBLE:
                continue
            value = np.exp(-exponent)
            by_x = -(p * a0 + q * b0) * value
            by_y = -(p * a1 + q * b1) * value
        else:
            phase = a0 * dx + a1 * dy + b0
            value = np.sin(phase)
            slope = np.cos(phase)
            by_x = a0 * slope
            by_y = a1 * slope
        for i in range(3):
            out[i, 0] += amplitudes[k, i] * value
            out[i, 1] += amplitudes[k, i] * by_x
            out[i, 2] += amplitudes[k, i] * by_y
