"""The endoscope's light on tissue, and the sensor that sees it."""

import cv2
import numpy as np

# The ring of fibres around the lens, as two lamps beside it (m, camera frame of the left eye).
_LAMPS_M = np.array([[-0.006, -0.004, 0.0], [0.010, 0.003, 0.0]])
# A lamp's beam: cos^n of the angle from the optical axis.
_BEAM = 2.2
# Tissue scatters light around the terminator; 0 is Lambert.
_WRAP = 0.15
_AMBIENT = 0.015
_GAMMA = 1 / 2.2
# Of the sensor in linear units: shot noise variance per signal, read-out noise.
_SHOT, _READ = 1.6e-4, 0.0035
_BLUR_PX = 0.55  # of the optics, standard deviation


def surface_normals(points):
    """Return unit normals [H, W, 3], towards the camera, of a map of points [H, W, 3]."""
    by_u, by_v = np.gradient(points, axis=1), np.gradient(points, axis=0)
    normals = np.cross(by_v, by_u)
    return normals / np.linalg.norm(normals, axis=-1, keepdims=True)


def irradiance(points, normals, lamps_m, reference_m):
    """Return the light [H, W] that falls on points, 1 at `reference_m` straight ahead."""
    light = np.full(points.shape[:2], _AMBIENT)
    for lamp in lamps_m:
        towards = lamp - points
        distance = np.linalg.norm(towards, axis=-1)
        towards /= distance[..., None]
        cosine = np.einsum('...i,...i', normals, towards)
        wrapped = np.maximum((cosine + _WRAP) / (1 + _WRAP), 0)
        beam = np.maximum(-towards[..., 2], 0) ** _BEAM
        light += wrapped * beam * (reference_m / distance) ** 2 / len(lamps_m)
    return light


def lamps(eye, baseline_m):
    """Return the lamps [L, 3] in the frame of an eye."""
    return _LAMPS_M - [baseline_m if eye == 'right' else 0.0, 0, 0]


def expose(radiance, noise, rng):
    """Return the sensor's image [H, W, 3] uint8 of linear radiance: blur, noise, gamma."""
    image = cv2.GaussianBlur(radiance.astype(np.float32), (0, 0), _BLUR_PX)
    sigma = noise * np.sqrt(_READ**2 + _SHOT * np.maximum(image, 0))
    image += sigma * rng.standard_normal(image.shape, np.float32)
    return np.round(255 * np.clip(image, 0, 1) ** _GAMMA).astype(np.uint8)
