"""
The controls that every tracker is compared with: points that stay, and chained optical flow.

Both take depth from stereo, frame by frame.  Neither knows a point once it has lost it.
"""

from itertools import pairwise

import cv2
import numpy as np
from scipy.ndimage import map_coordinates

from surg_invnerf.correspondence.dense import forward_backward_error
from surg_invnerf.tracks import covariance
from surg_invnerf.tracks.result import Cause, Tracks
from surg_invnerf.tracks.visibility import in_view, measurement
from surgical_perception.errors import InputError

# Flow that does not lead back to its start by less than this has left the point.
_ROUND_TRIP_PX = 1.0
# Standard deviation of a query and of one step (px), of a step that was lost, and of a depth (m)
# that is held from a frame before: so that covariances grow as the errors of chains do.
_QUERY_PX, _STEP_PX, _LOST_STEP_PX = 0.15, 0.3, 2.0
_HELD_DEPTH_M = 5e-3


def static(observations, queries):
    """
    Return Tracks of queries [N, 3] (u, v, frame), in pixels of the observations, that never move.

    They run over all frames that are held.  Raises InputError for a query in any other.
    """

    def stay(_source, _target, uv):
        return uv, np.full(len(uv), _LOST_STEP_PX), np.ones(len(uv), bool)

    return _carried(observations, queries, stay)


def chain(observations, queries):
    """
    Return Tracks of queries [N, 3] (u, v, frame), carried from frame to frame by optical flow.

    Flow is DIS with OpenCV's preset `medium`, sampled bilinearly; depth is that of stereo at the
    point, else its last one.  A point is visible in a frame if the flow there leads back to where
    it came from; where not, it is carried on all the same.  From later frames, queries are
    followed both ways.  Raises InputError for a query in a frame that is not held.
    """
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def follow(source, target, uv):
        images = [cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY) for frame in (source, target)]
        there, back = dis.calc(*images, None), dis.calc(*images[::-1], None)
        error = forward_backward_error(there, back)
        leads_back = (error < _ROUND_TRIP_PX).astype(np.float32)
        step = np.stack([_sampled(there[..., axis], uv) for axis in (0, 1)], -1)
        kept = _sampled(leads_back, uv) > 0.5
        return uv + step, np.where(kept, _STEP_PX, _LOST_STEP_PX), kept

    return _carried(observations, queries, follow)


def _carried(observations, queries, carry):
    """Return the Tracks of points that `carry(source, target, uv)` moves to a next frame."""
    frames = np.array(sorted(observations.frames), int)
    queries = np.asarray(queries, float).reshape(-1, 3)
    start = _columns(frames, queries[:, 2])
    count, everyone = len(queries), np.arange(len(queries))
    uv = np.zeros((count, len(frames), 2))
    depth_m, sigma_m, variance = np.zeros((3, count, len(frames)))
    cause = np.full((count, len(frames)), Cause.UNKNOWN, np.uint8)

    def place(points, column, pixels, kept, held_m):
        frame = observations.frames[int(frames[column])]
        measured_m, measured_sigma_m = measurement(observations.camera, frame, pixels)
        measured = np.isfinite(measured_sigma_m)
        uv[points, column] = pixels
        depth_m[points, column] = np.where(measured, measured_m, held_m)
        sigma_m[points, column] = np.where(measured, measured_sigma_m, _HELD_DEPTH_M)
        seen = np.where(kept, Cause.VISIBLE, Cause.UNKNOWN)
        within = in_view(observations.camera, pixels, depth_m[points, column])
        cause[points, column] = np.where(within, seen, Cause.OUT_OF_VIEW)

    for column in np.unique(start):
        points = everyone[start == column]
        pixels = queries[points, :2]
        filled_m = _sampled(observations.frames[int(frames[column])].depth_m, pixels)
        place(points, column, pixels, np.ones(len(points), bool), filled_m)
        variance[points, column] = _QUERY_PX**2

    columns = range(len(frames))
    for way, has_started in ((columns, np.less_equal), (columns[::-1], np.greater_equal)):
        for source, target in pairwise(way):
            points = everyone[has_started(start, source)]
            if not len(points):
                continue
            pair = (observations.frames[int(frames[column])] for column in (source, target))
            pixels, step_px, kept = carry(*pair, uv[points, source])
            place(points, target, pixels, kept, depth_m[points, source])
            variance[points, target] = variance[points, source] + step_px**2

    xyz_m = observations.camera.unproject(uv, depth_m)
    across_px = np.sqrt(variance)
    seen = cause == Cause.VISIBLE
    return Tracks(
        ids=everyone,
        frames=frames,
        uv=uv.astype(np.float32),
        xyz_m=xyz_m.astype(np.float32),
        cause=cause,
        cov_m2=covariance.covariances(observations.camera, xyz_m, across_px, sigma_m).astype(
            np.float32
        ),
        confidence=np.where(seen, covariance.confidence(across_px), 0).astype(np.float32),
    )


def _columns(frames, wanted):
    """Return where each wanted frame stands among the frames."""
    unknown = np.setdiff1d(wanted, frames)
    if len(unknown):
        raise InputError(
            f'a query names frame {unknown[0]:g}, which is not held: choose among frames '
            f'{frames[0]} to {frames[-1]}'
        )
    return np.searchsorted(frames, wanted)


def _sampled(field, uv):
    """Return a field [H, W] at pixels [N, 2], bilinear; outside, that of the nearest pixel."""
    return map_coordinates(field, uv.T[::-1], order=1, mode='nearest')
