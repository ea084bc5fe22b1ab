"""A synthetic scene as a clip, rendered frame by frame."""

import numpy as np

from surg_invnerf.clip import Clip, StereoFrame
from surg_invnerf.synthetic.image import render_image
from surg_invnerf.synthetic.scene import EYES, Scene
from surg_invnerf.synthetic.truth import Truth
from surgical_perception.geometry import se3

_NS_PER_S = 1_000_000_000
# Stamp 0 means "invalid" to ROS.
_FIRST_STAMP_NS = 1_000 * _NS_PER_S
# Random numbers of a frame: 0 and 1 are the eyes' noise.
_JITTER_STREAM = len(EYES)


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
        left, right = (render_image(self.scene, index, eye) for eye in EYES)
        pose = self.published_pose(index) if self.config.poses else None
        tool = self.truth.tool(index) if self.config.tool_masks else None
        stamp_ns = _FIRST_STAMP_NS + round(index * _NS_PER_S / self.fps)
        return StereoFrame(index, stamp_ns, left, right, pose, tool)

    def published_pose(self, index):
        """Return what the robot says [4, 4] (m): the true pose, hand-eye error and jitter."""
        config = self.config
        rng = np.random.default_rng([config.seed, index, _JITTER_STREAM])
        sigmas = [config.pose_jitter_m] * 3 + [config.pose_jitter_rad] * 3
        jitter = se3.exp(sigmas * rng.standard_normal(6))
        return self.truth.world_from_camera(index) @ se3.exp(config.wrong_hand_eye) @ jitter
