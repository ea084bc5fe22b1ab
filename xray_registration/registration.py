"""Register a CT to X-rays: one call from views and a start to a pose with its verdict."""

import time

from surgical_perception.errors import InputError
from surgical_perception.geometry import frames, se3
from xray_registration.config import INITS, RegistrationConfig
from xray_registration.methods import METHODS
from xray_registration.pyramid import VolumePyramid


class Cancelled(Exception):
    """The caller's `cancelled` said to stop."""


def register(views, volume, start=None, config=None, cancelled=None):
    """
    Find the pose of the CT from one or several X-rays.

    views       list of View, at least one; several share the reference frame
    volume      AttenuationVolume, or a VolumePyramid to reuse its grids
    start       reference_from_ct [4, 4] (m); None searches around an AP position of the first view
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
        start = _standard_start(views[0], volumes.isocentre_m, config.source_to_isocentre_mm)
    start = se3.validated(start, 'the start pose')
    began = time.monotonic()

    def interrupt():
        if cancelled and cancelled():
            raise Cancelled
        return time.monotonic() - began > config.timeout_s

    return METHODS[config.method](views, volumes, start, config, interrupt, began)


def _standard_start(view, isocentre_m, source_to_isocentre_mm):
    """Return reference_from_ct for an AP shot with the CT's centre at the isocentre."""
    carm_from_ct = frames.carm_from_ct_at('AP', isocentre_m, source_to_isocentre_mm * 1e-3)
    return se3.inverse(view.camera_from_reference) @ carm_from_ct
