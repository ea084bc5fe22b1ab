"""The whole model of a clip: camera, workspace, time axis, deformation, field, camera poses."""

import json
from dataclasses import asdict

import numpy as np
import torch
from torch import nn

from surg_invnerf.camera import StereoCamera
from surg_invnerf.model.camera_poses import CameraPoses
from surg_invnerf.model.config import ModelConfig
from surg_invnerf.model.field import CanonicalField
from surg_invnerf.model.frame_gain import FrameGain
from surg_invnerf.model.mapping import InvertibleMapping
from surg_invnerf.model.render import composite, sample_depths
from surg_invnerf.model.time_axis import TimeAxis
from surg_invnerf.model.workspace import Workspace
from surgical_perception.errors import InputError
from surgical_perception.geometry.camera import PinholeCamera

_FORMAT = 1
# A damaged header must not ask for all memory: the largest preset over a long stream has a tenth.
_MAX_CELLS = 100_000_000


class TissueModel(nn.Module):
    """
    Deforming tissue as seen by a moving stereo camera.

    `poses` {frame: world_from_camera [4, 4]} names the frames; `estimated_poses` says whether
    the camera may leave them.  Points are in metres in the world frame, canonical points in
    units of the workspace.
    """

    def __init__(self, config, camera, workspace, poses, estimated_poses=False, capacity=0):
        super().__init__()
        self.config, self.camera, self.workspace = config, camera, workspace
        self.time_axis = TimeAxis(poses, capacity)
        self.poses = CameraPoses(poses, estimated_poses)
        self.mapping = InvertibleMapping(config, self.time_axis)
        self.field = CanonicalField(config)
        self.gain = FrameGain(self.time_axis) if config.frame_gain else None
        self.register_buffer('_centre', torch.tensor(workspace.centre_m, dtype=torch.float32))
        self.register_buffer(
            'workspace_half', torch.tensor(workspace.half_size_m, dtype=torch.float32)
        )

    @property
    def frames(self):
        """Sorted frames on the time axis."""
        return self.time_axis.frames

    @property
    def device(self):
        """Where the parameters are."""
        return self._centre.device

    def retime(self, poses):
        """
        Hold exactly the frames of {frame: world_from_camera}; a new one moves like the nearest.

        Returns [(parameter, function that moves a vector shaped like it)] for an optimiser.
        """
        older = self.time_axis
        self.time_axis = TimeAxis(poses, older.capacity)
        self.poses.retain(poses)
        moves = self.mapping.retime(self.time_axis, older)
        if self.gain is not None:
            moves.append((self.gain.logarithm, self.gain.retime(self.time_axis, older)))
        return moves

    def canonical_from_world(self, points_m, frames):
        """Return canonical points [N, 3] of world points [N, 3] (m) seen in frames [N] (long)."""
        normalised = (points_m - self._centre) / self.workspace_half
        return self.mapping(normalised, self.time_axis.slots(frames))

    def world_from_canonical(self, canonical, frames):
        """Return world points [N, 3] (m) at frames [N] (long) of canonical points [N, 3]."""
        normalised = self.mapping.inverse(canonical, self.time_axis.slots(frames))
        return normalised * self.workspace_half + self._centre

    def world_from_camera(self, frames):
        """Return camera poses [N, 4, 4] at frames [N] (long)."""
        unique, places = torch.unique(frames, return_inverse=True)
        return self.poses(unique.tolist())[places]

    def project(self, points_m, frames):
        """Return pixels [N, 2] and depths [N] (m) of world points [N, 3] in frames [N]."""
        poses = self.world_from_camera(frames)
        local = torch.einsum('nij,ni->nj', poses[:, :3, :3], points_m - poses[:, :3, 3])
        camera, depth = self.camera.left, local[:, 2]
        safe = depth.clamp(min=1e-3)
        u = camera.fx * local[:, 0] / safe + camera.cx
        v = camera.fy * local[:, 1] / safe + camera.cy
        return torch.stack([u, v], 1), depth

    def unproject(self, pixels, depths_m, frames):
        """Return world points [R, S, 3] of pixels [R, 2] at depths [R, S] in frames [R]."""
        camera = self.camera.left
        x = (pixels[:, 0] - camera.cx) / camera.fx
        y = (pixels[:, 1] - camera.cy) / camera.fy
        rays = torch.stack([x, y, torch.ones_like(x)], 1)
        poses = self.world_from_camera(frames)
        rays = torch.einsum('nij,nj->ni', poses[:, :3, :3], rays)
        return depths_m[..., None] * rays[:, None] + poses[:, None, :3, 3]

    def render(self, frames, pixels, depth_m, band_m, samples, jitter=None):
        """
        Return the Rendering of pixels [R, 2] of frames [R] within band_m [R] of depth_m [R].

        jitter as in `render.sample_depths`.
        """
        depths = sample_depths(depth_m, band_m, samples, jitter)
        points = self.unproject(pixels, depths, frames).reshape(-1, 3)
        canonical = self.canonical_from_world(points, frames.repeat_interleave(samples))
        colour, density = self.field(canonical)
        colour = colour.view(*depths.shape, 3)
        if self.gain is not None:
            colour = colour * self.gain(self.time_axis.slots(frames))[:, None]
        return composite(
            depths,
            2 * band_m / samples,
            colour,
            density.view(depths.shape),
            canonical.view(*depths.shape, 3),
        )

    def to_arrays(self):
        """Return everything that `from_arrays` needs, as {name: array}; the header is JSON."""
        header = {
            'format': _FORMAT,
            'config': asdict(self.config),
            'camera': asdict(self.camera),
            'frames': self.frames,
            'capacity': self.time_axis.capacity,
            'estimated_poses': self.poses.estimated,
        }
        kinematics = self.poses.kinematics()
        arrays = {
            'header': np.array(json.dumps(header)),
            'centre_m': self.workspace.centre_m,
            'half_size_m': self.workspace.half_size_m,
            'poses': np.stack([kinematics[frame] for frame in self.frames]),
        }
        for name, tensor in self.state_dict().items():
            arrays[f'parameter/{name}'] = tensor.cpu().numpy()
        return arrays

    @classmethod
    def from_arrays(cls, arrays):
        """Rebuild a model; raises InputError where the arrays are not those of `to_arrays`."""
        try:
            header = json.loads(str(arrays['header']))
            if header['format'] != _FORMAT:
                raise InputError(
                    f'the model has format {header["format"]}, this version reads {_FORMAT}'
                )
            settings = {
                k: tuple(v) if isinstance(v, list) else v for k, v in header['config'].items()
            }
            camera, config = header['camera'], ModelConfig(**settings)
            columns = max(header['capacity'], len(header['frames']))
            if max(config.resolutions) * max(columns, max(config.resolutions)) > _MAX_CELLS:
                raise InputError('the model claims planes of more cells than any model has')
            model = cls(
                config,
                StereoCamera(**{**camera, 'left': PinholeCamera(**camera['left'])}),
                Workspace(np.asarray(arrays['centre_m']), np.asarray(arrays['half_size_m'])),
                dict(zip(header['frames'], np.asarray(arrays['poses']), strict=True)),
                header['estimated_poses'],
                header['capacity'],
            )
            prefix = 'parameter/'
            model.load_state_dict(
                {
                    name.removeprefix(prefix): torch.as_tensor(np.asarray(array))
                    for name, array in arrays.items()
                    if name.startswith(prefix)
                }
            )
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            reason = ' '.join(str(error).split())[:200]
            raise InputError(f'this is no saved model, or a damaged one: {reason}') from None
        return model
