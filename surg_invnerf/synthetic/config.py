"""Settings of a synthetic scene; the seed draws what they leave open."""

from dataclasses import dataclass

import numpy as np

from surg_invnerf.camera import StereoCamera
from surgical_perception.errors import InputError
from surgical_perception.geometry.camera import PinholeCamera

# The principal point of a rectified image is never its centre; shares of the image's size.
_PRINCIPAL_POINT = (0.507, 0.491)


@dataclass(frozen=True)
class SceneConfig:
    """
    One clip; factors scale what the seed draws, 1 is what in-vivo clips look like.

    The motion is bounded: it comes back, so that clips of any length may be made.
    """

    seed: int = 1
    frames: int = 40
    width: int = 320
    height: int = 256
    fps: float = 10.0
    field_of_view_deg: float = 58.0  # across the width
    baseline_m: float = 0.0045
    depth_m: float = 0.082  # of the tissue in the middle of frame 0

    camera_motion: float = 1.0  # factor; 0 holds the scope still
    deformation: float = 1.0  # factor; 0 makes the tissue rigid
    fold: float = 1.0  # factor on how far a ridge leans over; from 1.4 on it hides tissue
    breathing_s: float = 3.6  # period of the ventilator
    heartbeat_s: float = 0.85

    specularity: float = 1.0  # factor on the moist highlights; 0 is matt
    noise: float = 1.0  # factor on the sensor's noise
    tool: bool = True  # an instrument passes in front of the tissue

    poses: bool = False  # frames carry world_from_camera, as the robot says it
    # Twists (m, rad).  Where the left camera of frame 0 stands in the robot's base, and the error
    # of the hand-eye calibration: the robot says true_pose @ exp(wrong_hand_eye).
    world_from_camera0: tuple = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    wrong_hand_eye: tuple = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    pose_jitter_m: float = 0.0  # standard deviations of what joints add, frame by frame
    pose_jitter_rad: float = 0.0
    tool_masks: bool = False  # frames carry the instrument's mask

    @property
    def camera(self):
        """The StereoCamera of the clip."""
        f = self.width / 2 / np.tan(np.radians(self.field_of_view_deg) / 2)
        cx = _PRINCIPAL_POINT[0] * self.width - 0.5
        cy = _PRINCIPAL_POINT[1] * self.height - 0.5
        return StereoCamera(PinholeCamera(self.width, self.height, f, f, cx, cy), self.baseline_m)

    def validated(self):
        """Return self, or raise InputError for a scene that cannot be rendered."""
        for name, least in (('seed', 0), ('frames', 1), ('width', 16), ('height', 16)):
            value = getattr(self, name)
            if not isinstance(value, (int, np.integer)) or value < least:
                raise InputError(f'{name} is {value!r}, expected an integer of at least {least}')
        for name in ('fps', 'breathing_s', 'heartbeat_s'):
            if not 0 < getattr(self, name) < np.inf:
                raise InputError(f'{name} is {getattr(self, name):g}, it must be positive')
        for name in ('camera_motion', 'deformation', 'fold', 'specularity', 'noise'):
            if not 0 <= getattr(self, name) <= 2:
                raise InputError(f'{name} is {getattr(self, name):g}, expected 0 to 2')
        for name in ('world_from_camera0', 'wrong_hand_eye'):
            if np.shape(getattr(self, name)) != (6,):
                raise InputError(f'{name} is {getattr(self, name)!r}, expected 6 numbers (m, rad)')
        if not (self.pose_jitter_m >= 0 and self.pose_jitter_rad >= 0):
            raise InputError('pose_jitter_m and pose_jitter_rad must not be negative')
        if not 20 <= self.field_of_view_deg <= 80:
            raise InputError(f'field_of_view_deg is {self.field_of_view_deg:g}, expected 20 to 80')
        if not 0.05 <= self.depth_m <= 0.15:
            raise InputError(f'depth_m is {self.depth_m:g}, expected 0.05 to 0.15')
        self.camera.validated()
        return self
