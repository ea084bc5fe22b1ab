"""The endoscope's light: two lamps beside the lens, diffuse reflection and moist highlights."""

import numpy as np

# The ends of the light fibres (m), in the left camera's frame.
_LAMPS_M = np.array([[-0.006, -0.004, 0.0], [0.010, 0.003, 0.0]])
# A lamp's beam: cos^n of the angle from the optical axis.
_BEAM = 2.2
# Tissue scatters light around the terminator; 0 is Lambert.
_WRAP = 0.15
_AMBIENT = 0.015


def lamps(eye, baseline_m):
    """Return the lamps [L, 3] (m) in the frame of an eye."""
    return _LAMPS_M - [baseline_m if eye == 'right' else 0.0, 0, 0]


def surface_normals(points):
    """Return unit normals [H, W, 3], towards the camera, of a map of points [H, W, 3]."""
    by_u, by_v = np.gradient(points, axis=1), np.gradient(points, axis=0)
    normals = np.cross(by_v, by_u)
    return normals / np.linalg.norm(normals, axis=-1, keepdims=True)


def reflect(points, normals, glossy_normals, lobes, lamps_m, reference_m):
    """
    Return (diffuse [...], highlights [...]): light that leaves points towards the camera.

    points, normals     [..., 3] in the camera's frame
    glossy_normals      [..., 3] normals of the moist film, rougher than those of the tissue
    lobes               ((exponent, strength), ...) of Blinn's highlights
    lamps_m             [L, 3]; together they give 1 at `reference_m` straight ahead
    """
    diffuse, highlights = np.full(points.shape[:-1], _AMBIENT), np.zeros(points.shape[:-1])
    view = -points / np.linalg.norm(points, axis=-1, keepdims=True)
    for lamp in lamps_m:
        towards = lamp - points
        distance = np.linalg.norm(towards, axis=-1)
        towards /= distance[..., None]
        arriving = np.maximum(-towards[..., 2], 0) ** _BEAM
        arriving *= (reference_m / distance) ** 2 / len(lamps_m)
        cosine = np.einsum('...i,...i', normals, towards)
        diffuse += np.maximum((cosine + _WRAP) / (1 + _WRAP), 0) * arriving
        half = towards + view
        half /= np.linalg.norm(half, axis=-1, keepdims=True)
        cosine = np.maximum(np.einsum('...i,...i', glossy_normals, half), 0)
        for exponent, strength in lobes:
            highlights += strength * cosine**exponent * arriving
    return diffuse, highlights
