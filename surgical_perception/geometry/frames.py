"""
Named conventions between frames: LPS and RAS, image flips, C-arm positions.

The frames themselves (`patient`, `ct`, `ct_ras`, `carm_optical`) are described in
docs/conventions.md.
"""

import numpy as np

from surgical_perception.errors import InputError

FLIPS = ('none', 'horizontal', 'vertical', 'both')

# Rotation by pi about z: DICOM's left, posterior, superior to NIfTI's right, anterior, superior
RAS_FROM_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
LPS_FROM_RAS = RAS_FROM_LPS

# Axes of the optical frame in LPS, as columns x (right), y (down), z (to the detector).
_AXES_AT = {
    'AP': ([1, 0, 0], [0, 0, -1], [0, 1, 0]),
    'PA': ([-1, 0, 0], [0, 0, -1], [0, -1, 0]),
    'LAT_L': ([0, 1, 0], [0, 0, -1], [-1, 0, 0]),
    'LAT_R': ([0, -1, 0], [0, 0, -1], [1, 0, 0]),
}
POSITIONS = tuple(_AXES_AT)


def check_flip(flip):
    """Raise InputError unless `flip` is one of FLIPS."""
    if flip not in FLIPS:
        raise InputError(f'image_flip is {flip!r}, expected one of {", ".join(FLIPS)}')


def flip_image(image, flip):
    """Undo a mirrored detector: flip an image [H, W, ...] by the `image_flip` parameter."""
    check_flip(flip)
    if flip in ('horizontal', 'both'):
        image = image[:, ::-1]
    if flip in ('vertical', 'both'):
        image = image[::-1]
    return np.ascontiguousarray(image)


def carm_from_ct_at(position, isocentre_m, source_to_isocentre_m):
    """
    Return carm_from_ct [4, 4] for a standard C-arm position over an LPS `ct` frame.

    `position` is 'AP', 'PA', 'LAT_L' or 'LAT_R', the side that the rays enter being named first
    (AP: source in front of the patient; LAT_L: source at the patient's left).  The head is up
    in the image.  Raises InputError for another name.
    """
    if position not in _AXES_AT:
        raise InputError(
            f'C-arm position {position!r} is unknown, expected one of {", ".join(POSITIONS)}'
        )
    ct_from_carm = np.eye(4)
    ct_from_carm[:3, :3] = np.array(_AXES_AT[position], float).T
    ct_from_carm[:3, 3] = isocentre_m - source_to_isocentre_m * ct_from_carm[:3, 2]
    return np.linalg.inv(ct_from_carm)
