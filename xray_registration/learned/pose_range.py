"""Poses that a network is trained on: C-arm positions and how far around them."""

from dataclasses import dataclass

import numpy as np
import torch

from surgical_perception.geometry import frames, se3


@dataclass(frozen=True)
class PoseRange:
    """
    Where the C-arm may stand: uniformly within these half widths around its positions.

    What lies beyond was never seen in training; the card of the weights repeats these numbers.
    """

    positions: tuple[str, ...] = ('AP',)
    rotation_deg: float = 30.0  # about each axis through the isocentre
    in_plane_mm: float = 60.0
    depth_mm: float = 60.0
    source_to_isocentre_mm: float = 750.0

    def half_widths(self):
        """Return the half widths as a twist [6] (m, rad) in the camera's axes."""
        lateral, depth = 1e-3 * self.in_plane_mm, 1e-3 * self.depth_mm
        turn = np.deg2rad(self.rotation_deg)
        return np.array([lateral, lateral, depth, turn, turn, turn])

    def draw(self, count, isocentre_m, rng):
        """Return carm_from_ct [count, 4, 4] (m)."""
        distance_m = 1e-3 * self.source_to_isocentre_mm
        at_isocentre = np.array([0.0, 0.0, distance_m])
        poses = []
        for _ in range(count):
            position = self.positions[rng.integers(len(self.positions))]
            nominal = frames.carm_from_ct_at(position, isocentre_m, distance_m)
            twist = self.half_widths() * rng.uniform(-1, 1, 6)
            # One after the other: together, the turn would bend the shift out of its range.
            turned = se3.perturb(np.r_[0, 0, 0, twist[3:]], nominal, at_isocentre)
            turned[:3, 3] += twist[:3]
            poses.append(turned)
        return np.stack(poses)

    def contains(self, carm_from_ct, isocentre_m):
        """Whether the isocentre of a pose [4, 4] lies where training poses had it."""
        centre = se3.apply(carm_from_ct, isocentre_m)
        away = np.abs(centre - [0, 0, 1e-3 * self.source_to_isocentre_mm])
        return bool((away <= self.half_widths()[:3] + 1e-9).all())


def tensor(poses, device='cpu'):
    """Return poses [B, 4, 4] as a float32 tensor."""
    return torch.as_tensor(np.asarray(poses), dtype=torch.float32, device=device)
