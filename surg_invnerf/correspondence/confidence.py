"""How likely a correspondence is right: within one pixel of the truth."""

import numpy as np

# P(error < 1 px) = 1 / (1 + exp(-(a + b log(e + e0) + c log2(gap))))
_FLOW = (1.0, -1.5, -0.3)
_FLOOR_PX = 0.02
_SIFT_SCALE_PX = 3.0


def flow_confidence(error_px, gap):
    """Return the confidence [M] float32 of flow with forward-backward errors [M] over a gap."""
    a, b, c = _FLOW
    logit = a + b * np.log(error_px + _FLOOR_PX) + c * np.log2(gap)
    return (1 / (1 + np.exp(-logit))).astype(np.float32)


def keypoint_confidence(deviation_px):
    """Return the confidence [M] float32 of keypoints that deviate [M] from local affinity."""
    return (1 / (1 + np.square(deviation_px / _SIFT_SCALE_PX))).astype(np.float32)
