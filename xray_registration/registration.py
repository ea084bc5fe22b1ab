"""Register a CT to X-rays: one call from views and a start to a pose with its verdict."""

import time

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from xray_registration import gate
from xray_registration.calibration import calibrated
from xray_registration.config import INITS, REGIONS, RegistrationConfig
from xray_registration.judgement import judged, refused
from xray_registration.masks.automatic import with_masks
from xray_registration.methods import METHODS
from xray_registration.methods.request import Request
from xray_registration.objective import LevelObjective
from xray_registration.pyramid import VolumePyramid
from xray_registration.search.hypotheses import check_search
from xray_registration.solvers.levenberg_marquardt import is_ill_conditioned
from xray_registration.structure import structure


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
    method = METHODS[config.method]
    if method.needs and method.needs not in volumes.networks:
        raise InputError(
            f'method {config.method} needs weights that `train {method.needs}` wrote: give them, '
            'or take method lm'
        )
    if config.region.kind not in REGIONS:
        raise InputError(
            f'region.kind is {config.region.kind!r}, expected one of {", ".join(REGIONS)}'
        )
    if start is None:
        if config.region.kind == 'projection':
            raise InputError(
                'there is no start, but region.kind is projection, which compares nothing until '
                'it is known roughly where the CT is: give a start'
            )
        check_search(config)
    else:
        start = se3.validated(start, 'the start pose')
    began = time.monotonic()
    views, _ = with_masks(views, config.masks)
    blank = gate.blank_reason([structure(view) for view in views], config.gate)
    if blank:
        return refused(blank, start, began)

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
    estimate, calibration = method.estimate(request), None
    if config.calibration.is_active and not is_ill_conditioned(estimate.model.hessian):
        estimate, calibration = calibrated(request, estimate)
    return judged(request, estimate, calibration, began)
