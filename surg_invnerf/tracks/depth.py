"""The depth of a track, from every frame that sees it."""

import numpy as np

from surg_invnerf.geometry import bilinear
from surg_invnerf.tracks.result import Cause
from surg_invnerf.tracks.visibility import measurement

# A track that strays to infinity in one frame must not come back from behind the camera.
_MIN_NEARER = 0.5


def with_stereo(observations, frames, uv, xyz_m, cause, prior_px):
    """
    Return points [N, T, 3] (m) moved along their rays to where stereo, on average, sees them.

    uv          [N, T, 2], cause [N, T] of the points
    prior_px    standard deviation of the model's disparities, the weight of "no correction"

    A ray finds an opaque surface early or late by a part of its spacing, which shifts a track in
    all frames alike; stereo errs from frame to frame.  One offset in disparity per track takes
    the first away and averages the second: the mean over the frames that see the point, by
    inverse variance.
    """
    focal_baseline = observations.camera.focal_baseline
    weighted, weights = np.zeros((2, len(uv)))
    for column, frame in enumerate(frames.tolist()):
        observed, at = observations.frames[frame], uv[:, column]
        _, sigma_m = measurement(observations.camera, observed, at)
        seen = (cause[:, column] == Cause.VISIBLE) & np.isfinite(sigma_m)
        stereo_m = bilinear(observed.depth_m, at[seen])
        sigma_px = sigma_m[seen] * focal_baseline / np.square(stereo_m)
        weight = 1 / np.square(sigma_px)
        offset_px = focal_baseline / stereo_m - focal_baseline / xyz_m[seen, column, 2]
        weighted[seen] += weight * offset_px
        weights[seen] += weight
    offset_px = weighted / (weights + 1 / prior_px**2)
    # depth = f b / disparity, and the offset adds to the disparity.
    nearer = 1 + offset_px[:, None, None] * xyz_m[..., 2:] / focal_baseline
    return xyz_m / np.maximum(nearer, _MIN_NEARER)
