"""
The C-arm's angles about the patient, as DICOM has them: pose, mirroring and roll.

Positioner angles are those of the detector about the patient (DICOM PS3.3 C.8.7.5.1.2): 0 and 0
in front of the chest, the primary one like a longitude (+90 at the patient's left, LAO), the
secondary one like a latitude (+90 at the head, cranial).  With the detector in front, the source
sees the patient's left on its left, whereas a screen usually shows the patient as one who faces
him: mirrored.  Only PatientOrientation tells, together with the angles.
"""

import numpy as np

from surgical_perception.geometry import se3

# The directions of PatientOrientation in LPS (PS3.3 C.7.6.1.1.1).
_DIRECTIONS = {
    'L': (1, 0, 0),
    'R': (-1, 0, 0),
    'P': (0, 1, 0),
    'A': (0, -1, 0),
    'H': (0, 0, 1),
    'F': (0, 0, -1),
}

# Below it the rows and columns as named do not span the image plane: at 90 degrees, the patient's
# left lies along the rays, and an orientation L\F written by habit says nothing.
_MIN_SPAN = 0.3


def camera_from_isocentre(primary_deg, secondary_deg, source_to_isocentre_m):
    """
    Return the pose [4, 4] (m) of the pinhole with the patient's head up in the image.

    The isocentre's axes are the patient's: left, posterior, head (LPS).
    """
    a, b = np.deg2rad([primary_deg, secondary_deg])
    to_detector = np.array([np.sin(a) * np.cos(b), -np.cos(a) * np.cos(b), np.sin(b)])
    # Where the detector goes when the secondary angle grows: towards the head.
    down = -np.array([-np.sin(a) * np.sin(b), np.cos(a) * np.sin(b), np.cos(b)])
    rotation = np.stack([np.cross(down, to_detector), down, to_detector])
    return se3.from_rotation_translation(rotation, [0, 0, source_to_isocentre_m])


def flip_and_roll(camera_from_patient, row_code, column_code):
    """
    Return (flip, roll_deg) of an image whose rows and columns run as PatientOrientation says.

    camera_from_patient   [4, 4], of which the rotation counts
    row_code              direction of increasing columns, such as 'L' or 'LP'
    column_code           direction of increasing rows, such as 'F'

    `flip` is 'horizontal' for a mirrored image, else 'none'; `roll_deg` (a multiple of 90) is how
    far the unflipped image's x axis is turned from that of the camera towards its y axis.
    Returns (None, 0) where the codes are unknown or contradict the pose.
    """
    try:
        row, column = (_direction(code) for code in (row_code, column_code))
    except KeyError:
        return None, 0
    row, column = (camera_from_patient[:2, :3] @ v for v in (row, column))
    span = row[0] * column[1] - row[1] * column[0]
    if abs(span) < _MIN_SPAN:
        return None, 0
    if span < 0:
        row = -row
    roll_deg = 90 * round(np.rad2deg(np.arctan2(row[1], row[0])) / 90) % 360
    return ('none' if span > 0 else 'horizontal'), roll_deg


def rolled(camera_from_reference, roll_deg):
    """Return the pose of a camera whose image axes are turned by `roll_deg` from x to y."""
    c, s = np.cos(np.deg2rad(roll_deg)), np.sin(np.deg2rad(roll_deg))
    turn = np.eye(4)
    turn[:2, :2] = [[c, s], [-s, c]]
    return turn @ camera_from_reference


def _direction(code):
    """Return the unit vector of a code; later letters count less: LP is more left than back."""
    vector = sum(
        np.array(_DIRECTIONS[letter], float) / 2**place for place, letter in enumerate(code)
    )
    return vector / np.linalg.norm(vector)
