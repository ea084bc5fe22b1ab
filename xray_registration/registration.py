"""Register a CT to X-rays: one call from views and a start to a pose with its verdict."""

import time

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from xray_registration import covariance, gate
from xray_registration.calibration import calibrated
from xray_registration.config import INITS, RegistrationConfig
from xray_registration.methods import METHODS
from xray_registration.methods.request import Request
from xray_registration.objective import LevelObjective
from xray_registration.pyramid import VolumePyramid
from xray_registration.result import Result
from xray_registration.search.hypotheses import standard_poses
from xray_registration.solvers.levenberg_marquardt import is_ill_conditioned


class Cancelled(Exception):
    """The caller's `cancelled` said to stop."""


def register(views, volume, start=None, config=None, cancelled=None):
    """
    Find the pose of the CT from one or several X-rays.

    views       list of View, at least one; several share the reference frame
    volume      AttenuationVolume, or a VolumePyramid to reuse its grids
    start       reference_from_ct [4, 4] (m); None searches every position of the config
    config      RegistrationConfig
    cancelled   called between renderings; True raises Cancelled

    Returns a Result of any verdict.  Raises InputError for arguments that do not fit together.
    """
    config = config or RegistrationConfig()
    if not views:
        raise InputError('no X-ray given: at least one view is needed')
    if config.method not in METHODS:
        raise InputError(f'method is {config.method!r}, expected one of {", ".join(METHODS)}')
    if config.init not in INITS:
        raise InputError(f'init is {config.init!r}, expected one of {", ".join(INITS)}')
    volumes = volume if isinstance(volume, VolumePyramid) else VolumePyramid(volume)
    if start is None:
        standard_poses(config, volumes.isocentre_m)  # refused before any work is done
    else:
        start = se3.validated(start, 'the start pose')
    began = time.monotonic()

    def interrupt():
        if cancelled and cancelled():
            raise Cancelled
        return time.monotonic() - began > config.timeout_s

    request = Request(
        views,
        volumes,
        [LevelObjective(views, volumes, level, config) for level in config.levels],
        views[0].camera_from_reference,
        start,
        volumes.isocentre_m,
        config,
        interrupt,
    )
    estimate, calibration = METHODS[config.method](request), None
    if config.calibration.is_active and not is_ill_conditioned(estimate.model.hessian):
        estimate, calibration = calibrated(request, estimate)
    return _judged(request, estimate, calibration, began)


def _judged(request, estimate, calibration, began):
    """Put uncertainty and verdict beside an Estimate; the same for every method."""
    config, isocentre_m = request.config, request.isocentre_m
    reference_from_ct = se3.inverse(estimate.ct_from_reference)
    twist_covariance = covariance.twist_covariance(estimate.model)
    sigma_mm = covariance.sigma_along_axes_mm(
        twist_covariance, request.camera_from_reference @ reference_from_ct
    )
    match = request.levels[config.search_levels - 1].match(estimate.ct_from_reference)
    evidence = gate.Evidence(
        estimate.status, match.cost, match.similarity, sigma_mm, match.overlap
    )
    verdict, reason = gate.judge(evidence, config.gate)
    return Result(
        reference_from_ct=reference_from_ct,
        covariance=covariance.pose_covariance(twist_covariance, reference_from_ct, isocentre_m),
        sigma_mm=sigma_mm,
        verdict=verdict,
        reason=reason,
        similarity=match.similarity,
        status=estimate.status,
        iterations=estimate.steps,
        starts=estimate.starts,
        time_s=time.monotonic() - began,
        cost=match.cost,
        overlap=match.overlap,
        calibration=calibration,
    )
