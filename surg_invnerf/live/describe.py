"""From the table of points to the result of a frame."""

import numpy as np

from surg_invnerf.live.anchor import fused_px
from surg_invnerf.live.pixels import rescaled
from surg_invnerf.live.result import LiveResult
from surg_invnerf.tracks.covariance import confidence, covariances
from surg_invnerf.tracks.result import Cause


def describe(table, frame, cameras, observation, **rest):
    """
    Return the LiveResult of a frame.

    table       rows of POINT
    cameras     StereoCameras of full-size and working-size images
    observation FrameObservation, or None where nothing could be measured: then no point is seen,
                and none is marked confident
    rest        the remaining fields of LiveResult
    """
    full, working = cameras
    xyz_m = table['xyz_m'].copy()
    xyz_m[:, 2] = np.maximum(xyz_m[:, 2], 1e-3)
    across_px = fused_px(table)
    shape = working.left.height, working.left.width
    depth_m, sigma_m = np.full(shape, np.nan, np.float32), np.full(shape, np.inf, np.float32)
    if observation is not None:
        depth_m = np.where(observation.measured, observation.depth_m, np.float32(np.nan))
        sigma_m = observation.sigma_m
    cause = table['cause'] if observation is not None else np.full(len(table), Cause.UNKNOWN)
    return LiveResult(
        index=frame.index,
        stamp_ns=frame.stamp_ns,
        ids=table['id'].copy(),
        uv=rescaled(table['uv'], working.left, full.left).astype(np.float32),
        xyz_m=table['xyz_m'].astype(np.float32),
        cause=cause.astype(np.uint8),
        confidence=(confidence(across_px) * (observation is not None)).astype(np.float32),
        cov_m2=covariances(working, xyz_m, across_px, table['sigma_m']).astype(np.float32),
        age_s=np.maximum((frame.stamp_ns - table['followed_ns']) * 1e-9, 0).astype(np.float32),
        rgb=table['rgb'].copy(),
        depth_m=depth_m,
        sigma_m=sigma_m,
        observation=observation,
        **rest,
    )
