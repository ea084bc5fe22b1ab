"""
Errors of a rigid registration, and statistics over many that never drop a failure.

Poses are `reference_from_ct` [4, 4], points are anatomical points [N, 3] of the `ct` frame; both
in metres.  Errors are in mm and degrees, as the literature reports them.  A failure enters the
statistics as NaN or infinity and counts as an infinite error.
Sources: van de Kraats et al., "Standardized evaluation methodology for 2-D-3-D registration",
IEEE TMI 24(9), 2005; Wilson, JASA 22, 1927.
"""

import numpy as np

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3

SUCCESS_MM = 1.0  # a registration with mTRE below it is sub-millimetre (SMSR)
NORMAL_95 = 1.959964  # two-sided 95 % quantile of the normal distribution


def mtre_mm(estimate, truth, points):
    """Mean target registration error in 3D: mean |E p - T p|."""
    return 1e3 * float(np.linalg.norm(_displacements(estimate, truth, points), axis=1).mean())


def mpe_mm(estimate, truth, points, camera, camera_from_reference, pixel_mm):
    """
    Mean projection error: mean |proj(E p) - proj(T p)| on the detector, times its pixel size.

    It is blind to most of an error along the rays; `pixel_mm` is a pixel of that camera's image.
    """
    pixels = [
        camera.project(se3.apply(camera_from_reference @ pose, points))
        for pose in (estimate, truth)
    ]
    return pixel_mm * float(np.linalg.norm(pixels[0] - pixels[1], axis=1).mean())


def mrpe_mm(estimate, truth, points, camera_from_reference):
    """
    Mean reprojection error: mean distance of T p from the ray through the source and E p.

    Van de Kraats' reprojection distance: the error across the rays, in the patient.
    """
    true_points = se3.apply(camera_from_reference @ truth, points)
    rays = se3.apply(camera_from_reference @ estimate, points)
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    across = true_points - (true_points * rays).sum(1, keepdims=True) * rays
    return 1e3 * float(np.linalg.norm(across, axis=1).mean())


def rotation_error_deg(estimate, truth):
    """Angle of the rotation T^-1 E."""
    return float(np.degrees(se3.rotation_angle(se3.inverse(truth) @ estimate)))


def geodesic_mm(estimate, truth, radius_m):
    """
    Length of the se(3) geodesic: sqrt(|v|^2 + |radius omega|^2), (v, omega) = log(T^-1 E).

    `radius_m` says how many metres one radian weighs, e.g. the size of the anatomy.
    """
    twist = se3.log(se3.inverse(truth) @ estimate)
    return 1e3 * float(np.linalg.norm(twist * np.array([1, 1, 1, *[radius_m] * 3])))


def camera_axes_error_mm(estimate, truth, point, camera_from_reference):
    """Return the displacement [3] of one point in the axes of a camera: right, down, depth."""
    shift = _displacements(estimate, truth, np.atleast_2d(point))[0]
    return 1e3 * camera_from_reference[:3, :3] @ shift


def in_plane_error_mm(axes_error_mm):
    """Length of the error across the optical axis: |(right, down)|."""
    return float(np.linalg.norm(axes_error_mm[:2]))


def depth_error_mm(axes_error_mm):
    """Length of the error along the optical axis: |depth|."""
    return float(abs(axes_error_mm[2]))


def success_rate(errors, limit=SUCCESS_MM):
    """Share of errors below `limit`; with mTRE in mm and 1 mm it is the SMSR."""
    return float((_with_failures(errors) < limit).mean())


def percentile(errors, percent):
    """
    Percentile with linear interpolation between the sorted errors, failures being infinite.

    Infinite where it falls on or beside a failure: no value that succeeded stands in for it.
    """
    ordered = np.sort(_with_failures(errors))
    position = (len(ordered) - 1) * percent / 100
    low, high = int(np.floor(position)), int(np.ceil(position))
    if np.isinf(ordered[high]):
        return float('inf')
    return float(ordered[low] + (position - low) * (ordered[high] - ordered[low]))


def wilson_interval(successes, trials, z=NORMAL_95):
    """
    Wilson's score interval (low, high) of a proportion.

    (p + z^2 / 2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n): unlike the normal
    interval, it does not collapse to a point at 0 or n successes.
    """
    if not 0 <= successes <= trials or trials < 1:
        raise InputError(f'{successes} successes of {trials} trials are not a proportion')
    share = successes / trials
    centre = share + z * z / (2 * trials)
    half = z * np.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    # At 0 and n successes one end is 0 or 1 but for rounding.
    return max(float((centre - half) / scale), 0.0), min(float((centre + half) / scale), 1.0)


def capture_range_mm(start_errors, end_errors, success_mm=SUCCESS_MM, share=0.95, bin_mm=1.0):
    """
    Largest start mTRE up to which every bin of starts succeeds in at least `share` of its cases.

    Van de Kraats' capture range.  Bins without a case say nothing and are passed over, but the
    range never reaches beyond the last bin that holds one; 0 where the first bin fails.
    """
    starts = np.asarray(start_errors, float)
    succeeded = _with_failures(end_errors) < success_mm
    if starts.shape != succeeded.shape or not np.isfinite(starts).all():
        raise InputError('capture range needs one finite start error for each end error')
    bins = np.floor(starts / bin_mm).astype(int)
    reached = 0.0
    for index in np.unique(bins):
        if succeeded[bins == index].mean() < share:
            break
        reached = (index + 1) * bin_mm
    return float(reached)


def _displacements(estimate, truth, points):
    return se3.apply(estimate, points) - se3.apply(truth, points)


def _with_failures(errors):
    errors = np.asarray(errors, float).ravel()
    if errors.size == 0:
        raise InputError('no errors were given: a statistic over nothing has no value')
    return np.where(np.isnan(errors), np.inf, errors)
