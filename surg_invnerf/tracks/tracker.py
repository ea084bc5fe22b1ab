"""Tracks out of a fitted model: any pixel of any frame, followed through every frame."""

from dataclasses import dataclass, field

import numpy as np

from surg_invnerf.model import query
from surg_invnerf.tracks.covariance import (
    CovarianceConfig,
    Evidence,
    confidence,
    covariances,
    frames_since,
    point_sigmas,
)
from surg_invnerf.tracks.depth import with_stereo
from surg_invnerf.tracks.occluder import is_tool
from surg_invnerf.tracks.result import Cause, Tracks
from surg_invnerf.tracks.visibility import VisibilityConfig, look, measurement
from surgical_perception.errors import InputError

# A point may be mapped to or behind the camera where tissue never was; its covariance must stay
# finite there.
_MIN_DEPTH_M = 1e-3


@dataclass(frozen=True)
class TrackConfig:
    """
    Everything that `track` may be told.

    model_disparity_px      standard deviation of the model's own disparities, against which those
                            of stereo are weighed
    """

    model_disparity_px: float = 0.05
    visibility: VisibilityConfig = field(default_factory=VisibilityConfig)
    covariance: CovarianceConfig = field(default_factory=CovarianceConfig)


def track(model, observations, queries, ids=None, config=None, *, frames=None, error_grids=None):
    """
    Follow query points through the frames of a fitted model; return Tracks in their order.

    queries         [N, 3] (u, v, frame), pixels of the left image of frames that the model holds
    ids             [N], unique; 0 to N - 1 where not given
    frames          [T] rising; all that model and observations hold where not given
    error_grids     {frame: [gh, gw] reprojection error in px} of the fitter, for the covariance

    Raises InputError for a query outside its image or of a frame that is not held.
    """
    queries = _validated(queries, model, observations)
    points = query.canonical_points(model, observations, queries)
    return follow(
        model,
        observations,
        points.canonical,
        points.sigma_m,
        np.arange(len(queries)) if ids is None else ids,
        config,
        frames=frames,
        error_grids=error_grids,
        picked=queries[:, 2],
    )


def follow(
    model,
    observations,
    canonical,
    sigma_m,
    ids,
    config=None,
    *,
    frames=None,
    error_grids=None,
    picked=None,
):
    """
    Return the Tracks of canonical points [N, 3], as `track` does for queries.

    sigma_m     [N] standard deviation of their depth where they were picked
    picked      [N] frames in which they were picked; None where that is unknown
    """
    config = config or TrackConfig()
    frames = _held(model, observations) if frames is None else np.asarray(frames)
    ids = np.asarray(ids, np.int64)
    if len(np.unique(ids)) != len(canonical):
        raise InputError(f'{len(canonical)} points need as many different ids, not {ids.tolist()}')
    camera = observations.camera
    xyz_m = query.positions(model, canonical, frames)
    depth_m = np.maximum(xyz_m[..., 2], _MIN_DEPTH_M)
    in_front_m = np.concatenate([xyz_m[..., :2], depth_m[..., None]], -1)
    uv = query.project(camera, in_front_m)
    cause = _causes(model, observations, frames, uv, xyz_m[..., 2], config.visibility)
    in_front_m = with_stereo(
        observations, frames, uv, in_front_m, cause, config.model_disparity_px
    )
    xyz_m = np.where(xyz_m[..., 2:] > _MIN_DEPTH_M, in_front_m, xyz_m)
    depth_m = in_front_m[..., 2]
    evidence = Evidence(
        depth_m,
        sigma_m[:, None],
        np.inf if picked is None else np.abs(frames - np.asarray(picked)[:, None]),
        frames_since(cause == Cause.VISIBLE, frames),
        _residuals(camera, frames, uv, error_grids or {}),
        _disagreements(observations, frames, uv, depth_m, cause),
    )
    across_px, along_m = point_sigmas(camera, evidence, config.covariance)
    return Tracks(
        ids,
        frames,
        uv.astype(np.float32),
        xyz_m.astype(np.float32),
        cause,
        covariances(camera, in_front_m, across_px, along_m).astype(np.float32),
        confidence(across_px).astype(np.float32),
    )


def _causes(model, observations, frames, uv, depth_m, config):
    """Return the Cause [N, T] of points at uv [N, T, 2] and depth_m [N, T]."""
    cause = np.empty(uv.shape[:2], np.uint8)
    for column, frame in enumerate(frames.tolist()):

        def rendered(pixels, frame=frame):
            return query.rendered_depth(model, observations, frame, pixels)

        cause[:, column] = look(
            observations.camera,
            observations.frames[frame],
            uv[:, column],
            depth_m[:, column],
            rendered,
            config,
        )
    _find_tools(model, observations, frames, uv, cause, config)
    return cause


def _residuals(camera, frames, uv, error_grids):
    """Return the fit's error (px) around points at uv [N, T, 2]; 0 in frames without a grid."""
    residual_px = np.zeros(uv.shape[:2])
    size = np.array([camera.left.width, camera.left.height])
    for column, frame in enumerate(frames.tolist()):
        if frame in error_grids:
            grid = error_grids[frame]  # its cells cover the image
            cells = np.array(grid.shape[::-1])
            index = np.clip((uv[:, column] + 0.5) / size * cells, 0, cells - 1).astype(int)
            residual_px[:, column] = grid[index[:, 1], index[:, 0]]
    return residual_px


def _disagreements(observations, frames, uv, depth_m, cause):
    """Return |depth - stereo's| (m) [N, T] of points that stereo sees, or denies; else 0."""
    difference_m = np.zeros(uv.shape[:2])
    for column, frame in enumerate(frames.tolist()):
        observed = observations.frames[frame]
        stereo_m, _ = measurement(observations.camera, observed, uv[:, column])
        difference_m[:, column] = np.abs(depth_m[:, column] - stereo_m)
    compared = np.isin(cause, [Cause.VISIBLE, Cause.STEREO_DISAGREES])
    return np.where(compared & np.isfinite(difference_m), difference_m, 0)


def _find_tools(model, observations, frames, uv, cause, config):
    """Turn SELF into TOOL in `cause` [N, T] where a tool without a mask hides a point."""
    unmasked = [observations.frames[frame].tool is None for frame in frames.tolist()]
    rows, columns = np.nonzero((cause == Cause.SELF) & unmasked)
    if rows.size:
        pixels = np.concatenate([uv[rows, columns], frames[columns, None]], -1)
        hiding = query.canonical_points(model, observations, pixels).canonical
        tool = is_tool(model, observations, hiding, frames[columns], config)
        cause[rows[tool], columns[tool]] = Cause.TOOL


def _held(model, observations):
    """Return the frames that both the model and the observations hold, in order."""
    return np.array([frame for frame in model.frames if frame in observations.frames])


def _validated(queries, model, observations):
    """Return queries [N, 3] as float64, or raise InputError."""
    queries = np.asarray(queries, float)
    if queries.ndim != 2 or queries.shape[1] != 3 or not np.isfinite(queries).all():
        raise InputError(
            f'queries of shape {list(queries.shape)}: expected finite numbers [N, 3], '
            'each u, v and frame'
        )
    left, held = observations.camera.left, _held(model, observations)
    for u, v, frame in queries[~np.isin(queries[:, 2], held)][:1]:
        raise InputError(
            f'the query ({u:g}, {v:g}) names frame {frame:g}, which is none of the '
            f'{len(held)} frames of the model, {held.min()} to {held.max()}'
        )
    high = [left.width - 0.5, left.height - 0.5]
    inside = ((queries[:, :2] >= -0.5) & (queries[:, :2] < high)).all(1)
    for u, v, frame in queries[~inside][:1]:
        raise InputError(
            f'the query ({u:g}, {v:g}) of frame {frame:g} lies outside the '
            f'{left.width}x{left.height} image'
        )
    return queries
