"""
The pose of a CT from points of it that X-rays show (perspective n-point), over several views.

In each view, poses from random small sets of its points are scored by how many others agree; the
winner is the pose that the points of all views support best.  From there Levenberg-Marquardt
minimises the reprojection errors of the points that agree, in all views together, each in units
of its own standard deviation.

Source: Fischler and Bolles, Comm. ACM 1981 (RANSAC); Lepetit et al., IJCV 2009 (EPnP).
"""

from typing import NamedTuple

import cv2
import numpy as np
from scipy.optimize import least_squares

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from xray_registration.solvers.levenberg_marquardt import is_ill_conditioned

# A pose has six unknowns and a point of one view two numbers; the fourth chooses among solutions.
_MIN_POINTS = 4

# A point agrees with a pose up to so many of its standard deviations.
_AGREES = 3.0

# Enough for one set without outliers among 99 % when seven points of ten are outliers.
_SETS = 2000

# Points whose second extent is below this share of their first lie on a line.
_MIN_FLATNESS = 1e-3

# Rounds of choosing those who agree and of minimising their errors; few change after the first.
_ROUNDS = 3


class NoPose(InputError):
    """The points do not determine a pose."""


class Sighting(NamedTuple):
    """
    Points of the CT where one view shows them.

    points_m    [N, 3] in `ct`
    pixels      [N, 2] (u, v) in the view's image
    sigma_px    [N] standard deviation of each pixel along either axis
    """

    points_m: np.ndarray
    pixels: np.ndarray
    sigma_px: np.ndarray


class PointPose(NamedTuple):
    """
    A pose [4, 4] from points.

    inliers     [N] bool of each view: the points that agree with it
    error_px    root mean square of their distances in the image
    steps       of Levenberg-Marquardt
    """

    reference_from_ct: np.ndarray
    inliers: list[np.ndarray]
    error_px: float
    steps: int


def pose_from_sightings(views, sightings):
    """
    Return the PointPose that the points of all views support best.

    views       Views, of which camera and camera_from_reference count; sightings one of each

    Raises NoPose where no view shows four points that are not on one line, or where those that
    agree leave a direction open.
    """
    proposals = [
        se3.inverse(view.camera_from_reference) @ pose
        for view, sighting in zip(views, sightings, strict=True)
        for pose in _proposals(view.camera, sighting)
    ]
    if not proposals:
        most = max((len(s.points_m) for s in sightings), default=0)
        raise NoPose(
            f'a view shows {most} points at most that are not on one line or tell no pose: at '
            f'least {_MIN_POINTS} are needed in one view'
        )
    # A pose from few points is not good enough to judge the best known ones by.
    loose = [s._replace(sigma_px=np.maximum(s.sigma_px, _typical(s))) for s in sightings]
    pose, steps = min(proposals, key=lambda pose: _disagreement(views, loose, pose)), 0
    for judging in (loose, *_ROUNDS * [sightings]):
        inliers = [e < _AGREES for e in _errors(views, judging, pose)]
        if sum(i.sum() for i in inliers) < _MIN_POINTS:
            raise NoPose(
                f'fewer than {_MIN_POINTS} points agree on a pose: check the points and the '
                'geometry of the views'
            )
        solution = _minimised(views, sightings, inliers, pose)
        pose, steps = solution.pose, steps + solution.steps
    if is_ill_conditioned(solution.hessian):
        raise NoPose('the points leave a direction open: add points that are not on one line')
    return PointPose(pose, inliers, _rms_px(views, sightings, inliers, pose), steps)


def _proposals(camera, sighting):
    """Return the carm_from_ct [4, 4] that most points of a view agree on, in a list, or none."""
    points, pixels = (np.ascontiguousarray(x, float) for x in sighting[:2])
    if len(points) < _MIN_POINTS:
        return []
    extents = np.linalg.svd(points - points.mean(0), compute_uv=False)
    if extents[1] < _MIN_FLATNESS * extents[0] or extents[0] == 0:
        return []
    found, rotation, translation, _ = cv2.solvePnPRansac(
        points,
        pixels,
        camera.matrix,
        None,
        iterationsCount=_SETS,
        reprojectionError=_AGREES * _typical(sighting),
        flags=cv2.SOLVEPNP_EPNP,
    )
    if not found or not np.isfinite(translation).all():
        return []
    return [se3.from_rotation_translation(cv2.Rodrigues(rotation)[0], translation[:, 0])]


def _typical(sighting):
    """Return the median standard deviation of a Sighting's points in pixels."""
    return float(np.median(sighting.sigma_px)) if len(sighting.sigma_px) else 0.0


def _errors(views, sightings, reference_from_ct):
    """Return the reprojection errors [N] of each view in standard deviations."""
    return [
        np.linalg.norm(residual, axis=1)
        for residual in _residuals(views, sightings, reference_from_ct)
    ]


def _residuals(views, sightings, reference_from_ct):
    """Return projected minus seen pixels [N, 2] of each view, in standard deviations."""
    found = []
    for view, sighting in zip(views, sightings, strict=True):
        carm_from_ct = view.camera_from_reference @ reference_from_ct
        seen = se3.apply(carm_from_ct, sighting.points_m)
        with np.errstate(divide='ignore', invalid='ignore'):
            away = view.camera.project(seen) - sighting.pixels
        # Behind the source nothing is seen.
        away[~(seen[:, 2] > 0)] = np.inf
        found.append(away / sighting.sigma_px[:, None])
    return found


def _disagreement(views, sightings, reference_from_ct):
    """Return the sum over points of the squared error, as large as it counts at most."""
    errors = np.concatenate(_errors(views, sightings, reference_from_ct))
    return float((np.minimum(errors, _AGREES) ** 2).sum())


class _Minimum(NamedTuple):
    pose: np.ndarray
    hessian: np.ndarray
    steps: int


def _minimised(views, sightings, inliers, pose):
    """Return the _Minimum of the inliers' reprojection errors from a pose [4, 4]."""
    used = [
        Sighting(*(x[i] for x in sighting)) for sighting, i in zip(sightings, inliers, strict=True)
    ]
    # About their middle, turns and shifts of the points hardly mix.
    centre = se3.apply(pose, np.concatenate([s.points_m for s in used]).mean(0))

    def residuals(xi):
        moved = se3.perturb(xi, pose, centre)
        # Steps so long that a point gets behind the source are refused as very costly.
        return np.nan_to_num(
            np.concatenate(_residuals(views, used, moved)).ravel(), posinf=1e6, neginf=-1e6
        )

    found = least_squares(residuals, np.zeros(6), loss='soft_l1', x_scale='jac', xtol=1e-12)
    return _Minimum(se3.perturb(found.x, pose, centre), found.jac.T @ found.jac, found.nfev)


def _rms_px(views, sightings, inliers, pose):
    squared = [
        ((r * s.sigma_px[:, None])[i] ** 2).sum(1)
        for r, s, i in zip(_residuals(views, sightings, pose), sightings, inliers, strict=True)
    ]
    return float(np.sqrt(np.concatenate(squared).mean()))
