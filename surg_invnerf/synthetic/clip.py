"""A synthetic scene as a clip, rendered frame by frame."""

import numpy as np

from surg_invnerf.clip import Clip, StereoFrame
from surg_invnerf.synthetic import shading
from surg_invnerf.synthetic.scene import EYES, Scene
from surg_invnerf.synthetic.truth import Truth

_NS_PER_S = 1_000_000_000
# Stamp 0 means "invalid" to ROS.
_FIRST_STAMP_NS = 1_000 * _NS_PER_S


class SyntheticClip(Clip):
    """The Clip of a SceneConfig; `truth` knows everything about it."""

    def __init__(self, config):
        self.config = config
        self.scene = Scene(config)
        self.truth = Truth(self.scene)
        self.name = f'synthetic:{config.seed}'
        self.camera = self.scene.camera
        self.fps = config.fps
        self.sources = {}

    def __len__(self):
        return self.config.frames

    def frames(self):
        """Yield the StereoFrames in order, each rendered when it is asked for."""
        for index in range(len(self)):
            yield self.frame(index)

    def frame(self, index):
        """Return one StereoFrame."""
        left, right = (self._image(index, eye) for eye in EYES)
        pose = self.scene.world_from_camera(index) if self.config.poses else None
        tool = self.truth.tool(index) if self.config.tool_masks else None
        stamp_ns = _FIRST_STAMP_NS + round(index * _NS_PER_S / self.fps)
        return StereoFrame(index, stamp_ns, left, right, pose, tool)

    def _image(self, index, eye):
        seen = self.scene.tissue_seen(index, eye)
        camera = self.scene.pinhole(eye)
        u, v = np.meshgrid(np.arange(camera.width), np.arange(camera.height))
        rays = np.stack([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, u * 0 + 1], -1)
        points = rays * seen.depth_m[..., None]
        light = shading.irradiance(
            points,
            shading.surface_normals(points),
            shading.lamps(eye, self.camera.baseline_m),
            self.config.depth_m,
        )
        radiance = self.scene.texture.sample('albedo', seen.material) * light[..., None]
        rng = np.random.default_rng([self.config.seed, index, EYES.index(eye)])
        return shading.expose(radiance, self.config.noise, rng)
