"""One scene: tissue, camera path and texture of a seed, and what each eye sees of them."""

from functools import cached_property

import numpy as np

from surg_invnerf.synthetic.camera_path import CameraPath
from surg_invnerf.synthetic.instrument import Instrument, render_instrument
from surg_invnerf.synthetic.intersection import mesh_material, render_material
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
        path, tissue, texture, tool = np.random.default_rng(config.seed).spawn(4)
        self._path = CameraPath(config, path)
        self.tissue = Tissue(config, tissue)
        self.instrument = Instrument(config, tool)
        self._world_from_scene = se3.exp(config.world_from_camera0)
        # The right eye's image has the same intrinsics as the left one's.
        camera = self.camera.left
        slopes = np.array([camera.width / camera.fx, camera.height / camera.fy]) / 2
        self.half_size_m = slopes * config.depth_m * 1.25 + _MARGIN_M
        self._texture_rng = texture

    @cached_property
    def texture(self):
        """The Texture, drawn when the first image needs it: truth alone does not."""
        return Texture(self.config, self._texture_rng, self.half_size_m)

    def time_s(self, frame):
        """Return the time of a frame."""
        return frame / self.config.fps

    def world_from_camera(self, frame):
        """Return the true pose [4, 4] (m) of the left camera in the robot's base."""
        return self._world_from_scene @ self._path.scene_from_camera(self.time_s(frame))

    def sheet(self, frame, eye='left'):
        """Return the tissue of a frame in the frame of an eye's camera."""
        return self.tissue.at(self.time_s(frame)).transformed(self._eye_from_scene(frame, eye))

    def capsules(self, frame, eye='left'):
        """Return the instrument's parts in the frame of an eye's camera."""
        parts = self.instrument.at(self.time_s(frame))
        return parts.transformed(self._eye_from_scene(frame, eye))

    def tissue_seen(self, frame, eye='left'):
        """Return the MaterialMap of an eye, as if there were no instrument."""
        return render_material(self.sheet(frame, eye), self.camera.left, self.half_size_m)

    def tissue_mesh(self, frame):
        """Return the `mesh_material` of the left eye."""
        return mesh_material(self.sheet(frame), self.camera.left, self.half_size_m)

    def tool_seen(self, frame, eye='left'):
        """Return the InstrumentMap of an eye, as if there were no tissue."""
        return render_instrument(self.capsules(frame, eye), self.camera.left)

    def _eye_from_scene(self, frame, eye):
        out = se3.inverse(self._path.scene_from_camera(self.time_s(frame)))
        if eye == 'right':
            out[0, 3] -= self.camera.baseline_m
        return out
