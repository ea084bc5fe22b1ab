"""One scene: tissue, camera path and texture of a seed, and what each eye sees of them."""

import numpy as np

from surg_invnerf.synthetic.camera_path import CameraPath
from surg_invnerf.synthetic.intersection import render_material
from surg_invnerf.synthetic.texture import Texture
from surg_invnerf.synthetic.tissue import Tissue
from surgical_perception.geometry import se3

# How far the sheet reaches beyond what camera 0 sees: the camera's and the tissue's motion.
_MARGIN_M = 0.035
EYES = ('left', 'right')


class Scene:
    """Everything that a seed draws; frames are times i / fps."""

    def __init__(self, config):
        self.config = config.validated()
        self.camera = config.camera
        # Children of the seed: what one part draws never changes another part.
        path, tissue, texture = np.random.default_rng(config.seed).spawn(3)
        self._path = CameraPath(config, path)
        self._tissue = Tissue(config, tissue)
        camera = self.camera.left
        slopes = np.array([camera.width / camera.fx, camera.height / camera.fy]) / 2
        self.half_size_m = slopes * config.depth_m * 1.25 + _MARGIN_M
        self.texture = Texture(config, texture, self.half_size_m)

    def time_s(self, frame):
        """Return the time of a frame."""
        return frame / self.config.fps

    def world_from_camera(self, frame):
        """Return the pose [4, 4] of the left camera; the world is the left camera of frame 0."""
        return self._path.scene_from_camera(self.time_s(frame))

    def sheet(self, frame, eye='left'):
        """Return the tissue of a frame in the frame of an eye's camera."""
        camera_from_world = se3.inverse(self.world_from_camera(frame))
        if eye == 'right':
            camera_from_world[0, 3] -= self.camera.baseline_m
        return self._tissue.at(self.time_s(frame)).transformed(camera_from_world)

    def pinhole(self, eye):
        """Return the PinholeCamera of an eye."""
        return self.camera.left  # the right eye's principal point is the left one's

    def tissue_seen(self, frame, eye='left'):
        """Return the MaterialMap of an eye."""
        return render_material(self.sheet(frame, eye), self.pinhole(eye), self.half_size_m)
