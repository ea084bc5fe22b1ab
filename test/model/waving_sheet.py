"""A waving sheet with exact stereo and exact correspondences: what a fit can be held against."""

import numpy as np

from surg_invnerf.camera import StereoCamera
from surg_invnerf.observations import Correspondences, FrameObservation, Observations
from surgical_perception.geometry.camera import PinholeCamera

CAMERA = StereoCamera(PinholeCamera(96, 80, 120.0, 120.0, 47.5, 39.5), 4.5e-3)
_ITERATIONS = 20


def surface(a, b, frame):
    """Return points [..., 3] (m, camera) of the material coordinates a, b (m) at a frame."""
    x = a + 3e-3 * np.sin(0.25 * frame + 30 * b)
    z = 0.08 + 3e-3 * np.sin(40 * a + 0.2 * frame) + 5e-4 * frame
    return np.stack([x, b, z], -1)


def material(pixels, frame):
    """Return (a, b) [N] (m) of what pixels [N, 2] see at a frame; solved by iteration."""
    ray = (pixels - [CAMERA.left.cx, CAMERA.left.cy]) / CAMERA.left.fx
    z = np.full(len(pixels), 0.08)
    for _ in range(_ITERATIONS):
        b = ray[:, 1] * z
        a = ray[:, 0] * z - 3e-3 * np.sin(0.25 * frame + 30 * b)
        z = surface(a, b, frame)[:, 2]
    return a, b


def track(queries, frames):
    """Return xyz_m [N, T, 3] of queries [N, 3] (u, v, frame)."""
    out = np.empty((len(queries), len(frames), 3))
    for row, (u, v, frame) in enumerate(queries):
        a, b = material(np.array([[u, v]], float), frame)
        for column, other in enumerate(frames):
            out[row, column] = surface(a, b, other)[0]
    return out


def observe(frames=8, gaps=(1, 2, 4), stride=2, noise_px=0.0, seed=0):
    """Return Observations of the sheet over some frames, with correspondences both ways."""
    rng = np.random.default_rng(seed)
    height, width = CAMERA.left.height, CAMERA.left.width
    v, u = np.mgrid[:height, :width].reshape(2, -1)
    observations = Observations(CAMERA)
    for frame in range(frames):
        observations.add(_frame(frame, np.stack([u, v], -1)))
    v, u = np.mgrid[:height:stride, :width:stride].reshape(2, -1)
    pixels = np.stack([u, v], -1).astype(np.float32)
    for source in range(frames):
        for target in range(frames):
            if abs(source - target) in gaps:
                pair = _pair(source, target, pixels, noise_px, rng)
                observations.pairs[source, target] = pair
    return observations


def _frame(frame, pixels):
    height, width = CAMERA.left.height, CAMERA.left.width
    a, b = material(pixels.astype(float), frame)
    shade = 128 + 60 * np.sin(400 * a) * np.sin(300 * b)
    image = np.repeat(shade.reshape(height, width, 1), 3, 2).astype(np.uint8)
    return FrameObservation(
        index=frame,
        stamp_ns=(frame + 1) * 100_000_000,
        image=image,
        depth_m=surface(a, b, frame)[:, 2].reshape(height, width).astype(np.float32),
        sigma_m=np.full((height, width), 2e-4, np.float32),
        usable=np.ones((height, width), bool),
        tool=None,
        world_from_camera=np.eye(4),
    )


def _pair(source, target, pixels, noise_px, rng):
    found = CAMERA.left.project(surface(*material(pixels.astype(float), source), target))
    found = found + rng.normal(0, noise_px, found.shape)
    size = np.array([CAMERA.left.width, CAMERA.left.height])
    inside = ((found >= 0) & (found <= size - 1)).all(1)
    return Correspondences(
        source,
        target,
        pixels[inside],
        found[inside].astype(np.float32),
        np.ones(inside.sum(), np.float32),
    )
