"""
Which direction the X-rays do not see, and which C-arm rotation would show it.

The information of a second shot is predicted from DRRs: a DRR compared with itself has the
Hessian that a perfect shot from there would have.  The same quantity at the present pose, set
against the covariance that was reached, says how much of it real images deliver.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from surgical_perception.geometry import se3
from xray_registration.covariance import is_known
from xray_registration.similarity import LocalNcc
from xray_registration.solvers.levenberg_marquardt import is_ill_conditioned

# Rotations of the C-arm about the isocentre, in degrees: orbital about the patient's long axis (z
# of `ct`), cranial about the axis from right to left (x of `ct`).  Less than 30 degrees adds
# little, and more cranial tilt than that meets the table.
_ROTATIONS = (
    ('orbital', 2, (30, -30, 60, -60, 90, -90)),
    ('cranial', 0, (30, -30)),
)

# Where the source goes, by the axis of `ct` (DICOM LPS) and the sign of its motion.
_SIDES = (('right', 'left'), ('front', 'back'), ('feet', 'head'))

# An angle that leaves no more than this factor of the best one's sigma is as good, and the
# smaller rotation is the easier one.
_AS_GOOD = 1.15

# What is less certain than a registration is expected to be counts as not seen.
_UNSEEN_MM = 1.0

# A shot that leaves more than this share is not worth its dose.
_NO_HELP = 0.7

# A rotation counts as the motion of a point this far from the isocentre, the size of a vertebra.
_LEVER_M = 0.05

# A direction in which a coordinate has at least this share is called by its name.
_MOSTLY = 0.8


class SecondShot(NamedTuple):
    """A C-arm rotation, and the largest sigma that a second shot there would leave."""

    motion: str  # 'orbital' or 'cranial'
    angle_deg: float
    towards: str  # the side of the patient to which the source moves
    sigma_mm: float


@dataclass(frozen=True)
class Observability:
    """
    The least certain direction of a registered pose, and what would help.

    direction   of motion of the CT, in words
    sigma_mm    its standard deviation (rotations as the motion of a point 50 mm off)
    views       how many views were registered
    advice      SecondShot; None where every direction is certain or none would help
    """

    direction: str
    sigma_mm: float
    views: int
    advice: SecondShot | None

    def text(self):
        """Return one sentence for people."""
        unseen = self.sigma_mm >= _UNSEEN_MM
        who = 'this view does not see' if self.views == 1 else 'these views do not see'
        text = f'{who if unseen else "least certain is"} {self.direction}'
        text += f' (sigma {self.sigma_mm:.2g} mm)'
        if self.advice is None:
            return text
        shot = self.advice
        return text + (
            f'; a {"second" if self.views == 1 else "further"} shot {shot.angle_deg:.0f} deg '
            f'{shot.motion}, source towards the {shot.towards}, would leave {shot.sigma_mm:.2g} mm'
        )


def observability(request, objective, ct_from_reference, twist_covariance):
    """Return the Observability of a pose [4, 4] by the LevelObjective that predicts shots."""
    carm_from_ct = request.camera_from_reference @ se3.inverse(ct_from_reference)
    sigma_mm, direction = _least_certain(twist_covariance, carm_from_ct)
    advice = None
    if sigma_mm > request.config.gate.advise_above_mm and is_known(twist_covariance):
        advice = _best_shot(objective, request, ct_from_reference, twist_covariance)
        if advice and advice.sigma_mm > _NO_HELP * sigma_mm:
            advice = None
    return Observability(direction, sigma_mm, len(objective.terms), advice)


def _least_certain(twist_covariance, carm_from_ct):
    """Return (sigma in mm, words) of the direction [6] that is known least."""
    turn = np.zeros((6, 6))
    turn[:3, :3] = turn[3:, 3:] = carm_from_ct[:3, :3]
    scale = np.diag([1, 1, 1, _LEVER_M, _LEVER_M, _LEVER_M])
    values, vectors = np.linalg.eigh(scale @ turn @ twist_covariance @ turn.T @ scale)
    shift, rotation = vectors[:3, -1], vectors[3:, -1]
    turns = np.linalg.norm(rotation) > np.linalg.norm(shift)
    names = _TURNS if turns else _SHIFTS
    axis = np.abs(rotation if turns else shift)
    axis /= np.linalg.norm(axis)
    largest = int(np.argmax(axis))
    words = names[largest] if axis[largest] >= _MOSTLY else names[3]
    return 1e3 * float(np.sqrt(max(values[-1], 0))), words


_SHIFTS = (
    'from left to right in the image',
    'up and down in the image',
    'along the beam',
    'along an oblique direction',
)
_TURNS = (
    "a turn about the image's horizontal axis",
    "a turn about the image's vertical axis",
    'a turn about the beam',
    'a turn about an oblique axis',
)


def _best_shot(objective, request, ct_from_reference, twist_covariance):
    """Return the SecondShot that leaves the least, or None where none can be predicted."""
    term = objective.terms[0]
    here = _information(objective, term, ct_from_reference)
    if here is None:
        return None
    # The Hessian of one unit of log likelihood, from what was reached with what there is.
    unit = float(np.trace(here @ twist_covariance)) / 6 * len(objective.terms)
    known = np.linalg.inv(twist_covariance)
    carm_from_ct = request.camera_from_reference @ se3.inverse(ct_from_reference)
    shots = []
    for motion, axis, angles_deg in _ROTATIONS:
        for angle_deg in angles_deg:
            twist = np.zeros(6)
            twist[3 + axis] = np.deg2rad(angle_deg)
            moved = se3.perturb(twist, ct_from_reference, request.isocentre_m)
            added = _information(objective, term, moved)
            if added is not None:
                sigma_mm, _ = _least_certain(np.linalg.inv(known + added / unit), carm_from_ct)
                towards = _side(term, ct_from_reference, moved)
                shots.append(SecondShot(motion, abs(angle_deg), towards, sigma_mm))
    best = min((shot.sigma_mm for shot in shots), default=np.inf)
    good = [shot for shot in shots if shot.sigma_mm <= _AS_GOOD * best]
    return min(good, key=lambda shot: (shot.angle_deg, shot.sigma_mm), default=None)


def _side(term, ct_from_reference, moved):
    """Return the side of the patient to which the source moves between two poses [4, 4]."""
    reference_from_carm = se3.inverse(term.camera_from_reference)
    step = ((moved - ct_from_reference) @ reference_from_carm)[:3, 3]
    # A quarter of a turn moves as far to the back: the sideward motion names it.
    axis = int(np.argmax(np.abs(step) > 0.7 * np.abs(step).max()))
    return _SIDES[axis][int(step[axis] > 0)]


def _information(objective, term, ct_from_reference):
    """Return the Hessian [6, 6] of a DRR compared with itself, in the twist's `ct` axes."""
    rendering = objective.render_term(term._replace(mask=None), ct_from_reference)
    image = rendering.image[0]
    similarity = LocalNcc(image, np.ones(image.shape, bool))
    hessian = similarity.linearise(image, rendering.jacobian[0]).hessian
    return None if is_ill_conditioned(hessian) else hessian
