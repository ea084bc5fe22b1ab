"""
Sparse matches between frames that flow cannot bridge: rootSIFT and local affinity.

rootSIFT: Arandjelovic and Zisserman, CVPR 2012.  Ratio test: Lowe, IJCV 2004.
"""

from typing import NamedTuple

import cv2
import numpy as np
from scipy.spatial import cKDTree

_MAX_FEATURES = 1000
# OpenCV's 0.04 leaves 60 keypoints on 320x256 of tissue, this 900.
_CONTRAST = 0.01
_RATIO = 0.8

# A match must move as an affine map of its neighbours says, more and more exactly: with the last
# limit alone, the wrong matches among the neighbours would condemn right ones.
_NEIGHBOURS = 12
_AFFINE_LIMITS_PX = (12.0, 6.0, 2.5)


class Features(NamedTuple):
    """Keypoints uv [M, 2] float32 (pixels) and their rootSIFT descriptors [M, 128] float32."""

    uv: np.ndarray
    descriptors: np.ndarray


class SparseMatch(NamedTuple):
    """Pixels [M, 2] of the source, of the target, and deviation [M] (px) from local affinity."""

    pixels: np.ndarray
    targets: np.ndarray
    deviation_px: np.ndarray


def features(image, usable):
    """Return the Features of an RGB image [H, W, 3] where `usable` [H, W] is true."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    keypoints, sift = cv2.SIFT_create(_MAX_FEATURES, contrastThreshold=_CONTRAST).detectAndCompute(
        grey, usable.astype(np.uint8)
    )
    if not keypoints:
        return Features(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32))
    uv = np.array([k.pt for k in keypoints], np.float32)
    root = np.sqrt(sift / np.maximum(sift.sum(1, keepdims=True), 1e-12))
    return Features(uv, root.astype(np.float32))


def match(source, target):
    """Return the SparseMatch of two Features: ratio, mutual, and affine with the neighbours."""
    if min(len(source.uv), len(target.uv)) < 2:
        return _none()
    similarity = source.descriptors @ target.descriptors.T
    best = similarity.argmax(1)
    mutual = similarity.argmax(0)[best] == np.arange(len(best))
    nearest = np.partition(similarity, -2, 1)[:, -2:]
    second, first = np.sqrt(np.maximum(2 - 2 * nearest, 0)).T
    keep = mutual & (first < _RATIO * second)
    return affine_with_neighbours(source.uv[keep], target.uv[best[keep]])


def affine_with_neighbours(pixels, targets):
    """Return the SparseMatch of those matches [M, 2] that move as their neighbours do."""
    for limit in _AFFINE_LIMITS_PX:
        if len(pixels) <= _NEIGHBOURS:
            return _none()
        deviation = np.linalg.norm(targets - _predicted(pixels, targets), axis=1)
        keep = deviation < limit
        pixels, targets, deviation = pixels[keep], targets[keep], deviation[keep]
    return SparseMatch(pixels, targets, deviation)


def _predicted(pixels, targets):
    """Return where the least-squares affine maps of each match's neighbours send it, [M, 2]."""
    _, index = cKDTree(pixels).query(pixels, _NEIGHBOURS + 1)
    index = index[:, 1:]
    offset = (pixels[index] - pixels[:, None]).astype(float)
    design = np.concatenate([offset, np.ones_like(offset[..., :1])], -1)
    normal = design.transpose(0, 2, 1) @ design
    # Neighbours on a line leave the slope across it open: held at zero by this much.
    normal[:, [0, 1], [0, 1]] += 1.0
    moved = (targets - pixels)[index].astype(float)
    solution = np.linalg.solve(normal, design.transpose(0, 2, 1) @ moved)
    return (pixels + solution[:, 2]).astype(np.float32)


def _none():
    empty = np.zeros((0, 2), np.float32)
    return SparseMatch(empty, empty, np.zeros(0, np.float32))
