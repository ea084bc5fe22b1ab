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
    # Wider than behind, as stereo smears a silhouette over what lies beside it.
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
                [K] each; asked only where stereo says nothing

    Tool masks go first, then stereo, then the model.  What hides a point is taken for tissue
    where no mask covers it; `occluder` looks closer where there is no mask.
    """
    inside = in_view(camera, uv, depth_m)
    surface_m, sigma_m = measurement(camera, frame, uv)
    measured = inside & np.isfinite(sigma_m)
    behind, _ = against(depth_m, surface_m, sigma_m, config.behind_m, config.behind_sigmas)
    _, front = against(depth_m, surface_m, sigma_m, config.front_m, config.front_sigmas)
    on_tool = np.zeros(len(uv), bool)
    if frame.tool is not None:
        column, row = pixel_of(camera, uv)
        on_tool = inside & frame.tool[row, column]

    unsaid = np.flatnonzero(inside & ~on_tool & ~measured)
    own_seen, own_hidden = np.zeros((2, len(uv)), bool)
    if unsaid.size:
        own_m, opacity, own_sigma_m = rendered(uv[unsaid])
        hidden, _ = against(
            depth_m[unsaid], own_m, own_sigma_m, config.behind_m, config.behind_sigmas
        )
        known = opacity >= config.min_opacity
        own_hidden[unsaid], own_seen[unsaid] = known & hidden, known & ~hidden

    rules = {  # the first that holds
        Cause.OUT_OF_VIEW: ~inside,
        Cause.TOOL: on_tool,
        Cause.STEREO_DISAGREES: measured & front,
        Cause.SELF: (measured & behind) | own_hidden,
        Cause.VISIBLE: measured | own_seen,
    }
    return np.select(list(rules.values()), list(rules), Cause.UNKNOWN).astype(np.uint8)


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


def measurement(camera, frame, uv):
    """Return stereo's (depth_m, sigma_m) [M] at pixels [M, 2]; NaN and infinity without."""
    column, row = pixel_of(camera, uv)
    sigma_m = frame.sigma_m[row, column]
    return np.where(np.isfinite(sigma_m), frame.depth_m[row, column], np.nan), sigma_m


def against(depth_m, surface_m, sigma_m, least_m, least_sigmas):
    """Return whether depths [M] lie behind, or in front of, a surface by more than both limits."""
    gap_m = depth_m - surface_m
    limit_m = np.maximum(least_m, least_sigmas * sigma_m)
    return gap_m > limit_m, -gap_m > limit_m
