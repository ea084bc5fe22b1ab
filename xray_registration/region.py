"""
Where X-ray and DRR are compared: around the projected CT, and not past where it is cut off.

A CT that holds one segmented bone explains nothing of a full X-ray but that bone and what lies
against it, so they are compared only near the projection, which is drawn anew as the pose moves.
A CT that was cut out of a body lacks what lies beyond its faces: rays that would meet it are left
out.
"""

from typing import NamedTuple

import cv2
import numpy as np

from surgical_perception.geometry import se3
from xray_registration.volume.attenuation import AttenuationVolume

# A ray with less attenuation than 2 mm of water has not met the CT; one that would meet more
# than that beyond a cut face is left out.
COVERED = 0.05

# Less than a tenth of water is air, foam of the table or lung noise: no body is cut off there.
# Nor is one where it only touches a face, as bones touch those of a stack that is cropped to them.
_BODY_PER_M = 2.7
_CUT_M2 = 20e-6

# How far a cut body is taken to go on, at most, and at most as far as it is long.  C-arm rays are
# so flat to the faces of a trunk that they leave the continued body within this length or are in
# air.
_REACH_M = 0.2

# Longer side of the picture in which the projection is looked for before it is drawn finely.
_ROUGH_SIZE = 128

# Below this many pixels a comparison says nothing: a 5x5 window and its surroundings.
_MIN_PIXELS = 50


class Window(NamedTuple):
    """What one view shows at one level: [h, w] image and mask, and the camera of that crop."""

    image: np.ndarray
    mask: np.ndarray
    camera: object

    def cropped(self, mask):
        """Return the Window with another mask [h, w], cut to where that is True."""
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        top, bottom = int(rows[0]), int(rows[-1]) + 1
        left, right = int(columns[0]), int(columns[-1]) + 1
        return Window(
            np.ascontiguousarray(self.image[top:bottom, left:right]),
            np.ascontiguousarray(mask[top:bottom, left:right]),
            self.camera.cropped(left, top, right - left, bottom - top),
        )


def continuation(volume, coarse):
    """
    Return what the CT lacks: its border slices carried on outwards, nothing in between.

    volume    AttenuationVolume whose faces are looked at: a coarse one is blurred up to its faces
    coarse    the same on the grid that the continuation shall have

    Only faces that cut a body are carried on.  Returns an AttenuationVolume, or None where every
    face is in air.
    """
    mu = coarse.mu_per_m
    reach_m = min(_REACH_M, float((volume.spacing_m * np.array(volume.size)).max()))
    count = np.ceil(reach_m / coarse.spacing_m[::-1]).astype(int)
    pads = [
        tuple(int(n) * _is_cut(volume, axis, end) for end in (0, -1))
        for axis, n in enumerate(count)
    ]
    if not np.any(pads):
        return None
    beyond = np.pad(mu, pads, mode='edge')
    beyond[tuple(slice(low, low + n) for (low, _), n in zip(pads, mu.shape, strict=True))] = 0
    shift = np.eye(4)
    shift[:3, 3] = [-low for low, _ in reversed(pads)]
    return AttenuationVolume(beyond, coarse.ct_from_index @ shift)


def _is_cut(volume, axis, end):
    """Whether a body goes on beyond one face; `axis` counts z, y, x."""
    pixel_m2 = np.prod(np.delete(volume.spacing_m[::-1], axis))
    return bool((np.take(volume.mu_per_m, end, axis) > _BODY_PER_M).sum() * pixel_m2 > _CUT_M2)


def left_out(window, carm_from_ct, beyond, draw):
    """Return the Window without the rays that meet the body `beyond` the CT's faces."""
    missing = draw(beyond, window.camera, carm_from_ct, window.mask) > COVERED
    kept = window.mask & ~missing
    return window._replace(mask=kept) if kept.sum() >= _MIN_PIXELS else window


def around_projection(window, carm_from_ct, isocentre_m, volume, margin_m, draw):
    """
    Return the Window within a margin of the projected CT, cropped to it.

    margin_m    measured at the isocentre's depth
    draw        (volume, camera, carm_from_ct, mask) -> DRR [h, w]

    A projection that the window does not show leaves the window as it is: nothing there will
    match, which is what the gate is to see.
    """
    depth_m = max(se3.apply(carm_from_ct, isocentre_m)[2], 1e-3)
    margin_px = margin_m * window.camera.fx / depth_m
    rough = window.mask & _roughly_near(window.camera, carm_from_ct, volume, margin_px, draw)
    if rough.sum() < _MIN_PIXELS:
        return window
    window = window.cropped(rough)
    projected = draw(volume, window.camera, carm_from_ct, None) > COVERED
    near = window.mask & _within(projected, margin_px)
    return window.cropped(near) if near.sum() >= _MIN_PIXELS else window


def _roughly_near(camera, carm_from_ct, volume, margin_px, draw):
    """Return where the projection or its margin may be [h, w] bool: more than it is."""
    factor = -(-max(camera.width, camera.height) // _ROUGH_SIZE)
    small = draw(volume, camera.binned(factor), carm_from_ct, None) > 0
    near = _within(small, margin_px / factor + 2).astype(np.uint8)
    size = (near.shape[1] * factor, near.shape[0] * factor)
    near = cv2.resize(near, size, interpolation=cv2.INTER_NEAREST)
    # What fills no block at the right and bottom goes with its neighbours.
    missing = ((0, camera.height - size[1]), (0, camera.width - size[0]))
    return np.pad(near, missing, mode='edge') > 0


def _within(mask, distance_px):
    """Return where a mask [h, w] is True or not farther away than a distance."""
    if not mask.any():
        return mask
    outside = (~mask).astype(np.uint8)
    return cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) <= distance_px


def share_in_view(window, carm_from_ct, volume, draw):
    """Return the share of the projected CT that falls on usable pixels of a whole Window."""
    camera = window.camera
    # Half an image around it: what falls farther out has left the image anyway.
    right, down = camera.width // 2, camera.height // 2
    wide = camera.cropped(-right, -down, camera.width + 2 * right, camera.height + 2 * down)
    projected = draw(volume, wide, carm_from_ct, None) > COVERED
    seen = projected[down : down + camera.height, right : right + camera.width] & window.mask
    return float(seen.sum() / max(projected.sum(), 1))
