"""The consensus pose of a bone: what a search from all around ends in."""

import dataclasses

import numpy as np
from scipy.spatial.transform import Rotation
from wrist_data import seen_in_reference_m

from surgical_perception.geometry import se3
from xray_registration.methods import lm
from xray_registration.methods.request import Request
from xray_registration.objective import LevelObjective
from xray_registration.pyramid import VolumePyramid
from xray_registration.volume.attenuation import attenuation_from_ct

_SPINS_DEG = range(0, 360, 15)
# What ends farther away than this has left the images, or lies on another bone.
_FAR_M = 0.04
_GO_ON, _FINISH = 12, 2
# The distal end as it was seen is the middle of so many pages of the stack.
_END_PAGES = 20


class Bone:
    """One bone at one instant, its X-rays and volumes ready for many starts."""

    def __init__(self, ct, views, config):
        self.ct, self.views, self.config = ct, views, config
        self.volumes = VolumePyramid(attenuation_from_ct(ct))
        self._levels = [
            LevelObjective(views, self.volumes, level, config) for level in config.levels
        ]

    def estimate(self, start, levels=None, init='multistart'):
        """Return (reference_from_ct [4, 4], cost) from a start, after the first `levels`."""
        request = Request(
            self.views,
            self.volumes,
            self._levels[:levels],
            self.views[0].camera_from_reference,
            start,
            self.ct.isocentre_m,
            dataclasses.replace(self.config, levels=self.config.levels[:levels], init=init),
            lambda: False,
        )
        estimate = lm.estimate(request)
        return se3.inverse(estimate.ct_from_reference), estimate.model.cost


def consensus(bone, name, instant):
    """
    Return (reference_from_ct [4, 4], cost): the lowest of a search around the shaft.

    The bone is put with its distal end and shaft where SEEN_PX says and spun about the shaft by 15
    degrees at a time; the best few are searched around.
    """
    found = []
    for spin in _SPINS_DEG:
        start = _start(bone.ct, name, instant, spin)
        pose, cost = bone.estimate(start, 1, 'start')
        points = [se3.apply(pose, bone.ct.isocentre_m), se3.apply(start, bone.ct.isocentre_m)]
        if np.linalg.norm(points[0] - points[1]) < _FAR_M and np.isfinite(cost):
            found.append((pose, cost))
    found.sort(key=lambda end: end[1])
    fine = [bone.estimate(pose, init='start') for pose, _ in found[:_GO_ON]]
    fine.sort(key=lambda end: end[1])
    return min((bone.estimate(pose) for pose, _ in fine[:_FINISH]), key=lambda end: end[1])


def _start(ct, name, instant, spin_deg):
    """Return reference_from_ct [4, 4] with the bone where it was seen, spun about its shaft."""
    distal, shaft = seen_in_reference_m(name, instant)
    filled = np.argwhere(ct.hu > 0)[:, ::-1]
    points = se3.apply(ct.ct_from_index, filled.astype(float))
    axis = np.linalg.svd(points[::50] - points.mean(0), full_matrices=False)[2][0]
    axis *= np.sign(axis[2])  # pages run from distal to proximal
    end = points[filled[:, 2] < filled[:, 2].min() + _END_PAGES].mean(0)
    along = (shaft - distal) / np.linalg.norm(shaft - distal)
    turn, _ = Rotation.align_vectors([along], [axis])
    rotation = (Rotation.from_rotvec(np.deg2rad(spin_deg) * along) * turn).as_matrix()
    return se3.from_rotation_translation(rotation, distal - rotation @ end)
