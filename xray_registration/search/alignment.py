"""Alignment of DRRs to X-rays by template matching: translations without a search."""

from typing import NamedTuple

import cv2
import numpy as np

from surgical_perception.geometry import se3
from xray_registration.drr import render
from xray_registration.pyramid import bin_factor, binned_view

# Nearer to the source than this nothing is imaged; a start behind it has no shift either.
_NEAREST_M = 0.01


class Aligned(NamedTuple):
    """A pose that was shifted into place, and the mean over views of its NCC there."""

    reference_from_ct: np.ndarray
    score: float


class Aligner:
    """
    Finds the translation at which the DRRs of a hypothesis correlate best with the X-rays.

    One rendering per view suffices: a translation shifts the DRR, so that one template matching
    scores all of them.  What it does to the magnification is left out.  One view gives the two
    translations in its plane; several views, whose shifts one translation explains, all three.
    """

    def __init__(self, views, volumes, level, config):
        """Take Views, a VolumePyramid, the PyramidLevel to match at and the configuration."""
        self._volume = volumes.at(level.voxel_mm)
        self._isocentre_m = volumes.isocentre_m
        self._backend = config.backend
        self._views = [
            (*binned_view(view, bin_factor(view.camera, level.image_size)), view) for view in views
        ]
        box = config.multistart
        depth_mm = box.depth_mm if len(views) > 1 else 0.0
        self._half_m = 1e-3 * np.array([box.in_plane_mm, box.in_plane_mm, depth_mm])

    def __call__(self, reference_from_ct):
        """Shift a pose [4, 4] parallel to the first view's axes; return the Aligned."""
        *_, camera, first = self._views[0]
        depth_m = se3.apply(first.camera_from_reference @ reference_from_ct, self._isocentre_m)[2]
        shifts_m = self._shifts(max(depth_m, _NEAREST_M) / camera.fx)
        turn = first.camera_from_reference[:3, :3].T
        shifts_in_reference_m = shifts_m @ turn.T
        scores = np.mean(
            [
                self._scores(*binned, reference_from_ct, shifts_in_reference_m)
                for binned in self._views
            ],
            axis=0,
        )
        best = int(np.argmax(scores))
        shifted = reference_from_ct.copy()
        shifted[:3, 3] += shifts_in_reference_m[best]
        return Aligned(shifted, float(scores[best]))

    def _shifts(self, pixel_m):
        """Return the translations [N, 3] (m) under test, a pixel apart, in the camera's axes."""
        counts = np.floor(self._half_m / pixel_m)
        axes = [pixel_m * np.arange(-n, n + 1) for n in counts]
        return np.stack(np.meshgrid(*axes, indexing='ij'), -1).reshape(-1, 3)

    def _scores(self, image, mask, camera, view, reference_from_ct, shifts_m):
        """Return the NCC [N] of one view at each shift; -1 where the DRR is flat or left out."""
        carm_from_ct = view.camera_from_reference @ reference_from_ct
        centre = se3.apply(carm_from_ct, self._isocentre_m)
        moved = centre + shifts_m @ view.camera_from_reference[:3, :3].T
        scores = np.full(len(shifts_m), -1.0)
        in_front = np.flatnonzero(moved[:, 2] > _NEAREST_M)
        if centre[2] <= _NEAREST_M or in_front.size == 0:
            return scores
        pixels = np.rint(camera.project(moved[in_front]) - camera.project(centre)).astype(int)
        # A shift by more than the image leaves nothing of it to compare.
        right, down = np.minimum(np.abs(pixels).max(0), (camera.width, camera.height))
        wide = camera.cropped(-right, -down, camera.width + 2 * right, camera.height + 2 * down)
        drr = render(self._volume, wide, carm_from_ct, backend=self._backend).image[0]
        found = cv2.matchTemplate(drr, image, cv2.TM_CCOEFF_NORMED, mask=mask.astype(np.float32))
        # A flat DRR has an infinite NCC or none.
        found = np.where(np.isfinite(found), found, -1.0)
        u, v = right - pixels[:, 0], down - pixels[:, 1]
        inside = (u >= 0) & (u <= 2 * right) & (v >= 0) & (v <= 2 * down)
        scores[in_front[inside]] = found[v[inside], u[inside]]
        return scores
