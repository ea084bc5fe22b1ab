"""Tissue whose motion is a formula: exact expectations for everything that asks a model."""

import numpy as np
import torch

from surg_invnerf.camera import StereoCamera
from surg_invnerf.model.render import Rendering
from surg_invnerf.observations import FrameObservation, Observations
from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera

CAMERA = StereoCamera(PinholeCamera(64, 48, 80.0, 80.0, 31.5, 23.5), 4e-3)
FRAMES = [0, 1, 2, 5]
DEPTH_M, SIGMA_M = 0.06, 1e-4
# Metres per frame: along the image's axes by 0.8 and 0.4 pixels at DEPTH_M, and away.
VELOCITY_M = np.array([6e-4, 3e-4, 2e-4])


class MovingPlane:
    """
    A plane that faces the camera and moves at VELOCITY_M; canonical is world at frame 0.

    It has what `surg_invnerf.model.query` asks of a TissueModel, without a network.
    """

    device = torch.device('cpu')

    def __init__(self, camera_velocity_m=(0, 0, 0)):
        self.frames = list(FRAMES)
        self.camera_velocity_m = np.asarray(camera_velocity_m, float)

    def world_from_canonical(self, canonical, frames):
        return canonical + frames[:, None] * torch.tensor(VELOCITY_M, dtype=torch.float32)

    def poses(self, frames):
        return torch.tensor(np.stack([self.pose(frame) for frame in frames]), dtype=torch.float32)

    def pose(self, frame):
        return se3.from_rotation_translation(np.eye(3), frame * self.camera_velocity_m)

    def depth_m(self, frame):
        """Depth of the plane in the camera of a frame."""
        return DEPTH_M + frame * (VELOCITY_M - self.camera_velocity_m)[2]

    def render(self, frames, pixels, depth_m, band_m, samples):
        """See the plane where it lies within the band; else what is there, and hardly."""
        frame = int(frames[0])
        plane = torch.full_like(depth_m, self.depth_m(frame))
        hit = (plane - depth_m).abs() <= band_m
        depth = torch.where(hit, plane, depth_m)
        ray = torch.tensor(CAMERA.unproject(pixels.numpy(), depth.numpy()), dtype=torch.float32)
        world = ray + self.poses([frame])[0, :3, 3]
        return Rendering(
            colour=torch.zeros(len(pixels), 3),
            depth_m=depth,
            spread_m=torch.full_like(depth, SIGMA_M),
            canonical=world - frame * torch.tensor(VELOCITY_M, dtype=torch.float32),
            opacity=hit.float(),
        )


def observe(model, **changes):
    """Return Observations of the plane; `changes` are functions of arrays by field name."""
    observations = Observations(CAMERA, has_poses=True)
    shape = (CAMERA.left.height, CAMERA.left.width)
    for frame in model.frames:
        fields = {
            'image': np.full((*shape, 3), 40 * frame % 256, np.uint8),
            'depth_m': np.full(shape, model.depth_m(frame), np.float32),
            'sigma_m': np.full(shape, SIGMA_M, np.float32),
            'usable': np.ones(shape, bool),
            'tool': None,
        }
        for name, change in changes.items():
            fields[name] = change(frame, fields[name])
        pose = model.pose(frame)
        observations.add(
            FrameObservation(frame, 10**8 * (frame + 1), **fields, world_from_camera=pose)
        )
    return observations
