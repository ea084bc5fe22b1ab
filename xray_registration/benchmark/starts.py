"""Starts beside a true pose, drawn about the isocentre in the axes of the camera."""

from dataclasses import dataclass

import numpy as np

from surgical_perception.geometry import se3


@dataclass(frozen=True)
class StartRange:
    """Half widths of the uniform errors of starts, per axis of the camera."""

    rotation_deg: float
    in_plane_mm: float
    depth_mm: float

    @property
    def name(self):
        """The half widths as text: '10 deg / 20 mm / 40 mm'."""
        return f'{self.rotation_deg:g} deg / {self.in_plane_mm:g} mm / {self.depth_mm:g} mm'

    def twist(self, rng):
        """Draw a twist [6] (m, rad) in camera axes."""
        v = rng.uniform(-1, 1, 3) * [self.in_plane_mm, self.in_plane_mm, self.depth_mm] * 1e-3
        return np.r_[v, np.deg2rad(rng.uniform(-1, 1, 3) * self.rotation_deg)]


# From what a planner or the last shot gives, to what hardly helps.
START_RANGES = (
    StartRange(10, 20, 40),
    StartRange(20, 40, 40),
    StartRange(30, 60, 60),
    StartRange(45, 90, 90),
)


def perturbed(carm_from_ct, isocentre_m, twist):
    """Move a pose by a twist [6] about the isocentre of the CT, in camera axes."""
    return se3.perturb(twist, carm_from_ct, se3.apply(carm_from_ct, np.asarray(isocentre_m)))


def starts(carm_from_ct, isocentre_m, start_range, per_pose, seed):
    """Draw starts [P, per_pose, 4, 4] around the true poses [P, 4, 4]."""
    rng = np.random.default_rng([seed, 1])
    return np.stack(
        [
            [perturbed(pose, isocentre_m, start_range.twist(rng)) for _ in range(per_pose)]
            for pose in carm_from_ct
        ]
    )
