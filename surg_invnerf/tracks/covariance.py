"""How far a tracked point may be from the truth: its 3x3 covariance, and a confidence."""

from dataclasses import dataclass

import numpy as np

# Tracks.confidence is the probability of an error below this.
CONFIDENT_WITHIN_PX = 4.0


@dataclass(frozen=True)
class CovarianceConfig:
    """
    Standard deviations, calibrated on synthetic scenes that no benchmark uses.

    Along the ray a depth error is known as a disparity, as the spread of density on the ray where
    the point was picked, and by what stereo measures now.  Across the ray a point drifts from
    correspondence to correspondence, and a depth error becomes parallax as the camera moves.
    """

    disparity_px: float = 0.09
    ray_share: float = 1.1  # of the spread on the ray
    disagreement_share: float = 0.4  # of the difference to stereo, in a frame that sees the point
    pixel_px: float = 0.15
    drift_px: float = 0.026  # for every frame between this one and that of the query...
    max_drift_frames: float = 30.0  # ...up to here, where long correspondences hold the point
    residual_share: float = 0.15  # of the fit's reprojection error around the point
    parallax_baselines: float = 0.9  # camera motion over which a depth error shows
    # For every frame to the nearest one that sees the point.
    lost_px: float = 0.4
    lost_m: float = 2e-4
    # No further growth: a point that was never seen has finite numbers as well.
    max_lost_frames: float = 100.0


@dataclass(frozen=True)
class Evidence:
    """
    What is known about N points in T frames; arrays that broadcast to [N, T].

    depth_m         of the points, in the left camera of each frame
    ray_sigma_m     spread of density along the ray where they were picked
    drift_frames    number of frames to the one of the query; infinite where nobody knows
    lost_frames     number of frames to the nearest one that sees the point; infinite: none does
    residual_px     reprojection error of the fit around the point; 0 where unknown
    disagreement_m  difference to stereo's depth; 0 where there is none to compare with
    """

    depth_m: np.ndarray
    ray_sigma_m: np.ndarray
    drift_frames: np.ndarray
    lost_frames: np.ndarray
    residual_px: np.ndarray
    disagreement_m: np.ndarray


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


def point_sigmas(camera, evidence, config):
    """Return the standard deviations across (px) and along (m) the ray, [N, T] each."""
    lost = np.minimum(evidence.lost_frames, config.max_lost_frames)
    drift = np.minimum(evidence.drift_frames, config.max_drift_frames)
    along_m = _root_of_squares(
        camera.sigma_from_disparity(evidence.depth_m, config.disparity_px),
        config.ray_share * evidence.ray_sigma_m,
        config.disagreement_share * evidence.disagreement_m,
        config.lost_m * lost,
    )
    disparity_px = along_m * camera.focal_baseline / np.square(evidence.depth_m)
    across_px = _root_of_squares(
        config.pixel_px,
        config.drift_px * drift,
        config.residual_share * evidence.residual_px,
        config.parallax_baselines * disparity_px,
        config.lost_px * lost,
    )
    return across_px, along_m


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


def _root_of_squares(*terms):
    """Return the standard deviation of a sum of independent errors."""
    return np.sqrt(sum(np.square(term) for term in terms))
