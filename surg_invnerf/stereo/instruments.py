"""
Instruments by their colour, where nobody gives a mask.

Steel and plastic are grey, lit tissue never is (Doignon et al., Real-Time Imaging 2005, segment
instruments by saturation too), and an instrument enters from the edge of what is lit.
"""

import cv2
import numpy as np

from surg_invnerf.stereo import masks

_GREY_SATURATION = 0.2
_SMOOTHING_PX = 5
# Smaller grey patches are highlights, bubbles or pale tissue.
_MIN_SHARE = 2e-3
# A patch that is bright nearly everywhere is glare that runs out of the image.
_MAX_BRIGHT_SHARE = 0.6
# More grey than this is smoke, a scope outside the body, or a grey camera: nothing can be said.
_MAX_SHARE = 0.6


def find_instruments(image):
    """Return [H, W] bool, true on instruments in an RGB image [H, W, 3] uint8; maybe nowhere."""
    smooth = cv2.medianBlur(image, _SMOOTHING_PX)
    brightest, darkest = masks.extremes(smooth)
    unlit = masks.unlit(smooth)
    grey = (brightest - darkest < _GREY_SATURATION * brightest) & ~unlit
    if grey.mean() > _MAX_SHARE:
        return np.zeros_like(grey)
    edge = masks.dilated(unlit)
    edge[[0, -1]] = edge[:, [0, -1]] = True
    count, labels = cv2.connectedComponents(grey.astype(np.uint8))
    pixels, bright, at_edge = (
        np.bincount(labels[where], minlength=count)
        for where in (grey, grey & masks.specular(image), grey & edge)
    )
    instrument = (at_edge > 0) & (pixels > _MIN_SHARE * grey.size)
    instrument &= bright < _MAX_BRIGHT_SHARE * pixels
    found = instrument[labels].astype(np.uint8)
    kernel = np.ones((_SMOOTHING_PX, _SMOOTHING_PX), np.uint8)
    return cv2.morphologyEx(found, cv2.MORPH_CLOSE, kernel) > 0
