"""The exact truth of a scene: where every point is in every frame, and whether it is seen."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from surg_invnerf.synthetic.instrument import in_front_of
from surg_invnerf.synthetic.intersection import front_material
from surg_invnerf.tracks.result import Cause
from surgical_perception.errors import InputError

# A point is hidden where tissue lies in front of it by more than this: rounding is far smaller,
# the folds are far higher.
_HIDDEN_M = 5e-5
# Frames whose meshes are kept: truth is asked frame by frame.
_KEPT_MAPS = 4


@dataclass(frozen=True)
class TrueTracks:
    """
    N points over all T frames.

    uv          [N, T, 2] float64, pixels of the left image, also outside of it
    xyz_m       [N, T, 3] float64, in the left camera of each frame
    visible     [N, T] bool
    cause       [N, T] uint8, of Cause: VISIBLE, TOOL, SELF or OUT_OF_VIEW
    """

    uv: np.ndarray
    xyz_m: np.ndarray
    visible: np.ndarray
    cause: np.ndarray


class Truth:
    """Truth of a Scene; tissue points only."""

    def __init__(self, scene):
        self._scene = scene
        self._mesh = lru_cache(_KEPT_MAPS)(scene.tissue_mesh)

    def world_from_camera(self, frame):
        """Return the pose [4, 4] (m) of the left camera."""
        return self._scene.world_from_camera(frame)

    def depth_m(self, frame):
        """Return the depth [H, W] float32 of what the left image shows, instrument included."""
        depth_m = self._scene.tissue_seen(frame).depth_m
        if self._scene.config.tool:
            depth_m = np.minimum(depth_m, self._scene.tool_seen(frame).depth_m)
        return depth_m.astype(np.float32)

    def tool(self, frame):
        """Return where the left image shows the instrument, [H, W] bool."""
        scene = self._scene
        if not scene.config.tool:
            return np.zeros((scene.camera.left.height, scene.camera.left.width), bool)
        return scene.tool_seen(frame).depth_m < scene.tissue_seen(frame).depth_m

    def tissue_grid(self, frame, step_px, margin_px=8):
        """Return queries [N, 3] (u, v, frame) on a regular grid, those on tissue."""
        camera = self._scene.camera.left
        u, v = (
            np.arange(margin_px, n - margin_px, step_px) for n in (camera.width, camera.height)
        )
        u, v = (axis.ravel() for axis in np.meshgrid(u, v))
        on_tissue = ~self.tool(frame)[v, u]
        u, v = u[on_tissue], v[on_tissue]
        return np.stack([u, v, np.full(len(u), frame)], -1).astype(float)

    def track(self, queries):
        """
        Return the TrueTracks of queries [N, 3] (u, v, frame), over all frames of the clip.

        Raises InputError for queries outside the clip or its images, and for those on the
        instrument (`tissue_grid` gives none).
        """
        material = self.material(queries)
        count = self._scene.config.frames
        uv, xyz_m = np.empty((len(material), count, 2)), np.empty((len(material), count, 3))
        cause = np.empty((len(material), count), np.uint8)
        for frame in range(count):
            xyz_m[:, frame] = self._scene.sheet(frame).positions(material)
            uv[:, frame] = self._scene.camera.left.project(xyz_m[:, frame])
            cause[:, frame] = self._causes(frame, uv[:, frame], xyz_m[:, frame])
        return TrueTracks(uv, xyz_m, cause == Cause.VISIBLE, cause)

    def material(self, queries):
        """Return the material points [N, 2] (m) that queries [N, 3] see; raises as `track`."""
        queries = self._checked(queries)
        material = np.empty((len(queries), 2))
        for frame in np.unique(queries[:, 2]).astype(int):
            asked = queries[:, 2] == frame
            uv = queries[asked, :2]
            sheet = self._scene.sheet(frame)
            front = front_material(sheet, self._scene.camera.left, self._mesh(frame), uv)
            on_tool = self._behind_tool(frame, sheet.positions(front))
            if on_tool.any():
                u, v = uv[on_tool][0]
                raise InputError(
                    f'the query ({u:g}, {v:g}) of frame {frame} is on the instrument: '
                    'take tissue points, as tissue_grid does'
                )
            material[asked] = front
        return material

    def _behind_tool(self, frame, xyz_m):
        """Return [N] bool: the instrument hides points of the left camera's frame."""
        if not self._scene.config.tool:
            return np.zeros(len(xyz_m), bool)
        return in_front_of(self._scene.capsules(frame), xyz_m)

    def _causes(self, frame, uv, xyz_m):
        """Return the Cause [N] uint8 of points at one frame."""
        cause = np.full(len(uv), Cause.OUT_OF_VIEW, np.uint8)
        inside = self._inside(uv) & (xyz_m[:, 2] > 0)
        sheet = self._scene.sheet(frame)
        front = front_material(sheet, self._scene.camera.left, self._mesh(frame), uv[inside])
        front_depth_m = sheet.positions(front)[:, 2]
        hidden = xyz_m[inside, 2] > front_depth_m + _HIDDEN_M
        cause[inside] = np.where(hidden, Cause.SELF, Cause.VISIBLE)
        cause[inside & self._behind_tool(frame, xyz_m)] = Cause.TOOL
        return cause

    def _inside(self, uv):
        camera = self._scene.camera.left
        edge = np.array([camera.width, camera.height]) - 0.5
        return ((uv >= -0.5) & (uv <= edge)).all(-1)

    def _checked(self, queries):
        queries = np.asarray(queries, float).reshape(-1, 3)
        count = self._scene.config.frames
        frames = queries[:, 2]
        if not np.isin(frames, np.arange(count)).all():
            raise InputError(f'a query names a frame that is none of 0 to {count - 1}')
        outside = ~self._inside(queries[:, :2])
        if outside.any():
            u, v, frame = queries[outside][0]
            raise InputError(f'the query ({u:g}, {v:g}) of frame {frame:g} is outside the image')
        return queries
