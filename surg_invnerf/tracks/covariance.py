"""How far a tracked point may be from the truth: its 3x3 covariance, and a confidence."""

from dataclasses import dataclass

import numpy as np

# Tracks.confidence is the probability of an error below this.
CONFIDENT_WITHIN_PX = 4.0


@dataclass(frozen=True)
class CovarianceConfig:
    """Standard deviations, calibrated on synthetic scenes that the benchmark does not use."""

    pixel_px: float = 0.5  # across the ray in a frame that supports the point
    residual_share: float = 1.0  # how much of a frame's fit residual is error of a point
    disparity_px: float = 0.3  # along the ray, as a disparity, in a frame that supports the point
    # Growth for every frame to the nearest one that supports the point.
    lost_px: float = 0.5
    lost_m: float = 2e-4
    # No further growth: a point that was never supported has finite numbers as well.
    max_lost_frames: float = 100.0


def frames_since(supported, frames):
    """
    Return how many frames each frame is away from the nearest one that supports the point.

    supported   [N, T] bool, frames [T] rising indices; the result is [N, T], infinite in rows
    without any support.
    """
    frames = np.asarray(frames, float)
    before = np.where(supported, frames, -np.inf)
    after = np.where(supported, frames, np.inf)
    before = np.maximum.accumulate(before, 1)
    after = np.minimum.accumulate(after[:, ::-1], 1)[:, ::-1]
    return np.minimum(frames - before, after - frames)


def point_sigmas(camera, depth_m, ray_sigma_m, lost_frames, residual_px, config):
    """
    Return the standard deviations across (px) and along (m) the ray, [N, T] each.

    depth_m         [N, T] of the points
    ray_sigma_m     [N] of the canonical points, from stereo and the ray at the query
    lost_frames     [N, T] of `frames_since`
    residual_px     [N, T] reprojection error of the fit around the point; 0 where unknown
    """
    lost_frames = np.minimum(lost_frames, config.max_lost_frames)
    variance_px = (
        config.pixel_px**2
        + (config.residual_share * residual_px) ** 2
        + (config.lost_px * lost_frames) ** 2
    )
    along_m = camera.sigma_from_disparity(depth_m, config.disparity_px)
    variance_m = along_m**2 + ray_sigma_m[:, None] ** 2 + (config.lost_m * lost_frames) ** 2
    return np.sqrt(variance_px), np.sqrt(variance_m)


def covariances(camera, xyz_m, across_px, along_m):
    """
    Return [..., 3, 3] (m^2) of points [..., 3] in the left camera.

    A point is z * (x/z, y/z, 1): the pixel's error moves it parallel to the image by z / f, the
    depth's along its ray.  First order; source: propagation of u, v, z through the pinhole.
    """
    depth = xyz_m[..., 2]
    along = xyz_m * (along_m / depth)[..., None]
    cov = along[..., :, None] * along[..., None, :]
    cov[..., 0, 0] += (across_px * depth / camera.left.fx) ** 2
    cov[..., 1, 1] += (across_px * depth / camera.left.fy) ** 2
    return cov


def confidence(across_px):
    """Return the probability that a pixel with this standard deviation per axis is close."""
    return 1 - np.exp(-0.5 * (CONFIDENT_WITHIN_PX / across_px) ** 2)
