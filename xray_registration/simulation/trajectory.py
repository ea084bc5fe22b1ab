"""A C-arm that is moved around the patient while it images: smooth poses with stamps."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from surgical_perception.geometry.frames import carm_from_ct_at


@dataclass(frozen=True)
class OrbitConfig:
    """One swing of a C-arm and its detector; angles and travel are half widths."""

    frames: int = 40
    rate_hz: float = 5.0
    position: str = 'AP'  # about which the C-arm swings, as `carm_from_ct_at` names it
    orbital_deg: float = 25.0  # about the patient's long axis
    cranial_deg: float = 8.0  # towards head and feet
    travel_mm: float = 12.0  # of the isocentre, by table and column
    source_to_isocentre_mm: float = 700.0
    sdd_mm: float = 1020.0
    image_size: int = 256
    detector_mm: float = 297.0

    @property
    def camera(self):
        """The square, centred PinholeCamera of the detector."""
        pixel_mm = self.detector_mm / self.image_size
        return PinholeCamera.from_carm(self.image_size, self.image_size, self.sdd_mm, pixel_mm)


@dataclass(frozen=True)
class StampedPose:
    """Pose of the X-ray camera [4, 4] (m) at the time of one image."""

    stamp_ns: int
    patient_from_carm: np.ndarray


def orbit(isocentre_m, config, start_ns=0):
    """
    Return config.frames StampedPose of a C-arm that swings about a point of the patient.

    `isocentre_m` [3] in the patient frame, whose axes point left, posterior, superior.  The path
    is closed and analytic (sines), so that positions, velocities and accelerations are smooth.
    Raises InputError for a path without frames or with a detector in front of the isocentre.
    """
    if config.frames < 1 or config.rate_hz <= 0:
        raise InputError(
            f'the orbit has {config.frames} frames at {config.rate_hz:g} Hz: both must be positive'
        )
    if not 0 < config.source_to_isocentre_mm < config.sdd_mm:
        raise InputError(
            f'source to isocentre is {config.source_to_isocentre_mm:g} mm, expected '
            f'between 0 and the source-detector distance of {config.sdd_mm:g} mm'
        )
    isocentre_m = np.asarray(isocentre_m, float)
    nominal = se3.inverse(
        carm_from_ct_at(config.position, isocentre_m, config.source_to_isocentre_mm * 1e-3)
    )
    period_ns = 1e9 / config.rate_hz
    return [
        StampedPose(
            start_ns + round(i * period_ns),
            _moved(nominal, isocentre_m, config, 2 * np.pi * i / config.frames),
        )
        for i in range(config.frames)
    ]


def _moved(nominal, isocentre_m, config, phase):
    """
    Swing a pose about the isocentre by the settings' share at `phase`.

    The components run at different multiples of the phase: a path that excites all six degrees
    of freedom, unlike a circle, shows errors in every one of them.
    """
    orbital = config.orbital_deg * np.sin(phase)
    cranial = config.cranial_deg * np.sin(2 * phase)
    travel = config.travel_mm * 1e-3 * np.sin(phase * np.array([1, 3, 2]))
    motion = np.eye(4)
    motion[:3, :3] = Rotation.from_euler('ZX', [orbital, cranial], degrees=True).as_matrix()
    motion[:3, 3] = isocentre_m + travel - motion[:3, :3] @ isocentre_m
    return motion @ nominal
