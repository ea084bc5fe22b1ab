"""What is wrong with a stereo pair, by name and in words."""

from enum import Enum

import cv2
import numpy as np

# A lens cap, a blue screen or a lost signal: one grey level once noise is averaged away.
_BLANK_SPREAD = 4.0
_BLOCK_PX = 8
# The median row offset that a match survives, and the one that a good calibration stays below.
_ROWS_LIMIT_PX, _ROWS_GOOD_PX = 1.0, 0.4
# Eyes of an endoscope see tissue at 250 mm at most: 5 pixels at 320 columns.
_SWAPPED_PX = -1.0
# Smoke leaves less than this between the dark and the bright twentieth of the grey levels.
_SMOKE_CONTRAST = 30.0
_MIN_MEASURED, _FEW_MEASURED = 0.05, 0.4


class Quality(Enum):
    """
    How a frame may be used; the value says it to people.

    GOOD and DEGRADED frames have an observation, a FROZEN one that of the frame before; all
    others have none.
    """

    GOOD = 'good'
    DEGRADED = 'degraded'
    FROZEN = 'the images stand still'
    BLANK = 'both images are blank'
    LEFT_LOST = 'the left image is blank'
    RIGHT_LOST = 'the right image is blank'
    SWAPPED = 'left and right are swapped'
    MISALIGNED = 'the rows of left and right differ'
    NO_STEREO = 'left and right do not match'
    WRONG_SIZE = 'the images do not have the size of the calibration'


def size_fault(frame, camera):
    """Return (Quality, reason) where an image has not the camera's size, else None."""
    expected = (camera.left.height, camera.left.width, 3)
    for eye, image in (('left', frame.left), ('right', frame.right)):
        if image.shape != expected:
            found = 'x'.join(map(str, image.shape[1::-1] + image.shape[2:]))
            return Quality.WRONG_SIZE, (
                f'the {eye} image is {found}, the calibration is for '
                f'{expected[1]}x{expected[0]}x3: publish the calibration of these images'
            )
    return None


def frozen_fault(frame, last):
    """Return (Quality, reason) where both images equal those of the frame before, else None."""
    if np.array_equal(frame.left, last.left) and np.array_equal(frame.right, last.right):
        return Quality.FROZEN, 'both images equal those before: has the video stopped?'
    return None


def content_fault(left, right):
    """Return (Quality, reason) where grey images [H, W] uint8 are no two views, else None."""
    blank = [_spread(_without_noise(image)) < _BLANK_SPREAD for image in (left, right)]
    if all(blank):
        return Quality.BLANK, 'both images are blank: is the light on and the cable in?'
    for eye, quality, is_blank in zip(
        ('left', 'right'), (Quality.LEFT_LOST, Quality.RIGHT_LOST), blank, strict=True
    ):
        if is_blank:
            return quality, f'the {eye} image is blank: the {eye} camera is lost or covered'
    if np.array_equal(left, right):
        return Quality.NO_STEREO, 'left and right are one image: subscribe to both eyes'
    return None


def alignment_fault(alignment):
    """Return (Quality, reason) where a measured Alignment makes depth wrong, else None."""
    if alignment.shift_px < _SWAPPED_PX:
        return Quality.SWAPPED, (
            f'the disparity is negative ({alignment.shift_px:.1f} px): left/right swapped?'
        )
    if abs(alignment.rows_px) > _ROWS_LIMIT_PX:
        return Quality.MISALIGNED, (
            f'the right image lies {alignment.rows_px:+.1f} rows off the left one: '
            'is the pair rectified, and with its own calibration?'
        )
    return None


def grade(left, alignment, measured_share):
    """Return (Quality, reason) of a pair whose stereo found a share of tissue; `left` is grey."""
    if measured_share < _MIN_MEASURED:
        return Quality.NO_STEREO, (
            f'stereo found {measured_share:.0%} of the pixels: are both images of one instant '
            'and of one scene, and is tissue in view?'
        )
    complaints = []
    contrast = _spread(left)
    if contrast < _SMOKE_CONTRAST:
        complaints.append(
            f'low contrast ({contrast:.0f} grey levels: smoke, a dirty lens or little light)'
        )
    if measured_share < _FEW_MEASURED:
        complaints.append(f'stereo found {measured_share:.0%} of the pixels only')
    if abs(alignment.rows_px) > _ROWS_GOOD_PX:
        complaints.append(f'rows are {alignment.rows_px:+.1f} px off: check the calibration')
    if complaints:
        return Quality.DEGRADED, '; '.join(complaints)
    return Quality.GOOD, ''


def _without_noise(image):
    size = [max(1, side // _BLOCK_PX) for side in image.shape[::-1]]
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _spread(image):
    """Return the grey levels between the dark and the bright twentieth of an image."""
    shares = np.cumsum(cv2.calcHist([image], [0], None, [256], [0, 256])) / image.size
    dark, bright = np.searchsorted(shares, (0.05, 0.95))
    return float(bright - dark)
