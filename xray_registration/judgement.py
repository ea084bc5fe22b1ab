"""From a pose to a Result: its uncertainty, the evidence, the verdict, and what is not seen."""

import time

import numpy as np

from surgical_perception.geometry import se3
from xray_registration import covariance, evidence, gate, mirror
from xray_registration.objective import LevelObjective
from xray_registration.observability import observability
from xray_registration.result import Result, SolverStatus, Verdict


def judged(request, estimate, calibration, began_s):
    """
    Put uncertainty and verdict beside an Estimate; the same for every method.

    calibration     Calibration of the C-arm's geometry, or None
    began_s         of time.monotonic(), when the registration began
    """
    config, pose = request.config, estimate.ct_from_reference
    reference_from_ct = se3.inverse(pose)
    twist_covariance = covariance.twist_covariance(estimate.model)
    sigma_mm = covariance.sigma_along_axes_mm(
        twist_covariance, request.camera_from_reference @ reference_from_ct
    )
    objective = _level(request, config.search_levels - 1, calibration, reference_from_ct)
    finest = _level(request, len(config.levels) - 1, calibration, reference_from_ct)
    found = evidence.gathered(objective, finest, estimate, sigma_mm)
    verdict, reason = gate.judge(found, config.gate)
    if config.gate.test_mirrored:
        refused = verdict is Verdict.REJECTED
        mirrored = mirror.compared(request, pose, refused)
        found = found._replace(
            mirrored_ratio=mirrored.ratio,
            mirrored_cost=mirrored.cost,
            mirrored_flip=mirrored.flip,
        )
        if request.interrupt():  # the question was not answered, so the result is not OK
            found = found._replace(status=SolverStatus.TIMEOUT)
        verdict, reason = gate.judge(found, config.gate)
    seen = None
    if config.gate.advise and verdict is not Verdict.REJECTED:
        seen = observability(request, objective, pose, twist_covariance)
    return Result(
        reference_from_ct=reference_from_ct,
        covariance=covariance.pose_covariance(
            twist_covariance, reference_from_ct, request.isocentre_m
        ),
        sigma_mm=sigma_mm,
        verdict=verdict,
        reason=reason,
        similarity=found.similarity,
        status=estimate.status,
        iterations=estimate.steps,
        starts=estimate.starts,
        time_s=time.monotonic() - began_s,
        cost=found.cost,
        overlap=found.overlap,
        calibration=calibration,
        evidence=found,
        observability=seen,
    )


def refused(reason, start, began_s):
    """Return the Result of X-rays that are not worth a search; the pose is where it began."""
    return Result(
        reference_from_ct=np.eye(4) if start is None else start,
        covariance=covariance.UNKNOWN_VARIANCE * np.eye(6),
        sigma_mm=np.full(3, 1e3 * np.sqrt(covariance.UNKNOWN_VARIANCE)),
        verdict=Verdict.REJECTED,
        reason=reason,
        similarity=0.0,
        status=SolverStatus.NOT_STARTED,
        iterations=0,
        starts=0,
        time_s=time.monotonic() - began_s,
    )


def _level(request, index, calibration, reference_from_ct):
    """Return the LevelObjective of a level, with the geometry that was found."""
    if calibration is None:
        return request.levels[index]
    views = calibration.corrected(request.views, reference_from_ct)
    level = request.config.levels[index]
    objective = LevelObjective(views, request.volumes, level, request.config)
    objective.focus(se3.inverse(reference_from_ct))
    return objective
