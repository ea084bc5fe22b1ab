"""What every method has to do, whatever it does it by."""

from dataclasses import replace

import numpy as np

from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.config import GateConfig, MaskConfig, PyramidLevel, RegistrationConfig
from xray_registration.registration import register

CAMERA = PinholeCamera.from_carm(128, 128, sdd_mm=1000.0, du_mm=1.2)
LEVELS = (
    PyramidLevel(32, 6.0, 'global_ncc', 25),
    PyramidLevel(64, 3.0, 'local_ncc', 20),
    PyramidLevel(128, 3.0, 'local_ncc', 12, patch=9),
)


def moved(reference_from_ct, volumes, shift_mm, turn_deg):
    """Move a pose about the isocentre, by mm and degrees along and about the camera's axes."""
    twist = np.concatenate([1e-3 * np.array(shift_mm), np.deg2rad(turn_deg)])
    return se3.perturb(twist, reference_from_ct, se3.apply(reference_from_ct, volumes.isocentre_m))


def registered(method, views, volumes, start, **settings):
    """Register with a short pyramid and no look at the mirrored X-ray."""
    config = RegistrationConfig(
        method=method,
        init='start',
        levels=LEVELS,
        search_levels=2,
        masks=MaskConfig(automatic=False),
        gate=GateConfig(test_mirrored=False, advise=False),
        timeout_s=600.0,
    )
    return register(views, volumes, start, config=replace(config, **settings))


def errors(result, truth, volumes):
    """Return (isocentre's shift in mm [3] along the camera's axes, rotation in degrees)."""
    found = se3.apply(result.reference_from_ct, volumes.isocentre_m)
    shift_mm = 1e3 * (found - se3.apply(truth, volumes.isocentre_m))
    turn = se3.rotation_angle(result.reference_from_ct @ se3.inverse(truth))
    return shift_mm, np.rad2deg(turn)
