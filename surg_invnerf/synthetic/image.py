"""From what an eye sees to its image: tissue and instrument under the scope's light."""

import numpy as np

from surg_invnerf.synthetic import shading
from surg_invnerf.synthetic.instrument import SHAFT, instrument_normals
from surg_invnerf.synthetic.scene import EYES
from surg_invnerf.synthetic.sensor import expose

# Moist tissue: a sharp highlight and the sheen around it.
_TISSUE_LOBES = ((260.0, 1.5), (24.0, 0.10))
_METAL_LOBES = ((90.0, 0.9), (12.0, 0.30))
# Linear grey and gloss of the instrument's parts, by kind; contrast of their wear.
_GREY = np.array([0.05, 0.22, 0.26])
_GLOSS = np.array([0.15, 0.6, 0.6])
_METAL_TINT = np.array([1.0, 0.98, 0.95])
_WEAR = 0.22
# Rings on the shaft: one every so many metres.
_RING_PITCH_M, _RING_SHARE, _RING_GREY = 0.012, 0.16, 0.16


def render_image(scene, frame, eye):
    """Return the image [H, W, 3] uint8 of an eye ('left', 'right') at a frame."""
    config, camera = scene.config, scene.camera.left
    seen = scene.tissue_seen(frame, eye)
    lamps_m = shading.lamps(eye, config.baseline_m)
    radiance = _tissue(scene, seen, camera, lamps_m)
    if config.tool:
        tool = scene.tool_seen(frame, eye)
        in_front = tool.depth_m < seen.depth_m
        radiance[in_front] = _tool(scene, frame, eye, tool, in_front, lamps_m)
    rng = np.random.default_rng([config.seed, frame, EYES.index(eye)])
    return expose(radiance, config.noise, rng)


def _tissue(scene, seen, camera, lamps_m):
    config, texture = scene.config, scene.texture
    rows, columns = np.mgrid[: camera.height, : camera.width]
    rays = camera_rays(camera, columns, rows)
    points = rays * seen.depth_m[..., None]
    normals = shading.surface_normals(points)
    relief = texture.sample('relief', seen.material)[..., None]
    moist = shading.surface_normals(points + relief * normals)
    lobes = tuple((exponent, config.specularity * s) for exponent, s in _TISSUE_LOBES)
    diffuse, highlights = shading.reflect(points, normals, moist, lobes, lamps_m, config.depth_m)
    albedo = texture.sample('albedo', seen.material)
    return albedo * diffuse[..., None] + highlights[..., None]


def _tool(scene, frame, eye, tool, shown, lamps_m):
    """Return the radiance [M, 3] of the pixels that show the instrument."""
    rows, columns = np.nonzero(shown)
    rays = camera_rays(scene.camera.left, columns, rows)
    points, part = rays * tool.depth_m[shown][:, None], tool.part[shown]
    capsules = scene.capsules(frame, eye)
    normals, along_m, angle = instrument_normals(capsules, points, part)
    kinds = capsules.kinds[part]
    wear = 1 + _WEAR * scene.instrument.wear(along_m, angle * capsules.radii_m[part], part)
    rings = (kinds == SHAFT) & (np.mod(along_m / _RING_PITCH_M, 1) < _RING_SHARE)
    grey = np.where(rings, _RING_GREY, _GREY[kinds])
    diffuse, highlights = shading.reflect(
        points, normals, normals, _METAL_LOBES, lamps_m, scene.config.depth_m
    )
    light = wear * (grey * diffuse + _GLOSS[kinds] * highlights)
    return light[:, None] * _METAL_TINT


def camera_rays(camera, u, v):
    """Return rays [..., 3] with z = 1 through pixels."""
    x, y = (u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy
    return np.stack([x, y, np.ones_like(x)], -1)
