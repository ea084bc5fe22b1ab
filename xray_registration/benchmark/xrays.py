"""X-rays of a CT by a projector, an attenuation and a detector that are not the registration's."""

import dataclasses

import numpy as np

from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.simulation import siddon
from xray_registration.simulation.degrade import degrade
from xray_registration.simulation.obstructions import obstruct
from xray_registration.volume.attenuation import AttenuationConfig

SDD_MM = 1020.0
CAMERA = PinholeCamera.from_carm(256, 256, sdd_mm=SDD_MM, du_mm=1.16)

# Unlike the registration's mapping in every number: water, bone, and where air begins.
TARGET_ATTENUATION = AttenuationConfig(mu_water_per_m=20.6, lower_hu=-950.0, bone_multiplier=1.4)
# A windowed CT has no HU to map differently: its grey values are bent instead.
WINDOWED_GAMMA = 1.25

# The second shot: how far the C-arm is turned on its orbit, and how far off it about other axes.
_ORBIT_DEG, _OFF_ORBIT_DEG = (60.0, 90.0), 10.0


def ideal_line_integrals(ct, camera, carm_from_ct, attenuation=TARGET_ATTENUATION):
    """Return the line integrals [H, W] of a pose [4, 4] by Siddon's method, without a detector."""
    return siddon.project(bent(ct), camera, carm_from_ct, attenuation)


def raw_counts(line_integrals, degradation, obstructions, seed, index):
    """
    Turn ideal line integrals [H, W] into raw counts [H, W] uint16.

    degradation     DegradeConfig
    obstructions    ObstructionConfig, None where nothing stands in the beam
    index           a number or list of numbers that tells the X-rays of a seed apart
    """
    if obstructions is not None:
        rng = np.random.default_rng(np.r_[seed, 4, index])
        line_integrals, _ = obstruct(line_integrals, obstructions, rng)
    return degrade(line_integrals, degradation, np.random.default_rng(np.r_[seed, 3, index]))


def bent(ct):
    """Return the CT with another intensity mapping where HU do not allow for one."""
    if ct.is_hu:
        return ct
    low, span = float(ct.hu.min()), float(np.ptp(ct.hu))
    share = (ct.hu.astype(np.float32) - np.float32(low)) / np.float32(span)
    return dataclasses.replace(ct, hu=share ** np.float32(WINDOWED_GAMMA))


def second_from_first(source_to_isocentre_m, rng):
    """Draw the motion [4, 4] of the C-arm between two shots: a turn about its isocentre."""
    orbit_deg = rng.choice([-1, 1]) * rng.uniform(*_ORBIT_DEG)
    tilt_deg, roll_deg = rng.uniform(-_OFF_ORBIT_DEG, _OFF_ORBIT_DEG, 2)
    turn = np.deg2rad([tilt_deg, orbit_deg, roll_deg])
    isocentre = np.array([0.0, 0.0, source_to_isocentre_m])
    return se3.perturb(np.concatenate([np.zeros(3), turn]), np.eye(4), isocentre)
