"""Whether a point is seen in a frame, and if not, why."""

from dataclasses import dataclass

import numpy as np

from surg_invnerf.tracks.result import Cause


@dataclass(frozen=True)
class VisibilityConfig:
    """When a point is not seen; depths are compared along the optical axis."""

    # Behind what is measured by more than both of these: occluded.
    behind_m: float = 2e-3
    behind_sigmas: float = 3.0
    # In front of what is measured by more than both: tissue cannot float, the mapping is wrong.
    # Wider than behind, since holes of a tool's silhouette are filled from behind.
    front_m: float = 5e-3
    front_sigmas: float = 6.0
    # The model's own surface counts from this opacity on; below it nothing was learned there.
    min_opacity: float = 0.5


def look(camera, frame, uv, depth_m, rendered, config):
    """
    Return the Cause [M] uint8 of each point: whether a frame sees it, and if not, why.

    camera      StereoCamera
    frame       FrameObservation
    uv          [M, 2] pixels, depth_m [M]: where the points are in its left camera
    rendered    function of pixels [K, 2] that returns the model's own (depth_m, opacity, sigma_m)
                [K] each; asked only where stereo does not say "seen"

    Tool masks go first, then stereo, then the model.  What stereo sees in front of a point is
    tissue where the model has its own surface in front of the point too, else a tool.
    """
    inside = in_view(camera, uv, depth_m)
    column, row = pixel_of(camera, uv)
    measured_m = np.where(inside, frame.depth_m[row, column], np.nan)
    sigma_m = np.where(inside, frame.sigma_m[row, column], np.inf)
    measured = np.isfinite(sigma_m)
    measured_m = np.where(measured, measured_m, np.nan)

    behind, front = _against(depth_m, measured_m, sigma_m, config)
    on_tool = inside & (frame.tool[row, column] if frame.tool is not None else False)
    asked = np.flatnonzero(inside & ~on_tool & (behind | ~measured))
    own_seen, own_hidden = np.zeros((2, len(uv)), bool)
    if asked.size:
        own_m, opacity, own_sigma_m = rendered(uv[asked])
        own_behind, _ = _against(depth_m[asked], own_m, own_sigma_m, config)
        known = opacity >= config.min_opacity
        own_hidden[asked] = known & own_behind
        own_seen[asked] = known & ~own_behind

    cause = np.select(
        [~inside, on_tool, measured & front, measured & ~behind, own_hidden, behind, own_seen],
        [
            Cause.OUT_OF_VIEW,
            Cause.TOOL,
            Cause.STEREO_DISAGREES,
            Cause.VISIBLE,
            Cause.SELF,
            Cause.TOOL,
            Cause.VISIBLE,
        ],
        Cause.UNKNOWN,
    )
    return cause.astype(np.uint8)


def in_view(camera, uv, depth_m):
    """[M] bool: in front of the camera, and on a pixel of the left image."""
    left = camera.left
    u, v = uv[..., 0], uv[..., 1]
    inside = (u >= -0.5) & (u < left.width - 0.5) & (v >= -0.5) & (v < left.height - 0.5)
    return inside & (depth_m > 0)


def pixel_of(camera, uv):
    """Return (columns, rows) of the pixels that hold uv [M, 2], clamped to the image."""
    nearest = np.rint(np.nan_to_num(uv)).astype(int)
    column = np.clip(nearest[..., 0], 0, camera.left.width - 1)
    row = np.clip(nearest[..., 1], 0, camera.left.height - 1)
    return column, row


def _against(depth_m, surface_m, sigma_m, config):
    """Return whether depths lie clearly behind, and clearly in front of, a surface."""
    with np.errstate(invalid='ignore'):  # comparisons with no measurement are false
        gap = depth_m - surface_m
        behind = gap > np.maximum(config.behind_m, config.behind_sigmas * sigma_m)
        front = -gap > np.maximum(config.front_m, config.front_sigmas * sigma_m)
    return behind, front
