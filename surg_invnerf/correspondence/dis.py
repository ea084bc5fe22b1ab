"""Dense inverse search by OpenCV: flow that needs no weights (Kroeger et al., ECCV 2016)."""

import cv2
import numpy as np

from surg_invnerf.correspondence.provider import DenseMatch, Provider, require_same_size
from surgical_perception.errors import InputError

# Wider images are matched at half size: DIS costs 50 ms at 640x512, four times that at 1280x1024.
_FULL_SIZE_WIDTH = 640

_CLAHE_TILES = (8, 8)


class Dis(Provider):
    """
    DIS with the preset `medium`, on luminance.

    clahe           clip limit of an adaptive histogram equalisation before; 0 for none
    initialise      whether an initial flow is used.  On synthetic tissue it finds more of what is
                    hidden, and no better flow.
    Raises InputError for a clip limit that is none.
    """

    def __init__(self, clahe=0.0, initialise=False):
        if not isinstance(clahe, int | float) or not clahe >= 0:
            raise InputError(f'clahe is {clahe!r}, expected a clip limit such as 2, or 0 for none')
        self.uses_initial = initialise
        self._clahe = cv2.createCLAHE(clahe, _CLAHE_TILES) if clahe > 0 else None
        # Two of them: one that was ever given an initial flow takes it for later pairs as well.
        self._fresh, self._guided = (
            cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM) for _ in range(2)
        )

    def match(self, source, target, initial=None):
        """Return the DenseMatch; it has no opinion on itself."""
        height, width = require_same_size(source, target)
        factor = 2 if width > _FULL_SIZE_WIDTH else 1
        size = (width // factor, height // factor)
        images = self._grey(source, size), self._grey(target, size)
        if initial is None or not self.uses_initial:
            flow = self._fresh.calc(*images, None)
        else:
            flow = self._guided.calc(*images, np.nan_to_num(_resized(initial, size)))
        return DenseMatch(_resized(flow, (width, height)))

    def _grey(self, frame, size):
        grey = cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY)
        if size != (grey.shape[1], grey.shape[0]):
            grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        return grey if self._clahe is None else self._clahe.apply(grey)


def _resized(flow, size):
    height, width = flow.shape[:2]
    if size == (width, height):
        return flow
    scale = np.array([size[0] / width, size[1] / height], np.float32)
    return cv2.resize(flow, size, interpolation=cv2.INTER_LINEAR) * scale
